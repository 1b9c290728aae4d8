"""Quarantine of rows that come from a database, in whole runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.lake.engine import EngineSettings
from headgate.lake.reading import query, reader
from headgate.run import Options, Verdict, perform
from headgate.run.comparing import to_compare
from headgate.run.workshop import Decision, open_store
from postgres_server import PostgresServer
from small_shop import Shop

pytestmark = pytest.mark.slow
SCHEMA = "quarantined"
SETTINGS = """
name: orders
sources:
  app:
    type: postgres
    url: "{url}"
    schema: {schema}
    cursor: changed
    overlap: 1m
layers: [raw]
publish: {{max_quarantine: 2, max_shrink: 1}}
"""
GATES = """
orders:
  - expect_column_values_to_be_between: {column: amount, min_value: 0}
    id: not_negative
    on_fail: quarantine
items:
  - references: {columns: [order_id], to: orders, to_columns: [id]}
    on_fail: quarantine
"""


class Orders:
    """A project that reads two tables of a real PostgreSQL; one refers to the other."""

    def __init__(self, folder: Path, server: PostgresServer) -> None:
        self.server = server
        self.shop = Shop.__new__(Shop)
        self.shop.folder = folder
        self.shop.write("headgate.yml", SETTINGS.format(url=server.url, schema=SCHEMA))
        self.shop.write("gates/raw.yml", GATES)
        self.do(
            "CREATE TABLE orders (id int PRIMARY KEY, amount numeric(9,2), changed timestamp NOT NULL)",
            "CREATE TABLE items (id int PRIMARY KEY, order_id int, changed timestamp NOT NULL)",
            "INSERT INTO orders VALUES (1, 10, '2026-01-01 10:00'), (2, 20, '2026-01-01 10:00')",
            "INSERT INTO items VALUES (1, 1, '2026-01-01 10:00'), (2, 2, '2026-01-01 10:00')",
        )
        assert self.run().status == "published"

    def do(self, *statements: str) -> None:
        self.server.execute(f"SET search_path = {SCHEMA}", *statements)

    def change(self, order: int, amount: int, minute: int) -> None:
        self.do(f"UPDATE orders SET amount = {amount}, changed = '2026-01-01 11:{minute:02d}' WHERE id = {order}")

    def run(self, **options: Any) -> Verdict:
        return perform(self.shop.project(), Options(**options))

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with reader(open_store(self.shop.project()), EngineSettings(), release=None, run=None) as con:
            return query(con, sql)[1]

    @property
    def raw(self) -> tuple[list[Any], list[Any]]:
        """The orders with their amounts, and the items."""
        orders = self.ask("SELECT id, amount::int FROM raw.orders ORDER BY id")
        return orders, [item for (item,) in self.ask("SELECT id FROM raw.items ORDER BY id")]

    def waiting(self, table: str) -> list[tuple[Any, ...]]:
        return self.ask(f"SELECT id, _quarantine_status FROM quarantine.raw_{table} ORDER BY _quarantine_id")


@pytest.fixture
def orders(tmp_path: Path, postgres: PostgresServer) -> Iterator[Orders]:
    postgres.execute(f"CREATE SCHEMA {SCHEMA}")
    yield Orders(tmp_path / "orders", postgres)
    postgres.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def test_a_bad_version_leaves_with_what_refers_to_it_and_a_good_one_brings_both_back(orders: Orders) -> None:
    orders.change(1, -10, 0)
    verdict = orders.run()
    assert (verdict.status, verdict.sources["app.orders"]["quarantined"]) == ("published", 1)
    assert orders.raw == ([(2, 20)], [2])
    assert (orders.waiting("orders"), orders.waiting("items")) == ([(1, "quarantined")], [(1, "quarantined")])
    assert orders.run().status == "nothing_new", "although the overlap reads the bad version again"
    orders.change(1, 11, 5)
    assert orders.run().status == "published"
    assert orders.waiting("orders") == [(1, "superseded")]
    assert orders.run(decision=Decision("replay", "raw.items")).status == "published"
    assert orders.raw == ([(1, 11), (2, 20)], [1, 2])
    assert orders.waiting("items") == [(1, "replayed")]


def test_what_the_source_deletes_does_not_wait_once_it_is_compared(orders: Orders) -> None:
    orders.change(1, -10, 0)
    orders.run()
    orders.do("DELETE FROM items WHERE order_id = 1", "DELETE FROM orders WHERE id = 1")
    project = orders.shop.project()
    assert orders.run(compare=to_compare(project, None, ())).status == "published"
    assert (orders.waiting("orders"), orders.waiting("items")) == ([(1, "superseded")], [(1, "superseded")])
    assert orders.raw == ([(2, 20)], [2])


def test_comparing_the_whole_table_neither_doubles_nor_frees_what_waits(orders: Orders) -> None:
    orders.change(1, -10, 0)
    orders.run()
    before = orders.ask("SELECT count(*) FROM raw_log.orders")
    verdict = orders.run(compare=to_compare(orders.shop.project(), None, ()))
    assert (verdict.status, verdict.sources["app.orders"]["quarantined"]) == ("nothing_new", 1)
    assert orders.ask("SELECT count(*) FROM raw_log.orders") == before
    assert orders.waiting("orders") == [(1, "quarantined")]


def test_too_many_bad_rows_block_and_the_old_release_is_served(orders: Orders) -> None:
    orders.do("INSERT INTO orders SELECT n, -1, '2026-01-01 12:00' FROM generate_series(3, 6) n")
    verdict = orders.run()
    assert (verdict.status, verdict.serving) == ("blocked", 1)
    assert orders.raw == ([(1, 10), (2, 20)], [1, 2])
    orders.do("UPDATE orders SET amount = 1, changed = '2026-01-01 12:30' WHERE id > 2")
    assert orders.run().status == "published"
    assert len(orders.raw[0]) == 6
