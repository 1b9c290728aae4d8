"""An author's own query, of which every row is a bad one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from string import Formatter
from typing import TYPE_CHECKING, Any, ClassVar

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import Counts, QueryExpectation, Verdict, expectation
from headgate.gates.relation import Checked

if TYPE_CHECKING:
    from sqlglot import exp


def query(value: Any) -> str:
    """A query in SQL in which ``{batch}`` stands for the table; other braces are written twice."""
    from headgate.gates.own_queries import parse_query

    text = arguments.text(value)
    try:
        fields = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise arguments.WrongValueError(f"has a brace too many: write {{{{ for a brace ({error})") from error
    if fields - {"batch"}:
        raise arguments.WrongValueError(f"may hold {{batch}} in braces, not {arguments.shown(sorted(fields))}")
    parse_query(text)
    return text


@expectation("unexpected_rows_expectation", dimension="validity")
@dataclass(frozen=True)
class UnexpectedRows(QueryExpectation):
    """A query of the author's gives no rows."""

    unexpected_rows_query: str = argument(query)

    counts_missing: ClassVar[bool] = False
    holds_of_nothing: ClassVar[bool] = False

    @property
    def names_rows(self) -> bool:
        """Only a query that gives whole rows says which they are."""
        from headgate.gates.own_queries import gives_whole_rows

        return gives_whole_rows(self.unexpected_rows_query)

    def others(self) -> tuple[tuple[str, ...], ...]:
        """The other tables that the query names."""
        from headgate.gates.own_queries import tables_of

        return tables_of(self.unexpected_rows_query)

    def key(self, on: Checked) -> str | None:
        """Nothing is remembered: it may look at whatever is in the lake."""
        return None

    def shown(self, on: Checked) -> tuple[str, ...]:
        """Whatever the query gives."""
        return ()

    def keeps_names(self, on: Checked) -> bool:
        """Only if the query renames and combines nothing."""
        from headgate.gates.own_queries import keeps_names

        return keeps_names(self.unexpected_rows_query, on.names)

    def judge(self, counts: Counts, details: Mapping[str, Any] | None = None) -> Verdict:
        """The number of bad rows is what was observed; none may be there unless ``mostly`` says so."""
        judged = super().judge(counts, details)
        success = counts.unexpected == 0 or (counts.elements > 0 and judged.success)
        return replace(judged, success=success, observed_value=counts.unexpected)

    def counting(self, on: Checked) -> exp.Query:
        """The table's rows, and the query's."""
        from sqlglot import exp

        from headgate.gates import sql

        def rows(of: exp.Expr) -> exp.Expr:
            return exp.select(exp.Count(this=exp.Star())).from_(of).subquery()

        found = self.offending(on).subquery(exp.to_identifier("offending", quoted=True))
        return exp.select(rows(sql.relation(on)), exp.Literal.number(0), rows(found))

    def offending(self, on: Checked) -> exp.Query:
        """The query itself."""
        from headgate.gates.own_queries import bound_query

        return bound_query(self.unexpected_rows_query, on)
