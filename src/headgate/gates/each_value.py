"""Expectations that Python judges: each distinct text of a column once, however often it occurs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.errors import MissingExtraError
from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import QueryExpectation, Read
from headgate.gates.relation import Checked
from headgate.gates.time_limit import in_time
from headgate.gates.values import UnusableError

if TYPE_CHECKING:
    from sqlglot import exp

#: So many different values can be named in a query; of more it is only counted how many rows hold them.
NAMED = 100_000
#: Whether a text is as expected.
Accepts = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Refused:
    """The number of rows whose value is not as expected, and these values; the first ``NAMED`` of them."""

    rows: int
    values: tuple[str, ...]
    complete: bool


def not_installed(library: str) -> UnusableError:
    """A library is missing without which texts cannot be judged."""
    error = MissingExtraError(library, "texts")
    return UnusableError(f"{error.what}: {error.hint}")


@dataclass(frozen=True)
class EachValueExpectation(QueryExpectation):
    """Asks a function about each text of ``column``; what SQL is sure about is not asked."""

    column: str = argument(arguments.name)

    @abstractmethod
    def acceptor(self) -> Accepts:
        """The function; it raises UnusableError where it cannot tell.

        Raises:
            UnusableError: the arguments do not say what is expected, or the library that knows is missing.
        """

    def sure_of(self, on: Checked) -> exp.Expr | None:
        """A condition that only texts meet which are as expected; None if there is none worth asking."""
        return None

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def counts_nulls_of(self) -> str | None:
        """The one column."""
        return self.column if self.row_condition is None else None

    def require(self, on: Checked) -> None:
        """Only texts are read, and somebody must be there who can."""
        super().require(on)
        type_ = on.column(self.column).type
        if on.kind(self.column) != "text" and type_ != "JSON":
            raise UnusableError(f"{self.column} holds {type_}: only texts are read")
        self.acceptor()

    def look_up(self, on: Checked, read: Read) -> Refused:
        """Judge the values."""
        from sqlglot import exp

        from headgate.gates import sql

        accepts = self.acceptor()
        rows, complete, values = 0, True, list[str]()
        sure, text = self.sure_of(on), self.text(on)
        asked: list[exp.Expr] = [exp.not_(exp.Is(this=text.copy(), expression=exp.null()))]
        asked += [] if sure is None else [exp.not_(exp.paren(sure))]
        query = exp.select(text, exp.Count(this=exp.Star())).from_(sql.relation(on)).where(*asked)
        found = read(query.group_by(exp.Literal.number(1)).order_by(exp.Literal.number(1)))
        for value, count in in_time(found, self.timeout):
            if not accepts(value):
                rows += count
                complete = len(values) < NAMED
                if complete:
                    values.append(value)
        return Refused(rows, tuple(values), complete)

    def counting(self, on: Checked) -> exp.Query:
        """The rows, those without a value, and what was found."""
        from sqlglot import exp

        from headgate.gates import sql

        every, present = exp.Count(this=exp.Star()), exp.Count(this=self.text(on))
        found = exp.Literal.number(self._found(on).rows)
        return exp.select(every, exp.Sub(this=every.copy(), expression=present), found).from_(sql.relation(on))

    def offending(self, on: Checked) -> exp.Query:
        """The rows with one of the refused values."""
        if not self._found(on).complete:
            raise UnusableError(f"more than {NAMED:,} different values are not as expected: too many to ask for")
        return self._with(on, self._found(on).values)

    def samples(self, on: Checked, ranges: object, limit: int) -> exp.Query:
        """The rows of as many values as are shown, where there are many."""
        values = self._found(on).values
        return self._with(on, values if len(values) <= 50 * limit else values[:limit])

    def text(self, on: Checked) -> exp.Expr:
        """The column as text."""
        from headgate.gates import sql

        column = sql.column(self.column)
        return column if on.kind(self.column) == "text" else sql.cast(column, "VARCHAR")

    def _with(self, on: Checked, values: Sequence[str]) -> exp.Query:
        from sqlglot import exp

        from headgate.gates import sql

        text = self.text(on)
        if any("\0" in value for value in values):  # DuckLake looks for the files of such constants, and fails
            text = exp.DPipe(this=text, expression=exp.Literal.string(""))
        among = exp.In(this=text, expressions=[sql.text_constant(value) for value in values])
        rows = exp.select(sql.all_columns()).where(among if values else exp.false())
        return sql.in_order(rows, on, (self.column,))

    def _found(self, on: Checked) -> Refused:
        assert isinstance(on.found, Refused)  # noqa: S101 - whoever asks has looked it up
        return on.found
