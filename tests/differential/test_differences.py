"""Where we differ from Great Expectations on purpose: both sides of each row of its page in the reference."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gx_agreement import judge
from gx_peer import Engine, GreatExpectations
from gx_tables import Cell, Table
from headgate.errors import ConfigError
from headgate.lake.engine import Connection
from headgate.project.declaration import Declared, Place

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "gx-differences.md"
VALUES = "expect_column_values_to_"
COLUMN = "expect_column_"
#: Instead of a verdict: it could not be checked.
REFUSED = None


@dataclass(frozen=True)
class Difference:
    """One column ``c`` of some type, or several; an expectation; and what they and we make of it."""

    name: str
    type: str | dict[str, str]
    rows: Sequence[Cell | tuple[Cell, ...]]
    expectation: str
    kwargs: dict[str, Any]
    theirs: bool | None
    ours: bool | None
    engine: Engine = "pandas"
    their_numbers: dict[str, Any] = field(default_factory=dict)
    our_numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        """The table."""
        columns = {"c": self.type} if isinstance(self.type, str) else self.type
        rows = tuple(row if isinstance(row, tuple) else (row,) for row in self.rows)
        return Table(tuple(columns.items()), rows)

    @property
    def declared(self) -> Declared:
        """The expectation, of the column ``c`` unless it says otherwise."""
        column = {"column": "c"} if isinstance(self.type, str) else {}
        return Declared(self.expectation, column | self.kwargs, Place("suite.json", 1))


QUANTILES = {"quantiles": [0.5], "value_ranges": [[0, 1]]}
PAIR = {"column_A": "a", "column_B": "b"}
UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
B53, B62 = 2**53, 2**62
TYPE_LIST = VALUES + "be_in_type_list"
DIFFERENCES = [
    # regular expressions and patterns
    Difference("classes of characters", "VARCHAR", ["٣"], VALUES + "match_regex", {"regex": r"^\d$"}, True, False),
    Difference("a line break at the end", "VARCHAR", ["a\n"], VALUES + "match_regex", {"regex": "a$"}, True, False),
    Difference(
        "a dot for a line break", "VARCHAR", ["a\nb"], VALUES + "match_regex", {"regex": "a.b"}, True, False, "sql"
    ),
    Difference("looking around", "VARCHAR", ["ab"], VALUES + "match_regex", {"regex": "^a(?=b)"}, True, REFUSED),
    Difference(
        "LIKE on pandas", "VARCHAR", ["ab"], VALUES + "match_like_pattern", {"like_pattern": "a%"}, REFUSED, True
    ),
    Difference(
        "backslashes in LIKE patterns",
        "VARCHAR",
        ["%"],
        VALUES + "match_like_pattern",
        {"like_pattern": r"\%"},
        True,
        False,
        "sql",
    ),
    # values as texts
    Difference(
        "whole numbers beside nulls, as texts",
        "INTEGER",
        ["264", None],
        COLUMN + "value_lengths_to_equal",
        {"value": 3},
        False,
        True,
    ),
    Difference("decimals as texts", "DECIMAL(9,2)", ["1.50"], VALUES + "match_regex", {"regex": r"\.50$"}, False, True),
    Difference(
        "three powers of two as texts",
        "DOUBLE",
        [repr(2.0**81)],
        VALUES + "match_regex",
        {"regex": r"^2\.41.*e\+24$"},
        True,
        False,
    ),
    Difference(
        "moments as texts",
        "TIMESTAMP",
        ["2020-01-01"],
        VALUES + "match_regex",
        {"regex": "^2020-01-01$"},
        True,
        REFUSED,
    ),
    Difference(
        "times of day as texts", "TIME", ["10:00:00"], COLUMN + "value_lengths_to_equal", {"value": 8}, True, REFUSED
    ),
    Difference(
        "texts that are no JSON",
        "VARCHAR",
        ["{}", "{"],
        VALUES + "match_json_schema",
        {"json_schema": {"type": "object"}, "mostly": 0.5},
        REFUSED,
        True,
    ),
    Difference(
        "patterns in JSON schemas",
        "VARCHAR",
        ['"ab"'],
        VALUES + "match_json_schema",
        {"json_schema": {"pattern": "a(?=b)"}},
        True,
        REFUSED,
    ),
    # numbers
    Difference(
        "limits of a divergence",
        "INTEGER",
        ["1"],
        "expect_column_kl_divergence_to_be_less_than",
        {"partition_object": {"values": [2], "weights": [1]}, "tail_weight_holdout": 0.5, "max_value": 0.0},
        True,
        REFUSED,
    ),
    Difference(
        "sums of decimals",
        "DECIMAL(9,2)",
        ["0.1", "0.2"],
        COLUMN + "sum_to_be_between",
        {"max_value": 0.3},
        False,
        True,
    ),
    Difference(
        "sums above 2^63",
        "BIGINT",
        [str(B62)] * 2,
        COLUMN + "sum_to_be_between",
        {"min_value": 0},
        False,
        True,
        their_numbers={"observed_value": -(2**63)},
        our_numbers={"observed_value": 2**63},
    ),
    Difference(
        "spread above 2^53",
        "BIGINT",
        [str(B53 + 2), str(B53), str(B53), str(B53), str(B53 + 2)],
        COLUMN + "stdev_to_be_between",
        {"max_value": 1.2},
        False,
        True,
    ),
    Difference(
        "the spread of equal values",
        "DECIMAL(12,2)",
        ["30935.68"] * 6,
        "expect_column_value_z_scores_to_be_less_than",
        {"threshold": -1, "double_sided": False},
        False,
        True,
    ),
    Difference(
        "quantiles beside an infinity",
        "DOUBLE PRECISION",
        ["1", "inf"],
        COLUMN + "quantile_values_to_be_between",
        {"quantile_ranges": {"quantiles": [0], "value_ranges": [[1, 1]]}, "allow_relative_error": "linear"},
        False,
        True,
    ),
    Difference(
        "ranges of quantiles without room",
        "INTEGER",
        ["1", "2", "3"],
        COLUMN + "quantile_values_to_be_between",
        {"quantile_ranges": {"quantiles": [0.5], "value_ranges": [[2, 1]]}},
        True,
        REFUSED,
    ),
    Difference(
        "bounds above 2^53", "BIGINT", [str(B53 + 1)], COLUMN + "max_to_be_between", {"max_value": B53}, True, False
    ),
    Difference(
        "whole numbers beside floats",
        "BIGINT",
        [str(B53 + 1)],
        VALUES + "be_in_set",
        {"value_set": [B53 + 1, 2.5]},
        False,
        True,
    ),
    Difference(
        "steps too wide for their type",
        "INTEGER",
        ["-2147483648", "2147483647"],
        VALUES + "be_increasing",
        {},
        theirs=False,
        ours=True,
    ),
    Difference("the sum of nothing", "INTEGER", [None], COLUMN + "sum_to_be_between", {}, False, True, "sql"),
    Difference("NaN in a database", "DOUBLE PRECISION", ["nan"], VALUES + "not_be_null", {}, True, False, "sql"),
    Difference(
        "between two booleans",
        "BOOLEAN",
        ["true", "false", None],
        COLUMN + "quantile_values_to_be_between",
        {"quantile_ranges": QUANTILES, "allow_relative_error": "linear"},
        True,
        REFUSED,
    ),
    Difference(
        "null beside a boolean",
        {"a": "BOOLEAN", "b": "BOOLEAN"},
        [("true", None), ("true", "false")],
        COLUMN + "pair_values_a_to_be_greater_than_b",
        PAIR | {"mostly": 0.5},
        REFUSED,
        True,
    ),
    # dates and times
    Difference(
        "dates in sets",
        "TIMESTAMP",
        ["2020-01-01"],
        VALUES + "be_in_set",
        {"value_set": ["2020-01-01 00:00:00"]},
        False,
        True,
    ),
    Difference(
        "texts that are no dates",
        "TIMESTAMP",
        ["2020-01-01"],
        VALUES + "be_in_set",
        {"value_set": ["soon"]},
        False,
        REFUSED,
    ),
    Difference(
        "days without a time",
        "TIMESTAMP",
        ["2020-01-01"],
        VALUES + "be_between",
        {"min_value": "2020-01-01"},
        REFUSED,
        True,
    ),
    Difference("dates of nothing", "TIMESTAMP", [None], COLUMN + "max_to_be_between", {}, True, False),
    Difference(
        "the middle of times",
        "TIMESTAMP",
        ["2020-01-02 23:59:59.999999"] * 3,
        COLUMN + "median_to_be_between",
        {"max_value": "2020-01-02 23:59:59.999999", "strict_max": True},
        True,
        False,
    ),
    # sets
    Difference(
        "sets of several types", "INTEGER", ["1"], VALUES + "be_in_set", {"value_set": [1, "a"]}, REFUSED, True, "sql"
    ),
    Difference("UUIDs in sets", "UUID", [UUID], VALUES + "be_in_set", {"value_set": [UUID]}, False, True),
    Difference(
        "texts that are no UUIDs",
        "UUID",
        [UUID],
        VALUES + "be_in_set",
        {"value_set": [UUID, "none"]},
        REFUSED,
        True,
        "sql",
    ),
    Difference(
        "floats of 32 bits in sets", "REAL", ["0.1"], VALUES + "be_in_set", {"value_set": [0.1, 1]}, True, False, "sql"
    ),
    Difference(
        "the same twice in a set",
        "VARCHAR",
        ["a"],
        COLUMN + "distinct_values_to_equal_set",
        {"value_set": ["a", "a"]},
        False,
        True,
        "sql",
    ),
    Difference(
        "unprintable texts in sets",
        "VARCHAR",
        ["\x0b"],
        VALUES + "be_in_set",
        {"value_set": ["\x0b"]},
        REFUSED,
        True,
        "sql",
    ),
    Difference(
        "more than 100 tied modes",
        "INTEGER",
        [str(i) for i in range(120)],
        COLUMN + "most_common_value_to_be_in_set",
        {"value_set": [1], "ties_okay": True},
        True,
        True,
        their_numbers={"observed_value": list(range(120))},
        our_numbers={"observed_value": list(range(100))},
    ),
    # types
    Difference(
        "observed types",
        "INTEGER",
        ["1"],
        VALUES + "be_of_type",
        {"type_": "int32"},
        True,
        True,
        their_numbers={"observed_value": "int32"},
        our_numbers={"observed_value": "INTEGER"},
    ),
    Difference("names of several widths", "INTEGER", ["1"], VALUES + "be_of_type", {"type_": "int"}, False, True),
    Difference(
        "types of whole numbers beside nulls",
        "INTEGER",
        ["1", None],
        VALUES + "be_of_type",
        {"type_": "float64"},
        True,
        False,
    ),
    Difference("lists of types", "VARCHAR", ["a"], TYPE_LIST, {"type_list": ["str"]}, False, True),
    # rows
    Difference(
        "the first column by its place",
        {"a": "INTEGER", "b": "INTEGER"},
        [("1", "2")],
        "expect_column_to_exist",
        {"column": "b", "column_index": 0},
        True,
        False,
    ),
    Difference(
        "min_value greater than max_value",
        "INTEGER",
        ["2"],
        COLUMN + "max_to_be_between",
        {"min_value": 3, "max_value": 1},
        False,
        REFUSED,
        their_numbers={"observed_value": 2},
    ),
    Difference(
        "conditions without a parser",
        "INTEGER",
        ["1", None],
        VALUES + "not_be_null",
        {"row_condition": "c.notnull()"},
        True,
        REFUSED,
    ),
    Difference(
        "names with a double quote",
        {'quo"te': "INTEGER"},
        ["1"],
        VALUES + "be_unique",
        {"column": 'quo"te'},
        REFUSED,
        True,
        "sql",
    ),
    Difference(
        "null among several columns of a database",
        {"a": "INTEGER", "b": "INTEGER"},
        [("1", None), ("1", None)],
        "expect_compound_columns_to_be_unique",
        {"column_list": ["a", "b"]},
        True,
        False,
        "sql",
    ),
    Difference(
        "examples of pairs",
        {"a": "INTEGER", "b": "INTEGER"},
        [("1", "2")],
        COLUMN + "pair_values_to_be_equal",
        PAIR,
        False,
        False,
        their_numbers={"partial_unexpected_list": [[1, 2]]},
        our_numbers={"partial_unexpected_list": ({"a": 1, "b": 2},)},
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda each: each.name)
def test_both_sides_are_as_the_page_says(difference: Difference, con: Connection, sql_peer: GreatExpectations) -> None:
    (theirs,) = sql_peer.judge(difference.table, [difference.declared], engine=difference.engine)
    assert (None if theirs.error else theirs.success) == difference.theirs, theirs
    assert {key: theirs.result[key] for key in difference.their_numbers} == difference.their_numbers
    try:
        (ours,) = judge(con, difference.table, [difference.declared])
    except ConfigError:
        assert difference.ours is REFUSED
        return
    assert (None if ours.error else ours.success) == difference.ours, ours
    assert {key: getattr(ours, key) for key in difference.our_numbers} == difference.our_numbers


def test_the_page_has_a_row_for_each() -> None:
    rows = re.findall(r"^\| \*\*(.+?)\*\* \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert rows == [each.name for each in DIFFERENCES]


def test_cases_are_drawn_around_rows_that_there_are() -> None:
    names = {each.name for each in DIFFERENCES}
    for file in Path(__file__).parent.glob("gx_*.py"):
        for line in file.read_text(encoding="utf-8").splitlines():
            named = re.search(r"[Rr]ows? ((?:\"[^\"]+\"(?:, | and )?)+)", line)
            if named:
                assert set(re.findall(r'"([^"]+)"', named[1])) <= names, line
