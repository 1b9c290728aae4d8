"""A lake on which runs come again and again: what they leave does not pile up, and nothing that counts is lost."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from headgate.lake import compaction
from headgate.lake.catalog import read_contents
from headgate.lake.engine import EngineSettings
from headgate.lake.reading import query, reader
from headgate.lake.release import Releases
from headgate.run.workshop import open_store
from small_shop import Shop

KEPT = """
    {{ config(materialized='incremental', incremental_strategy='append') }}
    select id, amount from {{ source('raw', 'sales') }}
    {% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}
"""
GROWING = ("raw_log.sales", "clean.kept", "_headgate.source_loads", "_headgate.source_files")


@pytest.fixture
def shop(make_shop: Callable[[str], Shop], monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop with a table that is appended to; four small files are many."""
    monkeypatch.setattr(compaction, "MANY_FILES", 4)
    shop = make_shop("shop")
    shop.write("models/clean/kept.sql", KEPT)
    shop.write("gates/raw.yml", "sales: [{expect_column_values_to_not_be_null: {column: amount}}]\n")
    return shop


def sell(shop: Shop, number: int) -> None:
    dice = random.Random(number)
    rows = [f"{100 + number},{dice.choice('ab')},{dice.randint(1, 99)}", f"1,a,{number}"]
    shop.write(f"data/sales_{number:02}.csv", "id,item,amount\n" + "\n".join(rows) + "\n")


def asked(shop: Shop, sql: str, release: int | None = None) -> list[tuple[Any, ...]]:
    with reader(open_store(shop.project()), EngineSettings(), release=release, run=None) as con:
        return query(con, sql)[1]


def files(shop: Shop) -> dict[str, int]:
    with reader(open_store(shop.project()), EngineSettings(), release=None, run=None) as con:
        tables = read_contents(con).tables
        return {name: len(tables[name].files) for name in GROWING}


@pytest.mark.slow
def test_files_do_not_pile_up_and_every_release_reads_as_it_was_published(
    shop: Shop, make_shop: Callable[[str], Shop]
) -> None:
    states = {}
    most = dict.fromkeys(GROWING, 0)
    for number in range(2, 10):
        sell(shop, number)
        verdict = shop.run()
        assert verdict.status == "published", verdict.error
        assert verdict.release is not None
        states[verdict.release] = asked(shop, "from clean.kept order by all")
        most = {name: max(count, most[name]) for name, count in files(shop).items()}
    assert max(most.values()) <= 4
    manifest = Releases(open_store(shop.project())).current()
    assert manifest is not None
    counted = {name: asked(shop, f"select count(*) from {name}")[0][0] for name in manifest.tables}
    assert {name: entry["rows"] for name, entry in manifest.tables.items()} == counted
    assert {number: asked(shop, "from clean.kept order by all", number) for number in states} == states
    assert shop.run().status == "nothing_new"
    fresh = make_shop("fresh")
    shutil.copytree(
        shop.folder / "data", fresh.folder / "data", dirs_exist_ok=True
    )  # with their times: later files win
    assert fresh.run().status == "published"
    everything = "select id, item, amount from raw.sales order by all"
    assert asked(shop, everything) == asked(fresh, everything)
    assert asked(shop, "select count(*), count(distinct (id, _hash)) from raw_log.sales") == [(18, 18)]
    assert len(Releases(open_store(shop.project())).numbers()) == len(states)


@pytest.mark.slow
def test_a_lake_that_forgot_what_earlier_runs_read_still_knows_what_the_last_ones_did(shop: Shop) -> None:
    """The ledger and the manifest may be lost: what is in the lake is enough to read no file twice."""
    for number in range(2, 8):
        sell(shop, number)
        assert shop.run().status == "published"
    paths = asked(shop, "select path from _headgate.source_files where \"table\" = 'sales' order by 1")
    assert paths == [(f"data/sales_{name}.csv",) for name in ("02", "03", "04", "05", "06", "07", "1")]
    shop.write("data/sales_03.csv", "id,item,amount\n500,a,5\n")
    assert shop.run().status == "published"
    assert asked(shop, "select amount from raw.sales where id = 500") == [(5,)]
