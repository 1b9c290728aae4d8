"""Tables that hypothesis makes, for Headgate and Great Expectations alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from headgate.lake.engine import Connection, ident, literal

#: A cell as a text, which becomes a value of its column's type; None is null.
Cell = str | None


@dataclass(frozen=True)
class Table:
    """A table: its columns with the names of their types, which DuckDB and PostgreSQL both know, and its rows."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Cell, ...], ...]
    name: str = "judged"
    others: Mapping[str, Table] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return [name for name, _ in self.columns]

    def all_by_name(self) -> dict[str, Table]:
        """It, and the other tables that expectations may name."""
        return {self.name: self, **self.others}

    def cells(self, column: str) -> list[str]:
        """The values of a column, without nulls."""
        at = self.names.index(column)
        return [cell for cell in (row[at] for row in self.rows) if cell is not None]

    def create(self, con: Connection) -> None:
        """Make it, and the others, in the connection's own database."""
        for name, table in self.all_by_name().items():
            columns = ", ".join(f"{ident(column)} {type_}" for column, type_ in table.columns)
            con.execute(f"CREATE OR REPLACE TABLE {ident(name)} ({columns})")
            if table.rows:
                rows = ", ".join("(" + ", ".join(map(_cell, row)) + ")" for row in table.rows)
                con.execute(f"INSERT INTO {ident(name)} VALUES {rows}")


@dataclass(frozen=True)
class Kind:
    """A kind of column: its type, the cells it may have, and whether there may be nulls among them."""

    type: str
    cells: st.SearchStrategy[str]
    nulls: bool = True


def _cell(cell: Cell) -> str:
    return "NULL" if cell is None else literal(cell)


def _decimal(units: int) -> str:
    return f"{units / 100:.2f}"


_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
WORDS = ["", "a", "A", "b", "ab", "aB", "é", "e\u0301", "ß", "SS", "0", "1", "1.0", "-1", "nan", "None", "NULL", "True"]
WORDS += [" ", " a", "a ", "a\nb", "\t", "%", "a%", "_", "a_b", "\\", "'", '"', "🙂", "日本", "x" * 40, "2020-01-01"]
JSONS = ["{}", "[1, 2]", "[1,]", '{"a": 1,}', '{"a": [1, null]}', "nan", "NaN", "-NaN", "-Infinity", "inf", '"\\ud800"']
JSONS += ['",]"', '"nan"', "01", "1.", "-0", "1e5", "'a'", "{'a': 1}", "true", "tru", " 1 ", "1 2", '"a', '"\t"', "//"]
#: As people and machines write them, right and wrong.
WRITTEN_DAYS = [
    "2020-01-02",
    "2020-02-29",
    "2019-02-29",
    "2020-02-30",
    "2020-1-2",
    "02.01.2020",
    "0000-01-01",
    "9999-12-31",
]
WRITTEN_DAYS += [
    "20200102",
    "2020-01-02T10:11:12.5Z",
    "2020-01-02 23:59:60",
    "2020-01-02 10:11:12+0200",
    "2020-01-02  10:00",
]
WRITTEN_DAYS += [
    "Jan 2, 2020",
    "jan 31, 2020",
    "Jan 32, 2020",
    "02-29",
    "99",
    "١٢",
    "366",
    "11:12 pm",
    "0:12 PM",
    "24:00",
    " 7",
]
WRITTEN_DAYS += [
    "2020-01-02\n",
    "٢٠٢٠-01-02",
    "2020-01-021",
    "today",
    "10 o'clock",
    "Tuesday",
    "1/2/2020",
    "13/13/2020",
    "UTC",
]
DOCUMENTS = ["{}", "[]", "1", "1.0", "-1", "1e3", "NaN", "true", "null", '""', '"a"', '"ab"', '{"a": 1}', '{"a": "1"}']
DOCUMENTS += [
    '{"a": null}',
    '{"a": 1, "b": 2}',
    '{"b": {"a": [1, 2]}}',
    '{"a": [1, "x"]}',
    "[1, 1]",
    "[1, 2]",
    '"2020-13-01"',
]
FLOATS = [0.0, -0.0, 1.0, 1.5, 2.5, -2.5, 0.1, 0.2, 0.30000000000000004, 1e-300, -1e15, 123456.789]
DAYS = ["2020-01-01", "2020-01-02", "2020-01-03", "2020-02-29", "1969-12-31", "2100-12-31"]
MOMENTS = ["2020-01-01 00:00:00", "2020-01-01 00:00:00.000001", "2020-01-01 12:30:00", "2020-01-02 00:00:00"]
MOMENTS += ["2020-01-02 23:59:59.999999", "1969-12-31 23:59:59", "2100-12-31 00:00:00"]
BIG = [2**53, 2**53 + 1, 2**53 + 2, -(2**53) - 1, 2**62, -(2**62), 0, 1]

_whole = st.one_of(st.integers(-3, 6), st.integers(-(2**31), 2**31 - 1)).map(str)
_big = st.sampled_from(BIG).map(str)
_odd_floats = st.sampled_from([*FLOATS, math.nan, math.inf, -math.inf])
_floats = st.one_of(st.sampled_from(FLOATS), _odd_floats, st.floats(-1e9, 1e9)).map(repr)
_days = st.dates().map(str)
_flags = st.sampled_from(["true", "false"])
_texts = st.one_of(st.sampled_from(WORDS), st.sampled_from(WORDS[:8]), st.text(_CHARACTERS, max_size=4))
KINDS: dict[str, Kind] = {
    "integer": Kind("INTEGER", _whole),
    "small": Kind("INTEGER", st.integers(-3, 6).map(str)),
    "full integer": Kind("INTEGER", _whole, nulls=False),
    "big": Kind("BIGINT", _big),
    "full big": Kind("BIGINT", _big, nulls=False),
    "float": Kind("DOUBLE PRECISION", _floats),
    "decimal": Kind("DECIMAL(12,2)", st.one_of(st.integers(-300, 300), st.integers(-(10**11), 10**11)).map(_decimal)),
    "boolean": Kind("BOOLEAN", _flags),
    "full boolean": Kind("BOOLEAN", _flags, nulls=False),
    "text": Kind("VARCHAR", _texts),
    "full text": Kind("VARCHAR", _texts, nulls=False),
    "json": Kind("VARCHAR", st.one_of(st.sampled_from(JSONS), st.sampled_from(WORDS))),
    "written day": Kind("VARCHAR", st.one_of(st.sampled_from(WRITTEN_DAYS), st.sampled_from(WORDS), _days)),
    "document": Kind("VARCHAR", st.sampled_from(DOCUMENTS)),
    "date": Kind("DATE", st.sampled_from(DAYS)),
    "timestamp": Kind("TIMESTAMP", st.sampled_from(MOMENTS)),
}
NAMES = ["c", "a b", "Ünï", "select", "Upper", "c;--", "c'", 'quo"te']


def tables(kinds: Sequence[str], names: Sequence[str], *, most: int = 9) -> st.SearchStrategy[Table]:
    """Tables with a column for each of the kinds, in this order; among them empty ones and such of nulls alone."""

    @st.composite
    def draw_table(draw: st.DrawFn) -> Table:
        chosen = draw(st.permutations(names))[: len(kinds)]
        count = draw(st.integers(0, most))
        columns = [draw(_columns(KINDS[kind], count)) for kind in kinds]
        declared = tuple((name, KINDS[kind].type) for name, kind in zip(chosen, kinds, strict=True))
        return Table(declared, tuple(zip(*columns, strict=True)))

    return draw_table()


def _columns(kind: Kind, count: int) -> st.SearchStrategy[list[Cell]]:
    def column(cells: st.SearchStrategy[Cell]) -> st.SearchStrategy[list[Cell]]:
        return st.lists(cells, min_size=count, max_size=count)

    known = st.lists(kind.cells, min_size=1, max_size=2)
    if not kind.nulls:
        return st.one_of(column(kind.cells), known.flatmap(lambda few: column(st.sampled_from(few))))
    holed = column(st.one_of(kind.cells, kind.cells, st.none()))
    repeated = known.flatmap(lambda few: column(st.sampled_from([*few, None])))
    return st.one_of(column(kind.cells), holed, repeated, st.just([None] * count))
