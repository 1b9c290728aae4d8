"""What an expectation is: its arguments, what it needs to know, and how it judges.

Five kinds, by what they must look at:

- :class:`TableExpectation` looks at columns and row counts, which the catalog knows;
- :class:`RowExpectation` says of each row whether it is missing or unexpected, so that it can be proven
  from statistics, remembered per file, and fused with others into one scan;
- :class:`QueryExpectation` counts rows with a query of its own, such as a uniqueness check;
- :class:`AggregateExpectation` looks at one number of a whole column, fused with others into one scan;
- :class:`ReportExpectation` looks at the few rows of a query of its own, or of several.

A new one is a frozen dataclass with ``@expectation("its_name", dimension=…)``, and nothing else.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, TypeVar

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.relation import Checked
from headgate.gates.statistics import Known
from headgate.lake.catalog import digest

if TYPE_CHECKING:
    from sqlglot import exp

    from headgate.gates.dense import Range

Dimension = Literal["completeness", "accuracy", "consistency", "uniqueness", "timeliness", "validity"]
#: Part of every remembered fact's key: raise it when the meaning of an expectation changes.
MEANING = 2

#: What matters for the verdict alone, and what is told apart by itself.
_NOT_IN_KEY = frozenset({"mostly", "row_condition", "condition_parser", "timeout"})

ExpectationClass: TypeAlias = "type[Expectation]"
RowCounter = Callable[[Checked], int]
Ask = Callable[["exp.Query"], list[tuple[Any, ...]]]
#: As ``Ask``, for any number of rows: they come one after the other.
Read = Callable[["exp.Query"], Iterable[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows were looked at, how many of them hold no value, how many are unexpected."""

    elements: int
    missing: int
    unexpected: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.elements + other.elements, self.missing + other.missing, self.unexpected + other.unexpected)


NOTHING = Counts(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an expectation came to; the numbers mean what Great Expectations means by them."""

    success: bool
    observed_value: Any = None
    element_count: int | None = None
    missing_count: int | None = None
    unexpected_count: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[Any, ...] = ()

    @property
    def unexpected_percent(self) -> float | None:
        """Of the rows that hold a value, 0 to 100; None if there are none."""
        considered = (self.element_count or 0) - (self.missing_count or 0)
        if self.unexpected_count is None or considered <= 0:
            return None
        return self.unexpected_count / considered * 100


@dataclass(frozen=True)
class Expectation(ABC):
    """One expectation with its arguments."""

    type: ClassVar[str]
    dimension: ClassVar[Dimension]
    #: Whether it compares with an earlier release; ``Checked.before`` then holds the table there, if there is one.
    looks_back: ClassVar[bool] = False
    #: Whether it asks how old the data is; ``Checked.changed`` then says when it became what it is.
    asks_age: ClassVar[bool] = False
    #: Whether it compares with the table's source; ``Checked.at_source`` then is the total there, of the rows or, if
    #: it has a column, of that one.
    asks_source: ClassVar[bool] = False
    #: Whether what it observes are values of its columns; counts, shares, names and types of columns are not.
    reveals: ClassVar[bool] = True

    @classmethod
    def meant_by(cls, written: Mapping[str, Any]) -> ExpectationClass:
        """The class that is meant by the arguments, where one name stands for several."""
        return cls

    def columns(self) -> tuple[str, ...]:
        """The columns that must exist."""
        return ()

    def compared_release(self) -> int | None:
        """The release that it compares with, if it looks back; None for the served one."""
        return None

    def time_limit(self) -> dt.timedelta | None:
        """How long its own query may take; None if it may take as long as it takes, or has none."""
        return None

    def others(self) -> tuple[tuple[str, ...], ...]:
        """The other relations that it looks at, as the author named them."""
        return ()

    def require(self, on: Checked) -> None:
        """Make sure that it can be checked on this relation.

        Raises:
            UnusableError: it cannot; the text says why, and what exists instead.
        """
        for name in self.columns():
            on.column(name)

    def key(self, on: Checked) -> str | None:
        """What a remembered result is remembered by, beside the data; None if none may be.

        ``mostly`` only matters for the verdict, not for the counts, and is left out.
        """
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _NOT_IN_KEY}
        used = [on.column(name) for name in self.columns()]
        others = {name: other.identity for name, other in on.others.items()}
        if None in others.values():
            return None
        return digest([MEANING, self.type, given, [(c.id, c.type, c.default) for c in used], others])

    def narrowed(self, on: Checked) -> Checked:
        """The relation as the expectation sees it.

        Raises:
            UnusableError: the condition of its rows does not fit the relation.
        """
        return on


class TableExpectation(Expectation):
    """Judged from columns and row counts."""

    reveals: ClassVar[bool] = False

    @abstractmethod
    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """The verdict; ``rows`` counts a relation's rows, ``scale`` is the fraction of a sample."""


@dataclass(frozen=True)
class ConditionalExpectation(Expectation):
    """May look at some rows only: those that meet ``row_condition``."""

    row_condition: str | Mapping[str, Any] | None = argument(arguments.text_or_mapping, default=None, kw_only=True)
    condition_parser: str | None = argument(
        arguments.one_of("duckdb", "spark", "pandas", "great_expectations"), default=None, kw_only=True
    )

    def understand(self) -> None:
        """Read the condition of the rows, if there is one.

        Raises:
            WrongValueError: it cannot be understood.
        """
        if self.row_condition is not None:
            from headgate.gates.row_conditions import parse_row_condition

            parse_row_condition(self.row_condition, self.condition_parser)

    def chosen(self, on: Checked) -> exp.Expr | None:
        """The condition, true or false, of the rows that are looked at; None if all are."""
        if self.row_condition is None:
            return None
        from headgate.gates.row_conditions import chosen_rows, parse_row_condition

        return chosen_rows(parse_row_condition(self.row_condition, self.condition_parser), on)

    def key(self, on: Checked) -> str | None:
        """Which rows are looked at is part of it; nothing is remembered if that depends on the clock."""
        return self.of_chosen(super().key(on), on)

    def of_chosen(self, key: str | None, on: Checked) -> str | None:
        """The key for what is true of the rows that are looked at."""
        if key is None or self.row_condition is None:
            return key
        from headgate.gates.conditions import columns_of, uses_clock
        from headgate.gates.row_conditions import parse_row_condition

        tree = parse_row_condition(self.row_condition, self.condition_parser)
        used = [on.column(name) for name in columns_of(tree, on).values()]
        written = [self.row_condition, self.condition_parser, [(c.id, c.type, c.default) for c in used]]
        return None if uses_clock(tree) else digest([key, written])

    def narrowed(self, on: Checked) -> Checked:
        """Other rows are not there, and were not there before."""
        rows = self.chosen(on)
        if rows is None:
            return on
        from headgate.gates import sql

        before = None if on.before is None else self.narrowed(on.before)
        return replace(on, where=sql.text_of(rows), before=before)


@dataclass(frozen=True)
class CountedExpectation(ConditionalExpectation):
    """Judged from counts of rows, of which a share, ``mostly``, must be as expected."""

    mostly: float = argument(arguments.share, default=1.0, kw_only=True)

    reveals: ClassVar[bool] = False
    #: Great Expectations does not report missing rows where missing is what is asked for.
    counts_missing: ClassVar[bool] = True

    @property
    def names_rows(self) -> bool:
        """Whether what is unexpected are rows of the table, so that each can be taken out of it."""
        return True

    def judge(self, counts: Counts, details: Mapping[str, Any] | None = None) -> Verdict:
        """The verdict: vacuously held if no row holds a value, as in Great Expectations."""
        considered = counts.elements - counts.missing
        success = considered <= 0 or (float(considered) - float(counts.unexpected)) / float(considered) >= self.mostly
        missing = counts.missing if self.counts_missing else None
        return Verdict(success, None, counts.elements, missing, counts.unexpected, details or {})

    def narrowed(self, on: Checked) -> Checked:
        """Every row is seen, and chosen one by one; the condition must fit all the same."""
        self.chosen(on)
        return on

    def look_up(self, on: Checked, read: Read) -> object:
        """What its queries depend on beside the arguments, which they find in ``on.found``; None if on nothing."""
        return None

    def shown(self, on: Checked) -> tuple[str, ...]:
        """The columns of an example, all if empty; a single one is shown as a value, several as a mapping."""
        return self.columns()

    def keeps_names(self, on: Checked) -> bool:
        """Whether each value of an example is called as the column that it comes from."""
        return True

    def example(self, value: Any) -> Any:
        """An unexpected value as an example shows it."""
        return value


@dataclass(frozen=True)
class RowExpectation(CountedExpectation):
    """Says of each row alone whether it is as expected."""

    def missing(self, on: Checked) -> exp.Expr | None:
        """The condition of a row that holds no value; None if there are no such rows."""
        return None

    @abstractmethod
    def unexpected(self, on: Checked) -> exp.Expr:
        """The condition of an unexpected row; never true of a missing one."""

    def proves(self, on: Checked, rows: int, known: Mapping[str, Known]) -> Counts | None:
        """The counts of a file of ``rows`` rows if what is known of its columns proves that none is unexpected."""
        return None

    def sampled(self, on: Checked, limit: int) -> Checked:
        """The relation in which ``limit`` unexpected rows, or all if there are fewer, are quick to find."""
        return on


@dataclass(frozen=True)
class QueryExpectation(CountedExpectation):
    """Needs a query of its own."""

    timeout: dt.timedelta | None = argument(arguments.time_limit, default=None, kw_only=True)  # noqa: RUF009 - a field

    #: Whether nothing is unexpected where there are no rows.
    holds_of_nothing: ClassVar[bool] = True

    def time_limit(self) -> dt.timedelta | None:
        """As it was told."""
        return self.timeout

    def narrowed(self, on: Checked) -> Checked:
        """Other rows are not there."""
        return ConditionalExpectation.narrowed(self, on)

    def counts_nulls_of(self) -> str | None:
        """The column of which its missing rows are all that hold no value; None if there is no such column."""
        return None

    @abstractmethod
    def counting(self, on: Checked) -> exp.Query:
        """The query that gives one row: elements, missing, unexpected."""

    def quickest(self, on: Checked, ask: Ask) -> exp.Query:
        """``counting``, or another query for the same if a look at the data tells that it is quicker.

        The third number of the other one may be null: then ``counting`` is asked.
        """
        return self.counting(on)

    def bounded(self, on: Checked) -> tuple[str, ...]:
        """The columns whose ranges must be known for ``counting_densely``; none if it cannot count so."""
        return ()

    def counting_densely(self, on: Checked, ranges: Mapping[str, Range]) -> exp.Query | None:
        """A quicker query for the same, whose third number may be null: then ``counting`` is asked."""
        return None

    @abstractmethod
    def offending(self, on: Checked) -> exp.Query:
        """The query that gives the offending rows."""

    def early_sample(self, on: Checked, counts: Counts) -> exp.Query | None:
        """A quick query for what is shown of ``offending``, of which these are the ``counts``.

        It gives its first rows, and may give too few although there are more.
        """
        return None

    def samples(self, on: Checked, ranges: Mapping[str, Range] | None, limit: int) -> exp.Query:
        """A query of which the first ``limit`` rows are those of ``offending``, and which may be quicker."""
        return self.offending(on)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a column: all rows, those without a value, and the aggregate of the others' values."""

    rows: int
    missing: int
    value: Any

    @property
    def present(self) -> int:
        """The number of rows that hold a value."""
        return self.rows - self.missing


@dataclass(frozen=True)
class AggregateExpectation(ConditionalExpectation):
    """Judged from one aggregate of the values of ``column``."""

    column: str = argument(arguments.name)

    #: Whether it is dear enough to be quicker in a query of its own.
    alone: ClassVar[bool] = False

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    @abstractmethod
    def aggregate(self, on: Checked) -> exp.Expr:
        """The aggregate, which sees no null and no NaN."""

    def proves(self, on: Checked, files: Sequence[tuple[int, Known]]) -> Measured | None:
        """What the statistics of all files, each with its number of rows, say for sure."""
        return None

    def joining(self, on: Checked) -> Callable[[Iterable[int]], int] | None:
        """What makes the table's aggregate of those of its files, exactly; None if nothing does."""
        return None

    @abstractmethod
    def judge(self, on: Checked, found: Measured) -> Verdict:
        """The verdict on what was measured."""


@dataclass(frozen=True)
class ReportExpectation(ConditionalExpectation):
    """Judged from the rows of its own queries, each of which may depend on what the one before found."""

    timeout: dt.timedelta | None = argument(arguments.time_limit, default=None, kw_only=True)  # noqa: RUF009 - a field

    def time_limit(self) -> dt.timedelta | None:
        """As it was told."""
        return self.timeout

    @abstractmethod
    def report(self, on: Checked, ask: Ask) -> Verdict:
        """The verdict; ``ask`` runs a query and gives its rows."""

    def proves(self, on: Checked, files: Sequence[tuple[int, Mapping[str, Known]]]) -> Verdict | None:
        """The verdict if the statistics of all files, each with its number of rows, prove it."""
        return None


Class = TypeVar("Class", bound=type[Expectation])
_REGISTRY: dict[str, type[Expectation]] = {}


def expectation(type_: str, *, dimension: Dimension) -> Callable[[Class], Class]:
    """Register a class under the name by which users write it."""

    def register(cls: Class) -> Class:
        cls.type = type_
        cls.dimension = dimension
        _REGISTRY[type_] = cls
        return cls

    return register


def registry() -> Mapping[str, type[Expectation]]:
    """All expectations by name."""
    from headgate.gates import (  # noqa: F401 - they register themselves
        aggregates,
        bad_rows,
        changes,
        columns,
        distinct,
        divergence,
        documents,
        ends,
        formats,
        freshness,
        json_schema,
        ordering,
        pairs,
        quantiles,
        ranges,
        rows,
        scores,
        several,
        sums,
        tables,
        texts,
        types,
    )

    return dict(sorted(_REGISTRY.items()))
