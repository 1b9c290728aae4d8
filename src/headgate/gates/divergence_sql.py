"""The statements that measure a column's distribution."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from headgate.gates import sql
from headgate.gates.relation import Checked


def frequencies(on: Checked, column: str) -> exp.Select:
    """Each value and how often it occurs, in the order of the values."""
    rows = exp.select(sql.column(column), exp.Count(this=exp.Star())).from_(sql.relation(on))
    rows = rows.where(sql.is_present(column, on.kind(column)))
    return rows.group_by(exp.Literal.number(1)).order_by(exp.Literal.number(1))


def up_to_ends(on: Checked, column: str, bins: Sequence[float]) -> exp.Select:
    """How many values are less than each end of a bin, the last end itself included, and how many there are."""
    present = sql.is_present(column, on.kind(column))
    value = sql.cast(sql.column(column), "DOUBLE")
    conditions = []
    for i, end in enumerate(bins):
        less = exp.LTE if i == len(bins) - 1 else exp.LT
        conditions.append(less(this=value.copy(), expression=sql.float_constant(float(end))))
    counts = [_count_if(sql.every([present.copy(), condition])) for condition in conditions]
    return exp.select(*counts, _count_if(present)).from_(sql.relation(on))


def _count_if(condition: exp.Expr) -> exp.Expr:
    return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=condition))
