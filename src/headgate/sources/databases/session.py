"""A visit to a database: attached read-only, one transaction, tried again where that can help."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import duckdb

from headgate.errors import (
    CouldNotRunError,
    HeadgateError,
    InterruptedRunError,
    MissingExtraError,
    SourceRefusedError,
    SourceUnavailableError,
)
from headgate.lake.engine import (
    Connection,
    ident,
    literal,
    load_extension,
    transaction,
    translated,
    when_interrupted,
    without_suggestions,
)
from headgate.project.config import DatabaseSource as DatabaseConfig
from headgate.project.database_url import said_without
from headgate.sources.databases.dialect import ATTACHED, BESIDE, Dialect, Part

Result = TypeVar("Result")
#: Where a message of DuckDB repeats the connection string, and where it repeats the statement.
_AT_URL = re.compile(
    r'(Unable to connect to \w+ at|Failed to connect to \w+ database with parameters) ".*": ', re.DOTALL
)
_QUOTED = re.compile(r'"[^"]*"')
_STATEMENT = re.compile(r"\s*LINE \d+:.*", re.DOTALL)
_PREFIX = re.compile(r'^(.*ERROR:\s*|\w+ Error: (Failed to \w+ MySQL query ".*": )?)', re.DOTALL)


class Session:
    """How one database is visited."""

    def __init__(self, name: str, config: DatabaseConfig, dialect: Dialect) -> None:
        self.name = name
        self.config = config
        self.dialect = dialect
        self.alias = ATTACHED + name
        self.timeout: timedelta | None = getattr(config, "statement_timeout", None)
        self._interrupted = threading.Event()

    def visit(self, con: Connection, work: Callable[[], Result]) -> Result:
        """Do ``work`` inside one transaction, with the database attached; again, while that can help.

        What ``work`` wrote is gone when it is done again, or fails.

        Raises:
            SourceUnavailableError: the database cannot be reached, and was not for as long as ``retry`` says.
            SourceRefusedError: it lets us not in, or not do that.
        """
        from tenacity import (
            Retrying,
            retry_if_exception_type,
            sleep_using_event,
            stop_after_delay,
            stop_when_event_set,
            wait_random_exponential,
        )

        retrying = Retrying(
            retry=retry_if_exception_type(SourceUnavailableError),
            stop=stop_after_delay(self.config.retry) | stop_when_event_set(self._interrupted),
            wait=wait_random_exponential(multiplier=0.2, max=5.0),
            sleep=sleep_using_event(self._interrupted),
            reraise=True,
        )
        with when_interrupted(self._interrupt):
            result: Result = retrying(self._once, con, work)
        return result

    def _interrupt(self) -> None:
        """Somebody pressed Ctrl-C, which a database that works on a statement of ours must be told."""
        self._interrupted.set()
        with contextlib.suppress(duckdb.Error, HeadgateError):  # it cannot be reached: then it answers no more either
            self.dialect.cancel()

    def _once(self, con: Connection, work: Callable[[], Result]) -> Result:
        with self._translated(), without_suggestions(con), self._attached(con), transaction(con):
            self.dialect.begin(con, self.alias, self.timeout)
            return work()

    def parts(self, con: Connection, name: str) -> list[Part]:
        """The parts in which a whole table is read at the same time."""
        return self.dialect.parts(con, self.alias, name, self.timeout)

    @contextlib.contextmanager
    def _attached(self, con: Connection) -> Iterator[None]:
        if self.dialect.extension is not None:
            self._load(con, self.dialect.extension)
        self.dialect.attach(con, self.alias)
        try:
            yield
        finally:
            with contextlib.suppress(duckdb.Error):  # what led here is to be told, not what follows
                for alias in self._aliases(con):
                    con.execute(f"DETACH {ident(alias)}")

    def _aliases(self, con: Connection) -> list[str]:
        """The names under which the database is attached: ours, and those of further connections (see ``parts``)."""
        mine = f"database_name = {literal(self.alias)} OR starts_with(database_name, {literal(self.alias + BESIDE)})"
        return [
            name for (name,) in con.execute(f"SELECT database_name FROM duckdb_databases() WHERE {mine}").fetchall()
        ]

    def _load(self, con: Connection, extension: str) -> None:
        try:
            load_extension(con, extension)
        except duckdb.Error as error:
            package = f"duckdb-extension-{extension.replace('_', '-')}"
            raise MissingExtraError(package, str(self.dialect.extra)) from error

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise self.error(error) from error

    def error(self, error: duckdb.Error, *, table: str | None = None) -> HeadgateError:
        """An error of the database, its scanner or DuckDB, as one of ours: short, and without the password."""
        if self._interrupted.is_set():
            return InterruptedRunError()
        ours = translated(error, doing="reading")
        if ours.hint or isinstance(ours, InterruptedRunError):  # it is this machine's, not the database's
            return ours
        text = self._plain(str(error))
        if isinstance(error, duckdb.ConversionException):  # it quotes the value of a row
            text = _QUOTED.sub('"…"', text)
        why = self.dialect.why(text)
        where = f"source {self.name}.{table}" if table else f"source {self.name}"
        if why.again:
            return SourceUnavailableError(text, where=where, hint=why.hint)
        if why.kind in ("refused", "slow"):
            return SourceRefusedError(text, where=where, hint=why.hint)
        return CouldNotRunError(text, where=where, hint=why.hint)

    def _plain(self, text: str) -> str:
        text = _STATEMENT.sub("", _AT_URL.sub("", text))
        text = _PREFIX.sub("", text.strip())
        return " ".join(said_without(text, str(getattr(self.config, "url", ""))).split())
