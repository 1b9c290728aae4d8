"""Tables of databases: a DuckDB or SQLite file, or a release of a lake. All are opened to be read only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import duckdb

from headgate.errors import DataError, MissingExtraError, UsageError, did_you_mean
from headgate.gates.past import earlier_releases, since_publishing
from headgate.lake.catalog import Contents, read_contents
from headgate.lake.engine import LAKE, Connection, EngineSettings, ident, literal, load_extension
from headgate.lake.opening import open_store
from headgate.lake.reading import reader
from headgate.lake.release import Releases
from headgate.ledger import JudgedRecord, Ledger
from headgate.project import Project, load
from headgate.standalone.data import Data

#: Names of databases that every connection of DuckDB has.
_TAKEN = frozenset({"memory", "temp", "system"})
_SQLITE = b"SQLite format 3\x00"


def open_database(con: Connection, file: Path, name: str) -> Data:
    """The table or view ``name``, or ``schema.name``, of a DuckDB or SQLite file.

    Raises:
        UsageError: there is no such file or table.
        DataError: the file is no database.
        MissingExtraError: what reads SQLite is not installed.
    """
    if not file.is_file():
        raise UsageError(f"there is no file {file}")
    with file.open("rb") as stream:
        kind = "sqlite" if stream.read(len(_SQLITE)) == _SQLITE else "duckdb"
    alias = "data" if file.stem.lower() in _TAKEN else file.stem  # DuckDB's own, which the views in the file may name
    try:
        if kind == "sqlite":
            _load_sqlite(con)
        con.execute(f"ATTACH {literal(str(file))} AS {ident(alias)} (TYPE {kind}, READ_ONLY)")
        known = con.execute(
            f"SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = {literal(alias)} UNION ALL "
            f"SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = {literal(alias)} AND NOT internal"
        ).fetchall()
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0]
        raise DataError(f"{file} cannot be read as a database: {first}") from error
    names = {f"{schema}.{table}" for schema, table in known}
    wanted = name if name in names else f"main.{name}"
    if wanted not in names:
        shown = [each.removeprefix("main.") for each in names]
        raise UsageError(f"{file} has no table {name}", hint=did_you_mean(name, shown))
    layer, _, table = wanted.partition(".")
    return Data(con, f"{file}::{name}", layer, table, alias, Contents({}, {}, frozenset(names)))


@contextmanager
def open_release(folder: Path, name: str) -> Iterator[Data]:
    """The table ``layer.table`` of the release that the lake of the project in ``folder`` serves.

    Raises:
        UsageError: the project is broken, or has no such table.
        NoReleaseError: nothing is published yet.
    """
    project = load(folder, environ=os.environ)
    store = open_store(project.lake, project.folder)
    settings = EngineSettings(project.memory_limit, project.threads, access=store.access)
    releases = Releases(store)
    pointer = releases.pointer()
    with (
        reader(store, settings, release=None, run=None, pointer=pointer) as con,
        earlier_releases(con, releases, None) as earlier,
    ):
        contents = read_contents(con)
        names = [*contents.tables, *contents.views]
        if name not in names:
            raise UsageError(f"the lake has no table {name}", hint=did_you_mean(name, names))
        layer, _, table = name.partition(".")
        served = None if pointer.release is None else releases.manifest(pointer.release)
        since = since_publishing(served)
        history = partial(_judged, project, store.location, layer, table)
        yield Data(con, f"{folder}::{name}", layer, table, LAKE, contents, earlier, since, history)


def _judged(project: Project, lake: str, layer: str, table: str, limit: int) -> list[JudgedRecord]:
    """What the project's ledger knows of a table. It is opened when somebody asks."""
    with Ledger.open(project.ledger, create=False) as ledger:
        return ledger.judged(lake, layer, table, limit=limit)


def _load_sqlite(con: Connection) -> None:
    try:
        load_extension(con, "sqlite_scanner")
    except duckdb.Error as error:
        raise MissingExtraError("duckdb-extension-sqlite-scanner", "sqlite") from error
