"""The runs of a project as people look at them: a run whose process is gone has died."""

from __future__ import annotations

from dataclasses import replace

from headgate.lake.lock import live_run
from headgate.ledger import DIED, Ledger, RunRecord
from headgate.project import Project
from headgate.run.workshop import open_store


def list_runs(project: Project, limit: int) -> list[RunRecord]:
    """The newest runs of all targets."""
    live = live_run(open_store(project).workdir)
    with Ledger.open(project.ledger) as ledger:
        records = ledger.runs(limit)
    lake = open_store(project).location
    return [
        replace(r, status=DIED) if r.status == "running" and r.lake == lake and r.run != live else r for r in records
    ]
