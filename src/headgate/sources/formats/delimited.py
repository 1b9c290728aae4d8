"""CSV and its kin: texts, separated by something, perhaps quoted, perhaps compressed with gzip."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import duckdb

from headgate.errors import SourceDataError
from headgate.lake.engine import Connection, literal
from headgate.sources.formats.format import FILE, IF_BINARY, IF_EMPTY, TEXT, Header, escaped, file_list, masked
from headgate.sources.listing import SourceFile, shown

GZIP_MAGIC = b"\x1f\x8b"
HEAD_BYTES = 1 << 20
LONGEST_ROW = 16_000_000
BUFFER = 2 * LONGEST_ROW
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = {"utf-8": "utf-8", "ascii": "utf-8", "utf-16": "utf-16", "iso8859-1": "latin-1"}
RULES = {
    "MISSING COLUMNS": ("ragged_row", "the row has fewer values than the header has columns"),
    "TOO MANY COLUMNS": ("ragged_row", "the row has more values than the header has columns"),
    "UNQUOTED VALUE": ("quote", "a quote is opened and never properly closed"),
    "LINE SIZE OVER MAXIMUM": ("row_too_long", f"the row is longer than {LONGEST_ROW:,} bytes"),
    "INVALID ENCODING": ("encoding", "the text is not valid in the declared encoding"),
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How values are separated, quoted and encoded; ``names`` are the columns of files without a header.

    ``pii`` says that rows hold what is not to be shown.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    names: tuple[str, ...] = ()
    null_values: tuple[str, ...] = ()
    pii: bool = False


class Delimited:
    """CSV files of one table."""

    requires_columns = True

    def __init__(self, table: str, dialect: Dialect) -> None:
        self.table = table
        self.dialect = dialect
        self._encoding = codecs.lookup(dialect.encoding).name

    def headers(self, con: Connection, files: Sequence[SourceFile]) -> dict[SourceFile, Header]:
        """Read the first record of each file, without the engine."""
        return {file: self._header(file) for file in files}

    def query(self, files: Sequence[SourceFile], header: Header, wanted: Mapping[str, str]) -> str:
        """Every column is read as text, under the number of its place, so that no name can do harm."""
        positions = {name: f"c{index}" for index, name in enumerate(header.columns)}
        chosen = ", ".join(f"{positions[name]} AS {alias}" for name, alias in wanted.items())
        return f"SELECT {chosen}, filename AS {FILE} FROM {self._reader(file_list(files), header)}"

    def candidates(
        self, con: Connection, queries: Sequence[tuple[Sequence[SourceFile], Header]], columns: Sequence[str]
    ) -> dict[str, tuple[str, ...]]:
        """CSV knows nothing but texts."""
        return {}

    def complain(self, con: Connection, file: SourceFile, header: Header, error: duckdb.Error) -> SourceDataError:
        """Read the file again, keeping a list of what is wrong in it, and tell the first of it."""
        if undecodable := self._first_undecodable(file):
            row, hint = undecodable
            return self._wrong(file, "the text is not valid " + self.dialect.encoding, "encoding", row=row, hint=hint)
        reader = self._reader(f"[{literal(escaped(file.place))}]", header, ", store_rejects = true, rejects_limit = 1")
        found = None
        try:
            con.execute(f"SELECT count(*) FROM {reader}").fetchall()
            found = con.execute(
                "SELECT line, error_type, csv_line FROM reject_errors ORDER BY line, column_idx"
            ).fetchone()
        except duckdb.Error as second:
            error = second
        finally:
            con.execute("DROP TABLE IF EXISTS temp.reject_errors")
            con.execute("DROP TABLE IF EXISTS temp.reject_scans")
        if found is None:
            return self._shapeless(file, error)
        line, kind, content = found
        rule, what = RULES.get(kind, ("csv", f"the row is broken ({kind})"))
        row = line - header.skip - (0 if self.dialect.names else 1)
        return self._wrong(
            file, f"{what}: {masked(content, pii=self.dialect.pii)}", rule, row=row, hint=self._hint(rule)
        )

    def _header(self, file: SourceFile) -> Header:
        if file.size == 0:
            raise self._wrong(file, "the file is empty", "empty_file", hint=IF_EMPTY)
        text = self._head(file)
        if "\x00" in text:
            raise self._wrong(file, "this is not a text file", "not_csv", hint=IF_BINARY)
        try:
            record = next((r for r in self._records(text) if any(map(str.strip, r))), None)
        except csv.Error as error:
            raise self._wrong(file, f"the first line cannot be understood: {error}", "not_csv") from error
        if record is None:
            raise self._wrong(file, "the file has no header and no rows", "empty_file", hint=IF_EMPTY)
        names = [name.strip() for name in record]
        if self.dialect.names:
            names = self._positional(file, len(record))
        self._check_names(file, names)
        return Header(dict.fromkeys(names, TEXT), _blank_lines(text))

    def _positional(self, file: SourceFile, width: int) -> list[str]:
        names = list(self.dialect.names)
        if len(names) != width:
            raise self._wrong(
                file, f"the first row has {width} values, and {len(names)} columns are declared", "ragged_row", row=1
            )
        return names

    def _check_names(self, file: SourceFile, names: list[str]) -> None:
        seen: set[str] = set()
        for position, name in enumerate(names, 1):
            if not name:
                raise self._wrong(file, f"column {position} of the header has no name", "column_name")
            if name.lower() in seen:
                raise self._wrong(
                    file, "the header names this column twice (case does not matter)", "duplicate_column", column=name
                )
            seen.add(name.lower())

    def _records(self, text: str) -> Iterator[list[str]]:
        if len(self.dialect.delimiter) > 1:
            first = text.splitlines()[0] if text.strip() else ""
            return iter([[v.strip(self.dialect.quote or " ") for v in first.split(self.dialect.delimiter)]])
        lines = io.StringIO(text, newline="")
        if self.dialect.quote:
            return csv.reader(lines, delimiter=self.dialect.delimiter, quotechar=self.dialect.quote)
        return csv.reader(lines, delimiter=self.dialect.delimiter, quoting=csv.QUOTE_NONE)

    def _head(self, file: SourceFile) -> str:
        decode = codecs.getincrementaldecoder("utf-8-sig" if self._encoding == "utf-8" else self._encoding)()
        try:
            with open_bytes(file) as stream:
                return decode.decode(stream.read(HEAD_BYTES))
        except UnicodeDecodeError as error:
            raise self._undecodable(file, error) from error
        except EOFError as error:
            raise self._wrong(file, "the compressed file ends in the middle: it was cut off", "gzip") from error
        except (OSError, zlib.error) as error:
            raise self._wrong(file, f"the compressed file is not gzip, or is damaged: {error}", "gzip") from error

    def _undecodable(self, file: SourceFile, error: UnicodeDecodeError) -> SourceDataError:
        before = bytes(error.object[: error.start])
        if b"\x00" in bytes(error.object[:HEAD_BYTES]) or error.start < 4:
            return self._wrong(file, "this is not a text file", "not_csv", hint=IF_BINARY)
        row = before.count(b"\n") + (1 if self.dialect.names else 0)
        return self._wrong(
            file,
            f"the text is not valid {self.dialect.encoding}",
            "encoding",
            row=row or None,
            hint="declare its encoding (encoding: latin-1), or save it as UTF-8",
        )

    def _first_undecodable(self, file: SourceFile) -> tuple[int, str] | None:
        """The row in which the file stops being text in its encoding, and what to do."""
        decoder = codecs.getincrementaldecoder("utf-8-sig" if self._encoding == "utf-8" else self._encoding)()
        lines = 1 if self.dialect.names else 0
        with open_bytes(file) as stream:
            while True:
                chunk = stream.read(HEAD_BYTES)
                try:
                    lines += decoder.decode(chunk, final=not chunk).count("\n")
                except UnicodeDecodeError as error:
                    lines += bytes(error.object[: error.start]).count(b"\n")
                    return lines, "declare its encoding (encoding: latin-1), or save it as UTF-8"
                if not chunk:
                    return None

    def _reader(self, files: str, header: Header, more: str = "") -> str:
        dialect = self.dialect
        columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(header.columns)))
        nulls = ", ".join(literal(text) for text in ("", *dialect.null_values))
        return (
            f"read_csv({files}, auto_detect = false, columns = {{{columns}}}, filename = true, "
            f"header = {literal(not dialect.names)}, skip = {header.skip}, delim = {literal(dialect.delimiter)}, "
            f"quote = {literal(dialect.quote)}, escape = {literal(dialect.quote)}, nullstr = [{nulls}], "
            f"encoding = {literal(ENCODINGS[self._encoding])}, hive_partitioning = false, strict_mode = true, "
            f"null_padding = false, max_line_size = {LONGEST_ROW}, buffer_size = {BUFFER}{more})"
        )

    def _shapeless(self, file: SourceFile, error: duckdb.Error) -> SourceDataError:
        if isinstance(error, duckdb.IOException):
            return self._wrong(file, f"the file cannot be read: {_first_line(error)}", "unreadable")
        return self._wrong(
            file,
            "the file cannot be divided into rows",
            "not_csv",
            hint="look for mixed line endings, stray quotes, or a file that is no CSV at all",
        )

    def _hint(self, rule: str) -> str | None:
        return {
            "ragged_row": f"if {self.dialect.delimiter!r} separates its columns, a text that holds it must be quoted",
            "quote": f"a quote inside a quoted text is written twice: {self.dialect.quote * 2}",
        }.get(rule)

    def _wrong(
        self,
        file: SourceFile,
        what: str,
        rule: str,
        *,
        row: int | None = None,
        column: str | None = None,
        hint: str | None = None,
    ) -> SourceDataError:
        return SourceDataError(
            what, table=self.table, rule=rule, file=shown(file.path), row=row, column=column, hint=hint
        )


def can_be_read(encoding: str) -> bool:
    """Whether text in this encoding can be read.

    >>> can_be_read("latin-1"), can_be_read("utf8"), can_be_read("shift-jis"), can_be_read("klingon")
    (True, True, False, False)
    """
    try:
        return codecs.lookup(encoding).name in ENCODINGS
    except LookupError:
        return False


def open_bytes(file: SourceFile) -> BinaryIO:
    """The bytes of a file, unpacked if its name says that it is compressed."""
    opened = gzip.open(file.place, "rb") if is_gzip(file) else Path(file.place).open("rb")  # noqa: SIM115
    return cast("BinaryIO", opened)


def is_gzip(file: SourceFile) -> bool:
    """Whether a file's name says that it is compressed, which is what DuckDB goes by."""
    return file.place.endswith(".gz")


def find_delimiter(file: SourceFile, encoding: str, default: str = ",") -> str:
    """What most likely separates the columns of a file: the sign that its first line has most of."""
    if file.place.removesuffix(".gz").endswith((".tsv", ".tab")):
        return "\t"
    try:
        with open_bytes(file) as stream:
            line = stream.readline(HEAD_BYTES).decode(encoding, errors="replace")
    except (OSError, EOFError, LookupError, zlib.error):
        return default
    outside = "".join(line.split('"')[::2])
    best = max(DELIMITERS, key=outside.count)
    return best if outside.count(best) else default


def _blank_lines(text: str) -> int:
    """How many lines have nothing in them before one that has; DuckDB would take the first for the header.

    >>> _blank_lines("\\n\\r\\n id\\n")
    2
    """
    return next((number for number, line in enumerate(text.splitlines()) if line.strip()), 0)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
