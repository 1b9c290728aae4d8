"""The change log behind a raw table: every version of every row, appended and never changed.

``raw_log.<table>`` holds the source's columns and four of ours (``OWN_COLUMNS``); ``raw.<table>`` is a
view over it that shows what the source holds now: the latest version of each key, deleted ones left
out. ``_headgate.versions_<table>`` is another one, of which histories are made: the whole log, and
of each version whether it is kept away because it went into quarantine (``AWAY``). ``_loaded_at``
strictly increases from run to run, so it orders the versions of a key, of which a run adds one at
most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from headgate.errors import SourceDataError
from headgate.lake.branch import INTERNAL_SCHEMA
from headgate.lake.engine import LAKE, Connection, ident, literal, qualified
from headgate.lake.quarantine import HASH, ID, NEW, OLD, REPLAYED, SINCE, STATUS, STAYS_AWAY, Quarantine
from headgate.sources.counts import Counts
from headgate.sources.row_hash import hash_of

RAW = "raw"
RAW_LOG = "raw_log"
#: What the change log adds to the source's columns; no source column may be called so.
OWN_COLUMNS = {"_run": "VARCHAR", "_loaded_at": "TIMESTAMPTZ", "_hash": "UBIGINT", "_op": "VARCHAR"}
#: The ``_op`` of a row that must not be in the log: no transaction in which there is one is committed.
REFUSED = "refused"
#: Stands in the body of a view that looks for the latest version, and in no other.
_LATEST = "headgate_latest"
#: What the view of a table's versions is called, with the table's name behind it.
VERSIONS = "versions_"
#: Of a version: it went into quarantine and was not brought back, so it never held.
AWAY = "_away"
_LOG = "headgate_log"
#: Stands in the body of a view from which versions are kept away, and in no other.
_HIDDEN = "headgate_hidden"
#: The number of a row of the log, and its hash, beside the columns of ``named_rows``.
ROW, ROW_HASH = "_headgate_row", "_headgate_hash"


@dataclass(frozen=True, slots=True)
class Incoming:
    """Rows that were read and are to be appended: one row a key, none null in the key.

    ``relation`` is the SQL of a table that has ``columns`` (name to DuckDB type, in the source's order)
    and ``_hash``. The counts say what became of rows that were read and are not in it.
    """

    relation: str
    columns: Mapping[str, str]
    read: int
    superseded: int = 0
    quarantined: int = 0
    sampled_out: int = 0


@dataclass(frozen=True, slots=True)
class LogState:
    """What is known of a change log before a run: its source columns, how many rows, since when, and
    whether a key can have several versions."""

    columns: Mapping[str, str]
    rows: int
    first_us: int | None
    last_us: int | None
    versioned: bool


class ChangeLog:
    """The change log of one raw table in the lake attached as ``alias``.

    Nothing here begins or ends a transaction: the caller writes the log, the view and what it read
    them from in one.
    """

    def __init__(self, con: Connection, table: str, primary_key: Sequence[str], *, alias: str = LAKE) -> None:
        self.con = con
        self.table = table
        self.primary_key = tuple(primary_key)
        self.log = qualified(alias, RAW_LOG, table)
        self.view = qualified(alias, RAW, table)
        self.quarantine = Quarantine(con, RAW, table, alias=alias)
        self.versions = qualified(alias, INTERNAL_SCHEMA, f"{VERSIONS}{table}")
        self._alias = alias

    def columns(self) -> dict[str, str]:
        """The source's columns in the log so far, in order; empty before the first load."""
        try:
            rows = self.con.execute(f"DESCRIBE SELECT * FROM {self.log}").fetchall()
        except duckdb.CatalogException:
            return {}
        return {name: kind for name, kind, *_ in rows if name not in OWN_COLUMNS}

    def state(self) -> LogState:
        """Everything about the log that an append depends on."""
        columns = self.columns()
        if not columns:
            return LogState({}, 0, None, None, versioned=False)
        rows, first, last = self._one(
            f"SELECT count(*), epoch_us(min(_loaded_at)), epoch_us(max(_loaded_at)) FROM {self.log}"
        )
        return LogState(columns, rows, first, last, versioned=_LATEST in self._view_body())

    def fill(self, rows: str, columns: Mapping[str, str], run: str, bad: str) -> int:
        """Append all that ``rows`` gives to a log that has no rows yet; returns how many.

        ``rows`` is the SQL of a query with ``columns`` and ``_hash``. A row for which ``bad`` holds gets the
        ``_op`` ``REFUSED``: who calls this looks for such rows, and then lets the transaction fail.
        """
        before = self.state()
        columns = self._grow(before, columns)
        op = f"CASE WHEN {bad} THEN {literal(REFUSED)} ELSE 'upsert' END"
        appended = self._insert(f"({rows})", columns, run, self._next_time(before), op)
        self._show(columns, None, self.quarantine.away(self.primary_key))
        self._show_versions_of(before, columns)
        return appended

    def append(self, incoming: Incoming, run: str, *, snapshot: bool = False, within: str = "TRUE") -> Counts:
        """Append the rows of ``incoming`` whose (key, hash) is not the latest known.

        With ``snapshot``, keys that are known and not in ``incoming`` get a row ``delete``, as far as the
        condition ``within`` holds for them.

        Raises:
            CouldNotRunError: the rows do not add up.
        """
        before = self.state()
        columns = self._grow(before, incoming.columns)
        loaded_us = self._next_time(before)
        versioned = before.versioned
        away = self.quarantine.away(self.primary_key)
        if before.rows == 0:
            appended = self._insert(incoming.relation, columns, run, loaded_us)
            unchanged = deleted = quarantined = 0
        else:
            known = self._known(before, incoming.relation, within if snapshot else None)
            keys = self._key_list()
            novel = f"(SELECT * FROM {incoming.relation} ANTI JOIN {known} USING ({keys}, _hash))"
            appended = self._insert(novel, columns, run, loaded_us)
            unchanged, same_key = self._one(
                f"SELECT count(*) FILTER (i._hash = k._hash), count(*) "
                f"FROM {incoming.relation} i JOIN {known} k USING ({keys})"
            )
            quarantined = self._still_away(incoming.relation, known, away)
            deleted = self._delete_missing(known, incoming.relation, within, run, loaded_us) if snapshot else 0
            versioned = versioned or same_key > unchanged or deleted > 0
            self.con.execute(f"DROP TABLE {known}")
        counts = Counts(
            read=incoming.read,
            appended=appended,
            unchanged=unchanged - quarantined,
            superseded=incoming.superseded,
            quarantined=incoming.quarantined + quarantined,
            sampled_out=incoming.sampled_out,
            deleted=deleted,
        )
        counts.conserve(self.table)
        self._show(columns, before.first_us if versioned else None, away)
        self._show_versions_of(before, columns)
        return counts

    def show_again(self) -> None:
        """Define the view anew: rows went into quarantine, or came back."""
        self.con.execute(f"CREATE OR REPLACE VIEW {self.view} AS {self._shown(self._shown_columns())}")
        self.show_versions()

    def show_versions(self) -> None:
        """Define the view of all versions; what it looks up in the quarantine is there whatever comes later."""
        body = f"SELECT *, FALSE AS {AWAY} FROM {self.log}"
        if self.quarantine.columns():
            body = versions_kept_apart(self.log, self.quarantine.table, self.primary_key)
        self.con.execute(f"CREATE OR REPLACE VIEW {self.versions} AS {body}")

    def named_rows(self) -> str:
        """The SQL of what the view shows, each row with its number in the log (``ROW``) and its ``ROW_HASH``."""
        more = f", {_LOG}.rowid AS {ROW}, {_LOG}._hash AS {ROW_HASH}"
        return self._shown(self._shown_columns(), more)

    def not_current(self) -> str:
        """The condition of rows in quarantine that are no longer what the source holds: corrected, or deleted."""
        keys, entries = self._key_list(), self.quarantine.table
        current = (
            f"SELECT {keys}, unnest(max_by({{'_hash': _hash, '_op': _op}}, _loaded_at)) FROM {self.log} "
            f"SEMI JOIN {entries} USING ({keys}) GROUP BY {keys}"
        )
        same = " AND ".join(f"current.{ident(key)} = {entries}.{ident(key)}" for key in self.primary_key)
        return (
            f"NOT EXISTS (SELECT 1 FROM ({current}) AS current WHERE {same} AND current._op = 'upsert' "
            f"AND current._hash = {entries}._quarantine_hash)"
        )

    def live_rows(self) -> int:
        """How many keys the source holds, whether they are shown or in quarantine."""
        keys = self._key_list()
        latest = f"SELECT max_by(_op, _loaded_at) AS op FROM {self.log} GROUP BY {keys}"
        return int(self._one(f"SELECT count(*) FROM ({latest}) WHERE op = 'upsert'")[0])

    def rows_away(self) -> int:
        """How many keys the source holds that are in quarantine, where each of their versions is once."""
        away = self.quarantine.away(self.primary_key)
        if away is None:
            return 0
        entries = self.quarantine.table
        return int(self._one(f"SELECT count(*) FROM {entries} WHERE {STAYS_AWAY} AND NOT ({self.not_current()})")[0])

    def hidden_total(self, column: str | None) -> Any:
        """What the rows come to that the source holds and quarantine hides: their number, or the sum of a column."""
        away = self.quarantine.away(self.primary_key)
        if away is None:
            return 0
        state = self.state()
        columns = list(dict.fromkeys([*self.primary_key, "_hash", *([column] if column is not None else [])]))
        held = visible_rows(self.log, columns, self.primary_key, state.first_us if state.versioned else None, None)
        total = "count(*)" if column is None else f"coalesce(sum({ident(column)}), 0)"
        both = f"{self._key_list()}, _hash"
        return self._one(f"SELECT {total} FROM ({held}) SEMI JOIN ({away}) USING ({both})")[0]

    def fates(self, run: str) -> tuple[int, int]:
        """Of the rows that a run appended, how many are shown and how many are in quarantine."""
        away = self.quarantine.away(self.primary_key)
        mine = f"SELECT * FROM {self.log} WHERE _run = {literal(run)} AND _op = 'upsert'"
        (total,) = self._one(f"SELECT count(*) FROM ({mine})")
        if away is None:
            return int(total), 0
        (hidden,) = self._one(f"SELECT count(*) FROM ({mine}) SEMI JOIN ({away}) USING ({self._key_list()}, _hash)")
        return int(total) - int(hidden), int(hidden)

    def _still_away(self, relation: str, known: str, away: str | None) -> int:
        """How many rows were read that are known, and in quarantine."""
        if away is None:
            return 0
        both = f"{self._key_list()}, _hash"
        (count,) = self._one(
            f"SELECT count(*) FROM {relation} SEMI JOIN {known} USING ({both}) SEMI JOIN ({away}) USING ({both})"
        )
        return int(count)

    def _next_time(self, before: LogState) -> int:
        (now,) = self._one("SELECT epoch_us(now())")
        return int(now) if before.last_us is None else max(int(now), before.last_us + 1)

    def _known(self, before: LogState, relation: str, within: str | None) -> str:
        """A temporary table of the latest (key, hash) of the keys in ``relation``, and where ``within`` holds."""
        name = f"temp.{ident(f'headgate_known_{self.table}')}"
        keys = self._key_list()
        latest = latest_rows(self.log, [*self.primary_key, "_hash"], self.primary_key, before.first_us)
        if not before.versioned:
            latest = f"SELECT {keys}, _hash FROM {self.log}"
        wanted = {
            "TRUE": "",
            None: f" SEMI JOIN {relation} USING ({keys})",
        }.get(within, f" WHERE {within} OR ({keys}) IN (SELECT ({keys}) FROM {relation})")
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM ({latest}) AS latest{wanted}")
        return name

    def _insert(self, relation: str, columns: Mapping[str, str], run: str, loaded_us: int, op: str = "'upsert'") -> int:
        names = ", ".join(map(ident, columns))
        (count,) = self._one(
            f"INSERT INTO {self.log} ({names}, {', '.join(OWN_COLUMNS)}) "
            f"SELECT {names}, {literal(run)}, make_timestamptz({loaded_us}), _hash, {op} FROM {relation}"
        )
        return int(count)

    def _delete_missing(self, known: str, relation: str, within: str, run: str, loaded_us: int) -> int:
        keys = self._key_list()
        (count,) = self._one(
            f"INSERT INTO {self.log} ({keys}, _run, _loaded_at, _op) "
            f"SELECT {keys}, {literal(run)}, make_timestamptz({loaded_us}), 'delete' "
            f"FROM {known} ANTI JOIN {relation} USING ({keys}) WHERE {within}"
        )
        return int(count)

    def _grow(self, before: LogState, wanted: Mapping[str, str]) -> dict[str, str]:
        """Make the log hold the wanted columns; returns them in the order of the view."""
        if not before.columns:
            definitions = ", ".join(f"{ident(c)} {kind}" for c, kind in [*wanted.items(), *OWN_COLUMNS.items()])
            self.con.execute(f"CREATE TABLE {self.log} ({definitions})")
            return dict(wanted)
        spelled = {c.lower(): c for c in wanted}
        kept = {c: spelled[c.lower()] for c in before.columns if c.lower() in spelled}
        added = [c for c in wanted if c not in kept.values()]
        for column in added:
            self.con.execute(f"ALTER TABLE {self.log} ADD COLUMN {ident(column)} {wanted[column]}")
        changed = {c: wanted[now] for c, now in kept.items() if wanted[now] != before.columns[c]}
        if changed or not set(self._shown_columns()) <= set(wanted):
            self._rewrite(before, changed, kept, wanted)
        return {c: wanted[c] for c in (*kept.values(), *added)}

    def _rewrite(
        self, before: LogState, changed: Mapping[str, str], spelled: Mapping[str, str], hashed: Mapping[str, str]
    ) -> None:
        """Rewrite the log with other types and other case in names, and with the hashes that rows have from now on.

        Else every row would look changed when a column is gone from the source.
        """
        for column in changed:
            self._refuse_lossy(before, column, changed[column])
        columns = {**self.columns(), **changed}
        casts = ", ".join(f"CAST({ident(c)} AS {kind}) AS {ident(spelled.get(c, c))}" for c, kind in columns.items())
        retyped = f"SELECT {casts}, {', '.join(OWN_COLUMNS)} FROM {self.log}"
        if self.quarantine.columns():
            keys = self._key_list()
            self.quarantine.rehash(
                f"SELECT {keys}, _hash AS {OLD}, {hash_of(hashed)} AS {NEW} FROM ({retyped}) WHERE _op = 'upsert'",
                self.primary_key,
            )
        self.con.execute(
            f"CREATE OR REPLACE TABLE {self.log} AS SELECT * EXCLUDE (_hash, _op), "
            f"CASE WHEN _op = 'upsert' THEN {hash_of(hashed)} END AS _hash, _op FROM ({retyped})"
        )

    def _refuse_lossy(self, before: LogState, column: str, kind: str) -> None:
        old = before.columns[column]
        value = ident(column)
        (lost,) = self._one(
            f"SELECT count(*) FROM {self.log} WHERE {value} IS NOT NULL "
            f"AND TRY_CAST(TRY_CAST({value} AS {kind}) AS {old}) IS DISTINCT FROM {value}"
        )
        if column in self.primary_key or lost:
            why = "it is a part of the primary key" if column in self.primary_key else f"{lost} values would be lost"
            raise SourceDataError(
                f"the type was {old} and is now declared as {kind}, which cannot be changed: {why}",
                table=self.table,
                rule="type_changed",
                column=column,
                hint=f"keep {old} (of a file, declare {column}: {old}; of a database, write ignore for evolve), "
                "or load the table under another name",
            )

    def _show(self, columns: Mapping[str, str], first_us: int | None, away: str | None) -> None:
        """Define ``raw.<table>``."""
        body = visible_rows(self.log, list(columns), self.primary_key, first_us, away)
        self.con.execute(f"CREATE OR REPLACE VIEW {self.view} AS {body}")

    def _show_versions_of(self, before: LogState, columns: Mapping[str, str]) -> None:
        """Define the view of all versions if the log is new, or has other columns: most runs change nothing of it."""
        if any(before.columns.get(column) != kind for column, kind in columns.items()):
            self.show_versions()

    def _shown(self, columns: Sequence[str], more: str = "") -> str:
        """The SQL of what the view is to show now."""
        state = self.state()
        away = self.quarantine.away(self.primary_key)
        return visible_rows(
            self.log, columns, self.primary_key, state.first_us if state.versioned else None, away, more
        )

    def _shown_columns(self) -> list[str]:
        """The columns of the view: one that the source gave up is still in the log."""
        return [row[0] for row in self.con.execute(f"DESCRIBE {self.view}").fetchall()]

    def _view_body(self) -> str:
        found = self.con.execute(
            f"SELECT sql FROM duckdb_views() WHERE database_name = {literal(self._alias)} "
            f"AND schema_name = {literal(RAW)} AND view_name = {literal(self.table)}"
        ).fetchone()
        return str(found[0]) if found else ""

    def _key_list(self) -> str:
        return ", ".join(map(ident, self.primary_key))

    def _one(self, sql: str) -> tuple[Any, ...]:
        row = self.con.execute(sql).fetchone()
        return row or ()


def visible_rows(
    log: str, columns: Sequence[str], primary_key: Sequence[str], first_us: int | None, away: str | None, more: str = ""
) -> str:
    """The SQL of what ``raw`` shows of ``log``; ``first_us`` is None while no key has two versions.

    ``away`` is the SQL of the (key, hash) of versions that are not shown, ``more`` what is selected besides.
    """
    if first_us is None and away is None and not more:
        return f"SELECT {', '.join(map(ident, columns))} FROM {log}"
    same = " AND ".join(f"{_HIDDEN}.{ident(c)} = {_LOG}.{ident(c)}" for c in (*primary_key, "_hash"))
    hidden = f"NOT EXISTS (SELECT 1 FROM ({away}) AS {_HIDDEN} WHERE {same})" if away else ""
    if first_us is None:
        shown = ", ".join(f"{_LOG}.{ident(c)}" for c in columns) + more
        return f"SELECT {shown} FROM {log} AS {_LOG}" + (f" WHERE {hidden}" if hidden else "")
    return latest_rows(log, columns, primary_key, first_us, more) + (f" AND {hidden}" if hidden else "")


def versions_kept_apart(log: str, quarantine: str, primary_key: Sequence[str]) -> str:
    """The SQL of the whole log, with ``AWAY``: whether a version is, or ended, in quarantine without being replayed.

    A row in quarantine knows its content, not its version. Of several versions with this content it is the last one
    that was there when the row was put in; where the clock says that none was, the first.
    """
    keys = ", ".join(map(ident, primary_key))
    same = " AND ".join(f"entry.{ident(key)} = version.{ident(key)}" for key in primary_key)
    found = ", ".join(f"version.{ident(key)}" for key in primary_key)
    apart = (
        f"SELECT DISTINCT {keys}, _loaded_at, TRUE AS {AWAY} FROM (SELECT entry.{ID}, {found}, "
        f"coalesce(max(version._loaded_at) FILTER (version._loaded_at <= entry.{SINCE}), min(version._loaded_at)) "
        f"AS _loaded_at FROM {quarantine} AS entry JOIN {log} AS version ON {same} "
        f"AND version._hash = entry.{HASH} AND version._op = 'upsert' "
        f"WHERE entry.{STATUS} <> {literal(REPLAYED)} GROUP BY entry.{ID}, {found}) AS named"
    )
    return (
        f"SELECT log.* , coalesce(apart.{AWAY}, FALSE) AS {AWAY} FROM {log} AS log "
        f"LEFT JOIN ({apart}) AS apart USING ({keys}, _loaded_at)"
    )


def latest_rows(
    log: str, columns: Sequence[str], primary_key: Sequence[str], first_us: int | None, more: str = ""
) -> str:
    """The SQL of the latest version of each key of ``log``, deleted ones left out.

    The first load, at ``first_us``, has one version a key; so only what came later is grouped, which
    costs what changed and not what is stored (measured on 1,017,209 rows and 6,690 newer versions: 26
    ms; grouping everything 163 ms; a window 142 ms).
    """
    keys = ", ".join(map(ident, primary_key))
    shown = ", ".join(f"{_LOG}.{ident(c)}" for c in columns) + more
    return (
        f"SELECT {shown} FROM {log} AS {_LOG} LEFT JOIN (SELECT {keys}, max(_loaded_at) AS _loaded_at FROM {log} "
        f"WHERE _loaded_at > make_timestamptz({first_us}) GROUP BY {keys}) AS {_LATEST} USING ({keys}) "
        f"WHERE ({_LATEST}._loaded_at IS NULL OR {_LATEST}._loaded_at = {_LOG}._loaded_at) AND {_LOG}._op = 'upsert'"
    )


def shows_every_row(view_sql: str) -> bool:
    """Whether a raw view with this body shows every row of its log.

    No key has two versions, none is deleted, none is in quarantine.
    """
    return _LATEST not in view_sql and _HIDDEN not in view_sql
