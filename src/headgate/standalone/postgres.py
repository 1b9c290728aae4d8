"""Tables of PostgreSQL, judged inside it: the gate's own statements in PostgreSQL's words, and nothing else is asked.

Everything happens in one read-only transaction, in which all statements see the same data and each has its time. What
PostgreSQL has no equal for, or means something else by, is refused and so could not be checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from headgate.errors import CouldNotRunError, MissingExtraError, UsageError, did_you_mean
from headgate.gates.values import UnusableError
from headgate.lake.catalog import Contents
from headgate.lake.engine import Connection
from headgate.project.database_url import UnclearUrlError, said_without, take_apart
from headgate.standalone.data import Data
from headgate.standalone.postgres_columns import KnownKinds
from headgate.standalone.postgres_words import in_postgres

if TYPE_CHECKING:
    import psycopg
    from sqlglot import exp

SCHEMES = ("postgresql://", "postgres://")
#: How long one statement may take, unless the URL's ``options`` say otherwise.
TIMEOUT = "10min"
CONNECT_SECONDS = 10
_DEFAULT_SCHEMA = "public"
#: What a type of PostgreSQL is called here; all others by their own names.
_TYPES = {
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "boolean": "BOOLEAN",
    "text": "VARCHAR",
    "date": "DATE",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "time without time zone": "TIME",
}
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


@contextmanager
def open_table(url: str, name: str) -> Iterator[Data]:
    """The table or view ``name``, or ``schema.name``, of the database at ``url``.

    Raises:
        UsageError: there is no such table, or the URL is none.
        CouldNotRunError: the database cannot be reached, or lets nobody in.
        MissingExtraError: what talks to PostgreSQL is not installed.
    """
    connection, title = _connected(url)
    try:
        with connection:
            names = _tables(connection, title)
            wanted = name if name in names else f"{_DEFAULT_SCHEMA}.{name}"
            if wanted not in names:
                shown = [each.removeprefix(f"{_DEFAULT_SCHEMA}.") for each in names]
                raise UsageError(f"{title} has no table {name}", hint=did_you_mean(name, shown))
            schema, _, table = wanted.partition(".")
            alias = connection.info.dbname
            con = cast("Connection", PostgresConnection(connection))  # it answers what a gate asks of DuckDB's
            yield Data(con, f"{title}::{name}", schema, table, alias, Contents({}, {}, names))
    finally:
        connection.close()


def _tables(connection: psycopg.Connection[Any], title: str) -> frozenset[str]:
    import psycopg

    try:
        return frozenset(f"{schema}.{table}" for schema, table in connection.execute(_TABLES).fetchall())
    except psycopg.Error as error:
        raise CouldNotRunError(f"the tables of {title} cannot be listed: {_said(error)}") from error


def _connected(url: str) -> tuple[psycopg.Connection[Any], str]:
    """A connection in a read-only transaction, and how the database is called where people read it."""
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
        from psycopg.types.string import TextLoader
    except ImportError as error:
        raise MissingExtraError("psycopg", "postgres") from error
    try:
        take_apart(url)
        said = conninfo_to_dict(url)
    except UnclearUrlError as error:
        raise UsageError(str(error), hint=error.hint) from error
    except psycopg.Error as error:
        hint = "write postgresql://user@host/database::schema.table"
        raise UsageError(
            "this is no URL of a PostgreSQL database", hint=hint
        ) from error  # its text could hold a password
    host = said.get("host") or "localhost"
    title = f"postgresql://{host}/{said.get('dbname') or ''}"
    options = str(said.get("options") or "")
    if "statement_timeout" not in options:
        options = f"{options} -c statement_timeout={TIMEOUT}".strip()
    options = f"{options} -c timezone=UTC -c datestyle=ISO -c standard_conforming_strings=on -c extra_float_digits=1"
    settings: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, **said, "options": options}
    try:
        connection = psycopg.connect(**settings)
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for type_ in ("json", "jsonb"):  # as texts, which is what they are elsewhere
            connection.adapters.register_loader(type_, TextLoader)
    except psycopg.Error as error:
        text = said_without(str(error), url)
        hint = "the password can be given by PGPASSWORD, or in ~/.pgpass"
        raise CouldNotRunError(f"{title} cannot be reached: {text.strip().splitlines()[0]}", hint=hint) from None
    return connection, title


class PostgresConnection:
    """Answers the questions that a gate asks of a connection to DuckDB."""

    def __init__(self, connection: psycopg.Connection[Any], known: KnownKinds | None = None) -> None:
        self._connection = connection
        self._known = known or KnownKinds()
        self._rows: list[tuple[Any, ...]] = []
        self.description: list[tuple[str]] = []

    def cursor(self) -> PostgresConnection:
        """Another one to the same transaction."""
        return PostgresConnection(self._connection, self._known)

    def interrupt(self) -> None:
        """Let PostgreSQL end the statement that it works on."""
        self._connection.cancel_safe()

    def close(self) -> None:
        """Nothing: the transaction is ended by whoever began it."""

    def execute(self, statement: str) -> PostgresConnection:
        """Ask a statement of the gate, in the words that DuckDB understands.

        Raises:
            UnusableError: PostgreSQL has no equal for it, refuses it, or takes too long.
        """
        import psycopg
        import sqlglot
        from sqlglot import exp

        from headgate.gates import sql

        tree = sqlglot.parse_one(statement, dialect=sql.DIALECT)
        if isinstance(tree, exp.Describe):
            self._describe(tree.find(exp.Table))
            return self
        encoding = self._connection.info.parameter_status("server_encoding")
        kind_of = self._known.of(tree)
        self._known.hide_nan(tree)
        text = in_postgres(tree, kind_of, unicode=encoding == "UTF8")
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:  # a savepoint: others go on
                cursor.execute(text.encode())
                self.description = [(each.name,) for each in cursor.description or []]
                self._rows = [tuple(map(_value, row)) for row in cursor.fetchall()]
        except psycopg.errors.QueryCanceled as error:
            raise UnusableError(
                f"PostgreSQL gave up after its statement_timeout ({TIMEOUT} unless the URL says otherwise)"
            ) from error
        except psycopg.Error as error:
            raise UnusableError(f"PostgreSQL says: {_said(error)}") from error
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows of the last statement."""
        return self._rows

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        """The next ones of them."""
        found, self._rows = self._rows[:size], self._rows[size:]
        return found

    def _describe(self, table: exp.Table | None) -> None:
        assert table is not None  # noqa: S101 - a gate describes tables alone
        rows = self._connection.execute(_COLUMNS, (table.db, table.name)).fetchall()
        self._rows = [(name, type_of(type_)) for name, type_ in rows]
        self._known.learn((table.db, table.name), self._rows, self._connection.info.server_version)


def _said(error: psycopg.Error) -> str:
    """Its first line; of an error about data only which it is, since it quotes values."""
    quotes = (error.sqlstate or "").startswith("22")
    return type(error).__name__ if quotes else error.diag.message_primary or type(error).__name__


def type_of(name: str) -> str:
    """What a column's type is called here.

    >>> type_of("numeric(10,2)"), type_of("character varying(20)"), type_of("double precision"), type_of("uuid")
    ('DECIMAL(10,2)', 'VARCHAR', 'DOUBLE', 'UUID')
    """
    if name.startswith("numeric") and not name.endswith("]"):
        return f"DECIMAL{name.removeprefix('numeric')}"
    if name.startswith("character varying") and not name.endswith("]"):
        return "VARCHAR"
    return _TYPES.get(name, name.upper())


def _value(value: Any) -> Any:
    """Sums of whole numbers are exact, and so come as decimals."""
    if isinstance(value, Decimal) and value.is_finite() and value.as_tuple().exponent == 0:
        return int(value)
    return value
