"""The verbs that look before anything runs: check, plan, drift."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, VarOption, app
from headgate.errors import printable
from headgate.words import counted

if TYPE_CHECKING:
    from headgate.plan import Step


@app.command(epilog="Example: headgate check --target prod")
def check(
    project: ProjectOption = Path(),
    target: TargetOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
) -> None:
    """Validate everything without running.

    Looks at the configuration, the gates, the sources, the models, the lake and the ledger, and changes
    nothing. Models that read what schema.lock knows are tried on empty tables, in a lake of their own; the runs
    after it then know dbt's statements. A table or column that a gate names and no run would find is told, where
    that is certain. Exit code 0 if all is well, 2 if something is not.
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import show_findings, show_json, verdict_line
    from headgate.cli.progress import Progress
    from headgate.run.check import check_project

    opened = open_project(project, target, var)
    with Progress(quiet=as_json, doing="checking"):
        findings = [(f.subject, f.ok, opened.mask(f.text), f.hint) for f in check_project(opened)]
    broken = sum(1 for _, ok, _, _ in findings if not ok)
    if as_json:
        names = ("subject", "ok", "text", "hint")
        show_json({"ok": not broken, "findings": [dict(zip(names, f, strict=True)) for f in findings]})
    else:
        show_findings(findings)
        facts = [f"{broken} of {len(findings)} findings need work"] if broken else [f"{len(findings)} findings"]
        verdict_line("BROKEN" if broken else "READY", facts, good=not broken)
    raise typer.Exit(2 if broken else 0)


@app.command(epilog="Example: headgate plan --var row_shift_compat=true")
def plan(
    project: ProjectOption = Path(),
    target: TargetOption = None,
    var: VarOption = None,
    full: Annotated[bool, typer.Option("--full", help="As `run --full` would.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the steps that a run would take now, and why.

    Changes nothing. A step is needed (run), needed if a step before it finds something (maybe), or not
    needed (skip).
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import show_json
    from headgate.cli.progress import Progress
    from headgate.run import Options, explain

    opened = open_project(project, target, var)
    with Progress(quiet=as_json, doing="looking what changed"):
        base, steps = explain(opened, Options(full=full))
    if as_json:
        records = [{"name": s.name, "kind": s.kind, "need": s.need, "why": s.why, "models": s.models} for s in steps]
        show_json({"release": base, "steps": records})
    else:
        _show_plan(base, steps)


@app.command(epilog="Examples:\n\n\b\n  headgate drift\n  headgate drift accept")
def drift(
    action: Annotated[
        str | None, typer.Argument(metavar="accept", help="Take what the databases have now into schema.lock.")
    ] = None,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how databases differ from schema.lock.

    Each table that is new or gone, each new, dropped, widened, narrowed or perhaps renamed column, with what the
    source's policy makes of it and the models that it touches. Exit code 1 if one of them would stop a run.
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import show, show_json, verdict_line
    from headgate.cli.progress import Progress
    from headgate.errors import UsageError
    from headgate.run.drift import accept_drift, find_drift

    if action not in (None, "accept"):
        raise UsageError(f"drift cannot {action}", hint="headgate drift, or headgate drift accept")
    opened = open_project(project, target, None)
    with Progress(quiet=as_json, doing="comparing with schema.lock"):
        found = accept_drift(opened) if action else find_drift(opened)
    taken = [each for each in found if action and each.drift.kind != "dropped_table"]
    stops = any(each.policy == "block" for each in found if each not in taken)
    if as_json:
        show_json({"accepted": action is not None and not stops, "drift": [each.to_json() for each in found]})
        raise typer.Exit(1 if stops else 0)
    for each in found:
        what = printable(f"{each.source}.{each.table}: {each.drift.text}")
        show(f"{what}  ({'accepted' if each in taken else each.policy})")
        if each.models:
            show(f"    read by {', '.join(each.models)}", style="dim")
    if not found:
        verdict_line("NO DRIFT", ["the databases are as schema.lock holds them"], good=True)
    elif action:
        left = [f"{len(found) - len(taken)} are left: a table that is gone is left out by exclude"] if stops else []
        accepted = f"{counted(len(taken), 'difference')} taken into schema.lock: commit it"
        verdict_line("ACCEPTED", [accepted, *left], good=not stops)
    else:
        hint = "headgate drift accept takes them" if stops else "no run is stopped by them"
        verdict_line("DRIFT", [counted(len(found), "difference"), hint], good=not stops)
    raise typer.Exit(1 if stops else 0)


def _show_plan(base: int | None, steps: list[Step]) -> None:
    from headgate.cli.output import show, verdict_line
    from headgate.plan import HELD

    words = {"yes": "run  ", "maybe": "maybe", "no": "skip "}
    width = max(len(step.name) for step in steps)
    for step in steps:
        show(f"{words[step.need]}  {step.name:<{width}}  {step.why}", style="dim" if step.need == "no" else None)
        for model, why in step.models.items():
            show(f"{'':7}{'':{width}}  · {model}: {why}")
    needed = sum(1 for step in steps if step.need != "no")
    stays = f"readers stay on release {base} until every gate holds" if base else "nothing is published yet"
    if needed:
        verdict_line("PLAN", [f"{needed} of {len(steps)} steps", stays], good=True)
    else:
        held = any(step.why == HELD for step in steps)
        verdict_line("HELD" if held else "NOTHING NEW", [f"serving release {base}"], good=True)
