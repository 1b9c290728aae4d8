"""How far a value is from the others of its column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import QueryExpectation, expectation
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
            .join(self._stats(on), join_type="cross")
        )

    def offending(self, on: Checked) -> exp.Query:
        """The rows of every value that is too far away."""
        from sqlglot import exp

        from headgate.gates import sql

        rows = exp.select(sql.all_columns()).where(self._far(on))
        return sql.in_order(rows, on, (self.column,)).join(self._stats(on), join_type="cross")

    def _stats(self, on: Checked) -> exp.Expr:
        """One row: the mean and the sample's standard deviation; nothing where there is an infinity."""
        from sqlglot import exp

        from headgate.gates import sql

        finite: exp.Expr = self._value(on)
        infinite: exp.Expr = exp.false()
        if on.kind(self.column) == "float":
            column = sql.column(self.column)
            finite = exp.Case(ifs=[exp.If(this=exp.Anonymous(this="isfinite", expressions=[column]), true=finite)])
            infinite = exp.Anonymous(this="isinf", expressions=[column.copy()])
        any_infinite = exp.GT(this=exp.CountIf(this=infinite), expression=exp.Literal.number(0))
        named = [
            exp.alias_(exp.Avg(this=finite), "mean", quoted=True),
            exp.alias_(exp.StddevSamp(this=finite.copy()), "deviation", quoted=True),
            exp.alias_(any_infinite, "infinite", quoted=True),
        ]
        return exp.select(*named).from_(sql.relation(on)).subquery(exp.to_identifier(_STATS, quoted=True))

    def _far(self, on: Checked) -> exp.Expr:
        """A value is too far away, where distances are defined at all: they are not among equals and infinities."""
        from sqlglot import exp

        from headgate.gates import sql

        mean, deviation = sql.column("mean", _STATS), sql.column("deviation", _STATS)
        distance: exp.Expr = exp.Sub(this=self._value(on), expression=mean)
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

    def _value(self, on: Checked) -> exp.Expr:

        from headgate.gates import sql

        return sql.cast(sql.column(self.column), "DOUBLE")
