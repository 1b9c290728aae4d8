"""What a release says about its tables, from the catalog alone: nothing is scanned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headgate.lake.catalog import Column, ColumnStatistics, Contents, Table, View, digest, read_statistics
from headgate.lake.engine import LAKE, Connection, qualified

#: Types whose recorded minimum and maximum are exact. Floats are not: their statistics miss NaN.
EXACT_TYPES = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
    | {"DATE", "TIMESTAMP"}
)
#: DuckLake cuts longer strings, and cuts them below the truth.
LONGEST_EXACT_STRING = 256


def believable(table: Table, column: Column, stats: dict[tuple[int, int], ColumnStatistics]) -> list[ColumnStatistics]:
    """The statistics of ``column`` in every file of ``table``, or nothing if any of them may lie.

    A file older than the column's definition was written with another type, or without the column.
    """
    found = []
    for file in table.files:
        known = stats.get((file.id, column.id))
        if known is None or file.since < column.since or known.nulls is None:
            return []
        found.append(known)
    return found


def profile_table(con: Connection, table: Table, alias: str = LAKE) -> list[dict[str, Any]]:
    """Name, type, null share, minimum and maximum of each column; None where statistics cannot say exactly."""
    stats = read_statistics(con, table, alias)
    whole = all(file.deletes is None for file in table.files)
    return [
        _profile_column(con, table, column, believable(table, column, stats) if whole else [])
        for column in table.columns
    ]


def describe(
    con: Connection, contents: Contents, schemas: tuple[str, ...], alias: str = LAKE
) -> dict[str, dict[str, Any]]:
    """The manifest's entry for every table and view of ``schemas``."""
    entries: dict[str, dict[str, Any]] = {}
    for name, table in contents.tables.items():
        if table.schema in schemas:
            entries[name] = {
                "schema": table.schema,
                "kind": "table",
                "rows": table.rows,
                "bytes": sum(file.bytes for file in table.files),
                "identity": table.identity,
                "columns": profile_table(con, table, alias),
                "files": [path for file in table.files for path in (file.path, file.deletes) if path],
            }
    for name, view in contents.views.items():
        if view.schema in schemas:
            entries[name] = {
                "schema": view.schema,
                "kind": "view",
                "rows": None,
                "identity": identity_of(contents, name),
                "columns": [{"name": c, "type": t} for c, t in view_columns(con, view, alias)],
                "sql": view.sql,
            }
    return entries


def identity_of(contents: Contents, name: str) -> str:
    """Equal for two states of a table or view that hold the same data.

    A view is its text and whatever stands behind the names in it; since a name can hide anywhere in
    a text, every table and view whose name occurs in it counts.
    """
    return _identity(contents, name, frozenset())


def _identity(contents: Contents, name: str, above: frozenset[str]) -> str:
    if name in contents.tables:
        return contents.tables[name].identity
    view = contents.views[name]
    text = view.sql.lower()
    inputs = [
        other
        for other in [*contents.tables, *contents.views]
        if other != name and other not in above and other.split(".", 1)[1].lower() in text
    ]
    return digest([view.sql, sorted((i, _identity(contents, i, above | {name})) for i in inputs)])


def view_columns(con: Connection, view: View, alias: str = LAKE) -> Iterator[tuple[str, str]]:
    """Name and type of each column of a view."""
    for row in con.execute(f"DESCRIBE {qualified(alias, view.schema, view.name)}").fetchall():
        yield row[0], row[1]


def _profile_column(con: Connection, table: Table, column: Column, stats: list[ColumnStatistics]) -> dict[str, Any]:
    rows = sum(file.rows for file in table.files)
    entry: dict[str, Any] = {"name": column.name, "type": column.type, "null_share": None, "min": None, "max": None}
    if not stats or not rows:
        return entry
    entry["null_share"] = round(sum(s.nulls or 0 for s in stats) / rows, 6)
    filled = [s for s, file in zip(stats, table.files, strict=True) if (s.nulls or 0) < file.rows]
    lows = [s.minimum for s in filled if s.minimum is not None]
    highs = [s.maximum for s in filled if s.maximum is not None]
    if not filled or len(lows) != len(filled) or len(highs) != len(filled) or not _exact(column, [*lows, *highs]):
        return entry
    low, high = con.execute(
        f"SELECT (SELECT min(CAST(x AS {column.type})) FROM unnest(?) t(x))::VARCHAR,"
        f" (SELECT max(CAST(x AS {column.type})) FROM unnest(?) t(x))::VARCHAR",
        [lows, highs],
    ).fetchall()[0]
    return entry | {"min": low, "max": high}


def _exact(column: Column, bounds: list[str]) -> bool:
    if column.type in EXACT_TYPES or column.type.startswith("DECIMAL"):
        return True
    return column.type == "VARCHAR" and all(len(b.encode()) < LONGEST_EXACT_STRING for b in bounds)
