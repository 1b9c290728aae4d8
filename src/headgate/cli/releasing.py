"""The verbs about releases: releases, diff, rollback, resume, prune, doctor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, app


@app.command(epilog="Example: headgate releases 42 --json")
def releases(
    number: Annotated[int | None, typer.Argument(help="Show this release whole.")] = None,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the releases, newest last, or show one."""
    from dataclasses import asdict

    from headgate.cli.output import show, show_json, show_table

    found = _releases(project, target)
    pointer = found.pointer()
    if number is not None:
        manifest = found.manifest(number)
        if as_json:
            show_json(asdict(manifest))
        else:
            _show_release(manifest)
        return
    listed = [
        {
            "release": m.release,
            "parent": m.parent,
            "run": m.run,
            "published_at": m.published_at,
            "rows": m.rows(),
            "expectations": m.expectations,
        }
        for m in found.manifests()
    ]
    if as_json:
        held = {"since": pointer.held.since, "reason": pointer.held.reason} if pointer.held else None
        show_json({"current": pointer.release, "held": held, "releases": listed})
        return
    if not listed:
        show("nothing is published yet")
        return
    show_table(
        ["", "release", "parent", "published (UTC)", "run", "rows", "expectations"],
        [
            [
                "→" if r["release"] == pointer.release else "",
                r["release"],
                r["parent"],
                r["published_at"][:19].replace("T", " "),
                r["run"],
                sum(r["rows"].values()),
                f"{r['expectations'].get('held', 0)} of {r['expectations'].get('total', 0)} held",
            ]
            for r in listed
        ],
        right=(1, 2, 5),
    )
    if pointer.held:
        show(
            f"HELD since {pointer.held.since}: {pointer.held.reason} (headgate resume lets runs go on)", style="yellow"
        )


@app.command(epilog="Example: headgate diff 1 2")
def diff(
    before: Annotated[int, typer.Argument(help="A release.")],
    after: Annotated[int, typer.Argument(help="Another one.")],
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two releases: rows added, removed and changed, and columns, table by table."""
    from dataclasses import asdict

    from headgate.cli.output import show, show_json, show_table
    from headgate.lake import diff as differ
    from headgate.lake.engine import connect
    from headgate.run.workshop import engine_settings

    loaded = _load(project, target)
    found = _releases_of(loaded)
    old, new = found.manifest(before), found.manifest(after)
    con = connect(engine_settings(loaded, found.store))
    try:
        tables = differ.diff(found.store, con, old, new)
    finally:
        con.close()
    if as_json:
        show_json(
            {
                "before": before,
                "after": after,
                "tables": {t.table: {k: v for k, v in asdict(t).items() if k != "table"} for t in tables},
            }
        )
        return
    show_table(
        ["table", "added", "removed", "changed", "columns", "compared by"],
        [[t.table, t.added, t.removed, t.changed, _columns_changed(t), t.by] for t in tables],
        right=(1, 2, 3),
    )
    same = sum(1 for t in tables if not (t.added or t.removed or t.changed or t.schema))
    show(f"release {before} → {after}: {len(tables) - same} of {len(tables)} tables differ")


@app.command(epilog="Example: headgate rollback 41")
def rollback(
    number: Annotated[int, typer.Argument(help="The release to serve again.")],
    reason: Annotated[
        str, typer.Option("--reason", help="Why; shown wherever the lake is held.")
    ] = "rolled back by hand",
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve an older release again, and hold the lake until `headgate resume`."""
    from headgate.cli.output import show_json, verdict_line
    from headgate.run.keeping import roll_back

    before = roll_back(_load(project, target), number, reason)
    if as_json:
        show_json({"serving": number, "before": before, "held": True})
    else:
        verdict_line(
            "ROLLED BACK",
            [f"serving release {number}, was {before}", "runs are held until headgate resume"],
            good=True,
        )


@app.command(epilog="Example: headgate resume")
def resume(project: ProjectOption = Path(), target: TargetOption = None, as_json: JsonOption = False) -> None:
    """Let runs go on after a rollback."""
    from headgate.cli.output import show_json, verdict_line

    found = _releases(project, target)
    was_held = found.resume()
    serving = found.pointer().release
    if as_json:
        show_json({"serving": serving, "was_held": was_held})
    else:
        verdict_line("RESUMED" if was_held else "NOT HELD", [f"serving release {serving}"], good=True)


@app.command(epilog="Example: headgate prune --keep 10")
def prune(
    keep: Annotated[int, typer.Option("--keep", min=0, help="How many of the newest releases to keep.")] = 10,
    grace: Annotated[
        str, typer.Option("--grace", metavar="DURATION", help="How long readers of a pruned release may go on.")
    ] = "1h",
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete old releases, branches of ended runs, and the data that nothing needs any more."""
    from dataclasses import asdict

    from headgate.cli.output import show_json, verdict_line
    from headgate.errors import UsageError
    from headgate.project.durations import parse_duration
    from headgate.run.keeping import prune_lake

    try:
        grace_seconds = parse_duration(grace).total_seconds()
    except ValueError as error:
        raise UsageError(f"--grace {grace[:40]!r}: {error}", hint="for example --grace 1h") from error
    done = prune_lake(_load(project, target), keep=keep, grace_seconds=grace_seconds)
    if as_json:
        show_json(asdict(done))
        return
    facts = [
        f"{len(done.releases)} releases",
        f"{len(done.branches)} branches",
        f"{done.files:,} data files ({done.bytes / 1e6:,.1f} MB) deleted",
    ]
    if done.waiting:
        facts.append(f"{done.waiting:,} files wait for their readers ({grace})")
    verdict_line("PRUNED", facts, good=True)


@app.command(epilog="Example: headgate doctor --json")
def doctor(project: ProjectOption = Path(), target: TargetOption = None, as_json: JsonOption = False) -> None:
    """Examine the lake: pointer, releases, data files, lock, branches."""
    from dataclasses import asdict

    from headgate.cli.output import show, show_json, verdict_line
    from headgate.lake.doctor import examine
    from headgate.lake.engine import connect

    found = _releases(project, target)
    con = connect()
    try:
        findings = examine(found.store, con)
    finally:
        con.close()
    broken = [finding for finding in findings if not finding.ok]
    if as_json:
        show_json({"ok": not broken, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            show(
                f"{'ok    ' if finding.ok else 'BROKEN'}  {finding.subject}: {finding.text}",
                style=None if finding.ok else "red",
            )
            if finding.hint:
                show(f"        → {finding.hint}")
        verdict_line(
            "SICK" if broken else "HEALTHY", [f"{len(broken)} of {len(findings)} findings need work"], good=not broken
        )
    raise typer.Exit(3 if broken else 0)


def _load(project: Path, target: str | None) -> Any:
    from headgate.project import load

    return load(project, target=target, environ=os.environ)


def _releases(project: Path, target: str | None) -> Any:
    return _releases_of(_load(project, target))


def _releases_of(loaded: Any) -> Any:
    from headgate.lake.release import Releases
    from headgate.lake.store import LocalStore

    return Releases(LocalStore(Path(loaded.lake)))


def _columns_changed(table: Any) -> str:
    return ", ".join(
        f"+{c.column}"
        if c.before is None
        else f"-{c.column}"
        if c.after is None
        else f"{c.column}: {c.before} → {c.after}"
        for c in table.schema
    )


def _show_release(manifest: Any) -> None:
    from headgate.cli.output import show, show_table

    show(f"release {manifest.release} (parent {manifest.parent}) · {manifest.published_at} · run {manifest.run}")
    if manifest.git:
        show(f"code {manifest.git['commit'][:12]}{' and uncommitted changes' if manifest.git['dirty'] else ''}")
    show_table(
        ["table", "kind", "rows", "columns"],
        [[name, t["kind"], t["rows"], len(t["columns"])] for name, t in manifest.tables.items()],
        right=(2, 3),
    )
    for name, table in manifest.tables.items():
        if table["kind"] == "table":
            show(name)
            show_table(
                ["column", "type", "null share", "min", "max"],
                [[c["name"], c["type"], c["null_share"], c["min"], c["max"]] for c in table["columns"]],
                right=(2,),
            )
