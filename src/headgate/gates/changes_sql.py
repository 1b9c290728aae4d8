"""The statements that compare a column's distribution with an earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from headgate.gates import sql
from headgate.gates.relation import Checked

_SIDES, _STEPS = "sides", "steps"


def edges(before: Checked, column: str, bins: int) -> exp.Select:
    """The upper ends of bins that were equally full, the last one left out, as one list without repetition."""
    shares = [exp.Literal.number(repr(i / bins)) for i in range(1, bins)]
    ends = exp.Anonymous(this="quantile_disc", expressions=[sql.column(column), exp.Array(expressions=shares)])
    present = exp.Where(this=sql.is_present(column, before.kind(column)))
    unique = exp.Anonymous(this="list_distinct", expressions=[exp.Filter(this=ends, expression=present)])
    return exp.select(exp.Anonymous(this="list_sort", expressions=[unique])).from_(sql.relation(before))


def up_to(on: Checked, column: str, ends: Sequence[Any]) -> exp.Select:
    """How many values are no greater than each end, and how many there are; a NaN is greater than everything."""
    kind, type_ = on.kind(column), on.column(column).type
    constants = [sql.literal(end, kind, type_) for end in ends]
    below = [exp.LTE(this=sql.column(column), expression=each) for each in constants if each is not None]
    conditions: list[exp.Expr] = [*below, sql.is_present(column, kind)]
    return exp.select(*(_count_if(each) for each in conditions)).from_(sql.relation(on))


def frequencies(before: Checked, on: Checked, column: str) -> exp.Select:
    """Of each value how often it occurred before, and occurs now."""
    counts = [exp.Sum(this=sql.column(side, _SIDES)) for side in ("before", "now")]
    return exp.select(*counts).from_(_both(before, on, column)).group_by(sql.column("value", _SIDES))


def greatest_distance(before: Checked, on: Checked, column: str, earlier: int, now: int) -> exp.Select:
    """The greatest distance of the two cumulative distributions."""
    counts = [exp.alias_(exp.Sum(this=sql.column(side, _SIDES)), side, quoted=True) for side in ("before", "now")]
    value = sql.column("value", _SIDES)
    steps = exp.select(exp.alias_(value, "value", quoted=True), *counts).from_(_both(before, on, column))
    steps = steps.group_by(value.copy())
    order = exp.Order(expressions=[exp.Ordered(this=sql.column("value", _STEPS))])
    shares = [
        exp.Div(
            this=exp.Window(this=exp.Sum(this=sql.column(side, _STEPS)), order=order.copy()),
            expression=exp.Literal.number(total),
        )
        for side, total in (("before", earlier), ("now", now))
    ]
    distance = exp.Abs(this=exp.Sub(this=shares[0], expression=shares[1]))
    distances = exp.select(exp.alias_(distance, "distance", quoted=True))
    distances = distances.from_(steps.subquery(exp.to_identifier(_STEPS, quoted=True)))
    greatest = exp.Max(this=sql.column("distance", "distances"))
    return exp.select(greatest).from_(distances.subquery(exp.to_identifier("distances", quoted=True)))


def _both(before: Checked, on: Checked, column: str) -> exp.Expr:
    """Every value of both sides with a mark of the side that it comes from."""
    sides = []
    for relation, mark in ((before, (1, 0)), (on, (0, 1))):
        marks = [
            exp.alias_(exp.Literal.number(n), name, quoted=True)
            for n, name in zip(mark, ("before", "now"), strict=True)
        ]
        rows = exp.select(exp.alias_(sql.column(column), "value", quoted=True), *marks).from_(sql.relation(relation))
        sides.append(rows.where(sql.is_present(column, relation.kind(column))))
    return exp.union(*sides, distinct=False).subquery(exp.to_identifier(_SIDES, quoted=True))


def _count_if(condition: exp.Expr) -> exp.Expr:
    return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=condition))
