"""The verb about how good releases are: score."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, app


@app.command(epilog="Examples:\n\n\b\n  headgate score\n  headgate score raw.sales --history")
def score(
    subject: Annotated[
        str | None, typer.Argument(metavar="TABLE", help="A table, as LAYER.TABLE, or a layer; else all.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Every release, newest first.")] = False,
    release: Annotated[
        int | None, typer.Option("--release", metavar="N", help="This release; else the one that is served.")
    ] = None,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how good each table and layer is.

    In six dimensions: an expectation on rows scores the share that were as expected, any other 100 or 0; a dimension
    scores the mean over its expectations.
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import show_json
    from headgate.errors import UsageError
    from headgate.run.scoring import scores_of

    if history and release is not None:
        raise UsageError("--history shows every release: it takes no --release")
    entries = scores_of(open_project(project, target, only_lake=True), subject, release=release, history=history)
    if as_json:
        show_json({"releases": entries})
    elif history:
        _show_history(entries, subject)
    else:
        _show_scores(entries[0], subject)


def _show_scores(entry: dict[str, Any], subject: str | None) -> None:
    from headgate.cli.output import show

    show(f"release {entry['release']}, published {entry['published_at']}", style="bold")
    scores = entry["scores"]
    lines = [*scores["layers"].items(), *scores["tables"].items()]
    _show_lines("of", [*lines, *([("the release", scores["release"])] if subject is None else [])])


def _show_history(entries: list[dict[str, Any]], subject: str | None) -> None:
    lines = []
    for entry in entries:
        scores = entry["scores"]
        found = scores["release"] if subject is None else {**scores["layers"], **scores["tables"]}.get(subject, {})
        lines.append((str(entry["release"]), found))
    _show_lines("release", lines)


def _show_lines(title: str, lines: list[tuple[str, Mapping[str, Any]]]) -> None:
    from headgate.cli.tables import show_table
    from headgate.gates.scorecard import ALL
    from headgate.project.declaration import DIMENSIONS

    columns = [*DIMENSIONS, ALL]
    rows = [[name, *(_percent(scores.get(each)) for each in columns), _held(scores.get(ALL))] for name, scores in lines]
    show_table([title, *columns, "held"], rows, right=range(1, len(columns) + 2))


def _percent(score: Mapping[str, Any] | None) -> str | None:
    """In percent, rounded down: only what is perfect is 100."""
    return None if score is None else f"{math.floor(score['score'] * 1000) / 10:g}"


def _held(score: Mapping[str, Any] | None) -> str | None:
    return None if score is None else f"{score['held']:,} of {score['total']:,}"
