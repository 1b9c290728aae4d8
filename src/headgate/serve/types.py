"""The lake's types in PostgreSQL, without loss: each with the text that COPY reads.

Types are spelled as PostgreSQL's ``format_type`` spells them, so that they can be compared.
Source: https://www.postgresql.org/docs/18/datatype.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLAIN = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "UTINYINT": "smallint",
    "SMALLINT": "smallint",
    "USMALLINT": "integer",
    "INTEGER": "integer",
    "UINTEGER": "bigint",
    "BIGINT": "bigint",
    "UBIGINT": "numeric(20,0)",
    "HUGEINT": "numeric(39,0)",
    "UHUGEINT": "numeric(39,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "TIME": "time without time zone",
    "TIME WITH TIME ZONE": "time with time zone",
    "INTERVAL": "interval",
    "UUID": "uuid",
    "JSON": "json",
}
#: Both know years before Christ, and write them differently.
_DATES = {
    "DATE": "date",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP_S": "timestamp without time zone",
    "TIMESTAMP_MS": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
}
_NESTED = re.compile(r"^(STRUCT|MAP)\(|\[\d*\]$")


@dataclass(frozen=True, slots=True)
class Mapped:
    """A type of PostgreSQL, and how a value is written for it: a DuckDB expression with ``{}`` for the column."""

    type: str
    text: str = "{}"


def mapped(type_: str) -> Mapped | None:
    """The type of PostgreSQL that holds every value of a DuckDB type; None if there is none.

    >>> mapped("DECIMAL(10,2)"), mapped("BLOB"), mapped("TIMESTAMP_NS")
    (Mapped(type='numeric(10,2)', text='{}'), Mapped(type='bytea', text="'\\\\x' || hex({})"), None)
    >>> mapped("DECIMAL(10,2)[]")
    Mapped(type='json', text='to_json({})::VARCHAR')
    """
    if _NESTED.search(type_):  # first: the name of a list begins as that of what is in it
        return Mapped("json", "to_json({})::VARCHAR")
    if type_ in _PLAIN:
        return Mapped(_PLAIN[type_])
    if type_ in _DATES:
        return Mapped(_DATES[type_], "replace({}::VARCHAR, ' (BC)', ' BC')")
    if type_.startswith("DECIMAL("):
        return Mapped(type_.lower().replace("decimal", "numeric").replace(" ", ""))
    if type_ == "BLOB":
        return Mapped("bytea", r"'\x' || hex({})")
    return None
