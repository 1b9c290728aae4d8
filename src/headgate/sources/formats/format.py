"""What a format is: it says which columns a file has, and how to read files that have the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import duckdb

from headgate.errors import SourceDataError
from headgate.lake.engine import Connection, literal
from headgate.sources.listing import SourceFile

#: The name of the column that says which file a row came from.
FILE = "_headgate_file"
#: What a file's column is when the format knows texts only.
TEXT = "VARCHAR"
HIDDEN = "•••"
SHOWN = 20
#: What to do about a file that holds nothing, and about one that holds no text.
IF_EMPTY = "if the table is really empty, take the file away or leave it as it was; else have it written again"
IF_BINARY = "declare what it is: encoding: utf-16, or format: parquet; a compressed file is read if it ends in .gz"


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of one file, in its order: name to the type that the format knows of, ``TEXT`` for a text.

    ``skip`` lines come before them.
    """

    columns: Mapping[str, str]
    skip: int = 0

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for headers of files that can be read together."""
        return (tuple(self.columns.items()), self.skip)


class Format(Protocol):
    """One format of files, as configured for one table."""

    #: Whether a file that lacks a column, other than a key, is broken; where absent means null, it is not.
    requires_columns: bool

    def headers(self, con: Connection, files: Sequence[SourceFile]) -> dict[SourceFile, Header]:
        """The columns of each file; raises SourceDataError for a file that is not of this format."""
        ...

    def query(self, files: Sequence[SourceFile], header: Header, wanted: Mapping[str, str]) -> str:
        """The SQL of a query over files that have the same ``header``.

        ``wanted`` maps columns of the header to names that they get; the column ``FILE`` holds the place.
        """
        ...

    def candidates(
        self, con: Connection, queries: Sequence[tuple[Sequence[SourceFile], Header]], columns: Sequence[str]
    ) -> dict[str, tuple[str, ...]]:
        """Which types a column can have, where the format knows more than texts."""
        ...

    def complain(self, con: Connection, file: SourceFile, header: Header, error: duckdb.Error) -> SourceDataError:
        """Why ``file`` could not be read, as one of our errors."""
        ...


def file_list(files: Sequence[SourceFile]) -> str:
    """The SQL list of exactly these files, none of them taken for a glob.

    >>> file_list([SourceFile("a[1].csv", "/d/a[1].csv", 0, 0)])
    "['/d/a[[]1].csv']"
    """
    return "[" + ", ".join(literal(escaped(file.place)) for file in files) + "]"


def escaped(place: str) -> str:
    """A place in which DuckDB sees no glob."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in place)


def masked(value: object, *, pii: bool = False) -> str:
    """The beginning of a value, to be shown in an error; nothing of one that is tagged ``pii``.

    >>> masked("a very long value that somebody may not want to see")
    "'a very long value th…'"
    >>> masked("Ann", pii=True)
    '•••'
    """
    if pii:
        return HIDDEN
    text = str(value)
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
