"""The verb that serves a release to warehouses: serve."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, app
from headgate.words import counted

if TYPE_CHECKING:
    from headgate.project import Project


@app.command(epilog="Examples:\n\n\b\n  headgate serve\n  headgate serve warehouse --check")
def serve(
    server: Annotated[str | None, typer.Argument(metavar="SERVER", help="One of `serve`; else each of them.")] = None,
    release: Annotated[
        int | None, typer.Option("--release", metavar="N", help="This release, until the next one is served.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare every row there with the release that it should hold.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make anew or mend whatever somebody changed there by hand.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take a schema that another lake, target or project keeps.")
    ] = False,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring warehouses to the release that the lake serves.

    Runs do so by themselves right after publishing, and again if that failed.
    Exit code 0: they hold it; 1: with --check, something differs; 3: one could not be served and stays as it was.
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import show_json
    from headgate.cli.progress import Progress
    from headgate.errors import UsageError

    if check and (repair or take_over or release is not None):
        raise UsageError("--check changes nothing: leave out --repair, --take-over and --release")
    opened = open_project(project, target)
    if not opened.serve:
        hint = "the setting `serve` in headgate.yml says which tables go where"
        raise UsageError("this project serves nothing", hint=hint)
    names = list(opened.serve) if server is None else [server]
    results = {}
    with Progress(quiet=as_json, doing="serving") as tell:
        for name in names:
            tell(name, "comparing" if check else "serving")
            results[name] = (
                _compared(opened, name) if check else _served(opened, name, release, repair=repair, take_over=take_over)
            )
    if as_json:
        show_json({"servers": {name: _json(result) for name, result in results.items()}})
    else:
        for name, result in results.items():
            show_served(name, result)
    raise SystemExit(max(result["exit_code"] for result in results.values()))


def show_served(name: str, result: dict[str, Any]) -> None:
    """Print what became of one server, on one line, after what is to be said of its tables."""
    from headgate.cli.output import show, verdict_line
    from headgate.serve import holding

    for note in result["notes"]:
        show(f"{name}: {note}")
    if result["error"]:
        show(result["error"], style="red")
    for change in result.get("changes") or ():
        show(change, style="red")
    for table, counts in (result.get("differences") or {}).items():
        text = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        show(f"{table}: {text}", style="red")
    words = {"done": "SERVED", "skipped": "NOTHING NEW", "failed": "NOT SERVED", "same": "THE SAME"}
    word = words.get(result["status"], "DIFFERENT")
    holds = result["before"] if result["release"] is None else result["release"]
    facts = [name, f"holds {holding(holds)}"]
    if result["status"] == "done":
        facts += rows_moved(result)
        facts.append(f"{result['seconds']:.1f} s")
    verdict_line(word, facts, good=result["exit_code"] == 0)


def rows_moved(result: dict[str, Any]) -> list[str]:
    """How many rows were written to one server, in words."""
    return [f"{counted(result[what], 'row')} {what}" for what in ("inserted", "updated", "deleted") if result[what]]


def _served(opened: Project, name: str, release: int | None, *, repair: bool, take_over: bool) -> dict[str, Any]:
    from headgate.errors import ServeError
    from headgate.run.serving import failed_result, serve_now

    try:
        return serve_now(opened, name, release=release, repair=repair, take_over=take_over)
    except ServeError as error:
        return failed_result(opened, name, error)


def _compared(opened: Project, name: str) -> dict[str, Any]:
    from headgate.errors import ExitCode
    from headgate.run.serving import compare_server, nothing_done

    found = compare_server(opened, name)
    counts = {d.table: {k: v for k, v in asdict(d).items() if k != "table"} for d in found.differences if d.any}
    status, code = ("different", ExitCode.BLOCKED) if counts or found.changes else ("same", ExitCode.OK)
    result = nothing_done(status, release=found.release, before=found.release, exit_code=int(code))
    return result | {"differences": counts, "changes": found.changes, "notes": found.notes}


def _json(result: dict[str, Any]) -> dict[str, Any]:
    return {"differences": None, "changes": None, **{key: value for key, value in result.items() if key != "exit_code"}}
