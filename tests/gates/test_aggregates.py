"""Numbers that sum up a column: what is measured, how it is judged, and how it was come by.

The observed values were compared with what Great Expectations 1.24.1 reports on pandas for the same rows.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from gate_maker import expect, gate, judge
from headgate.errors import ConfigError
from headgate.gates import LakeMemory
from headgate.gates.result import ExpectationResult
from headgate.lake.catalog import read_contents
from headgate.lake.engine import Connection

ONE, NULLS = "(5)", "(NULL::INT), (NULL)"
INTEGERS = "(3), (1), (2), (NULL), (2)"
FLOATS = "(1.5::DOUBLE), ('nan'), (NULL), (2.5)"
DECIMALS = "(1.10::DECIMAL(9, 2)), (2.25), (NULL)"
BOOLEANS = "(true), (false), (true)"
TEXTS = "('b'), ('a'), ('b'), (NULL)"
NOON = dt.datetime.fromisoformat("2020-01-02 12:00:00")
DATES = "(DATE '2020-01-04'), (DATE '2020-01-01'), (NULL)"


def observe(con: Connection, values: str, what: str, **kwargs: Any) -> ExpectationResult:
    con.execute(f"CREATE OR REPLACE TABLE lake.marts.t AS SELECT * FROM (VALUES {values}) v(a)")
    result = judge(con, "t", expect(f"expect_column_{what}_to_be_between", column="a", **kwargs))
    assert result.error is None, result.error
    return result


@pytest.mark.parametrize(
    ("values", "what", "observed"),
    [
        (INTEGERS, "min", 1),
        (INTEGERS, "max", 3),
        (INTEGERS, "mean", 2.0),
        (INTEGERS, "median", 2.0),
        (INTEGERS, "stdev", 0.816496580927726),
        (INTEGERS, "sum", 8),
        (INTEGERS, "unique_value_count", 3),
        (INTEGERS, "proportion_of_unique_values", 0.75),
        (INTEGERS, "proportion_of_non_null_values", 0.8),
        (FLOATS, "min", 1.5),
        (FLOATS, "max", 2.5),
        (FLOATS, "mean", 2.0),
        (FLOATS, "median", 2.0),
        (FLOATS, "stdev", 0.7071067811865476),
        (FLOATS, "sum", 4.0),
        (FLOATS, "unique_value_count", 2),
        (FLOATS, "proportion_of_unique_values", 1.0),
        (FLOATS, "proportion_of_non_null_values", 0.5),
        (DECIMALS, "max", pytest.approx(2.25)),
        (DECIMALS, "mean", pytest.approx(1.675)),
        (DECIMALS, "median", pytest.approx(1.675)),
        (DECIMALS, "stdev", 0.8131727983645296),
        (BOOLEANS, "min", False),
        (BOOLEANS, "mean", 2 / 3),
        (BOOLEANS, "median", 1.0),
        (BOOLEANS, "sum", 2),
        (TEXTS, "min", "a"),
        (TEXTS, "max", "b"),
        (TEXTS, "unique_value_count", 2),
        (DATES, "min", dt.date(2020, 1, 1)),
        (DATES, "mean", NOON),
        (DATES, "median", NOON),
        ("(0.0::DOUBLE), ('-0.0')", "unique_value_count", 1),
        ("(9223372036854775807), (9223372036854775807)", "sum", 2 * (2**63 - 1)),
        ("('inf'::DOUBLE), (1)", "mean", float("inf")),
        (NULLS, "sum", 0),
        (NULLS, "unique_value_count", 0),
        (NULLS, "proportion_of_unique_values", 0),
        (NULLS, "proportion_of_non_null_values", 0),
    ],
)
def test_what_is_observed(branch: Connection, values: str, what: str, observed: Any) -> None:
    result = observe(branch, values, what)
    assert (result.success, result.observed_value) == (True, observed)
    branch.execute("CREATE VIEW lake.marts.seen AS SELECT * FROM lake.marts.t")
    seen = judge(branch, "seen", expect(f"expect_column_{what}_to_be_between", column="a"))
    assert (seen.success, seen.observed_value, seen.how) == (True, observed, "scanned")


@pytest.mark.parametrize(
    ("values", "what"),
    [
        *[(NULLS, what) for what in ("min", "max", "mean", "median", "stdev")],
        ("('nan'::DOUBLE), (NULL)", "max"),
        ("('nan'::DOUBLE), (NULL)", "median"),
        (ONE, "stdev"),
        ("('inf'::DOUBLE), (1), (2)", "stdev"),
        ("('inf'::DOUBLE), ('-inf')", "mean"),
    ],
)
def test_where_there_is_nothing_to_observe_it_fails(branch: Connection, values: str, what: str) -> None:
    result = observe(branch, values, what)
    assert (result.success, result.observed_value) == (False, None)


@pytest.mark.parametrize(
    ("values", "what", "kwargs", "success"),
    [
        (INTEGERS, "min", {"min_value": 1}, True),
        (INTEGERS, "min", {"min_value": 1, "strict_min": True}, False),
        (INTEGERS, "max", {"max_value": 3}, True),
        (INTEGERS, "max", {"max_value": 3, "strict_max": True}, False),
        (INTEGERS, "max", {"max_value": "2.5"}, False),
        (INTEGERS, "mean", {"min_value": 2, "max_value": 2}, True),
        (FLOATS, "mean", {"max_value": 1.9}, False),
        ("(0.1::DOUBLE)", "max", {"max_value": 0.1}, True),
        ("(0.10::DECIMAL(9, 2)), (0.20)", "sum", {"max_value": 0.3}, True),
        (DATES, "min", {"min_value": "2020-01-01"}, True),
        (DATES, "max", {"max_value": "2020-01-03 23:59:59"}, False),
        (DATES, "median", {"min_value": "2020-01-02 12:00:00", "strict_min": True}, False),
        ("(TIMESTAMPTZ '2020-01-01 10:00:00+00')", "max", {"max_value": "2020-01-01 11:00:00+01:00"}, True),
        (BOOLEANS, "min", {"min_value": 0, "strict_min": True}, False),
        (NULLS, "sum", {"min_value": 1}, False),
        ("(DATE 'infinity')", "max", {"max_value": "9999-12-31"}, False),
        ("(DATE 'infinity'), ('2020-01-01')", "max", {"min_value": "2020-01-01"}, True),
        ("(DATE '-infinity')", "min", {"min_value": "0001-01-01"}, False),
        ("(TIMESTAMP '-infinity')", "min", {"min_value": "0001-01-01"}, False),
        ("(TIMESTAMP_S '12000-01-01')", "max", {"max_value": "9999-12-31 23:59:59"}, False),
        ("(TIMESTAMPTZ '12000-01-01 00:00:00+00')", "min", {"min_value": "2020-01-01"}, True),
        ("(DATE '9999-12-31' + 400)", "max", {"max_value": "2020-01-01"}, False),
        ("(DATE '300000-01-01')", "max", {"max_value": "2020-01-01"}, False),
        ("(DATE '-2000-01-01')", "min", {"max_value": "2020-01-01"}, True),
        ("(TIMESTAMP_NS '2020-01-01 00:00:00.123456789')", "max", {"max_value": "2020-01-01 00:00:00.123456"}, False),
        ("(TIMESTAMP_NS '2020-01-01 00:00:00.123456789')", "max", {"max_value": "2020-01-01 00:00:00.123457"}, True),
        ("(TIMESTAMP_NS '2020-01-01'), ('infinity')", "max", {"max_value": "9999-12-31"}, False),
        ("(TIMESTAMP_NS '2020-01-01')", "max", {"max_value": "9999-12-31"}, True),
    ],
)
def test_it_lies_between(branch: Connection, values: str, what: str, kwargs: dict[str, Any], success: bool) -> None:
    assert observe(branch, values, what, **kwargs).success == success


@pytest.mark.parametrize(
    ("values", "what", "kwargs", "text"),
    [
        (TEXTS, "mean", {}, "of which there is no mean"),
        (DATES, "sum", {}, "of which there is no sum"),
        (TEXTS, "max", {"max_value": 3}, "whose max cannot be compared with 3"),
        (INTEGERS, "min", {"min_value": "2020-01-01"}, "whose min cannot be compared with '2020-01-01'"),
        (INTEGERS, "min", {"min_value": 3, "max_value": 1}, "min_value 3 is greater than max_value 1"),
    ],
)
def test_what_cannot_be_measured_or_compared_fails(
    branch: Connection, values: str, what: str, kwargs: dict[str, Any], text: str
) -> None:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT * FROM (VALUES {values}) v(a)")
    result = judge(branch, "t", expect(f"expect_column_{what}_to_be_between", column="a", **kwargs))
    assert not result.success
    assert text in str(result.error)


def test_one_that_cannot_be_measured_takes_no_other_with_it(branch: Connection) -> None:
    branch.execute(
        "CREATE TABLE lake.marts.t AS SELECT if(i = 1, 1e308, -1e308)::DOUBLE AS a, 1 AS b FROM range(3) r(i)"
    )
    stdev = expect("expect_column_stdev_to_be_between", column="a")
    mean = expect("expect_column_mean_to_be_between", column="b")
    broken, fine = gate(branch, "t", stdev, mean).results
    assert "could not be checked" in str(broken.error)
    assert (fine.success, fine.observed_value) == (True, 1.0)


@pytest.mark.parametrize(
    ("values", "what", "how"),
    [
        ("i", "min", "proven"),
        ("DATE '2020-01-01' + i::INT", "max", "proven"),
        ("'w' || i", "max", "proven"),
        ("i", "proportion_of_non_null_values", "proven"),
        ("7", "unique_value_count", "proven"),
        ("i::DOUBLE", "min", "scanned"),
        ("repeat('z', 300)", "max", "scanned"),
        ("i::DOUBLE", "proportion_of_non_null_values", "scanned"),
        ("i", "unique_value_count", "scanned"),
    ],
)
def test_statistics_say_what_they_soundly_can(branch: Connection, values: str, what: str, how: str) -> None:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {values} AS a FROM range(9) r(i)")
    branch.execute("INSERT INTO lake.marts.t SELECT * FROM lake.marts.t")
    assert judge(branch, "t", expect(f"expect_column_{what}_to_be_between", column="a")).how == how


def test_where_rows_were_deleted_the_ends_are_looked_for(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a FROM range(9) r(i)")
    branch.execute("DELETE FROM lake.marts.t WHERE a = 8")
    result = judge(branch, "t", expect("expect_column_max_to_be_between", column="a"))
    assert (result.observed_value, result.how) == (7, "scanned")


def test_a_nan_in_the_first_of_four_row_groups_is_no_maximum(branch: Connection) -> None:
    branch.execute("CALL lake.set_option('parquet_row_group_size', 2048)")
    value = "CASE WHEN i = 5 THEN 'nan'::DOUBLE ELSE i END"
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {value} AS a FROM range(8192) r(i)")
    for what, observed in [("max", 8191.0), ("unique_value_count", 8191), ("sum", 8191 * 4096.0 - 5)]:
        assert judge(branch, "t", expect(f"expect_column_{what}_to_be_between", column="a")).observed_value == observed


def test_whole_numbers_are_remembered_whatever_the_bounds(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i % 4 AS a FROM range(9) r(i)")
    for what, observed in [("unique_value_count", 4), ("sum", 12), ("mean", 12 / 9)]:
        hows = []
        for bounds in ({"min_value": 1}, {"max_value": 0}):
            declared = expect(f"expect_column_{what}_to_be_between", column="a", **bounds)
            result = judge(branch, "t", declared, memory=LakeMemory(branch, read_contents(branch)))
            assert (result.success, result.observed_value) == ("min_value" in bounds, observed)
            hows.append(result.how)
        assert hows == ["scanned", "remembered"]
    branch.execute("INSERT INTO lake.marts.t VALUES (9)")
    changed = expect("expect_column_sum_to_be_between", column="a")
    result = judge(branch, "t", changed, memory=LakeMemory(branch, read_contents(branch)))
    assert (result.observed_value, result.how) == (21, "scanned")


def test_a_bound_must_be_one_value(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT 1 AS a")
    with pytest.raises(ConfigError, match="min_value must be one value"):
        judge(branch, "t", expect("expect_column_min_to_be_between", column="a", min_value=[1]))
