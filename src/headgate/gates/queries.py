"""The statements of expectations on the order of rows, and on gaps in a series."""

from __future__ import annotations

from sqlglot import exp

from headgate.gates import sql
from headgate.gates.relation import Checked
from headgate.gates.values import NANOSECONDS, Kind

_INNER = "inner"
_BEFORE = "_headgate_before"


def count_out_of_order(on: Checked, name: str, *, rises: bool, strictly: bool) -> exp.Query:
    """Elements, missing rows, and those whose value goes the wrong way from the one before it."""
    missing = sql.count_where(sql.is_missing(name, on.kind(name)))
    rows = exp.select(sql.count_all(), missing).from_(sql.relation(on))
    wrong = exp.select(sql.count_all()).from_(out_of_order(on, name, rises=rises, strictly=strictly).subquery("wrong"))
    return rows.select(wrong.subquery())


def out_of_order(on: Checked, name: str, *, rises: bool, strictly: bool) -> exp.Query:
    """All columns of the rows whose value goes the wrong way from the one before it, in their order."""
    kind = on.kind(name)
    order = exp.Order(expressions=[exp.Ordered(this=sql.column("rowid"))]) if on.exact else None
    before = exp.Window(this=exp.Lag(this=sql.column(name)), order=order)
    rows = exp.select(sql.all_columns(), exp.alias_(before, _BEFORE, quoted=True))
    if on.exact:
        rows = rows.from_(sql.base(on))
        rows = rows if on.where is None else rows.where(sql.condition(on.where))
    else:
        rows = rows.from_(sql.relation(on))
    rows = rows.where(sql.is_present(name, kind))
    now, then = sql.column(name), sql.column(_BEFORE)
    wrong: exp.Expr = (exp.LT if rises else exp.GT)(this=now, expression=then)
    if strictly:
        same: exp.Expr = exp.EQ(this=now.copy(), expression=then.copy())
        if kind == "float":  # from one infinity to the next there is no way, and so no wrong one
            same = sql.every([same, sql.negated(exp.IsInf(this=now.copy()))])
        wrong = sql.any_of([wrong, exp.paren(same)])
    kept = exp.Star(except_=[exp.to_identifier(_BEFORE, quoted=True)])
    return exp.select(kept).from_(rows.subquery(exp.to_identifier(sql.CHECKED, quoted=True))).where(wrong)


def count_gaps(on: Checked, name: str, group_by: tuple[str, ...], stride: int) -> exp.Query:
    """The steps that there should be, 0, and those that are not there."""
    place = sql.column("place", _INNER)
    inner, there = _places(on, name, group_by), sql.count_all()
    if stride != 1:
        inner = _steps(on, name, group_by, stride)
        there = exp.CountIf(this=sql.column("on_grid", _INNER))
    span = exp.paren(exp.Sub(this=exp.Max(this=place), expression=exp.Min(this=place.copy())))
    steps = exp.Add(this=_whole(span, stride), expression=exp.Literal.number(1))
    groups = exp.select(exp.alias_(steps, "steps", quoted=True), exp.alias_(there, "n", quoted=True))
    groups = groups.from_(inner.subquery(exp.to_identifier(_INNER, quoted=True)))
    if group_by:
        groups = groups.group_by(*(sql.column(f"g{i}", _INNER) for i in range(len(group_by))))
    expected, found = sql.total(sql.column("steps", "spans")), sql.total(sql.column("n", "spans"))
    return exp.select(expected, exp.Literal.number(0), exp.Sub(this=expected.copy(), expression=found)).from_(
        groups.subquery(exp.to_identifier("spans", quoted=True))
    )


def gaps(on: Checked, name: str, group_by: tuple[str, ...], stride: int, among: exp.Query | None = None) -> exp.Query:
    """Each gap: its group, the values ``after`` which and ``before`` which steps are ``missing``, and how many.

    ``among`` gives the groups to look at, by columns ``g0``, ``g1`` …; all if there is none.
    """
    place, value = sql.column("place", _INNER), sql.column("value", _INNER)
    group = [sql.column(f"g{i}", _INNER) for i in range(len(group_by))]

    def previous(of: exp.Expr) -> exp.Expr:
        return exp.Window(
            this=exp.Lag(this=of.copy()),
            partition_by=[each.copy() for each in group],
            order=exp.Order(expressions=[exp.Ordered(this=place.copy())]),
        )

    between = exp.Sub(this=exp.Sub(this=place.copy(), expression=previous(place)), expression=exp.Literal.number(1))
    found = exp.select(
        *(exp.alias_(each, called, quoted=True) for each, called in zip(group, group_by, strict=True)),
        exp.alias_(previous(value), "after", quoted=True),
        exp.alias_(value, "before", quoted=True),
        exp.alias_(_whole(exp.paren(between), stride), "missing", quoted=True),
    )
    places = _places(on, name, group_by, among) if stride == 1 else _steps(on, name, group_by, stride, among)
    found = found.from_(places.subquery(exp.to_identifier(_INNER, quoted=True)))
    missing = exp.GT(this=sql.column("missing", "found"), expression=exp.Literal.number(0))
    order = [sql.column(each, "found") for each in (*group_by, "before")]
    subquery = found.subquery(exp.to_identifier("found", quoted=True))
    return exp.select("*").from_(subquery).where(missing).order_by(*order)


def _places(on: Checked, name: str, group_by: tuple[str, ...], among: exp.Query | None = None) -> exp.Select:
    """Each group's distinct values, and where they stand on a line of whole numbers."""
    kind = on.kind(name)
    groups = [exp.alias_(sql.column(each), f"g{i}", quoted=True) for i, each in enumerate(group_by)]
    value = exp.alias_(sql.column(name), "value", quoted=True)
    place = exp.alias_(_place(sql.column(name), kind, on.column(name).type), "place", quoted=True)
    rows = exp.select(*groups, value, place).from_(sql.relation(on)).where(sql.is_present(name, kind)).distinct()
    if among is None:
        return rows
    same = [
        exp.NullSafeEQ(this=sql.column(f"g{i}", "among"), expression=sql.column(each))
        for i, each in enumerate(group_by)
    ]
    one = exp.select(exp.Literal.number(1)).from_(among.subquery(exp.to_identifier("among", quoted=True)))
    return rows.where(exp.Exists(this=one.where(sql.every(same))))


def _steps(
    on: Checked, name: str, group_by: tuple[str, ...], stride: int, among: exp.Query | None = None
) -> exp.Select:
    """The same without what stands between two steps, but with each group's last value, wherever it stands."""
    inner, ends = "places", "ends"

    def of_group(aggregate: type[exp.Expr]) -> exp.Expr:
        groups = [sql.column(f"g{i}", inner) for i in range(len(group_by))]
        return exp.Window(this=aggregate(this=sql.column("place", inner)), partition_by=groups)

    with_ends = exp.select(
        "*", exp.alias_(of_group(exp.Min), "low", quoted=True), exp.alias_(of_group(exp.Max), "high", quoted=True)
    ).from_(_places(on, name, group_by, among).subquery(exp.to_identifier(inner, quoted=True)))
    place = sql.column("place", ends)
    offset = exp.paren(exp.Sub(this=place, expression=sql.column("low", ends)))
    on_grid = exp.EQ(this=exp.Mod(this=offset, expression=exp.Literal.number(stride)), expression=exp.Literal.number(0))
    last = exp.EQ(this=place.copy(), expression=sql.column("high", ends))
    return (
        exp.select("*", exp.alias_(exp.paren(on_grid), "on_grid", quoted=True))
        .from_(with_ends.subquery(exp.to_identifier(ends, quoted=True)))
        .where(sql.any_of([on_grid.copy(), last]))
    )


def _place(column: exp.Expr, kind: Kind, type_: str) -> exp.Expr:
    if kind == "integer":
        return sql.cast(column, "HUGEINT")
    if kind == "date":
        start = sql.cast(exp.Literal.string("1970-01-01"), "DATE")
        return exp.Sub(this=column, expression=start)
    return exp.Anonymous(this="epoch_ns" if type_ == NANOSECONDS else "epoch_us", expressions=[column])


def _whole(value: exp.Expr, stride: int) -> exp.Expr:
    if stride == 1:
        return value
    return exp.IntDiv(this=value, expression=exp.Literal.number(stride))
