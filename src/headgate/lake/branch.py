"""A branch: a private copy of the lake's catalog, in which one run works.

A branch starts with every table of the release it came from, at the cost of copying one small file.
Between two steps of a run it lies detached in the work folder; while a process works on it, a copy
from before the process's first step lies beside it, so that a killed step leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from headgate.errors import CorruptError, LakeError, UsageError
from headgate.lake.engine import (
    LAKE,
    Connection,
    attach,
    detach,
    ident,
    literal,
    qualified,
    transaction,
    translated,
)
from headgate.lake.release import Pointer, Releases
from headgate.lake.store import Store, sync, writing
from headgate.lake.stowing import drop, stowed_runs

#: Options that must live in the catalog, or a plain CHECKPOINT by anybody deletes files of other releases.
CATALOG_OPTIONS: dict[str, str | int | bool] = {
    "data_inlining_row_limit": 0,
    "delete_older_than": "1000 years",
    "expire_older_than": "1000 years",
    "auto_compact": False,
    "parquet_version": 2,  # half the bytes of version 1 for much of what tables hold, written and read with less work
}
INTERNAL_SCHEMA = "_headgate"
LOG_SCHEMA = "raw_log"
#: Catalogs with more snapshots than this are squashed when a branch is made; each costs about 3 ms then.
MANY_SNAPSHOTS = 24


@dataclass(frozen=True, slots=True)
class Branch:
    """Where the private catalog of ``run`` lies; ``data`` is the folder of the lake's data files."""

    run: str
    path: Path
    data: str

    @property
    def before(self) -> Path:
        """The copy from before the step in hand; it exists only while a process works on the branch."""
        return self.path.with_suffix(".before")

    @property
    def frozen(self) -> Path:
        """The finished copy that is published."""
        return self.path.with_suffix(".frozen")

    @property
    def exists(self) -> bool:
        return self.path.exists() or self.before.exists()


def branch_of(store: Store, run: str) -> Branch:
    """The branch of ``run``, whether it exists or not; raises UsageError for a text that is no run's id."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}", run):
        shown = run if len(run) <= 100 else f"{run[:100]}…"
        hint = "up to 100 letters, digits, - and _: it becomes the name of files"
        raise UsageError(f"{shown!r} is not the id of a run", hint=hint)
    return Branch(run, store.workdir / f"{run}.ducklake", store.url("data"))


def create(store: Store, run: str, base: Pointer, con: Connection, layers: tuple[str, ...]) -> Branch:
    """Make the branch of ``run`` from the release that ``base`` points to, or an empty one.

    Leaves it attached as ``lake``.

    Raises:
        CorruptError: the release is not what was published.
        CouldNotRunError: it cannot be written, as on a full disk.
    """
    branch = branch_of(store, run)
    with writing(branch.path):
        branch.path.parent.mkdir(parents=True, exist_ok=True)
    discard(branch)
    try:
        if base.release is None:
            lay_out_empty(con, branch.path, branch.data)
        else:
            _copy_release(store, base.release, branch, con)
        make_schemas(con, layers)
    except duckdb.Error as error:
        raise translated(error, doing="making the branch") from error
    return branch


def _copy_release(store: Store, number: int, branch: Branch, con: Connection) -> None:
    releases = Releases(store)
    releases.verify(number)
    catalog = releases.catalog(number)
    _refuse_wal(catalog)
    _copy(catalog, branch.path)
    branch.path.chmod(0o644)
    attach(con, str(branch.path), branch.data, read_only=False, migrate=True)
    if squash(con):
        detach(con)
        shed_dead_rows(con, branch.path)
        attach(con, str(branch.path), branch.data, read_only=False)


def lay_out_empty(con: Connection, path: Path, data: str) -> None:
    """Make an empty catalog at ``path`` with the options that every lake of ours needs; leaves it attached."""
    attach(con, str(path), data, read_only=False, create=True)
    for name, value in CATALOG_OPTIONS.items():
        con.execute(f"CALL {ident(LAKE)}.set_option({literal(name)}, {literal(value)})")


def make_schemas(con: Connection, layers: tuple[str, ...]) -> None:
    """A schema for each layer, and Headgate's own, as far as they are not there."""
    with transaction(con):
        for schema in (INTERNAL_SCHEMA, LOG_SCHEMA, *layers):
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {qualified(LAKE, schema)}")


def open_branch(branch: Branch, con: Connection, *, on_record: bool = False) -> None:
    """Attach the branch to go on working, first putting back what a killed process left half done.

    ``on_record`` says that the last step was folded and is on record as done: what it left stays.
    """
    if on_record and not _wal(branch.path).exists():
        branch.before.unlink(missing_ok=True)
    if branch.before.exists():
        _wal(branch.path).unlink(missing_ok=True)
        branch.before.replace(branch.path)
    _refuse_wal(branch.path)
    _copy(branch.path, branch.before)
    attach(con, str(branch.path), branch.data, read_only=False)


def close_branch(branch: Branch, con: Connection) -> None:
    """Fold everything into the branch's file and let go of it."""
    fold(branch, con)
    branch.before.unlink(missing_ok=True)


def fold(branch: Branch, con: Connection) -> None:
    """As `close_branch`, but the copy from before stays until it is on record that the step is done."""
    detach(con)
    _refuse_wal(branch.path)


def freeze(branch: Branch, con: Connection, snapshot: int) -> str:
    """Make the copy that will be published and prove that it is whole; returns its SHA-256.

    The branch must be closed. Raises CorruptError if the copy is not at ``snapshot``.
    """
    _refuse_wal(branch.path)
    with writing(branch.frozen):
        branch.frozen.unlink(missing_ok=True)  # an earlier one may be a release by now: never write into it
        shutil.copyfile(branch.path, branch.frozen)
        sync(branch.frozen)
    attach(con, str(branch.frozen), branch.data, alias="frozen", read_only=True)
    try:
        found = snapshot_of(con, "frozen")
    finally:
        con.execute("DETACH frozen")
    if found != snapshot:
        raise CorruptError(f"the branch was at snapshot {snapshot}, its copy is at {found}", where=str(branch.frozen))
    return hashlib.sha256(branch.frozen.read_bytes()).hexdigest()


def discard(branch: Branch) -> None:
    """Delete the branch's files; its data files are for ``prune``."""
    temporary = (_temporary(branch.path), _temporary(branch.before))
    for path in (branch.path, _wal(branch.path), *temporary, branch.before, branch.frozen):
        path.unlink(missing_ok=True)


def remove(store: Store, run: str) -> None:
    """Delete the branch of ``run``, here and wherever other machines would find it."""
    discard(branch_of(store, run))
    drop(store, run)


def snapshot_of(con: Connection, alias: str = LAKE) -> int:
    """The newest snapshot of an attached lake."""
    meta = ident(f"__ducklake_metadata_{alias}")
    return int(con.execute(f"SELECT max(snapshot_id) FROM {meta}.ducklake_snapshot").fetchall()[0][0])


def squash(con: Connection, alias: str = LAKE) -> bool:
    """Forget old snapshots, so that catalogs do not grow with the number of runs; False if they are few.

    Removes no file.
    """
    meta = ident(f"__ducklake_metadata_{alias}")
    if con.execute(f"SELECT count(*) FROM {meta}.ducklake_snapshot").fetchall()[0][0] <= MANY_SNAPSHOTS:
        return False
    con.execute(f"CALL ducklake_expire_snapshots({literal(alias)}, older_than => now() + INTERVAL 1 DAY)")
    con.execute(f"DELETE FROM {meta}.ducklake_files_scheduled_for_deletion")
    return True


def shed_dead_rows(con: Connection, path: Path) -> None:
    """Write the tables of a catalog that have a primary key anew: DuckDB keeps their deleted rows for ever.

    Without this a catalog grew by a kilobyte with every run. The catalog must not be attached.
    """
    con.execute(f"ATTACH {literal(str(path))} AS shedding")
    with transaction(con):
        for name, definition in con.execute(
            "SELECT table_name, sql FROM duckdb_tables() WHERE database_name = 'shedding' AND has_primary_key"
        ).fetchall():
            table = qualified("shedding", name)
            con.execute(f"CREATE TEMP TABLE shed AS FROM {table}")
            con.execute(f"DROP TABLE {table}")
            con.execute(definition.replace("CREATE TABLE ", "CREATE TABLE shedding.", 1))
            con.execute(f"INSERT INTO {table} FROM shed")
            con.execute("DROP TABLE shed")
    con.execute("DETACH shedding")


def branches(store: Store) -> list[str]:
    """The runs that have a branch in the work folder, or put away in the lake."""
    folder = store.workdir
    here = {path.stem for path in folder.glob("*.ducklake")} | {path.stem for path in folder.glob("*.before")}
    return sorted(here | stowed_runs(store))


def _copy(source: Path, to: Path) -> None:
    """A copy that is there whole or not at all."""
    with writing(to):
        temporary = _temporary(to)
        try:
            shutil.copyfile(source, temporary)
            temporary.replace(to)
        finally:
            temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")  # which the store sweeps away if it is left


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _refuse_wal(path: Path) -> None:
    if _wal(path).exists():
        raise LakeError(
            "a write-ahead log lies beside the catalog, so a copy of it would silently be old or empty",
            where=str(path),
            hint="a process has it open, or died with it open: end it, or let headgate prune remove the branch",
        )
