"""The runs of a project as people look at them: a run whose process is gone has died."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from headgate.errors import LakeUnavailableError
from headgate.lake.lease import live_run
from headgate.lake.opening import open_store
from headgate.ledger import DIED, Ledger, RunRecord
from headgate.ledger.records import RUNNING
from headgate.project import Project


def list_runs(project: Project, limit: int) -> list[RunRecord]:
    """The newest runs of all targets."""
    with Ledger.open(project.ledger) as ledger:
        records = ledger.runs(limit)
    lakes = {r.lake for r in records if r.status == "running" and r.lake is not None}
    live = {}
    for lake in lakes:
        with suppress(LakeUnavailableError):  # nobody can say whether its runs are alive: as they are recorded
            live[lake] = live_run(open_store(lake, project.folder))
    return [replace(r, status=DIED) if r.lake in live and _is_dead(r, live[r.lake]) else r for r in records]


def as_it_is(record: RunRecord, project: Project) -> RunRecord:
    """A run, as died if the lake's lock says that nobody works on it any more."""
    if record.status != RUNNING:
        return record
    with suppress(LakeUnavailableError):
        if _is_dead(record, live_run(open_store(project.lake, project.folder))):
            return replace(record, status=DIED)
    return record


def _is_dead(record: RunRecord, live: str | None) -> bool:
    return record.status == "running" and record.run != live
