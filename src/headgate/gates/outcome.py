"""What one expectation came to, while it is being found out."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from headgate.gates.compilation import Check
from headgate.gates.expectation import ConditionalExpectation, Counts, Verdict
from headgate.gates.relation import Checked
from headgate.gates.result import How


@dataclass
class Outcome:
    """What one expectation came to, while it is being found out."""

    check: Check
    on: Checked | None = None
    verdict: Verdict | None = None
    error: str | None = None
    how: How = "proven"
    seconds: float = 0.0
    examples: tuple[Any, ...] = ()
    counts: Counts | None = None
    by_file: dict[str, Counts] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether it is still to be found out."""
        return self.error is None and self.verdict is None and self.counts is None

    @cached_property
    def key(self) -> str | None:
        """By what its counts are remembered."""
        return self.check.expectation.key(self.relation)

    @property
    def relation(self) -> Checked:
        """What is checked, together with the other relations that this expectation names."""
        assert self.on is not None  # noqa: S101 - without a relation there is an error, and nothing is asked
        return self.on

    @property
    def is_conditional(self) -> bool:
        """Whether only some rows are looked at."""
        expectation = self.check.expectation
        return isinstance(expectation, ConditionalExpectation) and expectation.row_condition is not None

    def came(self, how: How) -> None:
        """A part came about this way; the dearest way names the whole."""
        order: tuple[How, ...] = ("proven", "remembered", "scanned")
        self.how = max(self.how, how, key=order.index)
