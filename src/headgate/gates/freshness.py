"""The expectation that data is young enough."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.ends import MaxBetween
from headgate.gates.expectation import (
    AggregateExpectation,
    Dimension,
    ExpectationClass,
    Measured,
    RowCounter,
    TableExpectation,
    Verdict,
    expectation,
)
from headgate.gates.relation import Checked
from headgate.gates.statistics import Known
from headgate.gates.values import MOMENTS, UnusableError, moment

if TYPE_CHECKING:
    from sqlglot import exp


@expectation("freshness", dimension="timeliness")
@dataclass(frozen=True)
class Freshness(AggregateExpectation):
    """The newest value of a column is no older than this. Times without a zone are in UTC, dates are midnights."""

    max_age: dt.timedelta = argument(arguments.age)  # noqa: RUF009 - a field, as all

    @classmethod
    def meant_by(cls, written: Mapping[str, Any]) -> ExpectationClass:
        """Without a column it is about the last change."""
        return LastChange if written.get("column") is None else cls

    def require(self, on: Checked) -> None:
        """Only dates and times have an age."""
        super().require(on)
        if on.kind(self.column) not in MOMENTS:
            raise UnusableError(f"{self.column} holds {on.column(self.column).type}: only dates and times have an age")

    def aggregate(self, on: Checked) -> exp.Expr:
        """The newest."""
        return MaxBetween(column=self.column).aggregate(on)

    def proves(self, on: Checked, files: Sequence[tuple[int, Known]]) -> Measured | None:
        """The newest of each file is known exactly where no row was deleted."""
        return MaxBetween(column=self.column).proves(on, files)

    def judge(self, on: Checked, found: Measured) -> Verdict:
        """Compare with the clock; where there is no value there is nothing fresh."""
        kind = on.kind(self.column)
        if found.value is None:
            return Verdict(False)
        observed = MaxBetween(column=self.column).value(on, found)
        newest = moment(observed, kind)
        if newest is None or newest.date() == dt.date.max:  # which often stands for an open end
            raise UnusableError(f"the newest value of {self.column}, {observed}, has no age")
        return _aged(dt.datetime.now(dt.UTC) - newest.replace(tzinfo=dt.UTC), self.max_age, observed)


@dataclass(frozen=True)
class LastChange(TableExpectation):
    """The table's data changed no longer ago than this, whatever is in it."""

    max_age: dt.timedelta = argument(arguments.age)  # noqa: RUF009 - a field, as all

    type: ClassVar[str] = Freshness.type
    dimension: ClassVar[Dimension] = Freshness.dimension
    asks_age: ClassVar[bool] = True

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare with the clock; what changes just now has no age."""
        now = dt.datetime.now(dt.UTC)
        changed = on.changed or now
        return _aged(now - changed, self.max_age, changed)


def _aged(old: dt.timedelta, limit: dt.timedelta, observed: Any) -> Verdict:
    details = {"age_seconds": round(old.total_seconds()), "max_age_seconds": round(limit.total_seconds())}
    return Verdict(old <= limit, observed, details=details)
