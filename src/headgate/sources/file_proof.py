"""What the bytes of files prove, found out in a thread while the engine reads: their hashes, that
compressed ones are whole (DuckDB reads a gzip file that was cut off without a word), and that nobody
wrote to them meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headgate.errors import SourceDataError
from headgate.sources.listing import SourceFile, shown

CHUNK = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Proof:
    """The SHA-256 of each file, by place."""

    table: str
    sha256: Mapping[str, str]

    def unchanged(self, files: Sequence[SourceFile]) -> None:
        """Raises SourceDataError for a file that was written to since it was listed."""
        for file in files:
            try:
                now = os.stat(file.place)  # noqa: PTH116
                same = (now.st_size, now.st_mtime_ns) == (file.size, file.seen_ns)
            except OSError:
                same = False
            if not same:
                raise SourceDataError(
                    "the file changed while it was being read",
                    table=self.table,
                    rule="changed_while_reading",
                    file=shown(file.path),
                    hint="run again when it is complete; better, write files elsewhere and move them here",
                )


def prove(files: Sequence[SourceFile], table: str) -> Proof:
    """Read the bytes of every file once; raises SourceDataError for a broken gzip file."""
    return Proof(table, {file.place: _digest(file, table) for file in files})


def _digest(file: SourceFile, table: str) -> str:
    digest = hashlib.sha256()
    unpack = _Unpacking(file, table) if file.place.endswith(".gz") else None
    try:
        with Path(file.place).open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                if unpack:
                    unpack.take(chunk)
    except OSError as error:
        raise SourceDataError(
            f"the file cannot be read: {error.strerror}", table=table, rule="unreadable", file=shown(file.path)
        ) from error
    if unpack:
        unpack.finish()
    return digest.hexdigest()


class _Unpacking:
    """Unpacks a gzip file to nowhere, which checks its sums; it may have several members."""

    def __init__(self, file: SourceFile, table: str) -> None:
        self._file = file
        self._table = table
        self._member: zlib._Decompress | None = None

    def take(self, chunk: bytes) -> None:
        while chunk:
            self._member = self._member or zlib.decompressobj(_GZIP)
            try:
                self._member.decompress(chunk)
            except zlib.error as error:
                raise self._broken(f"is not gzip, or is damaged: {error}") from error
            chunk = b""
            if self._member.eof:
                chunk = self._member.unused_data
                self._member = None

    def finish(self) -> None:
        if self._member is not None:
            raise self._broken("ends in the middle: it was cut off")

    def _broken(self, what: str) -> SourceDataError:
        return SourceDataError(
            f"the compressed file {what}",
            table=self._table,
            rule="gzip",
            file=shown(self._file.path),
            hint="copy it again; if it is not compressed, take .gz off its name",
        )
