"""Deleting what no kept release and no kept branch needs.

DuckLake's own cleanup is never used: it knows one catalog, not the releases beside it. The order is
catalogs first, data later, so that nobody can still open a release whose data is going.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from headgate.errors import CorruptError
from headgate.lake.branch import branch_of, branches, discard
from headgate.lake.engine import Connection, ident, literal
from headgate.lake.release import Releases, catalog_key, manifest_key
from headgate.lake.store import Store

#: How long data that a pruned release used stays, for readers that still stream from it.
GRACE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted; ``waiting`` data files go with a later prune, when their grace is over."""

    releases: tuple[int, ...]
    branches: tuple[str, ...]
    files: int
    bytes: int
    waiting: int


def prune(
    store: Store, con: Connection, *, keep: int, keep_branches: Iterable[str], grace_seconds: float = GRACE_SECONDS
) -> Pruned:
    """Keep the served release, the newest ``keep`` and ``keep_branches``; delete everything else.

    The caller holds the lake's lock. Safe to be killed and to be run again at any point.
    """
    releases = Releases(store)
    served = releases.pointer().release
    published = releases.numbers()
    kept = set(published[-keep:] if keep else [])
    if served is not None:
        kept.add(served)
    kept_runs = set(keep_branches)
    every = {number for number, _ in releases.listed()}
    gone = sorted(number for number in every if number not in kept)
    needed = _needed(store, con, [catalog_key(n) for n in sorted(kept)], kept_runs)
    waiting = _remember_waiting(store, con, gone, needed)
    for number in gone:
        store.delete(catalog_key(number))
        store.delete(manifest_key(number))
    dead = [run for run in branches(store) if run not in kept_runs]
    for run in dead:
        discard(branch_of(store, run))
    files, size, left = _delete_data(store, needed, waiting, grace_seconds)
    return Pruned(tuple(gone), tuple(dead), files, size, left)


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
    finally:
        con.execute(f"DETACH {ident('pruned')}")


def _needed(store: Store, con: Connection, catalogs: list[str], runs: set[str]) -> set[str]:
    needed: set[str] = set()
    for key in catalogs:
        needed |= files_of(con, store.url(key))
    for run in runs:
        if branch_of(store, run).path.exists():
            needed |= files_of(con, str(branch_of(store, run).path))
    return needed


def _remember_waiting(store: Store, con: Connection, gone: list[int], needed: set[str]) -> dict[str, float]:
    """When each file that a pruned release used was released, written down before the catalogs go."""
    record = _record(store)
    waiting: dict[str, float] = json.loads(record.read_text()) if record.exists() else {}
    existing = {entry.key for entry in store.list("releases")}
    for number in gone:
        if catalog_key(number) in existing:
            for path in files_of(con, store.url(catalog_key(number))) - needed:
                waiting.setdefault(path, time.time())
    waiting = {path: since for path, since in waiting.items() if path not in needed}
    record.parent.mkdir(parents=True, exist_ok=True)
    temporary = record.with_suffix(".tmp")
    temporary.write_text(json.dumps(waiting))
    temporary.replace(record)
    return waiting


def _delete_data(
    store: Store, needed: set[str], waiting: dict[str, float], grace_seconds: float
) -> tuple[int, int, int]:
    count = size = left = 0
    for entry in list(store.list("data")):
        path = entry.key.removeprefix("data/")
        if path in needed:
            continue
        if path in waiting and time.time() - waiting[path] < grace_seconds:
            left += 1
            continue
        store.delete(entry.key)
        count += 1
        size += entry.bytes
    return count, size, left


def _record(store: Store) -> Path:
    return store.workdir / "prune.json"
