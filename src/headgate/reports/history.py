"""What the gate said of the same table before, as the page draws it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgate.errors import HeadgateError
from headgate.gates.values import json_safe

if TYPE_CHECKING:
    from headgate.gates import ExpectationResult
    from headgate.ledger import JudgedRecord
    from headgate.reports.rendering import Reported

#: So many runs are drawn, and so many of them listed.
DRAWN = 30
LISTED = 5
#: The drawing's measures, in pixels.
HEIGHT = 48
STEP = 12
SQUARE = 10
SMALL = 5


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: from its top, so high, in the colour of an outcome."""

    outcome: str
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A run: where it is drawn, and what it is called. Of one that is not ``whole`` only failures are known singly."""

    left: int
    title: str
    parts: tuple[Part, ...]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class History:
    """The last runs, the oldest first; ``lines`` tells of the newest in words; ``error`` is why there are none."""

    bars: tuple[Bar, ...] = ()
    lines: tuple[str, ...] = ()
    error: str | None = None
    outcomes: tuple[Mapping[str, Bar], ...] = ()

    @property
    def width(self) -> int:
        """Of the drawing."""
        return max(len(self.bars), 1) * STEP

    def of(self, result: ExpectationResult) -> tuple[Bar, ...]:
        """The runs that judged the same expectation, each as one square; those that did not leave a gap.

        So do those in which it held, if their release was pruned since.
        """
        key = _key(result.type, result.kwargs)
        return tuple(each[key] for each in self.outcomes if key in each)


def history_of(reported: Reported) -> History | None:
    """What the project's ledger knows of the table; None if it is of no project."""
    if reported.history is None:
        return None
    try:
        records = reported.history(DRAWN)
    except HeadgateError as error:
        return History(error=error.what)
    bars = tuple(_bar(i, record) for i, record in enumerate(records))
    lines = tuple(bar.title for bar in reversed(bars[-LISTED:]))
    return History(bars, lines, None, tuple(_outcomes(i, record) for i, record in enumerate(records)))


def _bar(number: int, record: JudgedRecord) -> Bar:
    counts = {word: sum(_outcome(each) == word for each in record.results) for word in ("failed", "warned", "held")}
    counts["held"] += record.forgotten
    total = max(sum(counts.values()), 1)
    parts, top = [], 0.0
    for outcome, count in counts.items():
        height = HEIGHT * count / total
        if count:
            parts.append(Part(outcome, round(top, 2), round(height, 2)))
        top += height
    release = f" · release {record.release}" if record.release is not None else ""
    words = f"{counts['held']:,} of {total:,} expectations held"
    words += f", {counts['failed']:,} failed" if counts["failed"] else ""
    words += f", {counts['warned']:,} warned" if counts["warned"] else ""
    words += "; which did is forgotten since a prune" if record.forgotten else ""
    return Bar(number * STEP, f"{_when(record)} · {words}{release} · run {record.run}", tuple(parts))


def _mark(outcome: str) -> Part:
    """What did not hold stands out without colours, too."""
    return Part(outcome, *((SMALL, SQUARE - SMALL) if outcome == "held" else (0, SQUARE)))


def _outcomes(number: int, record: JudgedRecord) -> dict[str, Bar]:
    whole = not record.forgotten
    return {
        _key(each["type"], each["kwargs"]): Bar(
            number * STEP, f"{_when(record)} · {_outcome(each)}", (_mark(_outcome(each)),), whole
        )
        for each in record.results
    }


def _outcome(result: Mapping[str, Any]) -> str:
    return "held" if result["success"] else "warned" if result["severity"] == "warn" else "failed"


def _when(record: JudgedRecord) -> str:
    return f"{record.at[:16].replace('T', ' ')} UTC"


def _key(type_: str, kwargs: Mapping[str, Any]) -> str:
    return json.dumps([type_, json_safe(kwargs)], sort_keys=True)


def squares(bars: Sequence[Bar]) -> str:
    """What the squares of an expectation say, for those who do not see them."""
    whole = [bar for bar in bars if bar.whole]
    held = sum(bar.parts[0].outcome == "held" for bar in whole)
    words = [f"held in {held} of {len(whole)} runs"] if whole else []
    if rest := len(bars) - len(whole):
        words.append(f"did not hold in {rest} before, of which a prune left only what did not hold")
    return "; ".join(words)
