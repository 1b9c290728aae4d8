"""Expectations on one number of a column: its least and greatest value, mean, sum, spread, and share of values."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import MEANING, AggregateExpectation, Measured, Verdict, expectation
from headgate.gates.relation import Checked
from headgate.gates.statistics import Known
from headgate.gates.values import MOMENTS, NUMBERS, Kind, UnusableError, as_number, moment, number
from headgate.lake.catalog import digest

if TYPE_CHECKING:
    from sqlglot import exp

#: What an aggregate is compared with, and how; it changes the verdict, never what is measured.
LIMITS = ("min_value", "max_value", "strict_min", "strict_max")


@dataclass(frozen=True)
class BetweenExpectation(AggregateExpectation):
    """The aggregate lies between two values, which are allowed themselves unless ``strict``."""

    min_value: float | str | dt.date | None = argument(arguments.bound, default=None)  # noqa: RUF009 - a field, as all
    max_value: float | str | dt.date | None = argument(arguments.bound, default=None)  # noqa: RUF009 - a field, as all
    strict_min: bool = argument(arguments.flag, default=False)
    strict_max: bool = argument(arguments.flag, default=False)

    #: The kinds of columns that have such an aggregate; all if empty.
    kinds: ClassVar[frozenset[Kind]] = NUMBERS

    def require(self, on: Checked) -> None:
        """The column must have such an aggregate, and the bounds be of its kind and leave room."""
        super().require(on)
        if self.kinds and on.kind(self.column) not in self.kinds:
            type_ = on.column(self.column).type
            raise UnusableError(f"{self.column} holds {type_}, of which there is no {self.noun()}")
        low, high = self.limits(on)
        if low is not None and high is not None and low > high:
            raise UnusableError(f"min_value {self.min_value} is greater than max_value {self.max_value}")

    def noun(self) -> str:
        """What is measured, as an error says it."""
        return self.type.removeprefix("expect_column_").removesuffix("_to_be_between").replace("_", " ")

    def key(self, on: Checked) -> str | None:
        """Without the limits: what is measured is the same for all."""
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in LIMITS}
        column = on.column(self.column)
        return self.of_chosen(digest([MEANING, self.type, given, [column.id, column.type, column.default]]), on)

    def compared(self, on: Checked) -> Kind:
        """The kind of the aggregate."""
        return on.kind(self.column)

    def limits(self, on: Checked) -> tuple[Any, Any]:
        """Both bounds as values that compare with the aggregate, None where there is none."""
        return self._limit(on, self.min_value), self._limit(on, self.max_value)

    def _limit(self, on: Checked, value: Any) -> Any:
        kind = self.compared(on)
        if value is None:
            return None
        found: Any = None
        if kind in NUMBERS:
            found = number(as_number(value))
        elif kind in MOMENTS:
            found = moment(value, kind)
        if found is None:
            type_ = on.column(self.column).type
            raise UnusableError(f"{self.column} holds {type_}, whose {self.noun()} cannot be compared with {value!r}")
        return float(found) if kind == "float" else found

    def value(self, on: Checked, found: Measured) -> Any:
        """What is observed; None if there is nothing to observe."""
        return found.value

    def judge(self, on: Checked, found: Measured) -> Verdict:
        """Compare; where there is nothing to observe, nothing lies between, as in Great Expectations."""
        observed = self.value(on, found)
        if observed is None or (isinstance(observed, float) and math.isnan(observed)):
            return Verdict(False)
        return Verdict(self.is_within(observed, *self.limits(on)), observed_value=observed)

    def is_within(self, value: Any, low: Any, high: Any) -> bool:
        """Whether both limits, where there are any, allow a value."""
        above = low is None or (value > low if self.strict_min else value >= low)
        below = high is None or (value < high if self.strict_max else value <= high)
        return bool(above and below)


@dataclass(frozen=True)
class MiddleExpectation(BetweenExpectation):
    """The mean or the median: of numbers a float, of dates and times a time."""

    kinds: ClassVar[frozenset[Kind]] = NUMBERS | MOMENTS

    def compared(self, on: Checked) -> Kind:
        """What lies between two numbers is a float, between two days a time."""
        kind = on.kind(self.column)
        if kind in NUMBERS:
            return "float"
        return "timestamp" if kind == "date" else kind


@expectation("expect_column_mean_to_be_between", dimension="accuracy")
@dataclass(frozen=True)
class MeanBetween(MiddleExpectation):
    """The mean."""

    def aggregate(self, on: Checked) -> exp.Expr:
        """Of whole numbers and of moments the sum, which is exact; else the mean."""
        from sqlglot import exp

        column, kind = _column(self.column), on.kind(self.column)
        if kind in MOMENTS:
            return _of_finite(self.column, exp.Sum(this=_microseconds(self.column)))
        if kind in ("integer", "boolean"):
            return exp.Sum(this=column)
        return of_values(on, self.column, exp.Avg(this=column))

    def joining(self, on: Checked) -> Callable[[Iterable[int]], int] | None:
        """The sum of the sums, of whole numbers."""
        return _sum_of_whole(on, self.column)

    def value(self, on: Checked, found: Measured) -> Any:
        """The mean."""
        kind = on.kind(self.column)
        if kind in MOMENTS:
            return None if found.value is None else _moment(found.value // found.present, kind)
        if kind in ("integer", "boolean"):
            return found.value / found.present if found.present else None
        return found.value


@expectation("expect_column_median_to_be_between", dimension="accuracy")
@dataclass(frozen=True)
class MedianBetween(MiddleExpectation):
    """The median: of an even number of values the mean of the two in the middle."""

    def aggregate(self, on: Checked) -> exp.Expr:
        """The median, unrounded."""
        from sqlglot import exp

        if on.kind(self.column) in MOMENTS:
            return _of_finite(self.column, exp.Median(this=_as_double(_microseconds(self.column))))
        return of_values(on, self.column, exp.Median(this=_as_double(_column(self.column))))

    def value(self, on: Checked, found: Measured) -> Any:
        """The median."""
        kind = on.kind(self.column)
        return found.value if found.value is None or kind not in MOMENTS else _moment(int(found.value), kind)


@expectation("expect_column_stdev_to_be_between", dimension="accuracy")
@dataclass(frozen=True)
class StdevBetween(BetweenExpectation):
    """The standard deviation of a sample: there is none of fewer than two values, nor of infinities."""

    def compared(self, on: Checked) -> Kind:
        """Always a float."""
        return "float"

    def aggregate(self, on: Checked) -> exp.Expr:
        """The standard deviation; null where there is an infinity, for which the engine would fail."""
        from sqlglot import exp

        from headgate.gates import sql

        spread: exp.Expr = exp.StddevSamp(this=_as_double(_column(self.column)))
        if on.kind(self.column) != "float":
            return spread
        finite = exp.Anonymous(this="isfinite", expressions=[_column(self.column)])
        infinite = exp.CountIf(this=exp.IsInf(this=_column(self.column)))
        none_infinite = exp.EQ(this=infinite, expression=exp.Literal.number(0))
        filtered = exp.Filter(this=spread, expression=exp.Where(this=finite))
        return exp.Case(ifs=[exp.If(this=sql.surely(none_infinite), true=filtered)])


@expectation("expect_column_sum_to_be_between", dimension="accuracy")
@dataclass(frozen=True)
class SumBetween(BetweenExpectation):
    """The sum; that of no values is 0."""

    def compared(self, on: Checked) -> Kind:
        """True counts as 1."""
        kind = on.kind(self.column)
        return "integer" if kind == "boolean" else kind

    def aggregate(self, on: Checked) -> exp.Expr:
        """The sum; of whole numbers and decimals exact."""
        from sqlglot import exp

        return of_values(on, self.column, exp.Sum(this=_column(self.column)))

    def joining(self, on: Checked) -> Callable[[Iterable[int]], int] | None:
        """The sum of the sums, of whole numbers."""
        return _sum_of_whole(on, self.column)

    def value(self, on: Checked, found: Measured) -> Any:
        """The sum."""
        return 0 if found.value is None else found.value


@expectation("expect_column_proportion_of_non_null_values_to_be_between", dimension="completeness")
@dataclass(frozen=True)
class NonNullBetween(BetweenExpectation):
    """The share of the rows that hold a value; 0 of no rows."""

    reveals: ClassVar[bool] = False
    kinds: ClassVar[frozenset[Kind]] = frozenset()

    def compared(self, on: Checked) -> Kind:
        """A share is a float."""
        return "float"

    def aggregate(self, on: Checked) -> exp.Expr:
        """None: the counts say it."""
        from sqlglot import exp

        return exp.Literal.number(0)

    def proves(self, on: Checked, files: Sequence[tuple[int, Known]]) -> Measured | None:
        """The number of nulls is known."""
        return Measured(sum(rows for rows, _ in files), sum(known.missing for _, known in files), 0)

    def value(self, on: Checked, found: Measured) -> Any:
        """The share."""
        return found.present / found.rows if found.rows else 0


def of_values(on: Checked, column: str, aggregate: exp.Expr) -> exp.Expr:
    """An aggregate that does not see a float's NaN; no aggregate sees a null."""
    from sqlglot import exp

    if on.kind(column) != "float":
        return aggregate
    return exp.Filter(this=aggregate, expression=exp.Where(this=exp.not_(exp.IsNan(this=_column(column)), copy=False)))


def _sum_of_whole(on: Checked, column: str) -> Callable[[Iterable[int]], int] | None:
    return sum if on.kind(column) in ("integer", "boolean") else None


def _microseconds(column: str) -> exp.Expr:
    """A date or time as a whole number: microseconds since 1970, in UTC."""
    from sqlglot import exp

    return exp.Anonymous(this="epoch_us", expressions=[_column(column)])


def _of_finite(column: str, aggregate: exp.Expr) -> exp.Expr:
    """An aggregate of moments; null where one of them is infinite, and so is no number."""
    from sqlglot import exp

    numbers, values = exp.Count(this=_microseconds(column)), exp.Count(this=_column(column))
    return exp.Case(ifs=[exp.If(this=exp.EQ(this=numbers, expression=values), true=aggregate)])


def _moment(microseconds: int, kind: Kind) -> dt.datetime:
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC if kind == "timestamptz" else None)
    try:
        return epoch + dt.timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise UnusableError("the middle of the column lies in no year from 1 to 9999") from error


def _column(name: str) -> exp.Expr:
    from headgate.gates import sql

    return sql.column(name)


def _as_double(column: exp.Expr) -> exp.Expr:

    from headgate.gates import sql

    return sql.cast(column, "DOUBLE")
