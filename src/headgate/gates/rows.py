"""Expectations on several columns of one row, and of one row against another table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import Counts, RowExpectation, expectation
from headgate.gates.relation import Checked
from headgate.gates.statistics import Known
from headgate.gates.values import NUMBERS, UnusableError
from headgate.lake.catalog import digest

if TYPE_CHECKING:
    from sqlglot import exp


@expectation("references", dimension="consistency")
@dataclass(frozen=True)
class References(RowExpectation):
    """Every combination of values is there in another table; a null among them refers to nothing, as in SQL."""

    fields: tuple[str, ...] = argument(arguments.some_names, written="columns")
    to: tuple[str, ...] = argument(arguments.dotted)
    to_fields: tuple[str, ...] = argument(arguments.some_names, written="to_columns", default=())

    def columns(self) -> tuple[str, ...]:
        """The referring columns."""
        return self.fields

    def others(self) -> tuple[tuple[str, ...], ...]:
        """The table referred to."""
        return (self.to,)

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns referred to; those of the same names unless said otherwise."""
        return self.to_fields or self.fields

    def require(self, on: Checked) -> None:
        """The columns referred to must exist, and be of a comparable kind."""
        super().require(on)
        if len(self.targets) != len(self.fields):
            raise UnusableError(f"{len(self.fields)} columns cannot refer to {len(self.targets)}")
        other = on.others[".".join(self.to)]
        for here, there in zip(self.fields, self.targets, strict=True):
            kinds = on.kind(here), other.kind(there)
            if kinds[0] != kinds[1] and not {*kinds} <= {"integer", "decimal", "float"}:
                types = on.column(here).type, other.column(there).type
                raise UnusableError(f"{here} holds {types[0]}, but {other.title}.{there} holds {types[1]}")

    def missing(self, on: Checked) -> exp.Expr | None:
        """Rows that refer to nothing."""
        from headgate.gates import sql

        return sql.any_of([sql.is_missing(name, on.kind(name)) for name in self.fields])

    def unexpected(self, on: Checked) -> exp.Expr:
        """Rows that refer to what is not there."""
        from headgate.gates import sql

        present = [sql.is_present(name, on.kind(name)) for name in self.fields]
        other = on.others[".".join(self.to)]
        pairs = list(zip(self.fields, self.targets, strict=True))
        return sql.every([*present, sql.negated(sql.exists_in(other, pairs))])

    def proves(self, on: Checked, rows: int, known: Mapping[str, Known]) -> Counts | None:
        """A column without any value refers to nothing."""
        return Counts(rows, rows, 0) if any(each.empty for each in known.values()) else None


def condition(value: Any) -> str:
    """A SQL condition over the columns of one row."""
    from headgate.gates.conditions import parse_condition

    parse_condition(arguments.text(value))
    return str(value)


@expectation("implies", dimension="consistency")
@dataclass(frozen=True)
class Implies(RowExpectation):
    """Where one condition is true, another is true too.

    Rows to which the first does not apply count as missing; a second one that is unknown is not true.
    """

    when: str = argument(condition, written="if")
    then: str = argument(condition)

    def require(self, on: Checked) -> None:
        """Every column named must exist."""
        self.shown(on)

    def shown(self, on: Checked) -> tuple[str, ...]:
        """The columns that the conditions name."""
        from headgate.gates.conditions import columns_of, parse_condition

        found = [name for text in (self.when, self.then) for name in columns_of(parse_condition(text), on).values()]
        return tuple(dict.fromkeys(found))

    def key(self, on: Checked) -> str | None:
        """Nothing is remembered of what depends on the clock."""
        from headgate.gates.conditions import parse_condition, uses_clock

        if any(uses_clock(parse_condition(text)) for text in (self.when, self.then)):
            return None
        used = [on.column(name) for name in self.shown(on)]
        key = super().key(on)
        return None if key is None else digest([key, [(c.id, c.type, c.default) for c in used]])

    def missing(self, on: Checked) -> exp.Expr | None:
        """Rows to which it does not apply."""
        from headgate.gates import sql
        from headgate.gates.conditions import bound_to, parse_condition

        return sql.negated(sql.surely(bound_to(parse_condition(self.when), on)))

    def unexpected(self, on: Checked) -> exp.Expr:
        """Rows to which it applies and where the consequence is not true."""
        from headgate.gates import sql
        from headgate.gates.conditions import bound_to, parse_condition

        applies = sql.surely(bound_to(parse_condition(self.when), on))
        return sql.every([applies, sql.negated(sql.surely(bound_to(parse_condition(self.then), on)))])


@expectation("no_infinities", dimension="accuracy")
@dataclass(frozen=True)
class NoInfinities(RowExpectation):
    """No infinity and no NaN in any of the columns, by default in all columns of floats. Nulls are fine."""

    fields: tuple[str, ...] = argument(arguments.some_names, written="columns", default=())

    def columns(self) -> tuple[str, ...]:
        """Those that were named."""
        return self.fields

    def require(self, on: Checked) -> None:
        """Named columns must hold numbers."""
        super().require(on)
        for name in self.fields:
            if on.kind(name) not in NUMBERS:
                raise UnusableError(f"{name} holds {on.column(name).type}: only numbers can be infinite")

    def floats(self, on: Checked) -> tuple[str, ...]:
        """The columns that can hold an infinity at all."""
        return tuple(name for name in self.fields or on.names if on.kind(name) == "float")

    def shown(self, on: Checked) -> tuple[str, ...]:
        """The columns of floats."""
        return self.floats(on)

    def key(self, on: Checked) -> str | None:
        """All columns of floats count, named or not."""
        used = [on.column(name) for name in self.floats(on)]
        key = super().key(on)
        return None if key is None else digest([key, [(c.id, c.name, c.type, c.default) for c in used]])

    def unexpected(self, on: Checked) -> exp.Expr:
        """At least one value is not finite."""
        from sqlglot import exp

        from headgate.gates import sql

        finite = [exp.Anonymous(this="isfinite", expressions=[sql.column(name)]) for name in self.floats(on)]
        return sql.any_of([sql.negated(each) for each in finite]) if finite else exp.false()

    def proves(self, on: Checked, rows: int, known: Mapping[str, Known]) -> Counts | None:
        """Where no column holds floats there is nothing to find."""
        return Counts(rows, 0, 0) if not self.floats(on) else None
