"""The verb that begins a project: init."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from headgate.cli.app import JsonOption, app


@app.command(epilog="Example: headgate init my-project --template rossmann")
def init(
    folder: Annotated[Path, typer.Argument(help="The new project's folder.")],
    template: Annotated[str, typer.Option("--template", help="The pipeline to start from.")] = "rossmann",
    data: Annotated[
        bool | None, typer.Option("--data/--no-data", help="Generate example data (default: yes; asked on a terminal).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Begin a project from one of the complete pipelines that come with Headgate."""
    from headgate.cli.output import show, show_json, tell
    from headgate.project.templates import GENERATOR, copy_template, has_generator

    written = copy_template(template, folder)
    if data is None:
        data = not sys.stdin.isatty() or as_json or typer.confirm("Generate example data now?", default=True, err=True)
    generated = data and has_generator(folder)
    if generated:
        tell("generating example data …")
        subprocess.run([sys.executable, GENERATOR], cwd=folder, check=True, stdout=sys.stderr)  # noqa: S603
    if as_json:
        show_json({"folder": str(folder), "template": template, "files": written, "data": generated})
        return
    show(f"{folder}/")
    for path in written:
        show(f"  {path}")
    show("\nNext:")
    for line in (f"cd {folder}", "headgate check", "headgate plan", "headgate run"):
        show(f"  {line}")
    if not generated:
        show(f"  (first put data where headgate.yml looks for it, or: python {GENERATOR})")
