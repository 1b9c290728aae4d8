"""How the rows of a table are named, leave it and come back: in raw by being hidden, elsewhere by being deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headgate.lake.engine import LAKE, Connection, ident, qualified
from headgate.lake.quarantine import Quarantine
from headgate.sources.change_log import ROW, ROW_HASH, ChangeLog
from headgate.sources.row_hash import hash_of


class Rows(Protocol):
    """The rows of a table whose gate may put some into quarantine."""

    def named(self) -> str:
        """The SQL of the rows that are there, each with its number in the column ``ROW``."""
        ...

    def hash(self) -> str:
        """The SQL of the hash of a row of ``named``."""
        ...

    def columns(self) -> dict[str, str]:
        """The columns, name to type."""
        ...

    def count(self) -> int:
        """How many rows are there."""
        ...

    def outdated(self) -> str | None:
        """The condition of rows in quarantine of which the source has another version; None if there is no source."""
        ...

    def answered(self) -> str | None:
        """The condition of rows in quarantine in whose place the table has a row; None if nobody can tell."""
        ...

    def leave(self, numbers: str) -> int | None:
        """Let the rows leave whose numbers a query gives, and which are in quarantine; None if that is all it takes."""
        ...

    def come_back(self, chosen: str) -> int | None:
        """Let the chosen rows, which wait in quarantine, be in the table again; how many, if not all of them."""
        ...

    def show(self) -> None:
        """Let the table be what the quarantine says."""
        ...


class RawRows:
    """Rows of raw: the change log keeps every version, and its view hides those that are in quarantine."""

    def __init__(self, con: Connection, table: str, primary_key: Sequence[str]) -> None:
        self.con = con
        self.log = ChangeLog(con, table, primary_key)

    def named(self) -> str:
        """What the view shows, by number in the log."""
        return self.log.named_rows()

    def hash(self) -> str:
        """The log knows it."""
        return ROW_HASH

    def columns(self) -> dict[str, str]:
        """The columns of the view."""
        return described(self.con, self.log.view)

    def count(self) -> int:
        """What the view shows."""
        return counted(self.con, self.log.view)

    def outdated(self) -> str | None:
        """Those that the source corrected or deleted."""
        return self.log.not_current()

    def answered(self) -> str | None:
        """The log tells it before."""
        return None

    def leave(self, numbers: str) -> int | None:
        """What is in quarantine is not shown."""
        self.log.show_again()
        return None

    def come_back(self, chosen: str) -> int | None:
        """What does not wait any more is shown."""
        return None

    def show(self) -> None:
        """Define the view anew."""
        self.log.show_again()


class TableRows:
    """Rows of a table of a later layer, by DuckLake's own numbers; ``keys`` name a row for its author, if any do."""

    def __init__(self, con: Connection, layer: str, table: str, keys: Sequence[str]) -> None:
        self.con = con
        self.table = qualified(LAKE, layer, table)
        self.quarantine = Quarantine(con, layer, table)
        self.keys = tuple(keys)

    def named(self) -> str:
        """All of them."""
        return f"SELECT *, rowid AS {ROW} FROM {self.table}"

    def hash(self) -> str:
        """That of all columns."""
        return hash_of(self.columns())

    def columns(self) -> dict[str, str]:
        """The columns of the table."""
        return described(self.con, self.table)

    def count(self) -> int:
        """All of them."""
        return counted(self.con, self.table)

    def outdated(self) -> str | None:
        """Models make rows, and tell nothing."""
        return None

    def answered(self) -> str | None:
        """Those whose key is in the table again, or came into quarantine once more with other content."""
        if not set(self.keys) <= self.columns().keys() & self.quarantine.columns().keys() or not self.keys:
            return None
        entries = self.quarantine.table
        same = " AND ".join(f"newer.{ident(key)} = {entries}.{ident(key)}" for key in self.keys)
        return (
            f"(EXISTS (SELECT 1 FROM {self.table} AS newer WHERE {same}) "
            f"OR EXISTS (SELECT 1 FROM ({self.quarantine.of_this_pass()}) AS newer WHERE {same}))"
        )

    def leave(self, numbers: str) -> int | None:
        """Delete them; how many there were."""
        row = self.con.execute(f"DELETE FROM {self.table} WHERE rowid IN ({numbers})").fetchone()
        return int(row[0]) if row else 0

    def come_back(self, chosen: str) -> int | None:
        """Insert them as they left, unless the table has a row in their place.

        A column that the table got since is null, one that it gave up stays behind.
        """
        answered = self.answered()
        absent = f" AND NOT {answered}" if answered else ""
        kept = self.quarantine.columns()
        columns = {name: kind for name, kind in self.columns().items() if name in kept}
        names = ", ".join(map(ident, columns))
        casts = ", ".join(f"CAST({ident(name)} AS {kind})" for name, kind in columns.items())
        row = self.con.execute(
            f"INSERT INTO {self.table} ({names}) SELECT {casts} FROM {self.quarantine.table} WHERE {chosen}{absent}"
        ).fetchone()
        return int(row[0]) if row else 0

    def show(self) -> None:
        """It is."""


def described(con: Connection, relation: str) -> dict[str, str]:
    """Name and type of the columns of a table or view."""
    return {name: kind for name, kind, *_ in con.execute(f"DESCRIBE {relation}").fetchall()}


def counted(con: Connection, relation: str) -> int:
    """The rows of a table, view or query in brackets."""
    return int(con.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])
