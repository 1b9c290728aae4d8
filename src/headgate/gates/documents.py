"""The expectation on texts that hold documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.gates.columns import ColumnExpectation
from headgate.gates.expectation import expectation
from headgate.gates.relation import Checked
from headgate.gates.statistics import Known
from headgate.gates.values import UnusableError

if TYPE_CHECKING:
    from sqlglot import exp


@expectation("valid_json", dimension="validity")
@dataclass(frozen=True)
class ValidJson(ColumnExpectation):
    """Every text is JSON."""

    def require(self, on: Checked) -> None:
        """Only texts can be JSON."""
        super().require(on)
        type_ = on.column(self.column).type
        if type_ not in ("VARCHAR", "JSON"):
            raise UnusableError(f"{self.column} holds {type_}: only texts can be JSON")

    def unexpected(self, on: Checked) -> exp.Expr:
        """A text that is none."""
        from sqlglot import exp

        from headgate.gates import sql

        return sql.negated(exp.Anonymous(this="json_valid", expressions=[sql.column(self.column)]))

    def holds_within(self, on: Checked, known: Known) -> bool:
        """Bounds say nothing about what lies between."""
        return False
