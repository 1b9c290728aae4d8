"""The verb that begins a project: init."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from headgate.cli.app import JsonOption, app


@app.command(
    epilog="Examples:\n\n\b\n  headgate init my-project --template rossmann\n  headgate init my-project --no-data\n"
    "  headgate init my-project --from postgresql://me@localhost/orders"
)
def init(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The new project's folder; with --from the database's name.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", metavar="NAME", help="The pipeline to start from.", show_default="rossmann"),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="The database to start from instead: a URL, or a database file."),
    ] = None,
    schema: Annotated[
        str | None, typer.Option("--schema", metavar="NAME", help="With --from: the schema whose tables are meant.")
    ] = None,
    data: Annotated[
        bool | None, typer.Option("--data/--no-data", help="Generate example data (asked on a terminal, else yes).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Begin a project from a complete pipeline, or from a database.

    The models of a pipeline are tried at once, as headgate check does, so that the first run need not wait for dbt.

    A database is looked at, and never written to: its tables are listed, and primary keys, cursors and
    gates proposed. Its URL is not written down; the project reads it from the environment.
    """
    from headgate.errors import UsageError

    if database is not None:
        if template is not None or data is not None:
            raise UsageError("--from begins with a database, --template and --data with a pipeline: choose one")
        _begin_from(database, folder, schema, as_json=as_json)
        return
    if folder is None:
        raise UsageError("the folder of the new project is missing", hint="headgate init my-project")
    if schema is not None:
        raise UsageError("--schema belongs to --from")
    _begin(folder, template or "rossmann", data, as_json=as_json)


def _begin(folder: Path, template: str, data: bool | None, *, as_json: bool) -> None:
    from headgate.cli.output import show_json
    from headgate.project.templates import copy_template, has_generator

    written = copy_template(template, folder)
    if has_generator(folder) and data is None:
        ask = sys.stdin is not None and sys.stdin.isatty() and not as_json
        data = not ask or typer.confirm("Generate example data now?", default=True, err=True)
    with _generating(folder) if data and has_generator(folder) else contextlib.nullcontext():
        _try_models(folder)
    if as_json:
        generated = bool(data) and has_generator(folder)
        show_json({"folder": str(folder), "template": template, "files": written, "data": generated, "tables": []})
    else:
        _show_next(folder, template, written, needs_data=has_generator(folder) and not data)


def _begin_from(database: str, folder: Path | None, schema: str | None, *, as_json: bool) -> None:
    from headgate.cli.output import show, show_json
    from headgate.cli.progress import Progress
    from headgate.cli.tables import show_table
    from headgate.standalone.beginning import begin_from

    with Progress(quiet=as_json, doing="looking at the database"):
        begun = begin_from(database, folder, schema)
    if as_json:
        tables = [
            {"table": t.name, "rows": t.rows, "primary_key": list(t.primary_key), "cursor": t.cursor}
            for t in begun.tables
        ]
        written = {"folder": str(begun.folder), "template": None, "files": list(begun.files), "data": False}
        show_json({**written, "tables": tables})
        return
    rows = [
        (t.name, t.rows, _key_shown(t.primary_key, t.declared), t.cursor or "none: compared whole")
        for t in begun.tables
    ]
    show_table(["table", "rows, about", "key", "cursor"], rows, right=[1])
    show("")
    _show_next(begun.folder, None, list(begun.files), variable=begun.variable)


def _key_shown(key: Sequence[str], declared: bool) -> str:
    return (", ".join(key) + ("" if declared else " (unique, never null)")) if key else "none: left out"


@contextlib.contextmanager
def _generating(folder: Path) -> Iterator[None]:
    """Let the project make data for itself meanwhile; raises CouldNotRunError if it cannot."""
    from headgate.cli.output import tell
    from headgate.errors import CouldNotRunError
    from headgate.project.templates import GENERATOR

    tell("generating example data …")
    with subprocess.Popen([sys.executable, GENERATOR], cwd=folder, stdout=2) as generator:  # noqa: S603
        yield
    if code := generator.returncode:
        raise CouldNotRunError(
            f"no example data: {GENERATOR} ended with exit code {code}; the rest of the project is there",
            where=str(folder),
            hint=f"what it said is above; again: cd {shlex.quote(str(folder))} && python {GENERATOR}",
        )


def _try_models(folder: Path) -> None:
    """Let dbt read the project now, and remember what it made of it: the first run need not wait for that."""
    from headgate.cli.output import tell
    from headgate.errors import HeadgateError
    from headgate.project import load
    from headgate.run.check import try_models

    tell("trying the models …")
    try:
        try_models(load(folder, environ=os.environ, only_lake=True))
    except HeadgateError as error:
        tell(f"the models could not be tried, which headgate check will tell again: {error}")


def _show_next(
    folder: Path, template: str | None, written: list[str], *, needs_data: bool = False, variable: str | None = None
) -> None:
    from headgate.cli.output import show
    from headgate.project.templates import GENERATOR, SIMULATORS

    show(f"{folder}/")
    for path in written:
        show(f"  {path}")
    show("\nNext:")
    if variable:
        show(f"  export {variable}=…  # the URL that you gave: it is not written down")
    show(f"  cd {shlex.quote(str(folder))}")
    if template in SIMULATORS:
        show(f"  headgate simulate {SIMULATORS[template]} --speed 1000x")
    for line in ("headgate check", "headgate plan", "headgate run"):
        show(f"  {line}")
    if needs_data:
        show(f"  (first put data where headgate.yml looks for it, or: python {GENERATOR})")
