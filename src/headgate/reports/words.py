"""What the documents have in common: how a result is said in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from headgate.gates import ExpectationResult
from headgate.gates.values import json_safe

Outcome = Literal["held", "warned", "failed"]


def outcome(result: ExpectationResult) -> Outcome:
    """Whether it held; if not, whether that only warns."""
    return "held" if result.success else "warned" if result.severity == "warn" else "failed"


def value(of: Any) -> str:
    """A value as JSON writes it, a text without quotes.

    >>> value("a"), value([1, None]), value(0.5)
    ('a', '[1, null]', '0.5')
    """
    return of if isinstance(of, str) else json.dumps(json_safe(of), ensure_ascii=False)


def arguments(result: ExpectationResult) -> str:
    """What the expectation was given."""
    return ", ".join(f"{key}={value(given)}" for key, given in result.kwargs.items())


def finding(result: ExpectationResult) -> str:
    """What was found, in one sentence."""
    if result.error is not None:
        return result.error
    if result.unexpected_count is not None:
        share = "" if result.unexpected_percent is None else f" ({result.unexpected_percent:.3g} %)"
        return f"{result.unexpected_count:,} of {result.element_count or 0:,} unexpected{share}"
    return f"observed {value(result.observed_value)}"


def scores(results: Iterable[ExpectationResult]) -> dict[str, tuple[int, int]]:
    """How many expectations of each dimension held, and how many there are."""
    found: dict[str, tuple[int, int]] = {}
    for result in results:
        held, total = found.get(result.dimension, (0, 0))
        found[result.dimension] = (held + result.success, total + 1)
    return dict(sorted(found.items()))
