"""What a gate can see of the lake while it works: relations, row counts, statistics, and what is remembered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import duckdb

from headgate.errors import did_you_mean
from headgate.gates.compilation import Gate
from headgate.gates.expectation import Counts
from headgate.gates.masking import Masking
from headgate.gates.memory import Fact, Facts, Memory, subject_of
from headgate.gates.relation import RAW, Checked, IsPlain, SourceTotal, read_relation
from headgate.gates.statistics import Statistics
from headgate.gates.values import UnusableError
from headgate.lake.catalog import Contents, Table, read_contents, read_statistics
from headgate.lake.engine import Connection, ident
from headgate.lake.profile import identity_of

#: Attaches a release, the served one if None is asked for, and says under which name; None if nothing was published
#: yet. Raises UnusableError if there is no such release.
Earlier = Callable[[int | None], str | None]
#: When the data of the table of this name, ``layer.table``, became what it is; None if just now. Its second argument is
#: the table's identity, None where it has none. Raises UnusableError if nobody knows.
Since = Callable[[str, str | None], dt.datetime | None]
#: What the source of the raw table of this name came to when raw was read from it: its rows, or the sum of the column
#: that is named, if one is. Raises UnusableError if nobody asked it, or it cannot say.
AtSource = Callable[[str, Sequence[str]], SourceTotal]
#: The key of the fact that is a relation's number of rows.
ROWS = "rows"


def nothing_earlier(release: int | None) -> str | None:
    """The answer where nothing was published yet.

    Raises:
        UnusableError: a release is meant.
    """
    if release is not None:
        raise UnusableError(f"there is no release {release} to compare with: there are none")
    return None


def nobody_knows(title: str, identity: str | None) -> dt.datetime | None:
    """The answer where nobody wrote down when data changed.

    Raises:
        UnusableError: always.
    """
    raise UnusableError(f"nobody knows when the data of {title} last changed: name a column of times")


def no_source(table: str, columns: Sequence[str]) -> SourceTotal:
    """The answer where no source was read.

    Raises:
        UnusableError: always.
    """
    raise UnusableError("only a run of a project asks the source, when it reads raw from it")


class Sight:
    """Reads each thing when it is first asked for, and once."""

    def __init__(
        self,
        con: Connection,
        contents: Contents,
        alias: str,
        plain: IsPlain,
        memory: Memory,
        gate: Gate,
        earlier: Earlier,
        since: Since,
        called: str | None = None,
        at_source: AtSource = no_source,
    ) -> None:
        self.con = con
        self.contents = contents
        self.alias = alias
        self.plain = plain
        self.memory = memory
        self.earlier = earlier
        self.since = since
        self.called = called
        self._at_source = at_source
        self.learned: list[Fact] = []
        self.counted = 0
        self.masking = Masking(gate.pii, gate.layer)
        self._gate = gate
        self._inlining: list[tuple[int | None, str]] | None = None
        self._facts: Facts | None = None
        self._subjects_known: set[str] = set()
        self._before: dict[int | None, tuple[str, Contents] | None] = {}
        self._relations: dict[tuple[str, str], Checked | UnusableError] = {}
        self._statistics: dict[int, Statistics] = {}

    def relation(self, layer: str, name: str) -> Checked:
        """A table or view.

        Raises:
            UnusableError: it is not there, or cannot be read.
        """
        known = self._relations.get((layer, name))
        if known is None:
            try:
                known = read_relation(self.con, self.contents, layer, name, self.alias, self.plain)
                if layer == self._gate.layer and name in self._gate.tables:
                    known = replace(known, called=self.called)
                    self.masking.require(known)
                if known.base is not None:
                    self._refuse_inlined(known.base)
            except UnusableError as error:
                known = error
            self._relations[layer, name] = known
        if isinstance(known, UnusableError):
            raise known
        return known

    def before(self, layer: str, name: str, release: int | None) -> Checked | None:
        """A table or view as it was in a release, by default the served one; None if that had none, or there is none.

        Raises:
            UnusableError: there is no release of this number, it has no such table, or the table cannot be read.
        """
        if release not in self._before:
            alias = self.earlier(release)
            self._before[release] = None if alias is None else (alias, read_contents(self.con, alias))
        found = self._before[release]
        if found is None:
            return None
        alias, contents = found
        title = f"{layer}.{name}"
        if title in contents.tables or title in contents.views:
            return read_relation(self.con, contents, layer, name, alias, self.plain)
        if release is not None:
            known = [known for known in (*contents.tables, *contents.views) if known.startswith(f"{layer}.")]
            raise UnusableError(f"release {release} has no table {title}: {did_you_mean(title, known)}")
        return None

    def changed(self, on: Checked) -> dt.datetime | None:
        """When its data became what it is; None if just now.

        Raises:
            UnusableError: nobody knows.
        """
        title = f"{on.layer}.{on.name}"
        if title in self.contents.outside:
            return self.since(on.title, None)
        if on.identity is None:
            raise UnusableError(f"{title} is a view of more than the lake, so nobody knows when its data last changed")
        return self.since(title, identity_of(self.contents, title))

    def at_source(self, on: Checked, columns: Sequence[str]) -> SourceTotal:
        """What a raw table came to in its source: its rows, or the sum of the one column.

        Raises:
            UnusableError: it has no source, or nobody knows.
        """
        if on.layer != RAW:
            raise UnusableError(f"{on.title} comes from no source: only tables of {RAW} do")
        return self._at_source(on.name, columns)

    def rows(self, on: Checked) -> int:
        """A relation's number of rows: known for a table, counted and remembered for a view, counted for some rows.

        Raises:
            UnusableError: the view cannot be read.
        """
        if on.base is not None and on.is_whole_table:
            return on.base.rows
        counts = self.fact(on.identity, ROWS) if on.where is None else None
        if counts is None:
            from headgate.gates.scan import count_rows

            try:
                counts = Counts(count_rows(self.con, on), 0, 0)
            except duckdb.Error as error:
                raise UnusableError(f"{on.title} cannot be read: {self.masking.error(error, on)}") from error
            self.counted += 1
            self.learn_rows(on, counts.elements)
        return counts.elements

    def learn_rows(self, on: Checked, rows: int) -> None:
        """Remember the number of rows that a scan of a relation came to; of a table the catalog knows it."""
        if on.where is None and not on.is_whole_table:
            self.learn(on.identity, ROWS, Counts(rows, 0, 0))

    def statistics(self, table: Table) -> Statistics:
        """What the catalog recorded of a table's columns, believable or not."""
        if table.id not in self._statistics:
            self._statistics[table.id] = read_statistics(self.con, table, self.alias)
        return self._statistics[table.id]

    def fact(self, subject: str | None, key: str | None) -> Counts | None:
        """What is remembered; nothing is about what has no name or no key."""
        if key is None or subject is None:
            return None
        return self._recalled().get((subject, key))

    def knows_of(self, subject: str | None) -> bool:
        """Whether anything is remembered about it: else nobody needs to find out by which key it would be."""
        self._recalled()
        return subject in self._subjects_known

    def _recalled(self) -> Facts:
        if self._facts is None:
            self._facts = self.memory.recall(list(dict.fromkeys(self._subjects())))
            self._subjects_known = {subject for subject, _ in self._facts}
        return self._facts

    def learn(self, subject: str | None, key: str | None, counts: Counts) -> None:
        """Remember from now on, if it has a name and a key."""
        if key is not None and subject is not None:
            self.learned.append(Fact(subject, key, counts))
            if self._facts is not None:
                self._facts[subject, key] = counts
                self._subjects_known.add(subject)

    def _subjects(self) -> Iterable[str]:
        """Everything that this gate may ask the memory about."""
        names = {(self._gate.layer, table) for table in self._gate.tables}
        for check in self._gate.checks:
            names |= {split(other, self._gate.layer) for other in check.expectation.others()}
        for layer, name in sorted(names):
            try:
                relation = self.relation(layer, name)
            except UnusableError:
                continue
            if relation.identity is not None:
                yield relation.identity
            if relation.base is not None:
                yield from (subject_of(file) for file in relation.base.files)

    def _refuse_inlined(self, table: Table) -> None:
        """Rows in the catalog itself are in no file, so neither statistics nor memory see them."""
        meta = ident(f"__ducklake_metadata_{self.alias}")
        if self._inlining is None:
            self._inlining = self.con.execute(
                f"SELECT table_id, table_name FROM {meta}.ducklake_inlined_data_tables UNION ALL"
                f" SELECT NULL, value FROM {meta}.ducklake_metadata WHERE key = 'data_inlining_row_limit'"
            ).fetchall()
        sources = [f"{ident(name)} WHERE end_snapshot IS NULL" for id_, name in self._inlining if id_ == table.id]
        limits = [value for id_, value in self._inlining if id_ is None]
        if not limits or any(value != "0" for value in limits):  # else nothing can be, and asking costs a while
            sources.append(ident(f"ducklake_inlined_delete_{table.id}"))
        if any(self._any_row(f"{meta}.{source}") for source in sources):
            raise UnusableError(
                f"rows of {table.schema}.{table.name} are inlined in the catalog, where gates cannot account for them:"
                " set the lake's data_inlining_row_limit to 0 and build the table again"
            )

    def _any_row(self, source: str) -> bool:
        try:
            return bool(self.con.execute(f"SELECT 1 FROM {source} LIMIT 1").fetchall())
        except duckdb.CatalogException:
            return False


def split(name: tuple[str, ...], layer: str) -> tuple[str, str]:
    """A table's layer and name; without a layer it is one of the same layer.

    >>> split(("store",), "raw"), split(("raw", "store"), "features")
    (('raw', 'store'), ('raw', 'store'))
    """
    return (layer, name[0]) if len(name) == 1 else (name[0], name[1])
