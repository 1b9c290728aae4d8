"""Where a gate's SQL is built, as a tree: names and values are quoted by its generator and nowhere else.

Importing this costs a tenth of a second, so it is imported where something must really be scanned.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import sqlglot.dialects.duckdb  # else the first statement pays for it
import sqlglot.errors
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.generator import Generator

from headgate.gates.relation import Checked
from headgate.gates.values import (
    MOMENTS,
    NUMBERS,
    Kind,
    UnusableError,
    as_float,
    can_hold,
    is_of,
    moment,
    number,
    uuid_text,
)

#: Under this name the checked relation stands in every statement.
CHECKED = "checked"
DIALECT = "duckdb"


def text_of(tree: exp.Expr, *, spent: bool = False) -> str:
    """The statement or expression as the engine reads it.

    A tree that is ``spent``, since nobody looks at it any more, need not be copied, which is half of the work.
    """
    return _generator().generate(tree, copy=not spent)


@cache
def _generator() -> Generator:
    """Made once: for a small expression that takes as long as its text."""
    return Dialect.get_or_raise(DIALECT).generator(comments=False)


def column(name: str, table: str | None = CHECKED) -> exp.Column:
    """A column of the checked relation, or of ``table``."""
    return exp.column(name, table=table, quoted=True)


def written(on: Checked, name: str) -> exp.Expr:
    """A column of texts or documents as texts: of an ENUM DuckDB's functions on JSON see a document made of it."""
    return column(name) if on.column(name).type == "VARCHAR" else cast(column(name), "VARCHAR")


def cast(value: exp.Expr, kind: str) -> exp.Expr:
    """``CAST(value AS kind)``; the name is parsed once, which for thousands of expectations is half of the work."""
    return exp.Cast(this=value, to=_type(kind).copy())


@lru_cache(maxsize=64)
def _type(kind: str) -> exp.DataType:
    return exp.DataType.build(kind, dialect=DIALECT)


def relation(on: Checked, name: str = CHECKED) -> exp.Expr:
    """The relation as it stands in FROM, without the rows that are not to be seen."""
    whole = source(on.alias, on.layer, on.name, name if on.where is None else CHECKED)
    if on.where is None:
        return whole
    return exp.select("*").from_(whole).where(condition(on.where)).subquery(exp.to_identifier(name, quoted=True))


def condition(text: str) -> exp.Expr:
    """A condition that this module wrote, as a tree again."""
    return exp.condition(text, dialect=DIALECT)


def base(on: Checked) -> exp.Expr:
    """The table whose files hold the relation's rows, as it stands in FROM."""
    assert on.base is not None  # noqa: S101 - callers ask only where there is one
    return source(on.alias, on.base.schema, on.base.name)


def source(alias: str, schema: str, table: str, name: str = CHECKED) -> exp.Expr:
    """A table of the lake under a name of its own."""
    return exp.alias_(exp.table_(table, db=schema, catalog=alias, quoted=True), name, table=True, quoted=True)


def all_columns() -> exp.Expr:
    """Every column of the checked relation."""
    return exp.Column(this=exp.Star(), table=exp.to_identifier(CHECKED, quoted=True))


def in_order(rows: exp.Select, on: Checked, names: Iterable[str]) -> exp.Select:
    """``rows`` from the relation in the order of the table, or of some columns where there is no such order."""
    if on.exact:
        rows = rows if on.where is None else rows.where(condition(on.where))
        return rows.from_(base(on)).order_by(exp.column("rowid", table=CHECKED, quoted=True))
    return rows.from_(relation(on)).order_by(*(column(name) for name in names))


def exists_in(other: Checked, pairs: Iterable[tuple[str, str]]) -> exp.Expr:
    """The checked row's columns are found together in another relation's."""
    inner = "other"
    same = [exp.EQ(this=column(there, inner), expression=column(here)) for here, there in pairs]
    return exp.Exists(this=exp.select(exp.Literal.number(1)).from_(relation(other, inner)).where(every(same)))


def every(conditions: Iterable[exp.Expr]) -> exp.Expr:
    """All of them hold."""
    return exp.and_(*conditions, copy=False)


def any_of(conditions: Iterable[exp.Expr]) -> exp.Expr:
    """At least one of them holds."""
    return exp.or_(*conditions, copy=False)


def negated(condition: exp.Expr) -> exp.Expr:
    """The opposite; unknown stays unknown."""
    return exp.not_(condition, copy=False)


def surely(condition: exp.Expr) -> exp.Expr:
    """True if it is true, false if it is false or unknown."""
    return exp.Coalesce(this=exp.paren(condition, copy=False), expressions=[exp.false()])


def count_all() -> exp.Expr:
    """How many rows there are."""
    return exp.Count(this=exp.Star())


def count_where(condition: exp.Expr) -> exp.Expr:
    """How many rows meet a condition."""
    return exp.Filter(this=count_all(), expression=exp.Where(this=condition))


def total(of: exp.Expr, condition: exp.Expr | None = None) -> exp.Expr:
    """The sum over the rows, or over those that meet a condition; 0 if there are none."""
    found: exp.Expr = exp.Sum(this=of.copy())
    if condition is not None:
        found = exp.Filter(this=found, expression=exp.Where(this=condition.copy()))
    return exp.Coalesce(this=found, expressions=[exp.Literal.number(0)])


def is_missing(name: str, kind: Kind, table: str = CHECKED) -> exp.Expr:
    """The column holds no value: null, or a float's NaN."""
    null = exp.Is(this=column(name, table), expression=exp.Null())
    if kind != "float":
        return null
    return any_of([null, exp.IsNan(this=column(name, table))])


def is_present(name: str, kind: Kind, table: str = CHECKED) -> exp.Expr:
    """The column holds a value."""
    return negated(is_missing(name, kind, table))


def present_and(name: str, kind: Kind, condition: exp.Expr) -> exp.Expr:
    """``condition``, which is unknown of a null, is not asked of a NaN."""
    if kind != "float":
        return condition
    return every([negated(exp.IsNan(this=column(name))), condition])


def is_one_of(value: exp.Expr, kind: Kind, constants: list[exp.Expr]) -> exp.Expr:
    """The value equals one of some constants.

    Texts are looked for in a list: of a dictionary DuckDB asks such a function once per entry, but IN once per row, and
    of a constant with a NUL in it DuckLake looks for the files, and fails.
    """
    if kind == "text" and (len(constants) > 1 or any(isinstance(each, exp.DPipe) for each in constants)):
        return exp.ArrayContains(this=exp.Array(expressions=constants), expression=value)
    return exp.In(this=value, expressions=constants)


def literal(value: Any, kind: Kind, type_: str) -> exp.Expr | None:
    """A suite's value as a constant of a column's type; None if no value of the column can equal it.

    Raises:
        UnusableError: the column's type has no such constants, or the text is not one.
    """
    if kind in NUMBERS:
        return _number_literal(value, kind, type_)
    if kind == "text":
        return text_constant(value) if isinstance(value, str) else None
    if kind == "uuid":
        written = uuid_text(value)
        return None if written is None else cast(exp.Literal.string(written), type_)
    if kind in MOMENTS:
        return _moment_literal(value, kind, type_)
    if kind in ("time", "other") and isinstance(value, str):
        try:
            return cast(exp.Literal.string(value), type_)
        except sqlglot.errors.ParseError as error:  # a type of another database, of which DuckDB has no such name
            raise UnusableError(f"values of type {type_} cannot be compared with {value!r}") from error
    raise UnusableError(f"values of type {type_} cannot be compared with {value!r}")


def _number_literal(value: Any, kind: Kind, type_: str) -> exp.Expr | None:
    if kind == "float" and isinstance(value, float) and math.isinf(value):
        return float_constant(value)
    found = number(value)
    if found is None or not can_hold(type_, found):
        return None
    if kind == "boolean":
        return exp.Boolean(this=bool(found)) if found in (0, 1) else None
    if kind == "integer":
        return constant(found) if isinstance(found, int) else None
    if kind != "float":
        return constant(found)
    rounded = as_float(found)
    return None if rounded is None else float_constant(rounded)


def _moment_literal(value: Any, kind: Kind, type_: str) -> exp.Expr | None:
    if isinstance(value, bool | int | float):
        return None
    found = moment(value, kind)
    if found is None:
        raise UnusableError(f"{value!r} is no {kind}: write it as 2020-12-31 or 2020-12-31 23:59:59")
    if (kind == "date" and found.time() != dt.time()) or not is_of(type_, found):
        return None
    return moment_constant(found, kind)


def text_constant(value: str) -> exp.Expr:
    """A text; one of NUL characters has to be put together, since a statement ends with one."""
    first, *others = (exp.Literal.string(part) for part in value.split("\0"))
    found: exp.Expr = first
    for part in others:
        nul = exp.Anonymous(this="chr", expressions=[exp.Literal.number(0)])
        found = exp.DPipe(this=exp.DPipe(this=found, expression=nul), expression=part)
    return found


def constant(value: int | Decimal) -> exp.Expr:
    """A number, as it is."""
    text = str(abs(value)) if isinstance(value, int) else format(value.copy_abs(), "f")  # abs() would round
    digits = exp.Literal.number(text)
    return exp.Neg(this=digits) if value < 0 else digits


def float_constant(value: float) -> exp.Expr:
    """A float, infinities too."""
    return cast(exp.Literal.string(repr(float(value))), "DOUBLE")


def moment_constant(value: dt.datetime, kind: Kind) -> exp.Expr:
    """A date or time of the column's kind."""
    written = value.date().isoformat() if kind == "date" else value.isoformat(sep=" ")
    type_ = {"date": "DATE", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP WITH TIME ZONE"}[kind]
    return cast(exp.Literal.string(written), type_)
