"""Expectations on a whole table: its columns and its number of rows. The catalog knows both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import ConditionalExpectation, RowCounter, TableExpectation, Verdict, expectation
from headgate.gates.relation import Checked
from headgate.gates.values import UnusableError

#: A sample is a share of the groups, not of the rows, so its size wavers.
SAMPLE_SLACK = 0.5


@dataclass(frozen=True)
class RowCount(ConditionalExpectation, TableExpectation):
    """Judged from the number of rows, of all or of those that meet a condition."""


@expectation("expect_table_row_count_to_be_between", dimension="completeness")
@dataclass(frozen=True)
class RowCountBetween(RowCount):
    """The number of rows lies between two numbers, which are allowed themselves."""

    min_value: float | None = argument(arguments.amount, default=None)
    max_value: float | None = argument(arguments.amount, default=None)
    strict_min: bool = argument(arguments.flag, default=False)
    strict_max: bool = argument(arguments.flag, default=False)

    def require(self, on: Checked) -> None:
        """The bounds must leave room."""
        if self.min_value is not None and self.max_value is not None and self.min_value > self.max_value:
            raise UnusableError(f"min_value {self.min_value} is greater than max_value {self.max_value}")

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare; a sample's bounds are scaled and widened."""
        count = rows(on)
        low, high, details = _scaled(self.min_value, self.max_value, scale)
        above = low is None or (count > low if self.strict_min and scale is None else count >= low)
        below = high is None or (count < high if self.strict_max and scale is None else count <= high)
        return Verdict(above and below, observed_value=count, details=details)


@expectation("expect_table_row_count_to_equal", dimension="completeness")
@dataclass(frozen=True)
class RowCountEqual(RowCount):
    """The number of rows is exactly this."""

    value: int = argument(arguments.whole)

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare; in a sample, roughly."""
        count = rows(on)
        if scale is None:
            return Verdict(count == self.value, observed_value=count)
        low, high, details = _scaled(self.value, self.value, scale)
        return Verdict(bool(low <= count <= high), observed_value=count, details=details)


@expectation("expect_table_row_count_to_equal_other_table", dimension="consistency")
@dataclass(frozen=True)
class RowCountEqualOther(RowCount):
    """The number of rows is that of another table."""

    other_table_name: tuple[str, ...] = argument(arguments.dotted)

    def others(self) -> tuple[tuple[str, ...], ...]:
        """The other table."""
        return (self.other_table_name,)

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare; both tables are of the same sample."""
        counts = {"self": rows(on), "other": rows(on.others[".".join(self.other_table_name)])}
        return Verdict(counts["self"] == counts["other"], observed_value=counts)


@expectation("expect_table_column_count_to_be_between", dimension="validity")
@dataclass(frozen=True)
class ColumnCountBetween(TableExpectation):
    """The number of columns lies between two numbers, which are allowed themselves."""

    min_value: float | None = argument(arguments.amount, default=None)
    max_value: float | None = argument(arguments.amount, default=None)

    def require(self, on: Checked) -> None:
        """The bounds must leave room."""
        if self.min_value is not None and self.max_value is not None and self.min_value > self.max_value:
            raise UnusableError(f"min_value {self.min_value} is greater than max_value {self.max_value}")

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare."""
        count = len(on.columns)
        above = self.min_value is None or count >= self.min_value
        below = self.max_value is None or count <= self.max_value
        return Verdict(above and below, observed_value=count)


@expectation("expect_table_column_count_to_equal", dimension="validity")
@dataclass(frozen=True)
class ColumnCountEqual(TableExpectation):
    """The number of columns is exactly this."""

    value: int = argument(arguments.whole)

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare."""
        return Verdict(len(on.columns) == self.value, observed_value=len(on.columns))


@expectation("expect_table_columns_to_match_ordered_list", dimension="validity")
@dataclass(frozen=True)
class ColumnsMatchOrderedList(TableExpectation):
    """The columns are exactly these, in this order."""

    column_list: tuple[str, ...] = argument(arguments.names)

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare position by position."""
        found = on.names
        if list(self.column_list) == found:
            return Verdict(True, observed_value=found)
        length = max(len(found), len(self.column_list))
        pairs = zip(_padded(self.column_list, length), _padded(found, length), strict=True)
        mismatched = [
            {"Expected Column Position": position, "Expected": expected, "Found": there}
            for position, (expected, there) in enumerate(pairs)
            if expected != there
        ]
        return Verdict(False, observed_value=found, details={"mismatched": mismatched})


@expectation("expect_table_columns_to_match_set", dimension="validity")
@dataclass(frozen=True)
class ColumnsMatchSet(TableExpectation):
    """The columns are these, in any order; with ``exact_match: false`` there may be more."""

    column_set: tuple[str, ...] = argument(arguments.names)
    exact_match: bool = argument(arguments.flag, default=True)

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare as sets."""
        found, expected = set(on.names), set(self.column_set)
        mismatched = {"unexpected": sorted(found - expected), "missing": sorted(expected - found)}
        mismatched = {key: names for key, names in mismatched.items() if names}
        success = found == expected if self.exact_match else expected <= found
        return Verdict(success, sorted(found), details={"mismatched": mismatched} if mismatched else {})


@expectation("expect_column_to_exist", dimension="validity")
@dataclass(frozen=True)
class ColumnExists(TableExpectation):
    """There is such a column, at the position ``column_index`` (from 0) if that is given."""

    column: str = argument(arguments.name)
    column_index: int | None = argument(arguments.index, default=None)

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Look it up."""
        found = on.names
        if self.column not in found:
            return Verdict(False, details={"columns": found})
        position = found.index(self.column)
        success = self.column_index is None or position == self.column_index
        return Verdict(success, details={} if success else {"column_index": position})


def _scaled(low: Any, high: Any, scale: float | None) -> tuple[Any, Any, dict[str, Any]]:
    if scale is None:
        return low, high, {}
    low = None if low is None else low * scale * (1 - SAMPLE_SLACK)
    high = None if high is None else high * scale * (1 + SAMPLE_SLACK)
    return low, high, {"scaled_to_sample": {"fraction": scale, "min_value": low, "max_value": high}}


def _padded(names: Any, length: int) -> list[str | None]:
    return [*names, *[None] * (length - len(names))]
