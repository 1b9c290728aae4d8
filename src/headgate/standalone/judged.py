"""How data stands to its suite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from headgate.gates import ExpectationResult, GateResult
from headgate.reports.rendering import Past

Status = Literal["held", "warned", "failed"]
#: The keys of an expectation in the JSON, which are those of its result that mean something without a project.
KEYS = (
    "id",
    "type",
    "kwargs",
    "severity",
    "dimension",
    "success",
    "error",
    "observed_value",
    "element_count",
    "missing_count",
    "unexpected_count",
    "unexpected_percent",
    "partial_unexpected_list",
    "how",
    "seconds",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the expectations of a suite came to on ``data``, which has so many ``rows``; None if they cannot be counted.

    ``seconds`` is the time from opening the data to the verdict; ``history`` says what earlier runs of a project found.
    """

    data: str
    rows: int | None
    seconds: float
    gate: GateResult
    history: Past | None = None

    @property
    def status(self) -> Status:
        """``failed`` if anything that must hold does not, ``warned`` if only what should."""
        return "failed" if self.gate.failures else "warned" if self.gate.warnings else "held"

    @property
    def ok(self) -> bool:
        """Whether everything that must hold holds."""
        return not self.gate.blocked

    @property
    def results(self) -> tuple[ExpectationResult, ...]:
        """One for each expectation, in the suite's order."""
        return self.gate.results

    @property
    def failures(self) -> tuple[ExpectationResult, ...]:
        """What had to hold and did not, or could not be checked."""
        return self.gate.failures

    @property
    def warnings(self) -> tuple[ExpectationResult, ...]:
        """What did not hold and only warns."""
        return self.gate.warnings

    def to_json(self) -> dict[str, Any]:
        """The documented JSON of ``headgate gate``."""
        expectations = [each.to_json() for each in self.results]
        return {
            "status": self.status,
            "rows": self.rows,
            "seconds": round(self.seconds, 6),
            "expectations": [{key: each[key] for key in KEYS} for each in expectations],
        }

    def report(self, file: str | Path | None = None) -> str:
        """The report as a page of HTML; with a ``file``, in the format that its ending names, and written there.

        Raises:
            UsageError: no report ends like this, or it cannot be written.
        """
        from headgate.reports import render, write

        return render(self, "html") if file is None else write(self, Path(file))
