"""Which rows an expectation looks at: ``row_condition`` in the languages in which suites write it.

SQL is read by sqlglot. What pandas and Great Expectations write is Python, and is read as such; there a comparison
with nothing is false and its opposite true, as pandas has it, where in SQL both are unknown.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from headgate.gates import sql
from headgate.gates.arguments import shown
from headgate.gates.conditions import ConditionError, bound_to, parse_condition
from headgate.gates.relation import Checked

_COMPARISONS: dict[type[ast.cmpop], type[exp.Binary]] = {
    ast.Eq: exp.EQ,
    ast.NotEq: exp.NEQ,
    ast.Lt: exp.LT,
    ast.LtE: exp.LTE,
    ast.Gt: exp.GT,
    ast.GtE: exp.GTE,
}
_OPERATORS: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "!=": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
    "IN": ast.In,
    "NOT_IN": ast.NotIn,
}
_ARITHMETIC: dict[type[ast.operator], type[exp.Binary]] = {
    ast.Add: exp.Add,
    ast.Sub: exp.Sub,
    ast.Mult: exp.Mul,
    ast.Div: exp.Div,
}
_NULLITY = {"isnull": True, "isna": True, "notnull": False, "notna": False}
_BACKTICKS = re.compile(r"`([^`]+)`")


def parse_row_condition(written: str | Mapping[str, Any], parser: str | None) -> exp.Expr:
    """The condition as a tree over columns by their names.

    Raises:
        ConditionError: it cannot be understood.
    """
    if not isinstance(written, str):
        passed = written.get("pass_through_filter")
        if written.get("type") == "pass_through" and isinstance(passed, str):  # what was a text when it was saved
            return parse_row_condition(passed, parser or "pandas")
        return _from_json(written)
    if parser in ("pandas", "great_expectations"):
        return _from_python(written)
    return parse_condition(written, dialect="spark" if parser == "spark" else sql.DIALECT)


def chosen_rows(tree: exp.Expr, on: Checked) -> exp.Expr:
    """The condition, true or false, of a row of the relation that is looked at; a float's NaN is null.

    Raises:
        UnusableError: it names a column that does not exist.
    """
    return sql.surely(bound_to(tree, on))


def _from_json(written: Mapping[str, Any]) -> exp.Expr:
    """A condition as Great Expectations 1.x saves it."""
    try:
        kind = written["type"]
        if kind in ("and", "or"):
            parts = [exp.paren(_from_json(each)) for each in written["conditions"]]
            if parts:
                return sql.every(parts) if kind == "and" else sql.any_of(parts)
        if kind == "nullity":
            return _is_null(_named(written["column"]["name"]), null=bool(written["is_null"]))
        if kind == "comparison":
            operator, value = _OPERATORS[written["operator"]], written["parameter"]
            listed = [_constant(each) for each in value] if isinstance(value, list) else None
            right = exp.Tuple(expressions=listed) if listed is not None else _constant(value)
            return _compared(_named(written["column"]["name"]), operator(), right)
    except (KeyError, TypeError, AttributeError) as error:
        raise ConditionError(f"is no condition of Great Expectations: {shown(written)}") from error
    raise ConditionError(f"is no condition of Great Expectations: {shown(written)}")


def _from_python(written: str) -> exp.Expr:
    """A condition as ``DataFrame.query`` takes it, or with ``col("name")``."""
    quoted: list[str] = []

    def named(match: re.Match[str]) -> str:
        quoted.append(match[1])
        return f"__quoted_{len(quoted) - 1}"

    try:
        tree = ast.parse(_BACKTICKS.sub(named, written.strip()), mode="eval").body
        return _Python(quoted).truth(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last where brackets are too many
        if isinstance(error, ConditionError):
            raise
        raise ConditionError(f"is no condition of pandas or Great Expectations: {shown(written)}") from error


class _Python:
    """From Python's tree to SQL's."""

    def __init__(self, quoted: list[str]) -> None:
        self.quoted = quoted

    def truth(self, node: ast.expr) -> exp.Expr:
        """What is true or false of a row."""
        if isinstance(node, ast.BoolOp):
            return self._joined(node.values, both=isinstance(node.op, ast.And))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
            return self._joined([node.left, node.right], both=isinstance(node.op, ast.BitAnd))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
            return sql.negated(exp.paren(self.truth(node.operand)))
        if isinstance(node, ast.Compare):
            values = [node.left, *node.comparators]
            pairs = zip(values, node.ops, node.comparators, strict=False)
            return sql.every([_compared(self.value(left), op, self.value(right)) for left, op, right in pairs])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
            null = _NULLITY.get(node.func.attr.lower())
            if null is not None:
                return _is_null(self.value(node.func.value), null=null)
        if isinstance(node, ast.Name) or (isinstance(node, ast.Constant) and isinstance(node.value, bool)):
            return sql.surely(self.value(node))
        raise _not_understood(node)

    def _joined(self, nodes: list[ast.expr], *, both: bool) -> exp.Expr:
        parts = [exp.paren(self.truth(each)) for each in nodes]
        return sql.every(parts) if both else sql.any_of(parts)

    def value(self, node: ast.expr) -> exp.Expr:
        """What a row holds, or a constant."""
        if isinstance(node, ast.Name):
            place = node.id.removeprefix("__quoted_")
            return _named(self.quoted[int(place)] if place != node.id else node.id)
        if isinstance(node, ast.Constant):
            return _constant(node.value)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return exp.Tuple(expressions=[self.value(each) for each in node.elts])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return exp.Neg(this=exp.paren(self.value(node.operand)))
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            left, right = exp.paren(self.value(node.left)), exp.paren(self.value(node.right))
            return _ARITHMETIC[type(node.op)](this=left, expression=right)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
            given = node.args[0]
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                if node.func.id == "col":
                    return _named(given.value)
                if node.func.id == "date":
                    return sql.cast(exp.Literal.string(given.value), "TIMESTAMP")
        raise _not_understood(node)


def _compared(left: exp.Expr, operator: ast.cmpop, right: exp.Expr) -> exp.Expr:
    """Two values compared, true or false: what is not there is different from everything."""
    listed = isinstance(right, exp.Tuple)
    if isinstance(operator, ast.In | ast.NotIn) and listed:
        among = sql.surely(exp.In(this=left, expressions=right.expressions)) if right.expressions else exp.false()
        return sql.negated(among) if isinstance(operator, ast.NotIn) else among
    if listed or type(operator) not in _COMPARISONS:
        raise ConditionError("compares in a way that is not understood: in and not in go with a list, all else without")
    if isinstance(operator, ast.NotEq):
        return sql.negated(sql.surely(exp.EQ(this=left, expression=right)))
    return sql.surely(_COMPARISONS[type(operator)](this=left, expression=right))


def _is_null(value: exp.Expr, *, null: bool) -> exp.Expr:
    condition = exp.Is(this=value, expression=exp.Null())
    return condition if null else sql.negated(condition)


def _named(name: str) -> exp.Expr:
    return exp.column(name, quoted=True)


def _constant(value: Any) -> exp.Expr:
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, int):
        return sql.constant(value)
    if isinstance(value, float):
        return sql.float_constant(value)
    raise ConditionError(f"compares with {shown(value)}: only numbers, texts and booleans are understood")


def _not_understood(node: ast.expr) -> ConditionError:
    return ConditionError(
        f"contains {shown(ast.unparse(node))}, which is not understood: write comparisons of columns, joined by and, or"
        " and not, each in parentheses where & and | join them"
    )
