"""Freshness, sums that match, and texts that are JSON."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from gate_maker import counted, expect, judge
from headgate.errors import ConfigError
from headgate.gates import compile_gate, evaluate
from headgate.gates.expectation import Measured
from headgate.gates.relation import Checked, SourceTotal
from headgate.gates.result import ExpectationResult
from headgate.gates.sums import SumMatchesSource
from headgate.gates.values import UnusableError
from headgate.lake.engine import Connection
from headgate.project.declaration import GateFile


def fresh(con: Connection, value: str, max_age: str) -> ExpectationResult:
    con.execute(f"CREATE OR REPLACE TABLE lake.marts.t AS SELECT {value} AS a UNION ALL SELECT NULL")
    return judge(con, "t", expect("freshness", column="a", max_age=max_age))


NOW = "(now() AT TIME ZONE 'UTC')"


@pytest.mark.parametrize(
    ("value", "max_age", "success"),
    [
        (f"{NOW} - INTERVAL 1 HOUR", "2h", True),
        (f"{NOW} - INTERVAL 3 HOUR", "2h", False),
        ("now() - INTERVAL 3 HOUR", "2 hours", False),
        ("now() - INTERVAL 3 HOUR", "0.5d", True),
        (f"{NOW}::DATE - 3", "2d", False),
        (f"{NOW}::DATE - 1", "2d", True),
        (f"{NOW} - INTERVAL 10 MINUTE", "5 min", False),
        (f"{NOW} + INTERVAL 1 DAY", "1s", True),
    ],
)
def test_the_newest_value_is_young_enough(branch: Connection, value: str, max_age: str, success: bool) -> None:
    result = fresh(branch, value, max_age)
    assert (result.error, result.success, result.how) == (None, success, "proven")
    assert (result.details["age_seconds"] <= result.details["max_age_seconds"]) == success


def test_where_there_is_no_value_nothing_is_fresh(branch: Connection) -> None:
    result = fresh(branch, "NULL::TIMESTAMP", "9999d")
    assert (result.error, result.success, result.observed_value) == (None, False, None)


@pytest.mark.parametrize("type_", ["DATE", "TIMESTAMP", "TIMESTAMPTZ"])
@pytest.mark.parametrize("end", ["infinity", "9999-12-31"])
def test_an_end_that_is_open_is_not_fresh_for_ever(branch: Connection, type_: str, end: str) -> None:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT unnest(['2020-01-01', '{end}'])::{type_} AS a")
    result = judge(branch, "t", expect("freshness", column="a", max_age="1d"))
    assert not result.success
    assert "has no age" in (result.error or "")


def test_freshness_is_about_time(branch: Connection) -> None:
    assert "only dates and times have an age" in str(fresh(branch, "1", "2d").error)
    with pytest.raises(ConfigError, match="such as 2d, 36h or 90m"):
        fresh(branch, "1", "soon")


def last_change(con: Connection, changed: dt.datetime | None, max_age: str, table: str = "t") -> ExpectationResult:
    asked: list[tuple[str, str | None]] = []

    def since(title: str, identity: str | None) -> dt.datetime | None:
        asked.append((title, identity))
        return changed

    result = judge(con, table, expect("freshness", max_age=max_age), since=since)
    assert asked == ([(f"marts.{table}", asked[0][1])] if result.error is None else [])
    return result


@pytest.mark.parametrize(("hours", "max_age", "success"), [(1, "2h", True), (3, "2h", False), (None, "1s", True)])
def test_without_a_column_the_last_change_is_young_enough(
    branch: Connection, hours: int | None, max_age: str, success: bool
) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT 1 AS a")
    changed = None if hours is None else dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours)
    result = last_change(branch, changed, max_age)
    assert (result.error, result.success, result.how, result.dimension) == (None, success, "proven", "timeliness")
    assert result.details["age_seconds"] == pytest.approx((hours or 0) * 3600, abs=60)


def test_a_view_of_the_lake_changes_with_what_it_reads_and_one_of_the_clock_has_no_last_change(
    branch: Connection,
) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT 1 AS a; CREATE VIEW lake.marts.v AS SELECT a + 1 AS b FROM t")
    branch.execute("CREATE VIEW lake.marts.clock AS SELECT now() AS b")
    assert last_change(branch, None, "1h", "v").success
    assert "a view of more than the lake" in str(last_change(branch, None, "1h", "clock").error)


def test_where_nobody_knows_the_last_change_it_could_not_be_checked(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT 1 AS a")
    unknown = judge(branch, "t", expect("freshness", max_age="1h"))
    assert (unknown.success, unknown.error) == (
        False,
        "could not be checked: nobody knows when the data of marts.t last changed: name a column of times",
    )
    with pytest.raises(ConfigError, match="row_condition is not available here"):
        judge(branch, "t", expect("freshness", max_age="1h", row_condition="a > 1"))


def test_texts_are_json(branch: Connection) -> None:
    values = """('{"a": [1, ",]"]}'), ('1'), (''), ('{'), (NULL), ('{''a'': 1}'), ('[1,]'), ('[NaN]'), ('"nan"')"""
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT * FROM (VALUES {values}) v(a)")
    result = judge(branch, "t", expect("valid_json", column="a"))
    assert counted(result) == (False, 9, 1, 5)
    assert result.partial_unexpected_list == ("", "{", "{'a': 1}", "[1,]", "[NaN]")
    python = judge(branch, "t", expect("expect_column_values_to_be_json_parseable", column="a"))
    assert python.partial_unexpected_list == ("", "{", "{'a': 1}", "[1,]")
    assert judge(branch, "t", expect("valid_json", column="a", mostly=0.375)).success
    branch.execute("CREATE TABLE lake.marts.n AS SELECT 1 AS a")
    assert "only texts can be JSON" in str(judge(branch, "n", expect("valid_json", column="a")).error)


@pytest.fixture
def orders(branch: Connection) -> Connection:
    branch.execute(
        "CREATE TABLE lake.marts.t AS SELECT * FROM (VALUES ('a', 1, 1.5::DOUBLE), ('a', 2, 'nan'), ('b', 3, 2.5),"
        " (NULL, 4, NULL)) v(g, n, f);"
        "CREATE TABLE lake.raw.other AS SELECT * FROM (VALUES ('a', 3.0::DECIMAL(9, 2)), ('b', 2), (NULL, 4), ('c', 0))"
        " v(k, amount)"
    )
    return branch


def match(con: Connection, **kwargs: Any) -> ExpectationResult:
    result = judge(con, "t", expect("sums_match", to="raw.other", **kwargs))
    assert result.error is None, result.error
    return result


def test_the_whole_tables_agree(orders: Connection) -> None:
    rows = match(orders)
    assert (rows.success, rows.observed_value) == (True, {"self": 4, "other": 4})
    sums = match(orders, column="n", to_column="amount")
    assert (sums.success, sums.to_json()["observed_value"]) == (False, {"self": 10, "other": 9.0})
    assert match(orders, column="n", to_column="amount", tolerance=1).success
    assert match(orders, column="f", to_column="amount", tolerance=5).observed_value["self"] == 4.0


def test_groups_agree_and_those_that_do_not_are_shown(orders: Connection) -> None:
    groups = {"group_by": ["g"], "to_group_by": ["k"]}
    result = match(orders, column="n", to_column="amount", **groups)
    assert counted(result) == (False, 4, 0, 1)
    assert result.partial_unexpected_list == ({"g": "b", "self": 3.0, "other": 2.0},)
    assert match(orders, column="n", to_column="amount", tolerance=1, **groups).success
    rows = match(orders, **groups)
    assert counted(rows) == (False, 4, 0, 2)
    assert rows.partial_unexpected_list == (
        {"g": "a", "self": 2, "other": 1},
        {"g": "c", "self": 0, "other": 1},
    )


def test_what_does_not_add_up_is_told(orders: Connection) -> None:
    texts = judge(orders, "t", expect("sums_match", to="raw.other", column="n", to_column="k"))
    assert "raw.other: k holds VARCHAR: only numbers add up" in str(texts.error)
    lost = judge(orders, "t", expect("sums_match", to="raw.other", group_by=["g"]))
    assert "raw.other has no column 'g'" in str(lost.error)
    with pytest.raises(ConfigError, match="is of no use without column"):
        judge(orders, "t", expect("sums_match", to="raw.other", to_column="k"))
    with pytest.raises(ConfigError, match="as many columns as group_by"):
        judge(orders, "t", expect("sums_match", to="raw.other", group_by=["g"], to_group_by=["k", "amount"]))


@pytest.mark.parametrize("argument", ["group_by", "to_group_by", "to_column", "row_condition"])
def test_a_source_is_asked_for_one_total_of_all_its_rows(orders: Connection, argument: str) -> None:
    with pytest.raises(ConfigError, match="is asked for one total of all its rows") as caught:
        judge(orders, "t", expect("sums_match", to="source", **{argument: "n"}))
    assert f"({argument})" in str(caught.value)


def test_where_no_source_was_read_it_could_not_be_checked(orders: Connection) -> None:
    result = judge(orders, "t", expect("sums_match", to="source"))
    assert "marts.t comes from no source: only tables of raw do" in str(result.error)
    raw = evaluate(orders, compile_gate(GateFile("raw", {"other": (expect("sums_match", to="source"),)}))).results[0]
    assert (raw.success, "only a run of a project asks the source" in str(raw.error)) == (False, True)


def test_a_table_that_is_called_source_is_written_with_its_layer(orders: Connection) -> None:
    orders.execute("CREATE TABLE lake.marts.source AS FROM lake.marts.t")
    assert judge(orders, "t", expect("sums_match", to="marts.source", column="n")).success


@pytest.mark.parametrize(
    ("shown", "hidden", "told", "success"),
    [
        (2**90, 1, str(2**90 + 1), True),
        (2**90, 1, str(2**90), False),
        (Decimal("0.1"), Decimal("0.2"), "0.3", True),
        (Decimal("12345678901234567890123456789012345678"), 0, "12345678901234567890123456789012345678.0", True),
        (Decimal("12345678901234567890123456789012345678"), 0, "12345678901234567890123456789012345679", False),
    ],
)
def test_totals_at_the_source_are_compared_exactly(shown: Any, hidden: Any, told: str, success: bool) -> None:
    on = Checked("raw", "t", (), None, exact=False, identity=None, at_source=SourceTotal(told, hidden))
    verdict = SumMatchesSource(column="n", to="source").judge(on, Measured(1, 0, shown))
    assert verdict.success == success


def test_a_tolerance_is_the_number_that_is_written() -> None:
    on = Checked("raw", "t", (), None, exact=False, identity=None, at_source=SourceTotal("0.3", 0))
    apart = Measured(1, 0, Decimal("0.6"))
    assert SumMatchesSource(column="n", to="source", tolerance=0.3).judge(on, apart).success
    assert not SumMatchesSource(column="n", to="source", tolerance=0.29).judge(on, apart).success


def test_a_total_that_is_no_number_compares_with_nothing() -> None:
    on = Checked("raw", "t", (), None, exact=False, identity=None, at_source=SourceTotal("NaN", 0))
    with pytest.raises(UnusableError, match="the sum is NaN"):
        SumMatchesSource(column="n", to="source", tolerance=1).judge(on, Measured(1, 0, 1.0))
