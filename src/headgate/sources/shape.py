"""What shape rows have: which columns, of which types, in files whose headers may differ.

Types come from, in this order: the project's declaration, ``schema.lock``, the change log, what the file
itself says, inference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from headgate.errors import SourceDataError
from headgate.lake.engine import Connection, ident
from headgate.sources.casting import Cast, Formats, NonFinite, all_faithful, cast_native, cast_text
from headgate.sources.formats.format import FILE, TEXT, Format
from headgate.sources.inference import infer_types
from headgate.sources.listing import SourceFile
from headgate.sources.matching import Expected, Group, Matching, Rank
from headgate.sources.row_hash import hash_of

if TYPE_CHECKING:
    from headgate.project.files_config import FilesTable

#: The column of a stage that says whether a value could not be taken as it was written.
BAD = "_headgate_bad"
_TYPE = re.compile(r'[A-Za-z][A-Za-z0-9_ ,()\[\]"]*')


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns (name to type) of what is read, and how to read it."""

    table: str
    format: Format
    columns: Mapping[str, str]
    groups: tuple[Group, ...]
    since: Mapping[str, Rank]
    notes: tuple[str, ...]
    formats: Formats
    non_finite: NonFinite

    def raw(self, column: str) -> str:
        """The SQL name of a column's value as it was read."""
        return f"r{list(self.columns).index(column)}"

    def typed(self, column: str) -> str:
        """The SQL name of a column's typed value."""
        return f"v{list(self.columns).index(column)}"

    def casts(self, group: Group) -> dict[str, Cast]:
        """How each column of a group comes to its type."""
        natives = {table_name: group.header.columns[name] for name, table_name in group.wanted.items()}
        return {name: self._cast(name, natives.get(name, TEXT)) for name in self.columns}

    def read(self, group: Group, files: Sequence[SourceFile] | None = None, *, before: str = "") -> str:
        """The SQL that reads a group, or some of its files: raw values, typed values and ``FILE``.

        ``before`` is put before the raw columns: a row number, for instance.
        """
        raws = {name: self.raw(table_name) for name, table_name in group.wanted.items()}
        absent = [name for name in self.columns if name not in group.wanted.values()]
        nulls = "".join(f", CAST(NULL AS VARCHAR) AS {self.raw(name)}" for name in absent)
        query = self.format.query(files or group.files, group.header, raws)
        casts = ", ".join(f"{cast.value} AS {self.typed(name)}" for name, cast in self.casts(group).items())
        return f"SELECT {before}*, {casts} FROM (SELECT *{nulls} FROM ({query}))"

    def rows(self, sample: str | None = None) -> str:
        """The SQL of all rows: columns by name, ``_hash``, ``BAD`` and ``FILE``."""
        typed = {name: self.typed(name) for name in self.columns}
        named = ", ".join(f"{value} AS {ident(name)}" for name, value in typed.items())
        digest = hash_of(self.columns, typed)
        where = f" WHERE {sample}" if sample else ""
        return " UNION ALL ".join(
            f"SELECT {named}, {digest} AS _hash, NOT ({all_faithful(list(self.casts(group).values()))}) AS {BAD}, "
            f"{FILE} FROM ({self.read(group)}){where}"
            for group in self.groups
        )

    def group_of(self, place: str) -> tuple[Group, SourceFile]:
        """The group of the file at ``place``, and the file."""
        return next((g, file) for g in self.groups for file in g.files if file.place == place)

    def _cast(self, name: str, native: str) -> Cast:
        kind = self.columns[name]
        if native == TEXT:
            return cast_text(self.raw(name), self.typed(name), kind, self.formats, self.non_finite)
        return cast_native(self.raw(name), self.typed(name), kind, native, self.non_finite)


def fit(
    con: Connection,
    table: str,
    form: Format,
    files: Sequence[SourceFile],
    config: FilesTable,
    expected: Expected,
) -> Shape:
    """The shape of ``files``, which are in their order.

    Raises:
        SourceDataError: a file lacks a column, or has one that is not expected.
        ConfigError: a declared type does not exist.
    """
    headers = form.headers(con, files)
    matching = Matching(table, config, form, expected)
    for file in files:
        matching.take(file, headers[file])
    matching.check()
    groups = matching.groups()
    formats = Formats(config.date_format, config.timestamp_format)
    try:
        kinds = _types(con, form, config, expected, matching.names, groups, formats)
    except duckdb.Error as error:
        raise first_unreadable(con, form, groups) or error from error
    return Shape(table, form, kinds, groups, matching.since, tuple(matching.notes), formats, config.non_finite)


def first_unreadable(con: Connection, form: Format, groups: Sequence[Group]) -> SourceDataError | None:
    """Why files could not be read: the first of them that cannot be read alone."""
    for group in groups:
        for file in group.files:
            wanted = {name: f"c{index}" for index, name in enumerate(group.wanted)}
            counted = ", ".join(f"count({alias})" for alias in wanted.values())
            try:
                con.execute(f"SELECT {counted} FROM ({form.query([file], group.header, wanted)})").fetchall()
            except duckdb.Error as error:
                return form.complain(con, file, group.header, error)
    return None


def _types(
    con: Connection,
    form: Format,
    config: FilesTable,
    expected: Expected,
    names: Sequence[str],
    groups: Sequence[Group],
    formats: Formats,
) -> dict[str, str]:
    declared = {column.lower(): kind for column, kind in config.columns.items()}
    kinds: dict[str, str | None] = {}
    for name in names:
        own = next((g.header.columns[c] for g in groups for c, n in g.wanted.items() if n == name), TEXT)
        kind = declared.get(name.lower()) or expected.columns.get(name) or (own if own != TEXT else None)
        kinds[name] = _normalised(con, kind, config, name) if kind else None
    unknown = [name for name, kind in kinds.items() if kind is None]
    if unknown:
        kinds |= _inferred(con, form, groups, unknown, formats)
    return {name: kind or TEXT for name, kind in kinds.items()}


def _inferred(
    con: Connection, form: Format, groups: Sequence[Group], names: Sequence[str], formats: Formats
) -> dict[str, str | None]:
    queries = []
    for group in groups:
        wanted = {column: ident(name) for column, name in group.wanted.items() if name in names}
        absent = "".join(f", CAST(NULL AS VARCHAR) AS {ident(n)}" for n in names if ident(n) not in wanted.values())
        query = form.query(group.files, group.header, wanted)
        queries.append(f"SELECT {', '.join(map(ident, names))} FROM (SELECT *{absent} FROM ({query}))")
    allowed = form.candidates(con, [(group.files, group.header) for group in groups], names)
    found = infer_types(con, " UNION ALL ".join(queries), names, formats, allowed)
    return dict(found)


def _normalised(con: Connection, kind: str, config: FilesTable, column: str) -> str:
    """A type as DuckDB spells it; raises ConfigError if there is none of that name."""
    if kind in ("BIGINT", "VARCHAR", "DOUBLE", "DATE", "BOOLEAN", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIME"):
        return kind
    try:
        if not _TYPE.fullmatch(kind):
            raise duckdb.ParserException(kind)
        row = con.execute(f"SELECT typeof(CAST(NULL AS {kind}))").fetchall()[0]
    except duckdb.Error as error:
        hint = "BIGINT, DOUBLE, DECIMAL(18,2), VARCHAR, BOOLEAN, DATE, TIMESTAMP, TIMESTAMPTZ, TIME, …"
        raise config.error(f"there is no type {kind}", "columns", column, hint=hint) from error
    return str(row[0])
