"""An ephemeral model is part of the models that read it: its code, and what it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.lake.engine import EngineSettings
from headgate.lake.reading import query, reader
from headgate.run.workshop import open_store
from small_shop import Shop


@pytest.fixture
def shop(site: Path) -> Shop:
    shop = Shop(site / "shop")
    shop.write(
        "models/clean/dear.sql",
        "{{ config(materialized='ephemeral') }} select * from {{ source('raw', 'sales') }} where amount > 10",
    )
    shop.write("models/marts/dear_total.sql", "select sum(amount)::int as total from {{ ref('dear') }}")
    shop.run()
    return shop


def total(shop: Shop) -> int:
    with reader(open_store(shop.project()), EngineSettings(), release=None, run=None) as con:
        return int(query(con, "from marts.dear_total")[1][0][0])


def test_new_data_reach_a_table_through_an_ephemeral_model(shop: Shop) -> None:
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,100\n")
    assert (shop.run().status, total(shop)) == ("published", 150)


def test_an_edited_ephemeral_model_builds_the_tables_that_read_it(shop: Shop) -> None:
    shop.write(
        "models/clean/dear.sql",
        "{{ config(materialized='ephemeral') }} select * from {{ source('raw', 'sales') }} where amount > 20",
    )
    assert (shop.run().status, total(shop)) == ("published", 30)
