"""DuckDB files, attached beside the lake: the source's SQL is DuckDB's own."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from headgate.lake.engine import Connection, ident, literal, qualified
from headgate.project.database_config import DuckdbSource
from headgate.sources.databases.dialect import ForeignKey, SourceColumn, SourceTable, UniqueKey, Value, Why, matches
from headgate.sources.databases.files import BUSY, DatabaseFile

#: Types that a lake of Parquet files does not hold as they are. A HUGEINT would become a float there.
_AS_TEXT = re.compile(r"ENUM|INTERVAL|TIME WITH TIME ZONE|TIMETZ|BIT|HUGEINT|BIGNUM|UNION|VARIANT|GEOMETRY|TIME_NS")
_MOMENTS = re.compile(r"DATE|TIMESTAMP.*")
_NUMBERS = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT)|DECIMAL\(.*\)")
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_MEANINGS = {
    "could not set lock": BUSY,
    "conflicting lock": BUSY,
    "not a valid duckdb database": Why("refused", hint="path names no DuckDB file"),
    "newer version": Why("refused", hint="a newer DuckDB wrote the file"),
    "unique file handle conflict": Why("refused", hint="this process has the file open already: is it the lake's?"),
}


class DuckdbFile(DatabaseFile):
    """A DuckDB file."""

    extension = None
    extra = None
    log = ".wal"

    def __init__(self, config: DuckdbSource, folder: Path) -> None:
        super().__init__(config, folder)
        self.schema = config.schema_

    def attach(self, con: Connection, alias: str) -> None:
        """Attach the file read-only."""
        con.execute(f"ATTACH {literal(str(self.path()))} AS {ident(alias)} (TYPE duckdb, READ_ONLY)")

    def relation(self, alias: str, sql: str) -> str:
        """The query itself: it is DuckDB's SQL already."""
        return f"({sql})"

    def table(self, alias: str, name: str) -> str:
        """A table of the source in its SQL."""
        return qualified(alias, self.schema, name)

    def catalogue(self, con: Connection, alias: str) -> list[SourceTable]:
        """All tables and views of the schema, with their columns in order."""
        here = f"database_name = {literal(alias)} AND schema_name = {literal(self.schema)}"
        views = {
            name
            for (name,) in con.execute(f"SELECT view_name FROM duckdb_views() WHERE {here} AND NOT internal").fetchall()
        }
        keys = dict(
            con.execute(
                f"SELECT table_name, constraint_column_names FROM duckdb_constraints() "
                f"WHERE {here} AND constraint_type = 'PRIMARY KEY'"
            ).fetchall()
        )
        columns: dict[str, list[SourceColumn]] = {}
        for table, name, kind, nullable in con.execute(
            f"SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() WHERE {here} "
            "ORDER BY table_name, column_index"
        ).fetchall():
            columns.setdefault(table, []).append(SourceColumn(name, kind, nullable))
        return [
            SourceTable(name, tuple(members), tuple(keys.get(name, ())), name in views)
            for name, members in columns.items()
        ]

    def foreign_keys(self, con: Connection, alias: str) -> list[ForeignKey]:
        """The foreign keys of the schema; in a file they never lead out of it."""
        rows = con.execute(
            "SELECT table_name, constraint_column_names, referenced_table, referenced_column_names "
            f"FROM duckdb_constraints() WHERE database_name = {literal(alias)} "
            f"AND schema_name = {literal(self.schema)} AND constraint_type = 'FOREIGN KEY' "
            "ORDER BY table_name, constraint_column_names"
        ).fetchall()
        return [ForeignKey(table, tuple(columns), to, tuple(to_columns)) for table, columns, to, to_columns in rows]

    def unique_keys(self, con: Connection, alias: str) -> list[UniqueKey]:
        """The unique constraints, and the unique indexes over columns alone, which are written as SQL."""
        here = f"database_name = {literal(alias)} AND schema_name = {literal(self.schema)}"
        constraints = con.execute(
            f"SELECT table_name, constraint_column_names FROM duckdb_constraints() "
            f"WHERE {here} AND constraint_type = 'UNIQUE'"
        ).fetchall()
        indexes = con.execute(
            f"SELECT table_name, CAST(expressions AS VARCHAR[]) FROM duckdb_indexes() WHERE {here} AND is_unique"
        ).fetchall()
        rows = con.execute(f"SELECT table_name, column_name FROM duckdb_columns() WHERE {here}").fetchall()
        names = {(table, ident(name)): name for table, name in rows}
        names |= {(table, name): name for table, name in rows if name.isidentifier()}
        return [UniqueKey(table, tuple(key)) for table, key in constraints] + [
            UniqueKey(table, tuple(names[table, each] for each in written))
            for table, written in indexes
            if all((table, each) in names for each in written)
        ]

    def value(self, column: SourceColumn, *, as_text: bool) -> Value:
        """How a column is read without loss."""
        name = ident(column.name)
        if as_text or _AS_TEXT.search(column.type):
            return Value(f"CAST({name} AS VARCHAR)", "VARCHAR")
        if column.type in _FLOATS:
            return Value(name, column.type, f"NOT isfinite({name})", f"CASE WHEN isfinite({name}) THEN {name} END")
        return Value(name, column.type)

    def moment(self, column: SourceColumn) -> bool | None:
        """Whether a cursor is a time (True) or a number (False); None if it can be no cursor."""
        if _MOMENTS.fullmatch(column.type):
            return True
        return False if _NUMBERS.fullmatch(column.type) else None

    def since(self, column: SourceColumn, mark: str, overlap: timedelta | int) -> str:
        """A condition that is true for rows at or behind ``mark`` less the overlap, and for null cursors."""
        name = ident(column.name)
        less = f"INTERVAL {overlap.total_seconds():.0f} SECONDS" if isinstance(overlap, timedelta) else str(overlap)
        return f"({name} >= CAST({literal(mark)} AS {column.type}) - {less} OR {name} IS NULL)"

    def total(self, column: SourceColumn | None, value: str) -> str:
        """The number of rows, or a sum: of whole numbers and decimals exact, of floats one of 64 bits."""
        return f"CAST({'count(*)' if column is None else f'coalesce(sum({value}), 0)'} AS VARCHAR)"

    def why(self, text: str) -> Why:
        """What a message of DuckDB means."""
        return matches(text, _MEANINGS) or Why("unknown")
