"""The one place that decides the exit code, whatever happened."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime

import typer

from headgate.cli.interrupting import heard_at_once
from headgate.cli.opening import Opened
from headgate.cli.output import show_error
from headgate.errors import CouldNotRunError, ExitCode, HeadgateError, InterruptedRunError, UsageError


def run_to_the_end(app: Callable[..., object], arguments: list[str]) -> int:
    """Run the app; what it raises is shown once, as an error with its exit code."""
    with heard_at_once() as ctrl_c:
        try:
            code = app(args=arguments, prog_name="headgate", standalone_mode=False)
            if code != ExitCode.INTERRUPTED:  # what typer makes of Ctrl-C
                return code if isinstance(code, int) else int(ExitCode.OK)
            error: HeadgateError = InterruptedRunError()
        except SystemExit as ended:  # a verb that says its code itself
            return int(ended.code or 0)
        except (KeyboardInterrupt, typer.Abort):
            error = InterruptedRunError()
        except typer.TyperException as mistake:
            error = _mistake(mistake)
        except HeadgateError as raised:
            error = raised
        except Exception as unexpected:  # noqa: BLE001  # the outermost edge: anything else ends as exit 3, with a trace
            error = InterruptedRunError() if ctrl_c.is_set() else _unexpected(unexpected, arguments)
    for part in ("what", "where", "hint"):
        if text := getattr(error, part):
            setattr(error, part, Opened.mask(text))
    show_error(error, as_object=wants_json(arguments))
    return int(error.exit_code)


def wants_json(arguments: list[str]) -> bool:
    """Whether a program asked, also where the command line cannot be understood.

    >>> wants_json(["run", "--json"]), wants_json(["query", "--", "--json"])
    (True, False)
    """
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


def _mistake(mistake: typer.TyperException) -> UsageError:
    """A command line that cannot be understood."""
    context = getattr(mistake, "ctx", None)
    command = context.command_path if context is not None else "headgate"
    return UsageError(mistake.format_message().rstrip("."), hint=f"{command} --help")


def _unexpected(error: Exception, arguments: list[str]) -> CouldNotRunError:
    """An error that nobody foresaw: its cause on one line, its trace in a file."""
    cause = str(error).splitlines()[0] if str(error) else "no text"
    return CouldNotRunError(f"unexpected {type(error).__name__}: {cause}", hint=_write_trace(error, arguments))


def _write_trace(error: Exception, arguments: list[str]) -> str:
    text = Opened.mask("".join(traceback.format_exception(error)))
    verb = next((word for word in arguments if word.isalpha()), "headgate")
    file = Opened.logs() / f"headgate-{datetime.now(UTC):%Y%m%d-%H%M%S}-{verb}.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError:
        return text
    return f"the traceback is in {file}; please report it"
