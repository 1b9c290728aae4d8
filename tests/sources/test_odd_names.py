"""Tables and columns that are called anything are read, and compared with raw, from each kind of database."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.lake.engine import Connection, ident
from headgate.sources.databases.mysql import quoted
from origin import DuckdbOrigin, MysqlOrigin, Origin, SqliteOrigin

NAMES = ["Order Lines", "größe", 'sel"ect', "drop table x; --", "a.b", "it's", "raw.x", "order", "*", "two\nlines"]
NAMES += ["back`tick", "\\b%s", "a/b", "../x", "{0}", "'||'"]


def read_all(origin: Origin | SqliteOrigin | DuckdbOrigin | MysqlOrigin) -> None:
    """Load tables of all names, and find an edit that did not move the cursor."""
    quote = quoted if isinstance(origin, MysqlOrigin) else ident
    for name in NAMES:
        key, value = quote(f"Id {name}"), quote(f"v{name}")
        origin.execute(
            f"CREATE TABLE {quote(name)} ({key} int PRIMARY KEY, {value} varchar(20), updated_at timestamp NULL)",
            f"INSERT INTO {quote(name)} VALUES (1, 'a', '2026-01-01 10:00:00'), (2, 'b', '2026-01-02 10:00:00')",
        )
    assert sorted(origin.load(cursor="updated_at")) == sorted(NAMES)
    assert origin.load(cursor="updated_at") == {}
    for name in NAMES:
        origin.execute(f"UPDATE {quote(name)} SET {quote(f'v{name}')} = 'z' WHERE {quote(f'Id {name}')} = 1")
    found = origin.load(cursor="updated_at", compare=tuple(NAMES))
    assert {name: each.counts.appended for name, each in found.items()} == dict.fromkeys(NAMES, 1)
    for name in NAMES:
        assert origin.raw(name, ident(f"v{name}")) == [("b",), ("z",)]


def test_postgresql(origin: Origin) -> None:
    read_all(origin)


def test_mysql(mysql_origin: MysqlOrigin) -> None:
    read_all(mysql_origin)


@pytest.mark.parametrize("kind", [SqliteOrigin, DuckdbOrigin])
def test_files(con: Connection, tmp_path: Path, kind: type[SqliteOrigin | DuckdbOrigin]) -> None:
    read_all(kind(con, tmp_path))
