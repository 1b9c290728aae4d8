"""Serving a release, on one page: look what the warehouse holds, find what is different, change it in one transaction.

Readers of the warehouse see the release before until the commit, and are not locked out: rows are inserted, updated
and deleted, tables are not replaced. What is not as Headgate left it is named and refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.errors import NoReleaseError, WarehouseDriftError
from headgate.lake.engine import Connection
from headgate.lake.release import Manifest, Releases
from headgate.project.following_config import PostgresServer
from headgate.serve import delta
from headgate.serve.postgres import transaction
from headgate.serve.record import Applied, Difference, Record, Served
from headgate.serve.wanted import Wanted, digest_of, wanted_tables
from headgate.serve.warehouse import Found, Warehouse, drift


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
) -> Served:
    """Make the warehouse hold a release, by default the one that the lake serves when the warehouse is free.

    ``connect`` gives a DuckDB when there is something to read; ``folder`` is for temporary files. With ``repair``
    every table is compared with the whole release, and whatever somebody changed becomes as it should be.

    Raises:
        ServeError: the warehouse stays on the release that it had.
        UsageError: the project asks for what the release does not have.
    """
    with transaction(server) as postgres:
        warehouse = Warehouse(postgres, server.schema_)
        warehouse.lock()
        after = _manifest(releases, release)
        record = warehouse.record()
        _require_owner(record, after, server.schema_)
        if record and not repair and _is_there(record, after, server):
            return Served(after.release, record.release, moved=False)
        wanted = wanted_tables(server, after)
        before = _known(releases, record)
        task = _Task(after, before, record, _is_after(releases, after, before), repair)
        warehouse.lay_out()
        with delta.attached(releases.store, connect(), folder, after, before) as data:
            tables, notes = _change(warehouse, wanted, task, data)
        warehouse.write_record(_record_of(task, wanted, digest_of(server), run), after.published_at)
    return Served(after.release, record.release if record else None, True, tables, notes)


def compare(
    server: PostgresServer, releases: Releases, connect: Callable[[], Connection], folder: Path
) -> tuple[int, list[Difference]]:
    """The release that the warehouse says it holds, and how each table differs from it. Changes nothing.

    Raises:
        WarehouseDriftError: a table or column is not there, or has another type; or nobody knows the release.
        NoReleaseError: nothing was served yet.
    """
    with transaction(server, keep=False) as postgres:
        warehouse = Warehouse(postgres, server.schema_)
        warehouse.lock()
        record = warehouse.record()
        if record is None:
            raise NoReleaseError("nothing was served yet", where=f"schema {server.schema_}", hint="headgate serve")
        manifest = _known(releases, record)
        if manifest is None:
            raise WarehouseDriftError(
                f"the lake has no release {record.release} like the one that the warehouse holds",
                where=f"schema {server.schema_}",
                hint="headgate serve --repair makes it hold the release that the lake serves",
            )
        found = warehouse.found()
        with delta.attached(releases.store, connect(), folder, manifest, None) as data:
            differences = []
            for table in wanted_tables(server, manifest):
                if table.name in record.tables:
                    drift(table, _present(table, found), record.tables[table.name], forward=False)
                    differences.append(warehouse.compare(table, data.whole(table)))
        return record.release, differences


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


def _require_owner(record: Record | None, after: Manifest, schema: str) -> None:
    if record is not None and (record.project, record.target) != (after.project, after.target):
        raise WarehouseDriftError(
            f"the schema is kept by another project: {record.owner}",
            where=f"schema {schema}",
            hint="name another schema in headgate.yml; each target needs its own (targets.<target>.serve)",
        )


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
    warehouse: Warehouse, wanted: list[Wanted], task: _Task, data: delta.Releases
) -> tuple[dict[str, Applied], list[str]]:
    found = warehouse.found()
    tables: dict[str, Applied] = {}
    notes: list[str] = []
    for table in wanted:
        applied = _change_table(warehouse, table, found.get(table.name), task, data, notes)
        if applied is not None:
            tables[table.name] = applied
    for table in wanted:
        warehouse.constrain(table, found.get(table.name))
    warehouse.refer(wanted)
    served = task.record.tables if task.record else {}
    left = sorted(served.keys() - {table.name for table in wanted})
    notes += [f"{name} is no longer served: it stays as it is until somebody drops it" for name in left]
    return tables, notes


def _change_table(
    warehouse: Warehouse, table: Wanted, found: Found | None, task: _Task, data: delta.Releases, notes: list[str]
) -> Applied | None:
    """Make one table hold what the release holds; None if it does already."""
    served = task.record.tables.get(table.name) if task.record else None
    if found is None:
        if served is not None and not task.repair:
            raise WarehouseDriftError(
                "somebody dropped the table",
                where=f"{table.name} in the warehouse",
                hint="headgate serve --repair makes it anew",
            )
        warehouse.create(table)
        return warehouse.fill(table, data.whole(table))
    if served is None and not task.repair:
        raise WarehouseDriftError(
            "there is a table of this name that Headgate did not make",
            where=f"{table.name} in the warehouse",
            hint="rename it, give the served one another `name`, or let headgate serve --repair take it over",
        )
    new, surplus = drift(table, found, served, forward=task.forward)
    rows = _count(warehouse, table, served, task)
    if surplus:
        text = f"{table.name} has columns in the warehouse that release {task.after.release} does not have"
        notes.append(f"{text}: {', '.join(surplus)}")
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
            f"{applied.updated:,} records changed and {applied.deleted:,} went, although the table only appends",
            where=f"{table.name} ({table.relation})",
            hint="`mode: upsert` if records may change; headgate serve --repair takes it over this once",
        )


def _require_rows(table: Wanted, rows: int) -> None:
    if rows != table.rows:
        raise WarehouseDriftError(
            f"it would hold {rows:,} rows and the release has {table.rows:,}: a key comes twice in the release, "
            "or somebody changed rows here",
            where=f"{table.name} in the warehouse",
            hint="a unique gate on the primary key finds the first; headgate serve --repair mends the second",
        )


def _present(table: Wanted, found: dict[str, Found]) -> Found:
    if table.name not in found:
        raise WarehouseDriftError(
            "somebody dropped the table",
            where=f"{table.name} in the warehouse",
            hint="headgate serve --repair makes it anew",
        )
    return found[table.name]


def _record_of(task: _Task, wanted: list[Wanted], declared: str, run: str | None) -> Record:
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
    return Record(after.release, run, after.project, after.target, after.catalog_sha256, declared, tables)
