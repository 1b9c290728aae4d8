"""The ledger's connection: opening it, transactions, and what its database's errors mean."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from headgate.errors import (
    CouldNotRunError,
    HeadgateError,
    LakeError,
    LedgerUnavailableError,
    MissingExtraError,
    UsageError,
)
from headgate.ledger.tables import SCHEMA, is_ready, prepare

SQLITE = "sqlite:///"
#: How long a writer waits for another one, in seconds.
PATIENCE = 30.0
_FULL = ("disk is full", "No space left", "disk I/O error", "File too large")
_READ_ONLY = ("readonly database", "attempt to write a readonly", "read-only transaction")
_BROKEN = ("not a database", "malformed", "file is encrypted")


class Database:
    """One ledger database, opened and ready. Each block is a transaction of its own."""

    def __init__(self, engine: Engine, shown: str) -> None:
        self.engine = engine
        self.shown = shown

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state."""
        with _translated(self.shown), self.engine.connect() as con:
            yield con

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: committed at the end, or not at all. It waits for other writers."""
        with _translated(self.shown), self.engine.begin() as con:
            if con.dialect.name == "sqlite":  # asked for at once: a lock that is raised later cannot wait
                con.exec_driver_sql("BEGIN IMMEDIATE")
            yield con

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def open_database(url: str, *, create: bool) -> Database:
    """Connect and make sure that the tables are there.

    Raises:
        UsageError: the URL is none of a ledger, or there is no ledger and ``create`` is false.
        CouldNotRunError: it cannot be read or written, or is of a newer version.
        LedgerUnavailableError: it cannot be reached now, or is locked.
        LakeError: the file is broken.
    """
    database = _sqlite(url, create=create) if url.startswith(SQLITE) else _postgresql(url)
    try:
        with database.reading() as con:
            ready = is_ready(con)
        if not ready and not create:
            raise UsageError(f"there is no ledger at {database.shown}", hint="the first run makes it: headgate run")
        if not ready:
            with database.writing() as con:
                prepare(con)
    except HeadgateError:
        database.close()
        raise
    return database


def _sqlite(url: str, *, create: bool) -> Database:
    path = Path(url.removeprefix(SQLITE))
    if not path.is_file():
        if path.exists():
            raise CouldNotRunError("the ledger is not a file", where=str(path))
        if not create:
            raise UsageError(f"there is no ledger at {path}", hint="the first run makes it: headgate run")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CouldNotRunError(
                f"the ledger's folder cannot be made: {error.strerror}", where=str(path), hint=_ELSEWHERE
            ) from error
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": PATIENCE, "isolation_level": None, "check_same_thread": False},
    )
    event.listen(engine, "connect", _configure)
    return Database(engine, str(path))


def _configure(connection: Any, _record: object) -> None:
    """Write-ahead log, so that readers never wait; set once, since it stays with the file."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:  # SQLite does not wait here by itself
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    connection.execute("PRAGMA synchronous = NORMAL")


def _postgresql(url: str) -> Database:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UsageError("the ledger's URL cannot be read", hint=_URLS) from error
    if parsed.get_backend_name() != "postgresql":
        raise UsageError(f"a ledger cannot be kept in {parsed.get_backend_name()}", hint=_URLS)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    try:
        engine = create_engine(
            parsed,
            connect_args={"connect_timeout": 10, "application_name": "headgate"},
            execution_options={"schema_translate_map": {None: SCHEMA}},
            pool_size=2,
        )
    except ImportError as error:
        raise MissingExtraError("psycopg", "postgres") from error
    return Database(engine, parsed.render_as_string(hide_password=True))


_URLS = "write sqlite:///ledger.db or postgresql://user@host/database"
_ELSEWHERE = "name a place that can be written to: the setting 'ledger' in headgate.yml"


@contextlib.contextmanager
def _translated(shown: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        unreachable = error.connection_invalidated or error.statement is None
        raise _meaning(str(error.orig).strip(), shown, unreachable=unreachable) from error
    except SQLAlchemyError as error:
        raise CouldNotRunError(f"the ledger cannot be used: {error}", where=shown) from error


def _meaning(text: str, shown: str, *, unreachable: bool) -> HeadgateError:
    if any(words in text for words in _BROKEN):
        return LakeError(
            f"the ledger is broken: {text}",
            where=shown,
            hint="move the file away and run again: releases do not need it, only what happened is lost",
        )
    if "locked" in text:
        hint = "something holds it open for writing: look for a program with this file, then run again"
        return LedgerUnavailableError(f"the ledger is locked for more than {PATIENCE:g} s", where=shown, hint=hint)
    if any(words in text for words in _FULL):
        return CouldNotRunError(f"the ledger cannot be written: {text}", where=shown, hint="free some disk space")
    if any(words in text for words in _READ_ONLY):
        return CouldNotRunError("the ledger cannot be written: it is read-only", where=shown, hint=_ELSEWHERE)
    if "unable to open database file" in text:
        return CouldNotRunError("the ledger's file cannot be opened", where=shown, hint=_ELSEWHERE)
    if unreachable:
        return LedgerUnavailableError(f"the ledger cannot be reached: {text}", where=shown)
    return CouldNotRunError(f"the ledger cannot be used: {text}", where=shown)
