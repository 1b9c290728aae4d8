"""Generic tests of dbt_utils and dbt_expectations, as expectations that hold only if they pass.

Each is asked of the whole table, so a condition on rows (``where``, ``row_condition``) can only make a test pass more
easily if it says something of every row. Where it says that something exists, or how many rows there are, a test with
such a condition is dbt's own. So is one that groups, that compares with an expression, or in which nulls fail.

Sources: https://github.com/dbt-labs/dbt-utils/tree/main/macros/generic_tests and
https://github.com/metaplane/dbt-expectations/tree/main/macros/schema_tests
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_VALUES = "expect_column_values_to_"
Meant = tuple[str, dict[str, Any]]
Given = Mapping[str, Any]


def meant_by(
    namespace: str, test: str, given: Given, column: str | None, others: list[str], *, whole: bool
) -> Meant | None:
    """The type and arguments of the expectation; None if there is none.

    ``given`` are the test's arguments without its column, ``others`` the relations that it reads beside the tested one,
    ``whole`` says that it looks at all rows.
    """
    entry = _TESTS.get((namespace, test))
    if entry is None:
        return None
    known, read, of_every_row = entry
    unconditioned = whole and given.get("row_condition") is None and not given.get("group_by")
    if set(given) - known - _CONDITIONS or not (of_every_row or unconditioned):
        return None
    if any(given.get(name) for name in ("group_by", "group_by_columns")) and not of_every_row:
        return None
    return read(given, column, others)


_CONDITIONS = frozenset({"row_condition", "group_by", "group_by_columns"})


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bounds(given: Given, *, strict: bool) -> dict[str, Any] | None:
    """Of a range: numbers only, since a text is an expression in SQL."""
    found: dict[str, Any] = {}
    for end in ("min", "max"):
        value = given.get(f"{end}_value")
        if value is None:
            continue
        if not _number(value):
            return None
        found |= {f"{end}_value": value, f"strict_{end}": strict}
    return found or None


def _range(given: Given, column: str | None, _: list[str]) -> Meant | None:
    bounds = _bounds(
        given, strict=given.get("inclusive", True) is not True or given.get("strictly", False) is not False
    )
    return None if bounds is None or column is None else (f"{_VALUES}be_between", {"column": column, **bounds})


def _aggregate(name: str) -> Callable[[Given, str | None, list[str]], Meant | None]:
    def read(given: Given, column: str | None, _: list[str]) -> Meant | None:
        bounds = _bounds(given, strict=given.get("strictly", False) is not False)
        return (
            None
            if bounds is None or column is None
            else (f"expect_column_{name}_to_be_between", {"column": column, **bounds})
        )

    return read


def _of_column(type_: str, **kwargs: Any) -> Callable[[Given, str | None, list[str]], Meant | None]:
    return lambda _, column, __: None if column is None else (type_, {"column": column, **kwargs})


def _proportion(given: Given, column: str | None, _: list[str]) -> Meant | None:
    """No null at all: then any share that is asked for is reached, and only ``at_most`` 1 is not gone beyond."""
    return None if column is None or given.get("at_most", 1) != 1 else (f"{_VALUES}not_be_null", {"column": column})


def _combination(given: Given, _: str | None, __: list[str]) -> Meant | None:
    names = given.get("combination_of_columns")
    if not isinstance(names, list) or len(names) < 2:  # of a single one, nulls are told apart otherwise
        return None
    return "expect_compound_columns_to_be_unique", {"column_list": _unquoted(names), "ignore_row_if": "never"}


def _compound(given: Given, _: str | None, __: list[str]) -> Meant | None:
    names, ignored = given.get("column_list"), given.get("ignore_row_if", "all_values_are_missing")
    if not isinstance(names, list) or len(names) < 2:
        return None
    return "expect_compound_columns_to_be_unique", {"column_list": _unquoted(names), "ignore_row_if": ignored}


def _unquoted(names: list[Any]) -> list[str]:
    return [str(name).strip('"') for name in names]


def _length(given: Given, column: str | None, _: list[str]) -> Meant | None:
    value = given.get("value")
    return (
        None
        if column is None or type(value) is not int
        else ("expect_column_value_lengths_to_equal", {"column": column, "value": value})
    )


def _lengths(given: Given, column: str | None, _: list[str]) -> Meant | None:
    bounds = _bounds(given, strict=given.get("strictly", False) is not False)
    return (
        None
        if bounds is None or column is None
        else ("expect_column_value_lengths_to_be_between", {"column": column, **bounds})
    )


def _rows(given: Given, column: str | None, _: list[str]) -> Meant | None:
    bounds = _bounds(given, strict=given.get("strictly", False) is not False)
    return None if bounds is None or column is not None else ("expect_table_row_count_to_be_between", bounds)


def _equal_rows(_: Given, column: str | None, others: list[str]) -> Meant | None:
    if column is not None or len(others) != 1:
        return None
    return "expect_table_row_count_to_equal_other_table", {"other_table_name": others[0]}


_RANGE = frozenset({"min_value", "max_value", "strictly"})
#: By package and test: the arguments that are understood, how it becomes an expectation, and whether it says something
#: of every row alone.
_TESTS: dict[tuple[str, str], tuple[frozenset[str], Callable[[Given, str | None, list[str]], Meant | None], bool]] = {
    ("dbt_utils", "accepted_range"): (frozenset({"min_value", "max_value", "inclusive"}), _range, True),
    ("dbt_utils", "not_null_proportion"): (frozenset({"at_least", "at_most"}), _proportion, True),
    ("dbt_utils", "unique_combination_of_columns"): (
        frozenset({"combination_of_columns", "quote_columns"}), _combination, True
    ),
    ("dbt_utils", "not_empty_string"): (
        frozenset({"trim_whitespace"}), _of_column(f"{_VALUES}match_regex", regex=r"[^\s]"), True
    ),
    ("dbt_utils", "at_least_one"): (
        frozenset(),
        _of_column("expect_column_proportion_of_non_null_values_to_be_between", min_value=0, strict_min=True),
        False,
    ),
    ("dbt_utils", "not_constant"): (
        frozenset(), _of_column("expect_column_unique_value_count_to_be_between", min_value=2), False
    ),
    ("dbt_utils", "equal_rowcount"): (frozenset({"compare_model"}), _equal_rows, False),
    ("dbt_expectations", "expect_column_values_to_not_be_null"): (
        frozenset(), _of_column(f"{_VALUES}not_be_null"), True
    ),
    ("dbt_expectations", "expect_column_values_to_be_unique"): (frozenset(), _of_column(f"{_VALUES}be_unique"), True),
    ("dbt_expectations", "expect_column_values_to_be_between"): (_RANGE, _range, True),
    ("dbt_expectations", "expect_column_value_lengths_to_equal"): (frozenset({"value"}), _length, True),
    ("dbt_expectations", "expect_column_value_lengths_to_be_between"): (_RANGE, _lengths, True),
    ("dbt_expectations", "expect_compound_columns_to_be_unique"): (
        frozenset({"column_list", "quote_columns", "ignore_row_if"}), _compound, True
    ),
    ("dbt_expectations", "expect_table_row_count_to_be_between"): (_RANGE, _rows, False),
    **{
        ("dbt_expectations", f"expect_column_{name}_to_be_between"): (_RANGE, _aggregate(name), False)
        for name in ("max", "min", "sum")
    },
}  # fmt: skip
#: The packages whose tests are known.
PACKAGES = frozenset(package for package, _ in _TESTS)
