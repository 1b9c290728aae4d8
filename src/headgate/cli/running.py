"""The verbs that run a pipeline: check, plan, run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, VarOption, app


@app.command(epilog="Example: headgate check --target prod")
def check(
    project: ProjectOption = Path(),
    target: TargetOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
) -> None:
    """Validate everything without running: config, gates, models, sources reachable."""
    from headgate.cli.output import show, show_json
    from headgate.run.check import check_project

    findings = check_project(_load(project, target, var))
    broken = [finding for finding in findings if not finding.ok]
    if as_json:
        show_json(
            {
                "ok": not broken,
                "findings": [{"subject": f.subject, "ok": f.ok, "text": f.text, "hint": f.hint} for f in findings],
            }
        )
    else:
        for finding in findings:
            show(
                f"{'ok    ' if finding.ok else 'BROKEN'}  {finding.subject}: {finding.text}",
                style=None if finding.ok else "red",
            )
            if finding.hint:
                show(f"        → {finding.hint}")
    raise typer.Exit(2 if broken else 0)


@app.command(epilog="Example: headgate plan --var row_shift_compat=true")
def plan(
    project: ProjectOption = Path(),
    target: TargetOption = None,
    var: VarOption = None,
    full: Annotated[bool, typer.Option("--full", help="As `run --full` would.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the steps that a run would take now, and why each is needed or not."""
    from headgate.cli.output import show, show_json
    from headgate.run import Options, explain

    base, steps = explain(_load(project, target, var), Options(full=full))
    if as_json:
        show_json(
            {
                "release": base,
                "steps": [
                    {"name": s.name, "kind": s.kind, "need": s.need, "why": s.why, "models": s.models} for s in steps
                ],
            }
        )
        return
    words = {"yes": "run  ", "maybe": "maybe", "no": "skip "}
    width = max(len(step.name) for step in steps)
    for step in steps:
        show(f"{words[step.need]}  {step.name:<{width}}  {step.why}", style="dim" if step.need == "no" else None)
        for model, why in step.models.items():
            show(f"{'':7}{'':{width}}  · {model}: {why}")
    show(f"\nreaders stay on release {base} until every gate holds" if base else "\nnothing is published yet")


@app.command(epilog="Example: headgate run --target prod --wait 10m")
def run(
    project: ProjectOption = Path(),
    target: TargetOption = None,
    var: VarOption = None,
    full: Annotated[bool, typer.Option("--full", help="Build every model, changed or not.")] = False,
    allow_shrink: Annotated[
        bool, typer.Option("--allow-shrink", help="Publish although a table lost more rows than publish.max_shrink.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Run although a rollback holds the lake.")] = False,
    wait: Annotated[str, typer.Option("--wait", metavar="DURATION", help="Wait so long for another run.")] = "0s",
    run_id: Annotated[str | None, typer.Option("--run", metavar="ID", help="Perform one step of this run.")] = None,
    step: Annotated[str | None, typer.Option("--step", metavar="NAME", help="The step, as `plan` names it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the pipeline on a branch of the lake, and publish it if every gate holds."""
    from headgate.cli.output import show_json
    from headgate.errors import UsageError
    from headgate.project.durations import parse_duration
    from headgate.run import Options, perform, perform_step

    if (run_id is None) != (step is None):
        raise UsageError("--run ID and --step NAME belong together", hint="headgate plan lists the steps")
    loaded = _load(project, target, var)
    options = Options(full=full, allow_shrink=allow_shrink, resume=resume, wait=_duration(wait, parse_duration))
    with _progress(quiet=as_json) as tell:
        if run_id is not None and step is not None:
            verdict = perform_step(loaded, run_id, step, options, tell)
        else:
            verdict = perform(loaded, options, tell)
    if as_json:
        show_json(verdict.to_json())
    else:
        _show_verdict(verdict)
    raise typer.Exit(int(verdict.exit_code))


def _load(project: Path, target: str | None, var: list[str] | None) -> Any:
    from headgate.project import load, parse_variables

    return load(project, target=target, variables=parse_variables(var or []), environ=os.environ)


def _duration(text: str, parse: Any) -> Any:
    from headgate.errors import UsageError

    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"--wait {text[:40]!r}: {error}", hint="for example --wait 10m") from error


def _progress(*, quiet: bool) -> Any:
    from headgate.cli.progress import Progress

    return Progress(visible=not quiet and sys.stderr.isatty())


def _show_verdict(verdict: Any) -> None:
    from headgate.cli.output import show, verdict_line

    for failure in verdict.failures:
        mark = "warned" if failure.get("severity") == "warn" else "FAILED"
        place = f"{failure['layer']}.{failure['table']}" if failure["table"] else failure["layer"]
        arguments = ", ".join(f"{k}={v}" for k, v in (failure.get("kwargs") or {}).items())
        show(f"{mark}  {place}  {failure['expectation']}({arguments})", style="yellow" if mark == "warned" else "red")
        for key, label in (
            ("observed", "observed"),
            ("unexpected_count", "unexpected rows"),
            ("error", "could not be checked"),
        ):
            if failure.get(key) not in (None, ""):
                show(f"        {label}: {failure[key]}")
        if failure.get("examples"):
            show(f"        e.g. {', '.join(map(str, failure['examples'][:5]))}")
        if failure.get("hint"):
            show(f"        → {failure['hint']}")
    for name, counts in verdict.sources.items():
        show(
            f"{name}: "
            + ", ".join(f"{value:,} {key.replace('_', ' ')}" for key, value in counts.items() if value or key == "read")
        )
    for note in verdict.notes:
        show(note)
    if verdict.error and not verdict.failures:
        show(verdict.error, style="red")
    word, facts = verdict.line()
    verdict_line(word, facts, good=int(verdict.exit_code) == 0)
