"""How results reach the person or the program that asked.

With ``--json`` one object goes to standard output and everything else to standard error. Without it,
results go to standard output and progress to standard error, which is quiet when it is no terminal.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from headgate.errors import HeadgateError


def as_json(value: Any) -> str:
    """One JSON text: dates as ISO 8601, decimals as texts (JSON numbers would lose digits), bytes as hex."""
    return json.dumps(_finite(value), default=_plain, ensure_ascii=False)


def show_json(value: Any) -> None:
    """Print the one JSON object of a ``--json`` call."""
    sys.stdout.write(as_json(value) + "\n")
    sys.stdout.flush()


def show(text: str = "", *, style: str | None = None) -> None:
    """Print a line of the result."""
    _console().print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[int] = ()) -> None:
    """Print a table; ``right`` are the positions of the columns with numbers."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for position, column in enumerate(columns):
        table.add_column(_text(column), justify="right" if position in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_text(cell) for cell in row))
    _console().print(table)


def tell(text: str) -> None:
    """Say something beside the result, on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def show_error(error: HeadgateError, *, as_object: bool) -> None:
    """Print an error: what, where, what next."""
    if as_object:
        show_json(
            {
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
        )
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(Text("error  ", style="bold red") + Text(str(error)))


def verdict_line(word: str, facts: Sequence[str], *, good: bool) -> None:
    """Print the one line that says how it ended."""
    from rich.text import Text

    style = "bold green" if good else "bold red"
    _console().print(Text(f"{word}  ", style=style) + Text(" · ".join(facts)), soft_wrap=True)


def _console() -> Any:
    from rich.console import Console

    return Console(soft_wrap=False) if sys.stdout.isatty() else Console(width=200, soft_wrap=True)


def _text(cell: Any) -> Any:
    from rich.text import Text

    if isinstance(cell, bool):
        return Text("yes" if cell else "no")
    if isinstance(cell, int):
        return Text(f"{cell:,}")
    return Text("" if cell is None else str(cell))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no infinities: they become texts."""
    if isinstance(value, float) and (not math.isfinite(value)):
        return str(value)
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value
