"""Expectations on the order of rows: each value is compared with the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import QueryExpectation, expectation
from headgate.gates.relation import Checked
from headgate.gates.values import MOMENTS, NUMBERS, UnusableError
from headgate.lake.engine import LAKE

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class OrderExpectation(QueryExpectation):
    """No value goes the wrong way from the one before it; rows without a value are passed over."""

    column: str = argument(arguments.name)
    strictly: bool = argument(arguments.flag, default=False, kw_only=True)

    rises: ClassVar[bool]

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def require(self, on: Checked) -> None:
        """There must be an order of rows, and one of values."""
        super().require(on)
        kind, type_ = on.kind(self.column), on.column(self.column).type
        if kind not in (NUMBERS | MOMENTS) - {"boolean"}:
            raise UnusableError(f"{self.column} holds {type_}: only numbers, dates and times rise and fall")
        if on.alias == LAKE and not on.exact:
            raise UnusableError(f"{on.title} is a view, and its rows have no order")

    def counting(self, on: Checked) -> exp.Query:
        """Count what goes the wrong way."""
        from headgate.gates import queries

        return queries.count_out_of_order(on, self.column, rises=self.rises, strictly=self.strictly)

    def offending(self, on: Checked) -> exp.Query:
        """The rows that do."""
        from headgate.gates import queries

        return queries.out_of_order(on, self.column, rises=self.rises, strictly=self.strictly)


@expectation("expect_column_values_to_be_increasing", dimension="consistency")
@dataclass(frozen=True)
class Increasing(OrderExpectation):
    """No value is less than the one before it; nor equal to it, if ``strictly``."""

    rises: ClassVar[bool] = True


@expectation("expect_column_values_to_be_decreasing", dimension="consistency")
@dataclass(frozen=True)
class Decreasing(OrderExpectation):
    """No value is greater than the one before it; nor equal to it, if ``strictly``."""

    rises: ClassVar[bool] = False
