"""The application: its options and its verbs."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from headgate.errors import ExitCode

#: Each of these modules adds its verbs to the app, in the order of the help.
MODULES = (
    *("starting", "simulating", "checking", "running", "gating", "suggesting"),
    *("asking", "explaining", "scoring", "quarantining", "releasing", "serving", "keeping"),
)

app = typer.Typer(
    name="headgate",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
)

ProjectOption = Annotated[
    Path, typer.Option("--project", "-p", metavar="DIR", help="The project's folder.", show_default="this folder")
]
TargetOption = Annotated[
    str | None, typer.Option("--target", "-t", metavar="NAME", help="One of the project's targets.")
]
VarOption = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Set a variable for this time; repeatable.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")]


@app.callback(invoke_without_command=True, epilog="headgate VERB --help explains a verb, with an example.")
def headgate(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Data pipelines whose readers never see bad data: branch, gate, publish."""
    from headgate.cli.output import show, tell

    if version:
        from importlib.metadata import version as version_of

        show(f"headgate {version_of('headgate')}")
        raise typer.Exit(ExitCode.OK)
    if context.invoked_subcommand is None:
        tell(context.get_help())
        raise typer.Exit(ExitCode.USAGE)


def load_verbs() -> typer.Typer:
    """The app with all of its verbs."""
    for module in MODULES:
        import_module(f"headgate.cli.{module}")
    return app


def all_verbs() -> dict[str, Any]:
    """Every verb by the words that call it, such as ``run`` or ``quarantine list``, in the order of the help."""
    found: dict[str, Any] = {}
    for name, command in typer.main.get_command(load_verbs()).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found |= {name: command} if inner is None else {f"{name} {each}": inner[each] for each in inner}
    return found


def execute(arguments: list[str]) -> int:
    """Carry out one command line; returns the exit code."""
    from headgate.cli.ending import run_to_the_end
    from headgate.cli.output import prepare

    prepare()
    return run_to_the_end(load_verbs(), arguments)


def main() -> NoReturn:
    """The process ``headgate``: carry out its command line, and end with the code."""
    # Importing and parsing make a million objects that stay: looking at them often, and taking them apart one by one
    # when all is done and closed, costs a run half a second.
    gc.set_threshold(100_000, 20, 100)
    code = execute(sys.argv[1:])
    atexit._run_exitfuncs()  # such as what gives back the semaphores of dbt
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(code)
