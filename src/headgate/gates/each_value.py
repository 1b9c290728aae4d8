"""Expectations that Python judges: each distinct text of a column once, however often it occurs."""

from __future__ import annotations

import datetime as dt
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headgate.errors import MissingExtraError
from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.columns import ColumnExpectation
from headgate.gates.expectation import Counts, Read
from headgate.gates.relation import Checked
from headgate.gates.statistics import Known
from headgate.gates.time_limit import in_time
from headgate.gates.values import DOCUMENTS, UnusableError

if TYPE_CHECKING:
    from sqlglot import exp

#: So many different values can be named in a query; of more it is only counted how many rows hold them.
NAMED = 100_000
#: Of more than so many times as many values as are shown, only as many are looked for.
MANY = 50
#: Whether a text is as expected.
Accepts = Callable[[str], bool]
#: A text that has to be judged, or null; in which file; how many rows of it hold it; how many of these hold a value.
Asked = tuple[str | None, str, int, int]


@dataclass(frozen=True, slots=True)
class Refused:
    """The values that are not as expected; the first ``NAMED`` of them."""

    values: tuple[str, ...]
    complete: bool


def not_installed(library: str) -> UnusableError:
    """A library is missing without which texts cannot be judged."""
    error = MissingExtraError(library, "texts")
    return UnusableError(f"{error.what}: {error.hint}")


@dataclass(frozen=True)
class EachValueExpectation(ColumnExpectation):
    """Asks a function about each text of ``column``; what SQL is sure about is not asked."""

    timeout: dt.timedelta | None = argument(arguments.time_limit, default=None, kw_only=True)  # noqa: RUF009 - a field

    @abstractmethod
    def acceptor(self) -> Accepts:
        """The function; it raises UnusableError where it cannot tell.

        Raises:
            UnusableError: the arguments do not say what is expected, or the library that knows is missing.
        """

    def sure_of(self, on: Checked) -> exp.Expr | None:
        """A condition that only texts meet which are as expected; None if there is none worth asking."""
        return None

    def time_limit(self) -> dt.timedelta | None:
        """As it was told."""
        return self.timeout

    def holds_within(self, on: Checked, known: Known) -> bool:
        """Bounds say nothing about what lies between."""
        return False

    def require(self, on: Checked) -> None:
        """Only texts are read, and somebody must be there who can."""
        super().require(on)
        type_ = on.column(self.column).type
        if on.kind(self.column) != "text" and type_ not in DOCUMENTS:
            raise UnusableError(f"{self.column} holds {type_}: only texts are read")
        self.acceptor()

    def asking(self, on: Checked, source: exp.Expr, file: exp.Expr) -> exp.Select:
        """The query for rows as ``Asked``, one text after the other; those that need not be judged count as null."""
        from sqlglot import exp

        text, sure = self.text(on), self.sure_of(on)
        asked = text if sure is None else exp.Case(ifs=[exp.If(this=sure, true=exp.null())], default=text)
        query = exp.select(asked, file, exp.Count(this=exp.Star()), exp.Count(this=text.copy())).from_(source)
        chosen = self.chosen(on)
        query = query if chosen is None else query.where(chosen)
        return query.group_by(exp.Literal.number(1), exp.Literal.number(2)).order_by(exp.Literal.number(1))

    def judged(self, asked: Iterable[Asked]) -> tuple[dict[str, Counts], Refused]:
        """What the function says of the texts: the counts of each file in which there are rows, and what it refuses.

        Raises:
            UnusableError: it cannot tell, or not in time.
        """
        accepts = self.acceptor()
        found: dict[str, list[int]] = {}
        values: list[str] = []
        last, refused, complete = None, False, True
        for text, file, rows, present in in_time(asked, self.timeout):
            if text is not None and text != last:
                last, refused = text, not accepts(text)
                complete = complete and (not refused or len(values) < NAMED)
                if refused and complete:
                    values.append(text)
            counts = found.setdefault(file, [0, 0, 0])
            counts[0] += rows
            counts[1] += rows - present
            counts[2] += rows if refused and text is not None else 0
        return {file: Counts(*counts) for file, counts in found.items()}, Refused(tuple(values), complete)

    def look_up(self, on: Checked, read: Read) -> Refused:
        """Judge the values of the whole relation."""
        from sqlglot import exp

        from headgate.gates import sql

        _, refused = self.judged(read(self.asking(on, sql.relation(on), exp.Literal.string(""))))
        return refused

    def unexpected(self, on: Checked) -> exp.Expr:
        """One of the refused values.

        Raises:
            UnusableError: there are too many.
        """
        from sqlglot import exp

        from headgate.gates import sql

        refused = on.found
        assert isinstance(refused, Refused)  # noqa: S101 - whoever asks has looked it up
        if not refused.complete:
            raise UnusableError(f"more than {NAMED:,} different values are not as expected: too many to ask for")
        if not refused.values:
            return exp.false()
        text = self.text(on)
        if any("\0" in value for value in refused.values):  # DuckLake looks for the files of such constants, and fails
            text = exp.DPipe(this=text, expression=exp.Literal.string(""))
        return exp.In(this=text, expressions=[sql.text_constant(value) for value in refused.values])

    def sampled(self, on: Checked, limit: int) -> Checked:
        """As if as many values as are shown were all that are refused, where there are many."""
        refused = on.found
        assert isinstance(refused, Refused)  # noqa: S101 - whoever asks has looked it up
        if len(refused.values) <= MANY * limit:
            return on
        return replace(on, found=Refused(refused.values[:limit], complete=True))

    def text(self, on: Checked) -> exp.Expr:
        """The column as text."""
        from headgate.gates import sql

        return sql.written(on, self.column)
