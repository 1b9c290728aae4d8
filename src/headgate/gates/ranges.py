"""The expectation that values lie between two."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.bounds import Bounded
from headgate.gates.columns import ColumnExpectation
from headgate.gates.expectation import expectation
from headgate.gates.relation import Checked
from headgate.gates.statistics import Known
from headgate.gates.values import (
    MOMENTS,
    NUMBERS,
    Kind,
    UnusableError,
    as_float,
    as_number,
    is_of,
    moment,
    nearest_bound,
    number,
)

if TYPE_CHECKING:
    from sqlglot import exp


@expectation("expect_column_values_to_be_between", dimension="validity")
@dataclass(frozen=True)
class Between(Bounded, ColumnExpectation):
    """Every value lies between two, which are allowed themselves unless ``strict``."""

    min_value: float | str | dt.date | None = argument(arguments.bound, default=None, kw_only=True)  # noqa: RUF009 - a field
    max_value: float | str | dt.date | None = argument(arguments.bound, default=None, kw_only=True)  # noqa: RUF009 - a field

    def require(self, on: Checked) -> None:
        """The bounds must be of the column's kind, and leave room."""
        super().require(on)
        self.require_room(*self.bounds(on))

    def bounds(self, on: Checked) -> tuple[Any, Any]:
        """Both bounds as values that compare, None where there is none."""
        return self._bound(on, self.min_value), self._bound(on, self.max_value)

    def _bound(self, on: Checked, value: Any) -> Any:
        if value is None:
            return None
        kind = on.kind(self.column)
        found = _compared(value, kind)
        if found is None:
            type_ = on.column(self.column).type
            if kind in NUMBERS or kind in MOMENTS:
                raise UnusableError(f"{self.column} holds {type_}, which cannot be compared with {value!r}")
            raise UnusableError(f"{self.column} holds {type_}: only numbers, dates and times lie between two values")
        return found

    def unexpected(self, on: Checked) -> exp.Expr:
        """A value that lies outside."""
        from headgate.gates import sql

        kind = on.kind(self.column)
        return sql.present_and(self.column, kind, sql.negated(_within(self, on, kind)))

    def holds_within(self, on: Checked, known: Known) -> bool:
        """Both ends are allowed, hence all between them."""
        low, high = self.bounds(on)
        if known.kind == "float":  # as they are compared with the column's values: rounded
            low, high = (None if bound is None else float(bound) for bound in (low, high))
        return self.is_above(known.low, low) and self.is_below(known.high, high)


@lru_cache(maxsize=4096, typed=True)  # asked of the same few bounds again and again, for each file
def _compared(value: Any, kind: Kind) -> Any:
    """A bound as it compares with values of a kind; None if it does not."""
    if kind in NUMBERS:
        found = number(as_number(value))
        return None if kind == "float" and found is not None and as_float(found) is None else found
    return moment(value, kind) if kind in MOMENTS else None


def _within(between: Between, on: Checked, kind: Kind) -> exp.Expr:
    from sqlglot import exp

    from headgate.gates import sql

    column: exp.Expr = sql.column(between.column)
    if kind == "boolean":
        column = sql.cast(column, "INTEGER")
    low, high = between.bounds(on)
    type_ = on.column(between.column).type
    low, strict_low = _tightened(low, between.strict_min, kind, type_, up=True)
    high, strict_high = _tightened(high, between.strict_max, kind, type_, up=False)
    constants = [None if bound is None else _constant(bound, kind) for bound in (low, high)]
    columns = [_beside(column, type_, bound) for bound in (low, high)]
    if (
        constants[0] is not None
        and constants[1] is not None
        and not strict_low
        and not strict_high
        and columns[0] is columns[1] is column
    ):
        return exp.Between(this=column, low=constants[0], high=constants[1])
    sides: list[exp.Expr] = []
    if constants[0] is not None:
        sides.append((exp.GT if strict_low else exp.GTE)(this=columns[0].copy(), expression=constants[0]))
    if constants[1] is not None:
        sides.append((exp.LT if strict_high else exp.LTE)(this=columns[1].copy(), expression=constants[1]))
    return sql.every(sides)


def _beside(column: exp.Expr, type_: str, bound: Any) -> exp.Expr:
    """The column as it compares with a bound: in microseconds if this lies beyond all nanoseconds, hence far away."""
    from headgate.gates import sql

    if isinstance(bound, dt.datetime) and not is_of(type_, bound):
        return sql.cast(column.copy(), "TIMESTAMP")
    return column


def _tightened(bound: Any, strict: bool, kind: Kind, type_: str, *, up: bool) -> tuple[Any, bool]:
    """The same bound for a column of exact numbers, as one of its own type; of whole ones not strict.

    >>> _tightened(1.5, True, "integer", "BIGINT", up=True), _tightened(3, True, "integer", "BIGINT", up=False)
    ((2, False), (2, False))
    """
    if bound is None:
        return None, False
    if kind in ("integer", "boolean"):
        whole = math.ceil(bound) if up else math.floor(bound)
        bound, strict = (whole + (1 if up else -1) if strict and whole == bound else whole), False
    return nearest_bound(type_, bound, strict, up=up) if kind in ("integer", "decimal") else (bound, strict)


def _constant(bound: Any, kind: Kind) -> exp.Expr:
    from headgate.gates import sql

    if kind == "date":  # a bound within a day still compares with the day's midnight
        return sql.moment_constant(bound, "date" if bound.time() == bound.min.time() else "timestamp")
    if kind in MOMENTS:
        return sql.moment_constant(bound, kind)
    return sql.float_constant(float(bound)) if kind == "float" else sql.constant(bound)
