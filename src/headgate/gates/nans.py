"""How many values of a column of floats are NaN in a file: where there is none, the catalog's bounds are true.

Counting NaNs of a column costs less than any comparison, is done once for all expectations on it, and is remembered
of each file.
"""

from __future__ import annotations

from collections.abc import Iterable

from headgate.gates.columns import ColumnExpectation, NotNan
from headgate.gates.compilation import Check
from headgate.gates.memory import subject_of
from headgate.gates.outcome import Outcome
from headgate.gates.relation import Checked
from headgate.gates.result import How
from headgate.gates.sight import Sight
from headgate.gates.statistics import Nans
from headgate.lake.catalog import Column, DataFile


class NanCounts:
    """What is known of one table's NaNs: counted by this gate, or remembered from an earlier one."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self._scanned: dict[tuple[str, int], int] = {}
        self._keys: dict[int, str | None] = {}

    def of(self, on: Checked, file: DataFile) -> Nans:
        """How many there are in each column of a file."""
        return lambda column: self._count(on, file, column)

    def none_but_known(self, on: Checked, file: DataFile) -> Nans:
        """The same, if there were none where nobody counted."""
        return lambda column: self._count(on, file, column) or 0

    def how(self, on: Checked, file: DataFile, expectation: ColumnExpectation) -> How:
        """How those of an expectation's column came to be known; where nobody knows, nobody had to ask."""
        column = on.column(expectation.column)
        if (file.path, column.id) in self._scanned:
            return "scanned"
        return "proven" if self._count(on, file, column) is None else "remembered"

    def uncounted(self, on: Checked, expectation: ColumnExpectation, files: Iterable[DataFile]) -> list[DataFile]:
        """The files in which nobody has counted those of an expectation's column."""
        column = on.column(expectation.column)
        return [file for file in files if self._count(on, file, column) is None]

    def learn(self, counter: Outcome) -> None:
        """Take over what a counter has found."""
        expectation, on = counter.check.expectation, counter.relation
        assert isinstance(expectation, NotNan)  # noqa: S101 - the caller made it
        column = on.column(expectation.column)
        for path, counts in counter.by_file.items():
            self._scanned[path, column.id] = counts.unexpected

    def _count(self, on: Checked, file: DataFile, column: Column) -> int | None:
        counted = self._scanned.get((file.path, column.id))
        if counted is None and self._sight.knows_of(subject_of(file)):
            if column.id not in self._keys:
                self._keys[column.id] = NotNan(column=column.name).key(on)
            found = self._sight.fact(subject_of(file), self._keys[column.id])
            counted = None if found is None else found.unexpected
        return counted


def counter_for(column: str, waiting: Outcome) -> Outcome:
    """What counts the NaNs of a column, as an expectation beside the one that waits for it."""
    check = Check(waiting.check.table, "", waiting.check.dimension, NotNan(column=column), waiting.check.declared)
    return Outcome(check, waiting.on)
