"""headgate.history() in a run: built when its change log grows, explained by the plan, at hand for dbt by hand."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headgate.lake.engine import EngineSettings
from headgate.lake.reading import query, reader
from headgate.run import Options, explain
from headgate.run.workshop import open_store
from small_shop import DBT_PROJECT, Shop

pytestmark = pytest.mark.slow

SOURCES = """
sources:
  - {name: raw, tables: [{name: sales}, {name: items}]}
  - name: raw_log
    tables: [{name: sales, config: {meta: {primary_key: id}}}]
"""
COUNT = "select count(*) as versions, count(*) filter (is_current) as current from ({{ headgate.history('sales') }})"


@pytest.fixture
def historic(shop: Shop) -> Shop:
    shop.write("dbt_project.yml", DBT_PROJECT + "packages-install-path: .headgate/dbt/packages\n")
    shop.write("models/sources.yml", SOURCES)
    shop.write("models/marts/sales_counted.sql", COUNT)
    return shop


def counted(shop: Shop) -> tuple[object, ...]:
    with reader(open_store(shop.project()), EngineSettings(), release=None, run=None) as con:
        return query(con, "from marts.sales_counted")[1][0]


def test_a_history_grows_with_its_change_log_and_only_then(historic: Shop) -> None:
    verdict = historic.run()
    assert verdict.status == "published", verdict.error
    assert counted(historic) == (3, 3)
    historic.write("data/items.csv", "item,name\na,Apple\nb,Brioche\n")
    steps = {step.name: step for step in explain(historic.project(), Options())[1]}
    assert "marts.sales_counted" not in steps["build:marts"].models
    assert historic.run().status == "published"
    historic.write("data/sales_2.csv", "id,item,amount\n1,a,11\n")
    steps = {step.name: step for step in explain(historic.project(), Options())[1]}
    assert steps["build:marts"].models["marts.sales_counted"] == "if raw_log.sales changed"
    assert historic.run().status == "published"
    assert counted(historic) == (4, 3)


def test_the_plan_knows_a_history_that_is_up_to_date(historic: Shop) -> None:
    historic.run()
    historic.write("models/marts/items_seen.sql", "select count(*) as m from {{ source('raw', 'items') }}\n")
    steps = {step.name: step for step in explain(historic.project(), Options())[1]}
    assert steps["build:marts"].models == {"marts.items_seen": "its code or variables changed"}


def test_another_key_makes_another_history(historic: Shop) -> None:
    historic.run()
    historic.write("models/sources.yml", SOURCES.replace("primary_key: id", "primary_key: [id, item]"))
    steps = {step.name: step for step in explain(historic.project(), Options())[1]}
    assert steps["build:marts"].models["marts.sales_counted"] == "its code or variables changed"


def test_plain_dbt_builds_it_too(historic: Shop) -> None:
    historic.run()
    command = [sys.executable, "-m", "dbt.cli.main", "build", "--profiles-dir", ".headgate/dbt"]
    done = subprocess.run(command, cwd=historic.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
