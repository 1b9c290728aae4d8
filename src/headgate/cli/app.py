"""The application: its verbs, and the one place that decides the exit code."""

from __future__ import annotations

import sys
import traceback
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from headgate.errors import ExitCode, HeadgateError

app = typer.Typer(
    name="headgate",
    help="Data pipelines whose readers never see bad data: branch, gate, publish.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

ProjectOption = Annotated[
    Path, typer.Option("--project", "-p", metavar="DIR", help="The project's folder.", show_default="this folder")
]
TargetOption = Annotated[str | None, typer.Option("--target", "-t", help="One of the project's targets.")]
VarOption = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Set a variable for this run; repeatable.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    for verbs in ("starting", "running", "looking", "releasing"):
        import_module(f"headgate.cli.{verbs}")  # adds its verbs to the app, in the order of the help
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        app(args=arguments, prog_name="headgate")
    except HeadgateError as error:
        from headgate.cli.output import show_error

        show_error(error, as_object="--json" in arguments)
        sys.exit(int(error.exit_code))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, as `head` does: nothing is wrong
        sys.exit(int(ExitCode.OK))
    except Exception as error:  # noqa: BLE001  # the outermost edge: anything unexpected ends as exit 3, with a trace
        sys.exit(_unexpected(error, arguments))


def _unexpected(error: Exception, arguments: list[str]) -> int:
    from headgate.cli.output import show_error
    from headgate.errors import CouldNotRunError

    text = "".join(traceback.format_exception(error))
    folder = Path(".headgate") / "logs"
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{(arguments or ['headgate'])[0]}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        hint = f"the traceback is in {folder / name}; please report it"
    except OSError:
        hint = text
    wrapped = CouldNotRunError(
        f"unexpected {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", hint=hint
    )
    show_error(wrapped, as_object="--json" in arguments)
    return int(ExitCode.COULD_NOT_RUN)
