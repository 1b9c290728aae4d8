"""What a database says of whole tables, so that gates can compare raw with it: what raw says, to the last digit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headgate.lake.engine import Connection
from headgate.project.config import Sample
from origin import COLOURS, ORDERS, DuckdbOrigin, Loaded, MysqlOrigin, Origin, SqliteOrigin

#: What adds up in every database, by column: its type there, and values of it as SQL.
NUMBERS: dict[str, tuple[str, list[str]]] = {
    "small": ("smallint", ["1", "-2", "NULL"]),
    "large": ("bigint", ["9223372036854775807", "9223372036854775807", "-5"]),
    "price": ("decimal(38,2)", ["100000000000000000000.01", "0.02", "NULL"]),
    "none": ("int", ["NULL", "NULL", "NULL"]),
    "what": ("varchar(10)", ["'a'", "'b'", "'c'"]),
}


def numbers(prefix: str = "", **others: tuple[str, list[str]]) -> list[str]:
    """The SQL of a table ``t`` of three rows."""
    columns = NUMBERS | others
    defined = ", ".join(f"{name} {kind}" for name, (kind, _) in columns.items())
    rows = [", ".join(values[n] for _, values in columns.values()) for n in range(3)]
    return [
        f"CREATE TABLE t (id int PRIMARY KEY, {defined})",
        *(f"INSERT INTO t VALUES ({n}, {rows[n]})" for n in range(3)),
    ]


def raw_says(origin: Loaded, columns: list[str]) -> dict[str, Any]:
    sums = ", ".join(f"coalesce(sum({name}), 0)" for name in columns)
    return dict(zip(columns, origin.raw("t", sums)[0], strict=True))


ADDED = ["small", "large", "price", "none"]


def test_postgres_says_what_raw_says(origin: Origin) -> None:
    origin.execute(*numbers(f=("real", ["0.1", "0.2", "1e30"]), n=("numeric", ["1", "2", "3"])))
    ((rows, sums),) = origin.totals({"t": [*ADDED, "what", "f", "n", "nowhere"]}).values()
    assert rows == 3
    assert {name: Decimal(sums[name]) for name in ADDED} == raw_says(origin, ADDED)
    assert sums["large"] == "18446744073709551609"
    assert float(sums["f"]) == pytest.approx(raw_says(origin, ["f"])["f"], rel=1e-15)
    assert sums.keys() == {*ADDED, "f"}, "a numeric without precision lands as a text, and so does not add up"


def test_duckdb_says_what_raw_says(con: Connection, tmp_path: Path) -> None:
    file = DuckdbOrigin(con, tmp_path)
    file.execute(*numbers(f=("real", ["0.1", "0.2", "1e30"])))
    ((rows, sums),) = file.totals({"t": [*ADDED, "what", "f"]}).values()
    assert (rows, {name: Decimal(sums[name]) for name in ADDED}) == (3, raw_says(file, ADDED))
    assert float(sums["f"]) == pytest.approx(raw_says(file, ["f"])["f"], rel=1e-15)


def test_sqlite_says_what_raw_says_up_to_64_bits(con: Connection, tmp_path: Path) -> None:
    file = SqliteOrigin(con, tmp_path)
    near = ("bigint", ["-9223372036854775807", "-1", "NULL"])
    far = ("bigint", ["-9223372036854775807", "-2", "NULL"])
    back = ("bigint", ["9223372036854775807", "9223372036854775807", "-9223372036854775807"])
    file.execute(*numbers(near=near, far=far, back=back, f=("real", ["0.1", "0.2", "1e30"])))
    ((rows, sums),) = file.totals({"t": ["small", "large", "none", "near", "far", "back", "f", "what"]}).values()
    exact = ["small", "none", "near", "back"]
    assert (rows, {name: int(sums[name]) for name in exact}) == (3, raw_says(file, exact))
    assert float(sums["f"]) == raw_says(file, ["f"])["f"]
    assert sums.keys() == {*exact, "f"}, "what is beyond 64 bits is not told, rather than wrong"


@pytest.mark.slow
def test_mysql_is_not_asked_since_another_statement_sees_another_state(mysql_origin: MysqlOrigin) -> None:
    mysql_origin.execute(*numbers())
    assert mysql_origin.totals({"t": ADDED}) == {}
    session = mysql_origin.source().session
    count = session.dialect.relation(session.alias, "SELECT CAST(COUNT(*) AS CHAR) AS n FROM t")

    def twice() -> list[str]:
        before = mysql_origin.con.execute(f"SELECT n FROM {count}").fetchall()
        mysql_origin.execute("DELETE FROM t")
        return [n for (n,) in before + mysql_origin.con.execute(f"SELECT n FROM {count}").fetchall()]

    assert session.visit(mysql_origin.con, twice) == ["3", "0"], "once it is 3 both times, MySQL can be asked"


def test_numbers_that_land_as_null_add_nothing(origin: Origin) -> None:
    origin.execute(*numbers(f=("float8", ["'NaN'", "1.5", "'Infinity'"]), n=("numeric(9,1)", ["'NaN'", "2.5", "1"])))
    ((_, sums),) = origin.totals({"t": ["f", "n"]}, non_finite="null").values()
    assert sums == {"f": "1.5", "n": "3.5"}


def totals_while_somebody_writes(origin: Any, write: Callable[..., None]) -> None:
    """What is told of two tables is what was read of them, although somebody writes after the first was looked at."""
    origin.execute(ORDERS, COLOURS, "INSERT INTO colours VALUES (1, 'red')")
    origin.execute("INSERT INTO orders VALUES (1, 'a', '2026-01-01 10:00:00'), (2, 'b', '2026-01-01 10:00:00')")

    def meanwhile(text: str) -> None:
        if text.startswith("orders:"):
            write("DELETE FROM orders WHERE id = 1", "INSERT INTO colours VALUES (2, 'blue'), (3, 'green')")

    asked: dict[str, list[str]] = {"orders": [], "colours": []}
    found = origin.source().extract(origin.con, "run1", {}, {}, meanwhile, totals=asked)
    read = {each.table: each.counts.read for each in found.tables}
    assert {table: total.rows for table, total in found.totals.items()} == read == {"orders": 2, "colours": 1}
    assert origin.source().changes({each.table: each.state for each in found.tables})["colours"].changed, "it did write"


def test_totals_are_of_the_snapshot_that_was_read(origin: Origin) -> None:
    totals_while_somebody_writes(origin, origin.execute)


def test_so_they_are_in_sqlite(con: Connection, tmp_path: Path) -> None:
    file = SqliteOrigin(con, tmp_path)
    file.execute("PRAGMA journal_mode = wal")  # without it nobody can write meanwhile

    def write(*statements: str) -> None:
        """In a process of its own: SQLite's locks do not hold against other copies of it in one process."""
        script = (
            "import sqlite3, sys; app = sqlite3.connect(sys.argv[1]); [*map(app.execute, sys.argv[2:])]; app.commit()"
        )
        subprocess.run([sys.executable, "-c", script, str(tmp_path / "app.db"), *statements], check=True)

    totals_while_somebody_writes(file, write)


def test_a_table_in_which_nothing_moved_is_asked_too_and_all_in_one_statement(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"t{n}" for n in range(120)]
    origin.execute(*(f"CREATE TABLE {name} (id int PRIMARY KEY)" for name in names), COLOURS)
    origin.load()
    origin.execute("INSERT INTO colours VALUES (1, 'red')")
    source = origin.source()
    asked: list[str] = []
    relation = source.dialect.relation

    def noted(alias: str, sql: str) -> str:
        asked.append(sql)
        return relation(alias, sql)

    monkeypatch.setattr(source.dialect, "relation", noted)
    wanted: dict[str, list[str]] = {name: [] for name in [*names, "colours", "nowhere"]}
    found = source.extract(origin.con, "run2", origin.known, {}, origin.told.append, totals=wanted)
    assert [each.table for each in found.tables] == ["colours"]
    assert {table: total.rows for table, total in found.totals.items()} == {**dict.fromkeys(names, 0), "colours": 1}
    assert sum("total0" in sql for sql in asked) == 2, "a hundred tables a statement"
    asked.clear()
    source.extract(origin.con, "run3", {**origin.known}, {}, origin.told.append)
    assert not any("total0" in sql for sql in asked), "who asks nothing pays nothing"


def test_names_that_are_sql_are_nothing_special(origin: Origin) -> None:
    origin.execute(
        """CREATE TABLE "x'; --" (id int PRIMARY KEY, "a""b" int)""", """INSERT INTO "x'; --" VALUES (1, 7)"""
    )
    assert origin.totals({"x'; --": ['a"b']}) == {"x'; --": (1, {'a"b': "7"})}


def test_a_table_of_which_only_a_sample_is_read_has_no_totals(origin: Origin) -> None:
    origin.execute(COLOURS, "CREATE TABLE other (n int PRIMARY KEY)")
    source = origin.source()
    source.sample = Sample(fraction=0.5, by="ID")
    found = source.extract(origin.con, "run1", {}, {}, origin.told.append, totals={"colours": [], "other": []})
    assert found.totals.keys() == {"other"}
