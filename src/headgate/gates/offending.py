"""The offending rows of an expectation as a query that a person can run."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from headgate.gates.compilation import build
from headgate.gates.expectation import CountedExpectation
from headgate.gates.relation import never_plain, read_relation
from headgate.gates.sight import split
from headgate.gates.values import UnusableError
from headgate.lake.catalog import read_contents
from headgate.lake.engine import LAKE, Connection
from headgate.project.declaration import Declared


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
    contents = read_contents(con, alias)
    try:
        on = read_relation(con, contents, layer, table, alias, never_plain)
        others = {
            ".".join(name): read_relation(con, contents, *split(name, layer), alias, never_plain)
            for name in expectation.others()
        }
        on = replace(on, others=others)
        expectation.require(on)
        on = expectation.narrowed(on)
        from headgate.gates import scan, sql

        rows = scan.offending_rows(on, expectation)
        return sql.text_of(rows if limit is None else rows.limit(limit))
    except (UnusableError, duckdb.Error):
        return None
