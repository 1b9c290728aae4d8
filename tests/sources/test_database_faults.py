"""A database that goes away while it is read, and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import SourceUnavailableError
from headgate.lake.engine import Connection
from origin import COLOURS, ORDERS, Origin
from postgres_server import PostgresServer, running_postgres


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server that the tests may stop, as long as they start it again."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def own(server: PostgresServer, con: Connection, tmp_path: Path) -> Iterator[Origin]:
    origin = Origin(server, "faulty", con, tmp_path)
    yield origin
    origin.execute("DROP SCHEMA faulty CASCADE")


def rows(count: int) -> str:
    return (
        f"INSERT INTO orders SELECT i, repeat('x', 100), timestamp '2026-01-01' + i * interval '1 second' "
        f"FROM generate_series(1, {count}) i"
    )


@pytest.mark.slow
def test_a_server_that_is_killed_in_the_middle_of_a_table_leaves_nothing_of_it(own: Origin) -> None:
    own.execute(COLOURS, "INSERT INTO colours VALUES (1, 'red')", ORDERS, rows(500))
    slow = "CREATE VIEW slow AS SELECT id, CAST(pg_sleep(0.02) AS text) AS nap FROM orders"
    own.execute(slow)
    settings: dict[str, Any] = {"include": ["colours", "slow"], "tables": {"slow": {"primary_key": ["id"]}}}
    killer = threading.Timer(2.0, own.server.kill)
    killer.start()
    with pytest.raises(SourceUnavailableError) as caught:
        own.load(**settings)
    killer.join()
    assert caught.value.where == "source app.slow"
    assert own.tables() == []
    own.server.start()
    own.execute("DROP VIEW slow")
    assert {name: each.counts.appended for name, each in own.load().items()} == {"colours": 1, "orders": 500}


@pytest.mark.slow
def test_a_server_that_comes_back_in_time_is_waited_for(own: Origin) -> None:
    own.execute(ORDERS, rows(10))
    own.server.stop("immediate")
    starter = threading.Timer(1.5, own.server.start)
    starter.start()
    started = time.monotonic()
    assert own.load(retry="60s")["orders"].counts.appended == 10
    assert time.monotonic() - started > 1
    starter.join()


def test_a_connection_that_is_ended_is_made_again(own: Origin) -> None:
    """The first try is cut after its first table; what the second one reads is there once."""
    own.execute(COLOURS, "INSERT INTO colours VALUES (1, 'red')", ORDERS, rows(10))
    cuts: list[str] = []

    def cut(text: str) -> None:
        if text.startswith("orders:") and not cuts:
            cuts.append(text)
            own.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'headgate'")

    done = own.source(retry="60s").extract(own.con, "run1", {}, {}, cut).tables
    assert {each.table: each.counts.appended for each in done} == {"colours": 1, "orders": 10}
    assert own.raw("colours", "count(*)") == [(1,)]
    assert len(cuts) == 1


def test_a_row_that_was_seen_is_there_once_although_it_was_not_published(own: Origin) -> None:
    own.execute(ORDERS, rows(10))
    own.load(cursor="last_updated")
    own.orders((99, "new", "12:00"))
    assert own.load(cursor="last_updated")["orders"].counts.appended == 1
    own.known = {}  # as if nothing of it had been published: the lake itself remembers
    again = own.load(cursor="last_updated")["orders"].counts
    assert (again.appended, again.deleted) == (0, 0)
    assert len(own.log("orders", "id")) == 11
