"""One pass over a table whose bad rows go into quarantine.

What somebody decided about rows that wait is done, the bad rows leave, and what waited and did not come back is put
down as such. Each of these is one transaction: a row is in its table or in quarantine, never in both, never in none.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from headgate.errors import CouldNotRunError, DataError
from headgate.gates import Check, ExpectationResult, numbers_of_bad_rows
from headgate.gates.past import earlier_releases
from headgate.gates.relation import first_line
from headgate.gates.values import UnusableError
from headgate.lake.engine import literal, qualified, transaction
from headgate.lake.quarantine import (
    DROPPED,
    EXPECTATIONS,
    HASH,
    REASON,
    STATUS,
    Quarantine,
    chosen_rows,
    own_names,
)
from headgate.project import Bound
from headgate.run.row_keeping import RawRows, Rows, TableRows, counted, described
from headgate.run.workshop import Workshop
from headgate.sources.change_log import RAW, ROW

#: Temporary relations of a pass: the rows of the table, which of them are bad, and those that leave.
_NAMED, _HITS, _LEAVING = "headgate_named", "headgate_hits", "headgate_leaving"
#: A name that no column of a table has.
_HIT = "_quarantine_hit"


class StayError(DataError):
    """Why bad rows stay where they are, so that the gate must block."""


class TablePass:
    """One pass over the table ``layer.table`` and its quarantine, in which ``limit`` rows may be.

    ``from_nothing`` says that all of its rows were built in this run, those that wait in quarantine among them.
    ``keys`` name a row, if anybody said which columns do.
    """

    def __init__(
        self, shop: Workshop, layer: str, table: str, limit: Bound, keys: Sequence[str], *, from_nothing: bool
    ) -> None:
        self.shop = shop
        self.con = shop.con
        self.layer = layer
        self.table = table
        self.limit = limit
        self.from_nothing = from_nothing
        self.quarantine = Quarantine(shop.con, layer, table)
        self.rows: Rows = RawRows(shop.con, table, keys) if layer == RAW else TableRows(shop.con, layer, table, keys)
        self.first = self.quarantine.next_id()
        self.before = self.returned = self.taken = self.absorbed = 0
        self.released = False

    @property
    def title(self) -> str:
        """The table's name as users write it."""
        return f"{self.layer}.{self.table}"

    @property
    def kept(self) -> int:
        """How many rows must be there now."""
        return self.before + self.returned - self.taken - self.absorbed

    def begin(self) -> bool:
        """Do what was decided about rows that wait; whether the table is another one after that."""
        self.quarantine.begin_pass()
        if not self.quarantine.columns():
            self.before = self.rows.count()
            return False
        with transaction(self.con):
            self._supersede()
            self.rows.show()
            self.before = self.rows.count()
            self._decide()
            self.rows.show()
            self._absorb()
        self.shop.changed()
        return bool(self.returned or self.absorbed)

    def begin_again(self) -> bool:
        """The table was built once more in this run: what was taken out is in it again, and nothing else waits."""
        self.from_nothing, self.before = True, self.rows.count()
        self.returned = self.taken = self.absorbed = 0
        self.quarantine.begin_pass()
        with transaction(self.con):
            self.quarantine.forget_since(self.first)
            self._absorb()
        self.shop.changed()
        return bool(self.absorbed)

    def take_out(self, bad: Sequence[tuple[Check, ExpectationResult]]) -> dict[str, int]:
        """Put the rows that do not meet these expectations into quarantine; how many, by the expectation's id.

        Raises:
            StayError: it cannot be said which they are, or there are too many.
        """
        self._refuse_names()
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW {_NAMED} AS {self.rows.named()}")
        try:
            found = self._find([check for check, _ in bad])
            leaving = self._gather([(check.id, _said(result)) for check, result in bad])
            self.released = self.released or self._were_released()
            with transaction(self.con):
                self.quarantine.take_in(f"temp.{_LEAVING}", self.rows.columns(), self.shop.run)
                left = self.rows.leave(f"SELECT {ROW} FROM temp.{_LEAVING}")
                if left not in (None, leaving):
                    raise _defect(self.title, f"{leaving} rows are in quarantine and {left} left the table")
                self._refuse_too_many(leaving)
        finally:
            self.con.execute(f"DROP VIEW {_NAMED}")
        self.taken += leaving
        self.shop.changed()
        return {check.id: number for (check, _), number in zip(bad, found, strict=True)}

    def end(self) -> dict[str, int]:
        """Put down what did not come back, and say what became of the rows of the table and of those that waited.

        ``before`` rows and those that ``returned`` are the ``kept`` and the ``taken``, and those that were ``absorbed``
        because somebody gave them up before. Whether ``kept`` rows are really there is looked at before publishing.
        """
        self._settle()
        came_to = self.quarantine.came_to(self.shop.run)
        return {
            "before": self.before,
            "returned": self.returned,
            "kept": self.kept,
            "taken": self.taken,
            "absorbed": self.absorbed,
            **came_to,
        }

    # What waits

    def _supersede(self) -> None:
        outdated = self.rows.outdated()
        if outdated:
            self.quarantine.supersede(f"{chosen_rows()} AND {outdated}", self.shop.run)

    def _settle(self) -> None:
        """Put down what became of rows that waited and did not come back, where the table has the answer."""
        answered = "TRUE" if self.from_nothing else self.rows.answered()
        if not self.quarantine.columns() or answered is None:
            return
        if self.quarantine.any_not_back(answered, self.shop.run):
            hashes = f"SELECT {self.rows.hash()} FROM ({self.rows.named()})"
            with transaction(self.con):
                self.quarantine.end_pass(answered, hashes, self.shop.run)
            self.shop.changed()

    def _decide(self) -> None:
        """Replay or drop what somebody chose. A table that was built from nothing has its rows already."""
        decision = self.shop.options.decision
        if decision is None or decision.table not in (None, self.title):
            return
        chosen = chosen_rows(where=decision.where, expectation=decision.expectation)
        if decision.action == "drop":
            self.quarantine.drop(chosen, self.shop.run, decision.reason or "")
            return
        back = 0 if self.from_nothing else self.rows.come_back(chosen)
        number = self.quarantine.replay(chosen, self.shop.run)
        self.returned = number if back is None else back

    def _absorb(self) -> None:
        """Take out again what somebody gave up, and what a build from nothing brought back."""
        if not self.from_nothing or not self.quarantine.counts()[DROPPED]:
            return
        given_up = f"SELECT {HASH} AS hash, count(*) AS number FROM {self.quarantine.table} "
        given_up += f"WHERE {STATUS} = {literal(DROPPED)} GROUP BY 1"
        named = f"SELECT {ROW}, {self.rows.hash()} AS hash FROM ({self.rows.named()})"
        ranked = f"SELECT *, row_number() OVER (PARTITION BY hash ORDER BY {ROW}) AS n FROM ({named})"
        left = self.rows.leave(f"SELECT {ROW} FROM ({ranked}) JOIN ({given_up}) USING (hash) WHERE n <= number")
        self.absorbed = left or 0

    # What leaves

    def _find(self, checks: Sequence[Check]) -> list[int]:
        """Write down the numbers of the rows that each check finds; returns how many each."""
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {_HITS} (number BIGINT, position INTEGER)")
        found = []
        for position, check in enumerate(checks):
            try:
                numbers = numbers_of_bad_rows(self.con, check, layer=self.layer, named=_NAMED, number=ROW)
                row = self.con.execute(
                    f"INSERT INTO temp.{_HITS} SELECT number, {position} FROM ({numbers}) AS bad(number)"
                ).fetchone()
            except (UnusableError, duckdb.Error) as error:
                why = first_line(error) if isinstance(error, duckdb.Error) else str(error)
                raise StayError(f"it cannot be said which rows are bad: {why}", where=check.id) from error
            found.append(int(row[0]) if row else 0)
        return found

    def _gather(self, told: Sequence[tuple[str, str]]) -> int:
        """Copy the rows that were found, whole, with what there is to say of them; returns how many."""
        words = ", ".join(f"({i}, {literal(id_)}, {literal(reason)})" for i, (id_, reason) in enumerate(told))
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_LEAVING} AS SELECT rows.*, {self.rows.hash()} AS {HASH}, "
            f"{EXPECTATIONS}, {REASON} FROM temp.{_NAMED} AS rows JOIN (SELECT number AS {_HIT}, "
            f"list(id ORDER BY position) AS {EXPECTATIONS}, string_agg(reason, '; ' ORDER BY position) AS {REASON} "
            f"FROM temp.{_HITS} JOIN (VALUES {words}) AS words(position, id, reason) USING (position) "
            f"GROUP BY number) AS hit ON rows.{ROW} = hit.{_HIT}"
        )
        leaving = counted(self.con, f"temp.{_LEAVING}")
        if leaving == 0 or leaving != counted(self.con, f"(SELECT DISTINCT number FROM temp.{_HITS})"):
            raise StayError("it cannot be said which rows are bad: what was found are no rows of the table")
        return leaving

    def _were_released(self) -> bool:
        """Whether one of the rows that leave was published: models that built on it must begin anew."""
        if self.shop.dbt is None:
            return False
        with earlier_releases(self.shop.con, self.shop.releases, self.shop.base.release) as earlier:
            alias = earlier(None)
            if alias is None:
                return False
            before = qualified(alias, self.layer, self.table)
            try:
                columns = described(self.con, before)
            except duckdb.CatalogException:  # it had no such table
                return False
            if columns != self.rows.columns():
                return True
            names = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in columns)
            both = f"SELECT {names} FROM temp.{_LEAVING} INTERSECT SELECT {names} FROM {before}"
            return bool(counted(self.con, f"(SELECT 1 FROM ({both}) LIMIT 1)"))

    def _refuse_names(self) -> None:
        taken = [name for name in self.rows.columns() if name.lower() in ("rowid", ROW)]
        taken += own_names(self.rows.columns())
        if taken:
            raise StayError(f"a column is called {taken[0]}, which the quarantine needs for itself: rename it")

    def _refuse_too_many(self, leaving: int) -> None:
        waiting = self.quarantine.waits(of_this_pass=self.from_nothing)
        of = self.kept - leaving + waiting
        if not self.limit.allows(waiting, of=of):
            raise StayError(
                f"{waiting:,} of {of:,} rows ({waiting / of:.2%}) would be in quarantine,"
                f" and max_quarantine is {self.limit}"
            )


def _said(result: ExpectationResult) -> str:
    return result.title.partition(": ")[2]


def _defect(where: str, what: str) -> CouldNotRunError:
    hint = "this is a defect of Headgate, please report it; nothing was published"
    return CouldNotRunError(what, where=where, hint=hint)
