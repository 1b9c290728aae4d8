"""Expectations that compare rows with one another: uniqueness, and series without gaps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from headgate.gates import arguments, dense
from headgate.gates.arguments import argument
from headgate.gates.expectation import Ask, Counts, QueryExpectation, expectation
from headgate.gates.relation import Checked
from headgate.gates.values import MOMENTS, NANOSECONDS, UnusableError

if TYPE_CHECKING:
    from sqlglot import exp

    from headgate.gates.dense import Range

_STEP = re.compile(r"(\d+)\s*(day|hour|minute|second)s?")
#: Kinds of values of a fixed length, which the engine sorts quicker than it groups them if they hardly repeat.
_SORTED = frozenset({"integer", "decimal", "float"}) | MOMENTS
_SECONDS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


@expectation("expect_column_values_to_be_unique", dimension="uniqueness")
@dataclass(frozen=True)
class Unique(QueryExpectation):
    """No value occurs twice; rows without a value do not count. Every row of a repeated value is unexpected."""

    column: str = argument(arguments.name)

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def counts_nulls_of(self) -> str | None:
        """The one column."""
        return self.column if self.row_condition is None else None

    def counting(self, on: Checked) -> exp.Query:
        """Group by the value."""
        from headgate.gates import repeated

        return repeated.count_repeated(on, (self.column,), "any_value_is_missing")

    def quickest(self, on: Checked, ask: Ask) -> exp.Query:
        """By order if nearly each of the first values is another one; by their number if each is repeated there."""
        from headgate.gates import repeated

        if not repeated.is_worth_a_look(on):
            return self.counting(on)
        ((different, once),) = ask(repeated.different_at_the_beginning(on, self.column))
        if different >= repeated.MANY_DIFFERENT and on.kind(self.column) in _SORTED:
            return repeated.count_repeated_in_order(on, self.column)
        if different and not once:
            return repeated.count_if_all_are_repeated(on, self.column, different)
        return self.counting(on)

    def bounded(self, on: Checked) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def counting_densely(self, on: Checked, ranges: Mapping[str, Range]) -> exp.Query | None:
        """A bit for each value."""
        return dense.count_repeated(on, ranges)

    def offending(self, on: Checked) -> exp.Query:
        """The rows of every repeated value."""
        from headgate.gates import repeated

        return repeated.repeated_rows(on, (self.column,), "any_value_is_missing")

    def early_sample(self, on: Checked, counts: Counts) -> exp.Query | None:
        """Most often the first rows show enough."""
        return _early_repeated(on, (self.column,), "any_value_is_missing", counts)


@expectation("expect_compound_columns_to_be_unique", dimension="uniqueness")
@dataclass(frozen=True)
class CompoundUnique(QueryExpectation):
    """No combination of values occurs twice."""

    column_list: tuple[str, ...] = argument(arguments.several_names)
    ignore_row_if: str = argument(
        arguments.one_of("all_values_are_missing", "any_value_is_missing", "never"), default="all_values_are_missing"
    )

    def columns(self) -> tuple[str, ...]:
        """All of them."""
        return self.column_list

    def counting(self, on: Checked) -> exp.Query:
        """Group by the values."""
        from headgate.gates import repeated

        return repeated.count_repeated(on, self.column_list, self.ignore_row_if)

    def bounded(self, on: Checked) -> tuple[str, ...]:
        """All of them."""
        return self.column_list

    def counting_densely(self, on: Checked, ranges: Mapping[str, Range]) -> exp.Query | None:
        """A bit for each combination."""
        return dense.count_repeated(on, ranges)

    def offending(self, on: Checked) -> exp.Query:
        """The rows of every repeated combination."""
        from headgate.gates import repeated

        return repeated.repeated_rows(on, self.column_list, self.ignore_row_if)

    def early_sample(self, on: Checked, counts: Counts) -> exp.Query | None:
        """Most often the first rows show enough."""
        return _early_repeated(on, self.column_list, self.ignore_row_if, counts)


def _early_repeated(on: Checked, names: tuple[str, ...], ignore_row_if: str, counts: Counts) -> exp.Query:
    from headgate.gates import repeated

    if counts.unexpected == counts.elements - counts.missing:  # no value occurs once
        return repeated.first_rows(on, names, ignore_row_if)
    return repeated.repeated_among_first(on, names, ignore_row_if)


def step(value: Any) -> int | str:
    """A number of units or days, or a text such as ``15 minutes``.

    >>> step(1), step("15 minutes")
    (1, '15 minutes')
    """
    if isinstance(value, str):
        match = _STEP.fullmatch(value.strip())
        if match and int(match[1]) > 0:
            return str(value).strip()
    elif not isinstance(value, bool) and isinstance(value, int) and value > 0:
        return int(value)
    raise arguments.WrongValueError(
        f"must be a whole number above 0, or a text such as '1 day', not {arguments.shown(value)}"
    )


@expectation("continuous", dimension="completeness")
@dataclass(frozen=True)
class Continuous(QueryExpectation):
    """From a group's first value to its last, every step is there.

    The elements are the steps that there should be, the unexpected ones those that are not there.
    """

    column: str = argument(arguments.name)
    group_by: tuple[str, ...] = argument(arguments.some_names, default=())
    step: int | str = argument(step, default=1)

    counts_missing: ClassVar[bool] = False

    @property
    def names_rows(self) -> bool:
        """What is not there cannot be taken out."""
        return False

    def columns(self) -> tuple[str, ...]:
        """The groups' columns and the series."""
        return (*self.group_by, self.column)

    def require(self, on: Checked) -> None:
        """The series must be of whole numbers, days or times."""
        super().require(on)
        kind, type_ = on.kind(self.column), on.column(self.column).type
        if kind not in ("integer", "date", "timestamp", "timestamptz"):
            raise UnusableError(f"{self.column} holds {type_}: only whole numbers, dates and times can be continuous")
        self.stride(on)

    def stride(self, on: Checked) -> int:
        """The step in the units by which the column is counted: ones, days, microseconds or nanoseconds."""
        kind, second = on.kind(self.column), 1_000_000_000 if on.column(self.column).type == NANOSECONDS else 1_000_000
        if isinstance(self.step, int):
            return self.step * (86_400 * second if kind in ("timestamp", "timestamptz") else 1)
        match = _STEP.fullmatch(self.step)
        assert match is not None  # noqa: S101 - the argument was read by step()
        seconds = int(match[1]) * _SECONDS[match[2]]
        if kind == "integer":
            raise UnusableError(f"{self.column} holds whole numbers: step must be one, not {self.step!r}")
        if kind == "date":
            if seconds % 86_400:
                raise UnusableError(f"{self.column} holds dates: step must be whole days, not {self.step!r}")
            return seconds // 86_400
        return seconds * second

    def counting(self, on: Checked) -> exp.Query:
        """Compare each group's length with its span."""
        from headgate.gates import queries

        return queries.count_gaps(on, self.column, self.group_by, self.stride(on))

    def bounded(self, on: Checked) -> tuple[str, ...]:
        """The groups' columns and the series, if it is one of whole numbers or days, step by step."""
        return self.columns() if self.stride(on) == 1 and on.kind(self.column) in ("integer", "date") else ()

    def counting_densely(self, on: Checked, ranges: Mapping[str, Range]) -> exp.Query | None:
        """A bit for each step of each group."""
        return dense.count_gaps(on, self.column, self.group_by, ranges)

    def shown(self, on: Checked) -> tuple[str, ...]:
        """The group, the values around the gap, and how many are missing."""
        return ()

    def keeps_names(self, on: Checked) -> bool:
        """The values around the gap are called otherwise."""
        return False

    def offending(self, on: Checked) -> exp.Query:
        """Each gap: the values around it and how many are missing between."""
        from headgate.gates import queries

        return queries.gaps(on, self.column, self.group_by, self.stride(on))

    def samples(self, on: Checked, ranges: Mapping[str, Range] | None, limit: int) -> exp.Query:
        """The gaps of the first few groups that have any: each has at least one."""
        if not ranges or not self.group_by:
            return self.offending(on)
        from headgate.gates import queries

        among = dense.groups_with_gaps(on, self.column, self.group_by, ranges, limit)
        return queries.gaps(on, self.column, self.group_by, 1, among)
