"""`headgate check` tells of tables and columns that gates name and no run will find; it raises no false alarm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.lake.doctor import Finding
from headgate.project import load
from headgate.run import Options, perform
from headgate.run.check import check_project
from postgres_server import PostgresServer
from small_shop import Shop

LOCK = """
    tables:
      items: {delimiter: ',', columns: {item: VARCHAR, name: VARCHAR}}
      sales: {delimiter: ',', columns: {id: BIGINT, item: VARCHAR, amount: BIGINT}}
"""
NOT_NULL = "{{expect_column_values_to_not_be_null: {{column: {}}}}}"


def about_gates(shop: Shop) -> list[Finding]:
    return [finding for finding in check_project(shop.project()) if finding.subject == "gates"]


def told(shop: Shop) -> list[str]:
    return [finding.text for finding in about_gates(shop) if not finding.ok]


def gate(shop: Shop, layer: str, table: str, column: str) -> None:
    shop.write(f"gates/{layer}.yml", f"{table}:\n  - {NOT_NULL.format(column)}\n")


@pytest.fixture
def locked(shop: Shop) -> Shop:
    """The small project, of which the first run is still to be done, with the types of its columns."""
    shop.write("schema.lock", LOCK)
    return shop


def test_a_column_of_raw_that_is_nowhere_is_told_with_its_place_and_what_is_there(locked: Shop) -> None:
    assert told(locked) == []
    gate(locked, "raw", "sales", "amuont")
    (found,) = about_gates(locked)
    assert (found.ok, found.text) == (False, "gates/raw.yml:2: raw.sales has no column 'amuont'")
    assert found.hint == "did you mean 'amount'?"
    verdict = locked.run()
    assert "raw.sales has no column 'amuont'" in str(verdict.failures), "which the run would have said, too"


def test_a_table_that_nothing_makes_is_told(locked: Shop) -> None:
    gate(locked, "raw", "sale", "amount")
    gate(locked, "clean", "sales_claen", "amount")
    raw, clean = about_gates(locked)
    assert (raw.text, raw.hint) == (
        "gates/raw.yml:2: there is going to be no table raw.sale",
        "did you mean 'raw.sales'?",
    )
    assert (clean.text, clean.hint) == (
        "gates/clean.yml:2: there is going to be no table clean.sales_claen",
        "did you mean 'clean.sales_clean'?",
    )


def test_a_column_of_a_model_is_known_from_its_rehearsal_and_remembered(locked: Shop) -> None:
    gate(locked, "marts", "by_item", "totl")
    for _ in range(2):
        assert told(locked) == ["gates/marts.yml:2: marts.by_item has no column 'totl'"]
    gate(locked, "marts", "by_item", "total")
    assert told(locked) == []
    locked.write("models/marts/by_item.sql", "select item, 1 as totl from {{ ref('sales_clean') }}")
    assert told(locked) == ["gates/marts.yml:2: marts.by_item has no column 'total'"]


def test_before_the_first_run_nothing_is_said_of_columns(shop: Shop) -> None:
    gate(shop, "raw", "sales", "amuont")
    gate(shop, "marts", "by_item", "totl")
    assert told(shop) == []


@pytest.mark.parametrize(
    "model",
    [
        "pivot {{ ref('sales_clean') }} on item using sum(amount) group by id",
        "select * from (pivot {{ ref('sales_clean') }} on item using sum(amount))",
        "select * from read_csv('data/items.csv')",
        "{{ config(materialized='incremental', unique_key='id') }} select columns('a.*') from 'data/items.csv'",
    ],
)
def test_of_a_model_whose_columns_come_with_its_data_nothing_is_said(locked: Shop, model: str) -> None:
    locked.write("models/clean/wide.sql", model)
    locked.write("models/marts/by_item.sql", "select * from {{ ref('wide') }}")
    gate(locked, "clean", "wide", "a")
    gate(locked, "marts", "by_item", "a")
    assert told(locked) == []


def test_of_seeds_and_of_tables_that_a_hook_makes_nothing_is_said(locked: Shop) -> None:
    locked.write("seeds/rates.csv", "rate\n1\n")
    locked.write(
        "dbt_project.yml", (locked.folder / "dbt_project.yml").read_text() + "seeds: {shop: {+schema: clean}}\n"
    )
    hook = "create or replace table {{ target.database }}.clean.extra as select 1 as n"
    model = f'{{{{ config(post_hook="{hook}") }}}} select item from {{{{ source("raw", "items") }}}}'
    locked.write("models/clean/hooked.sql", model)
    locked.write("gates/clean.yml", f"rates: [{NOT_NULL.format('rat')}]\nextra: [{NOT_NULL.format('n')}]\n")
    assert told(locked) == []


def test_of_a_table_whose_files_may_bring_new_columns_nothing_is_said(locked: Shop) -> None:
    gate(locked, "raw", "sales", "colour")
    gate(locked, "clean", "all_of_it", "colour")
    locked.write("models/clean/all_of_it.sql", "select * from {{ source('raw', 'sales') }}")
    assert len(told(locked)) == 2
    settings = (locked.folder / "headgate.yml").read_text()
    for more in ("on_new_column: evolve", "columns: {colour: VARCHAR}"):
        locked.write("headgate.yml", settings.replace("primary_key: [id]", f"primary_key: [id], {more}"))
        assert told(locked) == []


def test_a_project_without_models_has_tables_of_raw_only(locked: Shop) -> None:
    for path in (
        "dbt_project.yml",
        *(str(p.relative_to(locked.folder)) for p in locked.folder.glob("models/**/*.sql")),
    ):
        (locked.folder / path).unlink()
    assert told(locked) == ["gates/marts.yml:2: there is going to be no table marts.by_item"]


# Databases

SCHEMA = "foreseen"


class App:
    """A project whose source is a real PostgreSQL."""

    def __init__(self, folder: Path, server: PostgresServer) -> None:
        self.server = server
        self.folder = folder
        folder.mkdir()
        (folder / "gates").mkdir()
        self.do("CREATE TABLE orders (id int PRIMARY KEY, amount int)")
        self.settings()
        self.gate("orders", "amount")

    def settings(self, *, port: int | None = None, **more: str) -> None:
        url = self.server.url if port is None else f"postgresql://nobody@127.0.0.1:{port}/nowhere"
        options = "".join(f", {name}: {value}" for name, value in more.items())
        source = f'{{type: postgres, url: "{url}", schema: {SCHEMA}, retry: 0s{options}}}'
        (self.folder / "headgate.yml").write_text(f"name: app\nsources: {{app: {source}}}\nlayers: [raw]\n")

    def gate(self, table: str, column: str) -> None:
        (self.folder / "gates" / "raw.yml").write_text(f"{table}: [{NOT_NULL.format(column)}]\n")

    def do(self, *statements: str) -> None:
        self.server.execute(f"SET search_path = {SCHEMA}", *statements)

    def told(self) -> list[str]:
        return [f.text for f in check_project(load(self.folder, environ={})) if f.subject == "gates" and not f.ok]

    def run(self, **options: Any) -> str:
        return perform(load(self.folder, environ={}), Options(**options)).status


@pytest.fixture
def app(tmp_path: Path, postgres: PostgresServer) -> Iterator[App]:
    postgres.execute(f"CREATE SCHEMA {SCHEMA}")
    yield App(tmp_path / "app", postgres)
    postgres.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def test_a_database_is_asked_for_what_is_not_locked_yet(app: App) -> None:
    app.gate("orders", "amuont")
    assert app.told() == ["gates/raw.yml:1: raw.orders has no column 'amuont'"]
    app.gate("order", "amount")
    assert app.told() == ["gates/raw.yml:1: there is going to be no table raw.order"]


def test_a_column_that_a_policy_brings_is_known_and_one_that_it_leaves_out_is_not_there(app: App) -> None:
    assert app.run() == "published"
    app.do("ALTER TABLE orders ADD colour text")
    app.gate("orders", "colour")
    app.settings(on_new_column="evolve")
    assert app.told() == []
    app.settings(on_new_column="ignore")
    assert app.told() == ["gates/raw.yml:1: raw.orders has no column 'colour'"]


def test_where_the_database_cannot_be_asked_its_lock_is_known_unless_it_may_have_more(app: App) -> None:
    assert app.run() == "published"
    app.gate("orders", "colour")
    app.settings(port=1)
    assert app.told() == ["gates/raw.yml:1: raw.orders has no column 'colour'"]
    app.settings(port=1, on_new_column="evolve")
    assert app.told() == []
    app.gate("nowhere", "n")
    assert app.told() == [], "the database may have such a table"
    app.settings(port=1, include="[orders]")
    assert app.told() == ["gates/raw.yml:1: there is going to be no table raw.nowhere"]


def test_a_table_that_stays_although_it_is_of_no_source_any_more_is_there(app: App) -> None:
    app.do("CREATE TABLE shops (id int PRIMARY KEY)")
    assert app.run() == "published"
    app.settings(exclude="[orders]")
    assert app.told() == []
