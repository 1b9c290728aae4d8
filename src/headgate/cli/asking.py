"""The verb that asks: query."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, app
from headgate.words import counted

if TYPE_CHECKING:
    from headgate.lake.reading import Answer


@app.command(
    epilog='Examples:\n\n\b\n  headgate query "select count(*) from features.train_features"\n'
    '  headgate query --release 1 --json "from raw.train limit 10"\n'
    "  headgate query - < question.sql"
)
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A query; `-` reads it from standard input.")],
    release: Annotated[int | None, typer.Option("--release", "-r", metavar="N", help="Ask this release.")] = None,
    run: Annotated[str | None, typer.Option("--run", metavar="ID", help="Ask the branch that this run left.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="Rows to show; --json gives all.", show_default=True)
    ] = 100,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a release, or the branch of a stopped run, with SQL.

    Without --release or --run it asks the release that is served. Nothing can be written to the lake.
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import stream_json
    from headgate.errors import UsageError
    from headgate.lake.reading import ask, reader
    from headgate.lake.release import Releases
    from headgate.run.workshop import engine_settings, open_store

    if release is not None and run is not None:
        raise UsageError("--release and --run exclude each other")
    opened = open_project(project, target, only_lake=True)
    store = open_store(opened)
    pointer = None if run else Releases(store).pointer()
    asked = release if release is not None or pointer is None else pointer.release
    started = time.monotonic()
    with reader(store, engine_settings(opened, store), release=asked, run=run, pointer=pointer) as con:
        answer = ask(con, _text(sql))
        if as_json:
            head = {"columns": answer.columns, "types": answer.types}
            stream_json(head, "rows", answer.batches, {"release": asked, "run": run})
        else:
            count = _show_answer(answer, limit)
            origin = f"branch of run {run}" if run else f"release {asked}"
            _show_end(count, limit, origin, time.monotonic() - started)


def _text(sql: str) -> str:
    if sql != "-":
        return sql
    return sys.stdin.read() if sys.stdin is not None else ""


def _show_answer(answer: Answer, limit: int) -> int:
    """Show the first rows and count the others, without keeping them."""
    from headgate.cli.tables import show_rows

    rows = _rows(answer)
    shown = list(islice(rows, limit))
    show_rows(answer.columns, shown)
    return len(shown) + sum(1 for _ in rows)


def _rows(answer: Answer) -> Iterator[tuple[Any, ...]]:
    for batch in answer.batches:
        yield from batch


def _show_end(count: int, limit: int, origin: str, seconds: float) -> None:
    from headgate.cli.output import show

    hidden = f", the first {limit:,} shown (--limit)" if count > limit else ""
    show(f"{counted(count, 'row')}{hidden} · {origin} · {seconds:.2f} s", style="dim")
