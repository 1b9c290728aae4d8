"""Reading a release, or the branch of a run, with SQL. Nothing here can write to the lake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from headgate.errors import NoReleaseError, UsageError, did_you_mean
from headgate.lake.branch import branch_of, branches
from headgate.lake.engine import LAKE, Connection, EngineSettings, attach, connect, ident
from headgate.lake.release import Releases, catalog_key
from headgate.lake.store import Store


@contextmanager
def reader(store: Store, settings: EngineSettings, *, release: int | None, run: str | None) -> Iterator[Connection]:
    """A connection on which the release (default: the current one) or the branch of ``run`` is the default catalog.

    Raises:
        NoReleaseError: there is no such release, or none at all yet.
        UsageError: the run has no branch.
    """
    catalog = _branch_catalog(store, run) if run else _release_catalog(store, release)
    con = connect(settings)
    try:
        attach(con, catalog, store.url("data"), read_only=True)
        con.execute(f"USE {ident(LAKE)}")
        yield con
    finally:
        con.close()


def query(con: Connection, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of one query; raises UsageError with the database's message."""
    try:
        cursor = con.execute(sql)
        return [column[0] for column in cursor.description or []], cursor.fetchall()
    except duckdb.Error as error:
        raise UsageError(f"the query failed: {error}") from error


def _release_catalog(store: Store, release: int | None) -> str:
    releases = Releases(store)
    number = releases.pointer().release if release is None else release
    if number is None:
        raise NoReleaseError("nothing is published yet", where=store.location, hint="headgate run")
    releases.manifest(number)
    return store.url(catalog_key(number))


def _branch_catalog(store: Store, run: str) -> str:
    branch = branch_of(store, run)
    if run not in branches(store) or not branch.path.exists():
        raise UsageError(
            f"run {run} has no branch (it published, or was pruned)", hint=did_you_mean(run, branches(store))
        )
    return str(branch.path)
