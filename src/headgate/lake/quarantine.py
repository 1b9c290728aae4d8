"""The quarantine: rows that a gate took out of a table, whole, each with the reason, until somebody decides.

``quarantine.<layer>_<table>`` holds the columns of the table and ours (``OWN_COLUMNS``). A row in it waits
(``quarantined``) until it is back in its table (``replayed``), until the source or the model brought another
version of it (``superseded``), or until somebody gave it up (``dropped``). Rows are never deleted from it, so
that it can always be said what became of each. It lies in the lake, and so branches, publishes and rolls back
with the tables.

A row is known again by its content, ``_quarantine_hash``; several rows of the same content are several rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import duckdb

from headgate.errors import CouldNotRunError
from headgate.lake.engine import LAKE, Connection, ident, literal, qualified

SCHEMA = "quarantine"
WAITING = "quarantined"
REPLAYED = "replayed"
SUPERSEDED = "superseded"
DROPPED = "dropped"
STATUSES = (WAITING, REPLAYED, SUPERSEDED, DROPPED)
PREFIX = "_quarantine_"
ID, RUN, SINCE = f"{PREFIX}id", f"{PREFIX}run", f"{PREFIX}since"
EXPECTATIONS, REASON, REPLAYS = f"{PREFIX}expectations", f"{PREFIX}reason", f"{PREFIX}replays"
STATUS, ENDED_RUN, ENDED_AT = f"{PREFIX}status", f"{PREFIX}ended_run", f"{PREFIX}ended_at"
NOTE, HASH = f"{PREFIX}note", f"{PREFIX}hash"
_NTH = f"{PREFIX}nth"
#: What a hash was and is, where rows are written in other types.
OLD, NEW = f"{PREFIX}old", f"{PREFIX}new"
#: What the quarantine adds to a table's columns; no column of a table may be called so.
OWN_COLUMNS = {
    ID: "BIGINT",
    RUN: "VARCHAR",
    SINCE: "TIMESTAMP WITH TIME ZONE",
    EXPECTATIONS: "VARCHAR[]",
    REASON: "VARCHAR",
    REPLAYS: "INTEGER",
    STATUS: "VARCHAR",
    ENDED_RUN: "VARCHAR",
    ENDED_AT: "TIMESTAMP WITH TIME ZONE",
    NOTE: "VARCHAR",
    HASH: "UBIGINT",
}
#: What a person looks at last: how it ended, which is empty of rows that wait.
LAST_SHOWN = (ENDED_RUN, ENDED_AT, NOTE, HASH)
#: The condition of rows that are not in their table.
STAYS_AWAY = f"{STATUS} IN ({literal(WAITING)}, {literal(DROPPED)})"


def table_name(layer: str, table: str) -> str:
    """What the quarantine of a table is called.

    >>> table_name("raw", "sales")
    'raw_sales'
    """
    return f"{layer}_{table}"


def counts_of(con: Connection, name: str, *, alias: str = LAKE) -> dict[str, int]:
    """How many rows of each status there are in the table ``name`` of the quarantine."""
    table = qualified(alias, SCHEMA, name)
    rows = con.execute(f"SELECT {STATUS}, count(*) FROM {table} GROUP BY 1").fetchall()
    return dict.fromkeys(STATUSES, 0) | dict(rows)


def chosen_rows(*, where: str | None = None, expectation: str | None = None, status: str | None = WAITING) -> str:
    """The condition of the rows of this status that somebody chose; ``where`` is SQL that was looked at before."""
    conditions = [f"{STATUS} = {literal(status)}"] if status else ["TRUE"]
    conditions += [f"({where})"] if where else []
    conditions += [f"list_contains({EXPECTATIONS}, {literal(expectation)})"] if expectation else []
    return " AND ".join(conditions)


class Quarantine:
    """The quarantine of one table, in the lake attached as ``alias``.

    Nothing here begins or ends a transaction: the caller takes rows out of the table and puts them in here in one.
    """

    def __init__(self, con: Connection, layer: str, table: str, *, alias: str = LAKE) -> None:
        self.con = con
        self.name = table_name(layer, table)
        self.table = qualified(alias, SCHEMA, self.name)
        self._alias = alias
        self._touched = f"temp.{ident(f'headgate_touched_{self.name}')}"

    def columns(self) -> dict[str, str]:
        """The columns of the table that it keeps, name to type; empty if nothing was ever put in."""
        try:
            rows = self.con.execute(f"DESCRIBE SELECT * FROM {self.table}").fetchall()
        except duckdb.CatalogException:
            return {}
        return {name: kind for name, kind, *_ in rows if name not in OWN_COLUMNS}

    def counts(self) -> dict[str, int]:
        """How many rows of each status there are."""
        if not self.columns():
            return dict.fromkeys(STATUSES, 0)
        return counts_of(self.con, self.name, alias=self._alias)

    def next_id(self) -> int:
        """The number that the next new row gets."""
        if not self.columns():
            return 1
        return int(self._one(f"SELECT coalesce(max({ID}), 0) + 1 FROM {self.table}"))

    def away(self, keys: Sequence[str]) -> str | None:
        """The SQL of the (key, hash) of all rows that stay out of their table; None if there are none."""
        if not self.columns() or not self._one(f"SELECT count(*) FROM {self.table} WHERE {STAYS_AWAY}"):
            return None
        names = ", ".join(map(ident, keys))
        return f"SELECT {names}, {HASH} AS _hash FROM {self.table} WHERE {STAYS_AWAY}"

    # A pass over a table: its rows are looked at once, and each row that is in here answers for one of them

    def begin_pass(self) -> None:
        """From now on every row in here can be the one that is found in the table, once."""
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {self._touched} (id BIGINT)")

    def take_in(self, leaving: str, columns: Mapping[str, str], run: str) -> tuple[int, int]:
        """Put in the rows of ``leaving``, a table of ``columns``, ``HASH``, ``EXPECTATIONS`` and ``REASON``.

        A row that was in here already, and waited or was just replayed, is the same row come back.

        Returns:
            How many are new, and how many came back.

        Raises:
            CouldNotRunError: fewer or more rows are in here than left.
        """
        self._fit(columns)
        entries = f"temp.{ident(f'headgate_entries_{self.name}')}"
        known = (
            f"SELECT {ID}, {HASH}, row_number() OVER (PARTITION BY {HASH} ORDER BY "
            f"({STATUS} = {literal(REPLAYED)}) DESC, {ID}) AS {_NTH} FROM {self.table} WHERE {self._not_back(run)}"
        )
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {entries} AS SELECT known.{ID}, rows.* EXCLUDE ({_NTH}) "
            f"FROM (SELECT *, row_number() OVER (PARTITION BY {HASH}) AS {_NTH} FROM {leaving}) AS rows "
            f"LEFT JOIN ({known}) AS known ON known.{HASH} = rows.{HASH} AND known.{_NTH} = rows.{_NTH}"
        )
        again = self._one(
            f"UPDATE {self.table} SET {STATUS} = {literal(WAITING)}, {RUN} = {literal(run)}, "
            f"{EXPECTATIONS} = back.{EXPECTATIONS}, {REASON} = back.{REASON}, {ENDED_RUN} = NULL, {ENDED_AT} = NULL "
            f"FROM (SELECT * FROM {entries} WHERE {ID} IS NOT NULL) AS back WHERE {self.table}.{ID} = back.{ID}"
        )
        first, kept = self.next_id(), self.columns()
        names = ", ".join(map(ident, columns))
        casts = ", ".join(f"CAST({ident(c)} AS {kept[c]})" for c in columns)
        new = self._one(
            f"INSERT INTO {self.table} ({names}, {ID}, {RUN}, {SINCE}, {EXPECTATIONS}, {REASON}, {REPLAYS}, "
            f"{STATUS}, {HASH}) SELECT {casts}, {first - 1} + row_number() OVER (), {literal(run)}, now(), "
            f"{EXPECTATIONS}, {REASON}, 0, {literal(WAITING)}, {HASH} FROM {entries} WHERE {ID} IS NULL"
        )
        self.con.execute(
            f"INSERT INTO {self._touched} SELECT {ID} FROM {entries} WHERE {ID} IS NOT NULL "
            f"UNION ALL SELECT {ID} FROM {self.table} WHERE {ID} >= {first}"
        )
        left = self._one(f"SELECT count(*) FROM {leaving}")
        if left != again + new:
            raise CouldNotRunError(
                f"{left} rows left their table and {again + new} are in quarantine",
                where=f"{SCHEMA}.{self.name}",
                hint="this is a defect of Headgate, please report it; nothing was published",
            )
        return new, again

    def forget_since(self, first: int) -> None:
        """Take away the rows that were put in as number ``first`` or later: their table is built once more."""
        if self.columns():
            self.con.execute(f"DELETE FROM {self.table} WHERE {ID} >= {first}")

    def of_this_pass(self) -> str:
        """The SQL of the rows that were found in the table in this pass."""
        return f"SELECT * FROM {self.table} WHERE {ID} IN (SELECT id FROM {self._touched})"

    def waits(self, *, of_this_pass: bool) -> int:
        """How many rows wait, or how many of those that this pass found."""
        among = f" AND {ID} IN (SELECT id FROM {self._touched})" if of_this_pass else ""
        return self._one(f"SELECT count(*) FROM {self.table} WHERE {chosen_rows()}{among}")

    # What becomes of rows that wait

    def replay(self, chosen: str, run: str) -> int:
        """Let rows that wait be back in their table, which the caller sees to; returns how many."""
        return self._end(chosen, REPLAYED, run, f", {REPLAYS} = {REPLAYS} + 1")

    def drop(self, chosen: str, run: str, reason: str) -> int:
        """Give up rows that wait, for a reason; returns how many."""
        return self._end(chosen, DROPPED, run, f", {NOTE} = {literal(reason)}")

    def supersede(self, chosen: str, run: str) -> int:
        """Write down that there is another version of rows that wait; returns how many."""
        return self._end(chosen, SUPERSEDED, run)

    def end_pass(self, among: str, hashes: str, run: str) -> None:
        """Say what became of rows that did not come back: those ``among`` them, a condition, that have their answer.

        ``hashes`` is the SQL of the hashes of what the table holds: a row is there, or another one is in its place.
        """
        rest = f"{self._not_back(run)} AND {among}"
        there = f"{HASH} IN ({hashes})"
        self._end(f"{rest} AND NOT {there}", SUPERSEDED, run)
        self._end(f"{rest} AND {there}", REPLAYED, run)

    def any_not_back(self, among: str, run: str) -> bool:
        """Whether rows are left, ``among`` those of a condition, that waited before this pass and did not come back."""
        return bool(self._one(f"SELECT count(*) FROM {self.table} WHERE {self._not_back(run)} AND {among}"))

    def came_to(self, run: str) -> dict[str, int]:
        """What became of rows in this run, by status: those that it put in, and those whose waiting it ended."""
        found = dict.fromkeys(STATUSES, 0)
        if self.columns():
            mine = f"CASE WHEN {STATUS} = {literal(WAITING)} THEN {RUN} ELSE {ENDED_RUN} END = {literal(run)}"
            counted = f"SELECT {STATUS}, count(*) FROM {self.table} WHERE {mine} GROUP BY 1"
            found |= dict(self.con.execute(counted).fetchall())
        return found

    def rehash(self, hashes: str, keys: Sequence[str]) -> None:
        """Know rows again whose content is written in other types now: ``hashes`` gives ``keys``, ``_quarantine_old``
        and ``_quarantine_new`` of every row that there is or was."""
        same = " AND ".join(f"{self.table}.{ident(key)} = hashes.{ident(key)}" for key in keys)
        self.con.execute(
            f"UPDATE {self.table} SET {HASH} = hashes.{NEW} FROM (SELECT DISTINCT * FROM ({hashes})) AS hashes "
            f"WHERE {same} AND {self.table}.{HASH} = hashes.{OLD}"
        )

    def _not_back(self, run: str) -> str:
        return f"{self._open(run)} AND {ID} NOT IN (SELECT id FROM {self._touched})"

    def _open(self, run: str) -> str:
        """The condition of the rows that may come back: they wait, or were let go in this run."""
        replayed = f"{STATUS} = {literal(REPLAYED)} AND {ENDED_RUN} = {literal(run)}"
        return f"({STATUS} = {literal(WAITING)} OR ({replayed}))"

    def _end(self, chosen: str, status: str, run: str, more: str = "") -> int:
        return self._one(
            f"UPDATE {self.table} SET {STATUS} = {literal(status)}, {ENDED_RUN} = {literal(run)}, "
            f"{ENDED_AT} = now(){more} WHERE {chosen}"
        )

    # The columns of a table come and go; what is in here stays

    def _fit(self, columns: Mapping[str, str]) -> None:
        """Make it hold these columns too."""
        before = self.columns()
        if not before:
            self.con.execute(f"CREATE SCHEMA IF NOT EXISTS {qualified(self._alias, SCHEMA)}")
            definitions = ", ".join(f"{ident(name)} {kind}" for name, kind in [*columns.items(), *OWN_COLUMNS.items()])
            self.con.execute(f"CREATE TABLE {self.table} ({definitions})")
            return
        for name in columns.keys() - before.keys():
            self.con.execute(f"ALTER TABLE {self.table} ADD COLUMN {ident(name)} {columns[name]}")
        other = {name: columns[name] for name in columns.keys() & before.keys() if columns[name] != before[name]}
        if other:
            self._retype(before, other)

    def _retype(self, before: Mapping[str, str], wanted: Mapping[str, str]) -> None:
        """Give columns other types; where that would lose a value that is in here, they become texts."""
        casts = []
        for name, kind in wanted.items():
            value = ident(name)
            lost = self._one(
                f"SELECT count(*) FROM {self.table} WHERE {value} IS NOT NULL AND "
                f"TRY_CAST(TRY_CAST({value} AS {kind}) AS {before[name]}) IS DISTINCT FROM {value}"
            )
            casts.append(f"CAST({value} AS {'VARCHAR' if lost else kind}) AS {value}")
        self.con.execute(
            f"CREATE OR REPLACE TABLE {self.table} AS SELECT * REPLACE ({', '.join(casts)}) FROM {self.table}"
        )

    def _one(self, sql: str) -> int:
        row = self.con.execute(sql).fetchone()
        return int(row[0]) if row else 0


def own_names(columns: Iterable[str]) -> list[str]:
    """The names among ``columns`` that the quarantine keeps for itself."""
    return [name for name in columns if name.lower().startswith(PREFIX)]
