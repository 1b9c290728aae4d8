"""How a run ended: one record for the exit code, the last line, the JSON and the alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from headgate.errors import ExitCode
from headgate.lake.quarantine import STATUSES
from headgate.serve import holding
from headgate.words import counted

#: ``running`` is what a single step of a run ends with when others are still to come.
Status = Literal["published", "nothing_new", "held", "blocked", "failed", "running"]

EXIT_CODES: dict[Status, ExitCode] = {
    "published": ExitCode.OK,
    "nothing_new": ExitCode.OK,
    "held": ExitCode.OK,
    "blocked": ExitCode.BLOCKED,
    "failed": ExitCode.COULD_NOT_RUN,
    "running": ExitCode.OK,
}

#: How many examples of bad rows a verdict shows; `headgate why` shows more.
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a run. ``serving`` is the release that readers see now, published at ``serving_since``.

    ``expectations`` counts all that were judged, ``guards`` those that are always on at publish. ``served`` says of
    each server that was tried what became of it: a release that it did not get is still published. ``quarantine`` says
    of how many rows of a table this run decided that they wait in quarantine, or do not wait there any more.
    """

    status: Status
    run: str
    seconds: float
    release: int | None = None
    serving: int | None = None
    serving_since: str | None = None
    rows: dict[str, int] = field(default_factory=dict)
    expectations: dict[str, int] = field(default_factory=dict)
    guards: dict[str, int] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    sources: dict[str, dict[str, int]] = field(default_factory=dict)
    served: dict[str, dict[str, Any]] = field(default_factory=dict)
    quarantine: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    exit_code: ExitCode = ExitCode.OK

    def to_json(self) -> dict[str, Any]:
        """The documented JSON of ``headgate run``."""
        return {
            "status": self.status,
            "run": self.run,
            "release": self.release,
            "serving": self.serving,
            "seconds": round(self.seconds, 3),
            "rows": self.rows,
            "expectations": self.expectations,
            "guards": self.guards,
            "failures": self.failures,
            "steps": self.steps,
            "sources": self.sources,
            "served": {name: {k: v for k, v in each.items() if k != "exit_code"} for name, each in self.served.items()},
            "quarantine": self.quarantine,
            "notes": self.notes,
            "error": self.error,
        }

    def line(self, now: datetime | None = None) -> tuple[str, list[str]]:
        """The verdict's word and the facts behind it, for the last line that a person reads."""
        serving = self._serving(now or datetime.now(UTC))
        if self.status == "published":
            held = f"{counted(self.expectations['held'], 'expectation')} held"
            warned = self.expectations["warned"]
            return "PUBLISHED", [
                f"release {self.release}",
                held + (f", {warned} warned" if warned else ""),
                *self._decided(),
                counted(sum(self.rows.values()), "row"),
                f"{self.seconds:.1f} s",
                *self._not_served(),
            ]
        if self.status == "nothing_new":
            return "NOTHING NEW", [serving, f"{self.seconds:.1f} s", *self._not_served()]
        if self.status == "held":
            return "HELD", [serving, "headgate resume lets runs go on", *self._not_served()]
        if self.status == "running":
            return "DONE", [f"{self.steps[-1]['name']}" if self.steps else "nothing", f"run {self.run} goes on"]
        if self.status == "blocked":
            return "BLOCKED", [self._cause(), f"still {serving}", f"headgate why {self.run}"]
        return "FAILED", [
            self.error.splitlines()[0] if self.error else "see the log",
            f"still {serving}",
            f"run {self.run}",
        ]

    def _not_served(self) -> list[str]:
        """The servers that did not get the release."""
        failed = [(name, each["before"]) for name, each in self.served.items() if each["status"] == "failed"]
        return [f"{name} NOT SERVED: holds {holding(before)}" for name, before in failed]

    def _decided(self) -> list[str]:
        """What became of rows that were put into quarantine, or waited there: one fact a status."""
        totals = {s: sum(counts[s] for counts in self.quarantine.values()) for s in STATUSES}
        return [f"{counted(n, 'row')} {status}" for status, n in totals.items() if n]

    def _cause(self) -> str:
        failed, total = self.expectations.get("failed", 0), self.expectations.get("total", 0)
        if failed:
            layer = next((f["layer"] for f in self.failures if f.get("severity") != "warn"), "")
            return f"gate {layer}: {failed} of {total} expectations failed"
        if self.guards.get("failed"):
            return f"{self.guards['failed']} of {self.guards['total']} guards refused the release"
        return self.error.splitlines()[0] if self.error else "bad data"

    def _serving(self, now: datetime) -> str:
        if self.serving is None:
            return "serving nothing yet"
        age = f" ({age_of(self.serving_since, now)} old)" if self.serving_since else ""
        return f"serving release {self.serving}{age}"


def failure_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """What did not hold, in the one shape that the verdict, `why` and the guards have."""
    return {
        "layer": result["layer"],
        "table": result["table"],
        "expectation": result["type"],
        "id": result.get("id"),
        "kwargs": result["kwargs"],
        "severity": result["severity"],
        "observed": result.get("observed_value"),
        "unexpected_count": result.get("unexpected_count"),
        "unexpected_percent": result.get("unexpected_percent"),
        "examples": (result.get("partial_unexpected_list") or [])[:EXAMPLES],
        "error": result.get("error"),
        "place": result.get("place"),
        "hint": result.get("hint"),
    }


def decided(details: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """What a run decided about rows in quarantine, by table; tables without any are left out."""
    accounts = {n: account for detail in details.values() for n, account in detail.get("quarantine", {}).items()}
    found = {name: {status: account[status] for status in STATUSES} for name, account in accounts.items()}
    return {name: counts for name, counts in found.items() if any(counts.values())}


def age_of(since: str, now: datetime) -> str:
    """How long ago that was, in the largest fitting unit.

    >>> age_of("2026-01-01T00:00:00+00:00", datetime(2026, 1, 1, 6, 30, tzinfo=UTC))
    '6 h'
    """
    seconds = max(0.0, (now - datetime.fromisoformat(since)).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
