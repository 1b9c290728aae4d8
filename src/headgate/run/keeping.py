"""Looking after the lake between runs: rolling back and pruning, both on the record."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from headgate.errors import CorruptError
from headgate.lake.branch import branches
from headgate.lake.engine import connect
from headgate.lake.lease import locked
from headgate.lake.prune import Pruned, prune
from headgate.lake.release import Releases
from headgate.ledger import Ledger
from headgate.project import Project
from headgate.run.workshop import engine_settings, open_store


def roll_back(project: Project, number: int, reason: str) -> int | None:
    """Serve release ``number`` again and hold the lake; returns what was served before.

    Takes no lock: a run in progress will find the pointer moved and publish nothing.
    """
    store = open_store(project)
    releases = Releases(store)
    before = None
    with suppress(CorruptError):  # a damaged pointer is what a rollback repairs
        before = releases.pointer().release
    releases.rollback(number, reason=reason)
    with Ledger.open(project.ledger) as ledger:
        ledger.alert("rolled_back", None, f"release {before} → {number} in {store.location}: {reason}")
    return before


def prune_lake(project: Project, *, keep: int, grace_seconds: float) -> Pruned:
    """Delete what nothing needs; the branches of runs that a gate blocked since the served release stay.

    Raises:
        LockHeldError: a run is working.
    """
    store = open_store(project)
    run = f"prune-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    with locked(store, run), Ledger.open(project.ledger) as ledger:
        served = Releases(store).current()
        kept = [
            name
            for name in branches(store)
            if (record := ledger.run(name)) is not None
            and record.status == "blocked"
            and (served is None or record.created_at > (ledger_start(ledger, served.run) or ""))
        ]
        con = connect(engine_settings(project, store))
        try:
            return prune(store, con, keep=keep, keep_branches=kept, grace_seconds=grace_seconds)
        finally:
            con.close()


def ledger_start(ledger: Ledger, run: str) -> str | None:
    """When a run began, if the ledger knows it."""
    record = ledger.run(run)
    return record.created_at if record else None
