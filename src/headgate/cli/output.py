"""How results reach the person or the program that asked.

With ``--json`` one object goes to standard output and everything else to standard error. Without it,
results go to standard output and progress to standard error, which is quiet when it is no terminal.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any, Literal, TextIO

from headgate.cli.values import json_text
from headgate.errors import CouldNotRunError, HeadgateError

Style = Literal["bold", "dim", "red", "green", "yellow", "bold red", "bold green"]
_CODES: dict[str, str] = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
#: A result larger than this waits in a temporary file until it is complete.
IN_MEMORY = 16_000_000


def show(text: str = "", *, style: Style | None = None) -> None:
    """Print a line of the result."""
    _write(sys.stdout, painted(text, style, sys.stdout) + "\n")


def tell(text: str, *, style: Style | None = None) -> None:
    """Say something beside the result, on standard error."""
    _write(sys.stderr, painted(text, style, sys.stderr) + "\n")


def verdict_line(word: str, facts: Sequence[str], *, good: bool) -> None:
    """Print the one line that says how it ended: always the last one on standard output."""
    show(f"{painted(word, 'bold green' if good else 'bold red', sys.stdout)}  {' · '.join(facts)}")


def show_findings(findings: Iterable[tuple[str, bool, str, str | None]]) -> None:
    """Print what was looked at: subject, whether it is well, what was found, what to do."""
    for subject, ok, text, hint in findings:
        show(f"{'ok    ' if ok else 'BROKEN'}  {subject}: {text}", style=None if ok else "red")
        if hint:
            show(f"        → {hint}")


def show_json(value: Mapping[str, Any]) -> None:
    """Print the one JSON object of a ``--json`` call."""
    _write(sys.stdout, json_text(value, ascii_only=_ascii_only()) + "\n")


def stream_json(head: Mapping[str, Any], name: str, batches: Iterable[Sequence[Any]], tail: Mapping[str, Any]) -> None:
    """Print one JSON object with a long list called ``name``, which is never in memory as a whole.

    It is written down beside until it is complete: what reaches standard output is an object or nothing.
    """
    ascii_only = _ascii_only()
    with SpooledTemporaryFile(IN_MEMORY, "w+", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.write(f'{json_text(head, ascii_only=ascii_only)[:-1]}, "{name}": [')
        comma = ""
        for batch in batches:
            file.write(comma + ", ".join(json_text(item, ascii_only=ascii_only) for item in batch))
            comma = ", "
        file.write(f"], {json_text(tail, ascii_only=ascii_only)[1:]}\n")
        file.seek(0)
        while text := file.read(1_000_000):
            _write(sys.stdout, text)


def show_error(error: HeadgateError, *, as_object: bool, text: str | None = None) -> None:
    """Print an error: what, where, what next. ``text`` replaces its words where they hold secrets."""
    if as_object:
        with contextlib.suppress(CouldNotRunError):  # standard output may be what failed
            show_json(error_object(error))
    tell(f"{painted('error', 'bold red', sys.stderr)}  {text or error}")


def error_object(error: HeadgateError) -> dict[str, Any]:
    """The JSON of an error, as ``docs/reference/json.md`` describes it."""
    return {
        "status": "error",
        "error": {
            "type": type(error).__name__,
            "what": error.what,
            "where": error.where,
            "hint": error.hint,
            "retryable": error.retryable,
            "exit_code": int(error.exit_code),
        },
    }


def painted(text: str, style: Style | None, stream: TextIO) -> str:
    """``text`` in colour, where the stream is a terminal and nobody asked for none."""
    if style is None or not coloured(stream):
        return text
    codes = ";".join(_CODES[word] for word in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m"


def coloured(stream: TextIO) -> bool:
    """Whether escape codes may be written: to terminals, without NO_COLOR (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def prepare() -> None:
    """Let no character that a terminal cannot show, and no closed stream, end a run."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  # for the whole process
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _write(stream: TextIO, text: str) -> None:
    """Write at once. Who closed the pipe, as ``head`` does, is not written to any more: nothing is wrong."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _give_up(stream)
    except OSError as error:
        _give_up(stream)
        raise CouldNotRunError(f"the output cannot be written: {error.strerror}") from error


def _give_up(stream: TextIO) -> None:
    """What is still written goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _ascii_only() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
