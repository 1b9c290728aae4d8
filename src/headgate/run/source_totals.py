"""Between gates that compare raw with its source and the step that reads it: what is asked, and what was told.

A source moves on while a run goes on, so it is asked once, in the snapshot from which raw is brought up to date. Every
run that judges raw has read its sources before; what they told stands in the ledger, in the step that read them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from headgate.gates.relation import SourceTotal
from headgate.gates.values import UnusableError
from headgate.lake.quarantine import SCHEMA, table_name
from headgate.project import Pii, with_tags
from headgate.project.config import SourceConfig
from headgate.project.files_config import FilesSource
from headgate.run.workshop import Workshop
from headgate.sources.change_log import RAW, ChangeLog


def totals_asked(shop: Workshop) -> Mapping[str, Collection[str]]:
    """The raw tables of which the number of rows is wanted from their source, and the columns to be added up there.

    What personal data adds up to is not asked: it would stand in the ledger.
    """
    checks = [check for check in shop.gates[RAW].checks if check.expectation.asks_source]
    if not checks:
        return {}
    pii = with_tags(shop.project, shop.gate_files, RAW).pii
    asked: dict[str, list[str]] = {}
    for check in checks:
        columns = check.expectation.columns()
        tagged = pii.of(check.table, columns)
        asked.setdefault(check.table, []).extend(column for column in columns if column not in tagged)
    return asked


def with_cursor(source: SourceConfig) -> bool:
    """Whether tables of a source are read by a cursor."""
    if isinstance(source, FilesSource):
        return False
    return any([source.cursor, *(table.cursor for table in source.tables.values())])


class SourceTotals:
    """What the sources of raw tables told in this run."""

    def __init__(self, shop: Workshop, pii: Pii) -> None:
        self._shop = shop
        self._pii = pii

    def of(self, table: str, columns: Sequence[str]) -> SourceTotal:
        """The number of rows of a table, or the sum of the one column.

        Raises:
            UnusableError: the source was not asked, or cannot say; the text says why.
        """
        column = columns[0] if columns else None
        found = self._told.get(table)
        told = None if found is None else found["rows"] if column is None else found["sums"].get(column)
        if told is None:
            raise UnusableError(f"what raw.{table} is at its source is not known: {self._why(table, column)}")
        if f"{SCHEMA}.{table_name(RAW, table)}" not in self._shop.contents.tables:
            return SourceTotal(str(told), 0)
        log = ChangeLog(self._shop.con, table, self._shop.raw_keys()[table])
        return SourceTotal(str(told), log.hidden_total(column))

    @cached_property
    def _told(self) -> dict[str, Any]:
        details = self._shop.details().values()
        return {table: total for detail in details for table, total in detail.get("totals", {}).items()}

    def _why(self, table: str, column: str | None) -> str:
        """Why a source told nothing, and what to do."""
        project = self._shop.project
        names = [name.split(".", 1) for name in self._shop.loaded()]
        config = next(
            (project.sources[source] for source, name in names if name == table and source in project.sources), None
        )
        if config is None:
            return "it is of no source any more; take out this expectation"
        if isinstance(config, FilesSource):
            return "it comes from files, which say nothing that is not read from them; take out this expectation"
        if config.type == "mysql":
            return (
                "what MySQL is asked beside a table is of another moment than the table; take out this expectation, "
                "headgate reconcile compares the whole"
            )
        if column is not None and self._pii.of(table, [column]):
            return f"{column} is tagged pii, and its sum would stand in the ledger; compare the number of rows"
        if project.sample is not None:
            return "only a sample of it is read; it can be judged where there is none"
        if column is not None and table in self._told:
            return f"the source has no column {column} that it can add up; compare the number of rows"
        return "the source was not asked; take it in with include, or take out this expectation"
