"""The verbs about releases: releases, diff, rollback, resume."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, app

if TYPE_CHECKING:
    from headgate.lake.diff import TableDiff
    from headgate.lake.manifest import Manifest
    from headgate.lake.release import Pointer


@app.command(epilog="Examples:\n\n\b\n  headgate releases\n  headgate releases 42 --json")
def releases(
    number: Annotated[int | None, typer.Argument(metavar="N", help="Show this release whole.")] = None,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the releases, newest last, or show one."""
    from headgate.cli.opening import open_releases
    from headgate.cli.output import show_json

    found = open_releases(project, target)
    if number is not None:
        manifest = found.manifest(number)
        if as_json:
            show_json(asdict(manifest))
        else:
            _show_release(manifest)
        return
    pointer = found.pointer()
    listed = list(found.manifests())
    if as_json:
        held = asdict(pointer.held) if pointer.held else None
        entries = [_release_json(manifest) for manifest in listed]
        show_json({"current": pointer.release, "held": held, "releases": entries})
    else:
        _show_releases(pointer, listed)


@app.command(epilog="Example: headgate diff 1 2")
def diff(
    before: Annotated[int, typer.Argument(metavar="A", help="A release.")],
    after: Annotated[int, typer.Argument(metavar="B", help="Another one.")],
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two releases, table by table.

    Rows added, removed and changed, by primary key where there is one, and columns that came or went.
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import show_json
    from headgate.cli.progress import Progress
    from headgate.lake import diff as differ
    from headgate.lake.engine import connect
    from headgate.lake.release import Releases
    from headgate.run.workshop import engine_settings, open_store

    opened = open_project(project, target, only_lake=True)
    store = open_store(opened)
    found = Releases(store)
    old, new = found.manifest(before), found.manifest(after)
    con = connect(engine_settings(opened, store))
    try:
        with Progress(quiet=as_json, doing="comparing"):
            tables = differ.diff(store, con, old, new)
    finally:
        con.close()
    if as_json:
        entries = {t.table: {k: v for k, v in asdict(t).items() if k != "table"} for t in tables}
        show_json({"before": before, "after": after, "tables": entries})
    else:
        _show_diff(before, after, tables)


@app.command(epilog='Example: headgate rollback 41 --reason "returns counted twice"')
def rollback(
    number: Annotated[int, typer.Argument(metavar="N", help="The release to serve again.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; shown wherever the lake is held.")
    ] = "rolled back by hand",
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve an older release again; hold the lake.

    The next run would bring the same data again, so runs end with HELD until `headgate resume`.
    Warehouses follow at once; one that cannot be reached now (exit code 3) follows with the next run.
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import show_json, verdict_line
    from headgate.cli.serving import show_served
    from headgate.run.keeping import roll_back
    from headgate.run.serving import serve_after_rollback

    opened = open_project(project, target)
    before = roll_back(opened, number, reason)
    served = serve_after_rollback(opened) if opened.serve else {}
    if as_json:
        told = {name: {k: v for k, v in each.items() if k != "exit_code"} for name, each in served.items()}
        show_json({"serving": number, "before": before, "held": True, "served": told})
    else:
        for name, result in served.items():
            show_served(name, result)
        was = "nothing" if before is None else f"release {before}"
        facts = [f"serving release {number}", f"was {was}", "runs are held until headgate resume"]
        verdict_line("ROLLED BACK", facts, good=True)
    if codes := [each["exit_code"] for each in served.values() if each["exit_code"]]:
        raise SystemExit(codes[0])


@app.command(epilog="Example: headgate resume")
def resume(project: ProjectOption = Path(), target: TargetOption = None, as_json: JsonOption = False) -> None:
    """Let runs go on after a rollback."""
    from headgate.cli.opening import open_releases
    from headgate.cli.output import show_json, verdict_line

    found = open_releases(project, target)
    was_held = found.resume()
    serving = found.pointer().release
    if as_json:
        show_json({"serving": serving, "was_held": was_held})
    else:
        facts = ["nothing is published yet" if serving is None else f"serving release {serving}"]
        verdict_line("RESUMED" if was_held else "NOT HELD", facts, good=True)


def _release_json(manifest: Manifest) -> dict[str, Any]:
    return {
        "release": manifest.release,
        "parent": manifest.parent,
        "run": manifest.run,
        "published_at": manifest.published_at,
        "rows": manifest.rows(),
        "expectations": manifest.expectations,
    }


def _show_releases(pointer: Pointer, listed: list[Manifest]) -> None:
    from headgate.cli.output import show
    from headgate.cli.tables import show_table

    if not listed:
        show("nothing is published yet: headgate run")
        return
    show_table(
        ["", "release", "parent", "published (UTC)", "run", "rows", "expectations"],
        [
            [
                "→" if m.release == pointer.release else "",
                str(m.release),
                "" if m.parent is None else str(m.parent),
                m.published_at[:19].replace("T", " "),
                m.run,
                sum(m.rows().values()),
                f"{m.expectations.get('held', 0):,} of {m.expectations.get('total', 0):,} held",
            ]
            for m in listed
        ],
        right=(1, 2, 5),
    )
    if pointer.held:
        told = f"HELD since {pointer.held.since}: {pointer.held.reason} (headgate resume lets runs go on)"
        show(told, style="yellow")


def _show_release(manifest: Manifest) -> None:
    from headgate.cli.output import show
    from headgate.cli.tables import show_table

    parent = "no parent" if manifest.parent is None else f"parent {manifest.parent}"
    title = [f"release {manifest.release}", parent, f"run {manifest.run}", manifest.published_at]
    show(" · ".join(title), style="bold")
    if manifest.git:
        dirty = " and uncommitted changes" if manifest.git.get("dirty") else ""
        show(f"code {str(manifest.git.get('commit'))[:12]}{dirty}")
    show()
    show_table(
        ["table", "kind", "rows", "columns"],
        [[name, t["kind"], t["rows"], len(t["columns"])] for name, t in manifest.tables.items()],
        right=(2, 3),
    )
    for name, table in manifest.tables.items():
        if table["kind"] == "table":
            show(f"\n{name}", style="bold")
            columns = [[c["name"], c["type"], c["null_share"], c["min"], c["max"]] for c in table["columns"]]
            show_table(["column", "type", "null share", "min", "max"], columns, right=(2,))


def _show_diff(before: int, after: int, tables: list[TableDiff]) -> None:
    from headgate.cli.output import verdict_line
    from headgate.cli.tables import show_table

    show_table(
        ["table", "added", "removed", "changed", "compared by", "columns"],
        [[t.table, t.added, t.removed, t.changed, t.by, _columns_changed(t)] for t in tables],
        right=(1, 2, 3),
    )
    differ = sum(1 for t in tables if t.added or t.removed or t.changed or t.schema)
    word = "DIFFERENT" if differ else "THE SAME"
    verdict_line(word, [f"release {before} → {after}", f"{differ} of {len(tables)} tables differ"], good=True)


def _columns_changed(table: TableDiff) -> str:
    return ", ".join(
        f"+{c.column}"
        if c.before is None
        else f"-{c.column}"
        if c.after is None
        else f"{c.column}: {c.before} → {c.after}"
        for c in table.schema
    )
