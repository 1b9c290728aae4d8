"""One page of HTML that needs nothing else: it works offline, in light and dark, and on paper."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from headgate.errors import printable_lines
from headgate.reports import history, words
from headgate.words import counted

if TYPE_CHECKING:
    from headgate.reports.rendering import Reported


def page(reported: Reported) -> str:
    """The document; every value in it is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printable"] = printable_lines
    results = sorted(reported.results, key=lambda each: ("failed", "warned", "held").index(words.outcome(each)))
    return environment.get_template("page.html.j2").render(
        reported=reported,
        results=results,
        held=sum(each.success for each in results),
        scores=words.scores(results),
        history=history.history_of(reported),
        squares=history.squares,
        high=history.HEIGHT,
        words=words,
        counted=counted,
        at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
