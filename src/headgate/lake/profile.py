"""What a release says about its tables, from the catalog alone: nothing is scanned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from headgate.lake.catalog import Contents, View, digest, duckdb_type
from headgate.lake.engine import LAKE, Connection, ident, literal, qualified

#: Types whose recorded minimum and maximum are exact. Floats are not: their statistics miss NaN.
EXACT_TYPES = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
    | {"DATE", "TIMESTAMP"}
)
#: DuckLake cuts longer strings, and cuts them below the truth.
LONGEST_EXACT_STRING = 256
_WORD = re.compile(r"\w+")
#: What is said of a column of which statistics say nothing for sure.
UNKNOWN: dict[str, Any] = {"null_share": None, "min": None, "max": None}

#: One row per live file and column of every table without deletes, with what the catalog recorded of it.
#: ``sure`` says that the statistics count every row, by the column's present definition: a file older than
#: that was written with another type, or without the column.
_RECORDED = """
    SELECT c.table_id, c.column_id, c.column_type, f.record_count AS rows, s.null_count AS nulls,
           s.min_value AS low, s.max_value AS high,
           coalesce(f.begin_snapshot >= c.begin_snapshot
                    AND s.value_count + s.null_count = f.record_count, false) AS sure
    FROM {meta}.ducklake_column c
    JOIN {meta}.ducklake_data_file f ON f.table_id = c.table_id AND f.end_snapshot IS NULL
    LEFT JOIN {meta}.ducklake_file_column_stats s ON s.data_file_id = f.data_file_id AND s.column_id = c.column_id
    WHERE c.end_snapshot IS NULL AND c.parent_column IS NULL AND c.table_id NOT IN
          (SELECT table_id FROM {meta}.ducklake_delete_file WHERE end_snapshot IS NULL)
"""


def profiles(con: Connection, alias: str = LAKE) -> dict[tuple[int, int], dict[str, Any]]:
    """Null share, minimum and maximum by (table id, column id), where statistics can say them exactly.

    A column whose null share is unknown is not in the result; an unknown minimum or maximum is None.
    The number of queries does not depend on the number of tables.
    """
    recorded = _RECORDED.format(meta=ident(f"__ducklake_metadata_{alias}"))
    known: dict[tuple[int, int], dict[str, Any]] = {}
    exact: set[str] = set()
    for table, column, type_, share in con.execute(
        f"SELECT table_id, column_id, column_type, round(sum(nulls) / sum(rows), 6) FROM ({recorded}) "
        f"GROUP BY ALL HAVING bool_and(sure) AND sum(rows) > 0"
    ).fetchall():
        known[table, column] = {"null_share": share, "min": None, "max": None}
        exact |= {type_} if _is_exact(duckdb_type(type_)) else set()
    if exact:
        bounds = " UNION ALL ".join(_bounds(type_) for type_ in sorted(exact))
        rows = con.execute(f"WITH recorded AS MATERIALIZED ({recorded}) {bounds}").fetchall()
        for table, column, low, high in rows:
            if (table, column) in known:
                known[table, column] |= {"min": low, "max": high}
    return known


def _is_exact(type_: str) -> bool:
    return type_ in EXACT_TYPES or type_ == "VARCHAR" or type_.startswith("DECIMAL")


def _bounds(type_: str) -> str:
    """Bounds of every column of one type, parsed by DuckDB's own cast; files full of nulls have none."""
    low, high = (f"TRY_CAST({side} AS {duckdb_type(type_)})" for side in ("low", "high"))
    short = f" AND max(greatest(strlen(low), strlen(high))) < {LONGEST_EXACT_STRING}" if type_ == "varchar" else ""
    return (
        f"SELECT table_id, column_id, min({low})::VARCHAR, max({high})::VARCHAR FROM recorded "
        f"WHERE column_type = {literal(type_)} AND nulls < rows "
        f"GROUP BY ALL HAVING count({low}) = count(*) AND count({high}) = count(*){short}"
    )


def describe(
    con: Connection, contents: Contents, schemas: tuple[str, ...], alias: str = LAKE
) -> dict[str, dict[str, Any]]:
    """The manifest's entry for every table and view of ``schemas``."""
    entries: dict[str, dict[str, Any]] = {}
    known = profiles(con, alias)
    for name, table in contents.tables.items():
        if table.schema in schemas:
            entries[name] = {
                "schema": table.schema,
                "kind": "table",
                "rows": table.rows,
                "bytes": sum(file.bytes for file in table.files),
                "identity": table.identity,
                "columns": [
                    {"name": c.name, "type": c.type} | known.get((table.id, c.id), UNKNOWN) for c in table.columns
                ],
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
    a text, every table and view whose name occurs in it as a word counts.
    """
    if name not in contents.identities:
        contents.identities[name] = _identity(contents, name, frozenset())
    return contents.identities[name]


def _identity(contents: Contents, name: str, above: frozenset[str]) -> str:
    if name in contents.tables:
        return contents.tables[name].identity
    view = contents.views[name]
    text = view.sql.lower()
    words = frozenset(_WORD.findall(text))
    inputs = [
        other
        for other in (*contents.tables, *contents.views)
        if other != name and other not in above and _names(text, words, other.split(".", 1)[1].lower())
    ]
    return digest([view.sql, sorted((i, _identity(contents, i, above | {name})) for i in inputs)])


def _names(text: str, words: frozenset[str], name: str) -> bool:
    """Whether a text may speak of ``name``; one that is no word by itself can stand in it anywhere."""
    return name in words if _WORD.fullmatch(name) else name in text


def view_columns(con: Connection, view: View, alias: str = LAKE) -> Iterator[tuple[str, str]]:
    """Name and type of each column of a view."""
    for row in con.execute(f"DESCRIBE {qualified(alias, view.schema, view.name)}").fetchall():
        yield row[0], row[1]
