"""What a program hands over arrives as it is, or is refused by name."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate import gate
from headgate.errors import CouldNotRunError, UsageError
from headgate.lake.engine import connect
from headgate.standalone.frames import open_frame

#: A value of every type of DuckDB that Parquet could lose something of, and where other than its own the type of it.
VALUES = {
    "9007199254740993::HUGEINT": None,
    "(-170141183460469231731687303715884105728)::HUGEINT": None,
    "340282366920938463463374607431768211455::UHUGEINT": None,
    "18446744073709551615::UBIGINT": None,
    "'340282366920938463463374607431768211455000000001'::BIGNUM": None,
    "12345678901234567890.12345678::DECIMAL(38, 8)": None,
    "'NaN'::FLOAT": None,
    "'a' || chr(0)": None,
    "'\\xFF\\x00'::BLOB": None,
    "'0010110'::BIT": None,
    "uuid '00000000-0000-0000-0000-000000000001'": None,
    "'b'::ENUM('a', 'b')": "VARCHAR",
    "DATE '0044-03-15 (BC)'": None,
    "DATE 'infinity'": None,
    "TIME '24:00:00'": None,
    "TIME_NS '12:00:00.000000001'": None,
    "TIMETZ '12:00:00.000001+05:30'": None,
    "TIMESTAMP '-infinity'": None,
    "TIMESTAMP_S '200000-01-01 00:00:00'": None,
    "TIMESTAMP_MS '2020-01-01 00:00:00.001'": None,
    "TIMESTAMP_NS '2020-01-01 00:00:00.000000001'": None,
    "TIMESTAMPTZ '2020-01-01 00:00:00.000001+02'": None,
    "INTERVAL '1 month 2 days 00:00:00.000001'": None,
    "INTERVAL '-1 month 2 days -00:00:01'": None,
    "JSON '{\"a\": [1]}'": None,
    "{'a': 1}::VARIANT": None,
    "GEOMETRY 'POINT (1 2)'": None,
    "NULL::HUGEINT": None,
    "[9007199254740993::HUGEINT, NULL]": None,
    "[9007199254740993::HUGEINT, 2]::HUGEINT[2]": None,
    "[]::TIMETZ[]": None,
    """{'a "b"': 9007199254740993::HUGEINT, 'c': [{'d': INTERVAL '-1 day'}], 'e': JSON '1'}""": None,
    "{'a': 'b'::ENUM('a', 'b')}": "STRUCT(a VARCHAR)",
    "MAP {9007199254740993::HUGEINT: TIMETZ '12:00:00+01'}": None,
}


@pytest.mark.parametrize("value", VALUES)
def test_a_relation_arrives_with_its_values_and_types(value: str) -> None:
    with duckdb.connect() as theirs, connect(extensions=()) as con:
        theirs.execute("SET TimeZone = 'UTC'")
        relation = theirs.sql(f'SELECT v AS "a \'b\' ""c""" FROM (VALUES ({value}), (NULL)) t(v)')
        asked = "SELECT typeof(COLUMNS(*)) AS type, COLUMNS(*)::VARCHAR AS value"
        expected = relation.query("given", f"{asked} FROM given").fetchall()
        with open_frame(con, relation) as data:
            found = con.sql(f"{asked} FROM {data.table}").fetchall()
    kind = VALUES[value]
    assert found == [(kind or type_, text) for type_, text in expected]


def test_fields_without_names_are_called_by_their_numbers() -> None:
    with duckdb.connect() as theirs, connect(extensions=()) as con:
        relation = theirs.sql("SELECT row(9007199254740993::HUGEINT, 'a') AS v")
        with open_frame(con, relation) as data:
            found = con.sql(f"SELECT typeof(v), v FROM {data.table}").fetchall()
    assert found == [('STRUCT("1" HUGEINT, "2" VARCHAR)', {"1": 9007199254740993, "2": "a"})]


def test_sums_of_a_relation_are_not_rounded() -> None:
    with duckdb.connect() as con:
        sums = con.sql(
            "SELECT sum(v) s FROM (VALUES ('a', 9007199254740993), ('b', 9007199254740992)) t(k, v) GROUP BY k"
        )
        suite: list[dict[str, Any]] = [
            {"expect_column_values_to_be_unique": {"column": "s"}},
            {"expect_column_values_to_be_in_set": {"column": "s", "value_set": [9007199254740992]}},
            {"expect_column_max_to_be_between": {"column": "s", "max_value": 9007199254740992}},
        ]
        unique, in_set, largest = gate(sums, suite).results
    assert unique.success
    assert not in_set.success
    assert in_set.partial_unexpected_list == (9007199254740993,)
    assert (largest.success, largest.observed_value) == (False, 9007199254740993)


def test_a_relation_with_a_union_is_refused_with_what_to_select() -> None:
    with duckdb.connect() as con:
        relation = con.sql("SELECT 1 AS id, [union_value(number := 1)] AS choice")
        with pytest.raises(UsageError, match=r"the column choice of type UNION.*cannot be read\n.*union_extract"):
            gate(relation, [{"expect_column_to_exist": {"column": "id"}}])


@pytest.mark.parametrize("pii", [False, True])
def test_a_relation_whose_query_fails_says_so_and_quotes_no_personal_data(pii: bool) -> None:
    tags = [{"columns": {"id": {"pii": True}}}] if pii else []
    suite = {"data": [*tags, {"expect_column_to_exist": {"column": "id"}}]}
    with duckdb.connect() as con:
        relation = con.sql("SELECT t::INTEGER AS id FROM (VALUES ('secret')) v(t)")
        with pytest.raises(CouldNotRunError, match=r"reading the duckdb\.DuckDBPyRelation") as told:
            gate(relation, suite)
    assert ("secret" in str(told.value)) is not pii


def twins(library: str) -> Any:
    """A table with the columns ``a`` and ``A``."""
    made = pytest.importorskip(library) if library != "duckdb" else duckdb
    if library == "duckdb":
        return made.sql('SELECT 1 AS a, 2 AS "A"')
    return made.table([[1], [2]], names=["a", "A"]) if library == "pyarrow" else made.DataFrame({"a": [1], "A": [2]})


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "duckdb"])
def test_columns_that_differ_in_case_only_are_refused(library: str) -> None:
    with pytest.raises(UsageError, match=r"has the column 'A' twice, the other time as 'a' \(case does not matter\)"):
        gate(twins(library), [{"expect_column_to_exist": {"column": "A_1"}}])


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_frame_without_columns_is_refused(library: str) -> None:
    made = pytest.importorskip(library)
    frame = made.table({}) if library == "pyarrow" else made.DataFrame()
    with pytest.raises(UsageError, match="has no columns"):
        gate(frame, [{"expect_table_row_count_to_equal": {"value": 0}}])


@pytest.mark.parametrize("kind", ["Int128", "Float16", "Object"])
def test_a_column_of_a_type_that_cannot_be_read_is_named(kind: str) -> None:
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame = polars.DataFrame({"id": [1], "odd": [1]}, schema={"id": polars.Int64, "odd": getattr(polars, kind)})
    with pytest.raises(UsageError, match=f"the column odd of type {kind}, which cannot be read") as told:
        gate(frame, [{"expect_column_to_exist": {"column": "id"}}])
    assert "give it a type that DuckDB has" in str(told.value)


def test_categories_that_are_no_texts_only_are_refused_by_column() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"id": [1, 2], "kind": pandas.Categorical([1, "a"])})
    with pytest.raises(UsageError, match="the column kind of type category, which cannot be read"):
        gate(frame, [{"expect_column_to_exist": {"column": "id"}}])


def test_categories_are_judged_as_their_values() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"kind": pandas.Categorical(["b", "a", "b", None], categories=["c", "b", "a"])})
    suite: list[dict[str, Any]] = [
        {"expect_column_values_to_be_in_set": {"column": "kind", "value_set": ["a", "b"]}},
        {"expect_column_values_to_match_regex": {"column": "kind", "regex": "^[ab]$"}},
        {"expect_column_value_lengths_to_equal": {"column": "kind", "value": 1}},
        {"expect_column_distinct_values_to_equal_set": {"column": "kind", "value_set": ["a", "b"]}},
        {"expect_column_most_common_value_to_be_in_set": {"column": "kind", "value_set": ["b"]}},
    ]
    assert [(each.type, each.error) for each in gate(frame, suite).results if not each.success] == []


#: Moments that nanoseconds can be counted to, all others that a suite can name, and the edges between them.
HELD = st.datetimes(dt.datetime(1677, 9, 22), dt.datetime(2262, 4, 11, 23, 47, 16, 854775))  # noqa: DTZ001 - no zone
EDGES = (
    "1677-09-21",
    "1677-09-22",
    "2262-04-11 23:47:16.854775",
    "2262-04-11 23:47:16.854776",
    "9999-12-31",
    "0001-01-01",
)
NAMED = st.datetimes().map(str) | st.sampled_from(EDGES)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.none() | HELD, max_size=4), low=NAMED, high=NAMED, more=st.lists(NAMED, max_size=3))
def test_nanoseconds_compare_with_every_moment_as_microseconds_do(
    values: list[dt.datetime | None], low: str, high: str, more: list[str]
) -> None:
    low, high = sorted((low, high))
    wanted = [low, *more, *(str(each) for each in values[:1] if each)]
    suite: list[dict[str, Any]] = [
        {"expect_column_values_to_be_between": {"column": "c", "min_value": low, "max_value": high}},
        {"expect_column_values_to_be_between": {"column": "c", "min_value": low, "strict_min": True}},
        {"expect_column_values_to_be_between": {"column": "c", "max_value": high, "strict_max": True}},
        {"expect_column_max_to_be_between": {"column": "c", "min_value": low, "max_value": high}},
        {"expect_column_values_to_be_in_set": {"column": "c", "value_set": wanted}},
        {"expect_column_values_to_not_be_in_set": {"column": "c", "value_set": wanted}},
        {"expect_column_distinct_values_to_equal_set": {"column": "c", "value_set": wanted}},
        {"expect_column_most_common_value_to_be_in_set": {"column": "c", "value_set": wanted}},
        {"expect_column_pair_values_to_be_in_set": {"column_A": "c", "column_B": "c", "value_pairs_set": [wanted[:2]]}},
    ]
    suite = suite if len(wanted) > 1 else suite[:-1]
    found = []
    with duckdb.connect() as con:
        for kind in ("TIMESTAMP", "TIMESTAMP_NS"):
            con.execute(f"CREATE OR REPLACE TABLE t (c {kind})")
            for value in values:
                con.execute("INSERT INTO t VALUES (?)", [value])
            results = gate(con.table("t"), suite).results
            found.append([(each.success, each.error, each.unexpected_count, each.observed_value) for each in results])
    assert found[0] == found[1]
    assert [error for _, error, _, _ in found[0] if error] == []
