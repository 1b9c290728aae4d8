"""Comparing rows with one another by bits, where the catalog bounds the values closely enough.

If every key is a whole number or a day, none is missing and all are known to lie in a range not much wider
than the table is long, then each combination is one bit, and a combination that occurs twice is a bit that is
missing in the end. (Measured on 1,017,209 rows of (Store, Date): 24 ms, grouping 138 ms; continuity 18 and 87.)
The engine refuses a value outside the range, so bounds that lie end in an error and not in a verdict.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgate.gates.relation import Checked
from headgate.gates.statistics import Known, Statistics, known_of_file
from headgate.gates.values import Kind

if TYPE_CHECKING:
    from sqlglot import exp

#: Two megabytes of bits; beyond, and where few bits would be set, grouping is as quick.
MOST_BITS = 2**24
MOST_BITS_PER_ROW = 16


@dataclass(frozen=True, slots=True)
class Range:
    """All values of a column, as whole numbers from ``low``: ones, or days since 1970."""

    kind: Kind
    low: int
    size: int


def ranges_of(on: Checked, names: tuple[str, ...], stats: Statistics) -> dict[str, Range] | None:
    """The range of each column, or None if one is unknown, holds nulls, or all together are too wide."""
    if on.base is None or any(on.kind(name) not in ("integer", "boolean", "date") for name in names):
        return None
    files = [known_of_file(on, names, file, stats) for file in on.base.files]
    known = [each for each in files if each is not None]
    if not known or len(known) < len(files):
        return None
    found = {name: _range(each[name] for each in known) for name in names}
    ranges = {name: each for name, each in found.items() if each is not None}
    width = math.prod(each.size for each in ranges.values())
    if len(ranges) < len(names) or width > min(MOST_BITS, MOST_BITS_PER_ROW * on.base.rows):
        return None
    return ranges


def _range(files: Iterable[Known]) -> Range | None:
    known = list(files)
    if any(each.missing or each.low is None or each.high is None for each in known):
        return None
    low, high = min(_place(each.low) for each in known), max(_place(each.high) for each in known)
    return Range(known[0].kind, low, high - low + 1)


def _place(value: Any) -> int:
    return (value.date() - dt.date(1970, 1, 1)).days if isinstance(value, dt.datetime) else int(value)


def count_repeated(on: Checked, ranges: Mapping[str, Range]) -> exp.Query | None:
    """Elements, missing and unexpected rows; the last is null where a combination occurs twice.

    None if one must, since there are fewer combinations than rows: then bits would be set for nothing.
    """
    from sqlglot import exp

    from headgate.gates import sql

    bits = math.prod(each.size for each in ranges.values())
    if on.base is not None and on.is_whole_table and bits < on.base.rows:
        return None
    key: exp.Expr | None = None
    for name, each in ranges.items():
        place = _column_place(name, each)
        shifted = None if key is None else exp.Mul(this=exp.paren(key), expression=sql.constant(each.size))
        key = place if shifted is None else exp.Add(this=shifted, expression=place)
    assert key is not None  # noqa: S101 - there is at least one column
    total = exp.Count(this=exp.Star())
    alone = exp.EQ(this=_bits(key, bits), expression=total.copy())
    unexpected = exp.Case(ifs=[exp.If(this=alone, true=exp.Literal.number(0))])
    return exp.select(total, exp.Literal.number(0), unexpected).from_(sql.relation(on))


def count_gaps(on: Checked, name: str, group_by: tuple[str, ...], ranges: Mapping[str, Range]) -> exp.Query:
    """The steps of one that there should be, 0, and those that are not there."""
    from sqlglot import exp

    from headgate.gates import sql

    steps, there = _spans(name, ranges[name])
    groups = exp.select(exp.alias_(steps, "steps", quoted=True), exp.alias_(there, "there", quoted=True))
    groups = groups.from_(sql.relation(on))
    if group_by:
        groups = groups.group_by(*(sql.column(each) for each in group_by))
    expected, found = (
        exp.Coalesce(this=exp.Sum(this=sql.column(each, "spans")), expressions=[exp.Literal.number(0)])
        for each in ("steps", "there")
    )
    return exp.select(expected, exp.Literal.number(0), exp.Sub(this=expected.copy(), expression=found)).from_(
        groups.subquery(exp.to_identifier("spans", quoted=True))
    )


def groups_with_gaps(
    on: Checked, name: str, group_by: tuple[str, ...], ranges: Mapping[str, Range], limit: int
) -> exp.Query:
    """The first few groups in which a step of one is missing, as ``g0``, ``g1`` …"""
    from sqlglot import exp

    from headgate.gates import sql

    steps, there = _spans(name, ranges[name])
    named = [exp.alias_(sql.column(each), f"g{i}", quoted=True) for i, each in enumerate(group_by)]
    groups = exp.select(*named).from_(sql.relation(on)).group_by(*(sql.column(each) for each in group_by))
    return (
        groups.having(exp.GT(this=steps, expression=there)).order_by(*(each.this.copy() for each in named)).limit(limit)
    )


def _spans(name: str, range_: Range) -> tuple[exp.Expr, exp.Expr]:
    """How many steps a group should have, and how many it has."""
    from sqlglot import exp

    place = _column_place(name, range_)
    ends = exp.Sub(this=exp.Max(this=place.copy()), expression=exp.Min(this=place.copy()))
    return exp.Add(this=exp.paren(ends), expression=exp.Literal.number(1)), _bits(place, range_.size)


def _column_place(name: str, range_: Range) -> exp.Expr:
    """Where a value stands in its range, from 0."""
    from sqlglot import exp

    from headgate.gates import sql

    if range_.kind == "date":
        low = dt.datetime(1970, 1, 1) + dt.timedelta(days=range_.low)  # noqa: DTZ001 - a calendar date has no zone
        return exp.paren(exp.Sub(this=sql.column(name), expression=sql.moment_constant(low, "date")))
    number = sql.cast(sql.column(name), "BIGINT")
    return exp.paren(exp.Sub(this=number, expression=sql.constant(range_.low)))


def _bits(place: exp.Expr, size: int) -> exp.Expr:
    """How many different places there are."""
    from sqlglot import exp

    bounds = [exp.Literal.number(0), exp.Literal.number(size - 1)]
    bits = exp.Anonymous(this="bitstring_agg", expressions=[place.copy(), *bounds])
    return exp.Anonymous(this="bit_count", expressions=[bits])
