"""Keys of tables that have no primary key, as the databases' catalogues tell of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.lake.engine import Connection
from headgate.standalone.beginning import key_of
from origin import DuckdbOrigin, Loaded, MysqlOrigin, Origin, SqliteOrigin

#: Columns of a table, what follows its creation, and the key that is proposed.
CASES = {
    "a constraint": ("a int NOT NULL UNIQUE, b int", "", ("a",)),
    "an index": ("a int NOT NULL, b int", "CREATE UNIQUE INDEX {t}_i ON {t} (a)", ("a",)),
    "of several columns": ("a int NOT NULL, b int NOT NULL, UNIQUE (b, a)", "", ("b", "a")),
    "the one of fewest": ("a int NOT NULL, b int NOT NULL, c int NOT NULL UNIQUE, UNIQUE (a, b)", "", ("c",)),
    "the first": ("a int, b int NOT NULL, c int NOT NULL, UNIQUE (c), UNIQUE (b), UNIQUE (a)", "", ("b",)),
    "null": ("a int UNIQUE, b int NOT NULL, UNIQUE (a, b)", "", ()),
    "no unique one": ("a int NOT NULL, b int", "CREATE INDEX {t}_i ON {t} (a)", ()),
}
#: An index over a part of the rows, and one over an expression.
PARTIAL = ("CREATE TABLE t (a int NOT NULL, b int)", "CREATE UNIQUE INDEX t_i ON t (a) WHERE b > 0")
COMPUTED = ("CREATE TABLE u (a int NOT NULL, b int)", "CREATE UNIQUE INDEX u_i ON u ((a + 1))")
#: Names that are SQL, and one that looks like an expression.
STRANGE = (
    'CREATE TABLE "drop table x; --" ("sel""ect, 1" int NOT NULL, "(a + 1)" int NOT NULL, a int)',
    'CREATE UNIQUE INDEX i1 ON "drop table x; --" ((a + 1))',
    'CREATE UNIQUE INDEX i2 ON "drop table x; --" ("sel""ect, 1", "(a + 1)")',
)


def proposed(origin: Loaded) -> dict[str, tuple[str, ...]]:
    """The key of each table; () for those that have none."""
    source, con = origin.source(), origin.con
    dialect, alias = source.dialect, source.session.alias
    catalogue, unique = source.session.visit(
        con, lambda: (dialect.catalogue(con, alias), dialect.unique_keys(con, alias))
    )
    return {table.name: key_of(table, unique) for table in catalogue}


def make_cases(origin: Loaded) -> dict[str, tuple[str, ...]]:
    """One table for each of ``CASES``; returns what is expected of it."""
    for number, (columns, more, _) in enumerate(CASES.values()):
        origin.execute(f"CREATE TABLE t{number} ({columns})", *filter(None, [more.format(t=f"t{number}")]))  # type: ignore[attr-defined]
    return {f"t{number}": key for number, (*_, key) in enumerate(CASES.values())}


def test_unique_columns_that_are_never_null_are_a_key(origin: Origin) -> None:
    assert make_cases(origin) == proposed(origin)
    origin.execute(*STRANGE)
    assert proposed(origin)["drop table x; --"] == ('sel"ect, 1', "(a + 1)")


def test_they_are_in_mysql(mysql_origin: MysqlOrigin) -> None:
    assert make_cases(mysql_origin) == proposed(mysql_origin)


def test_they_are_in_a_sqlite_file(con: Connection, tmp_path: Path) -> None:
    file = SqliteOrigin(con, tmp_path)
    assert make_cases(file) == proposed(file)
    file.execute(*PARTIAL, *COMPUTED, *STRANGE)
    found = proposed(file)
    assert (found["t"], found["u"], found["drop table x; --"]) == ((), (), ('sel"ect, 1', "(a + 1)"))


def test_they_are_in_a_duckdb_file(con: Connection, tmp_path: Path) -> None:
    file = DuckdbOrigin(con, tmp_path)
    assert make_cases(file) == proposed(file)
    file.execute(*COMPUTED, *STRANGE)
    found = proposed(file)
    assert (found["u"], found["drop table x; --"]) == ((), ('sel"ect, 1', "(a + 1)"))


@pytest.mark.parametrize(
    "made",
    [
        PARTIAL,
        COMPUTED,
        ("CREATE TABLE t (a int NOT NULL, b int NOT NULL)", "CREATE UNIQUE INDEX t_i ON t (a, (b + 1))"),
        ("CREATE TABLE t (a int NOT NULL UNIQUE)", "CREATE TABLE more () INHERITS (t)"),
        (
            "CREATE TABLE t (a int NOT NULL) PARTITION BY RANGE (a)",
            "CREATE TABLE p PARTITION OF t FOR VALUES FROM (1) TO (9)",
            "CREATE UNIQUE INDEX t_i ON ONLY t (a)",
        ),
    ],
    ids=["of some rows", "of an expression", "of a column and an expression", "not of children", "not of partitions"],
)
def test_what_promises_nothing_of_all_rows_is_no_key(origin: Origin, made: tuple[str, ...]) -> None:
    origin.execute(*made)
    assert set(proposed(origin).values()) == {()}


def test_columns_that_an_index_only_carries_along_are_no_part_of_the_key(origin: Origin) -> None:
    origin.execute(
        "CREATE TABLE t (a int NOT NULL, b int NOT NULL)",
        "CREATE UNIQUE INDEX t_i ON t (b) INCLUDE (a)",
        "CREATE TABLE p (a int NOT NULL UNIQUE) PARTITION BY RANGE (a)",
    )
    assert proposed(origin) == {"t": ("b",), "p": ("a",)}
