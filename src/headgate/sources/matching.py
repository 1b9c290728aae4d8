"""Which columns of files are which columns of the table: matched by name, whatever their order and case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headgate.errors import SourceDataError, did_you_mean
from headgate.sources.change_log import OWN_COLUMNS
from headgate.sources.formats.format import Format, Header
from headgate.sources.listing import SourceFile, shown

if TYPE_CHECKING:
    from headgate.project.files_config import FilesTable

Rank = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Group:
    """Files with the same header; ``wanted`` maps its columns to the table's."""

    files: tuple[SourceFile, ...]
    header: Header
    wanted: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of a table before its files are opened.

    ``since`` gives, for a column that came later, the rank of the first file that had it: files before
    may lack it.
    """

    columns: Mapping[str, str]
    since: Mapping[str, Rank] = field(default_factory=dict)


class Matching:
    """Finds the table's columns in the headers of files, one file after the other."""

    def __init__(self, table: str, config: FilesTable, form: Format, expected: Expected) -> None:
        self.table = table
        self.names: list[str] = list(expected.columns)
        self.since: dict[str, Rank] = dict(expected.since)
        self.notes: list[str] = []
        self._config = config
        self._form = form
        self._first = not expected.columns
        self._needed = [*config.primary_key, *config.columns]
        self._taken: list[tuple[SourceFile, Header, dict[str, str]]] = []
        self._refused: SourceDataError | None = None

    def take(self, file: SourceFile, header: Header) -> None:
        known = {name.lower(): name for name in self.names}
        wanted: dict[str, str] = {}
        for column in header.columns:
            if column.lower() not in known:
                self._new(column, file)
                known[column.lower()] = column
            name = known[column.lower()]
            if name in wanted.values():
                raise self._wrong(
                    "the file has this column twice (case does not matter)", "duplicate_column", file, name
                )
            wanted[column] = name
            if name in self.since:
                self.since[name] = min(self.since[name], file.rank)
        self._first = False
        self._taken.append((file, header, wanted))

    def check(self) -> None:
        known = {name.lower(): name for name in self.names}
        for file, header, wanted in self._taken:
            needed = [known.get(name.lower(), name) for name in self._needed]
            required = [*self.names, *needed] if self._form.requires_columns else list(self._config.primary_key)
            for name in required:
                if name not in wanted.values() and not self._may_lack(file, name):
                    raise self._lacks(file, header, name)
        if self._refused:
            raise self._refused

    def groups(self) -> tuple[Group, ...]:
        by_header: dict[object, list[tuple[SourceFile, Header, dict[str, str]]]] = defaultdict(list)
        for file, header, wanted in self._taken:
            by_header[header.identity].append((file, header, wanted))
        return tuple(
            Group(tuple(file for file, _, _ in members), members[0][1], members[0][2]) for members in by_header.values()
        )

    def _new(self, column: str, file: SourceFile) -> None:
        if "\x00" in column:
            raise self._wrong("a column's name holds a NUL character", "column_name", file, column)
        if column.lower() in OWN_COLUMNS or column.lower().startswith("_headgate"):
            what = "this column's name is one that Headgate uses itself"
            raise self._wrong(what, "reserved_column", file, column, hint="rename it in the source")
        if not self._first:
            if self._config.on_new_column == "block":
                what = "this column is new: no file had it before"
                hint = "take it in with on_new_column: evolve, or remove it from the file"
                self._refused = self._refused or self._wrong(what, "new_column", file, column, hint=hint)
            self.since[column] = file.rank
            self.notes.append(f"the column {shown(column)} is new, first in {shown(file.path)}")
        self.names.append(column)

    def _may_lack(self, file: SourceFile, name: str) -> bool:
        return name in self.since and file.rank < self.since[name]

    def _lacks(self, file: SourceFile, header: Header, name: str) -> SourceDataError:
        hint = did_you_mean(name, map(shown, header.columns)).replace("known:", "its columns are", 1)
        only = next(iter(header.columns), "")
        if len(header.columns) == 1 and any(sign in only for sign in ",;\t|"):
            hint = f"the whole header is one column, {shown(only, 60)}: is another delimiter used?"
        return self._wrong("the file lacks this column", "missing_column", file, name, hint=hint)

    def _wrong(
        self, what: str, rule: str, file: SourceFile, column: str, *, hint: str | None = None
    ) -> SourceDataError:
        return SourceDataError(
            what, table=self.table, rule=rule, file=shown(file.path), column=shown(column), hint=hint
        )
