"""The export step, and the exports that runs before this one could not do."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from headgate.errors import HeadgateError
from headgate.exports import export
from headgate.lake import engine
from headgate.lake.opening import open_store
from headgate.lake.reading import reader
from headgate.lake.release import Manifest
from headgate.plan import Kind
from headgate.project import Project, read_tagged_gate
from headgate.project.export_path import ExportPath
from headgate.run.conditions import waits_for
from headgate.run.workshop import Workshop, engine_settings
from headgate.words import counted

Ended = tuple[Literal["done", "skipped", "failed"], dict[str, Any]]


def export_in_run(shop: Workshop, name: str) -> Ended:
    """Export the release that this run published; a failure is told, and made up for by the next run."""
    record = shop.ledger.run(shop.run)
    release = shop.releases.current()
    if release is None or release.run != shop.run:
        known = record.release if record else None
        release = shop.releases.manifest(known) if known in shop.releases.numbers() and known is not None else None
    return ("skipped", {}) if release is None else _export(shop, name, release, shop.run)


def make_up(shop: Workshop) -> None:
    """Do the exports that are on record as failed, of what is served and came before it.

    Not of releases that were rolled back, and nothing while the lake is held.
    """
    if not shop.project.export or shop.base.held is not None:
        return
    line: list[int] = []
    for record, step in shop.ledger.unfinished_steps(shop.store.location, f"{Kind.EXPORT}:"):
        name = step.partition(":")[2]
        line = line or list(_line(shop))
        if record.run == shop.run or name not in shop.project.export or record.release is None:
            continue
        shop.tell(step, f"release {record.release} was not exported yet")
        started = time.monotonic()
        ended: Ended = ("failed", {})
        shop.ledger.step_started(record.run, step)
        try:
            if record.release in line:
                ended = _export(shop, name, shop.releases.manifest(record.release), record.run)
            else:
                ended = (
                    "skipped",
                    {"text": f"release {record.release} was rolled back or pruned before it was exported"},
                )
        finally:
            shop.ledger.step_finished(record.run, step, ended[0], time.monotonic() - started, ended[1])


def _line(shop: Workshop) -> Iterator[int]:
    """The release that is served, its parent, and so on as far as they are kept."""
    manifest = shop.parent
    numbers = set(shop.releases.numbers())
    while manifest is not None:
        yield manifest.release
        parent = manifest.parent
        manifest = shop.releases.manifest(parent) if parent is not None and parent in numbers else None


def _export(shop: Workshop, name: str, release: Manifest, run: str) -> Ended:
    """Every error of ours ends here: the release stays, and the run goes on."""
    wanted, numbers = shop.project.export[name], shop.releases.numbers()
    before = shop.releases.manifest(release.parent) if release.parent in numbers and release.parent else None
    if not waits_for(wanted.when, release, before):
        return "skipped", {}
    started = time.monotonic()
    try:
        to = open_store(_root(shop, name), shop.project.folder)
        settings = engine_settings(shop.project, shop.store)
        with reader(shop.store, settings, release=release.release, run=None) as con:
            engine.admit(con, to.access())
            pii = pii_of(shop.project, wanted.tables, release)
            done = export(con, release, name, wanted, to, shop.store.location, pii=pii)
    except HeadgateError as error:
        text = f"export {name}: {shop.project.mask(str(error))}"
        text += f"\n  release {release.release} stays published; the next run tries the export again"
        shop.ledger.alert("export_failed", run, text)
        shop.notes.append(text)
        return "failed", {"text": text}
    rows = sum(each.rows for each in done.objects)
    what = f"{counted(len(done.objects), 'object')}, {counted(rows, 'row')}"
    text = f"export {name}: release {release.release}, {what} ({time.monotonic() - started:.1f} s): {done.manifest}"
    shop.notes.append(text if done.anew else f"export {name}: release {release.release} was complete before")
    return "done", {"text": text, "manifest": done.manifest}


def pii_of(project: Project, tables: Iterable[str], release: Manifest | None) -> dict[str, frozenset[str]]:
    """The columns tagged ``pii``, by table that leaves the lake; without a release those that are named expressly.

    Raises:
        ConfigError: a gate file cannot be read, so nobody knows.
    """
    found = {}
    for name in tables:
        layer, _, table = name.partition(".")
        pii = read_tagged_gate(project, layer).pii
        there = release.tables.get(name) if release else None
        columns = [column["name"] for column in there["columns"]] if there else pii.tagged(table)
        found[name] = pii.of(table, columns)
    return found


def _root(shop: Workshop, name: str) -> str:
    root = ExportPath.parse(shop.project.export[name].to).root
    return root if "://" in root else os.path.normpath(shop.project.folder / Path(root).expanduser())
