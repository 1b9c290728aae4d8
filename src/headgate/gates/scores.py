"""How far a value is from the others of its column."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import QueryExpectation, Read, expectation
from headgate.gates.quantiles import quantiles_of
from headgate.gates.relation import Checked
from headgate.gates.values import NUMBERS, UnusableError

if TYPE_CHECKING:
    from sqlglot import exp

_STATS = "stats"


@expectation("expect_column_value_z_scores_to_be_less_than", dimension="accuracy")
@dataclass(frozen=True)
class ZScores(QueryExpectation):
    """Every value is less than so many standard deviations above the mean, and below it if ``double_sided``."""

    column: str = argument(arguments.name)
    threshold: float = argument(arguments.amount)
    double_sided: bool = argument(arguments.flag)

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def require(self, on: Checked) -> None:
        """Only numbers have a mean."""
        super().require(on)
        if on.kind(self.column) not in NUMBERS:
            raise UnusableError(f"{self.column} holds {on.column(self.column).type}: only numbers have a mean")

    def counting(self, on: Checked) -> exp.Query:
        """Mean and deviation first, then a look at each value."""
        from sqlglot import exp

        from headgate.gates import sql

        missing = sql.is_missing(self.column, on.kind(self.column))
        counted = [exp.CountIf(this=each) for each in (missing, self._far(on))]  # null of nothing but nulls
        counts = [exp.Coalesce(this=each, expressions=[exp.Literal.number(0)]) for each in counted]
        return (
            exp.select(exp.Count(this=exp.Star()), *counts)
            .from_(sql.relation(on))
            .join(_stats(on, self.column), join_type="cross")
        )

    def offending(self, on: Checked) -> exp.Query:
        """The rows of every value that is too far away."""
        from sqlglot import exp

        from headgate.gates import sql

        rows = exp.select(sql.all_columns()).where(self._far(on))
        return sql.in_order(rows, on, (self.column,)).join(_stats(on, self.column), join_type="cross")

    def _far(self, on: Checked) -> exp.Expr:
        """A value is too far away, where distances are defined at all: they are not among equals and infinities."""
        from sqlglot import exp

        from headgate.gates import sql

        mean, deviation = sql.column("mean", _STATS), sql.column("deviation", _STATS)
        distance: exp.Expr = exp.Sub(this=_value(self.column), expression=mean)
        score: exp.Expr = exp.Div(this=exp.paren(distance), expression=deviation)
        score = exp.Abs(this=score) if self.double_sided else score
        limit = sql.float_constant(abs(self.threshold) if self.double_sided else self.threshold)
        defined = sql.every(
            [
                sql.is_present(self.column, on.kind(self.column)),
                sql.negated(sql.column("infinite", _STATS)),
                exp.GT(this=deviation.copy(), expression=exp.Literal.number(0)),
            ]
        )
        return sql.every([defined, exp.GTE(this=score, expression=limit)])


@dataclass(frozen=True, slots=True)
class Window:
    """From where to where values are no outliers, with the ends themselves if ``closed``."""

    low: float
    high: float
    closed: bool


@expectation("expect_column_values_to_not_be_outliers", dimension="accuracy")
@dataclass(frozen=True)
class NotOutliers(QueryExpectation):
    """No value is far outside the middle half of all, or far from their mean.

    ``iqr``: no further than ``multiplier`` times the distance of the quartiles beyond one of them. ``std``: nearer to
    the mean than ``multiplier`` standard deviations.
    """

    column: str = argument(arguments.name)
    method: str = argument(arguments.one_of("iqr", "std"), default="iqr")
    multiplier: float = argument(arguments.no_less_than_zero, default=1.5)

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def require(self, on: Checked) -> None:
        """Only numbers are far from one another."""
        super().require(on)
        if on.kind(self.column) not in NUMBERS - {"boolean"}:
            raise UnusableError(f"{self.column} holds {on.column(self.column).type}: only numbers can be outliers")

    def look_up(self, on: Checked, read: Read) -> Window:
        """The window; all numbers are in it where nothing can be said, as of no values, or of infinite ones."""
        found = self._quartiles(on, read) if self.method == "iqr" else self._spread(on, read)
        return found or Window(-math.inf, math.inf, closed=True)

    def counting(self, on: Checked) -> exp.Query:
        """Look at each value."""
        from sqlglot import exp

        from headgate.gates import sql

        counted = [
            exp.CountIf(this=each) for each in (sql.is_missing(self.column, on.kind(self.column)), self._far(on))
        ]
        counts = [exp.Coalesce(this=each, expressions=[exp.Literal.number(0)]) for each in counted]
        return exp.select(exp.Count(this=exp.Star()), *counts).from_(sql.relation(on))

    def offending(self, on: Checked) -> exp.Query:
        """The rows of the outliers."""
        from sqlglot import exp

        from headgate.gates import sql

        return sql.in_order(exp.select(sql.all_columns()).where(self._far(on)), on, (self.column,))

    def _quartiles(self, on: Checked, read: Read) -> Window | None:
        first, third = quantiles_of(on, self.column, (0.25, 0.75), "linear", lambda query: list(read(query)))
        if first is None or third is None or not (math.isfinite(first) and math.isfinite(third)):
            return None
        reach = self.multiplier * (float(third) - float(first))
        return Window(float(first) - reach, float(third) + reach, closed=True)

    def _spread(self, on: Checked, read: Read) -> Window | None:
        from sqlglot import exp

        names = ("mean", "deviation", "infinite")
        ((mean, deviation, infinite),) = read(exp.select(*names).from_(_stats(on, self.column)))
        if infinite or mean is None or deviation is None:
            return None
        reach = self.multiplier * deviation
        return Window(mean, mean, closed=True) if reach <= 0 else Window(mean - reach, mean + reach, closed=False)

    def _far(self, on: Checked) -> exp.Expr:
        from sqlglot import exp

        from headgate.gates import sql

        window = on.found
        assert isinstance(window, Window)  # noqa: S101 - whoever asks has looked it up
        below, above = (exp.LT, exp.GT) if window.closed else (exp.LTE, exp.GTE)
        sides = [
            each(this=_value(self.column), expression=sql.float_constant(end))
            for each, end in ((below, window.low), (above, window.high))
        ]
        return sql.present_and(self.column, on.kind(self.column), sql.any_of(sides))


def _stats(on: Checked, column: str) -> exp.Expr:
    """One row: the mean and the sample's standard deviation; nothing where there is an infinity."""
    from sqlglot import exp

    from headgate.gates import sql

    finite: exp.Expr = _value(column)
    infinite: exp.Expr = exp.false()
    if on.kind(column) == "float":
        plain = sql.column(column)
        finite = exp.Case(ifs=[exp.If(this=exp.Anonymous(this="isfinite", expressions=[plain]), true=finite)])
        infinite = exp.Anonymous(this="isinf", expressions=[plain.copy()])
    any_infinite = exp.GT(this=exp.CountIf(this=infinite), expression=exp.Literal.number(0))
    named = [
        exp.alias_(exp.Avg(this=finite), "mean", quoted=True),
        exp.alias_(exp.StddevSamp(this=finite.copy()), "deviation", quoted=True),
        exp.alias_(any_infinite, "infinite", quoted=True),
    ]
    return exp.select(*named).from_(sql.relation(on)).subquery(exp.to_identifier(_STATS, quoted=True))


def _value(column: str) -> exp.Expr:
    from headgate.gates import sql

    return sql.cast(sql.column(column), "DOUBLE")
