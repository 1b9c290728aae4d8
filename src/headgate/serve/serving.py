"""Serving a release, on one page: look what the warehouse holds, find what is different, change it in one transaction.

Readers of the warehouse see the release before until the commit, and are not locked out: rows are inserted, updated
and deleted, tables are not replaced. What is not as Headgate left it is named and refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.errors import NoReleaseError, WarehouseDriftError, WarehouseTakenError
from headgate.lake.engine import Connection
from headgate.lake.release import Manifest, Releases
from headgate.project.following_config import PostgresServer
from headgate.serve import delta
from headgate.serve.by_hand import Change, changes_by_hand, refuse
from headgate.serve.postgres import transaction
from headgate.serve.record import Applied, Compared, Record, Served
from headgate.serve.wanted import Wanted, digest_of, name_of, wanted_tables
from headgate.serve.warehouse import Found, Warehouse, reshaping
from headgate.words import counted


@dataclass(frozen=True, slots=True)
class _Lake:
    """Where releases are read: ``connect`` gives a DuckDB when there is something to read, ``folder`` is for files."""

    releases: Releases
    connect: Callable[[], Connection]
    folder: Path

    def attached(self, after: Manifest, before: Manifest | None = None) -> AbstractContextManager[delta.Releases]:
        return delta.attached(self.releases.store, self.connect(), self.folder, after, before)


@dataclass(frozen=True, slots=True)
class _Task:
    """One serve: from ``record`` and its release (None if nobody knows it) to ``after``.

    ``forward``: the release comes after the one that is there, so that what only grows must have grown.
    """

    after: Manifest
    before: Manifest | None
    record: Record | None
    forward: bool
    repair: bool


def serve(
    server: PostgresServer,
    releases: Releases,
    connect: Callable[[], Connection],
    folder: Path,
    *,
    release: int | None = None,
    run: str | None = None,
    repair: bool = False,
    take_over: bool = False,
) -> Served:
    """Make the warehouse hold a release, by default the one that the lake serves when the warehouse is free.

    ``connect`` gives a DuckDB when there is something to read; ``folder`` is for temporary files. With ``repair``
    every table is compared with the whole release, and whatever somebody changed becomes as it should be. With
    ``take_over`` the schema may have been another project's or lake's.

    Raises:
        ServeError: the warehouse stays on the release that it had.
        UsageError: the project asks for what the release does not have.
    """
    lake = _Lake(releases, connect, folder)
    with transaction(server) as postgres:
        warehouse = Warehouse(postgres, server.schema_)
        warehouse.lock()
        after, record = _manifest(releases, release), warehouse.record()
        if record and not take_over:
            _require_owner(record, after, lake, server.schema_)
        wanted, found = wanted_tables(server, after), warehouse.found()
        if record and not repair:
            refuse(_by_hand(server, wanted, found, record), server.schema_)
            if _is_there(record, after, server):
                notes = [*_surplus_notes(wanted, found, after.release)]
                return Served(after.release, record.release, moved=False, notes=notes)
        before = _known(releases, record)
        task = _Task(after, before, record, _is_after(releases, after, before), repair)
        warehouse.lay_out()
        with lake.attached(after, before) as data:
            tables, notes = _change(warehouse, wanted, found, task, data)
            said = _record_of(task, wanted, digest_of(server), run, data.lake)
        warehouse.write_record(said, after.published_at)
    return Served(after.release, record.release if record else None, True, tables, notes)


def is_as_served(server: PostgresServer, releases: Releases) -> bool:
    """Whether the warehouse holds what the lake serves, as far as its catalogue tells; reads no rows.

    Raises:
        ServeError: it cannot be asked.
    """
    with transaction(server, keep=False) as postgres:
        warehouse = Warehouse(postgres, server.schema_)
        record, after = warehouse.record(), _manifest(releases, None)
        if record is None or not _is_there(record, after, server):
            return False
        return not _by_hand(server, wanted_tables(server, after), warehouse.found(), record)


def compare(server: PostgresServer, releases: Releases, connect: Callable[[], Connection], folder: Path) -> Compared:
    """How the warehouse differs from the release that it says it holds. Changes nothing.

    Raises:
        WarehouseDriftError: it is another lake's, or nobody knows the release.
        NoReleaseError: nothing was served yet.
    """
    lake = _Lake(releases, connect, folder)
    with transaction(server, keep=False) as postgres:
        warehouse = Warehouse(postgres, server.schema_)
        warehouse.lock()
        record = warehouse.record()
        if record is None:
            raise NoReleaseError("nothing was served yet", where=f"schema {server.schema_}", hint="headgate serve")
        _require_owner(record, _manifest(releases, None), lake, server.schema_)
        manifest = _known(releases, record)
        if manifest is None:
            raise WarehouseDriftError(
                f"the lake has no release {record.release} like the one that the warehouse holds",
                where=f"schema {server.schema_}",
                hint="headgate serve --repair makes it hold the release that the lake serves",
            )
        found, wanted = warehouse.found(), wanted_tables(server, manifest, record.tables)
        changes = _by_hand(server, wanted, found, record)
        broken = {change.table for change in changes if change.shape}
        with lake.attached(manifest) as data:
            differences = [warehouse.compare(t, data.whole(t)) for t in wanted if t.name not in broken]
        texts = [f"{change.table}: {change.what} ({change.hint})" for change in changes]
        names = [name_of(relation, declared) for relation, declared in server.tables.items()]
        notes = [*_surplus_notes(wanted, found, record.release), *_left_notes(record, names)]
        return Compared(record.release, differences, texts + _unlooked(server, record, names), notes)


def held_release(server: PostgresServer) -> int | None:
    """The release that the warehouse says it holds; None if nothing was served yet.

    Raises:
        ServeError: it cannot be asked.
    """
    with transaction(server, keep=False) as postgres:
        record = Warehouse(postgres, server.schema_).record()
    return record.release if record else None


def _manifest(releases: Releases, number: int | None) -> Manifest:
    current = releases.pointer().release if number is None else number
    if current is None:
        raise NoReleaseError("nothing is published yet", where=releases.store.location, hint="headgate run")
    return releases.manifest(current)


def _require_owner(record: Record, after: Manifest, lake: _Lake, schema: str) -> None:
    """Refuse a schema that another project, target or lake keeps."""
    if (record.project, record.target) != (after.project, after.target):
        owner = f"project: {record.owner}"
    elif _is_of_another_lake(record, after, lake):
        run = f", of run {record.run}" if record.run else ""
        owner = f"lake of {record.owner}: it holds that lake's release {record.release}{run}"
    else:
        return
    raise WarehouseTakenError(
        f"the schema is kept by another {owner}",
        where=f"schema {schema}",
        hint="name another schema in headgate.yml: each lake and target needs its own (targets.<target>.serve). "
        "If this one takes the other's place: headgate serve --take-over",
    )


def _is_of_another_lake(record: Record, after: Manifest, lake: _Lake) -> bool:
    """Whether the release that is there came from another lake, or from a copy that went its own way since.

    A release that both have settles it; otherwise the catalog is opened. A record of before lakes were told apart is
    anybody's.
    """
    if record.release in lake.releases.numbers():
        return lake.releases.manifest(record.release).catalog_sha256 != record.catalog_sha256
    if record.lake is None:
        return False
    with lake.attached(after) as data:
        return record.lake != data.lake


def _by_hand(server: PostgresServer, wanted: list[Wanted], found: dict[str, Found], record: Record) -> list[Change]:
    return changes_by_hand(server.schema_, wanted, found, record, keys=record.declared == digest_of(server))


def _unlooked(server: PostgresServer, record: Record, names: list[str]) -> list[str]:
    """What is declared and could not be compared, since it was declared after the last serve."""
    never = [name for name in names if name not in record.tables]
    texts = [f"{name}: it was never served (headgate serve)" for name in never]
    if not never and record.declared != digest_of(server):
        texts.append(f"`serve` was changed since release {record.release} was served (headgate serve)")
    return texts


def _surplus_notes(wanted: list[Wanted], found: dict[str, Found], release: int) -> Iterator[str]:
    for table in wanted:
        there = found[table.name].columns if table.name in found else {}
        if surplus := [column for column in there if column not in table.columns]:
            text = f"{table.name} has columns in the warehouse that release {release} does not have"
            yield f"{text}: {', '.join(surplus)}"


def _left_notes(record: Record | None, names: Iterable[str]) -> list[str]:
    left = sorted((record.tables if record else {}).keys() - set(names))
    return [f"{name} is no longer served: it stays as it is until somebody drops it" for name in left]


def _is_there(record: Record, after: Manifest, server: PostgresServer) -> bool:
    return (record.release, record.catalog_sha256, record.declared) == (
        after.release,
        after.catalog_sha256,
        digest_of(server),
    )


def _known(releases: Releases, record: Record | None) -> Manifest | None:
    """The release that the warehouse holds, if this lake still has it and means the same by its number."""
    if record is None or record.release not in releases.numbers():
        return None
    manifest = releases.manifest(record.release)
    return manifest if manifest.catalog_sha256 == record.catalog_sha256 else None


def _is_after(releases: Releases, after: Manifest, before: Manifest | None) -> bool:
    """Whether one release was made from the other, perhaps with some in between."""
    if before is None:
        return False
    kept, number = set(releases.numbers()), after.parent
    while number is not None and number > before.release and number in kept:
        number = releases.manifest(number).parent
    return number == before.release or after.release == before.release


def _change(
    warehouse: Warehouse, wanted: list[Wanted], found: dict[str, Found], task: _Task, data: delta.Releases
) -> tuple[dict[str, Applied], list[str]]:
    tables: dict[str, Applied] = {}
    for table in wanted:
        applied = _change_table(warehouse, table, found.get(table.name), task, data)
        if applied is not None:
            tables[table.name] = applied
    for table in wanted:
        warehouse.constrain(table, found.get(table.name))
    warehouse.refer(wanted)
    names = (table.name for table in wanted)
    return tables, [*_surplus_notes(wanted, found, task.after.release), *_left_notes(task.record, names)]


def _change_table(
    warehouse: Warehouse, table: Wanted, found: Found | None, task: _Task, data: delta.Releases
) -> Applied | None:
    """Make one table hold what the release holds; None if it does already."""
    served = task.record.tables.get(table.name) if task.record else None
    if found is None:
        warehouse.create(table)
        return warehouse.fill(table, data.whole(table))
    if served is None and not task.repair:
        raise WarehouseDriftError(
            "there is a table of this name that Headgate did not make",
            where=f"{table.name} in the warehouse",
            hint="rename it, give the served one another `name`, or let headgate serve --repair take it over",
        )
    new, surplus = reshaping(warehouse.schema, table, found, served, forward=task.forward)
    rows = _count(warehouse, table, served, task)
    same = served is not None and (served["relation"], served["identity"]) == (table.relation, table.identity)
    if same and not new and not task.repair:
        return None
    warehouse.add_columns(table, new)
    ours = [column for column in surplus if served and column in served["columns"]]
    warehouse.let_be_null(table, found.not_null.intersection(ours))
    by_release = served is not None and served["relation"] == table.relation and not task.repair and not ours
    applied = warehouse.apply(table, data.delta(table) if by_release else data.whole(table), ours)
    _require_growth(table, applied, task)
    _require_rows(table, rows + applied.inserted - applied.deleted)
    return applied


def _count(warehouse: Warehouse, table: Wanted, served: dict[str, Any] | None, task: _Task) -> int:
    """The rows that are there, which are those that were served unless somebody changed them."""
    rows = warehouse.count(table.name)
    if served is not None and rows != served["rows"] and not task.repair:
        raise WarehouseDriftError(
            f"somebody changed the rows: there are {rows:,}, and {served['rows']:,} were served",
            where=f"{table.name} in the warehouse",
            hint="headgate serve --check counts what differs; headgate serve --repair makes it as it should be",
        )
    return rows


def _require_growth(table: Wanted, applied: Applied, task: _Task) -> None:
    if table.appends and task.forward and not task.repair and (applied.updated or applied.deleted):
        raise WarehouseDriftError(
            f"{counted(applied.updated, 'record')} changed and {applied.deleted:,} went, "
            "although the table only appends",
            where=f"{table.name} ({table.relation})",
            hint="`mode: upsert` if records may change; headgate serve --repair takes it over this once",
        )


def _require_rows(table: Wanted, rows: int) -> None:
    if rows != table.rows:
        raise WarehouseDriftError(
            f"it would hold {counted(rows, 'row')} and the release has {table.rows:,}: "
            "a key comes twice in the release, or somebody changed rows here",
            where=f"{table.name} in the warehouse",
            hint="a unique gate on the primary key finds the first; headgate serve --repair mends the second",
        )


def _record_of(task: _Task, wanted: list[Wanted], declared: str, run: str | None, lake: str) -> Record:
    after = task.after
    tables = {
        table.name: {
            "relation": table.relation,
            "rows": table.rows,
            "identity": table.identity,
            "columns": table.types,
        }
        for table in wanted
    }
    return Record(after.release, run, after.project, after.target, lake, after.catalog_sha256, declared, tables)
