"""Types of columns that a program hands over: as what they are judged, and as what a Parquet file keeps them."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from duckdb.sqltypes import DuckDBPyType

from headgate.lake.engine import ident

#: What Parquet gives back as it was, but for the name of the type. Anything else is written as a text: HUGEINT would
#: become a float, INTERVAL lose its microseconds and refuse to be negative, TIME WITH TIME ZONE forget its zone.
_KEPT = frozenset(
    {
        *("boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"),
        *("float", "double", "decimal", "varchar", "blob", "uuid", "variant", "geometry"),
        *("date", "time", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone"),
    }
)
_TEXT = "VARCHAR"


def judged_type(kind: DuckDBPyType) -> str:
    """The type as which a column is judged: an ENUM, as which pandas' categories arrive, as its texts."""
    return _with_leaves(kind, lambda leaf: _TEXT if leaf.id == "enum" else str(leaf))


def stored_type(kind: DuckDBPyType) -> str:
    """The type as which a column passes through a Parquet file without loss, if it is read as ``judged_type`` again."""
    return _with_leaves(kind, lambda leaf: str(leaf) if leaf.id in _KEPT else _TEXT)


def has_union(kind: DuckDBPyType) -> bool:
    """Whether it is a UNION, or one lies in it: no other type keeps which of its members a value is."""
    return kind.id == "union" or any(has_union(part) for _, part in _parts(kind))


def _with_leaves(kind: DuckDBPyType, name: Callable[[DuckDBPyType], str]) -> str:
    """The type in SQL, each type in it that holds no other one called as ``name`` says.

    SQL has no word for the type of a ``row(…)``, whose fields have no names: they are called by their numbers.
    """
    parts = [(field, _with_leaves(part, name)) for field, part in _parts(kind)]
    if kind.id == "list":
        return f"{parts[0][1]}[]"
    if kind.id == "array":
        return f"{parts[0][1]}[{dict(kind.children)['size']}]"
    if kind.id == "map":
        return f"MAP({parts[0][1]}, {parts[1][1]})"
    if kind.id == "struct":
        fields = (f"{ident(field or str(number))} {part}" for number, (field, part) in enumerate(parts, 1))
        return f"STRUCT({', '.join(fields)})"
    return name(kind)


def _parts(kind: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    """The types that lie in a nested one, with the names of its fields."""
    if kind.id not in {"list", "array", "map", "struct"}:
        return []
    return [
        (field, cast("DuckDBPyType", part)) for field, part in kind.children if field != "size" or kind.id != "array"
    ]
