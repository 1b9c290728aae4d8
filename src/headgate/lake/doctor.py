"""Is the lake what it says it is? Every finding says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headgate.errors import CorruptError, HeadgateError, LakeError
from headgate.lake.branch import branches
from headgate.lake.catalog import read_contents
from headgate.lake.engine import Connection, attach, ident
from headgate.lake.lease import live_run
from headgate.lake.prune import files_of
from headgate.lake.release import Releases
from headgate.lake.store import Store
from headgate.words import counted


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``ok`` is False where something must be done."""

    subject: str
    ok: bool
    text: str
    hint: str | None = None


def examine(store: Store, con: Connection) -> list[Finding]:
    """Look at the pointer, every kept release, its data files, the lock and the branches."""
    releases = Releases(store)
    try:
        pointer = releases.pointer()
        numbers = releases.numbers()
    except CorruptError as error:
        there = sorted({n for n, kind in releases.listed() if kind == "json"})
        hint = "headgate rollback to one of: " + ", ".join(map(str, there))
        return [Finding("pointer", False, error.what, hint)]
    findings = [_pointer_finding(pointer.release, numbers)]
    if pointer.held:
        text = f"held since {pointer.held.since}: {pointer.held.reason}"
        findings.append(Finding("pointer", True, text, "headgate resume lets runs go on"))
    sizes = {entry.key.removeprefix("data/"): entry.bytes for entry in store.list("data")}
    findings += [_release_finding(store, con, releases, number, sizes) for number in numbers]
    findings += _abandoned(releases, numbers)
    findings += _leftovers(store)
    return findings


def _pointer_finding(release: int | None, numbers: list[int]) -> Finding:
    if release is None:
        return Finding("pointer", True, "nothing is published yet", "headgate run")
    if release not in numbers:
        hint = "headgate rollback to one of: " + ", ".join(map(str, numbers))
        return Finding("pointer", False, f"points to release {release}, which is not there", hint)
    return Finding("pointer", True, f"serves release {release}")


def _release_finding(store: Store, con: Connection, releases: Releases, number: int, sizes: dict[str, int]) -> Finding:
    subject = f"release {number}"
    try:
        releases.verify(number)
        catalog = str(releases.catalog(number))
        missing = sorted(path for path in files_of(con, catalog) if path not in sizes)
        live = set(_live_files(con, catalog, store.url("data")))
    except HeadgateError as error:
        return Finding(subject, False, error.what, error.hint)
    lost = [path for path in missing if path in live]
    if lost:
        return Finding(subject, False, f"{len(lost)} data files are gone, e.g. {lost[0]}", "restore them from a backup")
    return Finding(subject, True, f"the catalog is unchanged and its {len(live)} data files are there")


def _live_files(con: Connection, catalog: str, data: str) -> Iterator[str]:
    attach(con, catalog, data, alias="examined", read_only=True)
    try:
        inlined = con.execute(
            "SELECT count(*) FROM __ducklake_metadata_examined.ducklake_inlined_data_tables"
        ).fetchall()[0][0]
        if inlined:
            raise LakeError("rows lie in the catalog instead of in data files, unseen by statistics")
        for table in read_contents(con, "examined").tables.values():
            for file in table.files:
                yield from (path for path in (file.path, file.deletes) if path)
    finally:
        con.execute(f"DETACH {ident('examined')}")


def _abandoned(releases: Releases, numbers: list[int]) -> Iterator[Finding]:
    found = sorted({n for n, _ in releases.listed()} - set(numbers))
    if found:
        text = "never published, left by a run that died: " + ", ".join(map(str, found))
        yield Finding("releases", True, text, "headgate prune removes them")


def _leftovers(store: Store) -> Iterator[Finding]:
    live = live_run(store)
    if live:
        yield Finding("lock", True, f"run {live} is working")
    kept = [run for run in branches(store) if run != live]
    if kept:
        text = f"{counted(len(kept), 'branch', 'branches')} of ended runs: {', '.join(kept[-5:])}"
        yield Finding("branches", True, text, "headgate prune removes them")
