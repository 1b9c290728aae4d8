"""Expectations on two or more columns of one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING, Any

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import Counts, RowExpectation, expectation
from headgate.gates.relation import Checked
from headgate.gates.statistics import Known
from headgate.gates.values import NUMBERS, UnusableError

if TYPE_CHECKING:
    from sqlglot import exp

#: Dates and times without a zone compare with one another; with a zone only among themselves.
_WITHOUT_ZONE = frozenset({"date", "timestamp"})


@dataclass(frozen=True)
class PairExpectation(RowExpectation):
    """Says of two values of a row whether they are as expected together."""

    column_A: str = argument(arguments.name)  # noqa: N815 - Great Expectations' name
    column_B: str = argument(arguments.name)  # noqa: N815 - Great Expectations' name
    ignore_row_if: str = argument(
        arguments.one_of("both_values_are_missing", "either_value_is_missing", "neither"),
        default="both_values_are_missing",
        kw_only=True,
    )

    def columns(self) -> tuple[str, ...]:
        """Both."""
        return (self.column_A, self.column_B)

    def missing(self, on: Checked) -> exp.Expr | None:
        """Rows that are told to be ignored."""
        return _ignored(on, self.columns(), self.ignore_row_if)

    def proves(self, on: Checked, rows: int, known: Mapping[str, Known]) -> Counts | None:
        """Every row is ignored."""
        return _all_ignored(rows, list(known.values()), self.ignore_row_if)


@expectation("expect_column_pair_values_to_be_equal", dimension="consistency")
@dataclass(frozen=True)
class PairEqual(PairExpectation):
    """The two values are the same; a missing one equals nothing."""

    def unexpected(self, on: Checked) -> exp.Expr:
        """They differ, or one is missing."""
        from headgate.gates import sql

        same = _same(on, self.column_A, self.column_B, nulls=False)
        return _but_not(self.missing(on), sql.negated(same))


@expectation("expect_column_pair_values_a_to_be_greater_than_b", dimension="consistency")
@dataclass(frozen=True)
class PairGreater(PairExpectation):
    """The first value is greater than the second, or as great if ``or_equal``."""

    or_equal: bool = argument(arguments.flag, default=False, kw_only=True)

    def require(self, on: Checked) -> None:
        """They must be of a comparable kind."""
        super().require(on)
        if not _comparable(on, self.column_A, self.column_B):
            types = on.column(self.column_A).type, on.column(self.column_B).type
            raise UnusableError(f"{self.column_A} holds {types[0]}, but {self.column_B} holds {types[1]}")

    def unexpected(self, on: Checked) -> exp.Expr:
        """It is not, or one is missing."""
        from sqlglot import exp

        from headgate.gates import sql

        compare = exp.GTE if self.or_equal else exp.GT
        first, second = (_value(on, name) for name in self.columns())
        present = [sql.is_present(name, on.kind(name)) for name in self.columns()]
        greater = sql.every([*present, compare(this=first, expression=second)])
        return _but_not(self.missing(on), sql.negated(exp.paren(greater)))

    def proves(self, on: Checked, rows: int, known: Mapping[str, Known]) -> Counts | None:
        """There are two values in every row, and the least of the first is greater than the greatest second."""
        first, second = known[self.column_A], known[self.column_B]
        if rows and not first.missing and not second.missing and first.kind == second.kind:
            low, high = first.low, second.high
            if low is not None and high is not None and (low > high or (self.or_equal and low == high)):
                return Counts(rows, 0, 0)
        return super().proves(on, rows, known)


def value_pairs(value: Any) -> tuple[tuple[Any, Any], ...]:
    """A list of pairs of plain values; may be empty."""
    if not isinstance(value, list | tuple | set | frozenset):
        raise arguments.WrongValueError(f"must be a list of pairs, not {arguments.shown(value)}")
    for each in value:
        if not isinstance(each, list | tuple) or len(each) != 2:
            raise arguments.WrongValueError(f"must hold pairs of values, not {arguments.shown(each)}")
        arguments.value_list(each)
    return tuple((first, second) for first, second in value)


@expectation("expect_column_pair_values_to_be_in_set", dimension="consistency")
@dataclass(frozen=True)
class PairInSet(PairExpectation):
    """The two values are one of a set of pairs; a null in a pair is a missing value."""

    value_pairs_set: tuple[tuple[Any, Any], ...] = argument(value_pairs)

    def unexpected(self, on: Checked) -> exp.Expr:
        """They are none of them."""
        from sqlglot import exp

        from headgate.gates import sql

        seconds: dict[str, tuple[exp.Expr, list[exp.Expr]]] = {}
        for first, second in self.value_pairs_set:
            conditions = self._is(on, self.column_A, first), self._is(on, self.column_B, second)
            if conditions[0] is not None and conditions[1] is not None:
                known = seconds.setdefault(sql.text_of(conditions[0]), (conditions[0], []))
                known[1].append(conditions[1])
        among = [sql.every([first, exp.paren(sql.any_of(others))]) for first, others in seconds.values()]
        found = sql.surely(sql.any_of(among)) if among else exp.false()
        return _but_not(self.missing(on), sql.negated(found))

    def _is(self, on: Checked, name: str, value: Any) -> exp.Expr | None:
        """The condition that a column has a value of the set; None if it cannot have it."""
        from sqlglot import exp

        from headgate.gates import sql

        kind = on.kind(name)
        if value is None:
            return sql.is_missing(name, kind)
        constant = sql.literal(value, kind, on.column(name).type)
        return None if constant is None else exp.EQ(this=sql.column(name), expression=constant)


@dataclass(frozen=True)
class RecordExpectation(RowExpectation):
    """Says of several values of a row whether they are as expected together."""

    column_list: tuple[str, ...] = argument(arguments.several_names)
    ignore_row_if: str = argument(
        arguments.one_of("all_values_are_missing", "any_value_is_missing", "never"),
        default="all_values_are_missing",
        kw_only=True,
    )

    def columns(self) -> tuple[str, ...]:
        """All of them."""
        return self.column_list

    def missing(self, on: Checked) -> exp.Expr | None:
        """Rows that are told to be ignored."""
        return _ignored(on, self.column_list, self.ignore_row_if)

    def proves(self, on: Checked, rows: int, known: Mapping[str, Known]) -> Counts | None:
        """Every row is ignored."""
        return _all_ignored(rows, list(known.values()), self.ignore_row_if)


@expectation("expect_select_column_values_to_be_unique_within_record", dimension="uniqueness")
@dataclass(frozen=True)
class UniqueWithinRecord(RecordExpectation):
    """No two of the columns have the same value in a row; two missing values are the same."""

    def unexpected(self, on: Checked) -> exp.Expr:
        """Two are the same."""
        from headgate.gates import sql

        same = [_same(on, first, second, nulls=True) for first, second in combinations(self.column_list, 2)]
        return _but_not(self.missing(on), sql.any_of(same))


@expectation("expect_multicolumn_values_to_be_equal", dimension="consistency")
@dataclass(frozen=True)
class ValuesEqual(RecordExpectation):
    """All of the columns have the same value in a row; two missing values are the same."""

    def unexpected(self, on: Checked) -> exp.Expr:
        """One is another than the first."""
        from sqlglot import exp

        from headgate.gates import sql

        first, *others = self.column_list
        other = [sql.negated(_same(on, first, other, nulls=True)) for other in others]
        return _but_not(self.missing(on), exp.paren(sql.any_of(other)))


@expectation("expect_multicolumn_sum_to_equal", dimension="consistency")
@dataclass(frozen=True)
class SumEqual(RecordExpectation):
    """The values of several columns add up to a number; with a missing one among them they do not."""

    sum_total: float = argument(arguments.amount)

    def require(self, on: Checked) -> None:
        """Only numbers can be added."""
        super().require(on)
        for name in self.column_list:
            if on.kind(name) not in NUMBERS:
                raise UnusableError(f"{name} holds {on.column(name).type}: only numbers add up")

    def unexpected(self, on: Checked) -> exp.Expr:
        """They add up to something else."""
        from sqlglot import exp

        from headgate.gates import sql

        floats = any(on.kind(name) == "float" for name in self.column_list)
        terms = [self._term(on, name, floats=floats) for name in self.column_list]
        total = sql.float_constant(self.sum_total) if floats else sql.constant(Decimal(repr(self.sum_total)))
        added = reduce(lambda left, right: exp.Add(this=left, expression=right), terms)
        right = sql.surely(exp.EQ(this=added, expression=total))
        return _but_not(self.missing(on), sql.negated(right))

    def _term(self, on: Checked, name: str, *, floats: bool) -> exp.Expr:
        """A column as it is added: exactly, and wide enough, unless there are floats among them."""

        from headgate.gates import sql

        if not floats and on.kind(name) == "decimal":
            return sql.column(name)
        return sql.cast(sql.column(name), "DOUBLE" if floats else "HUGEINT")


def _ignored(on: Checked, names: Sequence[str], ignore_row_if: str) -> exp.Expr | None:
    """The condition of a row that does not count; None if all do."""
    from headgate.gates import sql

    missing = [sql.is_missing(name, on.kind(name)) for name in names]
    if ignore_row_if in ("never", "neither"):
        return None
    if ignore_row_if in ("any_value_is_missing", "either_value_is_missing"):
        return sql.any_of(missing)
    return sql.every(missing)


def _all_ignored(rows: int, known: Sequence[Known], ignore_row_if: str) -> Counts | None:
    """The counts of a file none of whose rows counts, if that is sure."""
    if ignore_row_if in ("never", "neither"):
        return Counts(0, 0, 0) if rows == 0 else None
    quantified = any if ignore_row_if in ("any_value_is_missing", "either_value_is_missing") else all
    return Counts(rows, rows, 0) if quantified(each.empty for each in known) else None


def _but_not(missing: exp.Expr | None, condition: exp.Expr) -> exp.Expr:
    from headgate.gates import sql

    return condition if missing is None else sql.every([sql.negated(missing), condition])


def _comparable(on: Checked, first: str, second: str) -> bool:
    """Whether values of the two columns compare: numbers do, and what is of one kind, and dates with times."""
    kinds = {on.kind(first), on.kind(second)}
    if kinds == {"other"}:
        return on.column(first).type == on.column(second).type
    return len(kinds) == 1 or kinds <= NUMBERS or kinds <= _WITHOUT_ZONE


def _same(on: Checked, first: str, second: str, *, nulls: bool) -> exp.Expr:
    """Two values are the same, true or false; two missing ones are if ``nulls``."""
    from sqlglot import exp

    from headgate.gates import sql

    missing = [sql.is_missing(name, on.kind(name)) for name in (first, second)]
    both = exp.paren(sql.every(missing))
    if not _comparable(on, first, second):
        return both if nulls else exp.false()
    present = [sql.negated(each.copy()) for each in missing]
    equal = exp.EQ(this=_value(on, first), expression=_value(on, second))
    same = exp.paren(sql.every([*present, equal]))
    return exp.paren(sql.any_of([both, same])) if nulls else same


def _value(on: Checked, name: str) -> exp.Expr:
    """A column as it compares with others: a boolean is a number."""

    from headgate.gates import sql

    column = sql.column(name)
    return sql.cast(column, "TINYINT") if on.kind(name) == "boolean" else column
