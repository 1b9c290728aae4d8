"""Reading the files of one table into its change log: the story of one extraction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from headgate.errors import SourceDataError
from headgate.lake.engine import Connection, ident, transaction, translated
from headgate.sources.change_log import ChangeLog, Incoming
from headgate.sources.counts import Counts
from headgate.sources.file_checks import FileChecks
from headgate.sources.file_proof import Proof, prove
from headgate.sources.files import look, settings_digest
from headgate.sources.formats.choice import choose_format
from headgate.sources.formats.format import FILE
from headgate.sources.listing import Difference, SourceFile
from headgate.sources.matching import Expected
from headgate.sources.memory import Memory
from headgate.sources.schema_lock import LockedTable
from headgate.sources.shape import Shape, first_unreadable, fit
from headgate.sources.source import Extracted, State
from headgate.sources.staging import Stage, in_sample

if TYPE_CHECKING:
    from headgate.project.config import Sample
    from headgate.project.files_config import FilesTable


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read: rows by place, and how many of them are in the stage, or why not."""

    rows: Mapping[str, int]
    incoming: Incoming
    shape: Shape
    delimiter: str | None


class FileLoading:
    """One extraction of one table."""

    def __init__(
        self,
        con: Connection,
        source: str,
        table: str,
        config: FilesTable,
        folder: Path,
        locked: LockedTable | None,
        sample: Sample | None,
    ) -> None:
        self.con = con
        self.source = source
        self.table = table
        self.config = config
        self.folder = folder
        self.locked = locked or LockedTable()
        self.sample = sample
        self.name = f"{source}.{table}"
        self.log = ChangeLog(con, table, config.primary_key)
        self.memory = Memory(con)

    def load(self, run: str, known: State | None) -> Extracted:
        """Find what changed, read it, check it, and append it in one transaction."""
        with self._translated():
            self.con.execute("SET TimeZone = 'UTC'")
            before = self._known(known)
            difference = look(self.config, self.table, self.source, self.folder, before)
            files = difference.to_read(all_of_them=self._everything(before, difference))
            if not files:
                return self._nothing(before, difference)
            stage = Stage(self.con, self.table, self.config.primary_key)
            with ThreadPoolExecutor(max_workers=1) as pool:
                proof = pool.submit(prove, files, self.name)
                try:
                    read = self._read(files, before, stage, proof)
                    proof.result().unchanged(files)
                    return self._append(run, read, self._seen(difference, proof.result(), read.rows), before)
                finally:
                    stage.drop()

    def _known(self, known: State | None) -> State:
        if not self.log.columns():
            return {}
        remembered = self.memory.recall(self.table) if not known else {}
        before = {"since": remembered.get("since", {})} if known == {} else known or remembered
        keys = before.get("primary_key", remembered.get("primary_key"))
        if keys and list(keys) != list(self.config.primary_key):
            raise self.config.error(
                f"the primary key of a table that is loaded cannot be changed: it was {', '.join(keys)}",
                "primary_key",
                hint="load it under another name, or into a new lake",
            )
        return before

    def _everything(self, before: State, difference: Difference) -> bool:
        moved = before.get("settings") != settings_digest(self.config, self.sample)
        return moved or (self.config.snapshot and difference.why is not None)

    def _nothing(self, before: State, difference: Difference) -> Extracted:
        state = {**before, "files": [file.to_dict() for file in difference.present]}
        schema = LockedTable(self.log.columns(), before.get("delimiter"))
        return Extracted(self.table, Counts(), state, schema, self.config.primary_key)

    def _read(self, files: Sequence[SourceFile], before: State, stage: Stage, proof: Future[Proof]) -> _Read:
        shape, delimiter = self._shape(files, before, proof)
        checks = FileChecks(self.con, shape, stage, files, self.config.primary_key, self.config.pii)
        sample = self._sample(shape)
        try:
            stage.fill(shape.rows(sample))
            counted = self._count_all(shape, sample) if sample else None
        except duckdb.Error as error:
            proof.result()  # a damaged gzip file has the better explanation
            raise first_unreadable(self.con, shape.format, shape.groups) or error from error
        findings = stage.look()
        rows = counted[0] if counted else {files[0].place: findings.rows} if len(files) == 1 else stage.rows_by_file()
        checks.check_rows(rows)
        checks.check(findings)
        superseded = 0
        if findings.distinct_keys < findings.rows:
            superseded = stage.keep_latest([file.place for file in files])
        incoming = Incoming(
            stage.relation,
            shape.columns,
            read=sum(rows.values()),
            superseded=superseded,
            sampled_out=counted[1] if counted else 0,
        )
        return _Read(rows, incoming, shape, delimiter)

    def _shape(self, files: Sequence[SourceFile], before: State, proof: Future[Proof]) -> tuple[Shape, str | None]:
        form, delimiter = choose_format(self.name, self.config, files, self.locked)
        since = {column: (int(rank[0]), str(rank[1])) for column, rank in before.get("since", {}).items()}
        expected = {**self.log.columns(), **self.locked.columns}
        if self.locked.columns:
            expected = dict(self.locked.columns)
        try:
            return fit(self.con, self.name, form, files, self.config, Expected(expected, since)), delimiter
        except (SourceDataError, duckdb.Error):
            proof.result()  # a damaged gzip file has the better explanation
            raise

    def _sample(self, shape: Shape) -> str | None:
        """The condition that chooses the sample, if there is one and the table has its column."""
        if self.sample is None:
            return None
        by = self.sample.by.lower()
        column = next((name for name in shape.columns if name.lower() == by), None)
        return in_sample(shape.typed(column), shape.columns[column], self.sample.fraction) if column else None

    def _count_all(self, shape: Shape, sample: str) -> tuple[dict[str, int], int]:
        """Count rows by place, and those left out of the sample, independently of what the stage holds."""
        query = " UNION ALL ".join(f"SELECT {FILE}, {sample} AS chosen FROM ({shape.read(g)})" for g in shape.groups)
        found = self.con.execute(
            f"SELECT {FILE}, count(*), count(*) FILTER (NOT chosen) FROM ({query}) GROUP BY 1"
        ).fetchall()
        return {place: rows for place, rows, _ in found}, sum(left for _, _, left in found)

    def _seen(self, difference: Difference, proof: Proof, rows: Mapping[str, int]) -> list[SourceFile]:
        """All present files, with the hash and rows of those that were read."""
        return [
            replace(file, sha256=proof.sha256[file.place], rows=rows[file.place]) if file.place in rows else file
            for file in difference.present
        ]

    def _append(self, run: str, read: _Read, files: Sequence[SourceFile], before: State) -> Extracted:
        state: dict[str, Any] = {
            "settings": settings_digest(self.config, self.sample),
            "primary_key": list(self.config.primary_key),
            "since": {column: list(rank) for column, rank in read.shape.since.items()},
            "delimiter": read.delimiter,
            "cursor": self._cursor(read),
        }
        fresh = [file for file in files if file.place in read.rows]
        gone = sorted({f["path"] for f in before.get("files", ())} - {f.path for f in files})
        with transaction(self.con):
            counts = self.log.append(read.incoming, run, snapshot=self.config.snapshot)
            self.memory.record(self.source, self.table, run, counts, state, fresh, gone)
        return Extracted(
            self.table,
            counts,
            {**state, "files": [file.to_dict() for file in files]},
            LockedTable(dict(self._ordered(read.shape.columns)), read.delimiter),
            self.config.primary_key,
            read.shape.notes,
            state["cursor"],
            tuple(file.path for file in fresh),
        )

    def _ordered(self, columns: Mapping[str, str]) -> Mapping[str, str]:
        """The columns in the order of the log."""
        return {name: columns[name] for name in self.log.columns() if name in columns}

    def _cursor(self, read: _Read) -> dict[str, Any] | None:
        """The range of the cursor column in what was read."""
        if self.config.cursor is None or self.config.cursor not in read.shape.columns:
            return None
        column = ident(self.config.cursor)
        low, high = self.con.execute(
            f"SELECT CAST(min({column}) AS VARCHAR), CAST(max({column}) AS VARCHAR) FROM {read.incoming.relation}"
        ).fetchall()[0]
        return {"column": self.config.cursor, "low": low, "high": high}

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise translated(error, doing=f"loading {self.name}", pii=bool(self.config.pii)) from error
