"""What gates remember between runs: counts that never change, because files never change.

A fact is about a subject, which is a data file (by its path, and that of the file of its deleted rows, both
unique for ever) or a relation (by its identity), and about an expectation (by its key, which holds the ids
and types of the columns). Facts lie in the lake, so they branch, publish and roll back with the data that
they describe.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from headgate.gates.expectation import Counts
from headgate.lake.catalog import Contents, DataFile
from headgate.lake.engine import LAKE, Connection, literal, qualified, transaction
from headgate.lake.profile import identity_of

SCHEMA = "_headgate"
TABLE = "gate_memory"
#: So many small files are read in a few milliseconds; then they are rewritten as one.
MOST_FILES = 24
#: A small memory is read whole, which is quicker than choosing; so is one of which very much is asked.
FEW_ROWS = 2_000
MOST_NAMED = 500
COLUMNS = "facts(subject, fact, elements, missing, unexpected)"

Facts = dict[tuple[str, str], Counts]


@dataclass(frozen=True, slots=True)
class Fact:
    """What was counted for the expectation ``key`` in the file or relation ``subject``."""

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
    """Facts in a DuckLake table of the branch: appended in one statement, never updated.

    ``contents`` is the branch as it was read for this gate. The table is rewritten with the facts about
    living files and relations only when it has come to many small files.
    """

    con: Connection
    contents: Contents
    alias: str = LAKE

    @property
    def table(self) -> str:
        """Its quoted name."""
        return qualified(self.alias, SCHEMA, TABLE)

    def recall(self, subjects: Sequence[str]) -> Facts:
        """All facts about these subjects."""
        table = self.contents.tables.get(f"{SCHEMA}.{TABLE}")
        if table is None or not table.files or not subjects:
            return {}
        chosen = table.rows > FEW_ROWS and len(subjects) <= MOST_NAMED
        where = f" WHERE subject IN ({_listed(subjects)})" if chosen else ""
        statement = f"SELECT subject, fact, elements, missing, unexpected FROM {self.table}{where}"
        return {(subject, key): Counts(*counts) for subject, key, *counts in self.con.execute(statement).fetchall()}

    def learn(self, facts: Sequence[Fact]) -> None:
        """Append, or rewrite if that would be one small file too many."""
        if not facts:
            return
        known = self.contents.tables.get(f"{SCHEMA}.{TABLE}")
        rows = f"SELECT * FROM (VALUES {', '.join(_row(fact) for fact in facts)}) {COLUMNS}"
        if known is None:
            with transaction(self.con):
                self.con.execute(f"CREATE SCHEMA IF NOT EXISTS {qualified(self.alias, SCHEMA)}")
                self.con.execute(f"CREATE TABLE {self.table} AS {rows}")
        elif len(known.files) < MOST_FILES:
            self.con.execute(f"INSERT INTO {self.table} {rows}")
        else:
            living = _listed(sorted(set(subjects_of(self.contents))))
            kept = f"SELECT DISTINCT * FROM {self.table} WHERE subject IN ({living})"
            self.con.execute(f"CREATE OR REPLACE TABLE {self.table} AS {kept} UNION ALL {rows}")


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


def _row(fact: Fact) -> str:
    counts = fact.counts
    numbers = ", ".join(f"{number}::BIGINT" for number in (counts.elements, counts.missing, counts.unexpected))
    return f"({literal(fact.subject)}, {literal(fact.key)}, {numbers})"
