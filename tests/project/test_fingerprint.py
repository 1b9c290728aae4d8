"""Which files a project consists of."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from headgate.errors import ConfigError
from headgate.project.fingerprint import combined, fingerprint, project_hash


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_every_file_that_says_what_a_run_does_is_in_it(tmp_path: Path) -> None:
    inside = [
        "dbt_project.yml",
        "gates/raw.yml",
        "gates/suites/raw.json",
        "headgate.yml",
        "macros/a.sql",
        "models/features/x.sql",
        "packages.yml",
        "schema.lock",
        "seeds/s.csv",
        "tests/t.sql",
    ]
    write(tmp_path, *inside)
    outside = ["lake/data/x.parquet", ".headgate/ledger.db", "target/m.json", "data/a.csv", "README.md"]
    write(tmp_path, *outside, "models/.x.sql.swp", "macros/__pycache__/a.pyc", "models/.hidden/a.sql")

    found = fingerprint(tmp_path)
    assert list(found) == inside
    assert found["schema.lock"] == hashlib.sha256(b"schema.lock").hexdigest()


def test_an_empty_folder_has_an_empty_one(tmp_path: Path) -> None:
    assert fingerprint(tmp_path) == {}
    assert fingerprint(tmp_path / "nothing") == {}


def test_any_change_of_name_or_content_changes_the_hash(tmp_path: Path) -> None:
    write(tmp_path, "models/a.sql", "models/b.sql")
    seen = {project_hash(tmp_path)}
    (tmp_path / "models/a.sql").write_text("other")
    seen.add(project_hash(tmp_path))
    (tmp_path / "models/a.sql").rename(tmp_path / "models/c.sql")
    seen.add(project_hash(tmp_path))
    write(tmp_path, "gates/raw.yml")
    seen.add(project_hash(tmp_path))
    (tmp_path / "gates/raw.yml").unlink()
    assert project_hash(tmp_path) in seen, "and going back brings the old one"
    assert len(seen) == 4


def test_names_cannot_be_read_as_other_names() -> None:
    assert combined({"a\nb": "1"}) != combined({"a": "1", "b": "1"})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path, "models/a.sql")
    (tmp_path / "models" / "loop.sql").symlink_to("loop.sql")
    with pytest.raises(ConfigError, match=r"loop\.sql: this cannot be read"):
        fingerprint(tmp_path)


def test_links_to_files_count_and_links_to_folders_do_not(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/a.sql", "models/b.sql")
    (tmp_path / "models/link.sql").symlink_to(tmp_path / "elsewhere/a.sql")
    (tmp_path / "models/again").symlink_to(tmp_path / "models")
    assert list(fingerprint(tmp_path)) == ["models/b.sql", "models/link.sql"]


def test_two_thousand_files_take_little_time(tmp_path: Path) -> None:
    write(tmp_path, *(f"models/layer{n % 20}/m{n}.sql" for n in range(2_000)))
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        assert len(fingerprint(tmp_path)) == 2_000
        times.append(time.perf_counter() - begun)
    assert min(times) < 1, "about 50 ms on an idle machine"
