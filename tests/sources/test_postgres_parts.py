"""A large table of a real PostgreSQL, read by several connections at once, in one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import SourceDataError, SourceUnavailableError
from headgate.lake.engine import Connection
from headgate.sources.databases import postgres_parts
from headgate.sources.databases.dialect import Part
from headgate.sources.databases.postgres import Postgres
from origin import ORDERS, Origin
from postgres_server import running_postgres

ROWS = 3000
FILLED = f"INSERT INTO orders SELECT i, repeat('x', i % 90), timestamp '2026-01-01' FROM generate_series(1, {ROWS}) i"
#: What a reader saw: the parts of each table that was read, and what is done before they are.
Seen = list[list[Part]]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch, con: Connection) -> Iterator[None]:
    """A table of a few pages is large, and there are threads to read it."""
    monkeypatch.setattr(postgres_parts, "PAGES", 4)
    con.execute("SET threads = 3")
    yield
    con.execute("RESET threads")


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Seen]:
    """Write down how tables are divided; ``then`` is done when a snapshot is shared and nothing was read."""
    divide = Postgres.parts

    def watching(then: Callable[[Connection, list[Part]], None] = lambda con, parts: None) -> Seen:
        seen: Seen = []

        def parts(self: Postgres, con: Connection, alias: str, name: str, timeout: timedelta | None) -> list[Part]:
            seen.append(divide(self, con, alias, name, timeout))
            then(con, seen[-1])
            return seen[-1]

        monkeypatch.setattr(Postgres, "parts", parts)
        return seen

    return watching


def attached(con: Connection) -> list[str]:
    """The databases that are still attached, but for the lake and DuckDB's own."""
    found = con.execute("SELECT database_name FROM duckdb_databases() WHERE starts_with(database_name, 'source_')")
    return [name for (name,) in found.fetchall()]


def settings(con: Connection) -> tuple[Any, ...]:
    """What is set for all connections of the engine."""
    asked = "SELECT current_setting('threads'), current_setting('preserve_insertion_order')"
    return con.execute(asked).fetchall()[0]


def test_every_row_comes_once_whoever_reads_it(origin: Origin, watch: Callable[..., Seen]) -> None:
    origin.execute(ORDERS, FILLED, "CREATE TABLE small (id int PRIMARY KEY)", "INSERT INTO small VALUES (1)")
    origin.execute(ORDERS.replace("orders", "others"), FILLED.replace("orders", "others"))
    seen = watch()
    loaded = origin.load()
    assert {name: each.counts.appended for name, each in loaded.items()} == {"orders": ROWS, "others": ROWS, "small": 1}
    assert [len(parts) for parts in seen] == [3, 3, 1]
    assert settings(origin.con) == (3, True)
    assert origin.raw("orders", "id, length(what)") == [(i, i % 90) for i in range(1, ROWS + 1)]
    assert attached(origin.con) == []


def test_a_table_is_compared_whole_by_several_readers_too(origin: Origin, watch: Callable[..., Seen]) -> None:
    origin.execute(ORDERS, FILLED)
    origin.load()
    origin.execute("UPDATE orders SET what = 'edited' WHERE id % 1000 = 0", "DELETE FROM orders WHERE id = 7")
    seen = watch()
    counts = origin.load()["orders"].counts
    assert (counts.read, counts.appended, counts.unchanged, counts.deleted) == (ROWS - 1, 3, ROWS - 4, 1)
    assert [len(parts) for parts in seen] == [3]


def test_all_readers_see_one_snapshot_whatever_happens_meanwhile(origin: Origin, watch: Callable[..., Seen]) -> None:
    origin.execute(ORDERS, FILLED)

    def meanwhile(con: Connection, parts: list[Part]) -> None:
        origin.execute("UPDATE orders SET what = 'moved'", f"DELETE FROM orders WHERE id > {ROWS - 100}")
        origin.execute("INSERT INTO orders SELECT -i, 'new', NULL FROM generate_series(1, 500) i")

    watch(meanwhile)
    assert origin.load()["orders"].counts.appended == ROWS
    assert origin.raw("orders", "DISTINCT what = 'moved' OR id < 0") == [(False,)]


def test_every_reader_has_the_settings_of_the_first(origin: Origin, watch: Callable[..., Seen]) -> None:
    origin.execute(ORDERS, FILLED)
    said: list[tuple[str, ...]] = []

    def ask(con: Connection, parts: list[Part]) -> None:
        sql = "SELECT current_setting(''statement_timeout'') AS t, current_setting(''transaction_read_only'') AS r"
        said.extend(con.execute(f"SELECT * FROM postgres_query('{p.alias}', '{sql}')").fetchall()[0] for p in parts)

    watch(ask)
    origin.load(statement_timeout="7m")
    assert said == [("7min", "on")] * 3


def test_a_server_that_lets_nobody_else_in_is_read_by_one(origin: Origin, watch: Callable[..., Seen]) -> None:
    origin.execute(ORDERS, FILLED, "CREATE ROLE lonely LOGIN PASSWORD 'pw' CONNECTION LIMIT 1")
    origin.execute(f"GRANT USAGE ON SCHEMA {origin.schema} TO lonely", "GRANT SELECT ON orders TO lonely")
    try:
        seen = watch()
        assert origin.load(url=origin.server.url_of("lonely", "pw"))["orders"].counts.appended == ROWS
        assert seen == [[Part("source_app")]]
        assert attached(origin.con) == []
    finally:
        origin.execute("DROP OWNED BY lonely", "DROP ROLE lonely")


def test_what_has_no_places_is_read_by_one(origin: Origin, watch: Callable[..., Seen]) -> None:
    origin.execute(
        "CREATE TABLE orders (id int PRIMARY KEY, what text, last_updated timestamp) PARTITION BY RANGE (id)",
        "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (1000)",
        "CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM (1000) TO (100000)",
        FILLED,
        "CREATE VIEW seen AS SELECT * FROM orders",
    )
    seen = watch()
    loaded = origin.load(include=["*", "seen"], tables={"seen": {"primary_key": ["id"]}})
    assert {name: each.counts.appended for name, each in loaded.items()} == {"orders": ROWS, "seen": ROWS}
    assert [len(parts) for parts in seen] == [1, 1]


def test_children_of_a_table_are_divided_with_it(origin: Origin) -> None:
    origin.execute(ORDERS, FILLED, "CREATE TABLE more (PRIMARY KEY (id)) INHERITS (orders)")
    origin.execute(f"INSERT INTO more SELECT id + {ROWS}, what, last_updated FROM ONLY orders WHERE id <= 2500")
    assert origin.load(exclude=["more"])["orders"].counts.appended == ROWS + 2500


@pytest.mark.parametrize("row", [1, ROWS])
def test_a_value_that_is_refused_leaves_nothing_whoever_read_it(origin: Origin, row: int) -> None:
    origin.execute(ORDERS, FILLED, "ALTER TABLE orders ADD price numeric(10, 2)")
    origin.execute(f"UPDATE orders SET price = 'NaN' WHERE id = {row}")
    with pytest.raises(SourceDataError, match=r"a row has a value that is no finite number") as caught:
        origin.load()
    assert caught.value.column == "price"
    assert origin.tables() == []
    assert list(origin.folder.rglob("*.parquet")) == []
    assert attached(origin.con) == []


@pytest.mark.slow
def test_a_server_that_is_killed_under_several_readers_leaves_nothing(
    con: Connection, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, watch: Callable[..., Seen]
) -> None:
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        own = Origin(server, "divided", con, tmp_path)
        own.execute(ORDERS, FILLED)
        watch(lambda con, parts: server.kill())
        with pytest.raises(SourceUnavailableError) as caught:
            own.load()
        assert caught.value.where == "source app.orders"
        assert (own.tables(), attached(con), settings(con)) == ([], [], (3, True))
        server.start()
        watch()
        assert own.load()["orders"].counts.appended == ROWS
