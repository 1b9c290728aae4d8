"""One fused scan for many expectations on rows, and the query for each that needs its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import duckdb
from sqlglot import exp

from headgate.gates import sql
from headgate.gates.dense import Range
from headgate.gates.each_value import EachValueExpectation, Refused
from headgate.gates.expectation import (
    NOTHING,
    AggregateExpectation,
    CountedExpectation,
    Counts,
    Measured,
    QueryExpectation,
    RowExpectation,
)
from headgate.gates.relation import Checked
from headgate.gates.values import json_safe
from headgate.lake.engine import Connection, literal

#: As many examples of bad rows as Great Expectations keeps.
EXAMPLES = 20
#: So many rows are taken over at once, where there may be very many.
BATCH = 10_000
Ranges = Mapping[str, Range]
#: An expectation, and its missing rows by the names of files, where they are known.
Asked = tuple[RowExpectation, Mapping[str, int] | None]
_FILE = "parse_filename(filename)"
_UPSERTS = f"{sql.text_of(sql.column('_op'))} = 'upsert'"


class Aggregates:
    """The aggregates of one fused query; what several expectations need is computed once."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {"COUNT(*)": 0}
        self.places: list[tuple[int, int | None, int]] = []

    def add(self, expectation: RowExpectation, on: Checked, *, all_but_missing: bool = False) -> None:
        """Ask for what an expectation needs; without its missing rows, if somebody knows how many there are.

        Raises:
            UnusableError: its arguments do not fit the relation's columns.
        """
        chosen = expectation.chosen(on)
        missing, unexpected = None if all_but_missing else expectation.missing(on), expectation.unexpected(on)
        if chosen is not None:
            unexpected = sql.every([chosen.copy(), exp.paren(unexpected)])
            missing = None if missing is None else sql.every([chosen.copy(), exp.paren(missing)])
        elements = 0 if chosen is None else self._place(chosen)
        self.places.append((elements, None if missing is None else self._place(missing), self._place(unexpected)))

    def _place(self, condition: exp.Expr) -> int:
        return self.texts.setdefault(_counted(condition), len(self.texts))

    @property
    def select(self) -> str:
        """The list of aggregates."""
        return ", ".join(self.texts)

    def counts(self, row: Sequence[Any]) -> list[Counts]:
        """Each expectation's counts, in the order in which they were added."""
        found = [value or 0 for value in row]  # COUNT_IF of nothing but nulls is null
        return [
            Counts(found[elements], 0 if missing is None else found[missing], found[unexpected])
            for elements, missing, unexpected in self.places
        ]


def scan_whole(con: Connection, on: Checked, expectations: Iterable[RowExpectation]) -> tuple[int, list[Counts]]:
    """Count over the whole relation; also how many rows that is."""
    aggregates = Aggregates()
    for expectation in expectations:
        aggregates.add(expectation, on)
    statement = f"SELECT {aggregates.select} FROM {sql.text_of(sql.relation(on))}"
    row = con.execute(statement).fetchall()[0]
    return row[0], aggregates.counts(row)


class Measures:
    """The aggregates of one query over columns; what several expectations need is computed once."""

    def __init__(self, on: Checked, expectations: Iterable[AggregateExpectation]) -> None:
        self.texts: dict[str, int] = {"COUNT(*)": 0}
        self.places: list[tuple[int, int]] = []
        for each in expectations:
            missing = self._place(_counted(sql.is_missing(each.column, on.kind(each.column))))
            self.places.append((missing, self._place(sql.text_of(each.aggregate(on)))))

    def _place(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))

    @property
    def select(self) -> str:
        """The list of aggregates."""
        return ", ".join(self.texts)

    def measured(self, row: Sequence[Any]) -> list[Measured]:
        """What was measured for each expectation, in their order."""
        return [Measured(row[0], row[missing] or 0, row[value]) for missing, value in self.places]


def scan_aggregates(con: Connection, on: Checked, expectations: Sequence[AggregateExpectation]) -> list[Measured]:
    """Measure over the whole relation."""
    measures = Measures(on, expectations)
    return measures.measured(
        con.execute(f"SELECT {measures.select} FROM {sql.text_of(sql.relation(on))}").fetchall()[0]
    )


def measure_files(
    con: Connection,
    on: Checked,
    expectations: Sequence[AggregateExpectation],
    names: Sequence[str],
    *,
    all_files: bool,
) -> dict[str, list[Measured]]:
    """Measure per data file, over the files with these names (see ``scan_files``)."""
    measures = Measures(on, expectations)
    found = {name: measures.measured(row) for name, row in _by_file(con, on, measures.select, names, all_files).items()}
    nothing = [Measured(0, 0, None)] * len(expectations)
    return {name: found.get(name, nothing) for name in names}


def scan_files(
    con: Connection, on: Checked, expectations: Iterable[Asked], names: Sequence[str], *, all_files: bool
) -> dict[str, list[Counts]]:
    """Count per data file, over the files with these names; over the upserts of a change log.

    The files are chosen and told apart by DuckLake's virtual column ``filename``, which skips all others
    unread, and still sees deleted rows, renamed columns and defaults as the table does.
    """
    aggregates, told = Aggregates(), list[Mapping[str, int] | None]()
    for expectation, missing in expectations:
        aggregates.add(expectation, on, all_but_missing=missing is not None)
        told.append(missing)
    found = {n: aggregates.counts(row) for n, row in _by_file(con, on, aggregates.select, names, all_files).items()}
    nothing = [NOTHING] * len(told)
    return {
        name: [
            counts if missing is None else replace(counts, missing=missing[name])
            for counts, missing in zip(found.get(name, nothing), told, strict=True)
        ]
        for name in names
    }


def _by_file(
    con: Connection, on: Checked, select: str, names: Sequence[str], all_files: bool
) -> dict[str, tuple[Any, ...]]:
    """A row of aggregates for each of the files in which there are rows."""
    conditions = _conditions(on, names, all_files)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    source = f"FROM {sql.text_of(sql.base(on))}{where}"
    if len(names) == 1:  # without groups an aggregate of a row costs half
        return {names[0]: con.execute(f"SELECT {select} {source}").fetchall()[0]}
    rows = con.execute(f"SELECT {_FILE}, {select} {source} GROUP BY filename").fetchall()
    return {row[0]: row[1:] for row in rows}


def filter_files(
    con: Connection, on: Checked, expectation: RowExpectation, names: Sequence[str], *, all_files: bool
) -> dict[str, int]:
    """How many rows per data file are unexpected, for one expectation alone.

    As a filter the condition is decided once per entry of a file's dictionary, which halves the time, but only
    its own rows are seen. Never for floats: there the engine skips row groups by statistics that miss NaN.
    """
    conditions = [sql.text_of(expectation.unexpected(on)), *_conditions(on, names, all_files)]
    where = " AND ".join(f"({condition})" for condition in conditions)
    statement = f"SELECT {_FILE}, COUNT(*) FROM {sql.text_of(sql.base(on))} WHERE {where} GROUP BY filename"
    found = dict(con.execute(statement).fetchall())
    return {name: found.get(name, 0) for name in names}


def _conditions(on: Checked, names: Sequence[str], all_files: bool) -> list[str]:
    """What rows of the base meet that lie in these files, and of a change log are upserts."""
    upserts = [] if on.exact else [_UPSERTS]
    return upserts if all_files else [*upserts, f"{_FILE} IN ({', '.join(literal(name) for name in names)})"]


def looked_up(con: Connection, on: Checked, expectation: CountedExpectation) -> Checked:
    """The relation with what the expectation's own queries depend on, if they do on anything."""
    if on.found is not None:
        return on
    found = expectation.look_up(on, partial(_read, con))
    return on if found is None else replace(on, found=found)


def ask_whole(con: Connection, on: Checked, expectation: EachValueExpectation) -> tuple[Counts, Refused]:
    """Count over the whole relation what Python says of its texts."""
    asked = expectation.asking(on, sql.relation(on), exp.Literal.string(""))
    found, refused = expectation.judged(_read(con, asked))
    return sum(found.values(), NOTHING), refused


def ask_files(
    con: Connection, on: Checked, expectation: EachValueExpectation, names: Sequence[str], *, all_files: bool
) -> tuple[dict[str, Counts], Refused]:
    """Count per data file, over the files with these names (see ``scan_files``), what Python says of their texts."""
    asked = expectation.asking(on, sql.base(on), sql.condition(_FILE))
    for condition in _conditions(on, names, all_files):
        asked = asked.where(sql.condition(condition))
    found, refused = expectation.judged(_read(con, asked))
    return {name: found.get(name, NOTHING) for name in names}, refused


def _read(con: Connection, query: exp.Query) -> Iterator[tuple[Any, ...]]:
    cursor = con.execute(sql.text_of(query, spent=True))
    while rows := cursor.fetchmany(BATCH):
        yield from rows


def run_query(con: Connection, on: Checked, expectation: QueryExpectation, ranges: Ranges | None) -> Counts:
    """Count with the expectation's own query: the quick one if the columns' ranges are known and it can tell."""
    if ranges:
        with suppress(duckdb.Error):  # a value outside the range: the bounds lied
            quick = expectation.counting_densely(on, ranges)
            row = _ask(con, quick)[0] if quick is not None else (None,)
            if row[-1] is not None:
                return Counts(*(int(value) for value in row))
    row = _ask(con, expectation.quickest(on, partial(_ask, con)))[0]
    if row[-1] is None:
        row = _ask(con, expectation.counting(on))[0]
    return Counts(*(int(value) for value in row))


def _ask(con: Connection, query: exp.Query) -> list[tuple[Any, ...]]:
    return con.execute(sql.text_of(query, spent=True)).fetchall()


def count_rows(con: Connection, on: Checked) -> int:
    """The number of rows, by counting."""
    return int(con.execute(f"SELECT COUNT(*) FROM {sql.text_of(sql.relation(on))}").fetchall()[0][0])


def examples(
    con: Connection, on: Checked, expectation: CountedExpectation, counts: Counts, ranges: Ranges | None
) -> tuple[Any, ...]:
    """A few of the unexpected values that were counted; rows as mappings where several columns matter."""
    if isinstance(expectation, QueryExpectation):
        early = expectation.early_sample(on, counts)
        found = _examples(con, on, expectation, early) if early is not None else ()
        if len(found) == EXAMPLES:
            return found
        return _examples(con, on, expectation, expectation.samples(on, ranges, EXAMPLES))
    assert isinstance(expectation, RowExpectation)  # noqa: S101 - there is no third kind
    return _examples(con, on, expectation, offending_rows(expectation.sampled(on, EXAMPLES), expectation))


def _examples(con: Connection, on: Checked, expectation: CountedExpectation, query: exp.Query) -> tuple[Any, ...]:
    names = expectation.shown(on)
    offending = query.limit(exp.Literal.number(EXAMPLES), copy=False).subquery(
        exp.to_identifier("offending", quoted=True), copy=False
    )
    columns: list[exp.Expr] = [sql.column(name, "offending") for name in names] or [exp.Star()]
    few = exp.select(*columns, copy=False).from_(offending, copy=False)
    cursor = con.execute(sql.text_of(few, spent=True))
    titles = [column[0] for column in cursor.description or []]
    rows = cursor.fetchall()
    if len(names) == 1:
        return tuple(json_safe(expectation.example(row[0])) for row in rows)
    return tuple(json_safe(dict(zip(titles, row, strict=True))) for row in rows)


def offending_rows(on: Checked, expectation: CountedExpectation) -> exp.Query:
    """The query for all offending rows, with all their columns."""
    if isinstance(expectation, QueryExpectation):
        return expectation.offending(on)
    assert isinstance(expectation, RowExpectation)  # noqa: S101 - there is no third kind
    rows = exp.select(sql.all_columns()).where(expectation.unexpected(on))
    chosen = expectation.chosen(on)
    rows = rows if chosen is None else rows.where(chosen)
    if expectation.others():  # a join gives them in any order
        return sql.in_order(rows, on, expectation.columns())
    return rows.from_(sql.relation(on))


def _counted(condition: exp.Expr) -> str:
    """How many rows meet the condition; counting a column's values is cheaper than asking each for null."""
    if isinstance(condition, exp.Is) and isinstance(condition.this, exp.Column):
        return f"COUNT(*) - COUNT({sql.text_of(condition.this, spent=True)})"
    return f"COUNT_IF({sql.text_of(condition, spent=True)})"
