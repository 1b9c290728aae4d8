"""Tables of PostgreSQL, judged inside it: the gate's own statements in PostgreSQL's words, and nothing else is asked.

Everything happens in one read-only transaction, in which all statements see the same data and each has its time. What
PostgreSQL has no equal for, or means something else by, is refused and so could not be checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from headgate.errors import CouldNotRunError, MissingExtraError, UsageError, did_you_mean
from headgate.gates.values import UnusableError
from headgate.lake.catalog import Contents
from headgate.lake.engine import Connection
from headgate.standalone.data import Data

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
    except ImportError as error:
        raise MissingExtraError("psycopg", "postgres") from error
    try:
        said = conninfo_to_dict(url)
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
    settings: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, **said, "options": f"{options} -c timezone=UTC"}
    try:
        connection = psycopg.connect(**settings)
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    except psycopg.Error as error:
        text = _without(str(error), said.get("password"))
        hint = "the password can be given by PGPASSWORD, or in ~/.pgpass"
        raise CouldNotRunError(f"{title} cannot be reached: {text.strip().splitlines()[0]}", hint=hint) from None
    return connection, title


def _without(text: str, password: Any) -> str:
    return text.replace(str(password), "***") if password else text


class PostgresConnection:
    """Answers the questions that a gate asks of a connection to DuckDB."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []
        self.description: list[tuple[str]] = []

    def cursor(self) -> PostgresConnection:
        """Another one to the same transaction."""
        return PostgresConnection(self._connection)

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
        text = in_postgres(tree)
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

    def _describe(self, table: exp.Table | None) -> None:
        assert table is not None  # noqa: S101 - a gate describes tables alone
        rows = self._connection.execute(_COLUMNS, (table.db, table.name)).fetchall()
        self._rows = [(name, type_of(type_)) for name, type_ in rows]


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


def in_postgres(tree: exp.Expr) -> str:
    """A statement that DuckDB understands, in PostgreSQL's words.

    Raises:
        UnusableError: it uses something that means something else there, or is not known to mean the same.
    """
    from sqlglot import exp

    known = (
        *(exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.StddevSamp, exp.Coalesce, exp.Case, exp.If),
        *(exp.Abs, exp.IsNan, exp.IsInf, exp.Length, exp.Exists, exp.And, exp.Or, exp.RowNumber),
        *(exp.PercentileCont, exp.PercentileDisc, exp.Median, exp.ArrayAgg, exp.Array, exp.ArrayContains),
    )
    for node in tree.walk():
        name = _odd(node, known)
        if name is not None:
            raise UnusableError(f"PostgreSQL has nothing that is known to mean the same as {name}")
    whole = exp.Paren(this=tree.copy())  # so that the root can be replaced as well
    for node in reversed(list(whole.this.walk())):
        put = _translated(node)
        if put is not node:
            node.replace(put)
    return str(whole.this.sql(dialect="postgres", comments=False))


def _odd(node: exp.Expr, known: Sequence[type[exp.Expr]]) -> str | None:
    """What a part of a statement is called if PostgreSQL may mean something else by it."""
    from sqlglot import exp

    if isinstance(node, exp.Anonymous):
        return None if str(node.this).lower() in _FLOATS else f"{node.this}()"
    if isinstance(node, exp.Cast):  # of a constant, or of a number to a float: rounding and spelling differ elsewhere
        wider = (exp.DataType.Type.DOUBLE, exp.DataType.Type.INT128)
        safe = isinstance(node.this, exp.Literal) or node.to.this in wider
        return None if safe and not isinstance(node, exp.TryCast) else f"a cast to {node.to.sql()}"
    if isinstance(node, exp.Func) and not isinstance(node, tuple(known)):
        return f"{node.sql_name()}()"
    if isinstance(node, exp.Interval | exp.IntDiv | exp.Lambda | exp.Bracket | exp.Pivot | exp.SimilarTo | exp.Glob):
        return type(node).__name__
    return None


#: Functions on floats, which PostgreSQL has not.
_FLOATS = {"isfinite": ("NaN", "Infinity", "-Infinity"), "isinf": ("Infinity", "-Infinity")}


def _translated(node: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    if isinstance(node, exp.ArrayContains):
        return exp.In(this=node.expression, expressions=node.this.expressions)
    if isinstance(node, exp.CountIf):
        return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=node.this))
    if isinstance(node, exp.IsNan):
        return _is_one_of(node.this, ("NaN",))
    if isinstance(node, exp.Filter) and isinstance(node.this, exp.Min) and node.this.expressions:
        return _smallest(node.this.this, node.this.expressions[0], node.expression)
    if isinstance(node, exp.IsInf):
        return _is_one_of(node.this, _FLOATS["isinf"])
    if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.INT128:
        return exp.cast(exp.Round(this=node.this), "DECIMAL", dialect="duckdb")
    if isinstance(node, exp.Anonymous):
        name = str(node.this).lower()
        among = _is_one_of(node.expressions[0], _FLOATS[name])
        return exp.not_(among) if name == "isfinite" else among
    return node


def _smallest(value: exp.Expr, number: exp.Expr, where: exp.Expr) -> exp.Expr:
    """The first few values in their order, where DuckDB has min(value, number)."""
    from sqlglot import exp

    ordered = exp.Order(this=value, expressions=[exp.Ordered(this=value.copy())])
    all_of_them = exp.Filter(this=exp.ArrayAgg(this=ordered), expression=where)
    few = exp.Slice(this=exp.Literal.number(1), expression=number)
    return exp.Bracket(this=exp.paren(all_of_them), expressions=[few], offset=1)


def _is_one_of(value: exp.Expr, names: Sequence[str]) -> exp.Expr:
    from sqlglot import exp

    constants = [exp.cast(exp.Literal.string(name), "DOUBLE", dialect="duckdb") for name in names]
    return exp.paren(exp.In(this=value, expressions=constants))
