"""SQLite files. Any value can stand in any column, so each is asked for its kind before it is taken.

``sqlite_query`` hands every value over as a text; what is asked for is therefore a text that loses
nothing, which DuckDB casts: 17 digits of a float, the hexadecimal digits of a blob.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

from headgate.lake.engine import Connection, ident, literal
from headgate.sources.databases.dialect import (
    ForeignKey,
    SourceColumn,
    SourceTable,
    UniqueKey,
    Value,
    Why,
    foreign_keys_of,
    matches,
    unique_keys_of,
)
from headgate.sources.databases.files import BUSY, DatabaseFile

_CATALOGUE = """
SELECT m.name AS table_name, CAST(m.type = 'view' AS text) AS is_view, c.name AS column_name, upper(c.type) AS kind,
  CAST(c."notnull" = 0 AS text) AS nullable, CAST(c.pk AS text) AS key_position
FROM sqlite_schema m, pragma_table_xinfo(m.name) c
WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND c.hidden <> 1
ORDER BY m.name, c.cid
"""
#: A key without columns refers to the primary key. Names are those of the tables, whatever case the key has them in.
_FOREIGN_KEYS = """
SELECT CAST(k.id AS text) AS number, m.name AS table_name, a.name AS column_name, r.name AS referred,
  b.name AS referred_column
FROM sqlite_schema m
  JOIN pragma_foreign_key_list(m.name) k
  JOIN sqlite_schema r ON r.type = 'table' AND r.name = k."table" COLLATE NOCASE
  JOIN pragma_table_info(m.name) a ON a.name = k."from" COLLATE NOCASE
  JOIN pragma_table_info(r.name) b
    ON CASE WHEN k."to" IS NULL THEN b.pk = k.seq + 1 ELSE b.name = k."to" COLLATE NOCASE END
WHERE m.type = 'table'
ORDER BY m.name, k.id DESC, k.seq
"""
_UNIQUE_KEYS = """
SELECT l.name AS index_name, m.name AS table_name, c.name AS column_name
FROM sqlite_schema m JOIN pragma_index_list(m.name) l JOIN pragma_index_info(l.name) c
WHERE m.type = 'table' AND l."unique" AND NOT l.partial
ORDER BY m.name, l.name, c.seqno
"""
_EXACT = 2**53
_LOW_HALF = 2**32 - 1
#: A time that DuckDB reads without loss: microseconds at most, and no zone.
_LONGEST_TIME = len("2026-01-01 00:00:00.000000")
_MEANINGS = {
    "database is locked": BUSY,
    "not a database": Why("refused", hint="path names no SQLite file"),
    "malformed": Why("refused", hint="the file is damaged: sqlite3 FILE 'pragma integrity_check'"),
}


class Sqlite(DatabaseFile):
    """A SQLite file."""

    extension = "sqlite_scanner"
    extra = "sqlite"
    log = "-wal"

    def attach(self, con: Connection, alias: str) -> None:
        """Attach the file read-only."""
        con.execute(f"ATTACH {literal(str(self.path()))} AS {ident(alias)} (TYPE sqlite, READ_ONLY)")

    def relation(self, alias: str, sql: str) -> str:
        """A table of DuckDB's SQL that is what the source answers to ``sql``."""
        return f"sqlite_query({literal(alias)}, {literal(sql)})"

    def table(self, alias: str, name: str) -> str:
        """A table of the source in its SQL."""
        return ident(name)

    def catalogue(self, con: Connection, alias: str) -> list[SourceTable]:
        """All tables and views, with their columns in order."""
        rows = con.execute(f"SELECT * FROM {self.relation(alias, _CATALOGUE)}").fetchall()
        tables = []
        for (name, view), group in groupby(rows, key=lambda row: row[:2]):
            members = list(group)
            columns = tuple(
                SourceColumn(column, kind or "", nullable == "1") for *_, column, kind, nullable, _ in members
            )
            key = sorted((int(position), column) for *_, column, _, _, position in members if int(position))
            tables.append(SourceTable(name, columns, tuple(column for _, column in key), view == "1"))
        return tables

    def foreign_keys(self, con: Connection, alias: str) -> list[ForeignKey]:
        """The foreign keys that are declared; SQLite holds to them only if it is told to."""
        return foreign_keys_of(con.execute(f"SELECT * FROM {self.relation(alias, _FOREIGN_KEYS)}").fetchall())

    def unique_keys(self, con: Connection, alias: str) -> list[UniqueKey]:
        """The unique constraints and indexes of whole tables, over columns alone."""
        return unique_keys_of(con.execute(f"SELECT * FROM {self.relation(alias, _UNIQUE_KEYS)}").fetchall())

    def value(self, column: SourceColumn, *, as_text: bool) -> Value:
        """How a column is read without loss. What is declared decides; what stands there is compared with it."""
        name = ident(column.name)
        is_a = f"typeof({name})"
        kind = _affinity(column.type)
        if kind == "BLOB" and not as_text:
            return Value(f"CASE WHEN {is_a} <> 'null' THEN hex({name}) END", "BLOB", landing="unhex({})")
        if as_text or kind == "VARCHAR":
            text = f"CASE {is_a} WHEN 'blob' THEN hex({name}) WHEN 'real' THEN printf('%!.17g', {name}) ELSE {name} END"
            if as_text:
                return Value(text, "VARCHAR")
            return Value(f"CASE WHEN {is_a} <> 'blob' THEN {name} END", "VARCHAR", f"{is_a} = 'blob'")
        if kind == "BIGINT":
            return Value(f"CASE {is_a} WHEN 'integer' THEN {name} END", kind, f"{is_a} NOT IN ('integer', 'null')")
        if kind == "BOOLEAN":
            return Value(
                f"CASE WHEN {name} IN (0, 1) THEN {name} END", kind, f"{name} IS NOT NULL AND {name} NOT IN (0, 1)"
            )
        if kind == "DOUBLE":
            bad = (
                f"({is_a} IN ('text', 'blob') OR abs({name}) > 1.7976931348623157e308 "
                f"OR ({is_a} = 'integer' AND abs({name}) > {_EXACT}))"
            )
            return Value(
                f"CASE WHEN NOT {bad} THEN printf('%!.17g', {name}) END", kind, f"{name} IS NOT NULL AND {bad}"
            )
        function = "date" if kind == "DATE" else "datetime"
        other = f"date({name}) <> {name}" if kind == "DATE" else _no_plain_time(name)
        bad = f"({is_a} <> 'text' OR {function}({name}) IS NULL OR {other})"
        return Value(f"CASE WHEN NOT {bad} THEN {name} END", kind, f"{name} IS NOT NULL AND {bad}")

    def moment(self, column: SourceColumn) -> bool | None:
        """Whether a cursor is a time (True) or a number (False); None if it can be no cursor."""
        kind = _affinity(column.type)
        return True if kind in ("DATE", "TIMESTAMP") else False if kind == "BIGINT" else None

    def since(self, column: SourceColumn, mark: str, overlap: timedelta | int) -> str:
        """A condition that is true for rows at or behind ``mark`` less the overlap, and for null cursors."""
        name = ident(column.name)
        if isinstance(overlap, timedelta):
            back = literal(f"-{overlap.total_seconds():.0f} seconds")
            return f"(julianday({name}) >= julianday({literal(mark)}, {back}) - 0.00001 OR julianday({name}) IS NULL)"
        return f"({name} >= {int(mark)} - {overlap} OR {name} IS NULL)"

    def total(self, column: SourceColumn | None, value: str) -> str:
        """The number of rows, or a sum: of whole numbers in two halves, since a sum beyond 64 bits is an error."""
        if column is None:
            return "CAST(count(*) AS text)"
        if _affinity(column.type) == "DOUBLE":
            return f"printf('%!.17g', coalesce(sum(CAST({value} AS real)), 0))"
        low = f"coalesce(sum(({value}) & {_LOW_HALF}), 0)"
        high = f"(coalesce(sum(({value}) >> 32), 0) + ({low} >> 32))"
        fits = f"{high} BETWEEN -2147483648 AND 2147483647"
        return f"CASE WHEN {fits} THEN CAST({high} * {_LOW_HALF + 1} + ({low} & {_LOW_HALF}) AS text) END"

    def why(self, text: str) -> Why:
        """What a message of SQLite or the scanner means."""
        return matches(text, _MEANINGS) or Why("unknown")


def _affinity(declared: str) -> str:
    """What values of a column are meant to be, by the words of its declared type, as SQLite reads them.

    >>> [_affinity(kind) for kind in ("BIGINT", "VARCHAR(5)", "DATETIME", "DECIMAL(10,2)", "", "BOOLEAN", "REAL")]
    ['BIGINT', 'VARCHAR', 'TIMESTAMP', 'DOUBLE', 'VARCHAR', 'BOOLEAN', 'DOUBLE']
    """
    words = (
        ("BOOL", "BOOLEAN"), ("INT", "BIGINT"), ("CHAR", "VARCHAR"), ("CLOB", "VARCHAR"), ("TEXT", "VARCHAR"),
        ("BLOB", "BLOB"), ("DATETIME", "TIMESTAMP"), ("TIMESTAMP", "TIMESTAMP"), ("DATE", "DATE"), ("TIME", "VARCHAR"),
        ("REAL", "DOUBLE"), ("FLOA", "DOUBLE"), ("DOUB", "DOUBLE"), ("NUM", "DOUBLE"), ("DEC", "DOUBLE"),
    )  # fmt: skip
    return next((kind for word, kind in words if word in declared), "VARCHAR")


def _no_plain_time(name: str) -> str:
    return f"(length({name}) > {_LONGEST_TIME} OR substr({name}, 11) GLOB '*[Zz+-]*' OR length({name}) < 10)"
