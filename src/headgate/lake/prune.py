"""Deleting what no kept release and no kept branch needs.

DuckLake's own cleanup is never used: it knows one catalog, not the releases beside it. The order is
manifest (so that the release is no longer listed), catalog (so that nobody can still open it), and the
data last.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from headgate.errors import CorruptError, UsageError
from headgate.lake.branch import branch_of, branches, remove
from headgate.lake.engine import Connection, literal
from headgate.lake.release import Releases, catalog_key, manifest_key
from headgate.lake.store import MissingError, Store
from headgate.lake.stowing import stowed
from headgate.words import counted

#: How long data that a pruned release used stays, for readers that still stream from it.
GRACE_SECONDS = 3600
#: Which data files wait, and since when. With the lock held nobody else writes it.
WAITING = "work/prune.json"


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted; ``waiting`` data files go with a later prune, when their grace is over."""

    releases: tuple[int, ...]
    branches: tuple[str, ...]
    files: int
    bytes: int
    waiting: int

    def facts(self) -> list[str]:
        """As it is told."""
        facts = [
            counted(len(self.releases), "release"),
            counted(len(self.branches), "branch", "branches"),
            f"{counted(self.files, 'data file')} ({self.bytes / 1e6:,.1f} MB) deleted",
        ]
        return [*facts, f"{counted(self.waiting, 'file waits', 'files wait')} for readers"] if self.waiting else facts


def prune(
    store: Store,
    con: Connection,
    *,
    keep: int,
    keep_branches: Iterable[str],
    keep_daily: int = 0,
    grace_seconds: float = GRACE_SECONDS,
) -> Pruned:
    """Keep the served release, the newest ``keep``, the last of each of ``keep_daily`` days, and ``keep_branches``.

    Everything else is deleted. Days are those on which something was published, in UTC, the newest first.

    The caller holds the lake's lock. Safe to be killed and to be run again at any point.

    Raises:
        UsageError: ``keep`` or ``keep_daily`` is negative.
        CorruptError: a catalog that is kept cannot be read, so nobody can say what it needs. Nothing is deleted.
            With ``keep_daily`` also a manifest: nobody can say of which day it is.
        PublishRefusedError: the pointer moved just now. Nothing is deleted.
    """
    if keep < 0:
        raise UsageError(f"cannot keep {keep} releases")
    if keep_daily < 0:
        raise UsageError(f"cannot keep releases of {keep_daily} days")
    kept_runs = set(keep_branches)
    releases = Releases(store)
    base = releases.pointer()
    published = releases.numbers()
    kept = {*(published[-keep:] if keep else []), *([] if base.release is None else [base.release])}
    kept |= _last_of_days(releases, published, keep_daily)
    gone = sorted({number for number, _ in releases.listed()} - kept)
    needed = _needed(store, con, [catalog_key(n) for n in sorted(kept)], kept_runs)
    releases.withdraw(gone, base)
    waiting = _remember_waiting(store, con, gone, needed)
    for number in gone:
        store.delete(manifest_key(number))
        store.delete(catalog_key(number))
    dead = [run for run in branches(store) if run not in kept_runs]
    for run in dead:
        remove(store, run)
    files, size = _delete_data(store, needed, waiting, grace_seconds)
    store.sweep(older_than_seconds=grace_seconds)
    return Pruned(tuple(gone), tuple(dead), files, size, len(waiting))


def _last_of_days(releases: Releases, published: list[int], days: int) -> set[int]:
    """The last release of each of the newest ``days`` on which there was one."""
    last: dict[str, int] = {}
    for number in reversed(published):
        if len(last) == days:
            break
        day = datetime.fromisoformat(releases.manifest(number).published_at).astimezone(UTC).date().isoformat()
        last.setdefault(day, number)
    return set(last.values())


def files_of(con: Connection, catalog: str) -> set[str]:
    """Every data and delete file that any row of a catalog names, ended ones too, relative to ``data/``."""
    try:
        con.execute(f"ATTACH {literal(catalog)} AS pruned (READ_ONLY)")
    except duckdb.Error as error:
        raise CorruptError(f"the catalog cannot be read: {error}", where=catalog) from error
    try:
        return {
            path
            for kind in ("data", "delete")
            for (path,) in con.execute(
                f"""SELECT CASE WHEN f.path_is_relative THEN s.path || t.path || f.path ELSE f.path END
                    FROM pruned.ducklake_{kind}_file f
                    JOIN (SELECT DISTINCT table_id, schema_id, path FROM pruned.ducklake_table) t USING (table_id)
                    JOIN (SELECT DISTINCT schema_id, path FROM pruned.ducklake_schema) s USING (schema_id)"""
            ).fetchall()
        }
    except duckdb.Error as error:
        raise CorruptError(f"the catalog cannot be read: {error}", where=catalog) from error
    finally:
        con.execute("DETACH pruned")


def _needed(store: Store, con: Connection, catalogs: list[str], runs: set[str]) -> set[str]:
    needed: set[str] = set()
    for key in [*catalogs, *(key for run in runs for key in stowed(store, run))]:
        needed |= files_of(con, _local(store, key))
    for branch in (branch_of(store, run) for run in runs):
        for path in (branch.path, branch.before):
            if path.exists():
                needed |= files_of(con, str(path))
    return needed


def _remember_waiting(store: Store, con: Connection, gone: list[int], needed: set[str]) -> dict[str, float]:
    """When each file that a pruned release used was released, written down before the catalogs go."""
    before = _read_waiting(store)
    waiting = dict(before)
    existing = {entry.key for entry in store.list("releases")}
    for number in gone:
        if catalog_key(number) not in existing:
            continue
        with contextlib.suppress(CorruptError):  # nobody can read from a release that cannot be opened
            for path in files_of(con, _local(store, catalog_key(number))) - needed:
                waiting.setdefault(path, time.time())
    waiting = {path: since for path, since in waiting.items() if path not in needed}
    if waiting != before:  # a disk that is full can be pruned, as long as there is nothing to write
        _write_waiting(store, waiting)
    return waiting


def _delete_data(store: Store, needed: set[str], waiting: dict[str, float], grace_seconds: float) -> tuple[int, int]:
    """Delete what is not needed and does not wait; ``waiting`` is left with what still does."""
    count = size = 0
    still: dict[str, float] = {}
    for entry in list(store.list("data")):
        path = entry.key.removeprefix("data/")
        if path in needed:
            continue
        if path in waiting and time.time() - waiting[path] < grace_seconds:
            still[path] = waiting[path]
            continue
        store.delete(entry.key)
        count += 1
        size += entry.bytes
    if waiting != still:
        waiting.clear()
        waiting.update(still)
        _write_waiting(store, still)
    return count, size


def _local(store: Store, key: str) -> str:
    """A file with a catalog as it is in the lake now, whatever was read of it before."""
    try:
        return str(store.file(key, None))
    except MissingError as error:
        raise CorruptError("the catalog is gone", where=store.url(key)) from error


def _read_waiting(store: Store) -> dict[str, float]:
    try:
        return {str(path): float(since) for path, since in json.loads(store.read(WAITING)).items()}
    except MissingError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        hint = "delete it, and prune again when nobody reads old releases any more"
        raise CorruptError(
            "the record of what waits to be deleted is damaged", where=store.url(WAITING), hint=hint
        ) from error


def _write_waiting(store: Store, waiting: dict[str, float]) -> None:
    try:
        before: bytes | None = store.read(WAITING)
    except MissingError:
        before = None
    store.replace(WAITING, json.dumps(waiting).encode(), expected=before)
