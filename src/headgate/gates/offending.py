"""The offending rows of an expectation as a query that a person can run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import duckdb

from headgate.gates.compilation import Check, build
from headgate.gates.expectation import CountedExpectation
from headgate.gates.masking import Masking
from headgate.gates.relation import Checked, never_plain, read_relation
from headgate.gates.sight import split
from headgate.gates.values import UnusableError
from headgate.lake.catalog import read_contents
from headgate.lake.engine import LAKE, Connection, ident
from headgate.project.declaration import Declared
from headgate.project.pii import Pii


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

    expectation = check.expectation
    assert isinstance(expectation, CountedExpectation)  # noqa: S101 - no other can have on_fail: quarantine
    on = scan.looked_up(con, _checked(con, expectation, layer, check.table, alias), expectation)
    rows = scan.offending_rows(replace(on, alias="temp", layer="main", name=named, base=None, exact=False), expectation)
    return f"SELECT DISTINCT bad.{ident(number)} FROM ({sql.text_of(rows)}) AS bad"


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
        from headgate.gates import scan, sql

        on = scan.looked_up(con, _checked(con, expectation, layer, table, alias), expectation)
        rows = scan.offending_rows(on, expectation)
        return sql.text_of(rows if limit is None else rows.limit(limit))
    except (UnusableError, duckdb.Error):
        return None


def masked_rows(
    con: Connection,
    declared: Declared,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    layer: str,
    table: str,
    pii: Pii,
    alias: str = LAKE,
) -> list[tuple[Any, ...]]:
    """Rows that such a query gave, with marks in place of the values that are not shown."""
    expectation = build(declared)
    assert isinstance(expectation, CountedExpectation)  # noqa: S101 - only these have such a query
    on, masking = _checked(con, expectation, layer, table, alias), Masking(pii, layer)
    masking.require(on)
    hidden = masking.tagged(on) if expectation.keeps_names(on) else columns if masking.touches(expectation, on) else ()
    return [tuple(masking.row(columns, row, hidden)) for row in rows]


def _checked(con: Connection, expectation: CountedExpectation, layer: str, table: str, alias: str) -> Checked:
    """The relation as the expectation sees it, and the others that it names."""
    contents = read_contents(con, alias)
    on = read_relation(con, contents, layer, table, alias, never_plain)
    others = {
        ".".join(name): read_relation(con, contents, *split(name, layer), alias, never_plain)
        for name in expectation.others()
    }
    on = replace(on, others=others)
    expectation.require(on)
    return expectation.narrowed(on)
