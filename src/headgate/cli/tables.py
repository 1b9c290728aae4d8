"""Tables as text: as wide as they need where nobody looks, fitted to the window where somebody does."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any
from unicodedata import combining, east_asian_width

from headgate.cli.output import painted, show
from headgate.cli.values import exact, grouped
from headgate.errors import printable

GAP = "  "
#: A column that must give way to others keeps this many characters.
NARROWEST = 12


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[int] = ()) -> None:
    """Print one of Headgate's own tables; ``right`` are the positions of the columns with numbers.

    In a window that is too narrow the widest columns are cut.
    """
    cells = _cells(rows, grouped)
    widths = _widths(columns, cells)
    room = _window()
    while room and sum(widths) + len(GAP) * (len(widths) - 1) > room and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    _print(columns, cells, widths, set(right))


def show_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print the result of a query, every value whole: as a table, or row by row if that is too wide to read."""
    cells = _cells(rows, exact)
    widths = _widths([printable(c) for c in columns], cells)
    room = _window()
    if room and sum(widths) + len(GAP) * (len(widths) - 1) > room:
        _print_records(columns, cells)
        return
    right = {
        i
        for i, _ in enumerate(columns)
        if any(row[i] is not None for row in rows) and all(_is_number(row[i]) for row in rows)
    }
    _print([printable(c) for c in columns], cells, widths, right)


def text_width(text: str) -> int:
    """How many places a text takes: those of Chinese, Japanese and Korean take two each.

    >>> text_width("Straße"), text_width("東京")
    (6, 4)
    """
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _print(columns: Sequence[str], cells: list[list[str]], widths: list[int], right: set[int]) -> None:
    header = [_fitted(c, widths[i], to_right=i in right) for i, c in enumerate(columns)]
    lines = [painted(GAP.join(header).rstrip(), "bold", sys.stdout), GAP.join("─" * width for width in widths)]
    lines += [GAP.join(_fitted(c, widths[i], to_right=i in right) for i, c in enumerate(row)).rstrip() for row in cells]
    show("\n".join(lines))


def _print_records(columns: Sequence[str], cells: list[list[str]]) -> None:
    width = max(text_width(printable(c)) for c in columns)
    lines = []
    for number, row in enumerate(cells, 1):
        lines.append(painted(f"row {number}", "bold", sys.stdout))
        lines += [f"  {_fitted(printable(c), width)}  {cell}" for c, cell in zip(columns, row, strict=True)]
    show("\n".join(lines) if lines else "no rows of " + ", ".join(map(printable, columns)))


def _fitted(text: str, width: int, *, to_right: bool = False) -> str:
    if text_width(text) > width:
        while text_width(text) >= width:
            text = text[:-1]
        text += "…"
    padding = " " * (width - text_width(text))
    return padding + text if to_right else text + padding


def _cells(rows: Sequence[Sequence[Any]], as_text: Callable[[Any], str]) -> list[list[str]]:
    return [[as_text(cell) for cell in row] for row in rows]


def _widths(columns: Sequence[str], cells: list[list[str]]) -> list[int]:
    return [max([text_width(c), *(text_width(row[i]) for row in cells)]) for i, c in enumerate(columns)]


def _window() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _is_number(value: Any) -> bool:
    from decimal import Decimal

    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))
