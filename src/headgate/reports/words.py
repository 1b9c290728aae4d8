"""What the documents have in common: how a result is said in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from headgate.errors import printable, printable_lines
from headgate.gates import ExpectationResult
from headgate.gates.values import json_safe

Outcome = Literal["held", "warned", "failed"]


def outcome(result: ExpectationResult) -> Outcome:
    """Whether it held; if not, whether that only warns."""
    return "held" if result.success else "warned" if result.severity == "warn" else "failed"


def value(of: Any) -> str:
    """A value as JSON writes it, a text without quotes.

    >>> value("a"), value([1, None]), value(0.5), value("a\\x1b")
    ('a', '[1, null]', '0.5', 'a\\\\x1b')
    """
    return printable(of if isinstance(of, str) else json.dumps(json_safe(of), ensure_ascii=False))


def arguments(result: ExpectationResult) -> str:
    """What the expectation was given."""
    return ", ".join(f"{key}={value(given)}" for key, given in result.kwargs.items())


def finding(result: ExpectationResult) -> str:
    """What was found, in one sentence."""
    if result.error is not None:
        return printable_lines(result.error)
    unexpected, missing = result.unexpected_count, result.missing_count or 0
    if result.element_count is None and (unexpected is not None or result.missing_count is not None):
        return _of_values(unexpected or 0, missing)
    if unexpected is not None:
        share = "" if result.unexpected_percent is None else f" ({result.unexpected_percent:.3g} %)"
        nulls = f"; {missing:,} more without a value" if missing else ""
        return f"{unexpected:,} of {(result.element_count or 0) - missing:,} unexpected{share}{nulls}"
    return f"observed {value(result.observed_value)}"


def _of_values(unexpected: int, missing: int) -> str:
    """The same where not rows are counted but distinct values, and those of a set that do not occur."""
    found = (
        [f"{unexpected:,} unexpected {'value' if unexpected == 1 else 'values'}"] if unexpected or not missing else []
    )
    found += [f"{missing:,} {'value' if missing == 1 else 'values'} of the set missing"] if missing else []
    return ", ".join(found)


def scores(results: Iterable[ExpectationResult]) -> dict[str, tuple[int, int]]:
    """How many expectations of each dimension held, and how many there are."""
    found: dict[str, tuple[int, int]] = {}
    for result in results:
        held, total = found.get(result.dimension, (0, 0))
        found[result.dimension] = (held + result.success, total + 1)
    return dict(sorted(found.items()))
