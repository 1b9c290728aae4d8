"""How far a value is from the others of its column."""

from __future__ import annotations

from typing import Any

import pytest

from gate_maker import counted, expect, judge
from headgate.gates import unexpected_rows_sql
from headgate.lake.engine import Connection

Z = "expect_column_value_z_scores_to_be_less_than"
FAR = "unnest([1, 1, 1, 1, 1, 1, 1, 1, 1, 100])"
NEAR = "unnest([1, 2, 3, NULL, 5, 6, 7, 8, 9, 'nan'::DOUBLE])"


@pytest.mark.parametrize(
    ("values", "threshold", "double_sided", "missing", "unexpected"),
    [
        (FAR, 2, True, 0, 1),
        (NEAR, 1, True, 2, 3),
        (NEAR, 1, False, 2, 1),
        (NEAR, -1, False, 2, 6),
        (NEAR, -1, True, 2, 3),
        ("unnest([2, 2, 2, 2, 2, 2, 2, 2, 2, 2])", 1, True, 0, 0),
        ("unnest([1, 2, 3, 4, 5, 6, 7, 8, 9, 'inf'::DOUBLE])", 1, True, 0, 0),
    ],
)
def test_values_that_are_too_far_from_the_mean_are_unexpected(
    branch: Connection, values: str, threshold: float, double_sided: bool, missing: int, unexpected: int
) -> None:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {values} AS a")
    declared = expect(Z, column="a", threshold=threshold, double_sided=double_sided)
    result = judge(branch, "t", declared)
    assert counted(result) == (unexpected == 0, 10, missing, unexpected)
    assert len(result.partial_unexpected_list) == unexpected
    chosen = expect(Z, column="a", threshold=threshold, double_sided=double_sided, row_condition="a < 1")
    assert counted(judge(branch, "t", chosen)) == (True, 0, 0, 0)


def test_one_value_and_none_are_near(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT 1 AS a, NULL::INT AS b, 'x' AS c, true AS d")
    for column, missing in (("a", 0), ("b", 1), ("d", 0)):
        result = judge(branch, "t", expect(Z, column=column, threshold=1, double_sided=True))
        assert counted(result) == (True, 1, missing, 0)
    result = judge(branch, "t", expect(Z, column="c", threshold=1, double_sided=True))
    assert "c holds VARCHAR: only numbers have a mean" in (result.error or "")


def test_the_rows_that_are_too_far_can_be_asked_for(branch: Connection) -> None:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {FAR} AS a, 'x' AS mean")
    declared = expect(Z, column="a", threshold=2, double_sided=True)
    sql = unexpected_rows_sql(branch, declared, layer="marts", table="t")
    assert branch.execute(sql or "").fetchall() == [(100, "x")]


OUTLIERS = "expect_column_values_to_not_be_outliers"


@pytest.mark.parametrize(
    ("values", "kwargs", "missing", "unexpected"),
    [
        ("unnest([10, 11, 12, 13, 100])", {}, 0, (100,)),
        ("unnest([10, 11, 12, 13, 16])", {}, 0, ()),  # on the fence
        ("unnest([10, 11, 12, 13, 16.5])", {}, 0, (16.5,)),
        ("unnest([10, 11, 12, 13, 100])", {"method": "std", "multiplier": 3}, 0, ()),
        ("unnest([10, 11, 12, 13, 100])", {"method": "std", "multiplier": 1}, 0, (100,)),
        ("unnest([2, 2, 2, NULL])", {"method": "std", "multiplier": 0}, 1, ()),
        ("unnest([1, 2, 3, NULL])", {"method": "std", "multiplier": 0}, 1, (1, 3)),
        ("unnest([5, NULL])", {"method": "std"}, 1, ()),
        ("unnest([NULL::INT, NULL])", {}, 2, ()),
        ("unnest([1, 2, 'nan'::DOUBLE, 'inf', 'inf'])", {}, 1, ()),
        ("unnest([1, 2, 'nan'::DOUBLE, 'inf'])", {"method": "std", "multiplier": 0}, 1, ()),
    ],
)
def test_values_far_from_the_middle_half_or_the_mean_are_outliers(
    branch: Connection, values: str, kwargs: dict[str, Any], missing: int, unexpected: tuple[float, ...]
) -> None:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {values} AS a")
    declared = expect(OUTLIERS, column="a", **kwargs)
    result = judge(branch, "t", declared)
    assert (result.success, result.missing_count, result.unexpected_count) == (not unexpected, missing, len(unexpected))
    assert result.partial_unexpected_list == unexpected
    rows = branch.execute(unexpected_rows_sql(branch, declared, layer="marts", table="t") or "").fetchall()
    assert rows == [(value,) for value in unexpected]


def test_only_numbers_are_outliers(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT 'x' AS a, true AS b")
    for column in ("a", "b"):
        assert "only numbers can be outliers" in (judge(branch, "t", expect(OUTLIERS, column=column)).error or "")
