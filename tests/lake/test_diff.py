"""Comparing two releases."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.errors import CouldNotRunError
from headgate.lake.diff import ColumnChange, TableDiff, diff, primary_keys
from lake_maker import Lake

KEY: dict[str, Any] = {"models": {"model.t": {"relation": "marts.t", "primary_key": ["id"]}}}


def compare(lake: Lake, before: int = 1, after: int = 2) -> dict[str, TableDiff]:
    found = diff(lake.store, lake.con, lake.releases.manifest(before), lake.releases.manifest(after))
    assert [t.table for t in found] == sorted(t.table for t in found)
    left = lake.con.execute("SELECT count(*) FROM duckdb_databases() WHERE NOT internal AND database_name <> 'memory'")
    assert left.fetchall() == [(0,)], "nothing stays attached"
    return {t.table: t for t in found}


def counts(table: TableDiff) -> tuple[int, int, int, str]:
    return table.added, table.removed, table.changed, table.by


def test_rows_are_matched_by_the_primary_key(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT range AS id, 'v' AS v FROM range(10)", **KEY)
    lake.publish(
        "DELETE FROM marts.t WHERE id < 2",
        "UPDATE marts.t SET v = 'w' WHERE id IN (3, 4, 5)",
        "INSERT INTO marts.t SELECT 100 + range, 'v' FROM range(4)",
        **KEY,
    )
    assert counts(compare(lake)["marts.t"]) == (4, 2, 3, "primary key")
    assert counts(compare(lake, 2, 1)["marts.t"]) == (2, 4, 3, "primary key")


def test_without_a_key_whole_rows_are_compared_with_their_number(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT * FROM (VALUES (1, 'a'), (1, 'a'), (1, 'a'), (2, 'b')) t(id, v)")
    lake.publish("CREATE OR REPLACE TABLE marts.t AS SELECT * FROM (VALUES (1, 'a'), (2, 'c'), (2, 'c')) t(id, v)")
    assert counts(compare(lake)["marts.t"]) == (2, 3, 0, "whole row")


def test_a_key_that_is_not_unique_falls_back_to_whole_rows(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS id, 'a' AS v", **KEY)
    lake.publish("INSERT INTO marts.t VALUES (1, 'b')", **KEY)
    assert counts(compare(lake)["marts.t"]) == (1, 0, 0, "whole row")
    assert counts(compare(lake, 2, 1)["marts.t"]) == (0, 1, 0, "whole row")


def test_tables_with_the_same_files_are_not_read(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a", "CREATE TABLE marts.u AS SELECT 1 AS a")
    lake.publish("INSERT INTO marts.u VALUES (2)")
    for path in lake.releases.manifest(1).tables["marts.t"]["files"]:
        lake.store.delete(f"data/{path}")
    found = compare(lake)
    assert counts(found["marts.t"]) == (0, 0, 0, "files")
    assert counts(found["marts.u"]) == (1, 0, 0, "whole row")


def test_the_same_rows_in_other_files_are_no_difference(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT range AS id, 'v' AS v FROM range(100)", **KEY)
    lake.publish("CREATE OR REPLACE TABLE marts.t AS FROM marts.t ORDER BY id DESC", **KEY)
    assert counts(compare(lake)["marts.t"]) == (0, 0, 0, "primary key")


def test_tables_that_came_and_went_count_all_their_rows(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.old AS SELECT range AS a FROM range(3)")
    lake.publish("DROP TABLE marts.old", "CREATE TABLE marts.new AS SELECT range AS b FROM range(5)")
    found = compare(lake)
    assert counts(found["marts.old"])[:3] == (0, 3, 0)
    assert counts(found["marts.new"])[:3] == (5, 0, 0)
    assert found["marts.old"].schema == (ColumnChange("a", "BIGINT", None),)
    assert found["marts.new"].schema == (ColumnChange("b", None, "BIGINT"),)


def test_columns_that_changed_are_told_and_the_others_compared(lake: Lake) -> None:
    lake.publish(
        "CREATE TABLE marts.t AS SELECT range AS id, 1 AS gone, 1::INTEGER AS typed, 'v' AS v FROM range(5)", **KEY
    )
    lake.publish(
        "CREATE OR REPLACE TABLE marts.t AS SELECT id, typed::BIGINT AS typed, "
        "CASE id WHEN 2 THEN 'w' ELSE v END AS v, NULL::DATE AS late FROM marts.t",
        **KEY,
    )
    table = compare(lake)["marts.t"]
    assert counts(table) == (0, 0, 1, "primary key")
    assert table.schema == (
        ColumnChange("gone", "INTEGER", None),
        ColumnChange("typed", "INTEGER", "BIGINT"),
        ColumnChange("late", None, "DATE"),
    )


def test_a_key_whose_type_changed_cannot_match_rows(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS id, 'v' AS v", **KEY)
    lake.publish("CREATE OR REPLACE TABLE marts.t AS SELECT '1' AS id, 'v' AS v", **KEY)
    table = compare(lake)["marts.t"]
    assert counts(table) == (0, 0, 0, "whole row")
    assert table.schema == (ColumnChange("id", "INTEGER", "VARCHAR"),)


def test_tables_without_a_common_column_are_compared_by_their_number_of_rows(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT range AS a FROM range(5)")
    lake.publish("CREATE OR REPLACE TABLE marts.t AS SELECT range AS b FROM range(3)")
    assert counts(compare(lake)["marts.t"]) == (0, 2, 0, "whole row")


def test_a_key_alone_is_a_table_too(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT range AS id FROM range(5)", **KEY)
    lake.publish("CREATE OR REPLACE TABLE marts.t AS SELECT range + 1 AS id FROM range(5)", **KEY)
    assert counts(compare(lake)["marts.t"]) == (1, 1, 0, "primary key")


def test_raw_views_are_read_through_each_release_of_their_own(lake: Lake) -> None:
    lake.publish(
        "CREATE TABLE raw_log.t AS SELECT range AS id, 'v' AS v, false AS dead FROM range(5)",
        "CREATE VIEW raw.t AS SELECT id, v FROM lake.raw_log.t WHERE NOT dead",
        sources={"shop.t": {"primary_key": ["id"]}},
    )
    lake.publish(
        "UPDATE raw_log.t SET dead = true WHERE id = 0",
        "INSERT INTO raw_log.t VALUES (9, 'w', false), (10, 'w', false)",
        sources={"shop.t": {"primary_key": ["id"]}},
    )
    assert counts(compare(lake)["raw.t"]) == (2, 1, 0, "primary key")
    lake.publish("CREATE OR REPLACE VIEW raw.t AS SELECT id, v FROM lake.raw_log.t WHERE NOT dead")
    assert counts(compare(lake, 2, 3)["raw.t"]) == (0, 0, 0, "files")


VALUES = [
    ("'nan'::DOUBLE", "'nan'::DOUBLE", 0),
    ("'nan'::DOUBLE", "NULL::DOUBLE", 1),
    ("NULL::DOUBLE", "NULL::DOUBLE", 0),
    ("1::DOUBLE", "'nan'::DOUBLE", 1),
    ("'inf'::DOUBLE", "'-inf'::DOUBLE", 1),
    ("''", "NULL::VARCHAR", 1),
    ("[1, NULL]", "[1, NULL]", 0),
    ("[1, NULL]", "[1]", 1),
    ("{'a': NULL::INTEGER}", "{'a': NULL::INTEGER}", 0),
    ("{'a': NULL::INTEGER}", "{'a': 1}", 1),
    ("{'a': NULL::INTEGER}", "NULL::STRUCT(a INTEGER)", 1),
]


def test_null_and_nan_are_values_like_others(lake: Lake) -> None:
    keyed: dict[str, Any] = {
        "models": {str(n): {"relation": f"marts.k{n}", "primary_key": ["id"]} for n in range(len(VALUES))}
    }
    for side in (0, 1):
        tables = [
            f"CREATE OR REPLACE TABLE marts.{kind}{n} AS SELECT 1 AS id, {value[side]} AS v"
            for n, value in enumerate(VALUES)
            for kind in "kw"
        ]
        lake.publish("BEGIN", *tables, "COMMIT", **keyed)
    found = compare(lake)
    for number, (before, after, changed) in enumerate(VALUES):
        assert counts(found[f"marts.k{number}"]) == (0, 0, changed, "primary key"), (before, after)
        assert counts(found[f"marts.w{number}"]) == (changed, changed, 0, "whole row"), (before, after)


def test_a_key_may_hold_null_and_nan(lake: Lake) -> None:
    rows = "(NULL::DOUBLE, 1), ('nan'::DOUBLE, 1), (0, 1)"
    lake.publish(f"CREATE TABLE marts.t AS SELECT * FROM (VALUES {rows}) t(id, v)", **KEY)
    lake.publish(
        "CREATE OR REPLACE TABLE marts.t AS SELECT id, CASE WHEN id IS NULL THEN 2 ELSE v END AS v FROM marts.t", **KEY
    )
    assert counts(compare(lake)["marts.t"]) == (0, 0, 1, "primary key")


def test_hostile_names_are_only_names(lake: Lake) -> None:
    name, column = 'x"; DROP TABLE marts.t; --', "HERE"
    model = {"m": {"relation": f"marts.{name}", "primary_key": ['i"d']}}
    quoted = name.replace('"', '""')
    lake.publish(
        f'CREATE TABLE marts."{quoted}" AS SELECT range AS "i""d", 1 AS "{column}", 2 AS "a.b" FROM range(3)',
        models=model,
    )
    lake.publish(
        f'UPDATE marts."{quoted}" SET "{column}" = NULL WHERE "i""d" = 1',
        f'DELETE FROM marts."{quoted}" WHERE "i""d" = 0',
        models=model,
    )
    assert counts(compare(lake)[f"marts.{name}"]) == (0, 1, 1, "primary key")


def test_a_data_file_that_is_gone_is_an_error_of_ours(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
    lake.publish("CREATE OR REPLACE TABLE marts.t AS SELECT 2 AS a")
    for path in lake.releases.manifest(1).tables["marts.t"]["files"]:
        lake.store.delete(f"data/{path}")
    with pytest.raises(CouldNotRunError, match="comparing release 1 with 2") as told:
        compare(lake)
    assert isinstance(told.value.__cause__, duckdb.Error)
    attached = lake.con.execute("SELECT count(*) FROM duckdb_databases() WHERE database_name IN ('before', 'after')")
    assert attached.fetchall() == [(0,)]


def test_primary_keys_are_those_of_sources_and_models(lake: Lake) -> None:
    lake.publish(
        sources={"shop.orders": {"primary_key": ["id"]}, "shop.log": {"primary_key": []}},
        models={
            "model.a": {"relation": "marts.a", "primary_key": ["x", "y"]},
            "model.b": {"relation": "marts.b", "primary_key": []},
            "model.ephemeral": {"relation": None, "primary_key": ["x"]},
        },
    )
    assert primary_keys(lake.releases.manifest(1)) == {"raw.orders": ("id",), "marts.a": ("x", "y")}


ROWS = st.lists(
    st.tuples(
        st.integers(0, 6) | st.none(),
        st.sampled_from([None, 0.0, 1.5, math.nan, math.inf]),
        st.sampled_from([None, "", "a"]),
    ),
    max_size=12,
)


def told(value: Any) -> Any:
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def naive(before: list[Any], after: list[Any]) -> tuple[int, int, int, str]:
    """What a person would count, with NaN equal to itself."""
    old, new = ([tuple(told(v) for v in row) for row in rows] for rows in (before, after))
    if len({r[0] for r in old}) == len(old) and len({r[0] for r in new}) == len(new):
        was, now = ({r[0]: r for r in rows} for rows in (old, new))
        changed = sum(was[k] != now[k] for k in was.keys() & now.keys())
        return len(now.keys() - was.keys()), len(was.keys() - now.keys()), changed, "primary key"
    return (Counter(new) - Counter(old)).total(), (Counter(old) - Counter(new)).total(), 0, "whole row"


def table_of(name: str, rows: list[Any]) -> str:
    def sql(value: Any) -> str:
        return "NULL" if value is None else f"'{value}'"

    values = ", ".join(f"({sql(a)}::INTEGER, {sql(b)}::DOUBLE, {sql(c)}::VARCHAR)" for a, b, c in rows)
    source = f"VALUES {values}" if rows else "SELECT NULL::INTEGER, NULL::DOUBLE, NULL::VARCHAR LIMIT 0"
    return f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM ({source}) t(id, a, b)"


@pytest.mark.slow
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(ROWS, ROWS), min_size=6, max_size=6))
def test_it_counts_what_a_naive_comparison_counts(lake: Lake, pairs: list[tuple[list[Any], list[Any]]]) -> None:
    names = [f"marts.t{number}" for number in range(len(pairs))]
    keys: dict[str, Any] = {"models": {name: {"relation": name, "primary_key": ["id"]} for name in names}}
    both = [[table_of(name, pair[side]) for name, pair in zip(names, pairs, strict=True)] for side in (0, 1)]
    releases = [lake.publish("BEGIN", *tables, "COMMIT", **keys).release for tables in both]
    found = compare(lake, *releases)
    for name, pair in zip(names, pairs, strict=True):
        expected = naive(*pair)
        if found[name].by == "files":
            assert pair == ([], [])
            assert expected[:3] == (0, 0, 0)
        else:
            assert counts(found[name]) == expected
