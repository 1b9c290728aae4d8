"""Looking after the lake between runs: rolling back and pruning, both on the record."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

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


def prune_lake(
    project: Project, *, keep: int | None = None, keep_daily: int | None = None, grace: timedelta | None = None
) -> Pruned:
    """Delete what nothing needs; the branches of runs that a gate blocked since the served release stay.

    What is not said here is as `prune` of headgate.yml says. Of the runs that ended while a release was served that is
    gone now the ledger forgets what held, and what their steps wrote down.

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
            done = prune(
                store,
                con,
                keep=project.prune.keep if keep is None else keep,
                keep_daily=project.prune.keep_daily if keep_daily is None else keep_daily,
                keep_branches=kept,
                grace_seconds=(project.prune.grace if grace is None else grace).total_seconds(),
            )
        finally:
            con.close()
        ledger.forget(store.location, Releases(store).numbers())
        return done


def ledger_start(ledger: Ledger, run: str) -> str | None:
    """When a run began, if the ledger knows it."""
    record = ledger.run(run)
    return record.created_at if record else None
