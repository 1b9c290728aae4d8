"""Files: Parquet is read where it lies, CSV and JSON once, with their types found as sources find them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from headgate.errors import DataError, SourceDataError, UsageError
from headgate.gates.sight import Since
from headgate.lake.engine import Connection, ident, translated
from headgate.project.files_config import FilesTable
from headgate.sources.formats.choice import ENDINGS, choose_format
from headgate.sources.formats.delimited import Delimited
from headgate.sources.formats.format import Format, file_list
from headgate.sources.formats.parquet import Parquet
from headgate.sources.listing import SourceFile, list_files, shown
from headgate.sources.matching import Expected
from headgate.sources.schema_lock import LockedTable
from headgate.sources.shape import Shape, first_unreadable, fit
from headgate.standalone.csv_form import AS_FOUND, CsvForm, without_project
from headgate.standalone.data import Data, own

_LOST = "_headgate_lost"
_NO_NAME = re.compile(r"\W+")


def open_files(con: Connection, place: str, pii: Collection[str] = (), form: CsvForm = AS_FOUND) -> Data:
    """The rows of a file, of all files that a glob matches, or of all Parquet files in a folder and below.

    Raises:
        UsageError: there is no such file, or nobody knows how to read one of this name.
        DataError: a file cannot be read, or does not have the columns of the others.
    """
    if not place.strip():
        raise UsageError("the place of the data is empty", hint="name a file, a glob, a folder or a database's table")
    if Path(place).resolve() == Path(Path(place).resolve().anchor):
        raise UsageError(f"{place} is the whole machine", hint="name a file, a glob or a folder with the data")
    pattern = f"{place.rstrip('/')}/**/*.parquet" if Path(place).is_dir() else place
    try:
        files = list_files(pattern, Path.cwd(), table=place)
    except SourceDataError as error:
        if error.rule == "missing_file" and Path(place).is_dir():
            hint = f"of a folder its Parquet files are read; name others: {place.rstrip('/')}/*.csv"
            raise UsageError(f"there is no Parquet file in {place}", hint=hint) from error
        if error.rule == "missing_file":
            raise UsageError(f"there is no file {place}", hint=f"looked for it in {Path.cwd()}") from error
        raise
    return open_listed(con, place, files, pii, form)


def open_listed(
    con: Connection, place: str, files: Sequence[SourceFile], pii: Collection[str] = (), form: CsvForm = AS_FOUND
) -> Data:
    """The rows of these files, which are called ``place``. Texts are read once, and not needed after.

    Raises:
        UsageError: nobody knows how to read files of these names, or they are no CSV and a form of it is said.
        DataError: a file cannot be read, or does not have the columns of the others.
    """
    config = FilesTable.model_construct(path=place, primary_key=(), pii=tuple(pii), **form.settings)
    reader, _ = choose_format(place, _known(config, files), files, LockedTable())
    if not isinstance(reader, Delimited):
        form.refuse(place)
    table = called(place)
    try:
        if isinstance(reader, Parquet):
            _view(con, reader, files, table)
        else:
            _read(con, fit(con, place, reader, files, config, Expected({})), table)
    except SourceDataError as error:
        raise without_project(error) from error
    except duckdb.Error as error:
        raise translated(error, doing=f"reading {place}", pii=bool(pii)) from error
    return own(con, place, table, _since(files))


def _since(files: Sequence[SourceFile]) -> Since:
    """Data is as it is since the newest of its files was written."""
    newest = max((file.mtime_ns for file in files), default=0)
    return lambda title, identity: dt.datetime.fromtimestamp(newest / 1e9, dt.UTC)


def called(place: str) -> str:
    """What the table of a file is called: as the file, without endings.

    >>> called("/d/train.csv.gz"), called("sales/2024-*.parquet"), called("*.csv")
    ('train', '2024_', 'data')
    """
    name = _NO_NAME.sub("_", Path(place).name.split(".")[0])
    return name if name.strip("_") else "data"


def _known(config: FilesTable, files: Sequence[SourceFile]) -> FilesTable:
    """Refuse files whose names do not say what they are: nobody could have declared it."""
    for file in files:
        ending = file.place.lower().removesuffix(".gz").rpartition(".")[2]
        if ending not in ENDINGS:
            known = ", ".join(f".{each}" for each in ENDINGS)
            hint = f"known: {known}, .csv.gz; of a DuckDB or SQLite file name a table: {shown(file.path)}::TABLE"
            raise UsageError(f"the name of {file.path} does not say what it is", hint=hint)
    if len({ENDINGS[file.place.lower().removesuffix(".gz").rpartition(".")[2]] for file in files}) > 1:
        raise UsageError("the files are of different formats", hint="judge those of one format at a time")
    return config


def _view(con: Connection, form: Format, files: Sequence[SourceFile], table: str) -> None:
    """Parquet files as a view: only the columns that are asked for are read.

    Columns are matched by name; a folder ``year=2024`` gives the column ``year``, as in DuckDB.
    """
    headers = form.headers(con, files)  # says which of them is no Parquet file
    first = headers[files[0]].columns.keys()
    for file, header in headers.items():
        if odd := sorted(first ^ header.columns.keys()):  # else rows would get nulls that nobody wrote
            what = f"only one of this file and {shown(files[0].path)} has the column {shown(odd[0])}"
            raise SourceDataError(what, table=table, rule="missing_column", file=shown(file.path), column=shown(odd[0]))
    con.execute("SET parquet_metadata_cache = true")  # else each statement of the gate reads all footers again
    con.execute(f"CREATE VIEW {ident(table)} AS SELECT * FROM read_parquet({file_list(files)}, union_by_name = true)")


def _read(con: Connection, shape: Shape, table: str) -> None:
    """The rows of texts as a table, each value of its column's type; raises DataError if one would be lost."""
    columns = ", ".join(f"{shape.typed(name)} AS {ident(name)}" for name in shape.columns)
    lost = " OR ".join(f"({shape.raw(n)} IS NOT NULL AND {shape.typed(n)} IS NULL)" for n in shape.columns)
    rows = " UNION ALL ".join(f"SELECT {columns}, {lost} AS {_LOST} FROM ({shape.read(g)})" for g in shape.groups)
    whole = ident(f"{table} as read")
    try:
        con.execute(f"CREATE TABLE {whole} AS {rows}")
    except duckdb.Error as error:
        raise first_unreadable(con, shape.format, shape.groups) or error from error
    if con.execute(f"SELECT 1 FROM {whole} WHERE {_LOST} LIMIT 1").fetchall():
        raise DataError(f"{shape.table} has values that do not fit the type of their column in another of its files")
    con.execute(f"CREATE VIEW {ident(table)} AS SELECT * EXCLUDE ({_LOST}) FROM {whole}")
