"""A gate's statements as PostgreSQL has them; what it has no equal for, or means something else by, is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from headgate.gates.values import MOMENTS, Kind, UnusableError
from headgate.standalone import postgres_floats
from headgate.standalone.postgres_regex import in_postgres as regex_in_postgres

if TYPE_CHECKING:
    from sqlglot import exp

#: What a column of the checked relation holds: documents, and the texts of an enum, are kinds of their own here.
KnownKind = Kind | Literal["document", "enum"]
#: Says which it is; None if that is not certain. Only 64 bits are a float.
KindOf = Callable[["exp.Expr"], KnownKind | None]
#: Their texts are those that DuckDB writes, a date's but for the words before the first year, or can be made so.
#: A document of the type json is the text that was written, one of jsonb means the same.
_WRITTEN_ALIKE: frozenset[KnownKind] = frozenset(
    {"text", "enum", "uuid", "integer", "decimal", "date", "float", "document"}
)
#: A text within JSON, as a regular expression of PostgreSQL.
_TEXT_IN_JSON = r'"(?:[^"\\]|\\.)*"'
#: What DuckDB takes for a number in JSON, in any case. A null in its place is no part of another number.
_NO_NUMBER_IN_JSON = r"(?i)-?\y(?:nan|inf|infinity)\y"
#: Functions on floats, which PostgreSQL has not.
_FLOATS = {"isfinite": ("NaN", "Infinity", "-Infinity"), "isinf": ("Infinity", "-Infinity")}


def in_postgres(tree: exp.Expr, kind_of: KindOf, *, unicode: bool = True) -> exp.Expr:
    """A statement that DuckDB understands, as PostgreSQL has it. ``unicode``: the database keeps texts as such.

    Raises:
        UnusableError: it uses something that means something else there, or is not known to mean the same.
    """
    from sqlglot import exp

    known = (
        *(
            exp.Count,
            exp.CountIf,
            exp.Sum,
            exp.Avg,
            exp.Min,
            exp.Max,
            exp.StddevSamp,
            exp.Coalesce,
            exp.Nullif,
            exp.Case,
            exp.If,
        ),
        *(exp.Abs, exp.IsNan, exp.IsInf, exp.Length, exp.Exists, exp.And, exp.Or),
        *(
            exp.RowNumber,
            exp.Lag,
            exp.Lead,
            exp.PercentileCont,
            exp.PercentileDisc,
            exp.Median,
            exp.ArrayAgg,
            exp.Array,
            exp.ArrayContains,
        ),
    )
    for node in tree.walk():
        name = _odd(node, known, kind_of)
        if name is not None:
            raise UnusableError(f"PostgreSQL has nothing that is known to mean the same as {name}")
        if not unicode and isinstance(node, exp.Length | exp.RegexpLike | exp.RegexpFullMatch | exp.RegexpReplace):
            raise UnusableError("the database's encoding is not UTF8, so it may see other characters in its texts")
    whole = exp.Paren(this=tree.copy())  # so that the root can be replaced as well
    for node in reversed(list(whole.this.walk())):
        put = _translated(node, kind_of)
        if put is not node:
            node.replace(put)
    return whole


def _odd(node: exp.Expr, known: Sequence[type[exp.Expr]], kind_of: KindOf) -> str | None:
    """What a part of a statement is called if PostgreSQL may mean something else by it."""
    from sqlglot import exp

    if isinstance(node, exp.Anonymous):
        return None if _is_known(node, kind_of) else f"{node.this}()"
    if isinstance(node, exp.RegexpReplace):
        return None if _replaces_alike(node) else "regexp_replace() with flags, or with what is computed"
    if isinstance(node, exp.Window) and isinstance(node.this, exp.Lag | exp.Lead) and not node.args.get("order"):
        return "the order of rows, which a table has not"
    if isinstance(node, exp.Cast):
        if _casts_alike(node, kind_of):
            return None
        return f"the text of {node.this.sql()}" if _is_to_text(node) else f"a cast to {node.to.sql()}"
    if isinstance(node, exp.RegexpLike | exp.RegexpFullMatch):  # its flags are other letters there
        plain = isinstance(node.expression, exp.Literal) and not (node.args.get("flag") or node.args.get("options"))
        return None if plain else "a regular expression with flags, or one that is computed"
    if isinstance(node, exp.DPipe):  # what is no text is written in another way
        texts = all(isinstance(side, exp.DPipe) or _is_text(side, kind_of) for side in (node.left, node.right))
        return None if texts else "||"
    if isinstance(node, exp.Func) and not isinstance(node, tuple(known)):
        return f"{node.sql_name()}()"
    if isinstance(node, exp.Interval | exp.IntDiv | exp.Lambda | exp.Bracket | exp.Pivot | exp.SimilarTo | exp.Glob):
        return type(node).__name__
    return "ILIKE" if isinstance(node, exp.ILike) else None


def _is_known(node: exp.Anonymous, kind_of: KindOf) -> bool:
    """Whether it is a function that DuckDB alone has, and of which PostgreSQL has what makes the same."""
    from sqlglot import exp

    name, of = str(node.this).lower(), node.expressions[0] if node.expressions else None
    if name in _FLOATS:
        return True
    if of is None:
        return False
    moment = of.this if isinstance(of, exp.Min | exp.Max) else of
    return (name == "epoch_us" and kind_of(moment) in MOMENTS) or (name == "json_valid" and _is_text(of, kind_of))


def _replaces_alike(node: exp.RegexpReplace) -> bool:
    r"""Every match by a text without back-references, in which both write a backslash as ``\\``."""
    from sqlglot import exp

    written = (node.expression, node.args.get("replacement"), node.args.get("modifiers"))
    if not all(isinstance(each, exp.Literal) for each in written):
        return False
    plain = "\\" not in node.args["replacement"].name.replace("\\\\", "")
    return plain and node.args["modifiers"].name == "g"


def _is_text(node: exp.Expr, kind_of: KindOf) -> bool:
    from sqlglot import exp

    if isinstance(node, exp.Literal):
        return bool(node.is_string)
    if isinstance(node, exp.Cast) and _is_to_text(node):
        return kind_of(node.this) in ("document", "enum")
    return isinstance(node, exp.RegexpReplace) or kind_of(node) == "text"


def _casts_alike(node: exp.Cast, kind_of: KindOf) -> bool:
    """Of a constant, of a number to a float, of a column whose texts both write alike: elsewhere rounding differs."""
    from sqlglot import exp

    if isinstance(node, exp.TryCast):
        return False
    wider = (exp.DataType.Type.DOUBLE, exp.DataType.Type.INT128)
    if isinstance(node.this, exp.Literal) or node.to.this in wider:
        return True
    if node.to.this == exp.DataType.Type.INT:
        return kind_of(node.this) == "boolean"
    return _is_to_text(node) and kind_of(node.this) in _WRITTEN_ALIKE


def _is_to_text(node: exp.Cast) -> bool:
    from sqlglot import exp

    return node.to.this in exp.DataType.TEXT_TYPES


def _translated(node: exp.Expr, kind_of: KindOf) -> exp.Expr:
    from sqlglot import exp

    from headgate.gates import sql

    if isinstance(node, exp.Column) and kind_of(node) == "enum" and _meets_texts(node, kind_of):
        return sql.cast(node.copy(), "TEXT")
    if isinstance(node, exp.Cast):
        return _cast(node, kind_of)
    if isinstance(node, exp.Func):
        return _function(node, kind_of)
    if isinstance(node, exp.Like) and not isinstance(node.parent, exp.Escape):
        return exp.Escape(this=node.copy(), expression=exp.Literal.string(""))  # else a backslash would escape
    if isinstance(node, exp.Div):
        node.set("safe", False)  # division by zero is not null, and so cannot be checked
    if isinstance(node, exp.Filter) and isinstance(node.this, exp.Min) and node.this.expressions:
        return _smallest(node.this.this, node.this.expressions[0], node.expression)
    return node


def _meets_texts(node: exp.Column, kind_of: KindOf) -> bool:
    """Whether a value of an enum is looked at as a text: in its own words it meets no text but those it is made of."""
    from sqlglot import exp

    parent = node.parent
    if isinstance(parent, exp.EQ | exp.NEQ):
        return _is_text(parent.right if parent.left is node else parent.left, kind_of)
    searched = exp.In | exp.Like | exp.RegexpLike | exp.RegexpFullMatch | exp.RegexpReplace | exp.Length
    return (isinstance(parent, searched) and parent.this is node) or isinstance(parent, exp.ArrayContains)


def _function(node: exp.Func, kind_of: KindOf) -> exp.Expr:
    from sqlglot import exp

    if isinstance(node, exp.CountIf):
        return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=node.this))
    if isinstance(node, exp.IsNan):
        return _is_one_of(node.this, ("NaN",))
    if isinstance(node, exp.IsInf):
        return _is_one_of(node.this, _FLOATS["isinf"])
    if isinstance(node, exp.RegexpLike):
        return _matches(node, node.expression.name)
    if isinstance(node, exp.RegexpFullMatch):
        return _matches(node, _anchored(node.expression.name))
    if isinstance(node, exp.ArrayContains):
        return exp.In(this=node.expression, expressions=node.this.expressions)
    if isinstance(node, exp.Sum | exp.Min | exp.Max) and not node.expressions and kind_of(node.this) == "boolean":
        return _of_booleans(node)
    if isinstance(node, exp.RegexpReplace):
        return _replaced(node.this, regex_in_postgres(node.expression.name), node.args["replacement"].name)
    return _of_duckdb(node) if isinstance(node, exp.Anonymous) else node


def _of_duckdb(node: exp.Anonymous) -> exp.Expr:
    """What makes the same as a function that DuckDB alone has."""
    from sqlglot import exp

    name, of = str(node.this).lower(), node.expressions[0]
    if name == "epoch_us":
        return _microseconds(of)
    if name == "json_valid":
        return _is_json(of)
    among = _is_one_of(of, _FLOATS[name])
    return exp.not_(among) if name == "isfinite" else among


def _microseconds(moment: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    seconds = exp.Extract(this=exp.Var(this="EPOCH"), expression=moment)  # exact, as a numeric
    return exp.cast(exp.Mul(this=seconds, expression=exp.Literal.number(1_000_000)), "BIGINT", dialect="postgres")


def _is_json(text: exp.Expr) -> exp.Expr:
    """JSON, in whose texts no half of a character stands alone, and in which NaN and infinities are numbers.

    PostgreSQL's ``json`` knows nothing of halves, and its ``jsonb`` has no numbers beyond 131072 digits and no NUL: so
    the texts within are put together as an array, and are asked about apart.
    """
    from sqlglot import exp

    around = _replaced(_replaced(text.copy(), _TEXT_IN_JSON, '""'), _NO_NUMBER_IN_JSON, "null")
    whole = exp.Is(this=around, expression=exp.JSON())
    nul, letter = exp.Literal.string(r"\u0000"), exp.Literal.string(r"\u0041")
    without_nul = exp.Anonymous(this="REPLACE", expressions=[text.copy(), nul, letter])
    alone = _replaced(without_nul, f'({_TEXT_IN_JSON})|[^"]+', r"\1")
    listed = exp.DPipe(this=exp.Literal.string("["), expression=_replaced(alone, f"({_TEXT_IN_JSON})", r"\1,"))
    array = exp.DPipe(this=listed, expression=exp.Literal.string("0]"))
    sound = exp.Anonymous(this="PG_INPUT_IS_VALID", expressions=[array, exp.Literal.string("jsonb")])
    return exp.paren(exp.and_(whole, sound))


def _replaced(text: exp.Expr, regex: str, by: str) -> exp.Expr:
    """Every match of a regular expression of PostgreSQL, whatever the column's collation makes of letters."""
    from sqlglot import exp

    plain = exp.paren(exp.Collate(this=exp.paren(text), expression=exp.to_identifier("C", quoted=True)))
    return exp.Anonymous(this="REGEXP_REPLACE", expressions=[plain, *map(exp.Literal.string, (regex, by, "g"))])


def _cast(node: exp.Cast, kind_of: KindOf) -> exp.Expr:
    from sqlglot import exp

    kind = kind_of(node.this)
    if node.to.this == exp.DataType.Type.INT128:
        return exp.cast(exp.Round(this=node.this), "NUMERIC", dialect="postgres")
    if kind == "float" and _is_to_text(node):
        return postgres_floats.text_of(node.this)
    if kind == "date" and _is_to_text(node):
        eras = [exp.Literal.string(" BC"), exp.Literal.string(" (BC)")]
        return exp.Anonymous(this="REPLACE", expressions=[node.copy(), *eras])
    if kind == "boolean" and node.to.this == exp.DataType.Type.DOUBLE:
        node.set("this", exp.Cast(this=node.this, to=exp.DataType.build("INT")))
    return node


def _of_booleans(node: exp.Sum | exp.Min | exp.Max) -> exp.Expr:
    """The sum of ones and zeros; the least is whether all are true, the greatest whether any is."""
    from sqlglot import exp

    if isinstance(node, exp.Sum):
        return exp.Sum(this=exp.Cast(this=node.this, to=exp.DataType.build("INT")))
    return exp.Anonymous(this="BOOL_AND" if isinstance(node, exp.Min) else "BOOL_OR", expressions=[node.this])


def _matches(node: exp.RegexpLike | exp.RegexpFullMatch, regex: str) -> exp.Expr:
    """The regular expression in PostgreSQL's words, whatever the column's collation makes of letters."""
    from sqlglot import exp

    text = exp.Collate(this=exp.paren(node.this), expression=exp.to_identifier("C", quoted=True))
    return exp.RegexpLike(this=exp.paren(text), expression=exp.Literal.string(regex_in_postgres(regex)))


def _anchored(regex: str) -> str:
    """The same regular expression, which can only be found as the whole text.

    >>> _anchored("a|b"), _anchored("^a+$"), _anchored(r"^a\\$"), _anchored("^$")
    ('^(?:a|b)$', '^(?:a+)$', '^(?:a\\\\$)$', '^$')
    """
    inner = regex.removeprefix("^")
    bare = inner.removesuffix("$")
    escaped = (len(bare) - len(bare.rstrip("\\"))) % 2 == 1
    inner = inner if escaped else bare
    return f"^(?:{inner})$" if inner else "^$"


def _smallest(value: exp.Expr, number: exp.Expr, where: exp.Expr) -> exp.Expr:
    """The first few values in their order, where DuckDB has min(value, number)."""
    from sqlglot import exp

    ordered = exp.Order(this=value, expressions=[exp.Ordered(this=value.copy())])
    all_of_them = exp.Filter(this=exp.ArrayAgg(this=ordered), expression=where)
    few = exp.Slice(this=exp.Literal.number(1), expression=number)
    return exp.Bracket(this=exp.paren(all_of_them), expressions=[few], offset=1)


def _is_one_of(value: exp.Expr, names: Sequence[str]) -> exp.Expr:
    from sqlglot import exp

    constants = [exp.cast(exp.Literal.string(name), "DOUBLE", dialect="duckdb") for name in names]
    return exp.paren(exp.In(this=value, expressions=constants))
