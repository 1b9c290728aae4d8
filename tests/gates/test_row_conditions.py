"""Expectations that look at some rows only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gate_maker import VALUES, counted, expect, gate, judge
from headgate.errors import ConfigError
from headgate.gates import Forgetful, unexpected_rows_sql
from headgate.lake.engine import Connection

ROWS = """
(1.0::DOUBLE, 1, 1, 'x'), (2, 3, 2, 'y'), (NULL, NULL, 3, NULL), ('nan', 1, 4, 'x'), (3, NULL, 5, 'y'), (4, 2, 6, 'z')
"""
IN_SET = VALUES + "be_in_set"


def comparison(column: str, operator: str, parameter: Any) -> dict[str, Any]:
    return {"type": "comparison", "column": {"name": column}, "operator": operator, "parameter": parameter}


@pytest.fixture
def rows(branch: Connection) -> Connection:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT * FROM (VALUES {ROWS}) v(a, b, c, s)")
    return branch


@pytest.mark.parametrize(
    ("parser", "condition", "seen"),
    [
        (None, "a > 1", (2, 5, 6)),
        ("duckdb", "A <> 1 and s in ('y', 'z')", (2, 5, 6)),
        ("duckdb", "a <> 1", (2, 5, 6)),
        ("duckdb", "a is null", (3, 4)),
        ("spark", 's = "y" or `c` = 1', (1, 2, 5)),
        ("pandas", "a > 1", (2, 5, 6)),
        ("pandas", "a > 1 and s == 'y'", (2, 5)),
        ("pandas", "(a > 1) & ~(s == 'y')", (6,)),
        ("pandas", "(a > 3) | s.isnull()", (3, 6)),
        ("pandas", "a != 1", (2, 3, 4, 5, 6)),
        ("pandas", "not (a > 1)", (1, 3, 4)),
        ("pandas", "s != 'x'", (2, 3, 5, 6)),
        ("pandas", "s in ['x', 'z']", (1, 4, 6)),
        ("pandas", "s not in ['x', 'z']", (2, 3, 5)),
        ("pandas", "s in []", ()),
        ("pandas", "1 < c <= 3", (2, 3)),
        ("pandas", "`c` - 1 > a * 1.2 and c > -1", (5, 6)),
        ("pandas", "s.notna() and True", (1, 2, 4, 5, 6)),
        ("great_expectations", 'col("a").notNull()', (1, 2, 5, 6)),
        ("great_expectations", 'col("s") == "y"', (2, 5)),
        ("great_expectations", 'col("a") > 1 and col("s") != "z"', (2, 5)),
        (None, comparison("a", "!=", 1), (2, 3, 4, 5, 6)),
        (None, comparison("s", "NOT_IN", ["x"]), (2, 3, 5, 6)),
        (None, {"type": "nullity", "column": {"name": "a"}, "is_null": True}, (3, 4)),
        (None, {"type": "pass_through", "pass_through_filter": "s != 'x'"}, (2, 3, 5, 6)),
        ("pandas", {"type": "pass_through", "pass_through_filter": "s != 'x'"}, (2, 3, 5, 6)),
        ("spark", {"type": "pass_through", "pass_through_filter": 's = "y"'}, (2, 5)),
        (
            None,
            {
                "type": "or",
                "conditions": [
                    {"type": "and", "conditions": [comparison("a", ">", 1), comparison("a", "<=", 2.5)]},
                    comparison("s", "IN", ["z"]),
                ],
            },
            (2, 6),
        ),
    ],
)
def test_a_condition_chooses_the_rows_in_the_language_it_is_written_in(
    rows: Connection, parser: str | None, condition: Any, seen: tuple[int, ...]
) -> None:
    declared = expect(IN_SET, column="c", value_set=[], row_condition=condition, condition_parser=parser)
    result = judge(rows, "t", declared)
    assert counted(result) == (not seen, len(seen), 0, len(seen))
    assert result.partial_unexpected_list == seen


@pytest.mark.parametrize(
    ("type_", "kwargs", "expected"),
    [
        (VALUES + "not_be_null", {"column": "b"}, (False, 3, None, 1)),
        (VALUES + "be_in_set", {"column": "b", "value_set": [2]}, (False, 3, 1, 1)),
        (VALUES + "be_unique", {"column": "s"}, (False, 3, 0, 2)),
        ("expect_compound_columns_to_be_unique", {"column_list": ["s", "b"]}, (True, 3, 0, 0)),
        ("expect_column_pair_values_to_be_equal", {"column_A": "a", "column_B": "b"}, (False, 3, 0, 3)),
        ("expect_multicolumn_sum_to_equal", {"column_list": ["a", "b"], "sum_total": 5}, (False, 3, 0, 2)),
        ("implies", {"if": "s = 'y'", "then": "b = 3"}, (False, 3, 1, 1)),
        ("continuous", {"column": "c"}, (False, 5, None, 2)),
        ("references", {"columns": "b", "to": "t", "to_columns": "a"}, (True, 3, 1, 0)),
        ("no_infinities", {}, (True, 3, 0, 0)),
    ],
)
def test_every_expectation_on_rows_counts_the_chosen_ones(
    rows: Connection, type_: str, kwargs: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    declared = expect(type_, row_condition="a > 1", condition_parser="pandas", **kwargs)
    assert counted(judge(rows, "t", declared)) == expected
    rows.execute("CREATE VIEW lake.marts.v AS SELECT * FROM lake.marts.t")
    assert counted(judge(rows, "v", declared)) == expected


def test_chosen_and_other_expectations_share_a_scan(rows: Connection) -> None:
    declared = [
        expect(IN_SET, column="c", value_set=[1, 2], row_condition="a > 1"),
        expect(IN_SET, column="c", value_set=[1, 2]),
        expect(VALUES + "be_between", column="c", max_value=4, row_condition="s = 'x'"),
    ]
    results = gate(rows, "t", *declared, memory=Forgetful()).results
    assert [counted(each) for each in results] == [(False, 3, 0, 2), (False, 6, 0, 4), (True, 2, 0, 0)]


def test_what_was_found_is_remembered_by_the_condition(rows: Connection) -> None:
    def how(condition: str | None) -> str:
        (result,) = gate(rows, "t", expect(IN_SET, column="s", value_set=["y", "z"], row_condition=condition)).results
        return result.how

    assert [how("a > 1"), how("a > 1"), how("a > 2"), how(None), how(None)] == [
        *("scanned", "remembered", "scanned", "scanned", "remembered")
    ]
    assert [how("current_date > DATE '2000-01-01'") for _ in range(2)] == ["scanned", "scanned"]
    rows.execute("ALTER TABLE lake.marts.t DROP COLUMN a; ALTER TABLE lake.marts.t ADD COLUMN a INT DEFAULT 5")
    assert how("a > 1") == "scanned"


def test_of_a_change_log_the_chosen_rows_of_the_view_count(branch: Connection) -> None:
    branch.execute(
        "CREATE TABLE lake.raw_log.t AS SELECT i AS a, 'upsert' AS _op FROM range(10) r(i);"
        "CREATE VIEW lake.raw.t AS SELECT a FROM lake.raw_log.t"
    )
    declared = expect(VALUES + "be_between", column="a", max_value=9, row_condition="a >= 7")
    (result,) = gate(branch, "t", declared, layer="raw", memory=Forgetful()).results
    assert counted(result) == (True, 3, 0, 0)


def test_an_empty_choice_and_an_empty_table_hold(rows: Connection) -> None:
    declared = expect(IN_SET, column="c", value_set=[], row_condition="a > 100")
    assert counted(judge(rows, "t", declared)) == (True, 0, 0, 0)
    rows.execute("DELETE FROM lake.marts.t")
    assert counted(judge(rows, "t", declared)) == (True, 0, 0, 0)


def test_the_offending_rows_are_among_the_chosen_ones(rows: Connection) -> None:
    for declared in (
        expect(IN_SET, column="c", value_set=[2], row_condition="s = 'y'"),
        expect(VALUES + "be_unique", column="s", row_condition="c in (1, 5, 2)"),
    ):
        sql = unexpected_rows_sql(rows, declared, layer="marts", table="t")
        assert sql is not None
        assert [row[2] for row in rows.execute(sql).fetchall()] in ([5], [2, 5])


@pytest.mark.parametrize(
    ("parser", "condition", "what"),
    [
        (None, "a >", "row_condition is no SQL condition: 'a >'"),
        (None, "a in (select 1)", "may compare with a list of values only"),
        (None, "read_text('x') = ''", "row_condition contains|row_condition calls"),
        ("pandas", "a > 1 & c < 2", "contains '1 & c', which is not understood"),
        ("pandas", "a.str.len() > 2", "is not understood"),
        ("pandas", "__import__('os').system('x')", "is not understood"),
        ("pandas", "@b > 1", "is no condition of pandas"),
        ("pandas", "a ==", "is no condition of pandas"),
        ("pandas", "a == None", "only numbers, texts and booleans"),
        ("pandas", "a < [1]", "in and not in go with a list"),
        ("pandas", "a + 1", "is not understood"),
        ("great_expectations", "col(a) > 1", "is not understood"),
        (None, {"type": "between"}, "is no condition of Great Expectations"),
        (None, {"type": "and", "conditions": []}, "is no condition of Great Expectations"),
        (None, comparison("a", "~", 1), "is no condition of Great Expectations"),
        ("polars", "a > 1", "condition_parser must be one of duckdb, spark, pandas, great_expectations"),
        (None, 5, "row_condition must be a text"),
    ],
)
def test_what_cannot_be_understood_is_refused_before_any_data_is_touched(
    rows: Connection, parser: str | None, condition: Any, what: str
) -> None:
    declared = expect(IN_SET, column="c", value_set=[], row_condition=condition, condition_parser=parser)
    with pytest.raises(ConfigError, match=what):
        judge(rows, "t", declared)


@pytest.mark.parametrize(
    ("condition", "why"),
    [("nothing > 1", "has no column 'nothing'"), ("s > 5", "Cannot compare values of type VARCHAR")],
)
def test_a_condition_that_does_not_fit_the_table_could_not_be_checked(
    rows: Connection, condition: str, why: str
) -> None:
    for type_ in (VALUES + "be_unique", VALUES + "not_be_null"):
        result = judge(rows, "t", expect(type_, column="c", row_condition=condition))
        assert (result.error or "").startswith("could not be checked: ")
        assert why in (result.error or "")


def test_names_with_quotes_and_spaces_are_names(branch: Connection, tmp_path: Path) -> None:
    branch.execute("""CREATE TABLE lake.marts.t AS SELECT 1 AS "a b", 'it''s' AS "c""d" """)
    for condition in ('`a b` == 1 and `c"d` == "it\'s"', "`a b` in [1]"):
        declared = expect(VALUES + "be_null", column="a b", row_condition=condition, condition_parser="pandas")
        assert counted(judge(branch, "t", declared)) == (False, 1, None, 1)


@pytest.mark.parametrize(
    ("type_", "kwargs", "condition", "observed"),
    [
        ("expect_table_row_count_to_equal", {"value": 3}, "c > 3", 3),
        ("expect_table_row_count_to_be_between", {"max_value": 2}, "s = 'x'", 2),
        ("expect_table_row_count_to_equal_other_table", {"other_table_name": "u"}, "c < 3", {"self": 2, "other": 2}),
        ("row_count_change", {"max_increase": 0}, "c < 3", None),
        ("expect_column_max_to_be_between", {"column": "c", "max_value": 3}, "c < 4", 3),
        ("expect_column_sum_to_be_between", {"column": "c", "max_value": 6}, "c < 4", 6),
        ("expect_column_mean_to_be_between", {"column": "c", "max_value": 2}, "c < 4", 2),
        ("expect_column_median_to_be_between", {"column": "c", "max_value": 2}, "c < 4", 2),
        ("expect_column_unique_value_count_to_be_between", {"column": "s", "max_value": 1}, "s = 'x'", 1),
        (
            "expect_column_proportion_of_non_null_values_to_be_between",
            {"column": "a", "max_value": 0},
            "c in (3, 4)",
            0,
        ),
        ("expect_column_distinct_values_to_be_in_set", {"column": "s", "value_set": ["y"]}, "c = 2 or c = 5", None),
        ("expect_column_most_common_value_to_be_in_set", {"column": "s", "value_set": ["y"]}, "c in (2, 5)", ["y"]),
        ("sums_match", {"to": "u", "column": "c"}, "c < 3", {"self": 3, "other": 3}),
    ],
)
def test_what_sums_up_looks_at_the_chosen_rows_alone(
    rows: Connection, type_: str, kwargs: dict[str, Any], condition: str, observed: Any
) -> None:
    rows.execute("CREATE TABLE lake.marts.u AS SELECT * FROM (VALUES (1), (2)) v(c)")
    result = judge(rows, "t", expect(type_, **kwargs, row_condition=condition))
    assert (result.error, result.success, result.observed_value) == (None, True, observed)
    whole = judge(rows, "t", expect(type_, **kwargs))
    assert type_ == "row_count_change" or not whole.success


def test_what_is_remembered_of_some_rows_is_told_of_no_others(rows: Connection) -> None:
    total = "expect_column_sum_to_be_between"
    for condition, observed in (("c < 4", 6), ("c < 3", 3), (None, 21), ("c < 4", 6)):
        for _ in range(2):
            (result,) = gate(rows, "t", expect(total, column="c", min_value=0, row_condition=condition)).results
            assert result.observed_value == observed
    counts = [expect("expect_table_row_count_to_equal", value=n, row_condition=f"c <= {n}") for n in range(5)]
    assert all(each.success for each in gate(rows, "t", *counts).results)
    fused = [expect(total, column="c", max_value=0, row_condition=c) for c in ("c < 2", "c > 5", None, "c < 2")]
    assert [each.observed_value for each in gate(rows, "t", *fused).results] == [1, 6, 21, 1]


def test_nan_is_null_in_the_conditions_of_implies_too(rows: Connection) -> None:
    found = judge(rows, "t", expect("implies", **{"if": "a > 1", "then": "a < 4"}))
    assert counted(found) == (False, 6, 3, 1)  # NaN is not greater than 1
    assert counted(judge(rows, "t", expect("implies", **{"if": "a is null", "then": "c in (3, 4)"}))) == (True, 6, 4, 0)
    assert counted(judge(rows, "t", expect("implies", **{"if": "isnan(a)", "then": "c = 4"}))) == (True, 6, 5, 0)


@pytest.mark.parametrize(
    ("parser", "condition", "seen"),
    [
        (None, "ns < '9999-12-31'", 2),
        (None, "'1066-01-01' >= ns", 0),
        (None, "ns <> '9999-12-31' and ns > '2020-01-01 00:00:00.000000001'", 1),
        (None, "ns between '2020-01-01 00:00:00.000000002' and '9999-12-31'", 1),
        (None, "ns not between '1066-01-01' and '2020-01-01 00:00:00.000000001'", 1),
        ("pandas", "ns <= '9999-12-31' and not ns == '1066-01-01'", 2),
        ("great_expectations", 'col("ns") > date("1066-01-01")', 2),
        (None, comparison("ns", "<", "9999-12-31"), 2),
    ],
)
def test_nanoseconds_compare_with_moments_beyond_them(
    branch: Connection, parser: str | None, condition: str | dict[str, Any], seen: int
) -> None:
    first, second = ("2020-01-01 00:00:00.000000001", "2020-01-01 00:00:00.000000003")
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT unnest(['{first}', '{second}', NULL])::TIMESTAMP_NS AS ns")
    chosen = {"row_condition": condition} | ({"condition_parser": parser} if parser else {})
    result = judge(branch, "t", expect("expect_table_row_count_to_equal", value=seen, **chosen))
    assert (result.error, result.observed_value) == (None, seen)
