"""SQL conditions that authors write: parsed, and refused if they are more than an expression over one row."""

from __future__ import annotations

from functools import lru_cache

import sqlglot.errors
from sqlglot import exp

from headgate.errors import did_you_mean
from headgate.gates import sql
from headgate.gates.arguments import WrongValueError, shown
from headgate.gates.relation import Checked
from headgate.gates.values import NANOSECONDS, MissingError, is_of, moment

_OPERATORS: tuple[type[exp.Expr], ...] = (
    *(exp.And, exp.Or, exp.Not, exp.Paren, exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null),
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Between, exp.In),
    *(exp.Is, exp.Like, exp.ILike, exp.SimilarTo, exp.Escape, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv),
    *(exp.Mod, exp.Neg, exp.DPipe, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Case, exp.If),
    *(exp.Interval, exp.Var, exp.Tuple),
)
_FUNCTIONS: tuple[type[exp.Expr], ...] = (
    *(exp.Abs, exp.Ceil, exp.Floor, exp.Round, exp.Sign, exp.Sqrt, exp.Pow, exp.Ln, exp.Log, exp.Exp),
    *(exp.Greatest, exp.Least, exp.Coalesce, exp.Nullif, exp.IsNan, exp.IsInf),
    *(exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.Substring, exp.Left, exp.Right, exp.Replace, exp.Concat),
    *(exp.StartsWith, exp.EndsWith, exp.Contains, exp.RegexpLike, exp.RegexpFullMatch),
    *(exp.Extract, exp.Year, exp.Month, exp.Day, exp.Quarter, exp.Week, exp.DayOfWeek, exp.DayOfYear),
    *(exp.DateTrunc, exp.TimestampTrunc, exp.DateDiff, exp.DateAdd, exp.DateSub, exp.TimeToStr),
    *(exp.TsOrDsToDate, exp.Date),
)
#: Their value is not the data's alone, so what was found with them may not be remembered.
_CLOCKS: tuple[type[exp.Expr], ...] = (exp.CurrentDate, exp.CurrentTimestamp)
FUNCTIONS_BY_NAME = frozenset({"isfinite", "date_part", "strip_accents", "dayname", "monthname", "isodow", "epoch"})


class ConditionError(WrongValueError):
    """Why a text is no condition."""


@lru_cache(maxsize=4096)
def parse_condition(text: str, dialect: str = sql.DIALECT) -> exp.Expr:
    """The condition, in this dialect of SQL, as a tree. Do not change it: it is shared.

    Raises:
        ConditionError: the text is not one expression over the columns of one row.
    """
    try:
        tree = exp.condition(text, dialect=dialect)
        sql.text_of(tree)
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        why = "is nested too deeply" if isinstance(error, RecursionError) else "is no SQL condition"
        raise ConditionError(f"{why}: {shown(text)}") from error
    for node in tree.walk():
        _refuse(node)
    return tree


def _refuse(node: exp.Expr) -> None:
    if isinstance(node, exp.Anonymous):
        if str(node.this).lower() not in FUNCTIONS_BY_NAME:
            raise ConditionError(f"calls {node.this}, which is not among the functions a condition may use")
    elif isinstance(node, exp.Column):
        if node.args.get("table") is not None or isinstance(node.this, exp.Star):
            raise ConditionError(f"names {node.sql(dialect=sql.DIALECT)}: write a column's name alone")
    elif isinstance(node, exp.In):
        if any(node.args.get(key) is not None for key in ("query", "unnest", "field")):
            raise ConditionError("may compare with a list of values only")
    elif not isinstance(node, (*_OPERATORS, *_FUNCTIONS, *_CLOCKS)):
        raise ConditionError(
            f"contains {node.sql(dialect=sql.DIALECT)[:80]} ({type(node).__name__}): only an expression over one row's"
            " columns is allowed, without subqueries, aggregates or windows"
        )


def uses_clock(tree: exp.Expr) -> bool:
    """Whether its truth depends on when it is asked."""
    return tree.find(*_CLOCKS) is not None


def columns_of(tree: exp.Expr, on: Checked) -> dict[str, str]:
    """The relation's columns that it names, by the name it uses; SQL names ignore case.

    Raises:
        MissingError: it names a column that does not exist.
    """
    found: dict[str, str] = {}
    lowered: dict[str, list[str]] = {}
    for known in on.names:
        lowered.setdefault(known.lower(), []).append(known)
    for node in tree.find_all(exp.Column):
        name = node.name
        matches = [name] if name in on.names else lowered.get(name.lower(), [])
        if len(matches) != 1:
            raise MissingError(f"{on.title} has no column {name!r}", did_you_mean(name, on.names))
        found[name] = matches[0]
    return found


def bound_to(tree: exp.Expr, on: Checked) -> exp.Expr:
    """A copy whose columns are the checked relation's; a float's NaN is null, unless it is just that which is asked."""
    names = columns_of(tree, on)

    def is_fine(node: exp.Expr) -> bool:
        return isinstance(node, exp.Column) and on.column(names[node.name]).type == NANOSECONDS

    def split(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Between) or not is_fine(node.this):
            return node
        low = exp.GTE(this=node.this, expression=node.args["low"])
        high = exp.LTE(this=node.this.copy(), expression=node.args["high"])
        return exp.paren(sql.every([low, high]))

    def bind(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column):
            return node
        name = names[node.name]
        found = sql.column(name)
        if is_fine(node) and _is_beside_a_far_moment(node):
            return sql.cast(found, "TIMESTAMP")
        if on.kind(name) != "float" or _asks_for_nan(node.parent):
            return found
        return exp.Case(ifs=[exp.If(this=sql.negated(exp.IsNan(this=found)), true=found.copy())])

    return tree.copy().transform(split).transform(bind)


def _is_beside_a_far_moment(node: exp.Column) -> bool:
    """Whether a column is compared with a moment beyond all nanoseconds, so that it may lose its own in a cast."""
    parent = node.parent
    if not isinstance(parent, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE):
        return False
    other = parent.right if parent.left is node else parent.left
    written = other.this if isinstance(other, exp.Cast) else other
    named = moment(written.name, "timestamp") if isinstance(written, exp.Literal) and written.is_string else None
    return named is not None and not is_of(NANOSECONDS, named)


def _asks_for_nan(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.IsNan | exp.IsInf) or (
        isinstance(node, exp.Anonymous) and node.name.lower() == "isfinite"
    )
