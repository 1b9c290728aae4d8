"""Raw compared with its source in whole runs: what no cursor shows is found, and traffic disturbs nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.ledger import Ledger
from headgate.plan import Kind, step_names
from headgate.run import Options, Verdict, perform, perform_step
from headgate.run import steps as doing
from headgate.run.comparing import to_compare
from headgate.run.workshop import Decision
from postgres_server import PostgresServer
from small_shop import Shop

SCHEMA = "totalled"
SETTINGS = """
name: orders
sources:
  app: {{type: postgres, url: "{url}", schema: {schema}, cursor: changed, overlap: 1m}}
layers: [raw]
publish: {{max_quarantine: 2, max_shrink: 1}}
"""
GATES = """
orders:
  - sums_match: {to: source}
    id: rows
  - sums_match: {to: source, column: amount}
    id: amounts
"""


class Orders:
    """A project that reads a table of a real PostgreSQL, and compares it."""

    def __init__(self, folder: Path, server: PostgresServer) -> None:
        self.server = server
        self.shop = Shop.__new__(Shop)
        self.shop.folder = folder
        self.shop.write("headgate.yml", SETTINGS.format(url=server.url, schema=SCHEMA))
        self.shop.write("gates/raw.yml", GATES)
        self.do(
            "CREATE TABLE orders (id int PRIMARY KEY, amount numeric(9,2), changed timestamp)",
            "INSERT INTO orders SELECT n, n, date '2026-01-01' + n * interval '1 hour' FROM generate_series(1, 9) n",
        )

    def do(self, *statements: str) -> None:
        self.server.execute(f"SET search_path = {SCHEMA}", *statements)

    def add(self, order: int, amount: str = "1", minute: int = 0) -> None:
        self.do(f"INSERT INTO orders VALUES ({order}, {amount}, '2026-01-01 11:{minute:02d}')")

    def run(self, **options: Any) -> Verdict:
        return perform(self.shop.project(), Options(**options))

    def results(self, verdict: Verdict) -> dict[str, dict[str, Any]]:
        """What the expectations came to, by id."""
        with Ledger.open(self.shop.project().ledger) as ledger:
            return {result["id"]: result for result in ledger.results(verdict.run)}


@pytest.fixture
def orders(site: Path, postgres: PostgresServer) -> Iterator[Orders]:
    postgres.execute(f"CREATE SCHEMA {SCHEMA}")
    yield Orders(site / "orders", postgres)
    postgres.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def test_raw_comes_to_what_its_source_comes_to(orders: Orders) -> None:
    verdict = orders.run()
    assert verdict.status == "published", verdict.failures
    observed = {name: result["observed_value"] for name, result in orders.results(verdict).items()}
    assert observed == {"rows": {"self": 9, "source": 9}, "amounts": {"self": 45, "source": 45}}
    orders.add(10, "NULL")
    assert orders.run().status == "published"
    assert orders.run().status == "nothing_new"


def test_a_hidden_delete_is_found_by_the_next_run_and_reconcile_mends_it(orders: Orders) -> None:
    orders.run()
    orders.do("DELETE FROM orders WHERE id = 4")
    assert orders.run().status == "nothing_new", "a cursor does not show it, and nobody looks for it without a reason"
    orders.add(10)
    verdict = orders.run()
    assert (verdict.status, verdict.serving) == ("blocked", 1)
    found = orders.results(verdict)
    assert found["rows"]["observed_value"] == {"self": 10, "source": 9}
    assert "headgate reconcile" in found["rows"]["hint"]
    assert not found["amounts"]["success"]
    assert orders.run(compare=to_compare(orders.shop.project(), None, ())).status == "published"


def test_a_silent_edit_changes_no_count_and_is_seen_in_the_sum_to_the_last_cent(orders: Orders) -> None:
    orders.run()
    orders.do("UPDATE orders SET amount = amount + 0.01 WHERE id = 4")
    orders.add(10)
    found = orders.results(orders.run())
    assert (found["rows"]["success"], found["amounts"]["success"]) == (True, False)
    assert found["amounts"]["observed_value"] == {"self": 46, "source": 46.01}


def test_a_table_in_which_no_cursor_moved_is_compared_as_soon_as_the_run_has_any_other_reason(orders: Orders) -> None:
    orders.do("CREATE TABLE shops (id int PRIMARY KEY, changed timestamp)")
    orders.run()
    orders.do("DELETE FROM orders WHERE id = 4", "INSERT INTO shops VALUES (1, '2026-01-01')")
    assert not orders.results(orders.run())["rows"]["success"]


def test_what_is_written_between_reading_and_judging_disturbs_nobody(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = doing._DOERS[Kind.GATE]

    def write_first(shop: Any, step: Any) -> doing.Outcome:
        orders.do("DELETE FROM orders WHERE id < 4", "UPDATE orders SET amount = 0, changed = localtimestamp")
        return judge(shop, step)

    monkeypatch.setitem(doing._DOERS, Kind.GATE, write_first)
    verdict = orders.run()
    assert verdict.status == "published", verdict.failures
    assert orders.results(verdict)["rows"]["observed_value"] == {"self": 9, "source": 9}


def test_each_step_by_a_process_of_its_own_knows_what_was_told(orders: Orders) -> None:
    project = orders.shop.project()
    for name in step_names(project):
        verdict = perform_step(project, "20260101-000000", name, Options())
    assert verdict.status == "published", verdict.failures
    assert orders.results(verdict)["amounts"]["observed_value"] == {"self": 45, "source": 45}


def test_rows_in_quarantine_are_counted_with_those_that_are_shown(orders: Orders) -> None:
    more = "  - expect_column_values_to_be_between: {column: amount, min_value: 0}\n    on_fail: quarantine\n"
    orders.shop.write("gates/raw.yml", GATES + more)
    orders.run()
    orders.add(10, "-5")
    verdict = orders.run()
    assert (verdict.status, verdict.sources["app.orders"]["quarantined"]) == ("published", 1)
    found = orders.results(verdict)
    assert found["rows"]["observed_value"] == {"self": 10, "source": 10}
    assert found["amounts"]["observed_value"] == {"self": 40, "source": 40}
    assert orders.run(decision=Decision("drop", "raw.orders", reason="nobody wants it")).status == "published"
    orders.do("UPDATE orders SET amount = 7, changed = '2026-01-01 12:00' WHERE id = 10")
    found = orders.results(orders.run())
    assert found["amounts"]["observed_value"] == {"self": 52, "source": 52}


def test_an_expectation_that_is_new_is_judged_although_nothing_moved(orders: Orders) -> None:
    orders.shop.write("gates/raw.yml", "{}\n")
    orders.run()
    orders.do("DELETE FROM orders WHERE id = 4")
    orders.shop.write("gates/raw.yml", GATES)
    assert orders.results(orders.run())["rows"]["observed_value"] == {"self": 9, "source": 8}


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        ("{to: source, column: what}", "only numbers add up"),
        ("{to: source, column: rate}", "say which tolerance it may have"),
        ("{to: source, column: secret}", "secret is tagged pii"),
        ("{to: source, column: nowhere}", "has no column 'nowhere'"),
    ],
)
def test_what_cannot_be_compared_could_not_be_checked(orders: Orders, gate: str, why: str) -> None:
    orders.do("ALTER TABLE orders ADD what text, ADD rate float8, ADD secret int")
    tagged = "orders: [{columns: {secret: {pii: true}}}, {sums_match: " + gate + "}]\n"
    orders.shop.write("gates/raw.yml", tagged)
    verdict = orders.run()
    ((_, found),) = orders.results(verdict).items()
    assert (verdict.status, found["success"]) == ("blocked", False)
    assert found["error"].startswith("could not be checked")
    assert why in found["error"]


def test_floats_agree_within_their_tolerance(orders: Orders) -> None:
    orders.do("ALTER TABLE orders ADD rate float8", "UPDATE orders SET rate = id / 10.0")
    orders.shop.write("gates/raw.yml", "orders: [{sums_match: {to: source, column: rate, tolerance: 1e-9}}]\n")
    assert orders.run().status == "published"


def test_of_a_sample_nobody_knows_what_it_should_come_to(orders: Orders) -> None:
    settings = SETTINGS.format(url=orders.server.url, schema=SCHEMA)
    orders.shop.write("headgate.yml", settings + "targets: {dev: {lake: dev, sample: {fraction: 0.5, by: id}}}\n")
    verdict = perform(orders.shop.project(target="dev"), Options())
    assert verdict.status == "blocked"
    assert "only a sample of it is read" in str(verdict.failures)


def test_files_cannot_be_asked(shop: Shop) -> None:
    shop.write("gates/raw.yml", "sales: [{sums_match: {to: source}}]\n")
    verdict = shop.run()
    assert verdict.status == "blocked"
    assert "it comes from files" in str(verdict.failures)


def test_only_raw_has_a_source(shop: Shop) -> None:
    shop.write("gates/marts.yml", "by_item: [{sums_match: {to: source}}]\n")
    verdict = shop.run()
    assert verdict.status == "failed"
    assert "gates/marts.yml:1" in str(verdict.error)
    assert "marts.by_item comes from no source" in str(verdict.error)
