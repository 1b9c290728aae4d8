"""The verbs about what happened: runs, why."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, app
from headgate.words import counted

if TYPE_CHECKING:
    from headgate.ledger import RunRecord
    from headgate.run.why import Cause, Explanation


#: A longer query helps nobody on a terminal; `--json` has it.
LONGEST_SHOWN_QUERY = 400


@app.command(epilog="Example: headgate runs --limit 5")
def runs(
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="How many of the newest.", show_default=True)
    ] = 20,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs of all targets, newest first.

    Failed ones too; `died` is a run whose process is gone without having told how it ended.
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import show, show_json
    from headgate.cli.tables import show_table
    from headgate.run.history import list_runs

    records = list_runs(open_project(project, target, only_lake=True), limit)
    if as_json:
        show_json({"runs": [_run_json(record) for record in records]})
    elif not records:
        show("there were no runs yet: headgate run")
    else:
        show_table(
            ["run", "target", "status", "release", "seconds", "what stopped it"],
            [_run_row(record) for record in records],
            right=(3, 4),
        )


@app.command(epilog="Example: headgate why 20261120-101500")
def why(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run; else the last that did not end well.")
    ] = None,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain a stopped run: what failed, which rows, since when.

    Or why a release did not reach its warehouse or an export. Also what was different from the release
    that it started from: source rows, columns, code.
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import show_json
    from headgate.cli.progress import Progress
    from headgate.run.why import explain_run

    opened = open_project(project, target, only_lake=True)
    with Progress(quiet=as_json, doing="looking for the rows"):
        explanation = explain_run(opened, run)
    if as_json:
        show_json(_why_json(explanation))
    else:
        _show_why(explanation)


def _run_json(record: RunRecord) -> dict[str, Any]:
    return {
        "run": record.run,
        "status": record.status,
        "target": record.target,
        "lake": record.lake,
        "base_release": record.base_release,
        "release": record.release,
        "serving": record.serving,
        "started_at": record.created_at,
        "finished_at": record.finished_at,
        "seconds": record.seconds,
        "variables": record.variables,
        "expectations": record.summary.get("expectations"),
        "error": record.error,
    }


def _run_row(record: RunRecord) -> list[Any]:
    seconds = None if record.seconds is None else f"{record.seconds:.1f}"
    release = None if record.release is None else str(record.release)
    return [record.run, record.target, record.status, release, seconds, _stopped_by(record)]


def _stopped_by(record: RunRecord) -> str:
    if record.error:
        return record.error.splitlines()[0]
    failed = record.summary.get("expectations", {}).get("failed", 0)
    if failed:
        return f"{failed} of {record.summary['expectations']['total']} expectations failed"
    refused = record.summary.get("guards", {}).get("failed", 0)
    return f"{refused} guards refused the release" if refused else ""


def _why_json(explanation: Explanation) -> dict[str, Any]:
    from headgate.run.verdict import failure_of

    return {
        "run": explanation.run.run,
        "status": explanation.run.status,
        "base_release": explanation.run.base_release,
        "error": explanation.run.error,
        "causes": [
            {
                "failure": failure_of(cause.failure),
                "sql": cause.sql,
                "columns": cause.columns,
                "rows": cause.rows,
                "found": cause.found,
                "in_base": cause.in_base,
            }
            for cause in explanation.causes
        ],
        "refused": explanation.refused,
        "sources": explanation.sources,
        "quarantine": explanation.quarantine,
        "quarantined": explanation.quarantined,
        "decision": explanation.run.options.get("decision"),
        "code": explanation.code,
        "schema": explanation.schema,
        "served": {
            name: {key: value for key, value in each.items() if key != "exit_code"}
            for name, each in explanation.served.items()
        },
        "unexported": explanation.unexported,
        "branch": explanation.branch,
    }


def _show_why(explanation: Explanation) -> None:
    from headgate.cli.output import show

    record = explanation.run
    served = f"release {record.base_release}" if record.base_release else "nothing"
    readers = f"readers got release {record.release}" if record.release else f"readers stayed on {served}"
    show(f"run {record.run} ended {record.status}; {readers}", style="bold")
    if record.error:
        show(record.error, style="red")
    for cause in explanation.causes:
        _show_cause(cause, record, branch=explanation.branch)
    for guard in explanation.refused:
        show(f"\n{guard['table']}  {guard['expectation']}: {guard['observed']}", style="bold")
        show(f"  → {guard['hint']}")
    _show_quarantine(explanation)
    for name, result in explanation.served.items():
        if result["error"]:
            show(f"\n{result['error']}", style="red")
            show(f"  headgate serve {name}    tries again; so does the next run", style="dim")
    for text in explanation.unexported:
        show(f"\n{text}", style="red")
    show("\nwhat was different from the release it started from", style="bold")
    for name, counts in explanation.sources.items():
        show(f"  {name}: " + ", ".join(f"{v:,} {k.replace('_', ' ')}" for k, v in counts.items() if v))
    for line in [*explanation.schema, *(f"{path} changed" for path in explanation.code)]:
        show(f"  {line}")
    if not (explanation.sources or explanation.code or explanation.schema):
        show("  nothing: the same data and code")


def _show_quarantine(explanation: Explanation) -> None:
    """What went into quarantine, and what came out of it."""
    from headgate.cli.output import show
    from headgate.cli.quarantining import where_to_look
    from headgate.cli.values import exact

    decision = explanation.run.options.get("decision")
    if decision:
        chosen = [f"{key} {decision[key]}" for key in ("table", "where", "expectation", "reason") if decision[key]]
        show(f"\nsomebody decided: {' · '.join([decision['action'], *chosen])}", style="bold")
    for table, counts in explanation.quarantine.items():
        said = ", ".join(f"{value:,} {status}" for status, value in counts.items() if value)
        published = explanation.run.status == "published"
        look = f"  ({where_to_look(table, explanation.run.run, published=published)})"
        show(f"\n{table}: {said}{look if published or explanation.branch else ''}", style="bold")
        for each in explanation.quarantined:
            if f"{each['layer']}.{each['table']}" == table:
                arguments = ", ".join(f"{key}={exact(value)}" for key, value in each["kwargs"].items())
                show(f"  {each['rows']:,} by {each['expectation']}({arguments})  {each['place']}")


def _show_cause(cause: Cause, record: RunRecord, *, branch: bool) -> None:
    from headgate.cli.output import show
    from headgate.cli.tables import show_rows
    from headgate.cli.values import exact

    f = cause.failure
    arguments = ", ".join(f"{key}={exact(value)}" for key, value in f["kwargs"].items())
    title = f"{f['severity']}  {f['layer']}.{f['table']}  {f['type']}({arguments})"
    show(f"\n{title}  {f.get('place') or ''}".rstrip(), style="bold")
    if f.get("error"):
        show(f"  {f['error']}")
    if f.get("observed_value") is not None:
        show(f"  observed: {f['observed_value']}")
    if f.get("unexpected_count"):
        show(f"  {f['unexpected_count']:,} unexpected")
    if cause.found is not None:
        base = "" if cause.in_base is None else f"; {cause.in_base:,} in release {record.base_release}"
        show(f"  {counted(cause.found, 'row')} on the branch{base}")
    if cause.rows:
        show_rows(cause.columns, cause.rows)
    if f.get("hint"):
        show(f"  → {f['hint']}")
    if cause.sql and branch and len(cause.sql) <= LONGEST_SHOWN_QUERY:
        target = f" --target {shlex.quote(record.target)}" if record.target else ""
        show(f"  headgate query{target} --run {record.run} {shlex.quote(cause.sql)}", style="dim")
