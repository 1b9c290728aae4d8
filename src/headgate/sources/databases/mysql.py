"""MySQL and MariaDB, through DuckDB's scanner: every statement is one that the server itself carries out.

Values come as texts that lose nothing and are cast here, because the scanner reads some otherwise than they
are: tinyint(1) as a boolean, a date of zeros as an error or null, a time as something else.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from pathlib import Path

from headgate.lake.engine import Connection, EngineSettings, connect, ident, literal
from headgate.project.database_config import MysqlSource
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

_WHOLE = {"tinyint": "TINYINT", "smallint": "SMALLINT", "mediumint": "INTEGER", "int": "INTEGER", "bigint": "BIGINT"}
_BLOBS = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_SHAPES = re.compile(r"(multi)?(point|linestring|polygon)|geometry|geom(etry)?collection")
_TIMES = {"date": "DATE", "datetime": "TIMESTAMP", "timestamp": "TIMESTAMP WITH TIME ZONE"}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\).*")
_WIDEST = 38
_CATALOGUE = """
SELECT CAST(c.TABLE_NAME AS CHAR) AS table_name, CAST(t.TABLE_TYPE = 'VIEW' AS CHAR) AS is_view,
  CAST(COALESCE(t.TABLE_ROWS, 0) AS CHAR) AS row_estimate, CAST(c.COLUMN_NAME AS CHAR) AS column_name,
  CAST(c.COLUMN_TYPE AS CHAR) AS kind, CAST(c.IS_NULLABLE AS CHAR) AS nullable,
  CAST(s.SEQ_IN_INDEX AS CHAR) AS key_position
FROM information_schema.COLUMNS c
  JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
  LEFT JOIN information_schema.STATISTICS s ON s.TABLE_SCHEMA = c.TABLE_SCHEMA AND s.TABLE_NAME = c.TABLE_NAME
    AND s.COLUMN_NAME = c.COLUMN_NAME AND s.INDEX_NAME = 'PRIMARY'
WHERE c.TABLE_SCHEMA = DATABASE()
ORDER BY BINARY c.TABLE_NAME, c.ORDINAL_POSITION
"""
_FOREIGN_KEYS = """
SELECT CAST(CONSTRAINT_NAME AS CHAR) AS constraint_name, CAST(TABLE_NAME AS CHAR) AS table_name,
  CAST(COLUMN_NAME AS CHAR) AS column_name, CAST(REFERENCED_TABLE_NAME AS CHAR) AS referred,
  CAST(REFERENCED_COLUMN_NAME AS CHAR) AS referred_column
FROM information_schema.KEY_COLUMN_USAGE
WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_SCHEMA = DATABASE()
ORDER BY BINARY TABLE_NAME, BINARY CONSTRAINT_NAME, ORDINAL_POSITION
"""
_UNIQUE_KEYS = """
SELECT CAST(INDEX_NAME AS CHAR) AS index_name, CAST(TABLE_NAME AS CHAR) AS table_name,
  CAST(COLUMN_NAME AS CHAR) AS column_name
FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0
ORDER BY BINARY TABLE_NAME, BINARY INDEX_NAME, SEQ_IN_INDEX
"""
_UNAVAILABLE = Why("unavailable", again=True, hint="is the server up, and reachable from here? Then run again")
_SLOW = Why("slow", hint="raise statement_timeout of the source, or give the table a cursor and an index on it")
_REFUSED = "correct the user, password or database in url; trying again does not help"
_MEANINGS = {
    "access denied": Why("refused", hint=_REFUSED),
    "unknown database": Why("refused", hint=_REFUSED),
    "command denied": Why("refused", hint="GRANT SELECT on it to the user in url, or leave it out with exclude"),
    "unsupported attribute": Why("refused", hint="correct url: ?ssl-mode=required and the like"),
    "ssl": Why("refused", hint="correct ssl-mode in url: disabled, preferred, required, verify_ca or verify_identity"),
    "unknown server host": Why("refused", hint="correct the host in url"),
    "max_statement_time": _SLOW,
    "maximum statement execution time": _SLOW,
    "deadlock": Why("unavailable", again=True),
    "lock wait timeout": Why("unavailable", again=True),
    "can't connect": _UNAVAILABLE,
    "lost connection": _UNAVAILABLE,
    "gone away": _UNAVAILABLE,
    "too many connections": _UNAVAILABLE,
    "shutdown in progress": _UNAVAILABLE,
    "connection was killed": _UNAVAILABLE,
}  # fmt: skip


class Mysql:
    """A MySQL or MariaDB database."""

    extension = "mysql_scanner"
    extra = "mysql"
    one_snapshot = False

    def __init__(self, config: MysqlSource, folder: Path) -> None:
        self.config = config
        self._limit = "{}"
        self._connection: int | None = None

    def attach(self, con: Connection, alias: str) -> None:
        """Attach the database read-only, with times of its timestamps in UTC."""
        con.execute("SET mysql_session_time_zone = '+00:00'")
        con.execute(f"ATTACH {literal(self._url())} AS {ident(alias)} (TYPE mysql, READ_ONLY)")

    def _url(self) -> str:
        url = str(self.config.url)
        if not url.startswith("mysql://"):
            hint = "mysql://user:password@host:3306/database"
            raise self.config.error("this is no URL of a MySQL database", "url", hint=hint)
        return url

    def begin(self, con: Connection, alias: str, timeout: timedelta | None) -> None:
        """Find out how this server is told for how long a statement may work; each is told so itself."""
        self._limit = "{}"
        asked = self.relation(alias, "SELECT CAST(CONNECTION_ID() AS CHAR) AS id, VERSION() AS version")
        number, version = con.execute(f"SELECT id, version FROM {asked}").fetchall()[0]
        self._connection = int(number)
        if timeout is None:
            return
        if "mariadb" in version.lower():
            self._limit = f"SET STATEMENT max_statement_time={timeout.total_seconds():.3f} FOR {{}}"
        else:
            self._limit = (
                f"SELECT /*+ MAX_EXECUTION_TIME({timeout.total_seconds() * 1000:.0f}) */ * FROM ({{}}) AS limited"
            )

    def cancel(self) -> None:
        """Ask the server, over a connection of its own, to end what the connection of this visit waits for."""
        if self._connection is None:
            return
        with contextlib.closing(connect(EngineSettings(threads=1), extensions=(self.extension,))) as con:
            con.execute(f"ATTACH {literal(self._url())} AS cancelling (TYPE mysql)")  # KILL counts as writing
            con.execute(f"CALL mysql_execute('cancelling', {literal(f'KILL QUERY {self._connection}')})")

    def stamp(self) -> str | None:
        """Only a look can tell."""
        return None

    def relation(self, alias: str, sql: str) -> str:
        """A table of DuckDB's SQL that is what the source answers to ``sql``."""
        return f"mysql_query({literal(alias)}, {literal(self._limit.replace('{}', sql))})"

    def parts(self, con: Connection, alias: str, name: str, timeout: timedelta | None) -> list[Part]:
        """The whole table: two connections have no snapshot in common."""
        return [Part(alias)]

    def table(self, alias: str, name: str) -> str:
        """A table of the source in its SQL."""
        return quoted(name)

    def catalogue(self, con: Connection, alias: str) -> list[SourceTable]:
        """All tables and views of the database, with their columns in order."""
        rows = con.execute(f"SELECT * FROM {self.relation(alias, _CATALOGUE)}").fetchall()
        tables = []
        for (name, view, count), group in groupby(rows, key=lambda row: row[:3]):
            members = list(group)
            columns = tuple(SourceColumn(column, kind, null == "YES") for *_, column, kind, null, _ in members)
            key = sorted((int(position), column) for *_, column, _, _, position in members if position is not None)
            tables.append(SourceTable(name, columns, tuple(column for _, column in key), view == "1", int(count)))
        return tables

    def foreign_keys(self, con: Connection, alias: str) -> list[ForeignKey]:
        """The foreign keys inside the database, in the order of their tables and names."""
        return foreign_keys_of(con.execute(f"SELECT * FROM {self.relation(alias, _FOREIGN_KEYS)}").fetchall())

    def unique_keys(self, con: Connection, alias: str) -> list[UniqueKey]:
        """The unique indexes; one over the beginnings of texts makes the whole texts unique, too."""
        return unique_keys_of(con.execute(f"SELECT * FROM {self.relation(alias, _UNIQUE_KEYS)}").fetchall())

    def value(self, column: SourceColumn, *, as_text: bool) -> Value:
        """How a column is read without loss: as a text that is cast here."""
        name = quoted(column.name)
        kind = re.split(r"[ (]", column.type)[0]
        text = _shape(name) if _SHAPES.fullmatch(kind) else f"CAST({name} AS CHAR)"
        if as_text:
            return Value(f"HEX({name})" if kind in _BLOBS else text, "VARCHAR")
        if kind in _WHOLE:
            return Value(text, ("U" if "unsigned" in column.type else "") + _WHOLE[kind])
        if kind == "year":
            return Value(text, "SMALLINT")
        if kind == "bit":
            return Value(f"CAST(CAST({name} AS UNSIGNED) AS CHAR)", "UBIGINT")
        if kind in ("float", "double"):
            return Value(f"CAST(CAST({name} AS DOUBLE) AS CHAR)", kind.upper())
        if kind in _BLOBS:
            return Value(f"HEX({name})", "BLOB", landing="unhex({})")
        if kind in _TIMES:
            bad = f"{text} LIKE '%-00%'"
            whole = f"CASE WHEN NOT {bad} THEN {text} END"
            return Value(whole, _TIMES[kind], bad, whole)
        if kind == "json":
            return Value(text, "JSON")
        found = _DECIMAL.fullmatch(column.type)
        if found and int(found[1]) <= _WIDEST:
            return Value(text, f"DECIMAL({found[1]},{found[2]})")
        return Value(text, "VARCHAR")

    def moment(self, column: SourceColumn) -> bool | None:
        """Whether a cursor is a time (True) or a number (False); None if it can be no cursor."""
        kind = re.split(r"[ (]", column.type)[0]
        return True if kind in _TIMES else False if kind in _WHOLE or kind == "decimal" else None

    def since(self, column: SourceColumn, mark: str, overlap: timedelta | int) -> str:
        """A condition that is true for rows at or behind ``mark`` less the overlap, and for null cursors."""
        name = quoted(column.name)
        if isinstance(overlap, timedelta):
            moment = literal(mark.removesuffix("+00"))
            start = f"CAST({moment} AS DATETIME(6)) - INTERVAL {overlap.total_seconds():.0f} SECOND"
        else:
            start = f"CAST({literal(mark)} AS DECIMAL(38)) - {overlap}"
        return f"({name} >= {start} OR {name} IS NULL)"

    def digest(self, columns: Sequence[SourceColumn]) -> str | None:
        """The number of rows, and the sum of the beginnings of the MD5s of their texts."""
        texts = ", ".join(f"COALESCE(QUOTE({self.value(column, as_text=False).sql}), 'NULL')" for column in columns)
        number = f"CAST(CONV(LEFT(MD5(CONCAT_WS(',', {texts})), 16), 16, 10) AS UNSIGNED)"
        return f"CONCAT(COUNT(*), ':', COALESCE(SUM({number}), ''))"

    def total(self, column: SourceColumn | None, value: str) -> str | None:
        """Nothing: the scanner sends each statement outside of any transaction, so another one sees another state."""
        return None

    def block(self, key: Sequence[SourceColumn], size: int | None) -> str | None:
        """It is compared whole."""
        return None

    def why(self, text: str) -> Why:
        """What a message of the server, its client or the scanner means."""
        return matches(text, _MEANINGS) or Why("unknown")


def _shape(name: str) -> str:
    """SQL of the server that is a shape as a text, which a cast refuses: its reference system, if it has one, first."""
    system = f"CASE WHEN ST_SRID({name}) <> 0 THEN CONCAT('SRID=', ST_SRID({name}), ';') ELSE '' END"
    return f"CONCAT({system}, ST_AsText({name}))"


def quoted(name: str) -> str:
    """A name in MySQL's SQL.

    >>> quoted("a`b")
    '`a``b`'
    """
    return "`" + name.replace("`", "``") + "`"
