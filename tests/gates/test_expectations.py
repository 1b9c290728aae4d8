"""Every expectation's verdict and counts, scanned for real."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import Counter
from typing import Any

import duckdb
import pytest

from gate_maker import VALUES, counted, expect, gate, judge
from headgate.gates import Forgetful, repeated, scan
from headgate.lake.engine import Connection


def table(branch: Connection, values: str, columns: str = "a", name: str = "t") -> None:
    branch.execute(f"CREATE OR REPLACE TABLE lake.marts.{name} AS SELECT * FROM (VALUES {values}) v({columns})")


# Whole tables


@pytest.mark.parametrize(
    ("kwargs", "success"),
    [
        ({"min_value": 2, "max_value": 3}, True),
        ({"min_value": 4}, False),
        ({"max_value": 2}, False),
        ({"min_value": 3, "strict_min": True}, False),
        ({"max_value": 3, "strict_max": True}, False),
        ({"max_value": "3"}, True),
        ({}, True),
    ],
)
def test_the_number_of_rows_lies_between(branch: Connection, kwargs: dict[str, Any], success: bool) -> None:
    table(branch, "(1), (2), (3)")
    result = judge(branch, "t", expect("expect_table_row_count_to_be_between", **kwargs))
    assert (result.success, result.observed_value, result.how) == (success, 3, "proven")


def test_the_number_of_rows_equals(branch: Connection) -> None:
    table(branch, "(1), (2), (3)")
    branch.execute("DELETE FROM lake.marts.t WHERE a = 2")
    assert judge(branch, "t", expect("expect_table_row_count_to_equal", value=2)).success
    failed = judge(branch, "t", expect("expect_table_row_count_to_equal", value=3))
    assert (failed.success, failed.observed_value, failed.how) == (False, 2, "proven")


def test_bounds_on_rows_scale_with_a_sample_and_widen_by_half(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT * FROM range(130)")
    rows = expect("expect_table_row_count_to_be_between", min_value=1000, max_value=1200)
    held = judge(branch, "t", rows, scale=0.1)
    assert held.success
    assert held.details == {"scaled_to_sample": {"fraction": 0.1, "min_value": 50.0, "max_value": pytest.approx(180)}}
    assert not judge(branch, "t", rows, scale=0.5).success
    assert judge(branch, "t", expect("expect_table_row_count_to_equal", value=1000), scale=0.1).success
    assert not judge(branch, "t", expect("expect_table_row_count_to_equal", value=10), scale=0.1).success
    assert judge(branch, "t", expect("expect_table_row_count_to_be_between", max_value=100), scale=0.9).success


def test_two_tables_have_as_many_rows(branch: Connection) -> None:
    table(branch, "(1), (2)")
    table(branch, "(1), (2)", name="same")
    branch.execute("CREATE TABLE lake.raw.fewer AS SELECT 1 AS a")
    same = judge(branch, "t", expect("expect_table_row_count_to_equal_other_table", other_table_name="same"))
    assert (same.success, same.observed_value, same.how) == (True, {"self": 2, "other": 2}, "proven")
    fewer = judge(branch, "t", expect("expect_table_row_count_to_equal_other_table", other_table_name="raw.fewer"))
    assert (fewer.success, fewer.observed_value) == (False, {"self": 2, "other": 1})


def test_columns_match_a_list_in_order(branch: Connection) -> None:
    table(branch, "(1, 2, 3)", "a, b, c")
    assert judge(branch, "t", expect("expect_table_columns_to_match_ordered_list", column_list=["a", "b", "c"])).success
    wrong = judge(branch, "t", expect("expect_table_columns_to_match_ordered_list", column_list=["a", "c"]))
    assert (wrong.success, wrong.observed_value) == (False, ["a", "b", "c"])
    assert wrong.details["mismatched"] == [
        {"Expected Column Position": 1, "Expected": "c", "Found": "b"},
        {"Expected Column Position": 2, "Expected": None, "Found": "c"},
    ]


def test_columns_match_a_set(branch: Connection) -> None:
    table(branch, "(1, 2)", "b, a")
    assert judge(branch, "t", expect("expect_table_columns_to_match_set", column_set=["a", "b"])).success
    wrong = judge(branch, "t", expect("expect_table_columns_to_match_set", column_set=["a", "x"]))
    assert (wrong.success, wrong.observed_value) == (False, ["a", "b"])
    assert wrong.details == {"mismatched": {"unexpected": ["b"], "missing": ["x"]}}
    more = judge(branch, "t", expect("expect_table_columns_to_match_set", column_set=["a"], exact_match=False))
    assert (more.success, more.details) == (True, {"mismatched": {"unexpected": ["b"]}})


def test_a_column_exists_by_exact_name_and_position(branch: Connection) -> None:
    table(branch, "(1, 2)", "a, b")
    assert judge(branch, "t", expect("expect_column_to_exist", column="b")).success
    assert judge(branch, "t", expect("expect_column_to_exist", column="b", column_index=1)).success
    moved = judge(branch, "t", expect("expect_column_to_exist", column="b", column_index=0))
    assert (moved.success, moved.details) == (False, {"column_index": 1})
    assert not judge(branch, "t", expect("expect_column_to_exist", column="B")).success


# Values of one column


def test_nulls_are_counted_of_all_rows(branch: Connection) -> None:
    table(branch, "(1), (NULL), (3), (NULL)")
    result = judge(branch, "t", expect(VALUES + "not_be_null", column="a"))
    assert counted(result) == (False, 4, None, 2)
    assert (result.unexpected_percent, result.partial_unexpected_list) == (50.0, (None, None))
    assert judge(branch, "t", expect(VALUES + "not_be_null", column="a", mostly=0.5)).success
    values = judge(branch, "t", expect(VALUES + "be_null", column="a"))
    assert counted(values) == (False, 4, None, 2)
    assert values.partial_unexpected_list == (1, 3)


def test_nan_counts_as_null(branch: Connection) -> None:
    table(branch, "(1.0::DOUBLE), ('nan'), (NULL), ('inf')")
    missing = judge(branch, "t", expect(VALUES + "not_be_null", column="a"))
    assert counted(missing) == (False, 4, None, 2)
    assert missing.partial_unexpected_list == (None, None)
    between = judge(branch, "t", expect(VALUES + "be_between", column="a", max_value=5))
    assert counted(between) == (False, 4, 2, 1)
    assert between.partial_unexpected_list == ("Infinity",)
    assert counted(judge(branch, "t", expect(VALUES + "be_in_set", column="a", value_set=[1]))) == (False, 4, 2, 1)
    assert counted(judge(branch, "t", expect(VALUES + "not_be_in_set", column="a", value_set=[1]))) == (False, 4, 2, 1)
    assert counted(judge(branch, "t", expect(VALUES + "be_null", column="a"))) == (False, 4, None, 2)
    assert counted(judge(branch, "t", expect(VALUES + "be_unique", column="a"))) == (True, 4, 2, 0)


def test_two_nans_are_one_null_for_uniqueness(branch: Connection) -> None:
    table(branch, "(1, 'nan'::DOUBLE), (1, NULL), (2, -0.0), (2, 0.0)", "a, b")
    unique = expect("expect_compound_columns_to_be_unique", column_list=["a", "b"])
    assert counted(judge(branch, "t", unique)) == (False, 4, 0, 4)


@pytest.mark.parametrize(
    ("values", "kwargs", "unexpected"),
    [
        ("(1), (2), (3)", {"min_value": 1, "max_value": 3, "strict_min": True, "strict_max": True}, (1, 3)),
        ("(1), (2), (3)", {"min_value": 1.5}, (1,)),
        ("(1), (2), (3)", {"min_value": 1.5, "strict_min": True}, (1,)),
        ("(1), (2), (3)", {"max_value": 2.5, "strict_max": True}, (3,)),
        ("(1), (2), (3)", {"min_value": "2"}, (1,)),
        ("(1), (2), (3)", {"min_value": "1.5"}, (1,)),
        ("(-5), (0)", {"min_value": -3}, (-5,)),
        ("(true), (false)", {"min_value": 0.5}, (False,)),
        ("(1.10), (2.20)", {"min_value": 1.1, "max_value": 2.1}, (2.2,)),
        ("(1.10), (2.20)", {"min_value": 1.1, "strict_min": True}, (1.1,)),
        ("(0.1::DOUBLE), (0.2)", {"max_value": 0.1}, (0.2,)),
        ("(0.1::DOUBLE), (0.2)", {"max_value": 0.2, "strict_max": True}, (0.2,)),
        ("(1::HUGEINT), (1267650600228229401496703205376)", {"max_value": 9}, (2**100,)),
        ("(DATE '2020-01-01'), (DATE '2020-06-01')", {"max_value": "2020-05-31"}, ("2020-06-01",)),
        ("(DATE '2020-01-01'), (DATE '2020-06-01')", {"max_value": dt.date(2020, 5, 31)}, ("2020-06-01",)),
        ("(DATE '2020-01-01'), (DATE '2020-06-01')", {"min_value": "2020-01-01 00:00:01"}, ("2020-01-01",)),
        ("(TIMESTAMP '2020-01-01 10:00:00')", {"max_value": "2020-01-01 09:59:59.5"}, ("2020-01-01T10:00:00",)),
        (
            "(TIMESTAMPTZ '2020-01-01 10:00:00+00')",
            {"min_value": "2020-01-01 12:00:00+01:00"},
            ("2020-01-01T10:00:00+00:00",),
        ),
    ],
)
def test_a_value_outside_is_unexpected(
    branch: Connection, values: str, kwargs: dict[str, Any], unexpected: tuple[Any, ...]
) -> None:
    table(branch, values)
    result = judge(branch, "t", expect(VALUES + "be_between", column="a", **kwargs))
    assert result.error is None
    assert result.partial_unexpected_list == unexpected


@pytest.mark.parametrize(
    ("values", "value_set", "unexpected"),
    [
        ("('0'), ('a'), ('z')", ["0", "a", "b", "c", 0], ("z",)),
        ("('0'), ('a')", [0, 1], ("0", "a")),
        ("(0), (1)", ["0", "1"], (0, 1)),
        ("(0), (1), (2)", ["0", 0, 1.0], (2,)),
        ("(1), (2), (3), (5)", [3, 1, 2], (5,)),
        ("(1), (2)", [True], (2,)),
        ("(1), (2)", [1.5], (1, 2)),
        ("(1), (2)", [], (1, 2)),
        ("(1), (2)", [None], (1, 2)),
        ("(true), (false)", [1], (False,)),
        ("(true), (false)", [2, "x"], (True, False)),
        ("(1.50), (2.00)", [1.5], (2.0,)),
        ("(0.1::FLOAT)", [0.5], (pytest.approx(0.1),)),
        ("('inf'::DOUBLE), (2.0)", [float("inf"), -1], (2.0,)),
        ("('it''s'), ('b')", ["it's"], ("b",)),
        ("(DATE '2020-01-01'), (DATE '2020-01-02')", ["2020-01-01", 5, "2020-01-02 10:00:00"], ("2020-01-02",)),
        ("(TIMESTAMP '2020-01-01 10:00:00')", ["2020-01-01T10:00"], ()),
        ("(TIMESTAMPTZ '2020-01-01 10:00:00+00')", ["2020-01-01 12:00:00+02:00"], ()),
        ("(TIME '10:00:00'), (TIME '11:00:00')", ["10:00:00"], ("11:00:00",)),
    ],
)
def test_a_value_that_is_not_in_the_set_is_unexpected(
    branch: Connection, values: str, value_set: list[Any], unexpected: tuple[Any, ...]
) -> None:
    table(branch, values)
    result = judge(branch, "t", expect(VALUES + "be_in_set", column="a", value_set=value_set))
    assert result.error is None
    assert result.partial_unexpected_list == unexpected
    opposite = judge(branch, "t", expect(VALUES + "not_be_in_set", column="a", value_set=value_set))
    assert opposite.unexpected_count == result.element_count - len(unexpected)  # type: ignore[operator]


def test_uniqueness_counts_every_row_of_a_repeated_value(branch: Connection) -> None:
    table(branch, "(3), (1), (2), (1), (3), (3), (NULL), (NULL)")
    result = judge(branch, "t", expect(VALUES + "be_unique", column="a"))
    assert counted(result) == (False, 8, 2, 5)
    assert result.partial_unexpected_list == (3, 1, 1, 3, 3)
    assert judge(branch, "t", expect(VALUES + "be_unique", column="a", mostly=0.16)).success


@pytest.mark.parametrize(("distinct", "nulls"), [(5, 0), (300, 10), (1500, 3), (2995, 0)])
@pytest.mark.parametrize("early", [1000, 15])
def test_examples_of_repeated_values_are_the_first_rows_however_they_are_found(
    branch: Connection, monkeypatch: pytest.MonkeyPatch, distinct: int, nulls: int, early: int
) -> None:
    monkeypatch.setattr(repeated, "_EARLY", early)
    dice = random.Random(distinct)
    rows = [None] * nulls + [dice.randrange(distinct) if distinct < 2000 else n for n in range(2995)] + [7, 8]
    table(branch, ", ".join(f"({'NULL' if row is None else row})" for row in rows))
    branch.execute("DELETE FROM lake.marts.t WHERE rowid % 5 = 3")
    left = [row for (row,) in branch.execute("SELECT a FROM lake.marts.t ORDER BY rowid").fetchall()]
    often = Counter(row for row in left if row is not None)
    result = judge(branch, "t", expect(VALUES + "be_unique", column="a"))
    assert result.partial_unexpected_list == tuple(row for row in left if often[row] > 1)[:20]
    assert result.unexpected_count == sum(n for n in often.values() if n > 1)


@pytest.mark.parametrize(
    ("ignore", "missing", "unexpected"),
    [("all_values_are_missing", 2, 4), ("any_value_is_missing", 4, 2), ("never", 0, 6)],
)
def test_compound_uniqueness_leaves_out_rows_as_told(
    branch: Connection, ignore: str, missing: int, unexpected: int
) -> None:
    table(branch, "(1, 'a'), (1, 'a'), (1, NULL), (1, NULL), (NULL, NULL), (NULL, NULL), (2, 'b')", "a, b")
    unique = expect("expect_compound_columns_to_be_unique", column_list=["a", "b"], ignore_row_if=ignore)
    result = judge(branch, "t", unique)
    assert counted(result) == (False, 7, missing, unexpected)
    assert result.partial_unexpected_list[:2] == ({"a": 1, "b": "a"}, {"a": 1, "b": "a"})


# Ours


def test_references_find_their_row_and_nulls_refer_to_nothing(branch: Connection) -> None:
    table(branch, "(1, 'x'), (2, 'x'), (3, NULL), (NULL, NULL)", "a, b")
    branch.execute("CREATE TABLE lake.raw.other AS SELECT * FROM (VALUES (1, 'x'), (2, 'y'), (NULL, NULL)) v(id, kind)")
    one = judge(branch, "t", expect("references", columns="a", to="raw.other", to_columns=["id"]))
    assert counted(one) == (False, 4, 1, 1)
    assert one.partial_unexpected_list == (3,)
    two = judge(branch, "t", expect("references", columns=["a", "b"], to="raw.other", to_columns=["id", "kind"]))
    assert counted(two) == (False, 4, 2, 1)
    assert two.partial_unexpected_list == ({"a": 2, "b": "x"},)


def test_references_go_to_columns_of_the_same_names_in_the_same_layer_unless_told(branch: Connection) -> None:
    table(branch, "(1), (2)")
    table(branch, "(1), (2), (2)", name="u")
    assert counted(judge(branch, "t", expect("references", columns=["a"], to="u"))) == (True, 2, 0, 0)


def test_an_implication_is_asked_only_where_it_applies_and_unknown_is_not_true(branch: Connection) -> None:
    table(branch, "(0, 0), (0, 5), (0, NULL), (1, 7), (NULL, 7)", "Open, Sales")
    result = judge(branch, "t", expect("implies", **{"if": "open = 0", "then": "SALES = 0"}))
    assert counted(result) == (False, 5, 2, 2)
    assert result.unexpected_percent == pytest.approx(200 / 3)
    assert result.partial_unexpected_list == ({"Open": 0, "Sales": 5}, {"Open": 0, "Sales": None})


@pytest.mark.parametrize(
    "condition",
    [
        "abs(a) + 1 >= 2 and not (b is null or b like '%z')",
        "case when a > 0 then b else 'x' end in ('x', 'y')",
        "length(trim(b)) between 1 and 3 and upper(b) = 'X' and b ~ 'x.*'",
        "cast(a as varchar) || b = '1x' and try_cast(b as integer) is null",
        "d >= date '2020-01-01' and extract(year from d) = 2020 and date_diff('day', d, current_date) > 0",
        "coalesce(a, 0) % 2 = 1 and round(a / 2.0, 1) = 0.5 and isfinite(a::double)",
        "d - interval 1 day < d and date_trunc('month', d) <= d and strftime(d, '%Y') = '2020'",
    ],
)
def test_conditions_may_use_the_usual_functions_of_one_row(branch: Connection, condition: str) -> None:
    table(branch, "(1, 'x', DATE '2020-05-01')", "a, b, d")
    assert counted(judge(branch, "t", expect("implies", **{"if": "true", "then": condition}))) == (True, 1, 0, 0)


def test_a_series_without_gaps_is_continuous(branch: Connection) -> None:
    table(branch, "('x', 1), ('x', 2), ('x', 2), ('x', 5), ('y', 7), ('y', NULL), (NULL, 1), (NULL, 3)", "g, a")
    result = judge(branch, "t", expect("continuous", column="a", group_by=["g"]))
    assert counted(result) == (False, 9, None, 3)
    assert result.partial_unexpected_list == (
        {"g": "x", "after": 2, "before": 5, "missing": 2},
        {"g": None, "after": 1, "before": 3, "missing": 1},
    )
    assert counted(judge(branch, "t", expect("continuous", column="a", mostly=0.7))) == (True, 7, None, 2)


@pytest.mark.parametrize(
    ("values", "step", "expected", "missing"),
    [
        ("(DATE '2020-01-01'), (DATE '2020-01-03')", 1, 3, 1),
        ("(DATE '2020-01-01'), (DATE '2020-01-15'), (DATE '2020-01-20')", "7 days", 3, 1),
        ("(1), (3), (4), (7)", 2, 4, 1),
        ("(1), (3), (4), (8)", 2, 4, 2),
        ("(TIMESTAMP '2020-01-01 00:00:00'), (TIMESTAMP '2020-01-01 01:00:00')", "15 minutes", 5, 3),
        ("(TIMESTAMP '2020-01-01 00:00:00'), (TIMESTAMP '2020-01-03 00:00:00')", 1, 3, 1),
        ("(TIMESTAMP_NS '2020-01-01 00:00:00'), (TIMESTAMP_NS '2020-01-03 00:00:00')", 1, 3, 1),
        (
            "(TIMESTAMP_NS '2020-01-01 00:00:00.1234561'), (TIMESTAMP_NS '2020-01-01 00:00:00.1234562')",
            "1 second",
            1,
            0,
        ),
        ("(TIMESTAMPTZ '2020-01-01 00:00:00+00'), (TIMESTAMPTZ '2020-01-01 01:00:30+01')", "30 seconds", 2, 0),
        ("(5)", 1, 1, 0),
        ("(NULL::INT)", 1, 0, 0),
        ("(-9223372036854775808), (9223372036854775807)", 2**62, 4, 3),
    ],
)
def test_steps_are_counted_from_the_first_value(
    branch: Connection, values: str, step: int | str, expected: int, missing: int
) -> None:
    table(branch, values)
    result = judge(branch, "t", expect("continuous", column="a", step=step))
    assert counted(result) == (missing == 0, expected, None, missing)
    assert sum(gap["missing"] for gap in result.partial_unexpected_list) == missing


def test_infinities_and_nan_are_found_in_all_columns_of_floats(branch: Connection) -> None:
    table(branch, "(1.0::DOUBLE, 1::FLOAT, 'a'), ('nan', 2, 'b'), (2, '-inf', 'c'), (NULL, NULL, 'd')", "a, b, c")
    result = judge(branch, "t", expect("no_infinities"))
    assert counted(result) == (False, 4, 0, 2)
    assert result.partial_unexpected_list == ({"a": "NaN", "b": 2.0}, {"a": 2.0, "b": "-Infinity"})
    assert judge(branch, "t", expect("no_infinities", columns=["a"])).partial_unexpected_list == ("NaN",)


def test_where_there_are_no_floats_nothing_is_infinite(branch: Connection) -> None:
    table(branch, "(1, 2.5), (2, 3.5)", "a, b")
    for declared in (expect("no_infinities"), expect("no_infinities", columns=["b"])):
        result = judge(branch, "t", declared)
        assert (counted(result), result.how) == ((True, 2, 0, 0), "proven")


# What holds for all


def test_mostly_is_compared_without_rounding(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a FROM range(1000) r(i)")
    between = VALUES + "be_between"
    assert judge(branch, "t", expect(between, column="a", max_value=899, mostly=0.9)).success
    assert not judge(branch, "t", expect(between, column="a", max_value=899, mostly=0.9000001)).success
    assert judge(branch, "t", expect(between, column="a", max_value=-1, mostly=0)).success


def test_an_expectation_about_no_values_holds(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT NULL::INT AS a, NULL::VARCHAR AS b FROM range(3)")
    for declared in (
        expect(VALUES + "be_between", column="a", min_value=1),
        expect(VALUES + "be_in_set", column="b", value_set=[]),
        expect(VALUES + "be_unique", column="a"),
        expect("references", columns=["a"], to="t"),
    ):
        result = judge(branch, "t", declared)
        assert counted(result) == (True, 3, 3, 0)
        assert result.unexpected_percent is None


def test_an_empty_table_holds_everything_without_a_look(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t (a INT, b DOUBLE)")
    for declared in (
        expect(VALUES + "not_be_null", column="a"),
        expect(VALUES + "be_in_set", column="b", value_set=[]),
        expect(VALUES + "be_unique", column="a"),
        expect("continuous", column="a"),
        expect("no_infinities"),
    ):
        result = judge(branch, "t", declared)
        assert (result.success, result.element_count, result.unexpected_percent) == (True, 0, None)
        assert result.how == "proven"


def test_no_more_than_twenty_examples_are_kept(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a FROM range(50) r(i)")
    result = judge(branch, "t", expect(VALUES + "be_in_set", column="a", value_set=[]))
    assert result.partial_unexpected_list == tuple(range(20))


def test_examples_are_json_whatever_the_type(branch: Connection) -> None:
    types = "1.5::DECIMAL(3,1) AS d, 'x'::BLOB AS b, [1, 2] AS l, {'k': DATE '2020-01-01'} AS s, uuid() AS u"
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {types}, INTERVAL 1 DAY AS i, 'nan'::FLOAT AS f")
    columns = ["d", "b", "l", "s", "u", "i", "f"]
    results = gate(branch, "t", *(expect(VALUES + "be_null", column=column, mostly=0.1) for column in columns))
    written = json.loads(json.dumps([result.to_json() for result in results.results], allow_nan=False))
    assert [each["partial_unexpected_list"] for each in written[:4]] == [[1.5], ["78"], [[1, 2]], [{"k": "2020-01-01"}]]
    assert written[6]["unexpected_count"] == 0


def test_names_and_values_with_quotes_and_sql_in_them_are_only_names_and_values(branch: Connection) -> None:
    evil = 'a"; DROP TABLE lake.marts.u; --'
    table(branch, "(1)", name="u")
    quoted = evil.replace('"', '""')
    branch.execute(f"""CREATE TABLE lake.marts."{quoted}" AS SELECT 'x'' OR 1=1' AS "{quoted}", 1 AS "ü b" """)
    for declared in (
        expect(VALUES + "be_in_set", column=evil, value_set=["x' OR 1=1"]),
        expect(VALUES + "be_unique", column=evil),
        expect("expect_compound_columns_to_be_unique", column_list=[evil, "ü b"]),
        expect("continuous", column="ü b", group_by=[evil]),
        expect("references", columns=[evil], to=evil.replace(".", "")),
    ):
        result = judge(branch, evil, declared)
        assert result.success or "there is no table" in (result.error or "")
    assert judge(branch, "u", expect("expect_table_row_count_to_equal", value=1)).success


@pytest.fixture
def viewed(branch: Connection) -> Connection:
    """A view, of which nothing is known: repeated values, two nulls and a NaN."""
    values = "('1.5'), ('1.5'), ('2'), (NULL), (NULL), ('nan'), ('3')"
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT TRY_CAST(a AS DOUBLE) AS a FROM (VALUES {values}) v(a)")
    branch.execute("CREATE VIEW lake.marts.v AS SELECT * FROM lake.marts.t")
    return branch


NULLS = [expect(VALUES + kind, column="a") for kind in ("be_unique", "not_be_null", "be_null")]


def test_nulls_are_counted_by_the_query_that_looks_for_repeated_values(
    viewed: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "scan_whole", None)  # nobody calls it
    results = gate(viewed, "v", *NULLS).results
    assert [counted(each) for each in results] == [(False, 7, 3, 2), (False, 7, None, 3), (False, 7, None, 4)]
    assert [each.partial_unexpected_list for each in results] == [(1.5, 1.5), (None,) * 3, (1.5, 1.5, 2.0, 3.0)]
    again = gate(viewed, "v", *NULLS[1:]).results
    assert [(each.how, counted(each)[3]) for each in again] == [("remembered", 3), ("remembered", 4)]


def test_nulls_are_counted_also_where_that_query_fails(viewed: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise duckdb.OutOfMemoryException("too many groups")

    monkeypatch.setattr(scan, "run_query", fail)
    unique, not_null, null = gate(viewed, "v", *NULLS, memory=Forgetful()).results
    assert unique.error == "could not be checked: too many groups"
    assert (counted(not_null), counted(null)) == ((False, 7, None, 3), (False, 7, None, 4))


def test_a_condition_of_its_own_makes_nulls_a_question_of_its_own(viewed: Connection) -> None:
    asked = [NULLS[0], expect(VALUES + "not_be_null", column="a", row_condition="a > 1")]
    assert [counted(each) for each in gate(viewed, "v", *asked).results] == [(False, 7, 3, 2), (True, 4, None, 0)]
    asked = [expect(VALUES + "be_unique", column="a", row_condition="a > 1"), NULLS[1]]
    assert [counted(each) for each in gate(viewed, "v", *asked).results] == [(False, 4, 0, 2), (False, 7, None, 3)]


def test_a_set_may_hold_a_text_of_nul_characters(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t (a VARCHAR)")
    branch.executemany("INSERT INTO lake.marts.t VALUES (?)", [["x\0y"], ["\0"], ["x"]])
    for value_set, wrong in ((["x\0y"], 2), (["\0", "x", "x\0y"], 0)):
        assert counted(judge(branch, "t", expect(VALUES + "be_in_set", column="a", value_set=value_set)))[3] == wrong
