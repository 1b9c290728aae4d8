"""Expectations on the least and the greatest value of a column."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from headgate.gates.aggregates import BetweenExpectation, of_values
from headgate.gates.expectation import Measured, Verdict, expectation
from headgate.gates.relation import Checked
from headgate.gates.statistics import Known
from headgate.gates.values import MOMENTS, NANOSECONDS, Kind

if TYPE_CHECKING:
    from sqlglot import exp

#: In place of the number of a moment that Python has no date for, and that would come as another one: after the year
#: 9999, before the year 1, infinite. It lies beyond all that a suite can name.
_AFTER = 2**63 - 1


@dataclass(frozen=True)
class EndExpectation(BetweenExpectation):
    """The least or the greatest value. A date or time is measured as a number: of microseconds, or nanoseconds."""

    kinds: ClassVar[frozenset[Kind]] = frozenset()
    greatest: ClassVar[bool]

    def aggregate(self, on: Checked) -> exp.Expr:
        """The end."""
        from sqlglot import exp

        from headgate.gates import sql

        end = (exp.Max if self.greatest else exp.Min)(this=sql.column(self.column))
        if on.kind(self.column) in MOMENTS:
            return _number_of(end, on.kind(self.column), on.column(self.column).type)
        return of_values(on, self.column, end)

    def proves(self, on: Checked, files: Sequence[tuple[int, Known]]) -> Measured | None:
        """Each file's end is known exactly: of numbers, dates and short texts, where no row was deleted."""
        if not all(known.bounded for _, known in files):
            return None
        ends = [known.high if self.greatest else known.low for _, known in files if not known.empty]
        end = (max if self.greatest else min)(ends, default=None)
        if isinstance(end, dt.datetime):
            end = self._place(on, end)
        return Measured(sum(rows for rows, _ in files), sum(known.missing for _, known in files), end)

    def joining(self, on: Checked) -> Callable[[Iterable[int]], int] | None:
        """The end of the ends, of whole numbers."""
        return (max if self.greatest else min) if on.kind(self.column) == "integer" else None

    def value(self, on: Checked, found: Measured) -> Any:
        """The end itself; a moment with a zone is in UTC, of nanoseconds only the microseconds are shown."""
        kind = on.kind(self.column)
        if found.value is None:
            return None
        if kind in MOMENTS:
            return self._shown(on, found.value)
        return bool(found.value) if kind == "boolean" else found.value

    def judge(self, on: Checked, found: Measured) -> Verdict:
        """Compare; moments as the numbers that were measured."""
        if on.kind(self.column) not in MOMENTS or found.value is None:
            return super().judge(on, found)
        low, high = (None if limit is None else self._place(on, limit) for limit in self.limits(on))
        end = math.copysign(math.inf, found.value) if abs(found.value) == _AFTER else found.value
        return Verdict(self.is_within(end, low, high), observed_value=self.value(on, found))

    def _place(self, on: Checked, moment: dt.datetime) -> int:
        microseconds = (moment - _epoch(on.kind(self.column))) // dt.timedelta(microseconds=1)
        return microseconds * self._scale(on)

    def _shown(self, on: Checked, number: int) -> dt.date | str:
        kind = on.kind(self.column)
        if abs(number) == _AFTER:
            return "after the year 9999" if number > 0 else "before the year 1"
        moment = _epoch(kind) + dt.timedelta(microseconds=number // self._scale(on))
        return moment.date() if kind == "date" else moment

    def _scale(self, on: Checked) -> int:
        return 1000 if on.column(self.column).type == NANOSECONDS else 1


@expectation("expect_column_min_to_be_between", dimension="validity")
@dataclass(frozen=True)
class MinBetween(EndExpectation):
    """The least value."""

    greatest: ClassVar[bool] = False


@expectation("expect_column_max_to_be_between", dimension="validity")
@dataclass(frozen=True)
class MaxBetween(EndExpectation):
    """The greatest value."""

    greatest: ClassVar[bool] = True


def _number_of(moment: exp.Expr, kind: Kind, type_: str) -> exp.Expr:
    """A date or time as a whole number since 1970."""
    from sqlglot import exp

    from headgate.gates import sql

    if type_ == NANOSECONDS:  # which all lie in years that Python knows, and of which the infinite are these numbers
        return exp.Anonymous(this="epoch_ns", expressions=[moment])
    zone = dt.UTC if kind == "timestamptz" else None
    first = sql.moment_constant(dt.datetime(1, 1, 1, tzinfo=zone), kind)
    last = sql.moment_constant(dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=zone), kind)
    after, before = exp.Literal.number(_AFTER), exp.Neg(this=exp.Literal.number(_AFTER))
    return exp.Case(
        ifs=[
            exp.If(this=exp.GT(this=moment, expression=last), true=after),
            exp.If(this=exp.LT(this=moment.copy(), expression=first), true=before),
        ],
        default=exp.Anonymous(this="epoch_us", expressions=[moment.copy()]),
    )


def _epoch(kind: Kind) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC if kind == "timestamptz" else None)
