from __future__ import annotations

from pathlib import Path

import pytest

from headgate.errors import ConfigError
from headgate.sources.schema_lock import LockedTable, read_lock, write_lock

TABLES = {
    "train": LockedTable({"Store": "BIGINT", "Date": "DATE", "on": "VARCHAR", "5": "STRUCT(a BIGINT)"}, ";"),
    "store": LockedTable({"Store": "BIGINT"}),
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_lock(tmp_path, TABLES)
    assert read_lock(tmp_path) == TABLES
    assert list(read_lock(tmp_path)["train"].columns) == ["Store", "Date", "on", "5"]
    assert [path.name for path in tmp_path.iterdir()] == ["schema.lock"]


def test_no_lock_locks_nothing(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == {}
    (tmp_path / "schema.lock").write_text("")
    assert read_lock(tmp_path) == {}


def test_the_same_contents_are_not_written_again(tmp_path: Path) -> None:
    write_lock(tmp_path, TABLES)
    before = (tmp_path / "schema.lock").stat()
    write_lock(tmp_path, dict(reversed(TABLES.items())))
    assert (tmp_path / "schema.lock").stat() == before


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lock(tmp_path, TABLES)

    def fail(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_lock(tmp_path, {})
    assert read_lock(tmp_path) == TABLES
    assert [path.name for path in tmp_path.iterdir()] == ["schema.lock"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"tables: [", "not valid YAML"),
        (b"\xff", "cannot be read"),
        (b"[1]", "not as headgate writes it"),
        (b"tables: [1]", "not as headgate writes it"),
        (b"tables: {t: 1}", "not as headgate writes it"),
        (b"tables: {t: {columns: {a: 1}}}", "not as headgate writes it"),
        (b"tables: {t: {columns: {a: BIGINT}, delimiter: 5}}", "not as headgate writes it"),
    ],
)
def test_a_broken_lock_is_the_authors_mistake(tmp_path: Path, text: bytes, says: str) -> None:
    (tmp_path / "schema.lock").write_bytes(text)
    with pytest.raises(ConfigError, match=says):
        read_lock(tmp_path)
