"""The verbs that run a pipeline: run, reconcile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, VarOption, app
from headgate.errors import printable

if TYPE_CHECKING:
    from headgate.project import Project
    from headgate.run import Options, Verdict


@app.command(
    epilog="Examples:\n\n\b\n  headgate run --target prod --wait 10m\n"
    "  headgate run --run nightly-7 --step extract:kaggle"
)
def run(
    project: ProjectOption = Path(),
    target: TargetOption = None,
    var: VarOption = None,
    full: Annotated[bool, typer.Option("--full", help="Build every model, changed or not.")] = False,
    allow_shrink: Annotated[
        bool, typer.Option("--allow-shrink", help="Publish although a table lost more rows than publish.max_shrink.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Run although a rollback holds the lake.")] = False,
    wait: Annotated[
        str, typer.Option("--wait", metavar="DURATION", help="Wait so long for another run to end.")
    ] = "0s",
    run_id: Annotated[str | None, typer.Option("--run", metavar="ID", help="Perform one step of this run.")] = None,
    step: Annotated[str | None, typer.Option("--step", metavar="NAME", help="The step, as `plan` names it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the pipeline, and publish if every gate holds.

    The run works on a branch of the lake; readers stay on the last release until the new one is whole.
    A run that rests between two steps (--step) keeps other runs away for up to six hours.
    Exit code 0: published, nothing new, or held; 1: blocked by bad data; 2: a mistake in the project;
    3: could not run; 130: interrupted.
    """
    from headgate.cli.opening import open_project, read_duration
    from headgate.errors import UsageError
    from headgate.run import Options

    if (run_id is None) != (step is None):
        raise UsageError("--run ID and --step NAME belong together", hint="headgate plan lists the steps")
    opened = open_project(project, target, var)
    waiting = read_duration("--wait", wait, "10m")
    options = Options(full=full, allow_shrink=allow_shrink, resume=resume, wait=waiting)
    _end(_perform(opened, options, run_id, step, quiet=as_json), as_json=as_json)


@app.command(epilog="Examples:\n\n\b\n  headgate reconcile\n  headgate reconcile --source totesys --table payment")
def reconcile(
    project: ProjectOption = Path(),
    target: TargetOption = None,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only this source.")] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", metavar="NAME", help="Only this table of the source; repeatable.")
    ] = None,
    allow_shrink: Annotated[
        bool, typer.Option("--allow-shrink", help="Publish although a table lost more rows than publish.max_shrink.")
    ] = False,
    wait: Annotated[
        str, typer.Option("--wait", metavar="DURATION", help="Wait so long for another run to end.")
    ] = "0s",
    as_json: JsonOption = False,
) -> None:
    """Compare whole database tables with raw.

    Publishes what differs: finds rows that changed without moving their cursor, rows that came too late,
    and deletes, and says how many by table. It is a run as any other, with its gates and its exit codes.
    """
    from headgate.cli.opening import open_project, read_duration
    from headgate.run import Options
    from headgate.run.comparing import to_compare

    opened = open_project(project, target, None)
    compare = to_compare(opened, source, table or ())
    options = Options(allow_shrink=allow_shrink, wait=read_duration("--wait", wait, "10m"), compare=compare)
    _end(_perform(opened, options, None, None, quiet=as_json), as_json=as_json)


def _end(verdict: Verdict, *, as_json: bool) -> None:
    from headgate.cli.output import show_json

    if as_json:
        show_json(verdict.to_json())
    else:
        show_verdict(verdict)
    raise SystemExit(int(verdict.exit_code))  # not typer's: its 130 means that nobody told of the interruption


def _perform(opened: Project, options: Options, run_id: str | None, step: str | None, *, quiet: bool) -> Verdict:
    from headgate.cli.progress import Progress
    from headgate.run import perform, perform_step

    with Progress(quiet=quiet) as tell:
        if run_id is not None and step is not None:
            return perform_step(opened, run_id, step, options, tell)
        return perform(opened, options, tell)


def show_verdict(verdict: Verdict) -> None:
    """Print how a run ended: what failed, what was read, and the last line."""
    from headgate.cli.failures import show_failure
    from headgate.cli.output import show, verdict_line
    from headgate.cli.quarantining import where_to_look
    from headgate.cli.serving import rows_moved

    for failure in verdict.failures:
        show_failure(failure)
    for name, counts in verdict.sources.items():
        parts = [f"{value:,} {key.replace('_', ' ')}" for key, value in counts.items() if value or key == "read"]
        show(f"{printable(name)}: {', '.join(parts)}")
    for name, result in verdict.served.items():
        if result["status"] == "done":
            facts = [f"release {result['release']} served", *rows_moved(result)]
            show(f"{name}: {', '.join(facts)} ({result['seconds']:.1f} s)")
    for table, counts in verdict.quarantine.items():
        said = ", ".join(f"{value:,} {status}" for status, value in counts.items() if value)
        look = where_to_look(table, verdict.run, published=verdict.status == "published")
        show(f"{printable(table)}: {said} ({printable(look)})")
    for note in verdict.notes:
        show(note)
    if verdict.error and all(failure.get("severity") == "warn" for failure in verdict.failures):
        show(verdict.error, style="red")
    word, facts = verdict.line()
    verdict_line(word, facts, good=int(verdict.exit_code) == 0)
