"""The verb that begins a project: init."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from headgate.cli.app import JsonOption, app


@app.command(
    epilog="Examples:\n\n\b\n  headgate init my-project --template rossmann\n  headgate init my-project --no-data"
)
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The new project's folder.")],
    template: Annotated[
        str, typer.Option("--template", metavar="NAME", help="The pipeline to start from.", show_default=True)
    ] = "rossmann",
    data: Annotated[
        bool | None, typer.Option("--data/--no-data", help="Generate example data (asked on a terminal, else yes).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Begin a project from a complete pipeline."""
    from headgate.cli.output import show_json
    from headgate.project.templates import copy_template, has_generator

    written = copy_template(template, folder)
    if has_generator(folder):
        if data is None:
            ask = sys.stdin is not None and sys.stdin.isatty() and not as_json
            data = not ask or typer.confirm("Generate example data now?", default=True, err=True)
        if data:
            _generate(folder)
    if as_json:
        generated = bool(data) and has_generator(folder)
        show_json({"folder": str(folder), "template": template, "files": written, "data": generated})
    else:
        _show_next(folder, template, written, needs_data=has_generator(folder) and not data)


def _generate(folder: Path) -> None:
    """Let the project make data for itself; raises CouldNotRunError if it cannot."""
    from headgate.cli.output import tell
    from headgate.errors import CouldNotRunError
    from headgate.project.templates import GENERATOR

    tell("generating example data …")
    code = subprocess.run([sys.executable, GENERATOR], cwd=folder, check=False, stdout=2).returncode  # noqa: S603
    if code:
        raise CouldNotRunError(
            f"no example data: {GENERATOR} ended with exit code {code}; the rest of the project is there",
            where=str(folder),
            hint=f"what it said is above; again: cd {shlex.quote(str(folder))} && python {GENERATOR}",
        )


def _show_next(folder: Path, template: str, written: list[str], *, needs_data: bool) -> None:
    from headgate.cli.output import show
    from headgate.project.templates import GENERATOR, SIMULATORS

    show(f"{folder}/")
    for path in written:
        show(f"  {path}")
    show("\nNext:")
    show(f"  cd {shlex.quote(str(folder))}")
    if template in SIMULATORS:
        show(f"  headgate simulate {SIMULATORS[template]} --speed 1000x")
    for line in ("headgate check", "headgate plan", "headgate run"):
        show(f"  {line}")
    if needs_data:
        show(f"  (first put data where headgate.yml looks for it, or: python {GENERATOR})")
