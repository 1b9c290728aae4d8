"""JSON: one object a row, as an array or one after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import duckdb

from headgate.errors import SourceDataError
from headgate.lake.engine import Connection, literal
from headgate.sources.formats.delimited import open_bytes
from headgate.sources.formats.format import FILE, IF_EMPTY, TEXT, Header, file_list
from headgate.sources.inference import CANDIDATES
from headgate.sources.listing import SourceFile, shown

LARGEST_OBJECT = 64_000_000
#: What a JSON type can be; a text of JSON is never a number, so ids such as "00123" stay what they are.
MEANINGS = {
    "BIGINT": ("BIGINT", "DOUBLE"),
    "UBIGINT": ("BIGINT", "DOUBLE"),
    "DOUBLE": ("BIGINT", "DOUBLE"),
    "BOOLEAN": ("BOOLEAN",),
    "VARCHAR": tuple(kind for kind in CANDIDATES if kind not in ("BOOLEAN", "BIGINT", "DOUBLE")),
    "OBJECT": ("JSON",),
    "ARRAY": ("JSON",),
}


class Json:
    """JSON files of one table. A key that an object does not have means null."""

    requires_columns = False

    def __init__(self, table: str) -> None:
        self.table = table

    def headers(self, con: Connection, files: Sequence[SourceFile]) -> dict[SourceFile, Header]:
        """The keys that occur in each file, in the order of their first occurrence."""
        for file in files:
            if file.size == 0:
                raise self._wrong(file, "the file is empty", "empty_file", hint=IF_EMPTY)
        found: dict[str, dict[str, str]] = {file.place: {} for file in files}
        by_place = {file.place: file for file in files}
        shapes, keys = self._look(con, files)
        for file in files:
            if not any(place == file.place for place, _, _ in shapes):
                raise self._wrong(file, "the file has no rows", "no_rows")
        for place, kind, doubled in shapes:
            if kind != "OBJECT":
                raise self._wrong(by_place[place], "not every record is a JSON object", "not_objects")
            if doubled:
                raise self._wrong(by_place[place], "an object has the same key twice", "duplicate_column")
        for place, key in keys:
            found[place][key] = TEXT
        return {file: Header(found[file.place]) for file in files}

    def query(self, files: Sequence[SourceFile], header: Header, wanted: Mapping[str, str]) -> str:
        """The chosen keys as texts."""
        chosen = ", ".join(f"json_extract_string(json, {literal(_pointer(n))}) AS {a}" for n, a in wanted.items())
        return f"SELECT {chosen}, filename AS {FILE} FROM {_objects(files)}"

    def candidates(
        self, con: Connection, queries: Sequence[tuple[Sequence[SourceFile], Header]], columns: Sequence[str]
    ) -> dict[str, tuple[str, ...]]:
        """What the JSON types of a column's values allow; a mixture is text."""
        files = [file for group, _ in queries for file in group]
        asked = ", ".join(f"list(DISTINCT json_type(json, {literal(_pointer(name))}))" for name in columns)
        row = con.execute(f"SELECT {asked} FROM {_objects(files)}").fetchall()[0]
        return {name: _common({kind for kind in kinds or [] if kind}) for name, kinds in zip(columns, row, strict=True)}

    def complain(self, con: Connection, file: SourceFile, header: Header, error: duckdb.Error) -> SourceDataError:
        """Where the file stops being JSON."""
        with open_bytes(file) as stream:
            content = stream.read(LARGEST_OBJECT)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as undecodable:
            row = content[: undecodable.start].count(b"\n") + 1
            return self._wrong(file, "the text is not valid utf-8", "encoding", row=row)
        if text.lstrip()[:1] == "[":
            return self._broken_array(file, text)
        for number, line in enumerate(text.splitlines(), 1):
            try:
                json.loads(line or "null")
            except ValueError as broken:
                return self._wrong(file, f"this is not valid JSON: {broken}", "not_json", row=number)
        return self._wrong(file, f"the file cannot be read: {str(error).splitlines()[0]}", "not_json")

    def _look(
        self, con: Connection, files: Sequence[SourceFile]
    ) -> tuple[list[tuple[str, str, bool]], list[tuple[str, str]]]:
        objects = _objects(files)
        try:
            shapes = con.execute(
                f"SELECT filename, json_type(json) AS kind, bool_or(len(json_keys(json)) <> "
                f"len(list_distinct(json_keys(json)))) FROM {objects} GROUP BY ALL"
            ).fetchall()
            keys = con.execute(
                f"SELECT filename, key FROM (SELECT filename, unnest(json_keys(json)) AS key, "
                f"generate_subscripts(json_keys(json), 1) AS place FROM {objects}) "
                f"GROUP BY ALL ORDER BY filename, min(place), key"
            ).fetchall()
        except duckdb.Error as error:
            raise self._first_broken(con, files, error) from error
        return shapes, keys

    def _first_broken(self, con: Connection, files: Sequence[SourceFile], error: duckdb.Error) -> SourceDataError:
        for file in files:
            try:
                con.execute(f"SELECT count(json) FROM {_objects([file])}").fetchall()
            except duckdb.Error as found:
                return self.complain(con, file, Header({}), found)
        return self.complain(con, files[0], Header({}), error)

    def _broken_array(self, file: SourceFile, text: str) -> SourceDataError:
        try:
            json.loads(text)
        except json.JSONDecodeError as broken:
            return self._wrong(file, f"this is not valid JSON: {broken}", "not_json")
        return self._wrong(file, f"an object is larger than {LARGEST_OBJECT:,} bytes", "row_too_long")

    def _wrong(
        self, file: SourceFile, what: str, rule: str, *, row: int | None = None, hint: str | None = None
    ) -> SourceDataError:
        return SourceDataError(what, table=self.table, rule=rule, file=shown(file.path), row=row, hint=hint)


def _objects(files: Sequence[SourceFile]) -> str:
    """One row an object; an array that DuckDB took for a record (after a BOM, or between objects) is opened."""
    reader = (
        f"read_json_objects({file_list(files)}, format = 'auto', filename = true, hive_partitioning = false, "
        f"maximum_object_size = {LARGEST_OBJECT})"
    )
    if not any(_starts_with_bom(file) for file in files):
        return reader
    return (
        f"(SELECT filename, unnest(CASE WHEN json_type(json) = 'ARRAY' THEN json_extract(json, '$[*]') "
        f"ELSE [json] END) AS json FROM {reader})"
    )


def _starts_with_bom(file: SourceFile) -> bool:
    with open_bytes(file) as stream:
        return stream.read(3) == b"\xef\xbb\xbf"


def _pointer(name: str) -> str:
    """The JSON pointer of a key.

    >>> _pointer("a/b~c")
    '/a~1b~0c'
    """
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _common(kinds: set[str]) -> tuple[str, ...]:
    present = kinds - {"NULL"}
    if not present:
        return ()
    meanings = [MEANINGS[kind] for kind in sorted(present)]
    return tuple(kind for kind in meanings[0] if all(kind in other for other in meanings))
