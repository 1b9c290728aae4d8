"""What is declared is checked before any data is touched."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from gate_maker import VALUES, expect
from headgate.errors import ConfigError
from headgate.gates import compile_gate, compile_gates
from headgate.project.declaration import Declared, GateFile, Place

BETWEEN = VALUES + "be_between"
SCHEMA = "expect_column_values_to_match_json_schema"
IN_SET = VALUES + "be_in_set"
ROWS = "expect_table_row_count_to_be_between"
NESTED: list[Any] = functools.reduce(lambda inner, _: [inner], range(5000), [1])
DEEP: dict[str, Any] = functools.reduce(
    lambda inner, _: {"type": "and", "conditions": [inner]}, range(5000), {"type": "nullity"}
)


def compiled(*declared: Declared) -> Any:
    return compile_gate(GateFile("marts", {"orders": declared}))


def test_an_unknown_expectation_is_told_with_its_place_and_what_was_meant() -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(expect("expect_column_values_to_be_betwen", column="a"))
    assert str(caught.value).startswith(
        "gates/marts.yml:3: there is no expectation 'expect_column_values_to_be_betwen'"
    )
    assert "did you mean 'expect_column_values_to_be_between'?" in str(caught.value)


def test_an_error_in_a_suite_names_the_expectation_by_its_number() -> None:
    declared = Declared("nonsense", {}, Place("gates/suites/a.json", 1, 4))
    with pytest.raises(ConfigError) as caught:
        compiled(declared)
    assert caught.value.where == "gates/suites/a.json:1 (expectations[4])"


@pytest.mark.parametrize(
    ("type_", "kwargs", "message"),
    [
        (BETWEEN, {"colum": "a", "min_value": 1}, "the argument colum is unknown"),
        (BETWEEN, {"min_value": 1}, "column is required"),
        (BETWEEN, {"column": None, "min_value": 1}, "column is required, and cannot be null"),
        (BETWEEN, {"column": 7, "min_value": 1}, "column must be a name, not 7"),
        (BETWEEN, {"column": "", "min_value": 1}, "column must be a name, not ''"),
        (BETWEEN, {"column": "a\0b", "min_value": 1}, "column must be a name"),
        (BETWEEN, {"column": "a"}, "min_value is required, or max_value"),
        (BETWEEN, {"column": "a", "min_value": None, "max_value": None}, "min_value is required, or max_value"),
        (BETWEEN, {"column": "a", "min_value": float("nan")}, "min_value must be finite"),
        (BETWEEN, {"column": "a", "max_value": float("inf")}, "max_value must be finite"),
        (BETWEEN, {"column": "a", "max_value": [1]}, "max_value must be one value"),
        (BETWEEN, {"column": "a", "min_value": 1, "strict_min": "yes"}, "strict_min must be true or false, not 'yes'"),
        (BETWEEN, {"column": "a", "min_value": 1, "mostly": 1.5}, "mostly must be a number from 0 to 1, not 1.5"),
        (BETWEEN, {"column": "a", "min_value": 1, "mostly": True}, "mostly must be a number from 0 to 1"),
        (BETWEEN, {"column": "a", "min_value": 1, "mostly": "0.9"}, "mostly must be a number from 0 to 1"),
        ("expect_column_to_exist", {"column": "a", "row_condition": "a > 1"}, "row_condition is not available here"),
        (IN_SET, {"column": "a"}, "value_set is required"),
        (IN_SET, {"column": "a", "value_set": "abc"}, "value_set must be a list of values, not 'abc'"),
        (IN_SET, {"column": "a", "value_set": [[1]]}, "value_set must hold plain values"),
        (
            IN_SET,
            {"column": "a", "value_set": ["b", "\ud800"]},
            "value_set holds half of a character, which no text can",
        ),
        (IN_SET, {"column": "a", "value_set": NESTED}, "value_set is nested too deeply: 100 levels are the most"),
        (
            SCHEMA,
            {"column": "a", "json_schema": {"properties": {"\udfff": {}}}},
            "json_schema holds half of a character",
        ),
        (IN_SET, {"column": "a", "value_set": [1], "row_condition": DEEP}, "row_condition is nested too deeply"),
        (
            IN_SET,
            {"column": "a", "value_set": [1], "row_condition": "not " * 100_000 + "a", "condition_parser": "pandas"},
            "row_condition is no condition of pandas",
        ),
        (ROWS, {"min_value": "many"}, "min_value must be a number, not 'many'"),
        (ROWS, {"min_value": True}, "min_value must be a finite number"),
        ("expect_table_row_count_to_equal", {"value": 1.5}, "value must be a whole number"),
        ("expect_table_row_count_to_equal", {"value": -1}, "value must be a whole number"),
        ("expect_table_row_count_to_equal_other_table", {"other_table_name": ".b"}, "must be table or layer.table"),
        ("expect_table_row_count_to_equal_other_table", {"other_table_name": "a."}, "must be table or layer.table"),
        ("expect_table_columns_to_match_ordered_list", {"column_list": None}, "cannot be null"),
        ("expect_table_columns_to_match_ordered_list", {"column_list": "a"}, "column_list must be a list of names"),
        ("expect_column_to_exist", {"column": "a", "column_index": -1}, "column_index must be a position"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["a"]}, "must name at least two columns"),
        ("expect_compound_columns_to_be_unique", {"column_list": "ab"}, "must name at least two columns"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["a", "a"]}, "column_list names a column twice"),
        (
            "expect_compound_columns_to_be_unique",
            {"column_list": ["a", "b"], "ignore_row_if": "sometimes"},
            "ignore_row_if must be one of all_values_are_missing, any_value_is_missing, never",
        ),
        ("references", {"columns": [], "to": "a"}, "columns must name at least one column"),
        ("references", {"columns": "a"}, "to is required"),
        ("continuous", {"column": "a", "step": 0}, "step must be a whole number above 0"),
        ("continuous", {"column": "a", "step": "1 month"}, "step must be a whole number above 0"),
        ("continuous", {"column": "a", "step": "0 days"}, "step must be a whole number above 0"),
        ("continuous", {"column": "a", "step": True}, "step must be a whole number above 0"),
        ("implies", {"if": "a = 1"}, "then is required"),
        ("implies", {"if": 1, "then": "a"}, "if must be a text, not 1"),
        ("implies", {"if": "a = 1", "then": ""}, "then must be a text"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(type_: str, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(Declared(type_, kwargs, Place("gates/marts.yml", 3)))
    assert message in caught.value.what


@pytest.mark.parametrize(
    "condition",
    [
        "a = 1; drop table x",
        "select 1",
        "drop table x",
        "(select 1) = 1",
        "a in (select 1)",
        "a in b",
        "exists(select 1)",
        "read_text('/etc/passwd') = 'x'",
        "getenv('HOME') = 'x'",
        "max(a) > 1",
        "row_number() over () = 1",
        "[x for x in a] = [1]",
        "list_filter(a, x -> x) = a",
        "unnest([1]) = 1",
        "columns(*) = 1",
        "* = 1",
        "other.a = 1",
        "a = ?",
        "a = $1",
        "(a = 1",
        "random() > 0.5",
        "nextval('s') = 1",
        "a[1] = 2",
    ],
)
def test_a_condition_that_is_more_than_an_expression_over_one_row_is_refused(condition: str) -> None:
    for kwargs in ({"if": condition, "then": "a = 1"}, {"if": "a = 1", "then": condition}):
        with pytest.raises(ConfigError):
            compiled(Declared("implies", kwargs, Place("x")))


def test_a_condition_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ConfigError, match="is nested too deeply"):
        compiled(Declared("implies", {"if": "(" * 5000 + "a" + ")" * 5000, "then": "a = 1"}, Place("x")))


def test_what_great_expectations_writes_beside_the_arguments_is_accepted() -> None:
    gate = compiled(expect(IN_SET, column="a", value_set=[], result_format="COMPLETE", meta={}, row_condition=None))
    assert len(gate.checks) == 1


def test_a_gate_without_expectations_and_an_empty_set_are_legal() -> None:
    assert compiled().checks == ()
    assert compiled(expect(IN_SET, column="a", value_set=[])).checks[0].table == "orders"


@pytest.mark.parametrize(
    ("type_", "kwargs"),
    [
        (IN_SET, {"column": "a", "value_set": [1]}),
        ("expect_column_values_to_be_unique", {"column": "a"}),
        ("expect_column_pair_values_to_be_equal", {"column_A": "a", "column_B": "b"}),
        ("references", {"columns": ["a"], "to": "other"}),
        ("implies", {"if": "a = 1", "then": "b = 1"}),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT b.* FROM {batch} AS b WHERE b.a < 0"}),
    ],
)
def test_what_says_which_rows_are_bad_may_put_them_into_quarantine(type_: str, kwargs: dict[str, Any]) -> None:
    (check,) = compiled(expect(type_, **kwargs, on_fail="quarantine")).checks
    assert check.declared.on_fail == "quarantine"


@pytest.mark.parametrize(
    ("type_", "kwargs", "hint"),
    [
        ("expect_table_row_count_to_be_between", {"min_value": 1}, "use on_fail: block"),
        ("expect_column_mean_to_be_between", {"column": "a", "min_value": 1}, "use on_fail: block"),
        ("continuous", {"column": "a"}, "use on_fail: block"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT a FROM {batch}"}, "SELECT \\* FROM {batch}"),
    ],
)
def test_what_does_not_say_which_rows_are_bad_cannot(type_: str, kwargs: dict[str, Any], hint: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s)gates/marts.yml:3: {type_} does not say which rows are bad.*{hint}"):
        compiled(expect(type_, **kwargs, on_fail="quarantine"))


def test_a_warning_cannot_put_rows_into_quarantine() -> None:
    with pytest.raises(ConfigError, match="a warning lets bad rows through"):
        compiled(expect(IN_SET, column="a", value_set=[1], severity="warn", on_fail="quarantine"))


def test_an_unknown_dimension_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no dimension 'beauty'"):
        compiled(expect(IN_SET, column="a", value_set=[1], dimension="beauty"))


def test_the_dimension_is_the_expectations_own_unless_another_is_declared() -> None:
    gate = compiled(expect(IN_SET, column="a", value_set=[1]), expect(ROWS, min_value=1, dimension="timeliness"))
    assert [check.dimension for check in gate.checks] == ["validity", "timeliness"]


def test_an_id_that_was_not_declared_depends_on_the_expectation_alone() -> None:
    first = compiled(expect(IN_SET, column="a", value_set=[1]), expect(ROWS, min_value=1)).checks
    turned = compiled(expect(ROWS, min_value=1), expect(IN_SET, value_set=[1], column="a")).checks
    assert [check.id for check in first] == [check.id for check in reversed(turned)]
    assert first[0].id != compiled(expect(IN_SET, column="a", value_set=[2])).checks[0].id


def test_the_same_expectation_twice_has_two_ids() -> None:
    checks = compiled(*[expect(ROWS, min_value=1)] * 3).checks
    assert [check.id.removeprefix(checks[0].id) for check in checks] == ["", "-2", "-3"]


def test_a_declared_id_stands_for_one_expectation_of_a_table() -> None:
    with pytest.raises(ConfigError, match="the id 'x' occurs twice for table orders"):
        compiled(expect(ROWS, min_value=1, id="x"), expect(ROWS, min_value=2, id="x"))


def test_tables_are_named_once_each_in_order() -> None:
    rows = expect(ROWS, min_value=1)
    assert compile_gate(GateFile("m", {"b": (rows, rows), "a": (rows,)})).tables == ("b", "a")


def test_two_tables_cannot_share_a_quarantine() -> None:
    rule = expect(IN_SET, column="a", value_set=[1], on_fail="quarantine")
    files = [GateFile("raw_old", {"t": (rule,)}), GateFile("raw", {"old_t": (rule,)})]
    with pytest.raises(ConfigError, match=r"rows of raw\.old_t and of raw_old\.t would go into one quarantine"):
        compile_gates(files)
