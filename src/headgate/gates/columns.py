"""Expectations on the values of one column, row by row."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import Counts, RowExpectation, expectation
from headgate.gates.relation import Checked
from headgate.gates.statistics import Known
from headgate.gates.values import MOMENTS, NUMBERS, Kind, UnusableError, as_float, can_hold, moment, number

if TYPE_CHECKING:
    from sqlglot import exp

#: A range of this many whole numbers or fewer is compared with a set one by one.
ENUMERABLE = 10_000


@dataclass(frozen=True)
class ColumnExpectation(RowExpectation):
    """Says of each value of ``column`` whether it is as expected."""

    column: str = argument(arguments.name)

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def missing(self, on: Checked) -> exp.Expr | None:
        """Nulls, and a float's NaN."""
        from headgate.gates import sql

        return sql.is_missing(self.column, on.kind(self.column))

    def proves(self, on: Checked, rows: int, known: Mapping[str, Known]) -> Counts | None:
        """No unexpected value if there is no value, or none can lie outside."""
        found = known[self.column]
        if found.empty or (found.bounded and self.holds_within(on, found)):
            return Counts(rows, found.missing, 0)
        return None

    @abstractmethod
    def holds_within(self, on: Checked, known: Known) -> bool:
        """Whether every value from ``known.low`` to ``known.high`` is as expected."""


@dataclass(frozen=True)
class NotNan(ColumnExpectation):
    """No value is NaN: what is counted of floats so that their bounds in the catalog may be believed.

    Gates ask this by themselves; it has no name by which an author could.
    """

    type: ClassVar[str] = "not_nan"

    counts_missing: ClassVar[bool] = False

    def missing(self, on: Checked) -> exp.Expr | None:
        """Every row counts."""
        return None

    def unexpected(self, on: Checked) -> exp.Expr:
        """A NaN."""
        from sqlglot import exp

        from headgate.gates import sql

        return exp.IsNan(this=sql.column(self.column))

    def holds_within(self, on: Checked, known: Known) -> bool:
        """Bounds are what it is asked for."""
        return False


@dataclass(frozen=True)
class NullExpectation(ColumnExpectation):
    """Asks which rows hold a value and which do not: their numbers say everything."""

    counts_missing: ClassVar[bool] = False

    @abstractmethod
    def of_nulls(self, elements: int, nulls: int) -> Counts:
        """What is counted if ``nulls`` of ``elements`` rows hold no value."""

    def missing(self, on: Checked) -> exp.Expr | None:
        """Every row counts."""
        return None

    def proves(self, on: Checked, rows: int, known: Mapping[str, Known]) -> Counts | None:
        """The number of nulls is known, so the verdict is, either way."""
        return self.of_nulls(rows, known[self.column].missing)

    def holds_within(self, on: Checked, known: Known) -> bool:
        """Bounds say nothing about nulls."""
        return False


@expectation("expect_column_values_to_not_be_null", dimension="completeness")
@dataclass(frozen=True)
class NotNull(NullExpectation):
    """There is a value in every row."""

    def unexpected(self, on: Checked) -> exp.Expr:
        """Nulls, and a float's NaN."""
        from headgate.gates import sql

        return sql.is_missing(self.column, on.kind(self.column))

    def of_nulls(self, elements: int, nulls: int) -> Counts:
        """Each is unexpected."""
        return Counts(elements, 0, nulls)

    def example(self, value: Any) -> Any:
        """Nothing, also where it is written as NaN."""
        return None


@expectation("expect_column_values_to_be_null", dimension="completeness")
@dataclass(frozen=True)
class Null(NullExpectation):
    """There is no value in any row."""

    def unexpected(self, on: Checked) -> exp.Expr:
        """Any value."""
        from headgate.gates import sql

        return sql.is_present(self.column, on.kind(self.column))

    def of_nulls(self, elements: int, nulls: int) -> Counts:
        """All others are unexpected."""
        return Counts(elements, 0, elements - nulls)


@dataclass(frozen=True)
class SetExpectation(ColumnExpectation):
    """Compares values with a set. Values that the column's type cannot hold equal nothing."""

    value_set: tuple[Any, ...] = argument(arguments.value_list)

    def among(self, on: Checked) -> exp.Expr | None:
        """The condition of a value in the set; None if none can be."""
        from sqlglot import exp

        from headgate.gates import sql

        column = on.column(self.column)
        kind = on.kind(self.column)
        given = [sql.literal(value, kind, column.type) for value in self.value_set if value is not None]
        constants = {constant.sql(): constant for constant in given if constant is not None}
        if not constants:
            return None
        held = {each for each in self.numbers() if can_hold(column.type, each)}
        run = _run_of(held) if kind == "integer" else None
        if run:  # two comparisons cost half of what seven do, and less than IN does of two
            return exp.Between(this=sql.column(self.column), low=sql.constant(run[0]), high=sql.constant(run[1]))
        return sql.is_one_of(sql.column(self.column), kind, list(constants.values()))

    def numbers(self) -> set[int | Decimal]:
        """The set's numbers, booleans among them."""
        found = {number(value) for value in self.value_set}
        return {each for each in found if each is not None}

    def moments(self, kind: Kind) -> set[Any]:
        """The set's dates and times."""
        found = {moment(value, kind) for value in self.value_set}
        return {each for each in found if each is not None}

    def members(self, kind: Kind) -> set[Any]:
        """The set as values that compare with a column's bounds."""
        if kind == "float":  # as they are compared with the column's values: rounded
            infinite = {value for value in self.value_set if isinstance(value, float) and math.isinf(value)}
            rounded = {as_float(each) for each in self.numbers()}
            return {each for each in rounded if each is not None} | infinite
        if kind in NUMBERS:
            return set(self.numbers())
        if kind in MOMENTS:
            return self.moments(kind)
        return {value for value in self.value_set if isinstance(value, str)}

    def require(self, on: Checked) -> None:
        """Every value of the set must make sense for the column's type."""
        super().require(on)
        kind = on.kind(self.column)
        if kind == "other":
            raise UnusableError(f"values of type {on.column(self.column).type} cannot be compared with a set")
        for value in self.value_set:
            if kind in MOMENTS and isinstance(value, str) and moment(value, kind) is None:
                raise UnusableError(f"{value!r} is no {kind}: write it as 2020-12-31 or 2020-12-31 23:59:59")


@expectation("expect_column_values_to_be_in_set", dimension="validity")
@dataclass(frozen=True)
class InSet(SetExpectation):
    """Every value is one of a set."""

    def unexpected(self, on: Checked) -> exp.Expr:
        """A value that is not in the set."""
        from headgate.gates import sql

        kind = on.kind(self.column)
        among = self.among(on)
        if among is None:
            return sql.is_present(self.column, kind)
        return sql.present_and(self.column, kind, sql.negated(among))

    def holds_within(self, on: Checked, known: Known) -> bool:
        """One value that is in the set, or a short run of whole numbers that all are."""
        members = self.members(known.kind)
        if known.low == known.high:
            return known.low in members
        if known.kind in ("integer", "boolean") and known.high - known.low < ENUMERABLE:
            return all(value in members for value in range(known.low, known.high + 1))
        return False


@expectation("expect_column_values_to_not_be_in_set", dimension="validity")
@dataclass(frozen=True)
class NotInSet(SetExpectation):
    """No value is one of a set."""

    def unexpected(self, on: Checked) -> exp.Expr:
        """A value that is in the set."""
        from sqlglot import exp

        from headgate.gates import sql

        among = self.among(on)
        if among is None:
            return exp.false()
        return sql.present_and(self.column, on.kind(self.column), among)

    def holds_within(self, on: Checked, known: Known) -> bool:
        """The whole set lies outside."""
        return all(value < known.low or value > known.high for value in self.members(known.kind))


def _run_of(values: set[int | Decimal]) -> tuple[int, int] | None:
    """First and last of two or more whole numbers without a gap.

    >>> _run_of({3, 1, 2}), _run_of({1, 3}), _run_of({1})
    ((1, 3), None, None)
    """
    whole = {value for value in values if isinstance(value, int)}
    if len(whole) < 2 or max(whole) - min(whole) != len(whole) - 1:
        return None
    return min(whole), max(whole)
