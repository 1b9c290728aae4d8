"""Reading a release, or the branch of a run, with SQL. Nothing here can write to the lake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from headgate.errors import HeadgateError, NoReleaseError, UsageError, closest, did_you_mean
from headgate.lake.branch import branch_of, branches
from headgate.lake.engine import (
    LAKE,
    Connection,
    EngineSettings,
    attach,
    connect,
    ident,
    literal,
    translated,
    was_interrupted,
)
from headgate.lake.release import Pointer, Releases
from headgate.lake.store import Store
from headgate.lake.stowing import stowed

#: So many rows are in memory at once while an answer is read.
BATCH_ROWS = 2_000
_NO_TABLE = re.compile(r'Table with name "?(.+?)"? does not exist')
_SUGGESTED = re.compile(r'\s*Did you mean "[^"]*"\?')
WRITES_FILES = (duckdb.StatementType.COPY, duckdb.StatementType.EXPORT, duckdb.StatementType.ATTACH)


@contextmanager
def reader(
    store: Store, settings: EngineSettings, *, release: int | None, run: str | None, pointer: Pointer | None = None
) -> Iterator[Connection]:
    """A connection on which the release (default: the current one) or the branch of ``run`` is the default catalog.

    ``pointer`` is what was read just now, so that it is not read again.

    Raises:
        NoReleaseError: there is no such release, or none at all yet.
        UsageError: the run has no branch.
    """
    catalog = _branch_catalog(store, run) if run else _release_catalog(store, release, pointer)
    con = connect(settings)
    try:
        attach(con, catalog, store.url("data"), read_only=True)
        con.execute(f"USE {ident(LAKE)}")
        yield con
    finally:
        con.interrupt()  # closing waits for tasks of a query that nobody reads any more
        con.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one query: names and types of its columns, and its rows, which come while they are read."""

    columns: list[str]
    types: list[str]
    batches: Iterator[list[tuple[Any, ...]]]


def ask(con: Connection, sql: str) -> Answer:
    """Ask one question, without having all of the result in memory.

    Raises:
        UsageError: with the database's message, also later, while the rows are read; or a statement would
            write into the folder of a lake that ``con`` reads.
    """
    try:
        _keep_out_of_the_lake(con, con.extract_statements(sql))
        cursor: Connection | None = con.execute(sql)
    except duckdb.Error as error:
        raise _unknown_table(con, error) or _refused(error) from error
    if cursor is None:  # whatever DuckDB's types say
        raise UsageError("there is nothing to ask: the query is empty")
    described = cursor.description or []
    return Answer([c[0] for c in described], [str(c[1]) for c in described], _batches(cursor))


def query(con: Connection, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of one query; raises UsageError with the database's message."""
    answer = ask(con, sql)
    return answer.columns, [row for batch in answer.batches for row in batch]


def _refused(error: duckdb.Error) -> HeadgateError:
    return translated(error, doing="the query") if was_interrupted(error) else UsageError(f"the query failed: {error}")


def _unknown_table(con: Connection, error: duckdb.Error) -> UsageError | None:
    """A table that is not there, with what is in the lake instead: DuckDB would name one of its own."""
    found = _NO_TABLE.search(str(error)) if isinstance(error, duckdb.CatalogException) else None
    if found is None:
        return None
    rows = con.execute(
        f"SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = {literal(LAKE)}"
    ).fetchall()
    tables = {f"{schema}.{table}": table for schema, table in rows if not schema.startswith("_")}
    near = closest(found[1].lower(), tables.values())
    alike = sorted(name for name, table in tables.items() if table == near)
    what = f"the query failed: {_SUGGESTED.sub('', str(error))}"
    return UsageError(what, hint=f"did you mean {' or '.join(alike)}?" if alike else did_you_mean("", tables))


def _batches(cursor: Connection) -> Iterator[list[tuple[Any, ...]]]:
    try:
        while rows := cursor.fetchmany(BATCH_ROWS):
            yield rows
    except duckdb.Error as error:
        raise _refused(error) from error


def _keep_out_of_the_lake(con: Connection, statements: list[duckdb.Statement]) -> None:
    """Refuse a statement that writes files and names one in the place of a lake that is attached.

    What is attached is attached read-only, but a COPY into the folder, or a second ATTACH of a catalog,
    would go around that.
    """
    writing = [s.query for s in statements if s.type in WRITES_FILES]
    if not writing:
        return
    from sqlglot.dialects.duckdb import DuckDB

    attached = con.execute("SELECT path FROM duckdb_databases() WHERE type = 'ducklake'").fetchall()
    lakes = [Path(catalog).resolve().parents[1] for (catalog,) in attached]
    # what DuckDB was let into; without a secret it can write to no other place in an object store
    remote = tuple(scope for (scope,) in con.execute("SELECT unnest(scope) FROM duckdb_secrets()").fetchall())
    for words in ([token.text for token in DuckDB().tokenize(sql)] for sql in writing):
        if words[0].lower() == "attach" and "read_only" in map(str.lower, words):
            continue
        for word in words:
            path = Path(word.removeprefix("ducklake:")).expanduser().resolve()
            if any(path.is_relative_to(lake) for lake in lakes) or word.startswith(remote):
                raise UsageError(f"a query cannot write to the lake: {word}", hint="name a file outside of it")


def _release_catalog(store: Store, release: int | None, pointer: Pointer | None) -> str:
    releases = Releases(store)
    pointer = pointer or releases.pointer()
    number = pointer.release if release is None else release
    if number is None:
        raise NoReleaseError("nothing is published yet", where=store.location, hint="headgate run")
    return str(releases.catalog(number, pointer))


def _branch_catalog(store: Store, run: str) -> str:
    branch = branch_of(store, run)
    if put_away := stowed(store, run):
        return str(store.file(put_away[-1], None))
    if run not in branches(store) or not branch.path.exists():
        raise UsageError(
            f"run {run} has no branch (it published, or was pruned)", hint=did_you_mean(run, branches(store))
        )
    return str(branch.path)
