"""Values of columns that are tagged ``pii`` are not told: not in examples, observed values, details or errors."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from headgate.errors import did_you_mean
from headgate.gates.expectation import CountedExpectation, Expectation, Verdict
from headgate.gates.relation import Checked, first_line
from headgate.gates.values import UnusableError, json_safe
from headgate.lake.engine import quiet
from headgate.project.pii import Pii

#: What stands before the mark of a hidden value.
HIDDEN = "•••"


class Masking:
    """Hides values in what one gate finds. Equal values get equal marks, which mean nothing elsewhere.

    A mark is a hash with a key that is drawn anew each time and kept nowhere, so that nobody can find the
    value by trying all that are possible.
    """

    def __init__(self, pii: Pii, layer: str) -> None:
        self._pii = pii
        self._layer = layer
        self._key = secrets.token_bytes(16)

    def require(self, on: Checked) -> None:
        """Every tag names a column that there is: a misspelt one would hide nothing.

        Raises:
            UnusableError: one does not.
        """
        named = self._pii.named(on.name)
        names = {name.casefold() for name in on.names} if named else set()
        for name in named:
            if name.casefold() not in names:
                hint = did_you_mean(name, on.names)
                raise UnusableError(f"pii says something of a column {name!r} that {on.title} has not: {hint}")

    def tagged(self, on: Checked) -> frozenset[str]:
        """The columns whose values are hidden."""
        if not self._pii.names:
            return frozenset()
        same = on.layer == self._layer
        return self._pii.of(on.name, on.names) if same else self._pii.of_earlier(on.names)

    def examples(self, expectation: Expectation, on: Checked, examples: Sequence[Any]) -> tuple[Any, ...]:
        """Examples of bad values or rows."""
        if not examples:
            return ()
        tagged = self.tagged(on)
        if isinstance(expectation, CountedExpectation):
            names = expectation.shown(on)
            if expectation.keeps_names(on):
                if len(names) == 1:
                    return tuple(self.value(each) if names[0] in tagged else each for each in examples)
                return tuple(
                    dict(zip(each, self.row(list(each), list(each.values()), tagged), strict=True)) for each in examples
                )
        return tuple(map(self.value, examples)) if self.touches(expectation, on) else tuple(examples)

    def verdict(self, expectation: Expectation, on: Checked, verdict: Verdict) -> Verdict:
        """What was observed; counts and shares stay."""
        if not expectation.reveals or not self.touches(expectation, on):
            return verdict
        return replace(
            verdict,
            observed_value=self.value(verdict.observed_value),
            details={name: self.value(each) for name, each in verdict.details.items()},
        )

    def row(self, names: Sequence[str], row: Sequence[Any], hidden: Collection[str]) -> list[Any]:
        """A row without the values of some columns; case does not matter in their names."""
        folded = {name.casefold() for name in hidden}
        return [self.value(each) if name.casefold() in folded else each for name, each in zip(names, row, strict=True)]

    def value(self, value: Any) -> Any:
        """A mark for each value, in lists and mappings too; what is not there stays nothing."""
        if value is None:
            return None
        if isinstance(value, Mapping):
            return {name: self.value(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(each) for each in value]
        text = repr(json_safe(value)).encode("utf-8", "surrogatepass")
        return f"{HIDDEN} {hashlib.blake2b(text, key=self._key, digest_size=3).hexdigest()}"

    def error(self, error: duckdb.Error, on: Checked | None) -> str:
        """What DuckDB says, unless it could quote a value that is hidden."""
        hidden = bool(self._pii.names) if on is None else self._in_reach(on)
        return (quiet(error) if hidden else None) or first_line(error)

    def touches(self, expectation: Expectation, on: Checked) -> bool:
        """Whether what it shows may come from a tagged column."""
        columns = expectation.columns()
        own = self.tagged(on) & set(columns) if columns else self.tagged(on)
        return bool(own) or any(map(self.tagged, on.others.values()))

    def _in_reach(self, on: Checked) -> bool:
        return any(self.tagged(each) for each in (on, *on.others.values()))
