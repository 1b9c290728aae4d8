"""What differs between databases: how to attach one, ask its catalogue, and write its SQL.

A dialect speaks two languages. What the *source* computes is in its own SQL (columns as values without
loss, conditions, digests); ``relation`` turns such a query into a table of DuckDB's SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any, Protocol

from headgate.lake.engine import Connection

#: The name under which a source is attached, with its own name behind it.
ATTACHED = "source_"
#: What stands between the name of an attached source and the number of a further connection to it.
BESIDE = " beside "


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column as the database's catalogue describes it. ``type`` is in the database's own words.

    ``absent``: it was there once, and raw keeps it.
    """

    name: str
    type: str
    nullable: bool = True
    absent: bool = False


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table as the database's catalogue describes it.

    ``unique``: the database sees to it that no two of its rows have one primary key, as the key arrives here.
    """

    name: str
    columns: tuple[SourceColumn, ...]
    primary_key: tuple[str, ...]
    view: bool = False
    rows: int | None = None
    unique: bool = False


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns of a table whose values are found in those of another table of the same schema."""

    table: str
    columns: tuple[str, ...]
    to: str
    to_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """Columns of a table of which the database says that no two rows have the same values, nulls aside."""

    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """How a column is read: SQL of the source, the DuckDB type in which it lands, and what is refused.

    ``refused`` is SQL of the source that is true for a value that has no place in that type; ``or_null``
    is ``sql`` with null in place of those. ``doubt`` is SQL of DuckDB, with ``{0}`` for the value that landed, that
    is true for all of those, and for few others: the source is asked for ``refused`` only if there are any.
    ``lost`` is SQL of DuckDB, with ``{0}`` for what the source answers, that is true for a value that has no place in
    ``type``, where this is a narrower one than the source's.
    """

    sql: str
    type: str
    refused: str | None = None
    or_null: str | None = None
    landing: str | None = None
    doubt: str | None = None
    lost: str | None = None

    def doubted(self, value: str) -> str | None:
        """The SQL of DuckDB that is true where ``value``, as it landed, may be one that is refused."""
        return self.doubt.format(value) if self.doubt else None

    def landed(self, value: str) -> str:
        """The SQL of the value in DuckDB, where the source's answer to ``sql`` is called ``value``."""
        return self.landing.format(value) if self.landing else f"CAST({value} AS {self.type})"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a table's rows: those for which ``condition``, SQL of the source, holds, read under ``alias``."""

    alias: str
    condition: str | None = None


class Dialect(Protocol):
    """One kind of database."""

    @property
    def extension(self) -> str | None:
        """The extension of DuckDB that reads it; None if it is DuckDB itself."""
        ...

    @property
    def extra(self) -> str | None:
        """The extra of Headgate that brings the extension."""
        ...

    @property
    def one_snapshot(self) -> bool:
        """Whether all statements of a visit see the same state of the database."""
        ...

    def attach(self, con: Connection, alias: str) -> None:
        """Attach the database read-only."""
        ...

    def begin(self, con: Connection, alias: str, timeout: timedelta | None) -> None:
        """Say, inside a transaction, in which zone and for how long statements work."""
        ...

    def cancel(self) -> None:
        """End what the source works on for us; called on another thread. Nothing where DuckDB itself hears Ctrl-C."""
        ...

    def relation(self, alias: str, sql: str) -> str:
        """A table of DuckDB's SQL that is what the source answers to ``sql``."""
        ...

    def parts(self, con: Connection, alias: str, name: str, timeout: timedelta | None) -> list[Part]:
        """The parts in which a whole table is read, each by a connection of its own, all in the snapshot of ``alias``.

        One, where the table had better not be divided. Further connections are attached under names
        that begin with ``alias`` and ``BESIDE``, and are there until the visit ends.
        """
        ...

    def stamp(self) -> str | None:
        """What is the same as long as nobody wrote to the database; None if only a look can tell."""
        ...

    def table(self, alias: str, name: str) -> str:
        """A table of the source in its SQL."""
        ...

    def catalogue(self, con: Connection, alias: str) -> list[SourceTable]:
        """All tables and views, with their columns in order."""
        ...

    def foreign_keys(self, con: Connection, alias: str) -> list[ForeignKey]:
        """The foreign keys between the tables, in the order of their tables and columns."""
        ...

    def unique_keys(self, con: Connection, alias: str) -> list[UniqueKey]:
        """The unique constraints and indexes of whole tables, over columns alone; primary keys may be left out."""
        ...

    def value(self, column: SourceColumn, *, as_text: bool) -> Value:
        """How a column is read without loss.

        Raises:
            ValueError: it cannot; the text says why.
        """
        ...

    def moment(self, column: SourceColumn) -> bool | None:
        """Whether a cursor is a time (True) or a number (False); None if it can be no cursor."""
        ...

    def since(self, column: SourceColumn, mark: str, overlap: timedelta | int) -> str:
        """A condition that is true for rows at or behind ``mark`` less the overlap, and for null cursors."""
        ...

    def digest(self, columns: Sequence[SourceColumn]) -> str | None:
        """An aggregate over rows, as a text: their number, a colon, and what is equal for equal contents.

        None if the source cannot say: then the rows are read, and digested here.
        """
        ...

    def total(self, column: SourceColumn | None, value: str) -> str | None:
        """An aggregate over rows, as a text that loses nothing: the sum of a column of numbers; without one, the rows.

        ``value`` is the SQL of what is read of the column; of no values the sum is 0, and null if the source cannot say
        it. None where a statement does not see what the one before it saw.
        """
        ...

    def block(self, key: Sequence[SourceColumn], size: int | None) -> str | None:
        """The block of a row as a text: its range of ``size`` numbers, or two letters of its key's MD5.

        None if the source had better be compared whole.
        """
        ...

    def why(self, text: str) -> Why:
        """What a message of the database, or of its scanner, means."""
        ...


@dataclass(frozen=True, slots=True)
class Why:
    """What went wrong in a database. ``kind`` says whose it is; ``again`` whether trying again can help."""

    kind: str
    again: bool = False
    hint: str | None = None


def foreign_keys_of(rows: Iterable[tuple[Any, ...]]) -> list[ForeignKey]:
    """Foreign keys from rows of (key, table, column, table referred to, column there), the keys one after the other.

    >>> foreign_keys_of([(1, "orders", "shop", "shops", "id")])
    [ForeignKey(table='orders', columns=('shop',), to='shops', to_columns=('id',))]
    """
    found = []
    for (_, table, to), group in groupby(rows, key=lambda row: (row[0], row[1], row[3])):
        members = list(group)
        columns, to_columns = tuple(row[2] for row in members), tuple(row[4] for row in members)
        found.append(ForeignKey(table, columns, to, to_columns))
    return found


def unique_keys_of(rows: Iterable[tuple[Any, ...]]) -> list[UniqueKey]:
    """Unique keys from rows of (index, table, column), the keys one after the other; without those over expressions.

    >>> unique_keys_of([(1, "shops", "country"), (1, "shops", "number"), (2, "shops", None)])
    [UniqueKey(table='shops', columns=('country', 'number'))]
    """
    found = []
    for (_, table), group in groupby(rows, key=lambda row: row[:2]):
        columns = tuple(column for *_, column in group)
        if None not in columns:
            found.append(UniqueKey(table, columns))
    return found


def matches(text: str, meanings: Mapping[str, Why]) -> Why | None:
    """The first meaning whose words stand in the text; case does not matter."""
    lower = text.lower()
    return next((why for words, why in meanings.items() if words in lower), None)
