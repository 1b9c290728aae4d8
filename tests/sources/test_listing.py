from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import SourceDataError
from headgate.sources.file_proof import prove
from headgate.sources.listing import SourceFile, compare, list_files, sha256_of, shown

RANKS = st.integers(0, 5)


def test_a_path_with_glob_signs_that_exists_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").write_text("x")
    (tmp_path / "a1.csv").write_text("x")
    os.utime(tmp_path / "a1.csv", (1, 1))
    assert [file.path for file in list_files("a[1].csv", tmp_path, table="s.t")] == ["a[1].csv"]
    assert [file.path for file in list_files("a*.csv", tmp_path, table="s.t")] == ["a1.csv", "a[1].csv"]


def test_a_content_that_differs_is_found_although_size_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1")
    known = [{"path": "a.csv", "size": 1, "mtime_ns": 0, "sha256": sha256_of(str(path))}]
    (present,) = compare(list_files("a.csv", tmp_path, table="s.t"), known).present
    assert (present.mtime_ns, present.sha256) == (0, known[0]["sha256"])
    path.write_text("2")
    difference = compare(list_files("a.csv", tmp_path, table="s.t"), known)
    assert difference.why == "1 changed file: a.csv"


def test_only_the_first_few_of_many_files_are_named() -> None:
    files = [SourceFile(f"{n}.csv", f"/{n}.csv", 1, n) for n in range(9)]
    assert compare(files, []).why == "9 new files: 0.csv, 1.csv, 2.csv, 3.csv, 4.csv, …"


def test_a_long_or_unprintable_path_is_shown_in_one_short_line() -> None:
    assert shown("a\nb") == "'a\\nb'"
    assert len(shown("x" * 500)) == 200


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(RANKS, st.booleans()), min_size=1))
def test_what_is_read_is_what_is_new_and_all_that_ranks_after_it(files: dict[str, tuple[int, bool]]) -> None:
    present = [SourceFile(name, f"/{name}", 1, rank) for name, (rank, _) in files.items()]
    old = [(name, rank) for name, (rank, is_new) in files.items() if not is_new]
    known = [{"path": name, "size": 1, "mtime_ns": rank, "sha256": None} for name, rank in old]
    difference = compare(present, known)
    read = difference.to_read(all_of_them=False)
    assert set(difference.new) <= set(read)
    assert list(read) == sorted(present, key=lambda f: f.rank)[len(present) - len(read) :]
    assert not read or read[0] in difference.new
    assert bool(read) == (difference.why is not None)


def test_a_file_that_vanished_before_it_was_hashed_is_an_error() -> None:
    with pytest.raises(SourceDataError, match="No such file"):
        prove([SourceFile("a.csv", "/nowhere/a.csv", 1, 1)], "s.t")


def test_a_file_that_vanishes_while_it_is_compared_counts_as_changed() -> None:
    known = [{"path": "a.csv", "size": 1, "mtime_ns": 0, "sha256": "x"}]
    assert compare([SourceFile("a.csv", "/nowhere/a.csv", 1, 1)], known).changed
