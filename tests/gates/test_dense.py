"""Counting by bits finds what grouping finds, and is not used where it could not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate_maker import VALUES, counted, expect, judge
from headgate.gates import dense
from headgate.gates.relation import Checked, never_plain, read_relation
from headgate.lake.catalog import read_contents, read_statistics
from headgate.lake.engine import Connection

SERIES = "SELECT i % 7 AS g, (i // 7)::SMALLINT AS n, DATE '2020-01-01' + (i // 7)::INT AS d, i % 2 = 0 AS b, i"


def ranges(con: Connection, *names: str, table: str = "t") -> dict[str, dense.Range] | None:
    on = read_relation(con, read_contents(con), "marts", table, "lake", never_plain)
    return dense.ranges_of(on, names, {} if on.base is None else read_statistics(con, on.base))


@pytest.fixture
def series(branch: Connection) -> Connection:
    branch.execute(f"CREATE TABLE lake.marts.t AS {SERIES} FROM range(700) r(i)")
    branch.execute(f"INSERT INTO lake.marts.t {SERIES} FROM range(700, 1400) r(i)")
    return branch


def test_a_range_spans_all_files(series: Connection) -> None:
    assert ranges(series, "g", "d") == {"g": dense.Range("integer", 0, 7), "d": dense.Range("date", 18262, 200)}
    assert ranges(series, "b") == {"b": dense.Range("boolean", 0, 2)}


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO lake.marts.t (g) VALUES (1)",
        "INSERT INTO lake.marts.t (g, n) VALUES (1, 30000)",
        "ALTER TABLE lake.marts.t ALTER n TYPE BIGINT",
    ],
)
def test_where_a_value_is_missing_or_far_away_or_uncertain_there_is_no_range(series: Connection, change: str) -> None:
    series.execute(change)
    assert ranges(series, "g", "n") is None


@pytest.mark.parametrize("type_", ["DOUBLE", "VARCHAR", "DECIMAL(5,1)", "HUGEINT", "TIMESTAMP"])
def test_other_types_and_views_and_empty_tables_have_no_range(branch: Connection, type_: str) -> None:
    value = "TIMESTAMP '2020-01-01'" if type_ == "TIMESTAMP" else "1"
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {value}::{type_} AS a; CREATE TABLE lake.marts.e (a INT)")
    branch.execute("CREATE VIEW lake.marts.v AS SELECT 1 AS a")
    assert ranges(branch, "a") is None
    assert ranges(branch, "a", table="v") is None
    assert ranges(branch, "a", table="e") is None


KEYS = expect("expect_compound_columns_to_be_unique", column_list=["g", "d", "b"])
STEPS = expect("continuous", column="d", group_by=["g"])


def test_combinations_that_occur_twice_are_found_and_counted(series: Connection) -> None:
    assert counted(judge(series, "t", KEYS)) == (True, 1400, 0, 0)
    series.execute("INSERT INTO lake.marts.t SELECT * FROM lake.marts.t WHERE i IN (5, 800)")
    result = judge(series, "t", KEYS)
    assert counted(result) == (False, 1402, 0, 4)
    assert result.partial_unexpected_list[0] == {"g": 5, "d": "2020-01-01", "b": False}


def test_where_there_are_fewer_combinations_than_rows_no_bit_is_set(series: Connection) -> None:
    on = read_relation(series, read_contents(series), "marts", "t", "lake", never_plain)

    def sets_bits(on: Checked, *names: str) -> bool:
        known = ranges(series, *names)
        assert known is not None
        return dense.count_repeated(on, known) is not None

    assert sets_bits(on, "g", "n")
    assert not sets_bits(on, "g", "b")
    assert sets_bits(replace(on, where="g = 1"), "n", "b")  # nobody knows how many rows these are


def test_gaps_are_found_and_counted(series: Connection) -> None:
    assert counted(judge(series, "t", STEPS)) == (True, 1400, None, 0)
    series.execute("DELETE FROM lake.marts.t WHERE g = 3 AND d IN ('2020-01-05', '2020-01-06') OR i = 700")
    result = judge(series, "t", STEPS)
    assert counted(result) == (False, 1400, None, 3)
    assert result.partial_unexpected_list == (
        {"g": 0, "after": "2020-04-09", "before": "2020-04-11", "missing": 1},
        {"g": 3, "after": "2020-01-04", "before": "2020-01-07", "missing": 2},
    )
    assert counted(judge(series, "t", expect("continuous", column="n"))) == (True, 200, None, 0)


def test_bounds_that_lie_end_in_grouping(series: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "_range", lambda _: dense.Range("integer", 0, 5))
    unique = expect("expect_compound_columns_to_be_unique", column_list=["g", "n"])
    assert counted(judge(series, "t", unique)) == (True, 1400, 0, 0)


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.integers(-3, 3), st.integers(-4, 9)), min_size=1, max_size=30),
    deleted=st.integers(-4, 9),
)
def test_both_ways_agree(branch: Connection, rows: list[tuple[int, int]], deleted: int) -> None:
    branch.execute(
        "CREATE OR REPLACE TABLE lake.marts.t AS SELECT a::INT AS a, DATE '1970-01-01' + b::INT AS b FROM (VALUES "
        f"{', '.join(map(str, rows))}) v(a, b)"
    )
    branch.execute(f"DELETE FROM lake.marts.t WHERE b = DATE '1970-01-01' + {deleted}")
    declared = [
        expect("expect_compound_columns_to_be_unique", column_list=["a", "b"]),
        expect(VALUES + "be_unique", column="b"),
        expect("continuous", column="b", group_by=["a"]),
        expect("continuous", column="a"),
    ]
    by_bits: list[Any] = [_seen(branch, each) for each in declared]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "MOST_BITS", 0)
        assert [_seen(branch, each) for each in declared] == by_bits


def _seen(con: Connection, declared: Any) -> Any:
    result = judge(con, "t", declared)
    return counted(result), result.partial_unexpected_list
