"""Values that rise or fall from row to row."""

from __future__ import annotations

from typing import Any

import pytest

from gate_maker import VALUES, counted, expect, judge
from headgate.errors import ConfigError
from headgate.lake.engine import Connection


@pytest.mark.parametrize(
    ("values", "way", "kwargs", "bad"),
    [
        ("1, 2, 2, 5", "increasing", {}, ()),
        ("1, 2, 2, 5", "increasing", {"strictly": True}, (2,)),
        ("1, 3, 2, 5, 4", "increasing", {}, (2, 4)),
        ("5, 4, NULL, 6, 1", "decreasing", {}, (6,)),
        ("'nan'::DOUBLE, 1, 'nan', 0.5, 'inf'", "increasing", {}, (0.5,)),
        ("'inf'::DOUBLE, 'inf'", "increasing", {"strictly": True}, ()),
        ("2::DOUBLE, 2", "decreasing", {"strictly": True}, (2.0,)),
        ("-2147483648, 2147483647", "increasing", {}, ()),
    ],
)
def test_each_value_is_compared_with_the_one_before_it(
    branch: Connection, values: str, way: str, kwargs: dict[str, Any], bad: tuple[Any, ...]
) -> None:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT unnest([{values}]) AS a")
    result = judge(branch, "t", expect(f"{VALUES}be_{way}", column="a", **kwargs))
    assert (result.error, result.success, result.partial_unexpected_list) == (None, not bad, bad)


def test_the_order_of_a_table_is_that_of_its_writing_and_other_rows_are_not_there(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a, i % 2 AS odd FROM range(9) r(i)")
    branch.execute("INSERT INTO lake.marts.t SELECT i, 1 FROM range(5, 8) r(i)")
    rising = expect(f"{VALUES}be_increasing", column="a")
    assert counted(judge(branch, "t", rising)) == (False, 12, 0, 1)
    even = expect(f"{VALUES}be_increasing", column="a", row_condition="odd = 0")
    assert counted(judge(branch, "t", even)) == (True, 5, 0, 0)


def test_what_has_no_order_cannot_be_checked(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT 'x' AS a, 1 AS n")
    branch.execute("CREATE VIEW lake.marts.v AS SELECT * FROM lake.marts.t")
    texts = judge(branch, "t", expect(f"{VALUES}be_increasing", column="a"))
    assert "only numbers, dates and times rise and fall" in str(texts.error)
    view = judge(branch, "v", expect(f"{VALUES}be_decreasing", column="n"))
    assert "marts.v is a view, and its rows have no order" in str(view.error)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("expect_multicolumn_values_to_be_unique", "expect_select_column_values_to_be_unique_within_record"),
        ("expect_query_results_to_match_comparison", "unexpected_rows_expectation: (A EXCEPT ALL B) UNION ALL"),
    ],
)
def test_what_only_great_expectations_has_is_refused_with_what_comes_near(
    branch: Connection, name: str, near: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        judge(branch, "t", expect(name, column_list=["a", "b"]))
    assert "gates/marts.yml:3" in str(refused.value)
    assert "one of Great Expectations' own" in str(refused.value)
    assert near in str(refused.value)
