"""The first load of a table goes straight into its change log, where there is nothing to compare it with.

So its rows are stored once and not twice. What is wrong with them is looked for in the log itself, before
the transaction ends; a row that has no place there is marked on its way in.
"""

from __future__ import annotations

from collections.abc import Mapping

from headgate.lake.engine import literal
from headgate.sources.change_log import REFUSED, ChangeLog
from headgate.sources.counts import Counts
from headgate.sources.shape import BAD
from headgate.sources.staging import Findings, look_over


class FirstLoad:
    """The rows of one table, in the place of a ``Stage``."""

    def __init__(self, log: ChangeLog, columns: Mapping[str, str], run: str) -> None:
        self.log = log
        self.columns = columns
        self.run = run
        self.relation = log.log
        self.appended = 0

    def fill(self, rows: str) -> None:
        """Read ``rows``, the SQL of a query with the columns, ``_hash`` and ``BAD``."""
        self.appended = self.log.fill(rows, self.columns, self.run, BAD)

    def look(self, *, doubt: str = "FALSE", unique: bool = False) -> Findings:
        """Count the rows, and what must not be among them (see ``look_over``)."""
        bad = f"_op = {literal(REFUSED)}"
        return look_over(self.log.con, self.relation, self.log.primary_key, bad, doubt, unique=unique)

    def counts(self, read: int) -> Counts:
        """What became of the rows.

        Raises:
            CouldNotRunError: the rows do not add up.
        """
        counts = Counts(read=read, appended=self.appended)
        counts.conserve(self.log.table)
        return counts

    def drop(self) -> None:
        """Nothing is left over."""
