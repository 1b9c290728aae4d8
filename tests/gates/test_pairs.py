"""Two or more columns of one row."""

from __future__ import annotations

from typing import Any

import pytest

from gate_maker import counted, expect, judge
from headgate.errors import ConfigError
from headgate.lake.engine import Connection

PAIR = "expect_column_pair_values_"
ROWS = "(1, 1, 1, 'x', 'x'), (2, 3, 2, 'y', 'z'), (NULL, NULL, 3, NULL, NULL), (NULL, 1, 4, 'x', NULL),"
ROWS += "(3, NULL, 5, 'y', 'a'), (4, 2, 6, 'z', 'z')"


@pytest.fixture
def rows(branch: Connection) -> Connection:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT * FROM (VALUES {ROWS}) v(a, b, c, s, u)")
    return branch


@pytest.mark.parametrize(
    ("name", "kwargs", "missing", "unexpected"),
    [
        ("to_be_equal", {}, 1, 4),
        ("to_be_equal", {"ignore_row_if": "either_value_is_missing"}, 3, 2),
        ("to_be_equal", {"ignore_row_if": "neither"}, 0, 5),
        ("to_be_equal", {"column_A": "s", "column_B": "u"}, 1, 3),
        ("to_be_equal", {"column_A": "s", "column_B": "c"}, 0, 6),
        ("a_to_be_greater_than_b", {}, 1, 4),
        ("a_to_be_greater_than_b", {"or_equal": True}, 1, 3),
        ("a_to_be_greater_than_b", {"or_equal": True, "ignore_row_if": "either_value_is_missing"}, 3, 1),
        ("a_to_be_greater_than_b", {"column_A": "s", "column_B": "u"}, 1, 4),
        ("to_be_in_set", {"value_pairs_set": [[1, 1], [2, 3]]}, 1, 3),
        ("to_be_in_set", {"value_pairs_set": [[1, 1], [2, 3], [None, 1], [3, None]]}, 1, 1),
        ("to_be_in_set", {"value_pairs_set": [[1, 1]], "ignore_row_if": "either_value_is_missing"}, 3, 2),
        ("to_be_in_set", {"value_pairs_set": []}, 1, 5),
        ("to_be_in_set", {"value_pairs_set": [["1", 1], [1, 2.5]]}, 1, 5),
        ("to_be_in_set", {"value_pairs_set": [[1, 1], *([i, i + 1] for i in range(2, 3000))]}, 1, 3),
    ],
)
def test_pairs_are_counted_as_great_expectations_counts_them(
    rows: Connection, name: str, kwargs: dict[str, Any], missing: int, unexpected: int
) -> None:
    result = judge(rows, "t", expect(PAIR + name, **{"column_A": "a", "column_B": "b", **kwargs}))
    assert counted(result) == (unexpected == 0, 6, missing, unexpected)
    assert len(result.partial_unexpected_list) == unexpected


@pytest.mark.parametrize(
    ("kwargs", "missing", "unexpected"),
    [
        ({"column_list": ["a", "b", "c"]}, 0, 3),
        ({"column_list": ["a", "b", "c"], "ignore_row_if": "any_value_is_missing"}, 3, 2),
        ({"column_list": ["a", "b"], "ignore_row_if": "never"}, 0, 2),
        ({"column_list": ["s", "u"]}, 1, 2),
        ({"column_list": ["s", "c"]}, 0, 0),
    ],
)
def test_columns_of_one_row_are_compared_with_one_another(
    rows: Connection, kwargs: dict[str, Any], missing: int, unexpected: int
) -> None:
    result = judge(rows, "t", expect("expect_select_column_values_to_be_unique_within_record", **kwargs))
    assert counted(result) == (unexpected == 0, 6, missing, unexpected)


@pytest.mark.parametrize(
    ("kwargs", "missing", "unexpected"),
    [
        ({"column_list": ["a", "b"], "sum_total": 2}, 1, 4),
        ({"column_list": ["a", "b"], "sum_total": 0, "ignore_row_if": "never"}, 0, 6),
        ({"column_list": ["a", "b", "c"], "sum_total": 3, "ignore_row_if": "any_value_is_missing"}, 3, 2),
        ({"column_list": ["a", "b", "c"], "sum_total": "3"}, 0, 5),
    ],
)
def test_columns_of_one_row_add_up(rows: Connection, kwargs: dict[str, Any], missing: int, unexpected: int) -> None:
    result = judge(rows, "t", expect("expect_multicolumn_sum_to_equal", **kwargs))
    assert counted(result) == (unexpected == 0, 6, missing, unexpected)
    assert set(result.partial_unexpected_list[0]) == set(kwargs["column_list"])


def test_sums_are_exact_and_do_not_overflow(branch: Connection) -> None:
    largest = 2**63 - 1
    branch.execute(
        f"CREATE TABLE lake.marts.t AS SELECT {largest}::BIGINT AS a, {largest}::BIGINT AS b,"
        " 0.1::DECIMAL(5,1) AS c, 0.2::DECIMAL(7,3) AS d, 0.1::DOUBLE AS e, 0.2::DOUBLE AS f, true AS g"
    )
    total = "expect_multicolumn_sum_to_equal"
    for names, expected in (
        (["c", "d"], 0.3),
        (["e", "f"], 0.1 + 0.2),
        (["g", "c"], 1.1),
        (["g", "e", "c"], 1 + 0.1 + 0.1),
    ):
        assert judge(branch, "t", expect(total, column_list=names, sum_total=expected)).success, names
    assert counted(judge(branch, "t", expect(total, column_list=["a", "b"], sum_total=5))) == (False, 1, 0, 1)


def test_dates_times_and_kinds_of_numbers_compare(branch: Connection) -> None:
    branch.execute(
        "CREATE TABLE lake.marts.t AS SELECT DATE '2020-01-01' AS d, TIMESTAMP '2020-01-01 10:00:00' AS s,"
        " TIMESTAMPTZ '2020-01-01' AS z, true AS b, 1.0::DOUBLE AS f, 1::UTINYINT AS i, 'nan'::DOUBLE AS n"
    )
    greater, equal = PAIR + "a_to_be_greater_than_b", PAIR + "to_be_equal"
    assert judge(branch, "t", expect(greater, column_A="s", column_B="d")).success
    for first, second in (("b", "f"), ("f", "i"), ("b", "i")):
        assert judge(branch, "t", expect(equal, column_A=first, column_B=second)).success
    for first, second in (("d", "z"), ("d", "f")):
        assert not judge(branch, "t", expect(equal, column_A=first, column_B=second)).success
        result = judge(branch, "t", expect(greater, column_A=first, column_B=second))
        assert "but" in (result.error or "")
    assert counted(judge(branch, "t", expect(greater, column_A="n", column_B="f"))) == (False, 1, 0, 1)
    assert counted(judge(branch, "t", expect(equal, column_A="n", column_B="n"))) == (True, 1, 1, 0)


def test_what_lies_above_every_second_value_is_proven(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a, i + 10 AS b, NULL::INT AS c FROM range(10) r(i)")
    greater = PAIR + "a_to_be_greater_than_b"
    result = judge(branch, "t", expect(greater, column_A="b", column_B="a"))
    assert (counted(result), result.how) == ((True, 10, 0, 0), "proven")
    ignored = judge(branch, "t", expect(greater, column_A="b", column_B="c", ignore_row_if="either_value_is_missing"))
    assert (counted(ignored), ignored.how) == ((True, 10, 10, 0), "proven")
    counts = counted(judge(branch, "t", expect(greater, column_A="b", column_B="c")))
    assert counts == (False, 10, 0, 10)
    branch.execute("INSERT INTO lake.marts.t VALUES (5, 5, NULL)")
    assert counted(judge(branch, "t", expect(greater, column_A="b", column_B="a"))) == (False, 11, 0, 1)
    assert judge(branch, "t", expect(greater, column_A="b", column_B="a", or_equal=True)).how == "proven"


@pytest.mark.parametrize(
    ("type_", "kwargs", "what"),
    [
        (PAIR + "to_be_equal", {"ignore_row_if": "never"}, "ignore_row_if must be one of both_values"),
        (PAIR + "to_be_in_set", {"value_pairs_set": [[1, 2, 3]]}, r"must hold pairs of values, not \[1, 2, 3\]"),
        (PAIR + "to_be_in_set", {"value_pairs_set": [[1, [2]]]}, "must hold plain values"),
        (PAIR + "to_be_in_set", {"value_pairs_set": "ab"}, "must be a list of pairs"),
    ],
)
def test_arguments_of_pairs_that_make_no_sense_are_refused(
    rows: Connection, type_: str, kwargs: dict[str, Any], what: str
) -> None:
    with pytest.raises(ConfigError, match=what):
        judge(rows, "t", expect(type_, column_A="a", column_B="b", **kwargs))


def test_only_numbers_add_up(rows: Connection) -> None:
    result = judge(rows, "t", expect("expect_multicolumn_sum_to_equal", column_list=["a", "s"], sum_total=1))
    assert "s holds VARCHAR: only numbers add up" in (result.error or "")
