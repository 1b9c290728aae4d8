"""What is judged, wherever it lies: a relation of a connection."""

from __future__ import annotations

from dataclasses import dataclass

from headgate.gates.sight import Earlier, Since, nobody_knows, nothing_earlier
from headgate.lake.catalog import Contents
from headgate.lake.engine import Connection
from headgate.reports.rendering import Past

#: The connection's own database, and the schema in it. What is temporary would not be seen by the gate, which works on
#: a cursor.
OWN = ("memory", "main")


@dataclass(frozen=True, slots=True)
class Data:
    """The relation ``alias.layer.table`` of ``con``; ``title`` is what the user calls it.

    ``earlier`` attaches the releases that it can be compared with, ``since`` says when it became what it is, and
    ``history`` what earlier runs found of it, if it is of a project.
    """

    con: Connection
    title: str
    layer: str
    table: str
    alias: str
    contents: Contents
    earlier: Earlier = nothing_earlier
    since: Since = nobody_knows
    history: Past | None = None


def own(con: Connection, title: str, table: str, since: Since = nobody_knows) -> Data:
    """The table or view ``table`` of the connection itself, of which nothing is known without looking."""
    alias, layer = OWN
    return Data(con, title, layer, table, alias, Contents({}, {}, frozenset({f"{layer}.{table}"})), since=since)
