"""PostgreSQL, through DuckDB's scanner: every statement is one that PostgreSQL itself carries out.

``postgres_query`` is used throughout, since it runs on the one connection of the transaction: one
snapshot, one time limit. A large table is read by several such connections, which take over the snapshot
(see ``postgres_parts``). What the scanner would change on the way is cast in PostgreSQL's own SELECT:
it reads a numeric without precision as DOUBLE, NaN in a numeric as 0, a negative scale as 254.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from urllib.parse import parse_qs

from headgate.errors import ConfigError
from headgate.lake.engine import Connection, EngineSettings, connect, ident, literal
from headgate.project.database_config import PostgresSource
from headgate.sources.databases.dialect import (
    ForeignKey,
    Part,
    SourceColumn,
    SourceTable,
    UniqueKey,
    Value,
    Why,
    foreign_keys_of,
    matches,
    unique_keys_of,
)
from headgate.sources.databases.postgres_parts import Dividing, attaching

#: PostgreSQL's types that arrive as they are, and what they are in DuckDB.
_NATIVE = {
    "boolean": "BOOLEAN",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "text": "VARCHAR",
    "character varying": "VARCHAR",
    "character": "VARCHAR",
    "name": "VARCHAR",
    "date": "DATE",
    "time without time zone": "TIME",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "uuid": "UUID",
    "json": "JSON",
    "jsonb": "JSON",
    "bytea": "BLOB",
}
#: Of these, arrays arrive as lists.
_IN_LISTS = frozenset(_NATIVE) - {"json", "jsonb", "bytea", "real", "double precision", "name"}
_MOMENTS = frozenset({"date", "timestamp without time zone", "timestamp with time zone"})
_NUMBERS = frozenset({"smallint", "integer", "bigint"})
#: Different values of these types are different in raw, too: of others PostgreSQL and DuckDB may judge differently.
_EXACT = _NUMBERS | {"uuid"}
_PRECISION = re.compile(r"\(\d+(,-?\d+)?\)")
_NUMERIC = re.compile(r"numeric\((\d+),(-?\d+)\)")
_WIDEST = 38

#: Begins a query in which ``bases`` has the type behind each domain (root), which may be one of a domain itself.
BASES = """
WITH RECURSIVE domains(root, oid, modifier) AS (
  SELECT oid, typbasetype, typtypmod FROM pg_type WHERE typtype = 'd'
  UNION ALL
  SELECT d.root, t.typbasetype, CASE WHEN t.typtypmod <> -1 THEN t.typtypmod ELSE d.modifier END
  FROM domains d JOIN pg_type t ON t.oid = d.oid WHERE t.typtype = 'd'
), bases AS (
  SELECT d.* FROM domains d JOIN pg_type t ON t.oid = d.oid WHERE t.typtype <> 'd'
)"""
_CATALOGUE = f"""{BASES}
SELECT CAST(c.relname AS text) AS table_name, c.relkind IN ('v', 'm') AS is_view,
  CASE WHEN c.reltuples >= 0 THEN CAST(c.reltuples AS bigint) END AS row_estimate,
  CAST(a.attname AS text) AS column_name,
  format_type(coalesce(b.oid, a.atttypid), CASE WHEN b.oid IS NULL THEN a.atttypmod ELSE b.modifier END) AS kind,
  NOT a.attnotnull AS nullable,
  (SELECT CAST(k.position AS integer) FROM pg_index i
     CROSS JOIN LATERAL unnest(CAST(i.indkey AS smallint[])) WITH ORDINALITY AS k(attnum, position)
   WHERE i.indrelid = c.oid AND i.indisprimary AND k.attnum = a.attnum AND k.position <= i.indnkeyatts) AS key_position,
  EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid)
    AND (c.relkind = 'p' OR NOT EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhparent = c.oid)) AS keyed
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN bases b ON b.root = a.atttypid
WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition
ORDER BY c.relname COLLATE "C", a.attnum
"""
#: Keys of whole tables only, not of their partitions; one that was never validated promises nothing of older rows.
_FOREIGN_KEYS = """
SELECT CAST(k.oid AS bigint) AS number, CAST(t.relname AS text) AS table_name, CAST(a.attname AS text) AS column_name,
  CAST(r.relname AS text) AS referred, CAST(b.attname AS text) AS referred_column
FROM pg_constraint k
  JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace AND n.oid = r.relnamespace
  CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS c(own, other, position)
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.own
  JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = c.other
WHERE n.nspname = %s AND k.contype = 'f' AND k.convalidated AND NOT t.relispartition AND NOT r.relispartition
ORDER BY t.relname COLLATE "C", k.conkey, k.oid, c.position
"""
#: An index over an expression has a 0 for it, and so no row here. Children of a table that is no partitioned one are
#: read with it, and its indexes know nothing of them.
_UNIQUE_KEYS = """
SELECT CAST(i.indexrelid AS bigint) AS number, CAST(t.relname AS text) AS table_name,
  CAST(a.attname AS text) AS column_name
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
  CROSS JOIN LATERAL unnest(CAST(i.indkey AS smallint[])) WITH ORDINALITY AS k(attnum, position)
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
WHERE n.nspname = %s AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND k.position <= i.indnkeyatts AND NOT t.relispartition
  AND (t.relkind = 'p' OR NOT EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhparent = t.oid))
ORDER BY t.relname COLLATE "C", i.indexrelid, k.position
"""
#: The scanner reads a NaN in a numeric as 0. So PostgreSQL is asked about NaN only for a table in which there is a 0;
#: asked about every row it would have to compute one, where it can send a whole table's rows as they are.
_NAN_ARRIVES = "{0} = 0"
#: The scanner lets moments beyond DuckDB's last one begin anew at its first one, or be infinite. PostgreSQL, whose own
#: first one is in the year 4713 BC, is asked only for a table in which there is a moment that it does not have.
_LAST_MOMENT = "294247-01-10 04:00:54.775806"
#: Each: what makes such a moment of microseconds since 1970. Texts of moments with zones go wrong so far away.
_STAMPS = {"timestamp without time zone": "make_timestamp", "timestamp with time zone": "make_timestamptz"}
_MOMENTS_BETWEEN = (-210_895_056_000_000_000, 2**63 - 2)
#: What is said about the session, so that the text of a value is the same whatever the server's defaults are.
_SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmloption": "content",
}
_UNAVAILABLE = Why("unavailable", again=True, hint="is the server up, and reachable from here? Then run again")
_REFUSED = "correct the user, password or database in url; trying again does not help"
_MEANINGS = {
    "password authentication failed": Why("refused", hint=_REFUSED),
    "no password supplied": Why("refused", hint=_REFUSED),
    "pg_hba.conf": Why("refused", hint="the server lets nobody in from here as this user: ask who runs it"),
    "certificate": Why("refused", hint="correct sslmode and sslrootcert in url"),
    "ssl": Why("refused", hint="correct sslmode in url: disable, prefer, require, verify-ca or verify-full"),
    "permission denied": Why("refused", hint="GRANT SELECT on it to the user in url, or leave it out with exclude"),
    "statement timeout": Why(
        "slow", hint="raise statement_timeout of the source, or give the table a cursor and an index on it"
    ),
    "deadlock detected": Why("unavailable", again=True),
    "could not serialize": Why("unavailable", again=True),
    "conflict with recovery": Why(
        "unavailable", again=True, hint="read from the primary, or raise max_standby_streaming_delay"
    ),
    "temporary failure in name resolution": _UNAVAILABLE,
    "name or service not known": Why("refused", hint="correct the host in url"),
    "connection refused": _UNAVAILABLE,
    "connection reset": _UNAVAILABLE,
    "server closed the connection": _UNAVAILABLE,
    "terminating connection": _UNAVAILABLE,
    "connection to server was lost": _UNAVAILABLE,
    "no connection to the server": _UNAVAILABLE,
    "starting up": _UNAVAILABLE,
    "shutting down": _UNAVAILABLE,
    "not yet accepting": _UNAVAILABLE,
    "recovery mode": _UNAVAILABLE,
    "too many clients": _UNAVAILABLE,
    "connection slots": _UNAVAILABLE,
    "timeout expired": _UNAVAILABLE,
    "timed out": _UNAVAILABLE,
    "no route to host": _UNAVAILABLE,
    "network is unreachable": _UNAVAILABLE,
    "no such file or directory": _UNAVAILABLE,
    "fatal:": Why("refused", hint=_REFUSED),
}
#: How long libpq waits for a server that does not answer, in seconds, unless the URL says otherwise.
_CONNECT_TIMEOUT = "10"


class Postgres:
    """A PostgreSQL database."""

    extension = "postgres_scanner"
    extra = "postgres"
    one_snapshot = True

    def __init__(self, config: PostgresSource, folder: Path) -> None:
        self.config = config
        self.schema = config.schema_
        self._backends: set[int] = set()

    def attach(self, con: Connection, alias: str) -> None:
        """Attach the database read-only."""
        con.execute(attaching(with_defaults(self._url()), alias))

    def parts(self, con: Connection, alias: str, name: str, timeout: timedelta | None) -> list[Part]:
        """Ranges of pages of a large table, each read by a connection that has taken over the snapshot."""
        dividing = Dividing(con, alias, with_defaults(self._url()), self.relation)
        parts = dividing.parts(self.text(self.schema), self.text(name), self.table(alias, name))
        for part in parts[1:]:
            self.begin(con, part.alias, timeout)
        return parts

    def begin(self, con: Connection, alias: str, timeout: timedelta | None) -> None:
        """Say, inside a transaction, in which zone and for how long statements work."""
        milliseconds = int(timeout.total_seconds() * 1000) if timeout else 0
        settings = _SESSION | {"statement_timeout": str(milliseconds)}
        calls = ", ".join(
            f"set_config({self.text(name)}, {self.text(value)}, true) AS {ident(name)}"
            for name, value in settings.items()
        )
        asked = f"SELECT pg_backend_pid() AS pid, {calls}"
        self._backends.add(int(con.execute(f"SELECT * FROM {self.relation(alias, asked)}").fetchall()[0][0]))

    def cancel(self) -> None:
        """Ask the server, over a connection of its own, to end what the connections of this visit wait for."""
        backends = ", ".join(map(str, sorted(self._backends)))
        if not backends:
            return
        with contextlib.closing(connect(EngineSettings(threads=1), extensions=(self.extension,))) as con:
            self.attach(con, "cancelling")
            asked = f"SELECT pg_cancel_backend(pid) AS done FROM unnest(CAST(ARRAY[{backends}] AS integer[])) AS pid"
            con.execute(f"SELECT * FROM {self.relation('cancelling', asked)}").fetchall()

    def stamp(self) -> str | None:
        """Only a look can tell."""
        return None

    def relation(self, alias: str, sql: str) -> str:
        """A table of DuckDB's SQL that is what the source answers to ``sql``."""
        return f"postgres_query({literal(alias)}, {literal(sql)})"

    def text(self, value: str) -> str:
        """A text in PostgreSQL's SQL, in which a backslash is one whatever the server's settings."""
        escaped = value.replace("\\", "\\\\").replace("'", "''")
        return f" E'{escaped}'" if "\\" in value else f"'{escaped}'"

    def table(self, alias: str, name: str) -> str:
        """A table of the source in its SQL."""
        return f"{ident(self.schema)}.{ident(name)}"

    def catalogue(self, con: Connection, alias: str) -> list[SourceTable]:
        """All tables and views of the schema, with their columns in order; partitions are parts of their table."""
        asked = _CATALOGUE.replace("%s", self.text(self.schema))
        rows = con.execute(f"SELECT * FROM {self.relation(alias, asked)}").fetchall()
        tables = []
        for (name, view, count, keyed), group in groupby(rows, key=lambda row: (*row[:3], row[-1])):
            members = list(group)
            columns = tuple(SourceColumn(column, kind, nullable) for *_, column, kind, nullable, _, _ in members)
            key = sorted((position, column, kind) for *_, column, kind, _, position, _ in members if position)
            unique = keyed and all(kind in _EXACT for *_, kind in key)
            tables.append(SourceTable(name, columns, tuple(column for _, column, _ in key), view, count, unique))
        return tables

    def foreign_keys(self, con: Connection, alias: str) -> list[ForeignKey]:
        """The foreign keys inside the schema, in the order of their tables and columns."""
        asked = _FOREIGN_KEYS.replace("%s", self.text(self.schema))
        return foreign_keys_of(con.execute(f"SELECT * FROM {self.relation(alias, asked)}").fetchall())

    def unique_keys(self, con: Connection, alias: str) -> list[UniqueKey]:
        """The unique constraints and indexes of whole tables, over columns alone."""
        asked = _UNIQUE_KEYS.replace("%s", self.text(self.schema))
        return unique_keys_of(con.execute(f"SELECT * FROM {self.relation(alias, asked)}").fetchall())

    def schemas(self, con: Connection, alias: str) -> list[str]:
        """The schemas that there are, but for PostgreSQL's own."""
        asked = (
            "SELECT CAST(nspname AS text) AS name FROM pg_namespace "
            "WHERE nspname <> 'information_schema' AND left(nspname, 3) <> 'pg_'"
        )
        return [name for (name,) in con.execute(f"SELECT name FROM {self.relation(alias, asked)}").fetchall()]

    def value(self, column: SourceColumn, *, as_text: bool) -> Value:
        """How a column is read without loss: as it is where the scanner can, else as the text PostgreSQL writes."""
        name = ident(column.name)
        kind = column.type
        text = Value(f"CAST({name} AS text)", "VARCHAR")
        if as_text:
            return text
        if native := _decimal(kind):
            nan = "CAST('NaN' AS numeric)"
            return Value(name, native, f"{name} = {nan}", f"nullif({name}, {nan})", doubt=_NAN_ARRIVES)
        bare = _PRECISION.sub("", kind)
        if kind in ("real", "double precision"):
            bad = f"{name} IN ('NaN', 'Infinity', '-Infinity')"
            return Value(name, _NATIVE[kind], bad, f"CASE WHEN NOT {bad} THEN {name} END", doubt="NOT isfinite({0})")
        if bare in ("json", "jsonb"):
            return Value(f"CAST({name} AS text)", "JSON")
        if bare == "oid":
            return Value(f"CAST({name} AS bigint)", "BIGINT")
        if bare in _STAMPS:
            return Value(name, _NATIVE[bare], _too_late(name, bare), doubt=_wrapped(_STAMPS[bare]))
        if bare in _NATIVE:
            return Value(name, _NATIVE[bare])
        return self._list(name, kind) or text

    def moment(self, column: SourceColumn) -> bool | None:
        """Whether a cursor is a time (True) or a number (False); None if it can be no cursor."""
        bare = _PRECISION.sub("", column.type)
        if bare in _MOMENTS:
            return True
        return False if bare in _NUMBERS or _decimal(column.type) else None

    def since(self, column: SourceColumn, mark: str, overlap: timedelta | int) -> str:
        """A condition that is true for rows at or behind ``mark`` less the overlap, and for null cursors."""
        name = ident(column.name)
        if isinstance(overlap, timedelta):
            kind = "timestamptz" if column.type.endswith("with time zone") else "timestamp"
            seconds = f"{overlap.total_seconds():.0f} seconds"
            start = f"CAST({self.text(mark)} AS {kind}) - CAST({self.text(seconds)} AS interval)"
        else:
            start = f"CAST({self.text(mark)} AS numeric) - {overlap}"
            start = f"CAST({start} AS bigint)" if column.type in _NUMBERS else start
        return f"({name} >= {start} OR {name} IS NULL)"

    def digest(self, columns: Sequence[SourceColumn]) -> str:
        """The number of rows, and the sum of the hashes of their texts; a text has every type, json and point too."""
        row = ", ".join(ident(column.name) for column in columns)
        total = f'sum(hashtextextended(CAST(ROW({row}) AS text) COLLATE "C", 0))'
        return f"CAST(count(*) AS text) || ':' || coalesce(CAST({total} AS text), '')"

    def total(self, column: SourceColumn | None, value: str) -> str:
        """The number of rows, or a sum: of whole numbers and numerics a numeric, of floats one of 64 bits."""
        if column is None:
            return "CAST(count(*) AS text)"
        if column.type in ("real", "double precision"):
            value = f"CAST({value} AS double precision)"
        return f"CAST(coalesce(sum({value}), 0) AS text)"

    def block(self, key: Sequence[SourceColumn], size: int | None) -> str | None:
        """The block of a row. Whole numbers are divided towards zero, as DuckDB does; an MD5 is that of UTF-8."""
        names = [ident(column.name) for column in key]
        if size is not None:
            return f"CAST({names[0]} / CAST({size} AS bigint) AS text)"
        if any(column.type.startswith("character(") for column in key):  # its text loses the blanks at its end
            return None
        texts = ", ".join(f"CAST({name} AS text)" for name in names)
        return f"left(md5(convert_to(concat_ws(chr(31), {texts}), 'UTF8')), 2)"

    def why(self, text: str) -> Why:
        """What a message of PostgreSQL, libpq or the scanner means."""
        return matches(text, _MEANINGS) or Why("unknown")

    def _list(self, name: str, kind: str) -> Value | None:
        """An array of one dimension as a list. PostgreSQL does not hold an array's dimensions in its type."""
        element = kind.removesuffix("[]")
        if element == kind or element.endswith("[]"):
            return None
        native = _decimal(element) or (_NATIVE[bare] if (bare := _PRECISION.sub("", element)) in _IN_LISTS else None)
        if native is None:
            return None
        bad = f"coalesce(array_ndims({name}), 1) > 1"
        if _decimal(element):
            bad = f"({bad} OR CAST('NaN' AS numeric) = ANY ({name}))"
        if (bare := _PRECISION.sub("", element)) in _STAMPS:
            bad = f"({bad} OR EXISTS (SELECT FROM unnest({name}) AS moment WHERE {_too_late('moment', bare)}))"
        return Value(f"CASE WHEN NOT {bad} THEN {name} END", f"{native}[]", f"{name} IS NOT NULL AND {bad}")

    def _url(self) -> str:
        url = str(self.config.url)
        if url.partition("://")[0] not in ("postgresql", "postgres"):
            raise self._misplaced()
        return url

    def _misplaced(self) -> ConfigError:
        return self.config.error(
            "this is no URL of a PostgreSQL database", "url", hint="postgresql://user:password@host:5432/database"
        )


def _too_late(value: str, kind: str) -> str:
    """SQL of PostgreSQL that is true for a moment beyond DuckDB's last one, of either kind."""
    zone = "+00" if kind == "timestamp with time zone" else ""
    return f"({value} > CAST('{_LAST_MOMENT}{zone}' AS {kind}) AND isfinite({value}))"


def _wrapped(make: str) -> str:
    """SQL of DuckDB that is true for an infinite moment, or one that PostgreSQL does not have."""
    first, last = (f"{make}({microseconds})" for microseconds in _MOMENTS_BETWEEN)
    return f"NOT {{0}} BETWEEN {first} AND {last}"


def _decimal(kind: str) -> str | None:
    """DuckDB's decimal for a numeric that has a precision which fits.

    >>> _decimal("numeric(10,2)"), _decimal("numeric"), _decimal("numeric(50,2)"), _decimal("numeric(5,-2)")
    ('DECIMAL(10,2)', None, None, None)
    """
    found = _NUMERIC.fullmatch(kind)
    if found is None:
        return None
    precision, scale = int(found[1]), int(found[2])
    return f"DECIMAL({precision},{scale})" if 0 <= scale <= precision <= _WIDEST else None


def with_defaults(url: str) -> str:
    """The URL with a limit to the time that connecting may take, and our name, unless it says otherwise.

    >>> with_defaults("postgresql://u@h/d?sslmode=require")
    'postgresql://u@h/d?sslmode=require&connect_timeout=10&application_name=headgate'
    """
    _, _, query = url.partition("?")
    given = parse_qs(query, keep_blank_values=True)
    ours = {"connect_timeout": _CONNECT_TIMEOUT, "application_name": "headgate"}
    more = "&".join(f"{name}={value}" for name, value in ours.items() if name not in given)
    return f"{url}{'&' if query else '' if url.endswith('?') else '?'}{more}" if more else url
