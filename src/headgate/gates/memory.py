"""What gates remember between runs: counts that never change, because files never change.

A fact is about a subject, which is a data file (by its path, and that of the file of its deleted rows, both
unique for ever) or a relation (by its identity), and about an expectation (by its key, which holds the ids
and types of the columns). Facts lie in the catalog's file, so they branch, publish and roll back with the data
that they describe.

They are an ordinary table there, beside those of DuckLake: what is about files that never change is true whenever
it is read, so it need not be written in one transaction with the data, and a commit to a table of the lake costs
some ten times as much as one to a table of its catalog.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import duckdb

from headgate.gates.expectation import Counts
from headgate.lake.catalog import Contents, DataFile
from headgate.lake.engine import LAKE, Connection, literal, qualified
from headgate.lake.profile import identity_of

#: Where the facts are in the catalog's database.
SCHEMA = "headgate"
TABLE = "gate_memory"
#: What is asked about few subjects is chosen. Of more, a small memory is read whole, which is quicker than choosing;
#: so is one of which very much is asked.
FEW_NAMED = 20
MOST_NAMED = 500
FEW_ROWS = 2_000
#: Facts about what is not there any more are forgotten where they are this many times as many as the others.
MOST_DEAD = 2
COLUMNS = "subject VARCHAR, fact VARCHAR, elements BIGINT, missing BIGINT, unexpected BIGINT"

Facts = dict[tuple[str, str], Counts]


@dataclass(frozen=True, slots=True)
class Fact:
    """What was counted for the expectation ``key``, a word, in the file or relation ``subject``."""

    subject: str
    key: str
    counts: Counts


class Memory(Protocol):
    """Where facts are kept."""

    def recall(self, subjects: Sequence[str]) -> Facts:
        """All facts about these subjects."""
        ...

    def learn(self, facts: Sequence[Fact]) -> None:
        """Keep these too."""
        ...


class Forgetful:
    """Remembers nothing."""

    def recall(self, subjects: Sequence[str]) -> Facts:
        """Nothing."""
        return {}

    def learn(self, facts: Sequence[Fact]) -> None:
        """Not at all."""


@dataclass
class LakeMemory:
    """Facts in the branch's catalog.

    ``contents`` is the branch as it was read for this gate: facts about what it does not hold may be forgotten.
    """

    con: Connection
    contents: Contents
    alias: str = LAKE

    @property
    def table(self) -> str:
        """Its quoted name."""
        return qualified(f"__ducklake_metadata_{self.alias}", SCHEMA, TABLE)

    def recall(self, subjects: Sequence[str]) -> Facts:
        """All facts about these subjects."""
        if not subjects:
            return {}
        chosen = len(subjects) <= FEW_NAMED or (len(subjects) <= MOST_NAMED and (self._rows() or 0) > FEW_ROWS)
        where = f" WHERE subject IN ({_listed(subjects)})" if chosen else ""
        statement = f"SELECT subject, fact, elements, missing, unexpected FROM {self.table}{where}"
        try:
            rows = self.con.execute(statement).fetchall()
        except duckdb.CatalogException:  # nothing was learned yet
            return {}
        return {(subject, key): Counts(*counts) for subject, key, *counts in rows}

    def learn(self, facts: Sequence[Fact]) -> None:
        """Forget what is about nothing any more where there is much of it, and append."""
        if not facts:
            return
        rows = self._rows()
        if rows is None:
            schema = qualified(f"__ducklake_metadata_{self.alias}", SCHEMA)
            self.con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            self.con.execute(f"CREATE TABLE IF NOT EXISTS {self.table} ({COLUMNS})")
        elif rows > FEW_ROWS:
            self._forget()
        self.con.execute(f"INSERT INTO {self.table} {_rows_of(facts)}")

    def _forget(self) -> None:
        living = set(subjects_of(self.contents))
        ((known,),) = self.con.execute(f"SELECT COUNT(DISTINCT subject) FROM {self.table}").fetchall()
        if known > MOST_DEAD * len(living):
            kept = f"SELECT DISTINCT * FROM {self.table} WHERE subject IN ({_listed(sorted(living))})"
            self.con.execute(f"CREATE OR REPLACE TABLE {self.table} AS {kept}")

    def _rows(self) -> int | None:
        """How many facts there are, which DuckDB knows without counting; None if there is no place for any yet."""
        try:
            return int(self.con.execute(f"SELECT COUNT(*) FROM {self.table}").fetchall()[0][0])
        except duckdb.CatalogException:
            return None


def subject_of(file: DataFile) -> str:
    """What names a data file as it is read now."""
    return file.path if file.deletes is None else f"{file.path} without {file.deletes}"


def subjects_of(contents: Contents) -> Iterable[str]:
    """Every data file of a lake, and the identity of everything in it."""
    for table in contents.tables.values():
        yield table.identity
        yield from (subject_of(file) for file in table.files)
    for view in contents.views:
        yield identity_of(contents, view)


def _listed(texts: Sequence[str]) -> str:
    # no bound parameters: for the first one DuckDB's client imports pandas and pyarrow, 0.3 s
    return ", ".join(literal(text) for text in texts)


def _rows_of(facts: Sequence[Fact]) -> str:
    """The facts as a query: one text for each subject, since DuckDB's parser takes as long for each value of a row."""
    about: dict[str, list[str]] = defaultdict(list)
    for fact in facts:
        counts = fact.counts
        about[fact.subject].append(f"{fact.key} {counts.elements} {counts.missing} {counts.unexpected}")
    values = ", ".join(f"({literal(subject)}, {literal(chr(10).join(lines))})" for subject, lines in about.items())
    numbers = ", ".join(f"split_part(line, ' ', {place})::BIGINT" for place in (2, 3, 4))
    lines = f"SELECT subject, unnest(string_split(lines, chr(10))) AS line FROM (VALUES {values}) about(subject, lines)"
    return f"SELECT subject, split_part(line, ' ', 1), {numbers} FROM ({lines})"
