"""A schema of a real PostgreSQL, and the lake that it is loaded into."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from pathlib import Path
from typing import Any

import duckdb

from headgate.lake.engine import Connection, qualified
from headgate.project.database_config import Database, DuckdbSource, MysqlSource, PostgresSource, SqliteSource
from headgate.sources import Extracted, TableChange
from headgate.sources.databases.source import DatabaseSource
from headgate.sources.schema_lock import read_lock, write_lock
from mariadb_server import IN_URL, MariadbServer
from postgres_server import PostgresServer
from shop import attach_new_lake

#: A small world: orders with a cursor, and a table without one.
ORDERS = "CREATE TABLE orders (id int PRIMARY KEY, what text, last_updated timestamp(3))"
COLOURS = "CREATE TABLE colours (id int PRIMARY KEY, name text)"


class Loaded:
    """One source, and what the last release of its lake knows of it."""

    def __init__(self, con: Connection, folder: Path, config: type[Database], **settings: Any) -> None:
        self.con = con
        self.folder = folder
        self.config = config
        self.settings: dict[str, Any] = {"retry": "0s", **settings}
        self.known: dict[str, Any] = {}
        self.told: list[str] = []
        self._runs = itertools.count(1)
        attach_new_lake(con, folder)

    def source(self, **settings: Any) -> DatabaseSource:
        config: Any = self.config.model_validate({**self.settings, **settings})
        return DatabaseSource("app", config, self.folder)

    def changes(self, **settings: Any) -> dict[str, TableChange]:
        return self.source(**settings).changes(self.known)

    def load(self, *, compare: tuple[str, ...] = (), **settings: Any) -> dict[str, Extracted]:
        """Extract what changed, and take it for published; ``compare`` these tables whole."""
        run = f"run{next(self._runs)}"
        done = self.source(**settings).extract(self.con, run, self.known, {}, self.told.append, compare).tables
        self.known = {**self.known, **{each.table: each.state for each in done}}
        write_lock(self.folder, read_lock(self.folder) | {each.table: each.schema for each in done})
        return {each.table: each for each in done}

    def totals(self, asked: dict[str, list[str]], **settings: Any) -> dict[str, tuple[int, dict[str, str]]]:
        """Extract what changed, and what the source tells of tables: of each its rows and sums."""
        run = f"run{next(self._runs)}"
        done = self.source(**settings).extract(self.con, run, self.known, {}, self.told.append, totals=asked)
        self.known = {**self.known, **{each.table: each.state for each in done.tables}}
        return {table: (each.rows, dict(each.sums)) for table, each in done.totals.items()}

    def raw(self, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        return self.con.execute(f"SELECT {columns} FROM {qualified('lake', 'raw', table)} ORDER BY ALL").fetchall()

    def log(self, table: str, columns: str = "* EXCLUDE (_hash, _loaded_at)") -> list[tuple[Any, ...]]:
        log = qualified("lake", "raw_log", table)
        return self.con.execute(f"SELECT {columns} FROM {log} ORDER BY _loaded_at, 1").fetchall()

    def types(self, table: str) -> dict[str, str]:
        rows = self.con.execute(f"DESCRIBE {qualified('lake', 'raw', table)}").fetchall()
        return {row[0]: row[1] for row in rows}

    def tables(self) -> list[str]:
        """What is in the lake's raw schemas, and what is left over in the engine."""
        rows = self.con.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'temp' "
            "OR (database_name = 'lake' AND schema_name IN ('raw', 'raw_log')) ORDER BY 1"
        ).fetchall()
        return [name for (name,) in rows]


class Origin(Loaded):
    """A schema of a real PostgreSQL."""

    def __init__(self, server: PostgresServer, schema: str, con: Connection, folder: Path) -> None:
        super().__init__(con, folder, PostgresSource, type="postgres", url=server.url, schema=schema)
        self.server = server
        self.schema = schema
        server.execute(f"CREATE SCHEMA {schema}")

    def execute(self, *statements: str) -> None:
        self.server.execute(f"SET search_path = {self.schema}", *statements)

    def orders(self, *rows: tuple[int, str, str | None]) -> None:
        """Insert orders: number, what, and the minute of 2026-01-01 in which they were changed, or None."""
        for number, what, when in rows:
            moment = "NULL" if when is None else f"timestamp '2026-01-01 {when}'"
            self.execute(f"INSERT INTO orders VALUES ({number}, '{what}', {moment})")


class SqliteOrigin(Loaded):
    """A SQLite file."""

    def __init__(self, con: Connection, folder: Path) -> None:
        super().__init__(con, folder, SqliteSource, type="sqlite", path="app.db")
        self.execute("PRAGMA user_version = 1")

    def execute(self, *statements: str) -> None:
        with contextlib.closing(sqlite3.connect(self.folder / "app.db")) as app, app:
            for statement in statements:
                app.execute(statement)


class DuckdbOrigin(Loaded):
    """A DuckDB file."""

    def __init__(self, con: Connection, folder: Path) -> None:
        super().__init__(con, folder, DuckdbSource, type="duckdb", path="app.duckdb")
        self.execute("SELECT 1")

    def execute(self, *statements: str) -> None:
        with duckdb.connect(str(self.folder / "app.duckdb")) as app:
            for statement in statements:
                app.execute(statement)


class MysqlOrigin(Loaded):
    """A database of a real MariaDB."""

    def __init__(self, server: MariadbServer, name: str, con: Connection, folder: Path) -> None:
        super().__init__(con, folder, MysqlSource, type="mysql", url=server.url_of("reader", IN_URL, name))
        self.server = server
        self.name = name
        server.execute("mysql", f"CREATE DATABASE {name}", f"GRANT ALL ON {name}.* TO reader")

    def execute(self, *statements: str) -> None:
        self.server.execute(self.name, *statements)
