"""The offending rows of an expectation as a query that a person can run."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from headgate.gates.compilation import Check, build
from headgate.gates.expectation import CountedExpectation, Expectation
from headgate.gates.relation import Checked, never_plain, read_relation
from headgate.gates.sight import split
from headgate.gates.values import UnusableError
from headgate.lake.catalog import read_contents
from headgate.lake.engine import LAKE, Connection, ident
from headgate.project.declaration import Declared


def numbers_of_bad_rows(
    con: Connection, check: Check, *, layer: str, named: str, number: str, alias: str = LAKE
) -> str:
    """The query for the numbers of the rows that an expectation finds unexpected, each number once.

    ``named`` is a temporary view that shows the rows of the checked table, each with its number in the column
    ``number``.

    Raises:
        UnusableError: the expectation cannot be checked.
    """
    from headgate.gates import scan, sql

    on = _prepared(con, check.expectation, layer, check.table, alias)
    assert isinstance(check.expectation, CountedExpectation)  # noqa: S101 - no other can have on_fail: quarantine
    rows = scan.offending_rows(
        replace(on, alias="temp", layer="main", name=named, base=None, exact=False), check.expectation
    )
    return f"SELECT DISTINCT bad.{ident(number)} FROM ({sql.text_of(rows)}) AS bad"


def _prepared(con: Connection, expectation: Expectation, layer: str, table: str, alias: str) -> Checked:
    """The relation as an expectation sees it."""
    contents = read_contents(con, alias)
    on = read_relation(con, contents, layer, table, alias, never_plain)
    others = {
        ".".join(name): read_relation(con, contents, *split(name, layer), alias, never_plain)
        for name in expectation.others()
    }
    on = replace(on, others=others)
    expectation.require(on)
    return expectation.narrowed(on)


def unexpected_rows_sql(
    con: Connection, declared: Declared, *, layer: str, table: str, alias: str = LAKE, limit: int | None = None
) -> str | None:
    """The query for all rows of ``layer.table`` that an expectation finds unexpected, with all their columns.

    It runs wherever the lake is attached as ``alias``. For ``continuous`` its rows are the gaps.

    Returns:
        None where there are no such rows to show: the expectation is about the whole table, or cannot
        be checked.

    Raises:
        ConfigError: the expectation or one of its arguments is wrong.
    """
    expectation = build(declared)
    if not isinstance(expectation, CountedExpectation):
        return None
    try:
        on = _prepared(con, expectation, layer, table, alias)
        from headgate.gates import scan, sql

        rows = scan.offending_rows(on, expectation)
        return sql.text_of(rows if limit is None else rows.limit(limit))
    except (UnusableError, duckdb.Error):
        return None
