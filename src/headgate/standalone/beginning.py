"""A project from a database: its tables, with the keys, cursors and gates that its catalogue suggests."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from glob import escape
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.lake.engine import EngineSettings, connect
from headgate.project.config import DatabaseSource as DatabaseConfig
from headgate.project.database_config import DuckdbSource, MysqlSource, PostgresSource, SqliteSource
from headgate.project.database_url import UnclearUrlError, take_apart
from headgate.project.rules import RAW
from headgate.project.values import suggested_name
from headgate.project.yaml_file import written
from headgate.sources.databases.dialect import ForeignKey, SourceTable, UniqueKey
from headgate.sources.databases.source import DatabaseSource

#: Names that a column which moves with every change has.
_CURSOR = re.compile(r"(last_?)?(updated?|modified|changed)(_?(at|on|date|time|timestamp|ts))?", re.IGNORECASE)
_IGNORED = "# The lake, and what headgate writes for itself. schema.lock is kept.\n/lake/\n/.headgate/\n"
_SERVERS = {"postgresql": "postgres", "postgres": "postgres", "mysql": "mysql"}
_FILES = {"sqlite": "sqlite", "duckdb": "duckdb"}
_SQLITE, _DUCKDB = b"SQLite format 3\x00", b"DUCK"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A table, and how it would be read. Without a key it is left out.

    ``declared``: the key is the primary key that the database declares; else columns that are unique and never null.
    """

    name: str
    rows: int | None
    primary_key: tuple[str, ...]
    declared: bool
    cursor: str | None
    needed: tuple[str, ...]
    references: tuple[ForeignKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """A project that was written; ``variable`` is the environment variable that must hold the database's URL."""

    folder: Path
    files: tuple[str, ...]
    tables: tuple[Proposed, ...]
    variable: str | None


def begin_from(database: str, folder: Path | None, schema: str | None) -> Begun:
    """Look at the database, and write headgate.yml and gates/raw.yml into a new folder.

    The URL is not written down, since it may hold a password: the project reads it from the environment.

    Raises:
        UsageError: this names no database, or the folder has something in it.
        SourceUnavailableError, SourceRefusedError: it cannot be looked at.
    """
    kind, name, settings = _meant(database, schema)
    folder = folder or Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not empty", hint="name a new folder; nothing was written")
    config = kind.model_validate(settings)
    source = DatabaseSource(name, config, Path.cwd())
    catalogue, keys, unique = _catalogue(source)
    declared = {table.name for table in catalogue if table.primary_key}
    catalogue = [replace(table, primary_key=table.primary_key or key_of(table, unique)) for table in catalogue]
    tables = tuple(_proposed(source, table, table.name in declared) for table in catalogue if not table.view)
    tables = tuple(replace(table, references=_references(source, table.name, catalogue, keys)) for table in tables)
    if not tables:
        raise UsageError(
            f"the database has no table{f' in the schema {schema}' if schema else ''}",
            hint="is it the right one, and may this user see its tables? Another schema: --schema NAME",
        )
    variable = None if "path" in settings else f"{name.upper()}_URL"
    texts = {
        "headgate.yml": _project_text(name, config, tables, variable, folder),
        "gates/raw.yml": _gates_text(tables),
        ".gitignore": _IGNORED,
    }
    for path, text in texts.items():
        _write(folder / path, text)
    return Begun(folder, tuple(sorted(texts)), tables, variable)


def _meant(database: str, schema: str | None) -> tuple[type[DatabaseConfig], str, dict[str, Any]]:
    """The kind of database, a name for it, and the least settings that find it."""
    scheme, separator, rest = database.partition("://")
    extra = {"schema": schema} if schema else {}
    if separator and scheme in _SERVERS:
        try:
            name = suggested_name(take_apart(database).database or "app").lower()
        except UnclearUrlError as error:
            raise UsageError(f"--from: {error}", hint=error.hint) from error
        config: type[DatabaseConfig] = PostgresSource if _SERVERS[scheme] == "postgres" else MysqlSource
        return config, name, {"type": _SERVERS[scheme], "url": database, **extra}
    if separator and scheme not in _FILES:
        raise UsageError(
            f"{scheme}:// is no database that can be read",
            hint="postgresql://…, mysql://…, sqlite:///path, duckdb:///path, or the path of a SQLite or DuckDB file",
        )
    path = Path(rest.removeprefix("/") if separator and not rest.startswith("//") else rest if separator else database)
    if separator and rest.startswith("/") and not path.is_file():
        path = Path(rest)
    found = _kind_of_file(path)
    name = suggested_name(path.stem).lower()
    config = SqliteSource if found == "sqlite" else DuckdbSource
    return config, name, {"type": found, "path": str(path.absolute()), **extra}


def _kind_of_file(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="name a URL or a database file") from error
    if head == _SQLITE:
        return "sqlite"
    if head[8:12] == _DUCKDB:
        return "duckdb"
    raise UsageError(f"{path} is neither a SQLite nor a DuckDB file")


def _catalogue(source: DatabaseSource) -> tuple[list[SourceTable], list[ForeignKey], list[UniqueKey]]:
    con = connect(EngineSettings(threads=1), extensions=())
    dialect, alias = source.dialect, source.session.alias
    try:
        return source.session.visit(
            con,
            lambda: (
                dialect.catalogue(con, alias),
                dialect.foreign_keys(con, alias),
                dialect.unique_keys(con, alias),
            ),
        )
    finally:
        con.close()


def key_of(table: SourceTable, unique: Sequence[UniqueKey]) -> tuple[str, ...]:
    """Columns that can be the key of a table without one: unique, and none of them ever null; () if there are none.

    Of several such keys the one of fewest columns; of these the one whose columns stand first in the table.

    >>> from headgate.sources.databases.dialect import SourceColumn
    >>> columns = (SourceColumn("code", "text"), SourceColumn("nr", "int", False), SourceColumn("at", "int", False))
    >>> key_of(SourceTable("t", columns, ()), [UniqueKey("t", each) for each in [("code",), ("nr", "at"), ("at",)]])
    ('at',)
    """
    needed = {column.name: position for position, column in enumerate(table.columns) if not column.nullable}
    keys = [key.columns for key in unique if key.table == table.name and needed.keys() >= set(key.columns)]
    return min(keys, key=lambda key: (len(key), [needed[name] for name in key]), default=())


def _proposed(source: DatabaseSource, table: SourceTable, declared: bool) -> Proposed:
    cursors = [c.name for c in table.columns if _CURSOR.fullmatch(c.name) and source.dialect.moment(c)]
    needed = tuple(c.name for c in table.columns if not c.nullable and c.name not in table.primary_key)
    return Proposed(table.name, table.rows, table.primary_key, declared, cursors[0] if cursors else None, needed)


def _references(
    source: DatabaseSource, name: str, catalogue: Sequence[SourceTable], keys: Sequence[ForeignKey]
) -> tuple[ForeignKey, ...]:
    """The foreign keys of a table that raw can be held to: both tables are read, and their values can be compared."""
    tables = {table.name: table for table in catalogue if table.primary_key}
    return tuple(
        key
        for key in dict.fromkeys(keys)
        if key.table == name
        and {key.table, key.to} <= tables.keys()
        and _texts(source, tables[key.table], key.columns) == _texts(source, tables[key.to], key.to_columns)
    )


def _texts(source: DatabaseSource, table: SourceTable, names: Sequence[str]) -> list[bool]:
    """Whether these columns land as texts: a number that has no place in the lake but as a text equals no number."""
    columns = {column.name: column for column in table.columns}
    return [source.dialect.value(columns[name], as_text=False).type == "VARCHAR" for name in names]


def _project_text(
    name: str, config: DatabaseConfig, tables: Sequence[Proposed], variable: str | None, folder: Path
) -> str:
    common = Counter(table.cursor for table in tables if table.cursor).most_common(1)
    cursor = common[0][0] if common else None
    where = f'url: "${{{variable}}}"' if variable else f"path: {written(os.path.relpath(str(config.path), folder))}"  # type: ignore[union-attr]
    lines = [
        f"name: {suggested_name(folder.name)}",
        "sources:",
        f"  {name}:",
        f"    type: {config.type}",
        f"    {where}",
    ]
    if schema := getattr(config, "schema_", None):
        lines.append(f"    schema: {written(schema)}")
    if keyless := [escape(table.name) for table in tables if not table.primary_key]:
        lines.append(
            f"    exclude: {written(keyless)}  # no key: name one under tables (primary_key), and take it out of here"
        )
    if cursor:
        lines.append(
            f"    cursor: {written(cursor)}  # of each table that has it; what it cannot show, reconcile finds"
        )
        lines.append("    reconcile: {every: 24h}")
    if own := [line for table in tables if table.primary_key for line in _own_settings(table, cursor)]:
        lines += ["    tables:", *own]
    lines.append("layers: [raw]")
    return "\n".join(lines) + "\n"


def _own_settings(table: Proposed, cursor: str | None) -> Iterator[str]:
    """The line about a table of which there is something particular to say; ``cursor`` is what the source's is."""
    settings: dict[str, Any] = {} if table.declared else {"primary_key": list(table.primary_key)}
    if table.cursor and table.cursor != cursor:
        settings["cursor"] = table.cursor
    why = "" if table.declared else "  # there is no primary key; this is unique, and never null"
    if settings:
        yield f"      {written(table.name)}: {written(settings)}{why}"


def _gates_text(tables: Sequence[Proposed]) -> str:
    whole = {table.name for table in tables if table.cursor is None}
    lines = ["# What the database's catalogue promises. Add what only you know: ranges, formats, sums."]
    for table in tables:
        if table.primary_key:
            lines += [f"{written(table.name)}:", *_expectations(table, whole)]
    return "\n".join(lines if len(lines) > 1 else [*lines, "{}"]) + "\n"


def _expectations(table: Proposed, whole: Collection[str]) -> Iterator[str]:
    """What the catalogue promises of a table; of those in ``whole``, deleted rows are seen at once."""
    key = list(table.primary_key)
    if len(key) == 1:
        yield f"  - expect_column_values_to_be_unique: {{column: {written(key[0])}}}"
    else:
        yield f"  - expect_compound_columns_to_be_unique: {{column_list: {written(key)}}}"
    for column in (*key, *table.needed):
        yield f"  - expect_column_values_to_not_be_null: {{column: {written(column)}}}"
    for reference in table.references:
        to_columns = f", to_columns: {written(list(reference.to_columns))}"
        to = f", to: {written(_in_gates(reference.to))}"
        yield f"  - references: {{columns: {written(list(reference.columns))}{to}{to_columns}}}"
        if table.cursor is not None and reference.to in whole:
            there = written(reference.to)
            yield f"    severity: warn  # deletes are seen in {there} at once, and here by reconcile only"


def _in_gates(table: str) -> str:
    """How an expectation names a table of the same layer: where it has a dot, with the layer."""
    return f"{RAW}.{table}" if "." in table else table


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the project cannot be written: {error}", where=str(path)) from error
