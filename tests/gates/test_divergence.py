"""Kullback-Leibler divergence: the observed values are what Great Expectations 1.24.1 reports on pandas."""

from __future__ import annotations

from typing import Any

import pytest

from gate_maker import expect, judge
from headgate.errors import ConfigError
from headgate.gates.result import ExpectationResult
from headgate.lake.engine import Connection

INF = float("inf")
INTEGERS = "(3), (1), (2), (2)"
FLOATS = "(1.5::DOUBLE), ('nan'), (NULL), (2.5)"
ONE = "(5)"


def check(con: Connection, values: str, partition: Any, **kwargs: Any) -> ExpectationResult:
    con.execute(f"CREATE OR REPLACE TABLE lake.marts.t AS SELECT * FROM (VALUES {values}) v(a)")
    declared = expect("expect_column_kl_divergence_to_be_less_than", column="a", partition_object=partition, **kwargs)
    return judge(con, "t", declared)


@pytest.mark.parametrize(
    ("values", "partition", "kwargs", "observed"),
    [
        (INTEGERS, {"values": [1, 2, 3], "weights": [0.25, 0.5, 0.25]}, {}, 0.0),
        (INTEGERS, {"values": [1, 2, 9], "weights": [0.25, 0.5, 0.25]}, {}, None),
        (INTEGERS, {"values": [1, 2, 9], "weights": [0.25, 0.5, 0.25]}, {"tail_weight_holdout": 0.1}, 0.3080930697119),
        (FLOATS, {"values": [1, 2, 9], "weights": [0.25, 0.5, 0.25]}, {"tail_weight_holdout": 0.1}, 2.302585092994),
        ("('b'), ('a'), ('b')", {"values": ["a", "b"], "weights": [0.5, 0.5]}, {}, 0.0566330122651),
        ("(true), (false), (true)", {"values": [True, False], "weights": [0.5, 0.5]}, {}, 0.0566330122651),
        ("('b')", {"values": ["a", 1], "weights": [0.5, 0.5]}, {}, None),
        (INTEGERS, {"bins": [0, 1, 2, 3], "weights": [0.25, 0.5, 0.25]}, {}, 0.6506724213611),
        (FLOATS, {"bins": [0, 1, 2, 3], "weights": [0.25, 0.5, 0.25]}, {}, 0.3465735902800),
        (ONE, {"bins": [0, 1, 2, 3], "weights": [0.25, 0.5, 0.25]}, {}, None),
        (INTEGERS, {"bins": [0, 1, 2], "weights": [0.4, 0.4], "tail_weights": [0.1, 0.1]}, {}, 0.7005291775353),
        (ONE, {"bins": [0, 1, 2], "weights": [0.4, 0.4], "tail_weights": [0.1, 0.1]}, {}, 2.302585092994),
        (
            INTEGERS,
            {"bins": [0, 1, 2, 3], "weights": [0.5, 0.5, 0]},
            {"tail_weight_holdout": 0.1, "internal_weight_holdout": 0.1},
            1.3936763580953,
        ),
        (INTEGERS, {"bins": [-INF, 1, 2, INF], "weights": [0.25, 0.5, 0.25]}, {}, 0.6506724213611),
        (INTEGERS, {"bins": [-INF, 1, 2], "weights": [0.5, 0.5]}, {"tail_weight_holdout": 0.1}, 0.6121919007930),
        (INTEGERS, {"bins": [1, 2, INF], "weights": [0.5, 0.5]}, {"tail_weight_holdout": 0.1}, 0.2361725515990),
        ("('inf'::DOUBLE), (1.5)", {"bins": [1, 2, INF], "weights": [0.5, 0.5]}, {}, 0.0),
        ("(NULL::INT)", {"values": [1], "weights": [1]}, {}, None),
        ("(NULL::INT)", {"bins": [1, 2], "weights": [1]}, {}, None),
    ],
)
def test_the_divergence(
    branch: Connection, values: str, partition: Any, kwargs: dict[str, Any], observed: float | None
) -> None:
    for threshold in (0.5, 5):
        result = check(branch, values, partition, threshold=threshold, **kwargs)
        assert result.error is None
        assert result.observed_value == (None if observed is None else pytest.approx(observed, abs=1e-12))
        assert result.success == (observed is not None and observed <= threshold)
    assert check(branch, values, partition, **kwargs).success


def test_both_distributions_are_shown(branch: Connection) -> None:
    values = check(branch, INTEGERS, {"values": [2, 9], "weights": [0.5, 0.5]}, tail_weight_holdout=0.5)
    assert values.details == {
        "observed_partition": {"values": [2, 9, 1, 3], "weights": [0.5, 0.0, 0.25, 0.25]},
        "expected_partition": {"values": [2, 9, 1, 3], "weights": [0.25, 0.25, 0.25, 0.25]},
    }
    bins = check(branch, INTEGERS, {"bins": [-INF, 1, 2], "weights": [0.5, 0.5]}, tail_weight_holdout=0.1)
    assert bins.details == {
        "observed_partition": {"bins": [1, 2], "weights": [0.75], "tail_weights": [0.0, 0.25]},
        "expected_partition": {"bins": [1, 2], "weights": [0.45], "tail_weights": [0.45, 0.1]},
    }


@pytest.mark.parametrize(
    ("partition", "kwargs", "text"),
    [
        ({"values": [1]}, {}, "must have weights, and either values or bins"),
        ({"values": [1], "weights": [1], "sizes": []}, {}, "values, bins and tail_weights only"),
        ({"values": [1, 2], "weights": [0.25, 0.5]}, {}, "do not sum up to 1"),
        ({"values": [1, 1], "weights": [0.5, 0.5]}, {}, "as many different values as weights"),
        ({"bins": [2, 1], "weights": [1]}, {}, "in ascending order"),
        ({"bins": [1, INF], "weights": [0.5], "tail_weights": [0.25, 0.25]}, {}, "where bins are finite"),
        ({"bins": [1, 2], "weights": [1]}, {"threshold": -1}, "must be 0 or more"),
        ({"bins": [1, 2], "weights": [1]}, {"bucketize_data": False}, "must be true for bins"),
        ({"values": [1], "weights": [1]}, {"internal_weight_holdout": 0.1}, "is of no use for values"),
        ({"bins": [-INF, 1, INF], "weights": [0.5, 0.5]}, {"tail_weight_holdout": 0.1}, "infinite bins"),
        (
            {"bins": [1, 2], "weights": [1]},
            {"tail_weight_holdout": 0.6, "internal_weight_holdout": 0.6},
            "more than 1 together",
        ),
    ],
)
def test_what_makes_no_sense_is_told(branch: Connection, partition: Any, kwargs: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        check(branch, ONE, partition, **kwargs)


def test_texts_fall_into_no_bins_and_very_many_values_are_no_categories(branch: Connection) -> None:
    assert "fits no such partition_object" in str(check(branch, "('a')", {"bins": [1, 2], "weights": [1]}).error)
    branch.execute("CREATE TABLE lake.marts.many AS SELECT i AS a FROM range(10001) r(i)")
    partition = {"values": [1], "weights": [1]}
    many = expect("expect_column_kl_divergence_to_be_less_than", column="a", partition_object=partition)
    assert "more than 10,000 different values" in str(judge(branch, "many", many).error)


@pytest.mark.parametrize(("threshold", "success"), [(0.1, False), (2, True)])
def test_bounds_that_great_expectations_takes_and_does_not_look_at_are_not_looked_at(
    branch: Connection, threshold: float, success: bool
) -> None:
    expected = {"values": ["a", "b"], "weights": [0.9, 0.1]}
    values = "('a'), ('b'), ('b'), ('b')"
    result = check(branch, values, expected, threshold=threshold, min_value=50, max_value=0.2)
    assert (result.success, result.error) == (success, None)
    assert result.observed_value == pytest.approx(1.1909438040411824)
    alone = check(branch, values, expected, max_value=0.2)
    assert not alone.success
    assert "say threshold" in (alone.error or "")
