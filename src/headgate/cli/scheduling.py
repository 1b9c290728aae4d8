"""The verb that runs a pipeline again and again: schedule."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, VarOption, app
from headgate.errors import ExitCode

if TYPE_CHECKING:
    from headgate.project import Project
    from headgate.run.health import Health


@app.command(
    epilog="Examples:\n\n\b\n  headgate schedule --every 15m\n  headgate schedule --cron '*/15 6-22 * * mon-fri'"
)
def schedule(
    every: Annotated[str | None, typer.Option("--every", metavar="DURATION", help="Run now, and so often.")] = None,
    cron: Annotated[
        str | None, typer.Option("--cron", metavar="LINE", help="Run when this cron line says, in UTC.")
    ] = None,
    health: Annotated[bool, typer.Option("--health", help="Only say how the schedulers of this project are.")] = False,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the pipeline again and again, until it is stopped.

    One run at a time; after failures they come less often. Ctrl-C and SIGTERM let the step in hand end, a second
    one stops at once. Exit code 0: stopped as asked, or --health and all are well; 3: --health, and one is not.
    """
    from headgate.cli.opening import open_project, read_duration
    from headgate.cli.output import show_json
    from headgate.errors import UsageError
    from headgate.run.health import read_health

    if sum((every is not None, cron is not None, health)) != 1:
        raise UsageError("one of --every, --cron and --health is needed", hint="for example --every 15m")
    if health:
        found = read_health(open_project(project, target, var).folder)
        code = ExitCode.OK if found and all(each.well for each in found) else ExitCode.COULD_NOT_RUN
    else:
        from headgate.run.schedule import Schedule, Timing
        from headgate.run.workshop import Options

        timing = Timing(read_duration("--every", every, "15m") if every else None, cron)

        def load() -> Project:
            return open_project(project, target, var)

        found = [Schedule(load, timing, Options(), _Reporter(quiet=as_json)).serve()]
        code = ExitCode.OK
    if as_json:
        show_json({"healthy": code is ExitCode.OK, "schedulers": [asdict(each) for each in found]})
    elif health:
        _show_health(found)
    raise SystemExit(int(code))


class _Reporter:
    """A line for whatever happens, with its time; on standard error if standard output is for an object."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def __call__(self, word: str, facts: list[str], good: bool) -> None:
        from headgate.cli.output import painted, show, tell

        text = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}  {word}  {' · '.join(facts)}"
        if self._quiet:
            tell(text)
        else:
            import sys

            show(painted(text, None if good else "red", sys.stdout))


def _show_health(found: list[Health]) -> None:
    from headgate.cli.output import show, verdict_line

    for each in found:
        state = each.state if each.well else "not well: its process is gone, or does not answer"
        show(f"process {each.pid}  {each.when}  {state} since {each.since}", style=None if each.well else "red")
        if each.last:
            show(f"        {each.last}")
        if each.next:
            show(f"        next {each.next}")
    if not found:
        verdict_line(
            "NOT SCHEDULED", ["no scheduler of this project is at work: headgate schedule --every 15m"], good=False
        )
    else:
        well = all(each.well for each in found)
        verdict_line("WELL" if well else "NOT WELL", [f"{len(found)} at work" if well else "start it again"], good=well)
