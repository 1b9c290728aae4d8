"""Expectations on the distinct values of a column: how many there are, which, and which is the most common."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from headgate.gates import arguments
from headgate.gates.aggregates import BetweenExpectation, of_values
from headgate.gates.arguments import argument
from headgate.gates.columns import InSet
from headgate.gates.expectation import Ask, Measured, ReportExpectation, Verdict, expectation
from headgate.gates.relation import Checked
from headgate.gates.statistics import Known
from headgate.gates.values import MOMENTS, NUMBERS, Kind, json_safe, moment, number, uuid_text

if TYPE_CHECKING:
    from sqlglot import exp

#: As many unexpected or missing values as Great Expectations shows.
SHOWN = 20
#: So many values that are equally common are shown.
TIES = 100


@dataclass(frozen=True)
class DistinctBetween(BetweenExpectation):
    """Something about the number of distinct values lies between two numbers."""

    reveals: ClassVar[bool] = False
    alone: ClassVar[bool] = True  # a dozen exact distinct counts take twice as long in one query
    kinds: ClassVar[frozenset[Kind]] = frozenset()

    def aggregate(self, on: Checked) -> exp.Expr:
        """How many distinct values there are."""
        from sqlglot import exp

        from headgate.gates import sql

        return of_values(on, self.column, exp.Count(this=exp.Distinct(expressions=[sql.column(self.column)])))

    def proves(self, on: Checked, files: Sequence[tuple[int, Known]]) -> Measured | None:
        """No values at all, or one and the same everywhere."""
        rows, missing = sum(rows for rows, _ in files), sum(known.missing for _, known in files)
        ends = [(known.low, known.high) for _, known in files if not known.empty]
        if not ends:
            return Measured(rows, missing, 0)
        if ends[0][0] is not None and len({end for both in ends for end in both}) == 1:
            return Measured(rows, missing, 1)
        return None


@expectation("expect_column_unique_value_count_to_be_between", dimension="uniqueness")
@dataclass(frozen=True)
class UniqueCountBetween(DistinctBetween):
    """The number of distinct values."""

    def compared(self, on: Checked) -> Kind:
        """A whole number."""
        return "integer"


@expectation("expect_column_proportion_of_unique_values_to_be_between", dimension="uniqueness")
@dataclass(frozen=True)
class UniqueShareBetween(DistinctBetween):
    """The number of distinct values, as a share of the rows that hold a value; 0 of none."""

    def compared(self, on: Checked) -> Kind:
        """A share is a float."""
        return "float"

    def value(self, on: Checked, found: Measured) -> Any:
        """The share."""
        return found.value / found.present if found.present else 0


@dataclass(frozen=True)
class ValueSetExpectation(ReportExpectation):
    """Compares a column's distinct values with a set."""

    column: str = argument(arguments.name)
    value_set: tuple[Any, ...] = argument(arguments.value_list)

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def among(self) -> InSet:
        """That values are in the set, of each row."""
        return InSet(column=self.column, value_set=self.value_set)

    def require(self, on: Checked) -> None:
        """Every value of the set must make sense for the column's type."""
        self.among().require(on)

    def compare(self, on: Checked, ask: Ask) -> tuple[int, list[Any], list[Any]]:
        """How many distinct values are not in the set, the first of them, and the set's values that are not there."""
        from sqlglot import exp

        from headgate.gates import sql

        among, kind = self.among().among(on) or exp.false(), on.kind(self.column)
        present = sql.is_present(self.column, kind)
        inside = exp.Where(this=sql.every([present, sql.present_and(self.column, kind, among.copy())]))
        outside = exp.Where(this=sql.every([present.copy(), sql.negated(exp.paren(among))]))
        column = sql.column(self.column)
        first = exp.Anonymous(this="min", expressions=[column.copy(), exp.Literal.number(SHOWN)])
        values = exp.select(column.copy()).distinct().from_(sql.relation(on))
        ((count, shown, found),) = ask(
            exp.select(
                exp.Filter(this=exp.Count(this=exp.Star()), expression=outside),
                exp.Filter(this=first, expression=outside.copy()),
                exp.Filter(this=exp.Anonymous(this="list", expressions=[column.copy()]), expression=inside),
            ).from_(values.subquery(exp.to_identifier(sql.CHECKED, quoted=True)))
        )
        there = {comparable(value, kind) for value in found or []}
        wanted: dict[Any, Any] = {}
        for value in self.value_set:
            key = comparable(value, kind)
            wanted.setdefault(value if key is None else key, value)  # what is equal counts once
        missing = [value for value in wanted.values() if comparable(value, kind) not in there]
        return count, list(shown or []), missing


@expectation("expect_column_distinct_values_to_be_in_set", dimension="validity")
@dataclass(frozen=True)
class DistinctInSet(ValueSetExpectation):
    """Every distinct value is one of a set."""

    def __post_init__(self) -> None:
        if not self.value_set:
            raise arguments.ArgumentError("value_set", "must hold at least one value")

    def proves(self, on: Checked, files: Sequence[tuple[int, Mapping[str, Known]]]) -> Verdict | None:
        """In no file can a value lie outside."""
        rule = self.among()
        if all(rule.proves(on, rows, known) is not None for rows, known in files):
            return Verdict(True, unexpected_count=0)
        return None

    def report(self, on: Checked, ask: Ask) -> Verdict:
        """Which are not."""
        count, shown, _ = self.compare(on, ask)
        return Verdict(count == 0, unexpected_count=count, examples=tuple(json_safe(shown)))


@expectation("expect_column_distinct_values_to_contain_set", dimension="completeness")
@dataclass(frozen=True)
class DistinctContainSet(ValueSetExpectation):
    """Every value of a set occurs; ``missing_count`` says how many do not."""

    def report(self, on: Checked, ask: Ask) -> Verdict:
        """Which do not."""
        _, _, missing = self.compare(on, ask)
        return Verdict(not missing, missing_count=len(missing), details=_lacking(missing))


@expectation("expect_column_distinct_values_to_equal_set", dimension="validity")
@dataclass(frozen=True)
class DistinctEqualSet(ValueSetExpectation):
    """The distinct values are those of a set, all of them and no other."""

    def report(self, on: Checked, ask: Ask) -> Verdict:
        """What is too much, and what is missing."""
        count, shown, missing = self.compare(on, ask)
        success = count == 0 and not missing
        examples = tuple(json_safe(shown))
        return Verdict(success, None, None, len(missing), count, _lacking(missing), examples)


@expectation("expect_column_most_common_value_to_be_in_set", dimension="accuracy")
@dataclass(frozen=True)
class MostCommonInSet(ReportExpectation):
    """The most common value is one of a set; with ``ties_okay`` it is enough that one of several is."""

    column: str = argument(arguments.name)
    value_set: tuple[Any, ...] = argument(arguments.value_list)
    ties_okay: bool = argument(arguments.flag, default=False)

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def require(self, on: Checked) -> None:
        """Every value of the set must make sense for the column's type."""
        InSet(column=self.column, value_set=self.value_set).require(on)

    def report(self, on: Checked, ask: Ask) -> Verdict:
        """Count each value."""
        from sqlglot import exp

        from headgate.gates import sql

        kind, counted, ranking = on.kind(self.column), "counted", "ranked"
        count = exp.alias_(exp.Count(this=exp.Star()), "_headgate_n", quoted=True)
        groups = exp.select(sql.column(self.column), count).from_(sql.relation(on))
        groups = groups.where(sql.is_present(self.column, kind)).group_by(exp.Literal.number(1))
        most = exp.alias_(exp.Window(this=exp.Max(this=sql.column("_headgate_n", counted))), "most", quoted=True)
        ranked = exp.select(sql.column(self.column, counted), sql.column("_headgate_n", counted), most)
        ranked = ranked.from_(groups.subquery(exp.to_identifier(counted, quoted=True)))
        tied = (
            exp.select(sql.column(self.column, ranking))
            .from_(ranked.subquery(exp.to_identifier(ranking, quoted=True)))
            .where(exp.EQ(this=sql.column("_headgate_n", ranking), expression=sql.column("most", ranking)))
        )
        among = InSet(column=self.column, value_set=self.value_set).among(on) or exp.false()
        ties, inside = (
            exp.Window(this=each) for each in (exp.Count(this=exp.Star()), exp.CountIf(this=exp.paren(among)))
        )
        modes = exp.select(sql.column(self.column), ties, inside)
        modes = modes.from_(tied.subquery(exp.to_identifier(sql.CHECKED, quoted=True)))
        rows = ask(modes.order_by(exp.Literal.number(1)).limit(TIES))
        found, matching = rows[0][1:] if rows else (0, 0)
        details = {"ties": found} if found > TIES else {}
        success = matching > 0 if self.ties_okay else found == matching == 1
        return Verdict(success, [row[0] for row in rows], details=details)


def comparable(value: Any, kind: Kind) -> Any:
    """A value of a suite or a column of this kind, so that equal ones are equal; None if no such column can hold it.

    >>> comparable(1.0, "integer"), comparable("1", "integer"), comparable(float("inf"), "float")
    (1, None, inf)
    """
    if kind in NUMBERS:
        return value if isinstance(value, float) and math.isinf(value) else number(value)
    if kind in MOMENTS:
        return moment(value, kind)
    if kind == "uuid":
        return uuid_text(value)
    return value if isinstance(value, str) or kind != "text" else None


def _lacking(missing: Sequence[Any]) -> dict[str, Any]:
    return {"partial_missing_list": json_safe(missing[:SHOWN])}
