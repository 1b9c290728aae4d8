"""The statements of expectations that compare rows with one another."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from headgate.gates import sql
from headgate.gates.relation import Checked
from headgate.gates.values import Kind

_INNER = "inner"
_FIRST = "first_rows"
_BEFORE = "_headgate_before"
_PLACE = "_headgate_place"
#: For examples, of so many first rows those that are repeated are looked for among all.
_EARLY = 1000
#: Where so many of the first values are different, no fewer than half a million in all are likely to be; grouping
#: so many takes longer than sorting, and grouping a table of no more rows is quick anyway.
BEGINNING, MANY_DIFFERENT, MANY_ROWS = 50_000, 47_500, 500_000


def count_repeated(on: Checked, names: tuple[str, ...], ignore_row_if: str) -> exp.Query:
    """Elements, missing and unexpected rows, the latter being those whose combination of values is repeated."""
    groups = exp.select(*_grouped(on, names, ignore_row_if), _alias(_count(), "n"), copy=False)
    groups = groups.from_(sql.relation(on), copy=False).group_by(*_positions(len(names)), copy=False)
    n = sql.column("n", _INNER)
    missing = _ignored_groups(on, names, ignore_row_if)
    alone: exp.Expr = exp.EQ(this=n, expression=exp.Literal.number(1))
    alone = alone if missing is None else sql.every([alone, sql.negated(missing.copy())])
    elements, ignored = _total(n), exp.Literal.number(0) if missing is None else _total(n, missing)
    present = exp.Sub(this=elements.copy(), expression=ignored.copy())
    once = _counted(alone)  # counting groups is quicker than adding them up
    counts = exp.select(elements, ignored, exp.Sub(this=present, expression=once), copy=False)
    return counts.from_(_subquery(groups, _INNER), copy=False)


def is_worth_a_look(on: Checked) -> bool:
    """Whether its first rows say how best to count the others: there are many, and to read the first is quick."""
    return on.outside or (on.base is not None and on.exact and on.base.rows >= MANY_ROWS)


def different_at_the_beginning(on: Checked, name: str) -> exp.Query:
    """How many of the first values of a column are different, and how many of these occur once there."""
    first = first_rows(on, (name,), "any_value_is_missing").limit(exp.Literal.number(BEGINNING), copy=False)
    groups = exp.select(_alias(_count(), "n"), copy=False).from_(_subquery(first, _FIRST), copy=False)
    groups = groups.group_by(sql.column(name, _FIRST), copy=False)
    once = exp.EQ(this=sql.column("n", _INNER), expression=exp.Literal.number(1))
    return exp.select(_count(), _counted(once), copy=False).from_(_subquery(groups, _INNER), copy=False)


def count_if_all_are_repeated(on: Checked, name: str, different: int) -> exp.Query:
    """The same as `count_repeated` if the column has no values but so many ``different`` ones that are repeated.

    If it has others, and be it a NaN, the number of unexpected rows is null. Of a dictionary DuckDB only looks at the
    entries here; rows that it groups it has to count.
    """
    values = exp.Count(this=sql.column(name))
    number = exp.Count(this=exp.Distinct(expressions=[sql.column(name)]))
    same = exp.EQ(this=number, expression=sql.constant(different))
    repeated = exp.Case(ifs=[exp.If(this=same, true=values.copy())])
    counts = exp.select(_count(), exp.Sub(this=_count(), expression=values), repeated, copy=False)
    return counts.from_(sql.relation(on), copy=False)


def count_repeated_in_order(on: Checked, name: str) -> exp.Query:
    """The same as `count_repeated`: sorted, a value that is not repeated differs from those before and after it."""
    kind, value = on.kind(name), sql.column(name)
    order = exp.Order(expressions=[exp.Ordered(this=value)])
    sides = {"before": exp.Window(this=exp.Lag(this=value.copy()), order=order)}
    sides["after"] = exp.Window(this=exp.Lead(this=value.copy()), order=order.copy())
    beside = [_alias(side, called) for called, side in sides.items()]
    values = exp.select(_alias(value.copy(), "k0"), *beside, copy=False).from_(sql.relation(on), copy=False)
    k = sql.column("k0", _INNER)
    differs = [exp.NullSafeNEQ(this=k.copy(), expression=sql.column(side, _INNER)) for side in sides]
    missing = _counted(sql.is_missing("k0", kind, _INNER))
    once = _counted(sql.every([sql.is_present("k0", kind, _INNER), *differs]))
    present = exp.Sub(this=_count(), expression=missing.copy())
    counts = exp.select(_count(), missing, exp.Sub(this=present, expression=once), copy=False)
    return counts.from_(_subquery(values, _INNER), copy=False)


def repeated_rows(on: Checked, names: tuple[str, ...], ignore_row_if: str) -> exp.Query:
    """All columns of the rows whose combination of values is repeated."""
    keys = _keys(on, names)
    groups = exp.select(*(key.copy() for key in keys)).from_(sql.relation(on)).group_by(*_positions(len(names)))
    groups = groups.having(exp.GT(this=_count(), expression=exp.Literal.number(1)))
    rows = _among(exp.select(sql.all_columns()), groups, keys)
    missing = _ignored([key.this.copy() for key in keys], ignore_row_if)
    return sql.in_order(rows if missing is None else rows.where(sql.negated(missing)), on, names)


def first_rows(on: Checked, names: tuple[str, ...], ignore_row_if: str) -> exp.Select:
    """The compared columns of the rows that count, the first ones first."""
    missing = _ignored([key.this for key in _keys(on, names)], ignore_row_if)
    rows = exp.select(*(sql.column(name) for name in names), copy=False).from_(sql.relation(on), copy=False)
    return rows if missing is None else rows.where(sql.negated(missing), copy=False)


def repeated_among_first(on: Checked, names: tuple[str, ...], ignore_row_if: str) -> exp.Query:
    """The compared columns of those of the first rows whose combination of values is repeated anywhere.

    The relation is read once and grouped by few values only, where `repeated_rows` groups by all.
    """
    keys = _keys(on, names)
    first = _first(on, names, ignore_row_if, _EARLY)
    early = exp.alias_(exp.to_table(_FIRST), sql.CHECKED, table=True, quoted=True)
    values = exp.select(*(key.copy() for key in keys), copy=False).from_(early, copy=False)
    groups = _among(exp.select(*(key.copy() for key in keys), copy=False), values, keys)
    groups = groups.from_(sql.relation(on), copy=False).group_by(*_positions(len(names)), copy=False)
    groups = groups.having(exp.GT(this=_count(), expression=exp.Literal.number(1)), copy=False)
    found = _among(exp.select(*(sql.column(name) for name in names), copy=False), groups, keys)
    found = found.from_(early.copy(), copy=False).order_by(sql.column(_PLACE), copy=False)
    return found.with_(_FIRST, as_=first, materialized=True, copy=False)


def _first(on: Checked, names: tuple[str, ...], ignore_row_if: str, rows: int) -> exp.Select:
    """The first ``rows`` rows that count, and their place among them, from 1."""
    place = _alias(exp.Window(this=exp.RowNumber()), _PLACE)
    return first_rows(on, names, ignore_row_if).select(place, copy=False).limit(exp.Literal.number(rows), copy=False)


def _among(rows: exp.Select, query: exp.Select, keys: list[exp.Expr]) -> exp.Select:
    """Only the rows whose keys are a row of the query. (With EXISTS, DuckDB first finds all different keys.)"""
    same = [exp.NullSafeEQ(this=sql.column(f"k{i}", _INNER), expression=key.this.copy()) for i, key in enumerate(keys)]
    return rows.join(_subquery(query, _INNER), on=sql.every(same), join_type="SEMI", copy=False)


def count_out_of_order(on: Checked, name: str, *, rises: bool, strictly: bool) -> exp.Query:
    """Elements, missing rows, and those whose value goes the wrong way from the one before it."""
    missing = _counted(sql.is_missing(name, on.kind(name)))
    rows = exp.select(_count(), missing).from_(sql.relation(on))
    wrong = exp.select(_count()).from_(out_of_order(on, name, rises=rises, strictly=strictly).subquery("wrong"))
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
    inner, there = _places(on, name, group_by), _count()
    if stride != 1:
        inner = _steps(on, name, group_by, stride)
        there = exp.CountIf(this=sql.column("on_grid", _INNER))
    span = exp.paren(exp.Sub(this=exp.Max(this=place), expression=exp.Min(this=place.copy())))
    steps = exp.Add(this=_whole(span, stride), expression=exp.Literal.number(1))
    groups = exp.select(exp.alias_(steps, "steps", quoted=True), exp.alias_(there, "n", quoted=True))
    groups = groups.from_(inner.subquery(exp.to_identifier(_INNER, quoted=True)))
    if group_by:
        groups = groups.group_by(*(sql.column(f"g{i}", _INNER) for i in range(len(group_by))))
    expected, found = _total(sql.column("steps", "spans")), _total(sql.column("n", "spans"))
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
    place = exp.alias_(_place(sql.column(name), kind), "place", quoted=True)
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


def _place(column: exp.Expr, kind: Kind) -> exp.Expr:
    if kind == "integer":
        return sql.cast(column, "HUGEINT")
    if kind == "date":
        start = sql.cast(exp.Literal.string("1970-01-01"), "DATE")
        return exp.Sub(this=column, expression=start)
    return exp.Anonymous(this="epoch_us", expressions=[column])


def _keys(on: Checked, names: tuple[str, ...]) -> list[exp.Expr]:
    """The columns that are compared, a NaN being a null."""
    keys = []
    for i, name in enumerate(names):
        column: exp.Expr = sql.column(name)
        if on.kind(name) == "float":
            column = exp.Case(ifs=[exp.If(this=exp.IsNan(this=sql.column(name)), true=exp.Null())], default=column)
        keys.append(_alias(column, f"k{i}"))
    return keys


def _grouped(on: Checked, names: tuple[str, ...], ignore_row_if: str) -> list[exp.Expr]:
    """By what rows are grouped. Where any missing value makes a row ignored, NaN may be a group of its own."""
    if ignore_row_if != "any_value_is_missing":
        return _keys(on, names)
    return [_alias(sql.column(name), f"k{i}") for i, name in enumerate(names)]


def _ignored_groups(on: Checked, names: tuple[str, ...], ignore_row_if: str) -> exp.Expr | None:
    """The condition of a group of `_grouped` whose rows are ignored; None if no row is."""
    if ignore_row_if != "any_value_is_missing":
        return _ignored([sql.column(f"k{i}", _INNER) for i in range(len(names))], ignore_row_if)
    return sql.any_of([sql.is_missing(f"k{i}", on.kind(name), _INNER) for i, name in enumerate(names)])


def _ignored(keys: Iterable[exp.Expr], ignore_row_if: str) -> exp.Expr | None:
    nulls = [exp.Is(this=key, expression=exp.Null()) for key in keys]
    if ignore_row_if == "never":
        return None
    return sql.any_of(nulls) if ignore_row_if == "any_value_is_missing" else sql.every(nulls)


def _total(of: exp.Expr, condition: exp.Expr | None = None) -> exp.Expr:
    total: exp.Expr = exp.Sum(this=of.copy())
    if condition is not None:
        total = exp.Filter(this=total, expression=exp.Where(this=condition.copy()))
    return exp.Coalesce(this=total, expressions=[exp.Literal.number(0)])


def _whole(value: exp.Expr, stride: int) -> exp.Expr:
    if stride == 1:
        return value
    return exp.IntDiv(this=value, expression=exp.Literal.number(stride))


def _alias(value: exp.Expr, name: str) -> exp.Expr:
    """The value itself, no copy, under a name."""
    return exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True))


def _subquery(query: exp.Query, name: str) -> exp.Subquery:
    """The query itself, no copy, as it stands in FROM."""
    return query.subquery(exp.to_identifier(name, quoted=True), copy=False)


def _count() -> exp.Expr:
    return exp.Count(this=exp.Star())


def _counted(condition: exp.Expr) -> exp.Expr:
    return exp.Filter(this=_count(), expression=exp.Where(this=condition))


def _positions(count: int) -> list[exp.Expr]:
    return [exp.Literal.number(i + 1) for i in range(count)]
