"""Expectations that compare a table with what it was in an earlier release: the served one unless told otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import (
    Ask,
    Expectation,
    ReportExpectation,
    RowCounter,
    TableExpectation,
    Verdict,
    expectation,
)
from headgate.gates.relation import Checked
from headgate.gates.tables import RowCount
from headgate.gates.values import MOMENTS, NUMBERS, Kind, UnusableError

#: A bin that is empty on one side counts as this share: the logarithm of nothing is infinite.
LEAST_SHARE = 0.0001
#: More categories than this have no index that means anything.
MOST_CATEGORIES = 10_000
#: What is said where there is nothing to compare with.
NOTHING_EARLIER = {"earlier_release": "none holds this table"}


@dataclass(frozen=True)
class LooksBack(Expectation):
    """Compares with the served release, or the one of a number."""

    release: int | None = argument(arguments.release, default=None, kw_only=True)

    looks_back: ClassVar[bool] = True

    def compared_release(self) -> int | None:
        """As it was told."""
        return self.release


@expectation("schema_unchanged", dimension="consistency")
@dataclass(frozen=True)
class SchemaUnchanged(LooksBack, TableExpectation):
    """Columns and their types are those of the earlier release, in the same order."""

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare names and types."""
        now = {column.name: column.type for column in on.columns}
        if on.before is None:
            return Verdict(True, now, details=NOTHING_EARLIER)
        before = {column.name: column.type for column in on.before.columns}
        details: dict[str, Any] = {
            "added": [name for name in now if name not in before],
            "removed": [name for name in before if name not in now],
            "retyped": {
                name: {"before": type_, "now": now[name]}
                for name, type_ in before.items()
                if name in now and now[name] != type_
            },
            "reordered": list(now) != list(before) and set(now) == set(before),
        }
        return Verdict(list(now.items()) == list(before.items()), now, details={k: v for k, v in details.items() if v})


@expectation("row_count_change", dimension="completeness")
@dataclass(frozen=True)
class RowCountChange(LooksBack, RowCount):
    """The number of rows grew or shrank by no more than a share of what it was in the earlier release."""

    max_increase: float | None = argument(arguments.no_less_than_zero, default=None)
    max_decrease: float | None = argument(arguments.share, default=None)

    def __post_init__(self) -> None:
        if self.max_increase is None and self.max_decrease is None:
            raise arguments.ArgumentError("max_increase", "is required, or max_decrease")

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare; from nothing to something is an infinite increase."""
        now = rows(on)
        if on.before is None:
            return Verdict(True, details={"now": now, **NOTHING_EARLIER})
        before = rows(on.before)
        change = (now - before) / before if before else math.inf if now else 0.0
        below = self.max_increase is None or change <= self.max_increase
        above = self.max_decrease is None or -change <= self.max_decrease
        return Verdict(below and above, change, details={"before": before, "now": now})


@expectation("distribution_change", dimension="accuracy")
@dataclass(frozen=True)
class DistributionChange(LooksBack, ReportExpectation):
    """The values of a column are distributed as in the earlier release.

    The population stability index compares shares of rows, of numbers and times in as many bins as are
    equally full before, of texts and booleans by value; Kolmogorov-Smirnov's statistic is the greatest
    distance between the two cumulative distributions.
    """

    column: str = argument(arguments.name)
    max_psi: float | None = argument(arguments.no_less_than_zero, default=None)
    max_ks: float | None = argument(arguments.share, default=None)
    bins: int = argument(arguments.bins, default=10)

    reveals: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.max_psi is None and self.max_ks is None:
            raise arguments.ArgumentError("max_psi", "is required, or max_ks")

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def require(self, on: Checked) -> None:
        """The column must be there on both sides, of the same kind, and have an order for max_ks."""
        super().require(on)
        kind, type_ = on.kind(self.column), on.column(self.column).type
        if kind not in NUMBERS | MOMENTS | {"text"}:
            raise UnusableError(f"{self.column} holds {type_}, whose distribution cannot be compared")
        if self.max_ks is not None and not _ordered(kind):
            raise UnusableError(f"{self.column} holds {type_}: max_ks needs numbers, dates or times; use max_psi")
        earlier = "the served release" if self.release is None else f"release {self.release}"
        if on.before is not None and self.column in on.before.names and on.before.kind(self.column) != kind:
            before = on.before.column(self.column).type
            raise UnusableError(f"{self.column} holds {type_}, and held {before} in {earlier}")
        if on.before is not None and self.release is not None:
            on.before.column(self.column)  # to compare with this release is meant, so it must be possible

    def report(self, on: Checked, ask: Ask) -> Verdict:
        """Measure both sides."""
        if on.before is None or self.column not in on.before.names:
            return Verdict(True, details=NOTHING_EARLIER)
        counts = self._counts(on, on.before, ask)
        before, now = (sum(side) for side in zip(*counts, strict=True)) if counts else (0, 0)
        details: dict[str, Any] = {"before": before, "now": now}
        if not before or not now:
            return Verdict(before == now, details=details)
        observed: dict[str, float] = {}
        if self.max_psi is not None:
            observed["psi"] = stability_index([(b / before, n / now) for b, n in counts])
        if self.max_ks is not None:
            observed["ks"] = self._distance(on, on.before, before, now, ask)
        limits = {"psi": self.max_psi, "ks": self.max_ks}
        success = all(value <= (limits[name] or 0) for name, value in observed.items())
        return Verdict(success, observed, details=details)

    def _counts(self, on: Checked, before: Checked, ask: Ask) -> list[tuple[int, int]]:
        """How many values fall into each bin, before and now."""
        from headgate.gates import changes_sql

        if _ordered(on.kind(self.column)):
            edges = ask(changes_sql.edges(before, self.column, self.bins))[0][0] or []
            sides = [list(ask(changes_sql.up_to(side, self.column, edges))[0]) for side in (before, on)]
            steps = [[high - low for low, high in zip([0, *side], side, strict=False)] for side in sides]
            return list(zip(*steps, strict=True))
        rows = ask(changes_sql.frequencies(before, on, self.column).limit(MOST_CATEGORIES + 1))
        if len(rows) > MOST_CATEGORIES:
            raise UnusableError(f"{self.column} has more than {MOST_CATEGORIES:,} different values")
        return [(int(b), int(n)) for b, n in rows]

    def _distance(self, on: Checked, before: Checked, earlier: int, now: int, ask: Ask) -> float:
        from headgate.gates import changes_sql

        return float(ask(changes_sql.greatest_distance(before, on, self.column, earlier, now))[0][0])


def stability_index(shares: Sequence[tuple[float, float]]) -> float:
    """The population stability index of shares before and now.

    >>> round(stability_index([(0.5, 0.5), (0.5, 0.5)]), 6), round(stability_index([(0.5, 0.75), (0.5, 0.25)]), 6)
    (0.0, 0.274653)
    """
    floored = ((max(before, LEAST_SHARE), max(now, LEAST_SHARE)) for before, now in shares)
    return math.fsum((now - before) * math.log(now / before) for before, now in floored)


def _ordered(kind: Kind) -> bool:
    return kind in MOMENTS or (kind in NUMBERS and kind != "boolean")
