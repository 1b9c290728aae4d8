"""Which format the files of a table are in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from headgate.sources.formats.delimited import Delimited, Dialect, can_be_read, find_delimiter
from headgate.sources.formats.format import Format
from headgate.sources.formats.json import Json
from headgate.sources.formats.parquet import Parquet
from headgate.sources.listing import SourceFile
from headgate.sources.schema_lock import LockedTable

if TYPE_CHECKING:
    from headgate.project.files_config import FilesTable

ENDINGS = {
    "csv": "csv",
    "tsv": "csv",
    "tab": "csv",
    "txt": "csv",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
    "parquet": "parquet",
    "pq": "parquet",
}


def choose_format(
    table: str, config: FilesTable, files: Sequence[SourceFile], locked: LockedTable
) -> tuple[Format, str | None]:
    """The format of ``files``, and what separates their columns if it is CSV.

    Raises:
        ConfigError: the files' names do not say it, or say different things.
    """
    kinds = {config.format or _by_name(file.place) for file in files}
    if len(kinds) > 1:
        raise config.error(
            f"the files are of different formats: {', '.join(sorted(map(str, kinds)))}",
            "path",
            hint="make a table of each, or say which one they are (format: csv)",
        )
    kind = kinds.pop() or "csv"
    if kind == "parquet":
        return Parquet(table), None
    if kind == "json":
        return Json(table), None
    encoding = config.encoding or "utf-8"
    if not can_be_read(encoding):
        hint = "known: utf-8, utf-16, latin-1; or convert the file first (iconv)"
        raise config.error(f"the encoding {encoding} cannot be read", "encoding", hint=hint)
    delimiter = config.delimiter or locked.delimiter or find_delimiter(files[0], encoding)
    dialect = Dialect(
        delimiter,
        '"' if config.quote is None else config.quote,
        encoding,
        tuple(config.columns) if config.header is False else (),
        config.null_values,
        bool(config.pii),
    )
    if config.header is False and not config.columns:
        raise config.error(
            "files without a header need their columns declared",
            "columns",
            hint="columns: {id: BIGINT, name: VARCHAR}, in the order of the file",
        )
    return Delimited(table, dialect), delimiter


def _by_name(place: str) -> str | None:
    """The format that a file's name says.

    >>> _by_name("/d/train.csv.gz"), _by_name("/d/README")
    ('csv', None)
    """
    ending = PurePath(place.lower().removesuffix(".gz")).suffix[1:]
    return ENDINGS.get(ending)
