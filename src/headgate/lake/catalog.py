"""What a lake's catalog says, without reading data: tables, columns, data files, statistics.

Read from DuckLake's own metadata tables at the newest snapshot of the attached lake. Source:
https://ducklake.select/docs/stable/specification/tables/overview
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from headgate.lake.engine import LAKE, Connection, fetch_dicts, ident, literal

#: DuckLake's names of the simple types, as DuckDB spells them.
DUCKDB_TYPES = {
    "boolean": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "int128": "HUGEINT",
    "uint8": "UTINYINT",
    "uint16": "USMALLINT",
    "uint32": "UINTEGER",
    "uint64": "UBIGINT",
    "uint128": "UHUGEINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "varchar": "VARCHAR",
    "blob": "BLOB",
    "date": "DATE",
    "time": "TIME",
    "timetz": "TIME WITH TIME ZONE",
    "timestamp": "TIMESTAMP",
    "timestamp_s": "TIMESTAMP_S",
    "timestamp_ms": "TIMESTAMP_MS",
    "timestamp_ns": "TIMESTAMP_NS",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "interval": "INTERVAL",
    "uuid": "UUID",
    "json": "JSON",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: ``type`` is DuckDB's spelling; ``since`` the snapshot in which it got this definition."""

    id: int
    name: str
    type: str
    since: int
    default: str | None


@dataclass(frozen=True, slots=True)
class DataFile:
    """An immutable Parquet file of a table; ``path`` is relative to the lake's data folder.

    ``rows`` counts what was written, ``deleted`` what the delete file ``deletes`` takes away.
    """

    id: int
    path: str
    rows: int
    bytes: int
    since: int
    deletes: str | None
    deleted: int


@dataclass(frozen=True)
class Table:
    """A table of the lake."""

    id: int
    schema: str
    name: str
    columns: tuple[Column, ...]
    files: tuple[DataFile, ...]

    @property
    def rows(self) -> int:
        """The exact number of rows, known without a scan."""
        return sum(file.rows - file.deleted for file in self.files)

    @cached_property
    def identity(self) -> str:
        """Equal for two tables that hold the same files and mean the same columns by them.

        A run asks some thousand times, since the state of a view is that of everything behind it.
        """
        return digest(
            [
                [(c.id, c.name, c.type, c.default) for c in self.columns],
                sorted((f.path, f.deletes or "") for f in self.files),
            ]
        )


@dataclass(frozen=True, slots=True)
class View:
    """A view of the lake; ``sql`` is its body, with ``{DUCKLAKE_CATALOG}`` where the lake is named."""

    schema: str
    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What the catalog recorded of one column in one data file; minimum and maximum are texts."""

    values: int | None
    nulls: int | None
    minimum: str | None
    maximum: str | None


@dataclass(frozen=True, slots=True)
class Contents:
    """All tables and views of an attached lake, by ``schema.name``.

    ``outside`` names relations that lie in no lake, such as a file: they can be read, and nothing else is
    known of them. ``identities`` are those of views that somebody asked for.
    """

    tables: dict[str, Table]
    views: dict[str, View]
    outside: frozenset[str] = frozenset()
    identities: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)


def digest(value: object) -> str:
    """A short stable hash of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


def read_contents(con: Connection, alias: str = LAKE) -> Contents:
    """Read every table and view of the lake attached as ``alias`` at its newest snapshot."""
    meta = ident(f"__ducklake_metadata_{alias}")
    columns = _read_columns(con, meta)
    files: dict[int, list[DataFile]] = defaultdict(list)
    for row in fetch_dicts(
        con,
        f"""SELECT f.table_id, f.data_file_id, f.record_count, f.file_size_bytes, f.begin_snapshot,
                   CASE WHEN f.path_is_relative THEN s.path || t.path || f.path ELSE f.path END AS path,
                   CASE WHEN d.path_is_relative THEN s.path || t.path || d.path ELSE d.path END AS deletes,
                   coalesce(d.delete_count, 0) AS deleted
            FROM {meta}.ducklake_data_file f
            JOIN {meta}.ducklake_table t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
            JOIN {meta}.ducklake_schema s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
            LEFT JOIN {meta}.ducklake_delete_file d ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL
            WHERE f.end_snapshot IS NULL ORDER BY f.data_file_id""",
    ):
        files[row["table_id"]].append(
            DataFile(
                row["data_file_id"],
                row["path"],
                row["record_count"],
                row["file_size_bytes"],
                row["begin_snapshot"],
                row["deletes"],
                row["deleted"],
            )
        )
    tables = {}
    for row in fetch_dicts(con, _objects(meta, "table")):
        table = Table(
            row["id"],
            row["schema"],
            row["name"],
            tuple(columns[row["id"]]),
            tuple(files[row["id"]]),
        )
        tables[f"{table.schema}.{table.name}"] = table
    views = {}
    for row in fetch_dicts(con, _objects(meta, "view", ", o.sql AS sql")):
        views[f"{row['schema']}.{row['name']}"] = View(row["schema"], row["name"], row["sql"])
    return Contents(tables, views)


def read_statistics(con: Connection, table: Table, alias: str = LAKE) -> dict[tuple[int, int], ColumnStatistics]:
    """What the catalog knows of each (data file id, column id) of ``table``.

    Statistics that cannot be believed (see ``gates``) are in here too: judging them is the caller's work.
    """
    meta = ident(f"__ducklake_metadata_{alias}")
    # no bound parameter: the first one of a process makes DuckDB import pandas where it is installed, 0.3 s
    rows = con.execute(
        f"SELECT data_file_id, column_id, value_count, null_count, min_value, max_value "
        f"FROM {meta}.ducklake_file_column_stats WHERE table_id = {literal(table.id)}"
    ).fetchall()
    return {(file, column): ColumnStatistics(*facts) for file, column, *facts in rows}


def duckdb_type(name: str) -> str:
    """DuckLake's type name as DuckDB spells it.

    >>> duckdb_type("int64"), duckdb_type("decimal(10,2)")
    ('BIGINT', 'DECIMAL(10,2)')
    """
    return DUCKDB_TYPES.get(name, name.upper())


def _read_columns(con: Connection, meta: str) -> dict[int, list[Column]]:
    """The columns of each table id, in their order; a nested type is spelled out from its parts."""
    rows = fetch_dicts(
        con,
        f"SELECT table_id, column_id, column_name, column_type, begin_snapshot, initial_default, parent_column "
        f"FROM {meta}.ducklake_column WHERE end_snapshot IS NULL ORDER BY table_id, column_order",
    )
    parts: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["parent_column"] is not None:
            parts[row["table_id"], row["parent_column"]].append(row)
    columns: dict[int, list[Column]] = defaultdict(list)
    for row in rows:
        if row["parent_column"] is None:
            spelled = _spelled(row, parts)
            columns[row["table_id"]].append(
                Column(row["column_id"], row["column_name"], spelled, row["begin_snapshot"], row["initial_default"])
            )
    return columns


def _spelled(row: dict[str, Any], parts: dict[tuple[int, int], list[dict[str, Any]]]) -> str:
    """The type of one column as DuckDB spells it, with the types of what is nested in it."""
    inner = parts.get((row["table_id"], row["column_id"]), [])
    types = [_spelled(part, parts) for part in inner]
    match row["column_type"]:
        case "struct":
            fields = (f"{_field_name(part['column_name'])} {type_}" for part, type_ in zip(inner, types, strict=True))
            return f"STRUCT({', '.join(fields)})"
        case "list":
            return f"{types[0]}[]"
        case "map":
            return f"MAP({', '.join(types)})"
        case name:
            return duckdb_type(name)


def _field_name(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else ident(name)


def _objects(meta: str, kind: str, more: str = "") -> str:
    return (
        f"SELECT o.{kind}_id AS id, s.schema_name AS schema, o.{kind}_name AS name{more} "
        f"FROM {meta}.ducklake_{kind} o "
        f"JOIN {meta}.ducklake_schema s ON s.schema_id = o.schema_id AND s.end_snapshot IS NULL "
        f"WHERE o.end_snapshot IS NULL ORDER BY 2, 3"
    )
