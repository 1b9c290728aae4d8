"""The runs of a project as people look at them: a run whose process is gone has died."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from headgate.lake.lock import live_run
from headgate.lake.store import LocalStore
from headgate.ledger import DIED, Ledger, RunRecord
from headgate.project import Project


def list_runs(project: Project, limit: int) -> list[RunRecord]:
    """The newest runs of all targets."""
    with Ledger.open(project.ledger) as ledger:
        records = ledger.runs(limit)
    lakes = {r.lake for r in records if r.status == "running" and r.lake is not None}
    live = {lake: live_run(LocalStore(Path(lake)).workdir) for lake in lakes}
    return [replace(r, status=DIED) if r.lake in live and _is_dead(r, live[r.lake]) else r for r in records]


def _is_dead(record: RunRecord, live: str | None) -> bool:
    return record.status == "running" and record.run != live
