"""What data could be expected to be, from what it is: suggestions for a person to read, keep or throw away."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any, Literal

import duckdb

from headgate.gates.values import Kind, kind_of, number, stored_bound
from headgate.lake.engine import ident, qualified, translated
from headgate.project.yaml_file import written
from headgate.standalone.csv_form import AS_FOUND, CsvForm
from headgate.standalone.data import Data
from headgate.standalone.opening import opened

#: How far data may go from what it is: hardly at all, by half its range, or anywhere that makes sense.
Room = Literal["tight", "usual", "loose"]
#: So many different values may be a list of choices, if each is there so often.
MOST_CHOICES = 20
FEWEST_EACH = 10
LONGEST_CHOICE = 100
#: A column is called unique, or full of values, if so many rows say so.
FEWEST_ROWS = 20
LEAST_FILLED = 0.95
_ORDERED: frozenset[Kind] = frozenset({"integer", "decimal", "float", "date", "timestamp"})
_COMPARED: frozenset[Kind] = frozenset({"integer", "text", "date", "timestamp"})
_LISTED: frozenset[Kind] = frozenset({"integer", "text"})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An expectation that holds now, and why it may be meant."""

    type: str
    kwargs: dict[str, Any]
    reason: str

    @property
    def line(self) -> str:
        """It as an entry of a gate file."""
        arguments = ", ".join(f"{key}: {written(value)}" for key, value in self.kwargs.items())
        return f"  - {self.type}: {{{arguments}}}  # {self.reason}"


@dataclass(frozen=True, slots=True)
class Suggested:
    """The suggestions for ``table``."""

    data: str
    table: str
    rows: int
    suggestions: tuple[Suggestion, ...]

    @property
    def gate_file(self) -> str:
        """A gate file of them."""
        head = f"# Suggested by headgate profile from {self.rows:,} rows: keep what you mean, and throw away the rest."
        return "\n".join([head, f"{written(self.table)}:", *(each.line for each in self.suggestions)]) + "\n"


@dataclass(frozen=True, slots=True)
class _Column:
    """What is true of a column: bounds are texts as the engine writes them."""

    name: str
    kind: Kind
    rows: int
    present: int
    distinct: int
    low: str | None
    high: str | None


def suggest(data: Any, room: Room = "usual", form: CsvForm = AS_FOUND) -> Suggested:
    """Look at every row, and suggest what holds; ``form`` says how CSV files are written.

    Raises:
        UsageError: there is no such data.
        DataError: the data cannot be read.
    """
    with opened(data, form=form) as found:
        try:
            columns = _look(found)
            rows = columns[0].rows if columns else 0
            suggestions = [*_of_table(rows, [each.name for each in columns], room)]
            for column in columns:
                suggestions += _of_column(found, column, room)
        except duckdb.Error as error:
            raise translated(error, doing=f"reading {found.title}") from error
    return Suggested(found.title, found.table, rows, tuple(suggestions))


def _look(data: Data) -> list[_Column]:
    """One query for all columns: what is there, how much of it differs, and between which bounds."""
    relation = qualified(data.alias, data.layer, data.table)
    columns = [(row[0], kind_of(row[1])) for row in data.con.execute(f"DESCRIBE {relation}").fetchall()]
    facts = ["count(*)"]
    for name, kind in columns:
        there = f"CASE WHEN NOT isnan({ident(name)}) THEN {ident(name)} END" if kind == "float" else ident(name)
        distinct = f"count(DISTINCT {there})" if kind in _COMPARED else "0"
        bounds = [f"CAST({side}({there}) AS VARCHAR)" if kind in _ORDERED else "NULL" for side in ("min", "max")]
        facts += [f"count({there})", distinct, *bounds]
    rows, *found = data.con.execute(f"SELECT {', '.join(facts)} FROM {relation}").fetchall()[0]
    return [_Column(name, kind, rows, *found[4 * i : 4 * i + 4]) for i, (name, kind) in enumerate(columns)]


def _of_table(rows: int, names: list[str], room: Room) -> Iterator[Suggestion]:
    if rows and room == "loose":
        yield Suggestion("expect_table_row_count_to_be_between", {"min_value": 1}, f"there are {rows:,}")
    elif rows:
        part = 10 if room == "tight" else 2
        bounds = {"min_value": rows - rows // part, "max_value": rows + rows // part}
        yield Suggestion("expect_table_row_count_to_be_between", bounds, f"there are {rows:,}")
    if room == "tight" and names:
        kwargs = {"column_list": names}
        yield Suggestion("expect_table_columns_to_match_ordered_list", kwargs, "these are its columns")


def _of_column(data: Data, column: _Column, room: Room) -> Iterator[Suggestion]:
    name = {"column": column.name}
    if column.rows >= FEWEST_ROWS and column.present == column.rows:
        reason = f"none of {column.rows:,} is missing"
        yield Suggestion("expect_column_values_to_not_be_null", name, reason)
    elif room != "loose" and column.rows >= FEWEST_ROWS and column.present >= LEAST_FILLED * column.rows:
        mostly = math.floor(column.present / column.rows * 100 - (0 if room == "tight" else 1)) / 100
        reason = f"{column.rows - column.present:,} of {column.rows:,} are missing"
        yield Suggestion("expect_column_values_to_not_be_null", {**name, "mostly": mostly}, reason)
    if column.kind in _COMPARED and FEWEST_ROWS <= column.present == column.distinct:
        reason = f"no value of {column.present:,} comes twice"
        yield Suggestion("expect_column_values_to_be_unique", name, reason)
    choices = _choices(data, column) if room != "loose" else None
    if choices is not None:
        reason = f"there are no others among {column.present:,}"
        yield Suggestion("expect_column_values_to_be_in_set", {**name, "value_set": choices}, reason)
    elif bounds := _bounds(column, room):
        reason = f"from {column.low} to {column.high}"
        yield Suggestion("expect_column_values_to_be_between", {**name, **bounds}, reason)


def _choices(data: Data, column: _Column) -> list[Any] | None:
    """The values of a column that has a few, each many times."""
    few = 0 < column.distinct <= MOST_CHOICES and column.present >= FEWEST_EACH * column.distinct
    if not few or column.kind not in _LISTED:
        return None
    relation = qualified(data.alias, data.layer, data.table)
    found = data.con.execute(f"SELECT DISTINCT {ident(column.name)} FROM {relation}").fetchall()
    values = sorted(value for (value,) in found if value is not None)
    return values if all(len(str(value)) <= LONGEST_CHOICE for value in values) else None


def _bounds(column: _Column, room: Room) -> dict[str, Any]:
    """Bounds that hold now, and leave as much room as is asked for."""
    if column.low is None or column.high is None:
        return {}
    if column.kind in ("date", "timestamp"):
        known = all(stored_bound(text, column.kind) is not None for text in (column.low, column.high))
        if room == "loose" or not known:
            return {}
        return {"min_value": column.low} | ({"max_value": column.high} if room == "tight" else {})
    low, high = Decimal(column.low), Decimal(column.high)
    if not (low.is_finite() and high.is_finite()):
        return {}
    if room == "loose":
        return {"min_value": 0} if low >= 0 else {}
    span = (high - low) / 2 if room == "usual" else Decimal(0)
    span = span.to_integral_value(ROUND_CEILING) if column.kind == "integer" else span
    least = max(low - span, Decimal(0)) if low >= 0 else low - span
    bounds = {"min_value": _plain(least), "max_value": _plain(high + span)}
    return {
        key: value
        for key, value in bounds.items()
        if (meant := number(value)) is not None and (meant <= low if key == "min_value" else meant >= high)
    }


def _plain(value: Decimal) -> int | float:
    """The number that a gate file would hold."""
    return int(value) if value == value.to_integral_value() else float(value)
