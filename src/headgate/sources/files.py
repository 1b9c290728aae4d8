"""The files source: CSV, JSON and Parquet, by path or glob.

Looking for changes needs no engine; reading is in ``file_loading``, which is imported when it is needed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.sources.listing import Difference, compare, list_files
from headgate.sources.source import NOTHING_ASKED, Extracted, Extraction, State, TableChange

if TYPE_CHECKING:
    from headgate.lake.engine import Connection
    from headgate.project.config import Sample
    from headgate.project.files_config import FilesSource as FilesConfig
    from headgate.project.files_config import FilesTable
    from headgate.sources.schema_lock import LockedTable

#: Settings that decide what is read out of a file: when one of them changes, the files are read again.
READING = (
    "primary_key",
    "snapshot",
    "columns",
    "format",
    "delimiter",
    "quote",
    "encoding",
    "header",
    "date_format",
    "timestamp_format",
    "null_values",
    "non_finite",
)


class FilesSource:
    """A source of files."""

    def __init__(self, name: str, config: FilesConfig, folder: Path, sample: Sample | None = None) -> None:
        self.name = name
        self.config = config
        self.folder = folder
        self.sample = sample

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of its tables."""
        return tuple(self.config.tables)

    def changes(self, known: Mapping[str, State], compare: Collection[str] = ()) -> dict[str, TableChange]:
        """Compare the files of every table with what is known of them: size and time, else content.

        Raises:
            SourceDataError: a table has no file, or one that cannot be read.
        """
        return {table: TableChange(table, self._why(table, known.get(table))) for table in self.tables}

    def extract(
        self,
        con: Connection,
        run: str,
        known: Mapping[str, State],
        locked: Mapping[str, LockedTable],
        tell: Callable[[str], None],
        compare: Collection[str] = (),
        totals: Mapping[str, Collection[str]] = NOTHING_ASKED,
    ) -> Extraction:
        """Read the files of each table that changed, each table in a transaction of its own.

        Files say nothing of themselves that is not read from them, so there are no totals.
        """
        done = []
        for table, change in self.changes(known).items():
            if change.why is not None:
                tell(f"{table}: {change.why}")
                done.append(self.extract_table(con, table, run, known.get(table), locked=locked.get(table)))
        return Extraction(done)

    def extract_table(
        self,
        con: Connection,
        table: str,
        run: str,
        known: State | None = None,
        *,
        locked: LockedTable | None = None,
    ) -> Extracted:
        """Read the files that are new or changed into the table's change log, in one transaction.

        ``known`` is what was read before; without it, what the lake itself remembers. An empty one
        reads everything again.
        """
        from headgate.sources.file_loading import FileLoading

        loading = FileLoading(con, self.name, table, self.config.tables[table], self.folder, locked, self.sample)
        return loading.load(run, known)

    def _why(self, table: str, known: State | None) -> str | None:
        config = self.config.tables[table]
        before = known or {}
        difference = look(config, table, self.name, self.folder, before)
        if before and before.get("settings") != settings_digest(config, self.sample):
            return "its settings changed"
        return difference.why


def look(config: FilesTable, table: str, source: str, folder: Path, known: State) -> Difference:
    """The files of a table, compared with what is known of them."""
    present = list_files(config.path, folder, table=f"{source}.{table}")
    difference = compare(present, known.get("files", ()))
    if difference.gone and not config.snapshot and not (difference.new or difference.changed):
        return Difference(difference.present, (), (), ())
    return difference


def settings_digest(config: FilesTable, sample: Sample | None) -> str:
    """A short hash of the settings that decide what is read out of a file."""
    values: dict[str, Any] = {name: getattr(config, name) for name in READING}
    values["sample"] = [sample.fraction, sample.by] if sample else None
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=list).encode()).hexdigest()[:16]
