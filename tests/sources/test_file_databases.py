"""SQLite and DuckDB files as sources."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import ConfigError, CouldNotRunError, SourceDataError
from headgate.lake.engine import Connection
from origin import DuckdbOrigin, Loaded, SqliteOrigin

KINDS = [SqliteOrigin, DuckdbOrigin]
ORDERS = "CREATE TABLE orders (id integer PRIMARY KEY, what varchar, last_updated timestamp)"


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def file(request: pytest.FixtureRequest, con: Connection, tmp_path: Path) -> Loaded:
    origin: Loaded = request.param(con, tmp_path)
    return origin


def test_rows_come_once_by_cursor_and_then_there_is_nothing_new(file: Any) -> None:
    settings: dict[str, Any] = {"cursor": "last_updated"}
    file.execute(ORDERS, "INSERT INTO orders VALUES (1, 'a', '2026-01-01 10:00:00'), (2, 'b', '2026-01-01 11:00:00')")
    assert file.load(**settings)["orders"].counts.appended == 2
    assert not file.changes(**settings)["orders"].changed
    file.execute("UPDATE orders SET what = 'silent' WHERE id = 1", "INSERT INTO orders VALUES (3, 'c', NULL)")
    counts = file.load(**settings)["orders"].counts
    assert (counts.read, counts.appended, counts.unchanged) == (2, 1, 1)
    assert file.raw("orders", "id, what") == [(1, "a"), (2, "b"), (3, "c")]
    assert file.load(compare=("*",), **settings)["orders"].notes[0].endswith("1 changed without moving last_updated")
    assert file.raw("orders", "what")[-1] == ("silent",)


def test_a_table_without_a_cursor_is_compared_whole(file: Any) -> None:
    file.execute(ORDERS, "INSERT INTO orders VALUES (1, 'a', NULL), (2, 'b', NULL)")
    file.load()
    file.execute("DELETE FROM orders WHERE id = 1", "UPDATE orders SET what = 'B' WHERE id = 2")
    counts = file.load()["orders"].counts
    assert (counts.appended, counts.deleted) == (1, 1)
    assert file.raw("orders", "id, what") == [(2, "B")]


def test_a_file_that_was_only_touched_is_asked_and_not_read(file: Any) -> None:
    file.execute(ORDERS, "INSERT INTO orders VALUES (1, 'a', NULL)")
    file.load()
    os.utime(file.folder / file.settings["path"])
    assert not file.changes()["orders"].changed


def test_a_file_that_is_not_there_or_no_database_is_told(file: Any) -> None:
    with pytest.raises(ConfigError, match=r"there is no file nowhere\.db"):
        file.changes(path="nowhere.db")
    (file.folder / "text.db").write_text("not a database " * 1000)
    with pytest.raises(CouldNotRunError) as caught:
        file.changes(path="text.db")
    assert caught.value.where == "source app"


def test_every_type_of_sqlite_lands_without_loss(con: Connection, tmp_path: Path) -> None:
    file = SqliteOrigin(con, tmp_path)
    file.execute(
        "CREATE TABLE t (id integer PRIMARY KEY, r real, n decimal(10,2), d date, ts datetime, b blob, x, bo boolean, "
        "v text)",
        "INSERT INTO t VALUES (1, 0.1 + 0.2, 1.25, '2026-01-02', '2026-01-02T03:04:05.123', x'00ff', 'any', 1, "
        "'é''\"')",
        "INSERT INTO t VALUES (9223372036854775807, -1e300, NULL, NULL, NULL, NULL, NULL, 0, '')",
    )
    file.load()
    assert file.raw("t") == [
        (1, 0.1 + 0.2, 1.25, dt.date(2026, 1, 2), dt.datetime.fromisoformat("2026-01-02T03:04:05.123"), b"\x00\xff",
         "any", True, "é'\""),
        (9223372036854775807, -1e300, None, None, None, None, None, False, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", "'abc'"),
        ("integer", "1.5"),
        ("real", "'abc'"),
        ("real", "9e999"),
        ("decimal", "9007199254740993"),
        ("date", "'2026-13-01'"),
        ("date", "'2026-01-01 10:00'"),
        ("date", "1700000000"),
        ("datetime", "'2026-01-01 10:00:00+02:00'"),
        ("datetime", "'2026-01-01 10:00:00.1234567'"),
        ("boolean", "2"),
        ("text", "x'00'"),
    ],
)
def test_a_value_that_is_not_what_its_column_says_is_refused(
    con: Connection, tmp_path: Path, kind: str, value: str
) -> None:
    file = SqliteOrigin(con, tmp_path)
    file.execute(f"CREATE TABLE t (id integer PRIMARY KEY, c {kind})", f"INSERT INTO t VALUES (1, NULL), (2, {value})")
    with pytest.raises(SourceDataError) as caught:
        file.load()
    assert (caught.value.table, caught.value.column) == ("app.t", "c")
    file.load(tables={"t": {"columns": {"as_text": ["c"]}}})
    assert len(file.raw("t")) == 2


def test_every_type_of_duckdb_lands_without_loss(con: Connection, tmp_path: Path) -> None:
    file = DuckdbOrigin(con, tmp_path)
    file.execute(
        "CREATE TYPE mood AS ENUM ('happy')",
        "CREATE TABLE t AS SELECT 1 AS id, 'happy'::mood AS m, 170141183460469231731687303715884105727::HUGEINT AS h, "
        "INTERVAL 1 DAY AS i, TIMETZ '10:00:00+02' AS z, [1, 2] AS l, {'a': 1} AS s, 1.5::DECIMAL(38,10) AS d",
    )
    file.load(tables={"t": {"primary_key": ["id"]}})
    types = file.types("t")
    assert {types[c] for c in "mhiz"} == {"VARCHAR"}
    assert file.raw("t", "m, h, i, l, s.a, CAST(d AS VARCHAR)") == [
        ("happy", "170141183460469231731687303715884105727", "1 day", [1, 2], 1, "1.5000000000")
    ]


def test_a_text_of_sqlite_that_is_not_utf_8_is_named_by_its_column(con: Connection, tmp_path: Path) -> None:
    sqlite = SqliteOrigin(con, tmp_path)
    sqlite.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, ok TEXT, what TEXT)", "INSERT INTO t VALUES (1, 'a', 'b')")
    sqlite.load()
    for bad in ("CAST(x'ff41' AS TEXT)", "x'ff41'"):
        sqlite.execute(f"UPDATE t SET what = {bad}")
        with pytest.raises(SourceDataError) as caught:
            sqlite.load()
        assert (caught.value.table, caught.value.column) == ("app.t", "what")
    sqlite.load(tables={"t": {"columns": {"as_text": ["what"]}}})
    assert sqlite.raw("t", "what") == [("FF41",)]
    sqlite.execute("UPDATE t SET what = CAST(x'ff41' AS TEXT)")
    with pytest.raises(SourceDataError, match="not UTF-8"):
        sqlite.source().extract(sqlite.con, "later", {}, {}, sqlite.told.append)
    sqlite.load(tables={"t": {"columns": {"exclude": ["what"]}}})
