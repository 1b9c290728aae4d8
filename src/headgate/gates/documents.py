"""The expectations on texts that hold documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.gates.columns import ColumnExpectation
from headgate.gates.expectation import expectation
from headgate.gates.relation import Checked
from headgate.gates.statistics import Known
from headgate.gates.values import DOCUMENTS, UnusableError

if TYPE_CHECKING:
    from sqlglot import exp

#: A text within JSON, after which only numbers, words and brackets are left.
_TEXTS = r'"(?:[^"\\]|\\.)*"'
#: What DuckDB takes for JSON and is none: a comma after the last item, a number that is none. Without flags, since
#: PostgreSQL has other ones.
_LAX = r",\s*[\]}]|[nN][aA][nN]|[iI][nN][fF]"
#: The words for such numbers that Python, and so Great Expectations, understands.
_PYTHON_NUMBERS = r"\bNaN\b|\bInfinity\b"
#: Half of a character: it stands for nothing, and Python reads it.
_HALVES = r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}"


@dataclass(frozen=True)
class JsonExpectation(ColumnExpectation):
    """Every text is JSON, as somebody understands it."""

    def require(self, on: Checked) -> None:
        """Only texts can be JSON."""
        super().require(on)
        type_ = on.column(self.column).type
        if on.kind(self.column) != "text" and type_ not in DOCUMENTS:
            raise UnusableError(f"{self.column} holds {type_}: only texts can be JSON")

    def text(self, on: Checked) -> exp.Expr:
        """The column as text."""
        from headgate.gates import sql

        return sql.written(on, self.column)

    def bare(self, on: Checked) -> exp.Expr:
        """The text without what is said in it."""
        return _replaced(self.text(on), _TEXTS, '""')

    def unexpected(self, on: Checked) -> exp.Expr:
        """A text that is none."""
        from sqlglot import exp

        from headgate.gates import sql

        valid = exp.Anonymous(this="json_valid", expressions=[self.text(on)])
        lax = exp.Anonymous(this="regexp_matches", expressions=[self.bare(on), exp.Literal.string(_LAX)])
        return exp.paren(sql.any_of([sql.negated(valid), lax]))

    def holds_within(self, on: Checked, known: Known) -> bool:
        """Bounds say nothing about what lies between."""
        return False


@expectation("valid_json", dimension="validity")
@dataclass(frozen=True)
class ValidJson(JsonExpectation):
    """Every text is JSON, as its standard has it (RFC 8259)."""


@expectation("expect_column_values_to_be_json_parseable", dimension="validity")
@dataclass(frozen=True)
class JsonParseable(JsonExpectation):
    """Every text is JSON that Python reads, with NaN, infinities and halves of characters."""

    def text(self, on: Checked) -> exp.Expr:
        """With a whole character in place of each half."""
        return _replaced(super().text(on), _HALVES, r"\\u0041")

    def bare(self, on: Checked) -> exp.Expr:
        """Also without the numbers that only Python knows."""
        return _replaced(_replaced(super().bare(on), "-NaN", "nan"), _PYTHON_NUMBERS, "0")


def _replaced(text: exp.Expr, regex: str, by: str) -> exp.Expr:
    from sqlglot import exp

    arguments = [text, *map(exp.Literal.string, (regex, by, "g"))]
    return exp.Anonymous(this="regexp_replace", expressions=arguments)
