"""What a gate found, as plain records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from headgate.gates.values import json_safe
from headgate.project.declaration import OnFail, Place, Severity

#: How a verdict came about: from statistics alone, with the help of earlier results, or by looking.
How = Literal["proven", "remembered", "scanned"]


@dataclass(frozen=True, slots=True)
class ExpectationResult:
    """What one expectation came to. The numbers mean what Great Expectations means by them.

    ``error`` says why it could not be checked; ``success`` is then False. ``seconds`` is its part of the time,
    that of a shared scan divided evenly. ``meta`` is what was declared beside it. ``quarantined_count`` is null
    unless the unexpected rows are to go into quarantine: then it is how many of them did, and ``success`` is true if
    it holds of what is left.
    """

    layer: str
    table: str
    id: str
    type: str
    kwargs: dict[str, Any]
    severity: Severity
    dimension: str
    on_fail: OnFail
    place: Place
    success: bool
    error: str | None
    observed_value: Any
    element_count: int | None
    missing_count: int | None
    unexpected_count: int | None
    unexpected_percent: float | None
    partial_unexpected_list: tuple[Any, ...]
    details: dict[str, Any]
    how: How
    seconds: float
    meta: dict[str, Any] = field(default_factory=dict)
    quarantined_count: int | None = None

    @property
    def title(self) -> str:
        """What it is and of what, in one line.

        It shows arguments, not data.
        """
        arguments = ", ".join(f"{key}={value}" for key, value in json_safe(self.kwargs).items())
        return f"{self.layer}.{self.table}: {self.type}({arguments[:200]})"

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON knows it."""
        return {
            "layer": self.layer,
            "table": self.table,
            "id": self.id,
            "type": self.type,
            "kwargs": json_safe(self.kwargs),
            "severity": self.severity,
            "dimension": self.dimension,
            "on_fail": self.on_fail,
            "place": str(self.place),
            "success": self.success,
            "error": self.error,
            "observed_value": json_safe(self.observed_value),
            "element_count": self.element_count,
            "missing_count": self.missing_count,
            "unexpected_count": self.unexpected_count,
            "unexpected_percent": self.unexpected_percent,
            "partial_unexpected_list": json_safe(self.partial_unexpected_list),
            "details": json_safe(self.details),
            "quarantined_count": self.quarantined_count,
            "how": self.how,
            "seconds": round(self.seconds, 6),
        }


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a layer's gate found, in the order in which the expectations were declared."""

    layer: str
    results: tuple[ExpectationResult, ...]
    seconds: float

    @property
    def failures(self) -> tuple[ExpectationResult, ...]:
        """What blocks."""
        return tuple(each for each in self.results if not each.success and each.severity == "fail")

    @property
    def warnings(self) -> tuple[ExpectationResult, ...]:
        """What is told, and does not block."""
        return tuple(each for each in self.results if not each.success and each.severity == "warn")

    @property
    def blocked(self) -> bool:
        """Whether nothing after this layer may run."""
        return bool(self.failures)

    @property
    def counts(self) -> dict[str, int]:
        """How many were judged, held, failed and warned, and how the verdicts came about."""
        how = Counter(each.how for each in self.results)
        return {
            "total": len(self.results),
            "held": sum(each.success for each in self.results),
            "failed": len(self.failures),
            "warned": len(self.warnings),
            "proven": how["proven"],
            "remembered": how["remembered"],
            "scanned": how["scanned"],
        }
