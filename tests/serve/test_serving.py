"""What a serve does to a real PostgreSQL, and what it refuses to do."""

from __future__ import annotations

import re
import shutil
import threading
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from headgate.errors import (
    NoReleaseError,
    ServeError,
    UsageError,
    WarehouseDriftError,
    WarehouseTakenError,
    WarehouseUnavailableError,
)
from headgate.lake.engine import ident
from headgate.lake.store import LocalStore
from headgate.serve import Applied, Difference, is_as_served
from lake_maker import Lake
from warehouses import FACTS, PASSWORD, Mart, Warehouse


def test_the_first_serve_makes_everything_with_its_keys(mart: Mart) -> None:
    mart.first()
    done = mart.serve(run="run-1")
    assert (done.release, done.before, done.moved) == (1, None, True)
    assert done.tables == {"fact": Applied(inserted=3), "dim": Applied(inserted=2)}
    assert mart.facts() == [(1, "a", Decimal("1.5"), None), (2, "b", Decimal("2.5"), ""), (3, "a", Decimal("3.5"), "x")]
    said = mart.warehouse.rows("SELECT release, run, project, served_at IS NOT NULL FROM shop.headgate_release")
    assert said == [(1, "run-1", "tested", True)]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        mart.warehouse.execute("INSERT INTO shop.fact VALUES (9, 'nothing', 1, NULL)")
    with pytest.raises(psycopg.errors.NotNullViolation):
        mart.warehouse.execute("INSERT INTO shop.fact VALUES (9, 'a', NULL, NULL)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        mart.warehouse.execute("INSERT INTO shop.fact VALUES (1, 'a', 1, NULL)")


def test_served_again_nothing_is_touched(mart: Mart) -> None:
    mart.first()
    mart.serve()
    before = mart.warehouse.rows("SELECT served_at FROM shop.headgate_release")
    again = mart.serve()
    assert (again.moved, again.tables) == (False, {})
    assert mart.warehouse.rows("SELECT served_at FROM shop.headgate_release") == before


def test_only_new_facts_come_in_and_no_other_row_is_rewritten(mart: Mart) -> None:
    mart.first()
    mart.serve()
    before = mart.versions()
    mart.publish("INSERT INTO marts.fact VALUES (4, 'b', 4.5, NULL)")
    assert mart.serve().tables == {"fact": Applied(inserted=1)}
    after = mart.versions()
    assert {key: after[key] for key in before} == before
    assert after.keys() - before.keys() == {4}


def test_a_table_that_was_built_anew_with_the_same_rows_is_not_rewritten(mart: Mart) -> None:
    mart.first()
    mart.serve()
    before = mart.versions()
    mart.publish("CREATE OR REPLACE TABLE marts.fact AS SELECT * FROM marts.fact ORDER BY id DESC")
    done = mart.serve()
    assert (done.moved, done.tables) == (True, {"fact": Applied()})
    assert mart.versions() == before


def test_dimensions_are_updated_added_to_and_taken_from(mart: Mart) -> None:
    mart.first()
    mart.publish("INSERT INTO marts.dim VALUES ('c', 'Cake')")
    mart.serve()
    mart.publish(
        "UPDATE marts.dim SET name = 'Brown bread' WHERE kind = 'b'",
        "DELETE FROM marts.dim WHERE kind = 'c'",
        "INSERT INTO marts.dim VALUES ('d', 'Date')",
    )
    assert mart.serve().tables == {"dim": Applied(inserted=1, updated=1, deleted=1)}
    rows = mart.warehouse.rows("SELECT kind, name FROM shop.dim ORDER BY kind")
    assert rows == [("a", "Apple"), ("b", "Brown bread"), ("d", "Date")]


def test_several_releases_are_caught_up_with_at_once(mart: Mart) -> None:
    mart.first()
    mart.serve()
    for number in (4, 5, 6):
        mart.publish(f"INSERT INTO marts.fact VALUES ({number}, 'b', 1, NULL)")
    done = mart.serve()
    assert (done.before, done.release, done.tables["fact"].inserted) == (1, 4, 3)


def test_a_fact_that_changed_is_refused_where_facts_only_come_in(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.publish("UPDATE marts.fact SET amount = 9 WHERE id = 1", "INSERT INTO marts.dim VALUES ('z', 'Zest')")
    with pytest.raises(WarehouseDriftError, match="1 record changed and 0 went, although the table only appends"):
        mart.serve()
    assert mart.facts()[0][2] == Decimal("1.5")
    assert mart.warehouse.rows("SELECT count(*) FROM shop.dim") == [(2,)]  # all or nothing
    assert mart.warehouse.release == 1
    mart.settings["tables"][FACTS]["mode"] = "upsert"
    assert mart.serve().tables["fact"] == Applied(updated=1)


def test_a_fact_that_refers_to_nothing_is_refused(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.publish("INSERT INTO marts.fact VALUES (4, 'nobody', 4, NULL)")
    with pytest.raises(WarehouseDriftError, match="foreign key") as caught:
        mart.serve()
    assert "nobody" not in str(caught.value)  # no value of a row
    assert mart.warehouse.release == 1


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("INSERT INTO marts.fact VALUES (1, 'a', 7, NULL)", "a key comes twice"),
        ("INSERT INTO marts.fact VALUES (7, 'a', 7, NULL), (7, 'b', 7, NULL)", "unique index .*fact"),
        ("INSERT INTO marts.fact VALUES (NULL, 'a', 7, NULL)", "column .*id.* null"),
        ("INSERT INTO marts.fact VALUES (8, 'a', NULL, NULL)", "amount"),
    ],
)
def test_rows_that_break_a_key_or_not_null_are_refused(mart: Mart, statement: str, text: str) -> None:
    mart.first()
    mart.serve()
    mart.settings["tables"][FACTS]["mode"] = "upsert"
    mart.publish(statement)
    with pytest.raises(WarehouseDriftError, match=text):
        mart.serve()
    assert len(mart.facts()) == 3


def test_a_rollback_is_served_whatever_only_appends(mart: Mart) -> None:
    mart.first()
    mart.publish("INSERT INTO marts.fact VALUES (4, 'b', 4.5, NULL)")
    mart.serve()
    mart.releases.rollback(1, reason="test")
    done = mart.serve()
    assert (done.before, done.release, done.tables["fact"]) == (2, 1, Applied(deleted=1))
    mart.releases.resume()
    mart.publish("INSERT INTO marts.fact VALUES (5, 'a', 5.5, NULL)")
    assert mart.serve().tables["fact"] == Applied(inserted=1)
    assert [row[0] for row in mart.facts()] == [1, 2, 3, 5]


def test_an_older_release_can_be_asked_for(mart: Mart) -> None:
    mart.first()
    mart.publish("INSERT INTO marts.fact VALUES (4, 'b', 4.5, NULL)")
    mart.serve()
    assert mart.serve(1).tables["fact"] == Applied(deleted=1)
    assert mart.serve().tables["fact"] == Applied(inserted=1)


# --- columns -------------------------------------------------------------------------------------------


def test_a_new_column_of_the_mart_is_added(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.publish(
        "ALTER TABLE marts.fact ADD COLUMN colour VARCHAR DEFAULT 'red'",
        "INSERT INTO marts.fact VALUES (4, 'b', 4.5, NULL, 'blue')",
    )
    mart.settings["tables"][FACTS]["mode"] = "upsert"
    mart.settings["tables"][FACTS]["not_null"] = {"all_but": ["note", "colour"]}
    assert mart.serve().tables["fact"] == Applied(inserted=1, updated=3)
    assert mart.warehouse.rows("SELECT DISTINCT colour FROM shop.fact ORDER BY 1") == [("blue",), ("red",)]


def test_a_column_that_the_mart_lost_is_refused_until_somebody_drops_it(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.publish("ALTER TABLE marts.fact DROP COLUMN note")
    mart.settings["tables"][FACTS]["not_null"] = []
    with pytest.raises(WarehouseDriftError, match="has no column note any more") as caught:
        mart.serve()
    assert 'ALTER TABLE "shop"."fact" DROP COLUMN "note"' in str(caught.value.hint)
    mart.warehouse.execute("ALTER TABLE shop.fact DROP COLUMN note")
    assert mart.serve().moved
    assert mart.warehouse.release == 2


def test_a_changed_type_is_refused_until_somebody_changes_it_there(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.publish("ALTER TABLE marts.fact ALTER COLUMN id TYPE BIGINT")
    with pytest.raises(WarehouseDriftError, match="release changes the type of id: it is integer there, and bigint"):
        mart.serve()
    mart.warehouse.execute("ALTER TABLE shop.fact ALTER COLUMN id TYPE bigint")
    assert mart.serve().moved


def test_a_rollback_to_before_a_column_empties_it_and_the_way_forward_fills_it(mart: Mart) -> None:
    mart.first()
    mart.publish("CREATE OR REPLACE TABLE marts.dim AS SELECT *, 'red' AS colour FROM marts.dim")
    mart.settings["tables"]["marts.dim"]["not_null"] = {"all_but": []}
    mart.serve()
    done = mart.serve(1)
    assert done.tables["dim"] == Applied(updated=2)
    assert "colour" in done.notes[0]
    assert mart.warehouse.rows("SELECT DISTINCT colour FROM shop.dim") == [(None,)]
    assert mart.serve().tables["dim"] == Applied(updated=2)
    assert mart.warehouse.rows("SELECT DISTINCT colour FROM shop.dim") == [("red",)]


VALUES: list[tuple[str, Any]] = [
    ("true", True),
    ("(-128)::TINYINT", -128),
    ("4294967295::UINTEGER", 4294967295),
    ("18446744073709551615::UBIGINT", Decimal(18446744073709551615)),
    ("-9007199254740991::HUGEINT", Decimal(-9007199254740991)),  # Parquet keeps larger ones as DOUBLE
    ("12345678901234567890123456789012345.678::DECIMAL(38,3)", Decimal("12345678901234567890123456789012345.678")),
    ("0.1::FLOAT", 0.1),
    ("0.1::DOUBLE + 0.2::DOUBLE", 0.30000000000000004),
    ("'infinity'::DOUBLE", float("inf")),
    ("'quote\" back\\slash ''single'' , comma'", "quote\" back\\slash 'single' , comma"),
    ("'two' || chr(10) || 'lines' || chr(13) || chr(9) || 'tab'", "two\nlines\r\ttab"),
    ("'\\.'", "\\."),
    ("'\\N'", "\\N"),
    ("'NULL'", "NULL"),
    ("''", ""),
    ("'😀 — ünï'", "😀 — ünï"),
    ("repeat('x', 1000000)", "x" * 1_000_000),
    ("'\\x00\\xFFab'::BLOB", b"\x00\xffab"),
    ("DATE '2024-02-29'", date(2024, 2, 29)),
    ("TIMESTAMP '2024-02-29 12:30:00.123456'", datetime(2024, 2, 29, 12, 30, 0, 123456)),  # noqa: DTZ001  # it has none
    ("TIMESTAMPTZ '2024-02-29 12:30:00+02'", datetime(2024, 2, 29, 10, 30, tzinfo=UTC)),
    ("TIME '23:59:59.999999'", time(23, 59, 59, 999999)),
    ("INTERVAL '3 days 2 hours'", timedelta(days=3, hours=2)),
    ("'7a3d0c9e-8a1b-4c2d-9e0f-112233445566'::UUID", UUID("7a3d0c9e-8a1b-4c2d-9e0f-112233445566")),
    ("'{\"a\": [1, null]}'::JSON", {"a": [1, None]}),
    ("[1, 2, NULL]", [1, 2, None]),
    ("{'a': 'x', 'b': [true]}", {"a": "x", "b": [True]}),
    ("[1.5::DECIMAL(10,2), NULL]", [1.5, None]),
    ("[[[0.25::DECIMAL(4,2)], NULL], []]", [[[0.25], None], []]),
    ("MAP {'a': [1.5::DECIMAL(10,2)]}", {"a": [1.5]}),
    ("{'a': 1.5::DECIMAL(10,2)}", {"a": 1.5}),
    ("[{'a': ['x']}]", [{"a": ["x"]}]),
    ("['two\"\\, {}']", ['two"\\, {}']),
    ("[18446744073709551615::UBIGINT]", [18446744073709551615]),
    ("[9007199254740993]", [9007199254740993]),
    ("[true, false]", [True, False]),
    ("['\\x00\\xFFab'::BLOB]", ["\\x00\\xFFab"]),
    ("[DATE '2024-02-29']", ["2024-02-29"]),
    ("[TIMESTAMP '2024-02-29 12:30:00.123456']", ["2024-02-29 12:30:00.123456"]),
    ("[TIME '23:59:59.999999']", ["23:59:59.999999"]),
    ("[INTERVAL '3 days']", ["3 days"]),
    ("['7a3d0c9e-8a1b-4c2d-9e0f-112233445566'::UUID]", ["7a3d0c9e-8a1b-4c2d-9e0f-112233445566"]),
    ("['{\"a\": [1, null]}'::JSON]", [{"a": [1, None]}]),
    ("[0.1::FLOAT]", [0.10000000149011612]),
    ("[1::TINYINT, 2]", [1, 2]),
]


def test_every_type_arrives_without_loss_and_is_not_rewritten(mart: Mart) -> None:
    columns = ", ".join(f"{sql} AS c{number}" for number, (sql, _) in enumerate(VALUES))
    empty = ", ".join(f"NULL AS c{number}" for number in range(len(VALUES)))
    mart.publish(f"CREATE TABLE marts.t AS SELECT 1 AS id, {columns} UNION ALL SELECT 2, {empty}")
    mart.settings["tables"] = {"marts.t": {"primary_key": ["id"]}}
    mart.serve()
    (row,) = mart.warehouse.rows("SELECT * FROM shop.t WHERE id = 1")
    for (sql, value), found in zip(VALUES, row[1:], strict=True):
        assert found == (pytest.approx(value, rel=1e-7) if "FLOAT" in sql else value), sql
    ((*nulls,),) = mart.warehouse.rows("SELECT * FROM shop.t WHERE id = 2")
    assert nulls[1:] == [None] * len(VALUES)
    assert mart.compare() == (1, [Difference("t", 0, 0, 0)])
    assert mart.serve(repair=True).tables == {"t": Applied()}


def test_dates_before_christ_arrive(mart: Mart) -> None:
    mart.publish("CREATE TABLE marts.t AS SELECT 1 AS id, DATE '0044-03-15 (BC)' AS d")
    mart.settings["tables"] = {"marts.t": {"primary_key": ["id"]}}
    mart.serve()
    assert mart.warehouse.rows("SELECT d::text FROM shop.t") == [("0044-03-15 BC",)]


def test_a_type_that_would_lose_something_names_the_column(mart: Mart) -> None:
    mart.publish("CREATE TABLE marts.t AS SELECT 1 AS id, '2024-01-01 00:00:00.123456789'::TIMESTAMP_NS AS exactly")
    mart.settings["tables"] = {"marts.t": {"primary_key": ["id"]}}
    with pytest.raises(UsageError, match="cannot hold exactly of type TIMESTAMP_NS without loss"):
        mart.serve()


def test_a_text_with_nul_is_refused_and_not_shown(mart: Mart) -> None:
    mart.publish("CREATE TABLE marts.t AS SELECT 1 AS id, 'private' || chr(0) AS secret_note")
    mart.settings["tables"] = {"marts.t": {"primary_key": ["id"]}}
    with pytest.raises(ServeError, match="a text of t holds a NUL character") as caught:
        mart.serve()
    assert "private" not in str(caught.value)


def test_names_that_are_sql_are_only_names(mart: Mart) -> None:
    table, column = 'sel"ect', "drop table x; --%s"
    mart.publish(f"CREATE TABLE marts.{ident('select')} AS SELECT 1 AS {ident(column)}, 2 AS {ident(table)}")
    mart.settings["tables"] = {"marts.select": {"primary_key": [column], "not_null": [table]}}
    mart.serve()
    mart.publish(f"INSERT INTO marts.{ident('select')} VALUES (2, 3)")
    assert mart.serve().tables == {"select": Applied(inserted=1)}


def test_a_view_and_an_empty_table_can_be_served(mart: Mart) -> None:
    """The rows of a view move with what it reads, and those that did not change are not rewritten."""
    mart.first()
    mart.publish(
        "CREATE VIEW marts.current AS SELECT id, amount FROM marts.fact WHERE note IS NULL OR note = 'x'",
        "CREATE TABLE marts.nothing (id INTEGER)",
    )
    keyed = {"primary_key": ["id"]}
    mart.settings["tables"] = {"marts.nothing": keyed, "marts.current": keyed}
    assert mart.serve().tables == {"nothing": Applied(), "current": Applied(inserted=2)}
    rows = "SELECT id, amount, xmin::text FROM shop.current ORDER BY id"
    (first, third) = mart.warehouse.rows(rows)
    assert (first[:2], third[:2]) == ((1, Decimal("1.5")), (3, Decimal("3.5")))
    mart.publish("UPDATE marts.fact SET note = NULL WHERE id = 2", "DELETE FROM marts.fact WHERE id = 3")
    assert mart.serve().tables == {"current": Applied(inserted=1, deleted=1)}
    assert mart.warehouse.rows(rows)[0] == first
    assert [row[:2] for row in mart.warehouse.rows(rows)] == [(1, Decimal("1.5")), (2, Decimal("2.5"))]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"marts.fcat": {"primary_key": ["id"]}}, "has no table marts.fcat"),
        ({FACTS: {"primary_key": ["idd"]}}, "there is no column 'idd'"),
        ({FACTS: {"primary_key": ["id"], "not_null": ["amonut"]}}, "there is no column 'amonut'"),
    ],
)
def test_what_the_release_does_not_have_is_named(mart: Mart, change: dict[str, Any], text: str) -> None:
    mart.first()
    mart.settings["tables"] = change
    with pytest.raises(UsageError, match=text) as caught:
        mart.serve()
    assert "did you mean" in str(caught.value)


def test_without_a_release_there_is_nothing_to_serve(mart: Mart) -> None:
    with pytest.raises(NoReleaseError, match="nothing is published yet"):
        mart.serve()


# --- what is declared ----------------------------------------------------------------------------------


def test_what_is_declared_otherwise_is_changed_without_a_new_release(mart: Mart) -> None:
    mart.first()
    mart.settings["tables"][FACTS] |= {"foreign_keys": {}, "not_null": []}
    mart.serve()
    loose = "INSERT INTO shop.fact VALUES (9, 'nobody', NULL, NULL)"
    mart.warehouse.execute(loose, "DELETE FROM shop.fact WHERE id = 9")
    mart.settings["tables"][FACTS] |= {"foreign_keys": {"kind": "dim.kind"}, "not_null": ["amount"]}
    assert mart.serve().moved
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        mart.warehouse.execute("INSERT INTO shop.fact VALUES (9, 'nobody', 1, NULL)")
    mart.settings["tables"][FACTS] |= {"foreign_keys": {}, "not_null": []}
    assert mart.serve().moved
    mart.warehouse.execute(loose)


def test_a_table_that_is_no_longer_served_stays_and_is_told(mart: Mart) -> None:
    mart.first()
    mart.settings["tables"][FACTS]["foreign_keys"] = {}
    mart.serve()
    del mart.settings["tables"]["marts.dim"]
    assert "dim is no longer served" in mart.serve().notes[0]
    assert mart.warehouse.rows("SELECT count(*) FROM shop.dim") == [(2,)]


def test_another_projects_schema_is_left_alone(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.warehouse.execute("UPDATE shop.headgate_release SET project = 'theirs', target = 'prod'")
    with pytest.raises(WarehouseDriftError, match="kept by another project: theirs, target prod"):
        mart.serve()


def test_a_release_that_the_lake_does_not_have_is_compared_row_by_row_in_bulk(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.warehouse.execute("UPDATE shop.headgate_release SET release = 77")
    mart.publish("INSERT INTO marts.fact VALUES (4, 'b', 4.5, NULL)", "DELETE FROM marts.fact WHERE id = 1")
    assert mart.serve().tables == {"fact": Applied(inserted=1, deleted=1)}


# --- by hand -------------------------------------------------------------------------------------------

#: What a look at the catalogue finds, with a part of what is said of it.
IN_CATALOGUE = [
    ("DROP TABLE shop.fact", "somebody dropped the table"),
    ("ALTER TABLE shop.fact DROP COLUMN note", "somebody dropped the column note"),
    ("ALTER TABLE shop.fact RENAME COLUMN note TO memo", "the column note, or renamed it to memo"),
    ("ALTER TABLE shop.fact ALTER COLUMN amount TYPE text", "the type of amount: it is text there, and numeric"),
    ("ALTER TABLE shop.fact DROP CONSTRAINT fact_pkey", "somebody dropped the primary key"),
    (
        "ALTER TABLE shop.fact DROP CONSTRAINT fact_pkey, ADD PRIMARY KEY (id, kind)",
        "somebody changed the primary key: it is .id, kind. there",
    ),
    ("ALTER TABLE shop.fact ALTER COLUMN amount DROP NOT NULL", "somebody let amount be null"),
    ("ALTER TABLE shop.dim ALTER COLUMN name SET NOT NULL", "somebody made name NOT NULL"),
    ("ALTER TABLE shop.dim DROP CONSTRAINT dim_pkey CASCADE", "fact: somebody dropped the foreign key of kind"),
]


@pytest.mark.parametrize(("statement", "text"), IN_CATALOGUE)
def test_what_somebody_changed_is_told_when_nothing_is_new_and_can_be_repaired(
    mart: Mart, statement: str, text: str
) -> None:
    mart.first()
    mart.serve()
    assert is_as_served(mart.server, mart.releases)
    mart.warehouse.execute(statement)
    assert not is_as_served(mart.server, mart.releases)
    with pytest.raises(WarehouseDriftError, match=text):
        mart.serve()
    found = mart.compared()
    assert re.search(text, "\n".join(found.changes))
    assert not any(difference.any for difference in found.differences)
    if "TYPE" not in statement:  # what would change values is for people to do
        mart.serve(repair=True)
        assert is_as_served(mart.server, mart.releases)
        assert mart.facts() == [
            (1, "a", Decimal("1.5"), None),
            (2, "b", Decimal("2.5"), ""),
            (3, "a", Decimal("3.5"), "x"),
        ]


def test_the_statement_that_helps_can_be_pasted(mart: Mart) -> None:
    """With the table's schema: on the search path there may be others of that name."""
    mart.first()
    mart.serve()
    for statement in (
        "ALTER TABLE shop.fact RENAME COLUMN note TO memo",
        "ALTER TABLE shop.fact ALTER COLUMN id TYPE bigint",
    ):
        mart.warehouse.execute(statement)
        with pytest.raises(WarehouseDriftError) as caught:
            mart.serve()
        pasted = re.search(r"ALTER TABLE [^;]+", str(caught.value.hint))
        assert pasted
        mart.warehouse.execute(pasted[0])
        assert not mart.serve().moved


def test_all_that_somebody_changed_is_told_at_once(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.warehouse.execute("ALTER TABLE shop.fact DROP COLUMN note", "DROP TABLE shop.dim CASCADE")
    with pytest.raises(WarehouseDriftError) as caught:
        mart.serve()
    assert str(caught.value.what) == (
        "fact: somebody dropped the column note; fact: somebody dropped the foreign key of kind; "
        "dim: somebody dropped the table"
    )
    assert "headgate serve --repair makes it anew" in str(caught.value.hint)


def test_a_check_names_what_it_did_not_look_at(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.publish("CREATE TABLE marts.other AS SELECT 1 AS id")
    mart.settings["tables"] = {"marts.other": {"primary_key": ["id"]}}
    found = mart.compared()
    assert (found.release, found.differences, found.changes) == (1, [], ["other: it was never served (headgate serve)"])
    assert [note.partition(":")[0] for note in found.notes] == ["dim is no longer served", "fact is no longer served"]
    mart.settings["tables"] = {FACTS: {"primary_key": ["id"]}, "marts.dim": {"primary_key": ["kind"]}}
    assert mart.compared().changes == ["`serve` was changed since release 1 was served (headgate serve)"]
    mart.serve()
    assert mart.compare()[0] == 2


# --- whose schema it is ----------------------------------------------------------------------------------


def another_mart(mart: Mart, place: Path) -> Mart:
    """Another lake of the same project, which serves to the same schema."""
    Lake.blank = b""  # tests copy it, and every lake is really made from nothing
    other = Mart(LocalStore(place), mart.con, mart.warehouse)
    other.first()
    return other


def test_another_lake_of_the_same_project_is_refused_whatever_its_releases_are_numbered(
    mart: Mart, tmp_path: Path
) -> None:
    mart.first()
    mart.publish("INSERT INTO marts.fact VALUES (4, 'b', 4.5, NULL)")
    mart.serve(run="run-2")
    other = another_mart(mart, tmp_path / "other")
    for kind in ("", "c", "d"):  # with less, as many, and more releases
        if kind:
            other.publish(f"INSERT INTO marts.dim VALUES ('{kind}', 'Cake')")
        with pytest.raises(WarehouseTakenError, match=r"another lake of tested: it .* release 2, of run run-2"):
            other.serve()
        with pytest.raises(WarehouseTakenError, match="kept by another lake"):
            other.compared()
    assert other.serve(take_over=True).tables["fact"] == Applied(deleted=1)
    assert other.compare()[0] == 3
    with pytest.raises(WarehouseTakenError, match="kept by another lake") as caught:
        mart.serve()
    assert "headgate serve --take-over" in str(caught.value.hint)


def test_a_lake_that_was_made_anew_is_another_one(mart: Mart, tmp_path: Path) -> None:
    mart.first()
    mart.publish("INSERT INTO marts.fact VALUES (4, 'b', 4.5, NULL)")
    mart.serve()
    shutil.rmtree(tmp_path / "lake")
    anew = another_mart(mart, tmp_path / "lake")
    with pytest.raises(WarehouseTakenError):
        anew.serve(repair=True)


def test_a_lake_that_was_copied_to_another_place_is_the_same_until_both_go_on(mart: Mart, tmp_path: Path) -> None:
    mart.first()
    mart.serve()
    mart.publish("INSERT INTO marts.fact VALUES (4, 'b', 4.5, NULL)")
    shutil.copytree(tmp_path / "lake", tmp_path / "copy")
    copy = Mart(LocalStore(tmp_path / "copy"), mart.con, mart.warehouse)
    assert copy.serve().tables["fact"] == Applied(inserted=1)
    assert not mart.serve().moved
    copy.publish("INSERT INTO marts.fact VALUES (5, 'b', 5.5, NULL)")
    mart.publish("INSERT INTO marts.fact VALUES (6, 'b', 6.5, NULL)")
    copy.serve()
    with pytest.raises(WarehouseTakenError):
        mart.serve()


def test_a_warehouse_of_before_lakes_were_told_apart_is_served_on_and_marked(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.warehouse.execute("ALTER TABLE shop.headgate_release DROP COLUMN lake")
    assert not mart.serve().moved
    mart.publish("INSERT INTO marts.fact VALUES (4, 'b', 4.5, NULL)")
    assert mart.serve().tables == {"fact": Applied(inserted=1)}
    assert mart.warehouse.rows("SELECT lake IS NOT NULL FROM shop.headgate_release") == [(True,)]


def test_repair_makes_rows_and_tables_what_they_should_be(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.warehouse.execute(
        "UPDATE shop.fact SET amount = 9 WHERE id = 1",
        "DELETE FROM shop.fact WHERE id = 2",
        "INSERT INTO shop.fact VALUES (9, 'a', 1, NULL)",
    )
    assert mart.compare() == (1, [Difference("fact", 1, 1, 1), Difference("dim", 0, 0, 0)])
    assert mart.serve(repair=True).tables["fact"] == Applied(inserted=1, updated=1, deleted=1)
    mart.warehouse.execute("DROP TABLE shop.fact")
    assert mart.serve(repair=True).tables["fact"] == Applied(inserted=3)
    assert mart.compare() == (1, [Difference("fact", 0, 0, 0), Difference("dim", 0, 0, 0)])


def test_a_column_that_somebody_added_is_told_and_left(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.warehouse.execute("ALTER TABLE shop.fact ADD COLUMN mine text DEFAULT 'x'")
    mart.publish("INSERT INTO marts.fact VALUES (4, 'b', 4.5, NULL)")
    assert mart.serve().notes == ["fact has columns in the warehouse that release 2 does not have: mine"]
    assert mart.warehouse.rows("SELECT count(*) FROM shop.fact WHERE mine = 'x'") == [(4,)]


def test_a_table_of_somebody_else_is_not_taken(mart: Mart) -> None:
    mart.first()
    mart.warehouse.execute("CREATE SCHEMA shop", "CREATE TABLE shop.fact (mine integer)")
    with pytest.raises(WarehouseDriftError, match="that Headgate did not make"):
        mart.serve()
    assert mart.warehouse.release is None


def test_there_is_nothing_to_compare_before_something_was_served(mart: Mart) -> None:
    mart.first()
    with pytest.raises(NoReleaseError, match="nothing was served yet"):
        mart.compare()


# --- others at the same time ---------------------------------------------------------------------------


def test_a_reader_is_neither_blocked_nor_shown_a_mixture(mart: Mart) -> None:
    mart.first()
    mart.serve()
    counts = ", ".join(f"(SELECT count(*) FROM shop.{table})" for table in ("fact", "dim"))
    look = f"SELECT {counts}, release FROM shop.headgate_release"
    with mart.warehouse.connect() as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        assert reader.execute(look.encode()).fetchall() == [(3, 2, 1)]
        mart.publish("INSERT INTO marts.fact VALUES (4, 'c', 4, NULL)", "INSERT INTO marts.dim VALUES ('c', 'Cake')")
        mart.serve()  # although the reader's transaction is open: its locks and ours get along
        assert reader.execute(look.encode()).fetchall() == [(3, 2, 1)]
        reader.rollback()
        assert reader.execute(look.encode()).fetchall() == [(4, 3, 2)]


def test_somebody_who_locks_a_table_is_waited_for_and_not_for_ever(mart: Mart) -> None:
    mart.first()
    mart.serve()
    mart.publish("INSERT INTO marts.fact VALUES (4, 'b', 4, NULL)")
    with mart.warehouse.connect() as greedy:
        greedy.execute("LOCK TABLE shop.fact IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(WarehouseUnavailableError, match="locks the warehouse's tables for more than 1 s") as caught:
            mart.serve()
        assert caught.value.retryable
        greedy.rollback()
    assert mart.serve().release == 2


def test_a_warehouse_that_is_full_keeps_its_release_and_is_served_once_there_is_room(mart: Mart) -> None:
    """PostgreSQL says so in the middle of the transaction, when a part of the rows is there already."""
    mart.first()
    mart.serve()
    mart.publish("INSERT INTO marts.fact VALUES (4, 'c', 4, NULL)", "INSERT INTO marts.dim VALUES ('c', 'Cake')")
    full = (
        "RAISE EXCEPTION USING ERRCODE = 'disk_full', "
        "MESSAGE = 'could not extend file \"base/5/16384\": No space left on device'"
    )
    mart.warehouse.execute(
        f"CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {full}; END $$",
        "CREATE TRIGGER no_room BEFORE INSERT ON shop.fact FOR EACH STATEMENT EXECUTE FUNCTION no_room()",
    )
    with pytest.raises(WarehouseUnavailableError, match="the warehouse is full: could not extend file") as caught:
        mart.serve()
    assert caught.value.retryable
    assert "next run" in str(caught.value.hint)
    assert mart.warehouse.release == 1
    assert mart.warehouse.rows("SELECT count(*) FROM shop.dim") == [(2,)]
    mart.warehouse.execute("DROP FUNCTION no_room CASCADE")
    assert mart.serve().tables == {"fact": Applied(inserted=1), "dim": Applied(inserted=1)}


def test_two_at_once_serve_one_after_the_other(mart: Mart) -> None:
    mart.first()
    mart.settings["lock_timeout"] = timedelta(seconds=30)
    with mart.warehouse.connect() as other:
        key = "SELECT pg_advisory_xact_lock(hashtextextended('headgate shop', 0))"
        other.execute(key.encode())
        done: list[int] = []
        second = threading.Thread(target=lambda: done.append(mart.serve().release))
        second.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while mart.warehouse.rows(waiting) == [(0,)]:
            assert second.is_alive()
        assert not done
        other.rollback()
        second.join(30)
    assert done == [1]


def test_a_warehouse_that_is_not_there_is_told_without_the_password(mart: Mart) -> None:
    mart.first()
    mart.settings["url"] = mart.warehouse.url.replace(f":{mart.warehouse.server.port}/", ":1/")
    with pytest.raises(WarehouseUnavailableError, match="the warehouse cannot be reached") as caught:
        mart.serve()
    assert caught.value.retryable
    assert PASSWORD not in str(caught.value)


def test_a_wrong_password_or_database_is_told_without_it(mart: Mart) -> None:
    mart.first()
    mart.settings["url"] = mart.warehouse.url.replace(PASSWORD, "swordfish")
    with pytest.raises(WarehouseUnavailableError, match="password authentication failed") as caught:
        mart.serve()
    assert "swordfish" not in str(caught.value)
    mart.settings["url"] = mart.warehouse.server.url("no_such_database")
    with pytest.raises(WarehouseUnavailableError, match="no_such_database"):
        mart.serve()


def test_a_role_that_may_not_is_told_what_it_needs(mart: Mart, warehouse: Warehouse) -> None:
    mart.first()
    warehouse.execute("DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN PASSWORD 'guest-password'")
    mart.settings["url"] = warehouse.url.replace(f"postgres:{PASSWORD}", "guest:guest-password")
    with pytest.raises(ServeError, match="permission denied") as caught:
        mart.serve()
    assert "needs CREATE" in str(caught.value.hint)
