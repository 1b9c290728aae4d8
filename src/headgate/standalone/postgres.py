"""Tables of PostgreSQL, judged inside it: the gate's own statements in PostgreSQL's words, and nothing else is asked.

Everything happens in one read-only transaction, in which all statements see the same data and each has its time. What
PostgreSQL has no equal for, or means something else by, is refused and so could not be checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from headgate.errors import CouldNotRunError, MissingExtraError, UsageError, did_you_mean
from headgate.gates.values import UnusableError, kind_of
from headgate.lake.catalog import Contents
from headgate.lake.engine import Connection, literal
from headgate.project.database_url import UnclearUrlError, said_without, take_apart
from headgate.sources.databases.postgres import BASES
from headgate.standalone.data import Data
from headgate.standalone.postgres_columns import KnownKinds
from headgate.standalone.postgres_values import register_loaders
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
    **dict.fromkeys(("text", "character varying", "character", "bpchar", "name"), "VARCHAR"),
    "date": "DATE",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "time without time zone": "TIME",
}
#: How many characters, or digits of a second, a column is restricted to.
_LIMIT = re.compile(r"\(\d+\)")
_NUMERIC = re.compile(r"numeric(\(.*\))?")
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
#: Name, type with what it is restricted to, the type's own name, whether a domain stood before it, and an enum's texts.
_COLUMNS = f"""{BASES}
SELECT a.attname, format_type(t.oid, coalesce(b.modifier, a.atttypmod)), format_type(t.oid, -1), b.root IS NOT NULL,
  t.oid, t.typarray,
  CASE WHEN t.typtype = 'e' THEN ARRAY(
    SELECT CAST(e.enumlabel AS text) FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder
  ) END
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN bases b ON b.root = a.atttypid JOIN pg_type t ON t.oid = coalesce(b.oid, a.atttypid)
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
        register_loaders(connection)
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
        whole = in_postgres(tree, self._known.of(tree), unicode=encoding == "UTF8")
        self._known.show(whole)
        text = whole.this.sql(dialect="postgres", comments=False)
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
        from psycopg.types import TypeInfo

        columns: list[tuple[str, str]] = []
        domains: dict[str, str] = {}
        for name, type_, base, is_domain, oid, array, labels in self._connection.execute(
            _COLUMNS, (table.db, table.name)
        ):
            columns.append((name, type_of(type_) if labels is None else f"ENUM({', '.join(map(literal, labels))})"))
            if labels is not None:  # so that a list of its values is read as one
                TypeInfo(base, oid, array).register(self._connection)
            if is_domain and kind_of(columns[-1][1]) != "other":
                domains[name] = base
        self._rows = list(columns)
        self._known.learn((table.db, table.name), columns, self._connection.info.server_version, domains)


def _said(error: psycopg.Error) -> str:
    """Its first line; of an error about data only which it is, since it quotes values."""
    quotes = (error.sqlstate or "").startswith("22")
    return type(error).__name__ if quotes else error.diag.message_primary or type(error).__name__


def type_of(name: str) -> str:
    """What a column's type is called here.

    >>> type_of("numeric(10,2)"), type_of("character varying(20)"), type_of("double precision"), type_of("uuid")
    ('DECIMAL(10,2)', 'VARCHAR', 'DOUBLE', 'UUID')
    >>> type_of("timestamp(3) without time zone"), type_of("character(2)"), type_of("character(2)[]")
    ('TIMESTAMP', 'VARCHAR', 'CHARACTER(2)[]')
    >>> type_of("numeric"), type_of("numeric_pair")
    ('DECIMAL', 'NUMERIC_PAIR')
    """
    if _NUMERIC.fullmatch(name):
        return f"DECIMAL{name.removeprefix('numeric')}"
    return _TYPES.get(name if name.endswith("]") else _LIMIT.sub("", name), name.upper())


def _value(value: Any) -> Any:
    """Sums of whole numbers are exact, and so come as decimals."""
    if isinstance(value, Decimal) and value.is_finite() and value.as_tuple().exponent == 0:
        return int(value)
    return value
