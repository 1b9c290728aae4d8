"""What the catalog says of tables, columns and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.lake.catalog import Table, duckdb_type, read_contents, read_statistics
from headgate.lake.profile import identity_of
from lake_maker import Lake


def table(lake: Lake, name: str = "marts.t") -> Table:
    return read_contents(lake.con).tables[name]


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE marts.t (a INTEGER)"],
        ["CREATE TABLE marts.t AS SELECT range AS a FROM range(1000)"],
        ["CREATE TABLE marts.t AS SELECT range AS a FROM range(1000)", "DELETE FROM marts.t WHERE a < 10"],
        ["CREATE TABLE marts.t AS SELECT range AS a FROM range(1000)", "DELETE FROM marts.t"],
        ["CREATE TABLE marts.t AS SELECT range AS a FROM range(1000)", "UPDATE marts.t SET a = a + 1 WHERE a < 10"],
        ["CREATE TABLE marts.t AS SELECT 1 AS a", "INSERT INTO marts.t VALUES (2)", "DELETE FROM marts.t WHERE a = 1"],
        ["CREATE TABLE marts.t AS SELECT range AS a FROM range(100)"]
        + [f"DELETE FROM marts.t WHERE a = {n}" for n in range(3)],
    ],
)
def test_rows_are_counted_exactly_without_a_scan(lake: Lake, statements: list[str]) -> None:
    lake.branch(*statements)
    counted = lake.con.execute("SELECT count(*) FROM lake.marts.t").fetchall()[0][0]
    assert table(lake).rows == counted


def test_every_file_that_is_named_lies_in_the_data_folder(lake: Lake) -> None:
    lake.branch(
        "CREATE TABLE marts.t AS SELECT range AS a FROM range(100)",
        "DELETE FROM marts.t WHERE a < 10",
        'CREATE SCHEMA "we ird/../x"',
        'CREATE TABLE "we ird/../x"."../../etc" AS SELECT 1 AS a',
        "CREATE TABLE raw.p (a INTEGER, p VARCHAR)",
        "ALTER TABLE raw.p SET PARTITIONED BY (p)",
        "INSERT INTO raw.p VALUES (1, '../..'), (2, 'a/b'), (3, 'ü ''\"'), (4, NULL)",
    )
    contents = read_contents(lake.con)
    named = {path for t in contents.tables.values() for f in t.files for path in (f.path, f.deletes) if path}
    assert len(named) == 1 + 1 + 1 + 4
    for path in named:
        assert (Path(lake.store.url("data")) / path).resolve().is_relative_to(lake.store.url("data"))
        assert (Path(lake.store.url("data")) / path).exists()
    assert named == lake.data_files()
    assert "we ird/../x.../../etc" in contents.tables


def test_dropped_and_replaced_tables_are_not_there(lake: Lake) -> None:
    lake.branch(
        "CREATE TABLE marts.t AS SELECT 1 AS a",
        "DROP TABLE marts.t",
        "CREATE TABLE marts.t AS SELECT 'x' AS b",
        "CREATE TABLE marts.u AS SELECT 1 AS a",
        "ALTER TABLE marts.u RENAME TO w",
        "CREATE VIEW marts.v AS SELECT 1 AS a",
        "DROP VIEW marts.v",
    )
    contents = read_contents(lake.con)
    assert set(contents.tables) == {"marts.t", "marts.w"}
    assert contents.views == {}
    assert [(c.name, c.type) for c in contents.tables["marts.t"].columns] == [("b", "VARCHAR")]


TYPES = {
    "bo": "BOOLEAN", "ti": "TINYINT", "sm": "SMALLINT", "i": "INTEGER", "bi": "BIGINT", "hu": "HUGEINT",
    "ut": "UTINYINT", "us": "USMALLINT", "ui": "UINTEGER", "ub": "UBIGINT",
    "fl": "FLOAT", "d": "DOUBLE", "de": "DECIMAL(10,2)", "v": "VARCHAR", "bl": "BLOB", "da": "DATE",
    "tm": "TIME", "ts": "TIMESTAMP", "tz": "TIMESTAMP WITH TIME ZONE", "ns": "TIMESTAMP_NS", "tss": "TIMESTAMP_S",
    "tms": "TIMESTAMP_MS", "iv": "INTERVAL", "u": "UUID", "j": "JSON",
    "li": "INTEGER[]", "ll": "VARCHAR[][]", "st": "STRUCT(a BIGINT, b VARCHAR[])", "ma": "MAP(VARCHAR, DOUBLE)",
    "deep": 'STRUCT("A b" MAP(INTEGER, STRUCT(x DATE)[]))',
}  # fmt: skip


def test_types_are_spelled_as_duckdb_spells_them(lake: Lake) -> None:
    lake.branch(f"CREATE TABLE marts.t ({', '.join(f'{name} {type_}' for name, type_ in TYPES.items())})")
    described = {row[0]: row[1] for row in lake.con.execute("DESCRIBE lake.marts.t").fetchall()}
    found = {column.name: column.type for column in table(lake).columns}
    assert found == described


def test_a_type_that_is_not_known_is_shown_as_it_is() -> None:
    assert duckdb_type("geometry") == "GEOMETRY"


def identity(lake: Lake, *statements: str) -> str:
    lake.execute(*statements)
    return table(lake).identity


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO marts.t VALUES (9, 'x', {'f': 1})",
        "DELETE FROM marts.t WHERE a = 1",
        "UPDATE marts.t SET a = 5 WHERE a = 1",
        "UPDATE marts.t SET a = a",
        "ALTER TABLE marts.t RENAME COLUMN b TO c",
        "ALTER TABLE marts.t ADD COLUMN c INTEGER",
        "ALTER TABLE marts.t ALTER COLUMN a TYPE BIGINT",
        "ALTER TABLE marts.t DROP COLUMN b",
        "ALTER TABLE marts.t ADD COLUMN s.g INTEGER",
        "CREATE OR REPLACE TABLE marts.t AS FROM marts.t",
    ],
)
def test_a_table_that_was_changed_has_another_identity(lake: Lake, statement: str) -> None:
    lake.branch("CREATE TABLE marts.t AS SELECT range::INTEGER AS a, 'x' AS b, {'f': 1} AS s FROM range(100)")
    before = table(lake).identity
    assert identity(lake, statement) != before


def test_a_table_that_nobody_changed_keeps_its_identity_from_run_to_run(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT range AS a FROM range(100)", "CREATE TABLE marts.u AS SELECT 1 AS a")
    first = lake.releases.manifest(1).tables["marts.t"]["identity"]
    for _ in range(3):
        lake.publish("CREATE OR REPLACE TABLE marts.u AS SELECT 1 AS a", "DELETE FROM marts.t WHERE a > 1000")
    assert lake.releases.manifest(4).tables["marts.t"]["identity"] == first


def test_a_view_that_is_made_again_word_for_word_keeps_its_identity(lake: Lake) -> None:
    lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a", "CREATE VIEW marts.v AS SELECT a FROM marts.t")
    before = identity_of(read_contents(lake.con), "marts.v")
    lake.execute("CREATE OR REPLACE VIEW marts.v AS SELECT a FROM marts.t")
    assert identity_of(read_contents(lake.con), "marts.v") == before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE OR REPLACE VIEW marts.v AS SELECT b + 1 AS b FROM raw.inner",
        "CREATE OR REPLACE VIEW raw.inner AS SELECT a + 1 AS b FROM raw.t",
        "INSERT INTO raw.t VALUES (2)",
        'INSERT INTO raw."T2" VALUES (2)',
    ],
)
def test_a_view_changes_with_its_text_and_with_all_that_stands_behind_it(lake: Lake, statement: str) -> None:
    lake.branch(
        "CREATE TABLE raw.t AS SELECT 1 AS a",
        'CREATE TABLE raw."T2" AS SELECT 1 AS a',
        "CREATE TABLE raw.unrelated AS SELECT 1 AS a",
        "CREATE VIEW raw.inner AS SELECT a AS b FROM raw.T",
        "CREATE VIEW marts.v AS SELECT b FROM raw.inner JOIN raw.t2 ON true",
    )
    before = identity_of(read_contents(lake.con), "marts.v")
    lake.execute("INSERT INTO raw.unrelated VALUES (2)")
    assert identity_of(read_contents(lake.con), "marts.v") == before
    lake.execute(statement)
    assert identity_of(read_contents(lake.con), "marts.v") != before


def test_a_view_does_not_change_with_a_table_of_whose_name_it_has_only_a_part(lake: Lake) -> None:
    lake.branch(
        "CREATE TABLE raw.payment AS SELECT 1 AS a",
        'CREATE TABLE raw."pay-ment" AS SELECT 1 AS a',
        "CREATE TABLE raw.payment_type AS SELECT 1 AS a",
        "CREATE VIEW marts.v AS SELECT a FROM raw.payment_type",
        'CREATE VIEW marts.w AS SELECT a FROM raw."pay-ment"',
    )
    before = {name: identity_of(read_contents(lake.con), name) for name in ("marts.v", "marts.w")}
    lake.execute("INSERT INTO raw.payment VALUES (2)")
    assert {name: identity_of(read_contents(lake.con), name) for name in before} == before
    lake.execute('INSERT INTO raw."pay-ment" VALUES (2)')
    lake.execute("INSERT INTO raw.payment_type VALUES (2)")
    contents = read_contents(lake.con)
    assert [name for name in before if identity_of(contents, name) == before[name]] == []


def test_a_view_that_names_itself_in_a_word_does_not_hang(lake: Lake) -> None:
    lake.branch("CREATE VIEW marts.a AS SELECT 1 AS b", "CREATE VIEW marts.b AS SELECT b AS a FROM marts.a")
    contents = read_contents(lake.con)
    assert identity_of(contents, "marts.a") != identity_of(contents, "marts.b")


def test_statistics_are_given_as_the_catalog_recorded_them(lake: Lake) -> None:
    lake.branch("CREATE TABLE marts.t AS SELECT CASE WHEN range > 2 THEN range END AS a FROM range(10)")
    found = table(lake)
    stats = read_statistics(lake.con, found)[found.files[0].id, found.columns[0].id]
    assert (stats.values, stats.nulls, stats.minimum, stats.maximum) == (7, 3, "3", "9")
