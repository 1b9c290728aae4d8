"""The ledger: the record of runs, steps, results, releases and alerts.

Each method is one transaction, so that a process which is killed leaves whole records. SQLAlchemy is imported
when a ledger is opened.
"""

from __future__ import annotations

from types import TracebackType

from headgate.ledger.affairs import Affairs
from headgate.ledger.results import Results
from headgate.ledger.runs import Runs


class Ledger(Runs, Results, Affairs):
    """An open ledger. Use ``Ledger.open``; as a context manager it closes itself."""

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Ledger:
        """Open the ledger at ``sqlite:///path`` or ``postgresql://…``; make it if there is none.

        Raises:
            UsageError: the URL is none of a ledger; or there is no ledger and ``create`` is false.
            CouldNotRunError: it cannot be read or written, or a newer Headgate made it.
            LedgerUnavailableError: it cannot be reached now, or another program keeps it locked.
            LakeError: the file is broken.
            MissingExtraError: PostgreSQL's driver is not installed.
        """
        from headgate.ledger import tables
        from headgate.ledger.database import open_database

        return cls(open_database(url, create=create), tables)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
