"""The statements of expectations on values that must not repeat, and how the quickest of them is chosen."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from headgate.gates import sql
from headgate.gates.relation import Checked

_INNER = "inner"
_FIRST = "first_rows"
_PLACE = "_headgate_place"
#: For examples, of so many first rows those that are repeated are looked for among all.
_EARLY = 1000
#: Where so many of the first values are different, no fewer than half a million in all are likely to be; grouping
#: so many takes longer than sorting, and grouping a table of no more rows is quick anyway.
BEGINNING, MANY_DIFFERENT, MANY_ROWS = 50_000, 47_500, 500_000


def count_repeated(on: Checked, names: tuple[str, ...], ignore_row_if: str) -> exp.Query:
    """Elements, missing and unexpected rows, the latter being those whose combination of values is repeated."""
    groups = exp.select(*_grouped(on, names, ignore_row_if), _alias(sql.count_all(), "n"), copy=False)
    groups = groups.from_(sql.relation(on), copy=False).group_by(*_positions(len(names)), copy=False)
    n = sql.column("n", _INNER)
    missing = _ignored_groups(on, names, ignore_row_if)
    alone: exp.Expr = exp.EQ(this=n, expression=exp.Literal.number(1))
    alone = alone if missing is None else sql.every([alone, sql.negated(missing.copy())])
    elements, ignored = sql.total(n), exp.Literal.number(0) if missing is None else sql.total(n, missing)
    present = exp.Sub(this=elements.copy(), expression=ignored.copy())
    once = sql.count_where(alone)  # counting groups is quicker than adding them up
    counts = exp.select(elements, ignored, exp.Sub(this=present, expression=once), copy=False)
    return counts.from_(_subquery(groups, _INNER), copy=False)


def is_worth_a_look(on: Checked) -> bool:
    """Whether its first rows say how best to count the others: there are many, and to read the first is quick."""
    return on.where is None and (on.outside or (on.base is not None and on.exact and on.base.rows >= MANY_ROWS))


def different_at_the_beginning(on: Checked, name: str) -> exp.Query:
    """How many of the first values of a column are different, and how many of these occur once there."""
    first = first_rows(on, (name,), "any_value_is_missing").limit(exp.Literal.number(BEGINNING), copy=False)
    groups = exp.select(_alias(sql.count_all(), "n"), copy=False).from_(_subquery(first, _FIRST), copy=False)
    groups = groups.group_by(sql.column(name, _FIRST), copy=False)
    once = exp.EQ(this=sql.column("n", _INNER), expression=exp.Literal.number(1))
    return exp.select(sql.count_all(), sql.count_where(once), copy=False).from_(_subquery(groups, _INNER), copy=False)


def count_if_all_are_repeated(on: Checked, name: str, different: int) -> exp.Query:
    """The same as `count_repeated` if the column has no values but so many ``different`` ones that are repeated.

    If it has others, and be it a NaN, the number of unexpected rows is null. Of a dictionary DuckDB only looks at the
    entries here; rows that it groups it has to count.
    """
    values = exp.Count(this=sql.column(name))
    number = exp.Count(this=exp.Distinct(expressions=[sql.column(name)]))
    same = exp.EQ(this=number, expression=sql.constant(different))
    repeated = exp.Case(ifs=[exp.If(this=same, true=values.copy())])
    counts = exp.select(sql.count_all(), exp.Sub(this=sql.count_all(), expression=values), repeated, copy=False)
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
    missing = sql.count_where(sql.is_missing("k0", kind, _INNER))
    once = sql.count_where(sql.every([sql.is_present("k0", kind, _INNER), *differs]))
    present = exp.Sub(this=sql.count_all(), expression=missing.copy())
    counts = exp.select(sql.count_all(), missing, exp.Sub(this=present, expression=once), copy=False)
    return counts.from_(_subquery(values, _INNER), copy=False)


def repeated_rows(on: Checked, names: tuple[str, ...], ignore_row_if: str) -> exp.Query:
    """All columns of the rows whose combination of values is repeated."""
    keys = _keys(on, names)
    groups = exp.select(*(key.copy() for key in keys)).from_(sql.relation(on)).group_by(*_positions(len(names)))
    groups = groups.having(exp.GT(this=sql.count_all(), expression=exp.Literal.number(1)))
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
    groups = groups.having(exp.GT(this=sql.count_all(), expression=exp.Literal.number(1)), copy=False)
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


def _alias(value: exp.Expr, name: str) -> exp.Expr:
    """The value itself, no copy, under a name."""
    return exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True))


def _subquery(query: exp.Query, name: str) -> exp.Subquery:
    """The query itself, no copy, as it stands in FROM."""
    return query.subquery(exp.to_identifier(name, quoted=True), copy=False)


def _positions(count: int) -> list[exp.Expr]:
    return [exp.Literal.number(i + 1) for i in range(count)]
