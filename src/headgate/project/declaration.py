"""What a gate file declares, as plain records without judgement.

Whether an expectation exists and what its arguments mean is for ``gates`` to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from headgate.project.pii import NO_PII, Pii

Severity = Literal["fail", "warn"]
OnFail = Literal["block", "quarantine"]

DIMENSIONS = ("completeness", "accuracy", "consistency", "uniqueness", "timeliness", "validity")
SEVERITIES = ("fail", "warn")
ON_FAIL = ("block", "quarantine")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the project something stands.

    ``line`` counts from 1, or is unknown; ``index`` counts a suite's expectations from 0, since a suite may
    be one long line.

    >>> str(Place("gates/raw.yml", 4)), str(Place("gates/suites/a.json", 1, 12))
    ('gates/raw.yml:4', 'gates/suites/a.json:1 (expectations[12])')
    """

    file: str
    line: int | None = None
    index: int | None = None

    @property
    def key(self) -> str | None:
        """The key to show in an error about this place."""
        return None if self.index is None else f"expectations[{self.index}]"

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return place if self.key is None else f"{place} ({self.key})"


@dataclass(frozen=True, slots=True)
class Bound:
    """So many rows, or such a share of a table, at most.

    >>> Bound.parse(500).allows(501, of=1_000_000), Bound.parse("1%").allows(10, of=1_000)
    (False, True)
    >>> str(Bound.parse(500)), str(Bound.parse(0.025))
    ('500 rows', '2.5 %')
    """

    rows: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, value: Any) -> Bound:
        """Read a whole number of rows, a share from 0.0 to 1.0, or a share such as ``2.5%``.

        Raises:
            ValueError: it is none of these.
        """
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return cls(rows=value)
        share = value
        if isinstance(value, str) and value.rstrip().endswith("%"):
            try:
                share = float(value.rstrip()[:-1]) / 100
            except ValueError:
                share = None
        if isinstance(share, float) and math.isfinite(share) and 0 <= share <= 1:
            return cls(share=share)
        raise ValueError("write a whole number of rows, or a share as 0.01 or 1%")

    def allows(self, rows: int, *, of: int) -> bool:
        """Whether ``rows`` of so many are not too many."""
        if self.rows is not None:
            return rows <= self.rows
        return rows <= (self.share or 0.0) * of

    def __str__(self) -> str:
        return f"{self.rows:,} rows" if self.rows is not None else f"{(self.share or 0.0) * 100:.6g} %"


@dataclass(frozen=True, slots=True)
class Declared:
    """One expectation as it was written down, by its name and arguments."""

    type: str
    kwargs: dict[str, Any]
    place: Place
    id: str | None = None
    severity: Severity = "fail"
    dimension: str | None = None
    on_fail: OnFail = "block"
    description: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GateFile:
    """The expectations of one layer, by table, in the order in which they were written; and what is tagged ``pii``.

    ``max_quarantine`` has the tables that say for themselves how many of their rows may be in quarantine.
    """

    layer: str
    tables: dict[str, tuple[Declared, ...]]
    pii: Pii = NO_PII
    max_quarantine: Mapping[str, Bound] = field(default_factory=dict)

    def with_more(self, others: Iterable[tuple[str, Declared]]) -> GateFile:
        """The same, and after them expectations that were declared elsewhere, each with its table."""
        tables = dict(self.tables)
        for table, declared in others:
            tables[table] = (*tables.get(table, ()), declared)
        return replace(self, tables=tables)

    def only(self, table: str, *, layer: str, called: str) -> GateFile:
        """What is said of one table, as of the table ``called`` in ``layer``."""
        said = {called: self.pii.tables[table]} if table in self.pii.tables else {}
        return GateFile(layer, {called: self.tables.get(table, ())}, Pii(said, self.pii.everywhere))
