"""Scores are shares of rows, means over expectations, and never better than what was found."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headgate.gates.scorecard import ALL, score_of, scorecard


def result(dimension: str, success: bool, table: str = "sales", **counts: Any) -> dict[str, Any]:
    return {"layer": "raw", "table": table, "dimension": dimension, "success": success, "error": None, **counts}


def test_each_expectation_counts_once_in_its_dimension_table_and_layer() -> None:
    card = scorecard(
        [
            result("validity", False, element_count=10, missing_count=2, unexpected_count=2),
            result("validity", True, observed_value=3),
            result("uniqueness", False, table="items", observed_value=3),
        ]
    )
    assert card["tables"]["raw.sales"] == {
        "validity": {"score": 0.875, "held": 1, "total": 2},
        ALL: {"score": 0.875, "held": 1, "total": 2},
    }
    assert card["layers"]["raw"][ALL] == {"score": 0.583333, "held": 1, "total": 3}
    assert card["release"] == card["layers"]["raw"]
    assert list(card["tables"]) == ["raw.sales", "raw.items"]


def test_what_could_not_be_checked_scores_nothing_and_an_empty_table_what_its_verdict_says() -> None:
    assert score_of({**result("validity", False), "error": "could not be checked: no column"}) == 0
    assert score_of(result("validity", True, element_count=0, missing_count=0, unexpected_count=0)) == 1
    assert score_of(result("validity", False, element_count=1, missing_count=0, unexpected_count=5)) == 0


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_only_what_is_perfect_scores_1(elements: int, missing: int, unexpected: int) -> None:
    found = result(
        "validity", unexpected == 0, element_count=elements, missing_count=missing, unexpected_count=unexpected
    )
    score = scorecard([found])["release"]["validity"]["score"]
    assert 0 <= score <= 1
    assert score < 1 or unexpected == 0
