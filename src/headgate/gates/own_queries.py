"""Queries that authors write: parsed, and refused if they do more than read the lake's own tables."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from functools import lru_cache

import sqlglot
import sqlglot.errors
from sqlglot import exp

from headgate.gates import sql
from headgate.gates.arguments import shown
from headgate.gates.conditions import FUNCTIONS_BY_NAME, ConditionError
from headgate.gates.relation import Checked

#: Stands for the checked relation while a query is a text.
_BATCH = "__batch__"
#: It warns of what it does not take apart, such as EXPLAIN; whatever that is, it is refused here.
logging.getLogger("sqlglot").setLevel(logging.ERROR)
#: A name that no file can have been meant by.
_PLAIN = re.compile(r"[A-Za-z_]\w*")
#: The clauses of a SELECT that only choose rows, or order them.
_ROWS_ALONE = frozenset({"kind", "where", "order", "limit", "offset", "distinct"})
#: What a query may say of a table. A sample, or the table as it once was, would be another one than is judged.
_OF_TABLES = frozenset({"this", "db", "alias", "joins"})
_REFUSED: tuple[type[exp.Expr], ...] = (exp.DDL, exp.DML, exp.Command, exp.Into, exp.Pivot, exp.Pragma, exp.Lock)


@lru_cache(maxsize=1024)
def parse_query(text: str) -> exp.Query:
    """The query as a tree, in which a table called ``__batch__`` is the checked one. Do not change it: it is shared.

    Raises:
        ConditionError: it is no query, or could read or write anything but tables of the lake.
    """
    try:
        statements = sqlglot.parse(text.format(batch=_BATCH).rstrip("; \t\r\n"), dialect=sql.DIALECT)
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise ConditionError(f"is no SQL query: {shown(text)}") from error
    tree = statements[0] if len(statements) == 1 else None
    while isinstance(tree, exp.Subquery) and _said_of(tree) == {"this"}:
        tree = tree.this  # nothing but parentheses
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise ConditionError(f"must be one SELECT: {shown(text)}")
    for node in tree.walk():
        _refuse(node)
    return tree


def _refuse(node: exp.Expr) -> None:
    written = node.sql(dialect=sql.DIALECT).replace(_BATCH, "{batch}")[:80]
    if isinstance(node, _REFUSED):
        raise ConditionError(f"contains {written} ({type(node).__name__}): it may only read")
    if isinstance(node, exp.Anonymous):
        name = str(node.this).lower()
        if name not in FUNCTIONS_BY_NAME and not name.startswith("list_"):
            raise ConditionError(f"calls {node.this}, which is not among the functions a query may use")
    if isinstance(node, exp.Table):
        if not isinstance(node.this, exp.Identifier | exp.GenerateSeries) or node.catalog:
            raise ConditionError(f"reads {written}: only {{batch}} and tables of the lake, as layer.table, may be read")
        if isinstance(node.this, exp.Identifier) and _said_of(node) - _OF_TABLES:
            raise ConditionError(f"reads {written}: a table may get another name and be joined, and no more")
    elif isinstance(node, exp.CTE) and not _PLAIN.fullmatch(node.alias):
        raise ConditionError(f"calls a part of it {node.alias!r}: write a plain name")


def tables_of(text: str) -> tuple[tuple[str, ...], ...]:
    """The tables that a query reads beside the checked one, as the author named them."""
    tree = parse_query(text)
    named = {each.alias for each in tree.find_all(exp.CTE)}
    found = [_name_of(each) for each in tree.find_all(exp.Table) if isinstance(each.this, exp.Identifier)]
    return tuple(
        dict.fromkeys(name for name in found if name != (_BATCH,) and not (len(name) == 1 and name[0] in named))
    )


def gives_whole_rows(text: str) -> bool:
    """Whether every row of the query has all columns of the relation that it is from.

    >>> gives_whole_rows("SELECT * FROM {batch} WHERE a < 0"), gives_whole_rows("SELECT a FROM {batch}")
    (True, False)
    """
    tree = parse_query(text)
    if any(each.alias_column_names for each in tree.find_all(exp.Table)):
        return False
    selects = [tree.left, tree.right] if isinstance(tree, exp.SetOperation) else [tree]
    return all(any(each.is_star for each in select.expressions) for select in selects)


def keeps_names(text: str, names: Collection[str]) -> bool:
    """Whether a query only picks rows and columns of the checked relation, so that each value has its column's name.

    >>> keeps_names("select * from {batch} where a > 1", ["a"]), keeps_names("select a as b from {batch}", ["a", "b"])
    (True, False)
    """
    tree = parse_query(text)
    known = {name.casefold() for name in names}
    clauses = _said_of(tree) - _ROWS_ALONE
    if not isinstance(tree, exp.Select) or clauses != {"expressions", "from_"}:
        return False
    source = tree.args["from_"].this
    if not isinstance(source, exp.Table) or _name_of(source) != (_BATCH,) or source.args.get("joins"):
        return False
    if source.alias_column_names:
        return False
    return all(_is_name(each, known) for each in tree.expressions)


def _is_name(picked: exp.Expr, known: Collection[str]) -> bool:
    if isinstance(picked, exp.Star):
        return not any(picked.args.values())
    return isinstance(picked, exp.Column) and not picked.table and picked.name.casefold() in known


def bound_query(text: str, on: Checked) -> exp.Query:
    """A copy that reads the checked relation for ``{batch}``, and the others that it names, which are there."""

    bound = parse_query(text).copy()
    for table in list(bound.find_all(exp.Table)):
        name = _name_of(table)
        found = on if name == (_BATCH,) else on.others.get(".".join(name))
        if isinstance(table.this, exp.Identifier) and found is not None:
            called = table.alias or (sql.CHECKED if found is on else table.name)
            columns = [exp.to_identifier(each, quoted=True) for each in table.alias_column_names]
            known = sql.relation(found, called)
            known.set("alias", exp.TableAlias(this=exp.to_identifier(called, quoted=True), columns=columns))
            known.set("joins", table.args.get("joins"))
            table.replace(known)
    return exp.select("*").from_(bound.subquery(exp.to_identifier("found", quoted=True)))


def _said_of(node: exp.Expr) -> set[str]:
    return {name for name, value in node.args.items() if value}


def _name_of(table: exp.Table) -> tuple[str, ...]:
    return (table.db, table.name) if table.db else (table.name,)
