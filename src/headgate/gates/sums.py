"""The expectation that two tables, or a table and its source, agree in a sum or a count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from headgate.gates import arguments
from headgate.gates.aggregates import SumBetween, of_values
from headgate.gates.arguments import argument
from headgate.gates.expectation import (
    AggregateExpectation,
    Ask,
    Dimension,
    ExpectationClass,
    Measured,
    ReportExpectation,
    RowCounter,
    TableExpectation,
    Verdict,
    expectation,
)
from headgate.gates.relation import Checked
from headgate.gates.values import NUMBERS, UnusableError, json_safe

if TYPE_CHECKING:
    from sqlglot import exp

#: Stands for the source of a raw table where another table can be named.
SOURCE = "source"
#: What says something of two tables, or of some of the rows.
_NOT_OF_SOURCE = ("to_column", "group_by", "to_group_by", "row_condition")
#: A decimal of the lake has no more digits.
_LONGEST = 38
#: So many groups that differ are shown.
SHOWN = 20
_SIDES, _GROUPS = "sides", "groups"


@expectation("sums_match", dimension="consistency")
@dataclass(frozen=True)
class SumsMatch(ReportExpectation):
    """The sum of a column, or the number of rows, equals another table's, in every group if there are groups."""

    to: tuple[str, ...] = argument(arguments.dotted)
    column: str | None = argument(arguments.name, default=None)
    to_column: str | None = argument(arguments.name, default=None)
    group_by: tuple[str, ...] = argument(arguments.some_names, default=())
    to_group_by: tuple[str, ...] = argument(arguments.some_names, default=())
    tolerance: float = argument(arguments.no_less_than_zero, default=0.0)

    @classmethod
    def meant_by(cls, written: Mapping[str, Any]) -> ExpectationClass:
        """With ``source``, the table's own source is meant; a table of that name is written with its layer."""
        if written.get("to") != SOURCE:
            return cls
        for key in _NOT_OF_SOURCE:
            if written.get(key) is not None:
                what = f"cannot be said with to: {SOURCE}, which is asked for one total of all its rows"
                hint = "leave it out, or compare with a table of the lake, to: layer.table"
                raise arguments.ArgumentError(key, what, hint)
        return RowsMatchSource if written.get("column") is None else SumMatchesSource

    def __post_init__(self) -> None:
        if self.to_column is not None and self.column is None:
            raise arguments.ArgumentError("to_column", "is of no use without column")
        if self.to_group_by and len(self.to_group_by) != len(self.group_by):
            raise arguments.ArgumentError("to_group_by", "must name as many columns as group_by")

    def others(self) -> tuple[tuple[str, ...], ...]:
        """The other table."""
        return (self.to,)

    def columns(self) -> tuple[str, ...]:
        """The groups' columns and the one that is added up."""
        return (*self.group_by, *([self.column] if self.column is not None else []))

    def require(self, on: Checked) -> None:
        """Both tables must have the columns, and numbers in those that are added up."""
        super().require(on)
        other = on.others[".".join(self.to)]
        for name in self.to_group_by or self.group_by:
            other.column(name)
        for relation, added in ((on, self.column), (other, self.to_column or self.column)):
            if added is not None and relation.kind(added) not in NUMBERS:
                type_ = relation.column(added).type
                raise UnusableError(f"{relation.title}: {added} holds {type_}: only numbers add up")

    def report(self, on: Checked, ask: Ask) -> Verdict:
        """Compare the groups; without any, the whole tables are one."""
        from sqlglot import exp

        from headgate.gates import sql

        here, there = (sql.column(side, _GROUPS) for side in ("self", "other"))
        distance = exp.Abs(this=exp.Sub(this=here, expression=there))
        limit = exp.Literal.number(repr(self.tolerance))
        apart = exp.GT(this=distance, expression=limit)
        groups = self._groups(on).subquery(exp.to_identifier(_GROUPS, quoted=True))
        if not self.group_by:
            ((ours, theirs, differ),) = ask(exp.select(here.copy(), there.copy(), apart).from_(groups))
            return Verdict(not differ, {"self": ours, "other": theirs})
        counts = exp.select(exp.Count(this=exp.Star()), exp.CountIf(this=apart)).from_(groups.copy())
        ((total, differing),) = ask(counts)
        examples: tuple[Any, ...] = ()
        if differing:
            order = [sql.column(f"g{i}", _GROUPS) for i in range(len(self.group_by))]
            rows = ask(exp.select("*").from_(groups).where(apart.copy()).order_by(*order).limit(SHOWN))
            names = [*self.group_by, "self", "other"]
            examples = tuple(json_safe(dict(zip(names, row, strict=True))) for row in rows)
        return Verdict(not differing, None, total, 0, differing, examples=examples)

    def _groups(self, on: Checked) -> exp.Select:
        """Each group's columns, its sum here and its sum there; what is not there adds up to 0."""
        from sqlglot import exp

        from headgate.gates import sql

        other = on.others[".".join(self.to)]
        sides = [
            self._side(on, self.column, self.group_by, "self"),
            self._side(other, self.to_column or self.column, self.to_group_by or self.group_by, "other"),
        ]
        both = exp.union(*sides, distinct=False).subquery(exp.to_identifier(_SIDES, quoted=True))
        keys = [sql.column(f"g{i}", _SIDES) for i in range(len(self.group_by))]
        sums = [exp.alias_(exp.Sum(this=sql.column(side, _SIDES)), side, quoted=True) for side in ("self", "other")]
        found = exp.select(*keys, *sums).from_(both)
        return found.group_by(*(key.copy() for key in keys)) if keys else found

    def _side(self, relation: Checked, column: str | None, group_by: tuple[str, ...], side: str) -> exp.Select:
        from sqlglot import exp

        from headgate.gates import sql

        keys = [exp.alias_(sql.column(name), f"g{i}", quoted=True) for i, name in enumerate(group_by)]
        total: exp.Expr = exp.Count(this=exp.Star())
        if column is not None:
            total = of_values(relation, column, exp.Sum(this=sql.column(column)))
        zero = exp.Literal.number(0)
        known = exp.Coalesce(this=total, expressions=[zero])
        both = [exp.alias_(known if side == name else zero.copy(), name, quoted=True) for name in ("self", "other")]
        found = exp.select(*keys, *both).from_(sql.relation(relation))
        return found.group_by(*(sql.column(name) for name in group_by)) if group_by else found


@dataclass(frozen=True)
class RowsMatchSource(TableExpectation):
    """A raw table has as many rows as its source had when it was read."""

    to: str = argument(arguments.one_of(SOURCE))
    tolerance: float = argument(arguments.no_less_than_zero, default=0.0)

    type: ClassVar[str] = SumsMatch.type
    dimension: ClassVar[Dimension] = SumsMatch.dimension
    asks_source: ClassVar[bool] = True

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare all that raw holds, what is in quarantine too."""
        return _compared(on, Fraction(rows(on)), self.tolerance)


@dataclass(frozen=True)
class SumMatchesSource(AggregateExpectation):
    """A column of a raw table adds up to what it added up to in its source when it was read."""

    to: str = argument(arguments.one_of(SOURCE), kw_only=True)
    tolerance: float = argument(arguments.no_less_than_zero, default=0.0)

    type: ClassVar[str] = SumsMatch.type
    dimension: ClassVar[Dimension] = SumsMatch.dimension
    asks_source: ClassVar[bool] = True

    def require(self, on: Checked) -> None:
        """Numbers add up; floats do so in another way in each order, so that there must be a tolerance."""
        super().require(on)
        kind, type_ = on.kind(self.column), on.column(self.column).type
        if kind not in NUMBERS - {"boolean"}:
            raise UnusableError(f"{on.title}: {self.column} holds {type_}: only numbers add up")
        if kind == "float" and not self.tolerance:
            raise UnusableError(
                f"{on.title}: {self.column} holds {type_}, whose sum depends on the order in which it is added up: "
                "say which tolerance it may have"
            )

    def key(self, on: Checked) -> str | None:
        """What is measured is what the expectation on a sum measures."""
        return SumBetween(column=self.column).key(on)

    def aggregate(self, on: Checked) -> exp.Expr:
        """The sum."""
        return SumBetween(column=self.column).aggregate(on)

    def joining(self, on: Checked) -> Callable[[Iterable[int]], int] | None:
        """The sum of the sums, of whole numbers."""
        return SumBetween(column=self.column).joining(on)

    def judge(self, on: Checked, found: Measured) -> Verdict:
        """Compare all that raw holds, what is in quarantine too."""
        return _compared(on, _exactly(found.value or 0), self.tolerance)


def _compared(on: Checked, shown: Fraction, tolerance: float) -> Verdict:
    """The verdict on what raw shows, and hides in quarantine, against what its source told."""
    assert on.at_source is not None  # noqa: S101 - the gate asked for it
    ours, theirs = shown + _exactly(on.at_source.hidden), _exactly(on.at_source.told)
    apart = abs(ours - theirs)
    return Verdict(apart <= Fraction(repr(tolerance)), {"self": _plain(ours), SOURCE: _plain(theirs)})


def _plain(number: Fraction) -> int | Decimal | float:
    """As results show it: a whole number, a decimal if it is a short one, or a float.

    >>> _plain(Fraction("12.50")), _plain(Fraction(3)), _plain(Fraction(0.1))
    (Decimal('12.5'), 3, 0.1)
    """
    if number.denominator == 1:
        return number.numerator
    short = Context(prec=_LONGEST).divide(number.numerator, number.denominator)
    return short if Fraction(short) == number else float(number)


def _exactly(number: int | float | Decimal | str) -> Fraction:
    """A number, or the text of one, without any rounding.

    Raises:
        UnusableError: it is not finite.
    """
    try:
        return Fraction(number)
    except (ValueError, OverflowError) as error:
        raise UnusableError(f"the sum is {number}, which compares with nothing") from error
