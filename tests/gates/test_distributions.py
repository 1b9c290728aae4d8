"""Quantiles, the most common value, and distinct values against a set.

The observed values were compared with what Great Expectations 1.24.1 reports on pandas for the same rows.
"""

from __future__ import annotations

from typing import Any

import pytest

from gate_maker import expect, judge
from headgate.errors import ConfigError
from headgate.gates.result import ExpectationResult
from headgate.lake.engine import Connection


def check(con: Connection, values: str, what: str, **kwargs: Any) -> ExpectationResult:
    con.execute(f"CREATE OR REPLACE TABLE lake.marts.t AS SELECT * FROM (VALUES {values}) v(a)")
    return judge(con, "t", expect(f"expect_column_{what}", column="a", **kwargs))


@pytest.mark.parametrize(
    ("values", "way", "quantiles", "observed"),
    [
        ("(4), (1), (NULL), (3), (2)", "nearest", [0, 0.25, 0.5, 0.7, 1], [1, 2, 3, 3, 4]),
        ("(1), (2), (3), (4), (5), (6)", False, [0.25, 0.3, 0.5, 0.7, 0.9], [2, 3, 3, 5, 5]),
        ("(1), (2), (3), (4)", "lower", [0.25, 0.5], [1, 2]),
        ("(1), (2), (3), (4)", "higher", [0.25, 0.5], [2, 3]),
        ("(1), (2), (3), (4)", "midpoint", [0.25, 0.5], [1.5, 2.5]),
        ("(3), (1), (2), (2)", "linear", [0.25, 0.5], [1.75, 2.0]),
        ("(1.5::DOUBLE), ('nan'), (NULL), (2.5)", "linear", [0.25], [1.75]),
        ("(1.5::DOUBLE), ('inf')", "linear", [0.25, 0.5], [float("inf"), None]),
        ("(true), (false), (true)", True, [0.25, 1], [False, True]),
        ("(NULL::INT)", "nearest", [0.5], [None]),
    ],
)
def test_quantiles(branch: Connection, values: str, way: Any, quantiles: list[float], observed: list[Any]) -> None:
    ranges = {"quantiles": quantiles, "value_ranges": [[None, None]] * len(quantiles)}
    result = check(branch, values, "quantile_values_to_be_between", quantile_ranges=ranges, allow_relative_error=way)
    assert (result.error, result.observed_value) == (None, {"quantiles": quantiles, "values": observed})
    assert result.success == (None not in observed)


def test_a_quantile_lies_in_its_range_or_close_to_an_end(branch: Connection) -> None:
    ranges = {"quantiles": [0, 0.5, 1], "value_ranges": [[None, 0], [2.0001, None], [3.01, 4]]}
    result = check(branch, "(1), (2), (3)", "quantile_values_to_be_between", quantile_ranges=ranges)
    assert (result.success, result.details) == (False, {"success_details": [False, True, False]})


@pytest.mark.parametrize(
    ("ranges", "text"),
    [
        ({"quantiles": [0.5]}, "must have the keys"),
        ({"quantiles": [0.5], "value_ranges": []}, "as many value_ranges"),
        ({"quantiles": [1.5], "value_ranges": [[0, 1]]}, "from 0 to 1"),
        ({"quantiles": [0.5], "value_ranges": [[1]]}, "must be \\[least, greatest\\]"),
    ],
)
def test_ranges_that_make_no_sense_are_told(branch: Connection, ranges: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        check(branch, "(1)", "quantile_values_to_be_between", quantile_ranges=ranges)


def test_a_range_that_leaves_no_room_cannot_be_checked(branch: Connection) -> None:
    ranges = {"quantiles": [0, 1], "value_ranges": [[None, None], [2, 1]]}
    found = check(branch, "(1), (2)", "quantile_values_to_be_between", quantile_ranges=ranges)
    assert not found.success
    assert "could not be checked: quantile_ranges has a range that leaves no room, 2 to 1" in str(found.error)


def test_texts_have_no_quantiles_and_booleans_nothing_between(branch: Connection) -> None:
    ranges = {"quantiles": [0.5], "value_ranges": [[0, 1]]}
    texts = check(branch, "('a')", "quantile_values_to_be_between", quantile_ranges=ranges)
    assert "only numbers have quantiles" in str(texts.error)
    linear = {"quantile_ranges": ranges, "allow_relative_error": "linear"}
    assert "nothing between" in str(check(branch, "(true)", "quantile_values_to_be_between", **linear).error)


@pytest.mark.parametrize(
    ("values", "value_set", "success", "with_ties", "observed"),
    [
        ("(3), (1), (2), (2)", [2, 5], True, True, [2]),
        ("(3), (NULL), (NULL), (2)", [2, 5], False, True, [2, 3]),
        ("(1.5::DOUBLE), ('nan'), ('nan'), (1.5)", [1.5], True, True, [1.5]),
        ("('b'), ('a'), ('b')", ["b", 1], True, True, ["b"]),
        ("('b'), ('a'), ('b')", ["a"], False, False, ["b"]),
        ("(1), (1)", ["1"], False, False, [1]),
        ("(true), (false), (true)", [1], True, True, [True]),
        ("(NULL::INT)", [1], False, False, []),
        ("(1)", [], False, False, [1]),
    ],
)
def test_the_most_common_value(
    branch: Connection, values: str, value_set: list[Any], success: bool, with_ties: bool, observed: list[Any]
) -> None:
    for ties_okay, expected in ((False, success), (True, with_ties)):
        result = check(branch, values, "most_common_value_to_be_in_set", value_set=value_set, ties_okay=ties_okay)
        assert (result.error, result.success, result.observed_value) == (None, expected, observed)


def test_not_all_of_very_many_equally_common_values_are_shown(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a FROM range(1000) r(i)")
    common = expect("expect_column_most_common_value_to_be_in_set", column="a", value_set=[5], ties_okay=True)
    result = judge(branch, "t", common)
    assert (result.success, len(result.observed_value), result.details) == (True, 100, {"ties": 1000})
    beyond = expect("expect_column_most_common_value_to_be_in_set", column="a", value_set=[999], ties_okay=True)
    assert judge(branch, "t", beyond).success


SETS: list[tuple[str, list[Any], list[Any], list[Any]]] = [
    ("(3), (1), (2), (2), (NULL)", [1, 2, 5], [3], [5]),
    ("(3), (1), (2)", [3, 1.0, 1, True, 2], [], []),
    ("(1), (2)", ["1", None], [1, 2], ["1", None]),
    ("(1.5::DOUBLE), ('nan'), ('inf'), (NULL)", [1.5, 7], ["Infinity"], [7]),
    ("(true), (false)", [1, "b"], [False], ["b"]),
    ("('b'), ('a'), (NULL)", ["a", "b", "b", None], [], [None]),
    ("(1.10::DECIMAL(9, 2)), (2.25)", [1.1], [2.25], []),
    ("(DATE '2020-01-03'), (DATE '2020-01-01')", ["2020-01-01", "2020-01-02"], ["2020-01-03"], ["2020-01-02"]),
    ("(NULL::INT)", [3], [], [3]),
]


@pytest.mark.parametrize(("values", "value_set", "unexpected", "missing"), SETS)
def test_distinct_values_and_a_set(
    branch: Connection, values: str, value_set: list[Any], unexpected: list[Any], missing: list[Any]
) -> None:
    within = check(branch, values, "distinct_values_to_be_in_set", value_set=value_set)
    assert (within.error, within.success, within.unexpected_count) == (None, not unexpected, len(unexpected))
    assert list(within.partial_unexpected_list) == unexpected
    contain = check(branch, values, "distinct_values_to_contain_set", value_set=value_set)
    assert (contain.error, contain.success, contain.missing_count) == (None, not missing, len(missing))
    assert contain.details == {"partial_missing_list": missing}
    equal = check(branch, values, "distinct_values_to_equal_set", value_set=value_set)
    assert (equal.error, equal.success) == (None, not unexpected and not missing)
    assert (equal.unexpected_count, equal.missing_count) == (len(unexpected), len(missing))
    assert (list(equal.partial_unexpected_list), equal.details) == (unexpected, {"partial_missing_list": missing})


def test_statistics_prove_that_no_value_lies_outside_a_set(branch: Connection) -> None:
    within = check(branch, "(1), (2), (2)", "distinct_values_to_be_in_set", value_set=[1, 2, 3])
    assert (within.success, within.unexpected_count, within.how) == (True, 0, "proven")
    assert check(branch, "(1), (2), (2)", "distinct_values_to_be_in_set", value_set=[1]).how == "scanned"


def test_an_empty_set_holds_no_value_but_is_always_contained(branch: Connection) -> None:
    assert check(branch, "(1)", "distinct_values_to_contain_set", value_set=[]).success
    assert not check(branch, "(1)", "distinct_values_to_equal_set", value_set=[]).success
    with pytest.raises(ConfigError, match="must hold at least one value"):
        check(branch, "(1)", "distinct_values_to_be_in_set", value_set=[])
