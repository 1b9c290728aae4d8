"""What a lake's catalog says, without reading data: tables, columns, data files, statistics.

Read from DuckLake's own metadata tables at the newest snapshot of the attached lake. Source:
https://ducklake.select/docs/stable/specification/tables/overview
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
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
#: What is read of each of DuckLake's metadata tables.
_READ = {
    "schema": "schema_id AS id, schema_name AS name, path",
    "table": "table_id AS id, schema_id, table_name AS name, path",
    "column": "table_id, column_id AS id, column_name AS name, column_type AS type, begin_snapshot AS since,"
    " initial_default, parent_column AS parent, column_order AS place",
    "data_file": "data_file_id AS id, table_id, path, path_is_relative, record_count AS rows,"
    " file_size_bytes AS bytes, begin_snapshot AS since",
    "delete_file": "data_file_id AS id, path, path_is_relative, delete_count AS deleted",
    "view": "schema_id, view_name AS name, sql",
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


def lake_id(con: Connection, alias: str = LAKE) -> str:
    """What all releases of one lake have in common, wherever it is moved or copied to, and no other lake has.

    DuckLake draws it for the first schema of a catalog, and every later catalog of a lake is a copy of the one before.
    """
    meta = ident(f"__ducklake_metadata_{alias}")
    return str(con.execute(f"SELECT schema_uuid FROM {meta}.ducklake_schema WHERE schema_id = 0").fetchall()[0][0])


def read_contents(con: Connection, alias: str = LAKE) -> Contents:
    """Read every table and view of the lake attached as ``alias`` at its newest snapshot.

    One statement reads them all, and they are joined here: they are small, and planning takes most of the time.
    """
    there = _living(con, ident(f"__ducklake_metadata_{alias}"))
    columns = _columns(there["column"])
    schemas = {row["id"]: row for row in there["schema"]}
    found = _in_order(there["table"], schemas)
    folders = {row["id"]: f"{schemas[row['schema_id']]['path']}{row['path']}" for row in found}
    files = _files(there["data_file"], there["delete_file"], folders)
    tables, views = {}, {}
    for row in found:
        schema = schemas[row["schema_id"]]["name"]
        table = Table(row["id"], schema, row["name"], tuple(columns[row["id"]]), tuple(files[row["id"]]))
        tables[f"{schema}.{row['name']}"] = table
    for row in _in_order(there["view"], schemas):
        schema = schemas[row["schema_id"]]["name"]
        views[f"{schema}.{row['name']}"] = View(schema, row["name"], row["sql"])
    return Contents(tables, views)


def _living(con: Connection, meta: str) -> dict[str, list[dict[str, Any]]]:
    """Of each of DuckLake's metadata tables the rows that are so in the newest snapshot."""
    queries = (
        f"SELECT {literal(kind)} AS kind, {names} FROM {meta}.ducklake_{kind} WHERE end_snapshot IS NULL"
        for kind, names in _READ.items()
    )
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in fetch_dicts(con, " UNION ALL BY NAME ".join(queries)):
        rows[row["kind"]].append(row)
    return rows


def _in_order(rows: Iterable[dict[str, Any]], schemas: Mapping[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """Tables or views that are in a schema, by its name and their own."""
    there = (row for row in rows if row["schema_id"] in schemas)
    return sorted(there, key=lambda row: (schemas[row["schema_id"]]["name"], row["name"]))


def _files(
    written: Iterable[dict[str, Any]], deleted: Iterable[dict[str, Any]], folders: Mapping[int, str]
) -> dict[int, list[DataFile]]:
    """The data files of each table id, the oldest first; ``folders`` says where each table's files lie."""
    deletes = {row["id"]: row for row in deleted}
    files: dict[int, list[DataFile]] = defaultdict(list)
    for row in sorted(written, key=lambda row: row["id"]):
        folder = folders.get(row["table_id"])
        if folder is None:
            continue
        gone = deletes.get(row["id"])
        file = DataFile(
            row["id"],
            _path(folder, row),
            row["rows"],
            row["bytes"],
            row["since"],
            None if gone is None else _path(folder, gone),
            0 if gone is None else gone["deleted"],
        )
        files[row["table_id"]].append(file)
    return files


def _path(folder: str, row: Mapping[str, Any]) -> str:
    return f"{folder}{row['path']}" if row["path_is_relative"] else str(row["path"])


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


def _columns(rows: list[dict[str, Any]]) -> dict[int, list[Column]]:
    """The columns of each table id, in their order; a nested type is spelled out from its parts."""
    ordered = sorted(rows, key=lambda row: (row["table_id"], row["place"]))
    parts: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for row in ordered:
        if row["parent"] is not None:
            parts[row["table_id"], row["parent"]].append(row)
    columns: dict[int, list[Column]] = defaultdict(list)
    for row in ordered:
        if row["parent"] is None:
            column = Column(row["id"], row["name"], _spelled(row, parts), row["since"], row["initial_default"])
            columns[row["table_id"]].append(column)
    return columns


def _spelled(row: dict[str, Any], parts: dict[tuple[int, int], list[dict[str, Any]]]) -> str:
    """The type of one column as DuckDB spells it, with the types of what is nested in it."""
    inner = parts.get((row["table_id"], row["id"]), [])
    types = [_spelled(part, parts) for part in inner]
    match row["type"]:
        case "struct":
            fields = (f"{_field_name(part['name'])} {type_}" for part, type_ in zip(inner, types, strict=True))
            return f"STRUCT({', '.join(fields)})"
        case "list":
            return f"{types[0]}[]"
        case "map":
            return f"MAP({', '.join(types)})"
        case name:
            return duckdb_type(name)


def _field_name(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else ident(name)
