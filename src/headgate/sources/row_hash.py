"""The hash of a row: the same for the same content, whatever the order of columns, the zone, the version.

What is hashed, for each column that is not null, in the order of the columns' names::

    US · token of the name · canonical text of the value

US is the unit separator (0x1f). It is doubled inside texts, so that a text's end is known without
counting its length first (which would cost a third more), and ('a', 'bc') and ('ab', 'c') differ. The
token is four characters of the name's MD5, so that long names do not cost hashing. Nulls leave nothing
behind, so null and '' differ, and a column that is null everywhere changes no hash.

Golden hashes in the tests hold all of this: a changed hash would append every row of every lake again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from headgate.lake.engine import ident, literal

SEPARATOR = "\x1f"
_WHOLE = frozenset(
    f"{sign}{name}" for sign in ("", "U") for name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
)
#: Types whose text is stable as DuckDB writes it, and never holds the separator.
_PLAIN = _WHOLE | {
    "BOOLEAN",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "UUID",
    "INTERVAL",
    "BIT",
    "TIME WITH TIME ZONE",
}

#: From the first of these magnitudes up to the second a DOUBLE has the same text in JSON, which is written in a
#: third of the time (beyond them JSON has exponents where DuckDB has none, or spells them otherwise).
_WRITTEN_ALIKE = ("1e-3", "1e15")


def hash_of(columns: Mapping[str, str], values: Mapping[str, str] | None = None) -> str:
    """The SQL of the hash (UBIGINT) of a row with these columns (name to DuckDB type).

    ``values`` gives the SQL of each column's value where that is not its name.
    """
    parts = []
    for name in sorted(columns):
        column = values[name] if values else ident(name)
        parts.append(f"CASE WHEN {column} IS NOT NULL THEN {literal(SEPARATOR + name_token(name))} END")
        parts.append(canonical_text(column, columns[name]))
    return number_of(f"concat({', '.join(parts)})")


def number_of(text: str) -> str:
    """The SQL of a number (UBIGINT) that stands for a text: the last eight bytes of its MD5, the lowest first.

    It is ``md5_number_lower``, which DuckDB computes by way of 128 ones and zeros as a text: at twice the cost.
    """
    return f"CAST(md5_number({text}) >> 64 AS UBIGINT)"


def name_token(name: str) -> str:
    """Four characters that stand for a column's name.

    >>> name_token("Store")
    '/bDD'
    """
    return base64.b64encode(hashlib.md5(name.encode(), usedforsecurity=False).digest()).decode()[:4]


def canonical_text(value: str, kind: str) -> str:
    """The SQL of the text that stands for ``value``, itself SQL of the type ``kind``, in a hash."""
    if kind in _PLAIN or kind.startswith("DECIMAL"):
        return f"CAST({value} AS VARCHAR)"
    if kind in ("FLOAT", "DOUBLE"):  # -0.0 equals 0.0, and a NaN has no sign
        other = f"WHEN isnan({value}) THEN 'nan' ELSE CAST({value} + 0 AS VARCHAR) END"
        if kind == "FLOAT":
            return f"CASE {other}"
        usual = f"abs({value}) >= {_WRITTEN_ALIKE[0]} AND abs({value}) < {_WRITTEN_ALIKE[1]}"
        return f"CASE WHEN {usual} THEN CAST(to_json({value}) AS VARCHAR) {other}"
    if kind == "TIMESTAMP WITH TIME ZONE":  # what timezone('UTC', …) writes, for a tenth; the infinite have no number
        return f"coalesce(CAST(make_timestamp(epoch_us({value})) AS VARCHAR), CAST({value} AS VARCHAR))"
    if kind == "BLOB":
        return f"hex({value})"
    text = value if kind in ("VARCHAR", "JSON") else f"CAST(to_json({value}) AS VARCHAR)"
    if kind == "JSON":
        text = f"CAST({value} AS VARCHAR)"
    mark = literal(SEPARATOR)
    return f"CASE WHEN contains({text}, {mark}) THEN replace({text}, {mark}, {literal(SEPARATOR * 2)}) ELSE {text} END"
