"""For each expectation: the kinds of columns that it is asked of, and the arguments with which it is asked.

The reference is Great Expectations on pandas. Its SQL engine is asked where pandas has no such expectation or no such
type: whole numbers too big for a float among nulls, decimals, days. Where the two of us differ on purpose, cases are
drawn around it: each such comment names a row of ``docs/reference/gx-differences.md``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from gx_peer import Engine
from gx_tables import DAYS, KINDS, NAMES, Table, tables
from headgate.project.declaration import Declared, Place

Arguments = st.SearchStrategy[dict[str, Any]]
PLACE = Place("suite.json", 1)
OTHER = "other"


@dataclass(frozen=True)
class Given:
    """What is known when arguments are drawn: the table, the kinds of its columns, and the engine that is asked."""

    table: Table
    kinds: tuple[str, ...]
    engine: Engine

    @property
    def column(self) -> str:
        """The first column."""
        return self.table.names[0]

    def near(self, at: int = 0) -> st.SearchStrategy[Any]:
        """A finite value of a column, or another of its kind, as a suite writes it."""
        kind = self.kinds[at]
        own = [self.written(cell, kind) for cell in self.table.cells(self.table.names[at])]
        found = [each for each in own if _finite(each)]
        other = KINDS[kind].cells.map(lambda cell: self.written(cell, kind)).filter(_finite)
        return st.one_of(st.sampled_from(found), other) if found else other

    def written(self, cell: str, kind: str) -> Any:
        """A cell as a suite writes it."""
        if kind in ("integer", "full integer", "big", "full big"):
            return int(cell)
        if kind in ("float", "decimal"):
            return float(cell)
        if kind in ("boolean", "full boolean"):
            return cell == "true"
        if kind == "date" and self.engine == "pandas":  # row "days without a time"
            return f"{cell} 00:00:00"
        return cell


@dataclass(frozen=True)
class Asked:
    """How an expectation is asked on each engine: of which kinds of columns, one row of them a table."""

    arguments: Callable[[Given], Arguments]
    pandas: Sequence[tuple[str, ...]] = ()
    sql: Sequence[tuple[str, ...]] = ()
    names: Sequence[str] = tuple(NAMES)

    def cases(self, type_: str, engine: Engine, *, at_once: int) -> st.SearchStrategy[tuple[Table, list[Declared]]]:
        """A table, and the expectation with several lists of arguments."""
        names = [
            name for name in self.names if engine == "pandas" or '"' not in name
        ]  # row "names with a double quote"

        @st.composite
        def draw_case(draw: st.DrawFn) -> tuple[Table, list[Declared]]:
            kinds = draw(st.sampled_from(self.pandas if engine == "pandas" else self.sql))
            table = draw(tables(kinds, names))
            if self.arguments is other_table:
                table = replace(table, others={OTHER: draw(tables(kinds, names, most=3))})
            arguments = self.arguments(Given(table, kinds, engine))
            several = draw(st.lists(arguments, min_size=at_once, max_size=at_once))
            return table, [Declared(type_, kwargs, PLACE) for kwargs in several]

        return draw_case()


def of_one(*kinds: str) -> list[tuple[str, ...]]:
    """One column of any of these kinds."""
    return [(kind,) for kind in kinds]


def _finite(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


# --- arguments ------------------------------------------------------------------------------------------

WORDS_OF_PAIRS = ("both_values_are_missing", "either_value_is_missing", "neither")
WORDS_OF_RECORDS = ("all_values_are_missing", "any_value_is_missing", "never")
REGEXES = ["a", "^a", "a$", "^a$", "[A-Z]", "^[a-z]+$", "b|é", "", ".", "^.$", "(?i)A", "1", "^-?1", r"\.0", "[^a]"]
REGEXES += ["x{3}", "^$", "a.b", "(a|b)+", "[0-9]{2,}"]
LIKES = ["%", "a%", "%a", "%a%", "_", "a_b", "", "A", "é", "_%", "%1%", "'", "__"]  # row "backslashes in LIKE patterns"
TYPES = ["int32", "int64", "float64", "float", "bool", "str", "datetime64[ns]", "datetime64"]
FORMATS = [
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%Y%m%d",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S%z",
    "%b %d, %Y",
]
FORMATS += [
    "%m-%d",
    "%y",
    "%j",
    "%I:%M %p",
    "%H:%M",
    "%d",
    "%%",
    "",
    "a",
    "%m/%d/%Y",
    "%A",
    "%Y",
    "%Z",
    "%F",
    "%G-%V-%u",
    "%f",
]
SCHEMAS: list[dict[str, Any]] = [
    *({}, {"type": "object"}, {"type": "integer"}, {"type": ["string", "null"]}, {"enum": [1, "a", None, [1, 2]]}),
    {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
    {"$schema": "http://json-schema.org/draft-04/schema#", "type": "number", "minimum": 1, "exclusiveMinimum": True},
    {"$defs": {"few": {"maxItems": 2, "items": {"type": "integer"}}}, "properties": {"a": {"$ref": "#/$defs/few"}}},
    *({"anyOf": [{"type": "array", "uniqueItems": True}, {"pattern": "^a"}]}, {"not": {"const": 1}}, {"multipleOf": 2}),
    *({"format": "date"}, {"type": "array", "minItems": 1}, {"minLength": 2}),
]
#: Of other types than the column may be.
STRANGERS: list[Any] = [True, 0, 1, 1.0, 2.5, "a", "1", ""]


def optional(**choices: st.SearchStrategy[Any]) -> Arguments:
    """Arguments that may be left out."""
    return st.fixed_dictionaries({}, optional=choices)


def required(**choices: st.SearchStrategy[Any]) -> Arguments:
    """Arguments that are always there."""
    return st.fixed_dictionaries(choices)


def joined(*parts: Arguments, **fixed: Any) -> Arguments:
    """All arguments together."""
    return st.tuples(*parts).map(lambda found: {key: each for part in (fixed, *found) for key, each in part.items()})


mostly = optional(mostly=st.sampled_from([1.0, 0.5, 0.9, 0.0, 1 / 3, 1]))


def limits(bound: st.SearchStrategy[Any], *, one: bool = False, strict: bool = True) -> Arguments:
    """``min_value`` and ``max_value`` that leave room, at least ``one``, each strict or not."""
    flags = optional(strict_min=st.booleans(), strict_max=st.booleans()) if strict else st.just({})

    @st.composite
    def draw_limits(draw: st.DrawFn) -> dict[str, Any]:
        low, high = sorted((draw(bound), draw(bound)))  # row "min_value greater than max_value"
        sides = draw(st.sampled_from(["both", "low", "high"] if one else ["both", "low", "high", "none"]))
        found = {"min_value": low} if sides in ("both", "low") else {}
        return found | ({"max_value": high} if sides in ("both", "high") else {}) | draw(flags)

    return draw_limits()


def bounds(given: Given) -> st.SearchStrategy[Any]:
    """What a value may be compared with: row "bounds above 2^53"."""
    return given.near().filter(lambda each: not isinstance(each, int) or abs(each) <= 2**53)


def values_between(given: Given) -> Arguments:
    return joined(limits(bounds(given), one=True), mostly, column=given.column)


def only_mostly(given: Given) -> Arguments:
    return joined(mostly, column=given.column)


def members(given: Given, *, least: int = 0, unique: bool = False) -> st.SearchStrategy[list[Any]]:
    """Some values of the column, others of its kind, and on pandas such that it cannot hold."""
    own = given.near()
    if given.engine == "sql":  # rows "sets of several types", "the same twice in a set", "unprintable texts in sets"
        return st.lists(own.filter(lambda each: str(each).isprintable()), min_size=1, max_size=6, unique_by=str)
    kind = given.kinds[0]
    if kind == "full big":  # row "whole numbers beside floats"
        return st.lists(own, min_size=least, max_size=6)
    strangers = st.sampled_from([f"{day} 00:00:00" for day in DAYS] if kind in ("date", "timestamp") else STRANGERS)
    return st.lists(st.one_of(own, own, strangers), min_size=least, max_size=6, unique_by=str if unique else None)


def value_set(given: Given) -> Arguments:
    return joined(required(value_set=members(given)), mostly, column=given.column)


def distinct_set(given: Given) -> Arguments:
    dated = given.kinds[0] in ("date", "timestamp")
    return joined(required(value_set=members(given, least=1, unique=dated)), column=given.column)


def most_common(given: Given) -> Arguments:
    return joined(required(value_set=members(given)), optional(ties_okay=st.booleans()), column=given.column)


def ends(given: Given) -> Arguments:
    if given.kinds[0] in ("text", "full text"):  # neither of us compares texts with bounds
        return st.just({"column": given.column})
    return joined(limits(bounds(given)), column=given.column)


def dated_or_numbers(given: Given) -> Arguments:
    if given.kinds[0] in ("date", "timestamp"):
        assume(given.table.cells(given.column))  # row "dates of nothing"
        return ends(given)
    return numbers(given)


def middles(given: Given) -> Arguments:
    """Row "the middle of times"."""
    assume(given.kinds[0] != "timestamp" or not any("." in cell for cell in given.table.cells(given.column)))
    return dated_or_numbers(given)


def spread(given: Given) -> Arguments:
    assume_spread(given)
    return numbers(given)


def assume_finite(given: Given) -> None:
    """Row "quantiles beside an infinity"."""
    assume(not any("inf" in cell for cell in given.table.cells(given.column)))


def assume_spread(given: Given) -> None:
    """Row "the spread of equal values"."""
    assume(len(set(given.table.cells(given.column))) != 1)


def some_ends(given: Given) -> Arguments:
    return dated_or_numbers(given) if given.kinds[0] in ("date", "timestamp") else ends(given)


def sums(given: Given) -> Arguments:
    assume(given.engine == "pandas" or given.table.cells(given.column))  # row "the sum of nothing"
    return numbers(given)


def numbers(given: Given) -> Arguments:
    return joined(limits(st.one_of(bounds(given), st.integers(-3, 9), st.floats(-5, 20))), column=given.column)


def shares(given: Given) -> Arguments:
    share = st.one_of(st.sampled_from([0, 1, 0.5, 1 / 3, 2 / 3]), st.floats(0, 1))
    return joined(limits(share), column=given.column)


def amounts(given: Given) -> Arguments:
    return joined(limits(st.integers(0, 9)), column=given.column)


def quantiles(given: Given) -> Arguments:
    assume_finite(given)

    def span(both: tuple[Any, Any]) -> list[float | None]:
        return [*sorted(float(each) for each in both)]

    pair = st.tuples(bounds(given), bounds(given)).map(span)
    ranges = st.one_of(pair, pair.map(lambda both: [None, both[1]]), pair.map(lambda both: [both[0], None]))
    each = st.tuples(st.sampled_from([0.0, 1.0, 0.5, 0.25, 0.1, 1 / 3, 0.99]), ranges)

    def named(found: list[tuple[float, list[float | None]]]) -> dict[str, Any]:
        return {"quantiles": [q for q, _ in found], "value_ranges": [list(r) for _, r in found]}

    ways = ["linear", "lower", "higher", "midpoint", "nearest"]
    if given.kinds[0] in ("boolean", "full boolean"):  # row "between two booleans"
        ways = ["lower", "higher", "nearest"]
    way = optional(allow_relative_error=st.sampled_from(ways)) if given.engine == "pandas" else st.just({})
    asked = st.lists(each, min_size=1, max_size=4).map(named)
    return joined(required(quantile_ranges=asked), way, column=given.column)


def z_scores(given: Given) -> Arguments:
    assume_spread(given)
    threshold = st.one_of(st.sampled_from([0, 1, 2, 0.5, -1]), st.floats(0, 3))
    return joined(required(threshold=threshold, double_sided=st.booleans()), mostly, column=given.column)


def assume_single_lines(given: Given) -> None:
    """Rows "a line break at the end" and "a dot for a line break"."""
    cells = given.table.cells(given.column)
    assume(not any("\n" in cell if given.engine == "sql" else cell.endswith("\n") for cell in cells))


def regex(given: Given) -> Arguments:
    assume_single_lines(given)
    return joined(required(regex=st.sampled_from(REGEXES)), mostly, column=given.column)


def regexes(given: Given) -> Arguments:
    assume_single_lines(given)
    listed = st.lists(st.sampled_from(REGEXES), min_size=1, max_size=3)
    return joined(required(regex_list=listed), mostly, column=given.column)


def like(given: Given) -> Arguments:
    return joined(required(like_pattern=st.sampled_from(LIKES)), mostly, column=given.column)


def likes(given: Given) -> Arguments:
    listed = st.lists(st.sampled_from(LIKES), min_size=1, max_size=3)
    return joined(required(like_pattern_list=listed), mostly, column=given.column)


def any_or_all(arguments: Callable[[Given], Arguments]) -> Callable[[Given], Arguments]:
    """With ``match_on``."""
    return lambda given: joined(arguments(given), optional(match_on=st.sampled_from(["any", "all"])))


def lengths(given: Given) -> Arguments:
    return joined(limits(st.integers(0, 6), one=True), mostly, column=given.column)


def length(given: Given) -> Arguments:
    return joined(required(value=st.integers(0, 6)), mostly, column=given.column)


def strftime(given: Given) -> Arguments:
    return joined(required(strftime_format=st.sampled_from(FORMATS)), mostly, column=given.column)


def json_schema(given: Given) -> Arguments:
    return joined(required(json_schema=st.sampled_from(SCHEMAS)), mostly, column=given.column)


def outliers(given: Given) -> Arguments:
    assume_spread(given)
    assume_finite(given)
    multiplier = st.one_of(st.sampled_from([0, 0.5, 1, 1.5, 3]), st.floats(0, 3))
    return joined(optional(method=st.sampled_from(["iqr", "std"]), multiplier=multiplier), mostly, column=given.column)


def in_order(given: Given) -> Arguments:
    return joined(mostly, optional(strictly=st.booleans()), column=given.column)


def type_name(given: Given) -> Arguments:
    assume(given.table.rows)
    return joined(required(type_=st.sampled_from(TYPES)), column=given.column)


def type_names(given: Given) -> Arguments:  # row "lists of types"
    assume(given.table.rows)
    listed = st.lists(st.sampled_from(TYPES), min_size=1, max_size=3)
    return joined(required(type_list=listed), column=given.column)


def pair(given: Given) -> Arguments:
    first, second = given.table.names[:2]
    ignoring = optional(ignore_row_if=st.sampled_from(WORDS_OF_PAIRS))
    return joined(ignoring, mostly, column_A=first, column_B=second)


def pair_greater(given: Given) -> Arguments:
    return joined(pair(given), optional(or_equal=st.booleans()))


def pair_set(given: Given) -> Arguments:
    each = st.tuples(given.near(0), given.near(1)).map(list)
    return joined(required(value_pairs_set=st.lists(each, max_size=5)), pair(given))


def record(given: Given) -> Arguments:
    ignoring = optional(ignore_row_if=st.sampled_from(WORDS_OF_RECORDS))
    return joined(ignoring, mostly, column_list=given.table.names)


def record_sum(given: Given) -> Arguments:
    total = st.one_of(st.integers(-5, 12), st.sampled_from([0.3, 3.0, 2.5]))
    return joined(required(sum_total=total), record(given))


def row_count(given: Given) -> Arguments:
    return limits(st.integers(0, 9))


def column_count(given: Given) -> Arguments:
    return limits(st.integers(0, 5), strict=False)


def exactly(given: Given) -> Arguments:
    return required(value=st.integers(0, 6))


def other_table(given: Given) -> Arguments:
    return st.just({"other_table_name": OTHER})


def column_names(given: Given) -> st.SearchStrategy[list[str]]:
    own = given.table.names
    others = st.lists(st.sampled_from(NAMES), unique=True, max_size=4)
    return st.one_of(st.just(own), st.permutations(own), others)


def column_list(given: Given) -> Arguments:
    return required(column_list=column_names(given))


def column_set(given: Given) -> Arguments:
    return joined(required(column_set=column_names(given)), optional(exact_match=st.booleans()))


def column_exists(given: Given) -> Arguments:
    return joined(
        required(column=st.sampled_from([*given.table.names, *NAMES])),
        optional(column_index=st.integers(1, 3)),  # row "the first column by its place"
    )


def divergence(given: Given) -> Arguments:
    held_out = st.sampled_from([0, 0.1, 0.01])
    weights = st.integers(1, 9)

    @st.composite
    def categorical(draw: st.DrawFn) -> dict[str, Any]:
        values = draw(st.lists(given.near(), min_size=1, max_size=5, unique_by=str))
        parts = draw(st.lists(weights, min_size=len(values), max_size=len(values)))
        expected = {"values": values, "weights": [part / sum(parts) for part in parts]}
        return {"partition_object": expected, "tail_weight_holdout": draw(held_out)}

    @st.composite
    def binned(draw: st.DrawFn) -> dict[str, Any]:
        bins = sorted(draw(st.lists(st.integers(-5, 10), min_size=2, max_size=5, unique=True)))
        parts = draw(st.lists(weights, min_size=len(bins) - 1, max_size=len(bins) - 1))
        expected = {"bins": bins, "weights": [part / sum(parts) for part in parts]}
        holdouts = {"tail_weight_holdout": draw(held_out), "internal_weight_holdout": draw(held_out)}
        return {"partition_object": expected, **holdouts}

    threshold = required(threshold=st.sampled_from([0, 0.1, 0.5, 2, 100]))
    unheeded = optional(min_value=st.just(50), max_value=st.just(0.2))
    return joined(
        binned() if given.kinds[0] in ("integer", "float") else categorical(), threshold, unheeded, column=given.column
    )


# --- expectations ---------------------------------------------------------------------------------------

NUMERIC = of_one("integer", "full big", "float", "decimal", "boolean", "full boolean")
DATED = of_one("date", "timestamp")
TEXTS = of_one("text", "text", "full integer", "boolean")
TYPED = of_one("full integer", "full big", "float", "full text", "full boolean", "timestamp")
ANY = [*NUMERIC, *DATED, *of_one("text", "full text")]
SETS = [*NUMERIC, *of_one("text", "full text")]  # row "dates in sets"
#: What the SQL engine knows better.
EXACT = of_one("big", "decimal")
EXACT_ANY = [*EXACT, *DATED, *of_one("text")]
TEXT = of_one("text")
STEADY = of_one("small", "float", "timestamp")  # row "steps too wide for their type"
JSONS = of_one("json")
SMALL = [each for each in NUMERIC if each != ("full big",)]  # rows "sums above 2^63" and "spread above 2^53"
UNEVEN = [each for each in SMALL if "boolean" not in each[0]]  # only numbers can be outliers

NUMBER_PAIRS: list[tuple[str, ...]] = [
    *(("integer", "integer"), ("integer", "float"), ("float", "float"), ("decimal", "decimal"), ("integer", "decimal")),
]
PAIRS = [*NUMBER_PAIRS, ("text", "text"), ("date", "date"), ("date", "timestamp"), ("timestamp", "timestamp")]
COMPARED = [*PAIRS, ("full boolean", "full boolean")]  # row "null beside a boolean"
PAIR_SETS = [*NUMBER_PAIRS, ("text", "text"), ("text", "integer"), ("boolean", "text")]  # row "dates in sets"
RECORDS: list[tuple[str, ...]] = [*((*each, each[0]) for each in PAIRS), ("text", "integer", "float")]
VALUES = "expect_column_values_to_"

#: Every expectation that both have, but for ``unexpected_rows_expectation``, which is SQL that authors write.
CASES: dict[str, Asked] = {
    VALUES + "be_between": Asked(values_between, [*NUMERIC, *DATED], [*EXACT, *DATED]),
    VALUES + "be_null": Asked(only_mostly, ANY, EXACT_ANY),
    VALUES + "not_be_null": Asked(only_mostly, ANY, EXACT_ANY),
    VALUES + "be_unique": Asked(only_mostly, ANY, EXACT_ANY),
    VALUES + "be_in_set": Asked(value_set, SETS, EXACT_ANY),
    VALUES + "not_be_in_set": Asked(value_set, ANY, EXACT_ANY),
    VALUES + "match_regex": Asked(regex, TEXTS, TEXT),
    VALUES + "not_match_regex": Asked(regex, TEXTS, TEXT),
    VALUES + "match_regex_list": Asked(any_or_all(regexes), TEXTS, TEXT),
    VALUES + "not_match_regex_list": Asked(regexes, TEXTS, TEXT),
    VALUES + "match_like_pattern": Asked(like, sql=TEXT),
    VALUES + "not_match_like_pattern": Asked(like, sql=TEXT),
    VALUES + "match_like_pattern_list": Asked(any_or_all(likes), sql=TEXT),
    VALUES + "not_match_like_pattern_list": Asked(likes, sql=TEXT),
    VALUES + "be_of_type": Asked(type_name, TYPED),
    VALUES + "be_in_type_list": Asked(type_names, of_one("full integer", "full big", "float", "full boolean")),
    "expect_column_value_lengths_to_be_between": Asked(lengths, TEXTS, TEXT),
    "expect_column_value_lengths_to_equal": Asked(length, TEXTS, TEXT),
    "expect_column_value_z_scores_to_be_less_than": Asked(z_scores, SMALL, of_one("decimal")),
    "expect_column_min_to_be_between": Asked(some_ends, ANY, EXACT_ANY),
    "expect_column_max_to_be_between": Asked(some_ends, ANY, EXACT_ANY),
    "expect_column_mean_to_be_between": Asked(middles, [*NUMERIC, *DATED], EXACT),
    "expect_column_median_to_be_between": Asked(middles, [*NUMERIC, *DATED], EXACT),
    "expect_column_stdev_to_be_between": Asked(spread, SMALL, of_one("decimal")),
    "expect_column_sum_to_be_between": Asked(sums, SMALL, EXACT),
    "expect_column_quantile_values_to_be_between": Asked(quantiles, NUMERIC),
    "expect_column_unique_value_count_to_be_between": Asked(amounts, ANY, EXACT_ANY),
    "expect_column_proportion_of_unique_values_to_be_between": Asked(shares, ANY, EXACT_ANY),
    "expect_column_proportion_of_non_null_values_to_be_between": Asked(shares, ANY, EXACT_ANY),
    "expect_column_most_common_value_to_be_in_set": Asked(most_common, SETS, of_one("big", "text")),
    "expect_column_distinct_values_to_be_in_set": Asked(distinct_set, ANY, EXACT_ANY),
    "expect_column_distinct_values_to_contain_set": Asked(distinct_set, ANY, EXACT_ANY),
    "expect_column_distinct_values_to_equal_set": Asked(distinct_set, ANY, EXACT_ANY),
    "expect_column_kl_divergence_to_be_less_than": Asked(divergence, of_one("text", "boolean", "integer", "float")),
    "expect_column_pair_values_to_be_equal": Asked(pair, COMPARED),
    "expect_column_pair_values_a_to_be_greater_than_b": Asked(pair_greater, COMPARED),
    "expect_column_pair_values_to_be_in_set": Asked(pair_set, PAIR_SETS),
    "expect_compound_columns_to_be_unique": Asked(record, RECORDS),
    "expect_select_column_values_to_be_unique_within_record": Asked(record, RECORDS),
    "expect_multicolumn_values_to_be_equal": Asked(record, RECORDS),
    VALUES + "be_increasing": Asked(in_order, STEADY),
    VALUES + "be_decreasing": Asked(in_order, STEADY),
    VALUES + "be_json_parseable": Asked(only_mostly, JSONS),
    VALUES + "match_strftime_format": Asked(strftime, of_one("written day")),
    VALUES + "be_dateutil_parseable": Asked(only_mostly, of_one("written day")),
    VALUES + "match_json_schema": Asked(json_schema, of_one("document")),
    VALUES + "not_be_outliers": Asked(outliers, UNEVEN, of_one("decimal")),
    "expect_column_type_to_be": Asked(type_name, TYPED),
    "expect_multicolumn_sum_to_equal": Asked(record_sum, NUMBER_PAIRS),
    "expect_column_to_exist": Asked(column_exists, PAIRS),
    "expect_table_row_count_to_be_between": Asked(row_count, TEXT, TEXT),
    "expect_table_row_count_to_equal": Asked(exactly, TEXT, TEXT),
    "expect_table_row_count_to_equal_other_table": Asked(other_table, sql=TEXT),
    "expect_table_column_count_to_be_between": Asked(column_count, RECORDS, RECORDS),
    "expect_table_column_count_to_equal": Asked(exactly, PAIRS, PAIRS),
    "expect_table_columns_to_match_ordered_list": Asked(column_list, RECORDS, RECORDS),
    "expect_table_columns_to_match_set": Asked(column_set, RECORDS, RECORDS),
}
