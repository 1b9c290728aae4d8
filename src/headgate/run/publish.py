"""The publish step: the guards, the manifest, the frozen copy, the pointer."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from headgate.gates.memory import LakeMemory
from headgate.gates.sight import ROWS
from headgate.lake import branch as branches
from headgate.lake.branch import LOG_SCHEMA
from headgate.lake.engine import LAKE, qualified
from headgate.lake.profile import describe
from headgate.lake.quarantine import SCHEMA, counts_of, table_name
from headgate.lake.release import Manifest
from headgate.project.fingerprint import combined, fingerprint
from headgate.run.guards import GuardResult, conservation, no_nan, no_rounding, no_shrink, nothing_lost
from headgate.run.workshop import Workshop
from headgate.sources.change_log import RAW, shows_every_row
from headgate.sources.schema_lock import LockedTable, read_lock, write_lock


@dataclass(frozen=True, slots=True)
class Published:
    """What came of the publish step: a release, nothing new, or guards that refused."""

    manifest: Manifest | None
    guards: list[GuardResult]
    changed: list[str] = field(default_factory=list)

    @property
    def refused(self) -> list[GuardResult]:
        return [guard for guard in self.guards if not guard.success]


def publish(shop: Workshop, expectations: dict[str, Any], scores: dict[str, Any]) -> Published:
    """Publish the branch if a table changed and every guard lets it.

    Raises:
        PublishRefusedError: somebody else published meanwhile.
    """
    details = shop.details()
    before: Mapping[str, Any] = shop.parent.tables if shop.parent else {}
    tables = _describe(shop, before)
    quarantine = _quarantine(shop, tables)
    kept_before = shop.parent.quarantine if shop.parent else {}
    changed = [*_changed(tables, before), *(f"{SCHEMA}.{name}" for name in _changed(quarantine, kept_before))]
    if not changed and shop.parent is not None:
        return Published(None, [])
    guards = _guards(shop, tables, before, details, set(tables) - set(changed))
    if any(not guard.success for guard in guards):
        return Published(None, guards, changed)
    _hold_schema(shop, details)
    draft = replace(_draft(shop, tables, details), quarantine=quarantine)
    snapshot = branches.snapshot_of(shop.con)
    shop.close()
    sha256 = branches.freeze(shop.branch, shop.con, snapshot)
    manifest = shop.releases.publish(
        shop.branch.frozen,
        replace(draft, catalog_sha256=sha256, snapshot=snapshot, expectations=expectations, scores=scores),
        shop.base,
    )
    branches.remove(shop.store, shop.run)
    return Published(manifest, guards, changed)


def published_before(shop: Workshop) -> Published | None:
    """What this run published already, if its process died before that was on record."""
    numbers = [number for number in shop.releases.numbers() if number > shop.base.highest]
    manifest = next((m for m in map(shop.releases.manifest, numbers) if m.run == shop.run), None)
    if manifest is None:
        return None
    branches.remove(shop.store, shop.run)
    before = shop.parent
    changed = _changed(manifest.tables, before.tables if before else {})
    changed += [f"{SCHEMA}.{n}" for n in _changed(manifest.quarantine, before.quarantine if before else {})]
    return Published(manifest, [], changed)


def tools() -> dict[str, str]:
    """The versions that can change what a run makes of the same data and code."""
    found = {"python": platform.python_version()}
    for package in ("headgate", "duckdb", "duckdb-extension-ducklake", "dbt-core", "dbt-duckdb"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _changed(tables: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """The tables that are not as they were, new and gone ones too."""
    names = tables.keys() | before.keys()
    return sorted(n for n in names if tables.get(n, {}).get("identity") != before.get(n, {}).get("identity"))


def _describe(shop: Workshop, before: Mapping[str, Any]) -> dict[str, Any]:
    """Every table and view of the layers, with the time since when it is as it is.

    Rows of views are counted only if something behind them moved.
    """
    tables = describe(shop.con, shop.contents, shop.project.layers)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    moved = {}
    for name, entry in tables.items():
        known = before[name] if name in before and before[name]["identity"] == entry["identity"] else None
        if entry["rows"] is None:
            if known:
                entry["rows"] = known["rows"]
            else:
                moved[name] = entry["identity"]
        if known is None or "since" in known:
            entry["since"] = known["since"] if known else now
    for name, rows in _count(shop, moved).items():
        tables[name]["rows"] = rows
    return tables


def _quarantine(shop: Workshop, tables: Mapping[str, Any]) -> dict[str, Any]:
    """The quarantine of every table of which rows are, or were, in it; of a table that is gone by its own name."""
    owners = {table_name(*name.split(".", 1)): name for name in tables}
    found = {}
    for table in shop.contents.tables.values():
        if table.schema == SCHEMA:
            counts = counts_of(shop.con, table.name)
            found[owners.get(table.name, table.name)] = {"identity": table.identity, **counts}
    return found


def _count(shop: Workshop, views: Mapping[str, str]) -> dict[str, int]:
    """The rows of views, whose identities are given: as a gate counted them, or as their log has them, or counted now.

    Those that are counted share one statement, since each costs 15 ms before it reads anything.
    """
    if not views:
        return {}
    remembered = LakeMemory(shop.con, shop.contents).recall(list(views.values()))
    found, unknown = {}, []
    for name, identity in views.items():
        layer, table = name.split(".", 1)
        log = shop.contents.tables.get(f"{LOG_SCHEMA}.{table}") if layer == RAW else None
        if (identity, ROWS) in remembered:
            found[name] = remembered[identity, ROWS].elements
        elif log is not None and shows_every_row(shop.contents.views[name].sql):
            found[name] = log.rows
        else:
            unknown.append(name)
    if unknown:
        counts = ", ".join(f"(SELECT count(*) FROM {qualified(LAKE, *name.split('.', 1))})" for name in unknown)
        found |= dict(zip(unknown, shop.con.execute(f"SELECT {counts}").fetchall()[0], strict=True))
    return found


def _guards(
    shop: Workshop,
    tables: Mapping[str, Any],
    before: Mapping[str, Any],
    details: Mapping[str, Mapping[str, Any]],
    unchanged: set[str],
) -> list[GuardResult]:
    settings = shop.project.publish
    counts = {name: source["rows"] for name, source in read_sources(details).items()}
    in_files = {name for name in tables if name in shop.contents.tables or name.startswith(f"{RAW}.")}
    return [
        *no_nan(shop.con, tables, unchanged, settings.allow_nan),
        *no_rounding(shop.con, tables, unchanged, in_files, shop.project.folder),
        *no_shrink(tables, before, settings.max_shrink, allowed=shop.options.allow_shrink),
        *conservation(counts),
        *nothing_lost(shop, tables, details),
    ]


def _hold_schema(shop: Workshop, details: Mapping[str, Mapping[str, Any]]) -> None:
    """Write down in the project which columns and types its sources have, now that the gates held."""
    read = {
        name.split(".", 1)[1]: LockedTable(dict(entry["columns"]), entry["delimiter"])
        for name, entry in read_sources(details).items()
    }
    write_lock(shop.project.folder, read_lock(shop.project.folder) | read)


def read_sources(details: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the extract steps of this run read, by ``source.table``."""
    return {name: entry for detail in details.values() for name, entry in detail.get("sources", {}).items()}


def _draft(shop: Workshop, tables: dict[str, Any], details: Mapping[str, Mapping[str, Any]]) -> Manifest:
    files = fingerprint(shop.project.folder)
    parent = shop.parent
    models = {key: m for detail in details.values() for key, m in detail.get("models", {}).items()}
    return Manifest(
        release=0,
        parent=shop.base.release,
        run=shop.run,
        project=shop.project.name,
        target=shop.project.target,
        published_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        catalog_sha256="",
        snapshot=0,
        project_hash=combined(files),
        project_files=files,
        variables=shop.project.vars,
        git=_git(shop),
        layers=list(shop.project.layers),
        sources=(parent.sources if parent else {}) | read_sources(details),
        models=models or (parent.models if parent else {}),
        tables=tables,
        tools=tools(),
    )


def _git(shop: Workshop) -> dict[str, Any]:
    """The commit of the project's code and whether files differ from it; empty where there is no git."""
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=shop.project.folder, capture_output=True, text=True, check=True, timeout=10,
        ).stdout.strip()  # fmt: skip
        status = subprocess.run(
            ["git", "status", "--porcelain", "--", "."],  # noqa: S607
            cwd=shop.project.folder, capture_output=True, text=True, check=True, timeout=10,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit, "dirty": bool(status)}
