"""Fixtures of the sources' tests."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headgate.lake.engine import Connection
from origin import Origin
from postgres_server import PostgresServer
from shop import Shop, attach_new_lake

_schemas = itertools.count(1)


@pytest.fixture
def shop(con: Connection, tmp_path: Path) -> Shop:
    return Shop(con, tmp_path / "project")


@pytest.fixture
def new_shop(con: Connection, tmp_path: Path) -> Callable[[], Shop]:
    """Makes shops, each in a folder of its own that the next one replaces."""
    numbers = itertools.count()
    opened: list[Shop] = []

    def make() -> Shop:
        while opened:
            con.execute("DETACH lake")
            shutil.rmtree(opened.pop().folder)
        opened.append(Shop(con, tmp_path / f"project{next(numbers)}"))
        return opened[-1]

    return make


@pytest.fixture
def branch(con: Connection, tmp_path: Path) -> Iterator[Connection]:
    """A connection with an empty lake."""
    attach_new_lake(con, tmp_path)
    yield con
    for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'temp'").fetchall():
        con.execute(f'DROP TABLE temp."{name}"')


@pytest.fixture
def origin(postgres: PostgresServer, con: Connection, tmp_path: Path) -> Iterator[Origin]:
    """A schema of a real PostgreSQL, and an empty lake."""
    origin = Origin(postgres, f"s{next(_schemas)}", con, tmp_path)
    yield origin
    postgres.execute(f"DROP SCHEMA {origin.schema} CASCADE")
    for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'temp'").fetchall():
        con.execute(f'DROP TABLE temp."{name}"')
