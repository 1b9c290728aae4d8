"""The verbs that look after a lake: prune, doctor."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, app
from headgate.errors import ExitCode


@app.command(epilog="Example: headgate prune --keep 100 --keep-daily 30 --grace 2h")
def prune(
    keep: Annotated[
        int | None, typer.Option("--keep", metavar="N", min=0, help="How many of the newest releases to keep.")
    ] = None,
    keep_daily: Annotated[
        int | None,
        typer.Option("--keep-daily", metavar="N", min=0, help="Of how many days to keep the last release, too."),
    ] = None,
    grace: Annotated[
        str | None, typer.Option("--grace", metavar="DURATION", help="How long readers of a pruned release may go on.")
    ] = None,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete what nothing needs any more.

    Old releases, the branches of ended runs, and the data files that only those used. The served release
    always stays, and so do the branches of runs that were blocked since it was published. What is not said
    is as `prune` of headgate.yml says: there, 10 releases, none for its day, and an hour.
    """
    from headgate.cli.opening import open_project, read_duration
    from headgate.cli.output import show_json, verdict_line
    from headgate.cli.progress import Progress
    from headgate.run.keeping import prune_lake

    patience = None if grace is None else read_duration("--grace", grace, "1h")
    opened = open_project(project, target)
    with Progress(quiet=as_json, doing="looking what is needed"):
        done = prune_lake(opened, keep=keep, keep_daily=keep_daily, grace=patience)
    if as_json:
        show_json(asdict(done))
        return
    verdict_line("PRUNED", done.facts(), good=True)


@app.command(epilog="Example: headgate doctor --json")
def doctor(project: ProjectOption = Path(), target: TargetOption = None, as_json: JsonOption = False) -> None:
    """Is the lake what it says it is?

    Examines the pointer, every release and its data files, the lock and the branches. Exit code 0 if all
    is well, 3 if something is broken.
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import show_findings, show_json, verdict_line
    from headgate.cli.progress import Progress
    from headgate.lake.doctor import examine
    from headgate.lake.engine import connect
    from headgate.run.workshop import engine_settings, open_store

    opened = open_project(project, target, only_lake=True)
    store = open_store(opened)
    con = connect(engine_settings(opened, store))
    try:
        with Progress(quiet=as_json, doing="examining the lake"):
            findings = examine(store, con)
    finally:
        con.close()
    broken = sum(1 for finding in findings if not finding.ok)
    if as_json:
        show_json({"ok": not broken, "findings": [asdict(finding) for finding in findings]})
    else:
        show_findings((f.subject, f.ok, f.text, f.hint) for f in findings)
        facts = [f"{broken} of {len(findings)} findings need work" if broken else f"{len(findings)} findings"]
        verdict_line("SICK" if broken else "HEALTHY", facts, good=not broken)
    raise typer.Exit(ExitCode.COULD_NOT_RUN if broken else ExitCode.OK)
