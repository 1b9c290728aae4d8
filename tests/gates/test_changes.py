"""Expectations that compare with an earlier release, here a second lake that is attached when it is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gate_maker import expect, gate, judge
from headgate.errors import ConfigError
from headgate.gates import Forgetful
from headgate.gates.result import ExpectationResult
from headgate.lake.engine import Connection, attach

Compare = Callable[..., ExpectationResult]
NOTHING_EARLIER = "none holds this table"


@pytest.fixture
def compare(branch: Connection, tmp_path: Path) -> Compare:
    """Judge an expectation of a table that was ``before`` and is ``now``, both given as queries."""
    folder = tmp_path / "served"
    folder.mkdir()
    attach(branch, str(folder / "served.ducklake"), str(folder / "data"), alias="served", read_only=False, create=True)
    branch.execute("CALL served.set_option('data_inlining_row_limit', 0); CREATE SCHEMA served.marts")

    def compare(type_: str, before: str | None, now: str, **kwargs: Any) -> ExpectationResult:
        branch.execute("DROP TABLE IF EXISTS served.marts.t")
        if before is not None:
            branch.execute(f"CREATE TABLE served.marts.t AS {before}")
        branch.execute(f"CREATE OR REPLACE TABLE lake.marts.t AS {now}")
        return judge(branch, "t", expect(type_, **kwargs), earlier=lambda _: "served")

    return compare


@pytest.mark.parametrize(
    ("type_", "kwargs"),
    [
        ("schema_unchanged", {}),
        ("row_count_change", {"max_decrease": 0}),
        ("distribution_change", {"column": "a", "max_ks": 0}),
    ],
)
def test_what_has_nothing_to_compare_with_holds_and_says_so(
    branch: Connection, compare: Compare, type_: str, kwargs: dict[str, Any]
) -> None:
    result = compare(type_, None, "SELECT 1 AS a", **kwargs)
    assert (result.error, result.success, result.details["earlier_release"]) == (None, True, NOTHING_EARLIER)
    first = judge(branch, "t", expect(type_, **kwargs))
    assert (first.error, first.success, first.details["earlier_release"]) == (None, True, NOTHING_EARLIER)


@pytest.mark.parametrize(
    ("now", "details"),
    [
        ("SELECT 1 AS a, 'x' AS b", {}),
        ("SELECT 1 AS a", {"removed": ["b"]}),
        ("SELECT 1 AS a, 'x' AS b, 2 AS c", {"added": ["c"]}),
        ("SELECT 1::BIGINT AS a, 'x' AS b", {"retyped": {"a": {"before": "INTEGER", "now": "BIGINT"}}}),
        ("SELECT 'x' AS b, 1 AS a", {"reordered": True}),
    ],
)
def test_columns_and_types_are_compared(compare: Compare, now: str, details: dict[str, Any]) -> None:
    result = compare("schema_unchanged", "SELECT 1 AS a, 'y' AS b", now)
    assert (result.error, result.success, result.details, result.how) == (None, not details, details, "proven")


@pytest.mark.parametrize(
    ("before", "now", "kwargs", "success", "change"),
    [
        (10, 10, {"max_increase": 0, "max_decrease": 0}, True, 0.0),
        (10, 12, {"max_increase": 0.2}, True, 0.2),
        (10, 13, {"max_increase": 0.2}, False, 0.3),
        (10, 13, {"max_decrease": 0.2}, True, 0.3),
        (10, 7, {"max_decrease": 0.2}, False, -0.3),
        (10, 0, {"max_decrease": 1}, True, -1.0),
        (0, 0, {"max_increase": 0}, True, 0.0),
        (0, 5, {"max_increase": 9}, False, math.inf),
        (0, 5, {"max_decrease": 0}, True, math.inf),
    ],
)
def test_the_number_of_rows_changes_by_a_share(
    compare: Compare, before: int, now: int, kwargs: dict[str, Any], success: bool, change: float
) -> None:
    rows = "SELECT i FROM range({}) r(i)"
    result = compare("row_count_change", rows.format(before), rows.format(now), **kwargs)
    assert (result.error, result.success, result.how) == (None, success, "proven")
    assert (result.observed_value, result.details) == (pytest.approx(change), {"before": before, "now": now})


@pytest.fixture
def releases(branch: Connection, tmp_path: Path) -> Callable[[int | None], str | None]:
    """Two releases: 100 rows in the first, 50 in the second, which is served."""
    for number, rows in ((1, 100), (2, 50)):
        folder = tmp_path / f"r{number}"
        folder.mkdir()
        attach(branch, str(folder / "r.ducklake"), str(folder / "d"), alias=f"r{number}", read_only=False, create=True)
        branch.execute(f"CALL r{number}.set_option('data_inlining_row_limit', 0); CREATE SCHEMA r{number}.marts")
        branch.execute(f"CREATE TABLE r{number}.marts.t AS SELECT i AS a FROM range({rows}) r(i)")
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a FROM range(100) r(i)")
    branch.execute("CREATE TABLE lake.marts.new AS SELECT 1 AS a; ALTER TABLE r1.marts.t ADD COLUMN b INTEGER")
    return lambda release: f"r{release or 2}"


@pytest.mark.parametrize(
    ("type_", "kwargs"),
    [
        ("row_count_change", {"max_increase": 0.1}),
        ("distribution_change", {"column": "a", "max_ks": 0.1}),
    ],
)
def test_the_release_to_compare_with_can_be_named(
    branch: Connection, releases: Callable[[int | None], str | None], type_: str, kwargs: dict[str, Any]
) -> None:
    served = judge(branch, "t", expect(type_, **kwargs), earlier=releases)
    first = judge(branch, "t", expect(type_, **kwargs, release=1), earlier=releases)
    assert [(each.error, each.success) for each in (served, first)] == [(None, False), (None, True)]
    assert (served.details["before"], first.details["before"]) == (50, 100)


def test_expectations_of_one_gate_can_look_at_several_releases(
    branch: Connection, releases: Callable[[int | None], str | None]
) -> None:
    looks = [expect("row_count_change", max_increase=9, release=release) for release in (1, 2, 1)]
    found = gate(branch, "t", *looks, expect("schema_unchanged", release=1), earlier=releases, memory=Forgetful())
    assert [each.details.get("before") for each in found.results] == [100, 50, 100, None]
    assert found.results[3].details == {"removed": ["b"]}


def test_a_release_that_is_named_must_have_what_is_compared(
    branch: Connection, releases: Callable[[int | None], str | None]
) -> None:
    table = judge(branch, "new", expect("row_count_change", max_increase=1, release=1), earlier=releases)
    assert table.error == "could not be checked: release 1 has no table marts.new: did you mean 'marts.t'?"
    branch.execute("ALTER TABLE lake.marts.t ADD COLUMN c INTEGER")
    column = judge(branch, "t", expect("distribution_change", column="c", max_ks=1, release=1), earlier=releases)
    assert "marts.t has no column 'c': known: a, b" in str(column.error)
    unpublished = judge(branch, "t", expect("row_count_change", max_increase=1, release=1))
    assert unpublished.error == "could not be checked: there is no release 1 to compare with: there are none"
    with pytest.raises(ConfigError, match="must be the number of a release, 1 or more"):
        judge(branch, "t", expect("row_count_change", max_increase=1, release=0))


EVEN = "SELECT {} AS a FROM range(100) r(i)"


@pytest.mark.parametrize(
    ("before", "now", "psi", "ks"),
    [
        ("i", "i", 0.0, 0.0),
        ("i::DOUBLE", "if(i = 0, 'nan', i::DOUBLE)", pytest.approx(0, abs=0.01), pytest.approx(1 / 99, abs=0.001)),
        ("DATE '2020-01-01' + i::INT", "DATE '2020-01-01' + (i + 50)::INT", pytest.approx(4.3, abs=0.5), 0.5),
        ("i / 10.0::DECIMAL(9, 1)", "i / 10.0::DECIMAL(9, 1)", 0.0, 0.0),
        ("i", "i + 1000", pytest.approx(8.2, abs=1.5), 1.0),
    ],
)
def test_a_distribution_is_compared_by_bins_and_by_distance(
    compare: Compare, before: str, now: str, psi: Any, ks: Any
) -> None:
    sides = EVEN.format(before), EVEN.format(now)
    result = compare("distribution_change", *sides, column="a", max_psi=0.1, max_ks=0.1)
    assert result.error is None
    assert result.observed_value == {"psi": psi, "ks": ks}
    assert result.success == (result.observed_value["psi"] <= 0.1 and result.observed_value["ks"] <= 0.1)


def test_texts_are_compared_by_value(compare: Compare) -> None:
    half, most = EVEN.format("if(i < 50, 'x', 'y')"), EVEN.format("if(i < 75, 'x', 'y')")
    result = compare("distribution_change", half, most, column="a", max_psi=0.2)
    assert (result.success, result.observed_value) == (False, {"psi": pytest.approx(0.274653, abs=1e-6)})
    assert compare("distribution_change", half, most, column="a", max_psi=0.3).success
    many = "SELECT 'v' || i AS a FROM range(10001) r(i)"
    assert "more than 10,000" in str(compare("distribution_change", many, many, column="a", max_psi=1).error)


def test_a_column_that_lost_all_values_has_changed(compare: Compare) -> None:
    result = compare("distribution_change", EVEN.format("i"), EVEN.format("NULL::BIGINT"), column="a", max_psi=9)
    assert (result.error, result.success, result.details) == (None, False, {"before": 100, "now": 0})


def test_what_cannot_be_compared_fails(compare: Compare) -> None:
    texts = EVEN.format("'x'")
    ks = compare("distribution_change", texts, texts, column="a", max_ks=1)
    assert "max_ks needs numbers, dates or times" in str(ks.error)
    kinds = compare("distribution_change", EVEN.format("i"), texts, column="a", max_psi=1)
    assert "held BIGINT in the served release" in str(kinds.error)
    lists = compare("distribution_change", EVEN.format("[i]"), EVEN.format("[i]"), column="a", max_psi=1)
    assert "cannot be compared" in str(lists.error)


@pytest.mark.parametrize(
    ("type_", "kwargs", "text"),
    [
        ("row_count_change", {}, "max_increase is required, or max_decrease"),
        ("row_count_change", {"max_increase": -1}, "must be 0 or more"),
        ("distribution_change", {"column": "a"}, "max_psi is required, or max_ks"),
        ("distribution_change", {"column": "a", "max_psi": 1, "bins": 1}, "from 2 to 1000"),
    ],
)
def test_arguments_that_make_no_sense_are_told(compare: Compare, type_: str, kwargs: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        compare(type_, None, "SELECT 1 AS a", **kwargs)
