"""Markdown for a pull request: the verdict, and a table of what did not hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headgate.errors import printable
from headgate.reports import words
from headgate.words import counted

if TYPE_CHECKING:
    from headgate.reports.rendering import Reported

EXAMPLES = 5
_MEANINGFUL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@])")


def summary(reported: Reported) -> str:
    """The document."""
    held = sum(each.success for each in reported.results)
    facts = [f"{held:,} of {len(reported.results):,} expectations held"]
    facts += [] if reported.rows is None else [counted(reported.rows, "row")]
    lines = [
        f"## {reported.status.upper()}: {escaped(printable(reported.data))}",
        "",
        f"{' · '.join(facts)} · {reported.seconds:.2f} s",
        "",
    ]
    lines += ["| dimension | held |", "|---|---|"]
    lines += [f"| {name} | {good} of {total} |" for name, (good, total) in words.scores(reported.results).items()]
    broken = [each for each in reported.results if not each.success]
    if broken:
        lines += ["", "| | expectation | found | examples |", "|---|---|---|---|"]
    for each in broken:
        examples = ", ".join(map(words.value, each.partial_unexpected_list[:EXAMPLES]))
        cells = [words.outcome(each), f"{each.type}({words.arguments(each)})", words.finding(each), examples]
        lines.append(f"| {' | '.join(map(escaped, cells))} |")
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that means nothing to Markdown, on one line.

    >>> escaped("a|b\\n<c>")
    'a\\\\|b \\\\<c\\\\>'
    """
    return _MEANINGFUL.sub(r"\\\1", " ".join(text.split()))
