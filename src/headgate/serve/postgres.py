"""The one place that talks to PostgreSQL as a warehouse: a connection, COPY, and what its errors mean.

Text of the server goes into errors only where it holds no value of a row.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from headgate.errors import (
    InterruptedRunError,
    MissingExtraError,
    ServeError,
    UsageError,
    WarehouseDriftError,
    WarehouseUnavailableError,
)
from headgate.lake.engine import ident, literal
from headgate.project.following_config import PostgresServer

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 10
BLOCK_BYTES = 1 << 20
_OURS = "headgate"
_LOCKED = (
    "see who: select pid, usename, state, query from pg_stat_activity where pid in (select pid from pg_locks "
    "where mode = 'AccessExclusiveLock'); the next run tries again"
)
_FULL = "free some space there; the next run tries again"


class Postgres:
    """A connection to the warehouse, inside of its one transaction."""

    def __init__(self, driver: ModuleType, connection: psycopg.Connection[Any]) -> None:
        self._driver = driver
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> int:
        """Run one statement; returns the number of rows that it touched."""
        return self._connection.execute(sql.encode(), parameters).rowcount

    def rows(self, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of one query."""
        return self._connection.execute(sql.encode(), parameters).fetchall()

    def copy(self, relation: str, columns: Sequence[str], file: Path) -> None:
        """Load a CSV file into a relation (quoted already), in bulk."""
        names = ", ".join(map(ident, columns))
        statement = f"COPY {relation} ({names}) FROM STDIN (FORMAT csv, NULL '', ENCODING 'UTF8')"
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copying, file.open("rb") as source:
            while block := source.read(BLOCK_BYTES):
                copying.write(block)

    def json(self, value: Any) -> Any:
        """A parameter of type jsonb."""
        from psycopg.types.json import Jsonb

        return Jsonb(value)


@contextlib.contextmanager
def transaction(server: PostgresServer, *, keep: bool = True) -> Iterator[Postgres]:
    """Connect, and commit what is done inside, or nothing of it. Without ``keep`` nothing is ever kept.

    Raises:
        WarehouseUnavailableError: it cannot be reached, is full, or is locked.
        WarehouseDriftError: its rules refuse the release.
        ServeError: it refuses for another reason.
        MissingExtraError: psycopg is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        raise MissingExtraError("psycopg", "postgres") from error
    try:
        with contextlib.closing(_connect(psycopg, server)) as connection:
            yield Postgres(psycopg, connection)
            if keep:
                connection.commit()
    except psycopg.errors.QueryCanceled as error:
        raise InterruptedRunError from error
    except psycopg.Error as error:
        raise _meaning(error, server) from error


def _connect(driver: ModuleType, server: PostgresServer) -> psycopg.Connection[Any]:
    connection: psycopg.Connection[Any] = driver.connect(
        server.url,
        connect_timeout=CONNECT_SECONDS,
        application_name=_OURS,
        keepalives=1,
        keepalives_idle=30,
        keepalives_interval=10,
        keepalives_count=3,
    )
    try:
        patience = int(server.lock_timeout.total_seconds() * 1000)
        for name, value in (
            ("lock_timeout", f"{patience}ms"),
            ("idle_in_transaction_session_timeout", "0"),
            ("client_min_messages", "warning"),
            ("TimeZone", "UTC"),
            ("DateStyle", "ISO, YMD"),
            ("IntervalStyle", "postgres"),
            ("search_path", ""),
        ):
            connection.execute(f"SET {name} = {literal(value)}".encode())
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


def _meaning(error: psycopg.Error, server: PostgresServer) -> ServeError | UsageError:
    """PostgreSQL's error as one of ours. SQLSTATE: https://www.postgresql.org/docs/18/errcodes-appendix.html."""
    state, where = error.sqlstate, f"schema {server.schema_}"
    text = (error.diag.message_primary or str(error)).strip()
    if state is None or state[:2] in ("08", "28", "3D") or state in ("57P01", "57P02", "57P03", "53300"):
        hint = "is it running, and are address, user and password right? The next run tries again"
        return WarehouseUnavailableError(f"the warehouse cannot be reached: {_one_line(text)}", where=where, hint=hint)
    if state == "55P03":
        patience = f"{server.lock_timeout.total_seconds():g} s"
        what = f"somebody locks the warehouse's tables for more than {patience}"
        return WarehouseUnavailableError(what, where=where, hint=_LOCKED)
    if state[:2] == "53" or state == "58030":
        return WarehouseUnavailableError(f"the warehouse is full: {text}", where=where, hint=_FULL)
    if state in ("40001", "40P01"):
        return WarehouseUnavailableError(f"the warehouse gave way to another session: {text}", where=where)
    if state == "42501":
        hint = f"the role needs CREATE and USAGE on the schema {server.schema_}, and to own its tables"
        return ServeError(f"the warehouse refuses: {text}", where=where, hint=hint)
    if state[:2] == "23":
        return _broken_rule(error, text, where)
    if state[:2] == "22":
        return _bad_value(error, where)
    return ServeError(f"the warehouse refuses: {text}", where=where)


def _broken_rule(error: psycopg.Error, text: str, where: str) -> WarehouseDriftError:
    """A key or NOT NULL that the data breaks; the message names the rule, and no value."""
    column = f", column {error.diag.column_name}" if error.diag.column_name else ""
    table = f" ({error.diag.table_name}{column})" if error.diag.table_name else ""
    hint = "a gate on the mart finds the rows: not_be_null, be_unique, or relationships in dbt; or change `serve`"
    return WarehouseDriftError(f"the release breaks a rule of the warehouse{table}: {text}", where=where, hint=hint)


def _bad_value(error: psycopg.Error, where: str) -> ServeError:
    """A value that PostgreSQL cannot hold. Its message and context may quote the value, so only names are taken."""
    found = re.search(r"COPY (.+?), line \d+(?:, column (.+?))?(?::|$)", error.diag.context or "", re.MULTILINE)
    place = f" of {found[1]}" + (f", column {found[2]}" if found[2] else "") if found else ""
    if error.sqlstate == "22021":
        what = f"a text{place} holds a NUL character, which PostgreSQL cannot"
        hint = "take it out in the model: replace(…, chr(0), ''); contains(…, chr(0)) finds the rows"
        return ServeError(what, where=where, hint=hint)
    what = f"PostgreSQL cannot hold a value{place} ({type(error).__name__})"
    return ServeError(
        what, where=where, hint="dates and numbers out of its range cannot be held; clean them in the model"
    )


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)
