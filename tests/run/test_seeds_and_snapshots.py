"""dbt's seeds and snapshots are built like models: only when they must be, and published with the rest."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.lake.engine import EngineSettings
from headgate.lake.reading import query, reader
from headgate.run.workshop import open_store
from small_shop import DBT_PROJECT, Shop

pytestmark = pytest.mark.slow

SNAPSHOT = """
{% snapshot items_then %}
{{ config(schema='clean', unique_key='item', strategy='check', check_cols='all') }}
select * from {{ source('raw', 'items') }}
{% endsnapshot %}
"""


def ask(shop: Shop, sql: str) -> list[tuple[Any, ...]]:
    with reader(open_store(shop.project()), EngineSettings(), release=None, run=None) as con:
        return query(con, sql)[1]


@pytest.fixture
def seeded(shop: Shop) -> Shop:
    shop.write("dbt_project.yml", DBT_PROJECT + "seeds: {shop: {+schema: clean}}\n")
    shop.write("seeds/prices.csv", "item,price\na,1\nb,2\n")
    shop.write("models/marts/by_item.sql", "select i.item, p.price as total from {{ ref('prices') }} p join "
               "{{ source('raw', 'items') }} i on i.item = p.item")  # fmt: skip
    return shop


def test_a_seed_is_a_table_of_its_layer_and_is_built_again_when_it_changes(seeded: Shop) -> None:
    verdict = seeded.run()
    assert verdict.status == "published", verdict.error
    assert ask(seeded, "from clean.prices order by item") == [("a", 1), ("b", 2)]
    assert ask(seeded, "from marts.by_item order by item") == [("a", 1), ("b", 2)]
    assert seeded.run().status == "nothing_new"
    seeded.write("seeds/prices.csv", "item,price\na,1\nb,3\n")
    assert seeded.run().release == 2
    assert ask(seeded, "from marts.by_item order by item") == [("a", 1), ("b", 3)]


def test_a_broken_seed_stops_the_run_and_is_named(seeded: Shop) -> None:
    seeded.run()
    seeded.write("seeds/prices.csv", 'item,price\na,1\nb,"2\n')
    verdict = seeded.run()
    assert (verdict.status, verdict.serving) == ("blocked", 1)
    assert "prices" in str(verdict.error)


def test_a_snapshot_keeps_what_was_from_run_to_run(shop: Shop) -> None:
    shop.write("snapshots/items_then.sql", SNAPSHOT)
    assert shop.run().status == "published"
    shop.write("data/items.csv", "item,name\na,Apple\nb,Brioche\n")
    assert shop.run().release == 2
    kept = ask(shop, "select item, name, dbt_valid_to is null from clean.items_then order by all")
    assert kept == [("a", "Apple", True), ("b", "Bread", False), ("b", "Brioche", True)]
    assert shop.run().status == "nothing_new"
