"""A large table of PostgreSQL is read by several connections at once, in one snapshot.

One connection makes PostgreSQL write, and DuckDB read, hash and store, in turn, on one thread. The
scanner's own parallel reading is not used, since it leaves PostgreSQL's types and SQL to the scanner;
so the table is divided here, by the places of its rows (``ctid``): each row is in one range, the last
range has no end, and every connection sees the snapshot that the first one exports.

Not every server lets a snapshot be taken over: some poolers, replicas and relatives of PostgreSQL do not.
That is tried aside first, since an error would end the transaction in which everything is read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import duckdb

from headgate.lake.engine import Connection, beside, ident, literal, was_interrupted
from headgate.sources.databases.dialect import BESIDE, Part

#: What is worth a connection of its own: so many pages, of 8 KiB as a rule.
PAGES = 2_000
#: More would ask too much of a server that has other things to do.
MOST = 4
#: Since PostgreSQL 14 a range of places is read without a look at the rest of the table.
_SINCE = 140_000


class Dividing:
    """The division of the tables that are read in the transaction of ``con`` from the database attached as ``alias``.

    ``url`` is where the database is, ``relation`` makes a query to it a table.
    """

    def __init__(self, con: Connection, alias: str, url: str, relation: Callable[[str, str], str]) -> None:
        self.con = con
        self.alias = alias
        self.url = url
        self.relation = relation

    def parts(self, schema: str, name: str, table: str) -> list[Part]:
        """The parts of a table; ``schema`` and ``name`` are texts in PostgreSQL's SQL, ``table`` is what they name."""
        pages = self._pages(schema, name)
        count = max(min(pages // PAGES, MOST, self._threads()), 1)
        aliases = [self.alias, *(f"{self.alias}{BESIDE}{n}" for n in range(1, count))]
        more = [alias for alias in aliases[1:] if not self._is_attached(alias)]
        if more and not self._try(more, table):
            return [Part(self.alias)]
        self._share(self.con, more)
        bounds = [pages * n // count for n in range(1, count)]
        return [Part(alias, condition) for alias, condition in zip(aliases, ranges(bounds), strict=True)]

    def _pages(self, schema: str, name: str) -> int:
        """How many pages the table has; 0 if its rows have no places, or a range of them would cost a look at all."""
        asked = (
            f"SELECT CASE WHEN c.relkind IN ('r', 'm') AND CAST(current_setting('server_version_num') AS integer) "
            f">= {_SINCE} THEN pg_relation_size(c.oid) / CAST(current_setting('block_size') AS integer) END AS pages "
            f"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            f"WHERE n.nspname = {schema} AND c.relname = {name}"
        )
        found = self.con.execute(f"SELECT pages FROM {self.relation(self.alias, asked)}").fetchone()
        return int(found[0] or 0) if found else 0

    def _threads(self) -> int:
        row = self.con.execute("SELECT current_setting('threads')").fetchone()
        return int(row[0]) if row else 1

    def _is_attached(self, alias: str) -> bool:
        found = self.con.execute(f"SELECT 1 FROM duckdb_databases() WHERE database_name = {literal(alias)}").fetchone()
        return found is not None

    def _try(self, more: Sequence[str], table: str) -> bool:
        """Attach further connections; whether they can take over a snapshot, and read the table by places."""
        aside = beside(self.con)
        try:
            for alias in more:
                aside.execute(attaching(self.url, alias))
            aside.execute("BEGIN")
            self._share(aside, more)
            for alias in more:
                asked = f"SELECT 1 AS one FROM {table} WHERE {ranges([0])[1]} LIMIT 1"
                aside.execute(f"SELECT one FROM {self.relation(alias, asked)}").fetchall()
            aside.execute("ROLLBACK")
        except duckdb.Error as error:  # then one connection reads it all, and meets what is really wrong
            if was_interrupted(error):
                raise
            with contextlib.suppress(duckdb.Error):
                aside.execute("ROLLBACK")
            for alias in more:
                aside.execute(f"DETACH DATABASE IF EXISTS {ident(alias)}")
            return False
        finally:
            aside.close()
        return True

    def _share(self, con: Connection, more: Sequence[str]) -> None:
        """Make further connections see what the first one sees, before they are asked anything."""
        if not more:
            return
        exported = self.relation(self.alias, "SELECT CAST(pg_export_snapshot() AS text) AS snapshot")
        snapshot = str(con.execute(f"SELECT snapshot FROM {exported}").fetchall()[0][0])
        for alias in more:
            taken_over = f"SET TRANSACTION SNAPSHOT {literal(snapshot)}"
            con.execute(f"CALL postgres_execute({literal(alias)}, {literal(taken_over)})")


def attaching(url: str, alias: str) -> str:
    """The SQL that attaches the database at ``url`` read-only."""
    return f"ATTACH {literal(url)} AS {ident(alias)} (TYPE postgres, READ_ONLY)"


def ranges(bounds: Sequence[int]) -> list[str | None]:
    """Conditions in PostgreSQL's SQL of which exactly one is true for each row; ``bounds`` are pages, in order.

    >>> ranges([]), ranges([7])
    ([None], ["ctid < '(7,0)'::tid", "ctid >= '(7,0)'::tid"])
    """
    places = [f"'({page},0)'::tid" for page in bounds]
    lower, upper = [None, *places], [*places, None]
    both = [
        [f"ctid >= {low}" if low else "", f"ctid < {high}" if high else ""]
        for low, high in zip(lower, upper, strict=True)
    ]
    return [" AND ".join(filter(None, each)) or None for each in both]
