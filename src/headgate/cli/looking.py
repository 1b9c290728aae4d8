"""The verbs that look: query, runs, why."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, app

#: A longer query helps nobody on a terminal; `--json` has it.
LONGEST_SHOWN_QUERY = 400


@app.command(epilog='Example: headgate query "select count(*) from features.train_features"')
def query(
    sql: Annotated[str, typer.Argument(help="A query; `-` reads it from standard input.")],
    release: Annotated[int | None, typer.Option("--release", "-r", help="Ask this release.")] = None,
    run: Annotated[str | None, typer.Option("--run", help="Ask the branch that this run left.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows to show (not with --json).")] = 100,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Query the current release, an older one, or the branch of a stopped run; read-only."""
    import sys

    from headgate.cli.output import show, show_json, show_table
    from headgate.errors import UsageError
    from headgate.lake.reading import query as ask
    from headgate.lake.reading import reader
    from headgate.lake.release import Releases
    from headgate.run.workshop import engine_settings, open_store

    if release is not None and run is not None:
        raise UsageError("--release and --run exclude each other")
    loaded = _load(project, target)
    store = open_store(loaded)
    asked = None if run else release if release is not None else Releases(store).pointer().release
    started = time.monotonic()
    with reader(store, engine_settings(loaded, store), release=asked, run=run) as con:
        columns, rows = ask(con, sys.stdin.read() if sql == "-" else sql)
    if as_json:
        show_json({"columns": columns, "rows": [list(row) for row in rows], "release": asked, "run": run})
        return
    numbers = [i for i, _ in enumerate(columns) if rows and isinstance(rows[0][i], int | float)]
    show_table(columns, rows[:limit], right=numbers)
    left = f", {len(rows) - limit:,} not shown (--limit)" if len(rows) > limit else ""
    origin = f"branch of run {run}" if run else f"release {asked}"
    show(f"{len(rows):,} rows{left} · {origin} · {time.monotonic() - started:.2f} s", style="dim")


@app.command(epilog="Example: headgate runs --limit 5")
def runs(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many of the newest.")] = 20,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs, newest first, failed ones too."""
    from headgate.cli.output import show_json, show_table
    from headgate.run.history import list_runs

    records = list_runs(_load(project, target), limit)
    if as_json:
        show_json({"runs": [asdict(record) for record in records]})
        return
    show_table(
        ["run", "target", "status", "release", "seconds", "what stopped it"],
        [
            [
                r.run,
                r.target,
                r.status,
                r.release,
                None if r.seconds is None else f"{r.seconds:.1f}",
                (r.error or "").split("\n")[0],
            ]
            for r in records
        ],
        right=(3, 4),
    )


@app.command(epilog="Example: headgate why 20261120-101500")
def why(
    run: Annotated[str | None, typer.Argument(help="A run; default: the last that was stopped.")] = None,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain a stopped run: what failed, the rows, and what changed since the last good release."""
    from headgate.cli.output import show_json
    from headgate.run.why import explain_run

    explanation = explain_run(_load(project, target), run)
    if as_json:
        show_json(_why_json(explanation))
    else:
        _show_why(explanation)


def _why_json(explanation: Any) -> dict[str, Any]:
    return {
        "run": explanation.run.run,
        "status": explanation.run.status,
        "base_release": explanation.run.base_release,
        "error": explanation.run.error,
        "causes": [
            {
                "failure": cause.failure,
                "sql": cause.sql,
                "columns": cause.columns,
                "rows": [list(row) for row in cause.rows],
                "found": cause.found,
                "in_base": cause.in_base,
            }
            for cause in explanation.causes
        ],
        "refused": explanation.refused,
        "sources": explanation.sources,
        "code": explanation.code,
        "schema": explanation.schema,
        "branch": explanation.branch,
    }


def _show_why(explanation: Any) -> None:
    from headgate.cli.output import show

    record = explanation.run
    served = f"release {record.base_release}" if record.base_release else "nothing"
    show(f"run {record.run} ended {record.status}; readers stayed on {served}", style="bold")
    if record.error:
        show(record.error, style="red")
    for cause in explanation.causes:
        _show_cause(cause, record, branch=explanation.branch)
    for guard in explanation.refused:
        show(f"\n{guard['table']}  {guard['expectation']}: {guard['observed']}", style="bold")
        show(f"  → {guard['hint']}")
    show("\nwhat was different from the release it started from", style="bold")
    for name, counts in explanation.sources.items():
        show(f"  {name}: " + ", ".join(f"{v:,} {k.replace('_', ' ')}" for k, v in counts.items() if v))
    for line in [*explanation.schema, *(f"{path} changed" for path in explanation.code)]:
        show(f"  {line}")
    if not (explanation.sources or explanation.code or explanation.schema):
        show("  nothing: the same data and code")


def _show_cause(cause: Any, record: Any, *, branch: bool) -> None:
    from headgate.cli.output import show, show_table

    f = cause.failure
    arguments = ", ".join(f"{k}={v}" for k, v in f["kwargs"].items())
    show(
        f"\n{f['severity']}  {f['layer']}.{f['table']}  {f['type']}({arguments})   {f.get('place') or ''}",
        style="bold",
    )
    if f.get("error"):
        show(f"  could not be checked: {f['error']}")
    if f.get("observed_value") is not None:
        show(f"  observed: {f['observed_value']}")
    if f.get("unexpected_count"):
        show(f"  {f['unexpected_count']:,} unexpected")
    if cause.found is not None:
        base = "" if cause.in_base is None else f"; {cause.in_base:,} in release {record.base_release}"
        show(f"  {cause.found:,} rows on the branch{base}")
    if cause.rows:
        show_table(cause.columns, cause.rows)
    if cause.sql and branch and len(cause.sql) <= LONGEST_SHOWN_QUERY:
        show(f"  headgate query --run {record.run} {shlex.quote(cause.sql)}", style="dim")


def _load(project: Path, target: str | None) -> Any:
    from headgate.project import load

    return load(project, target=target, environ=os.environ)
