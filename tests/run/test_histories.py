"""headgate.history() in a run: built when its change log grows, explained by the plan, at hand for dbt by hand."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headgate.lake.engine import EngineSettings
from headgate.lake.reading import query, reader
from headgate.run import Options, explain
from headgate.run.drift import readers_of
from headgate.run.workshop import Decision, open_dbt, open_store
from headgate.sources.change_log import ChangeLog
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


def test_who_reads_a_change_log_reads_its_table(historic: Shop) -> None:
    project = historic.project()
    dbt = open_dbt(project, open_store(project))
    assert dbt is not None
    assert "marts.sales_counted" in readers_of(dbt.models(), "sales")
    assert "marts.sales_counted" not in readers_of(dbt.models(), "items")


def test_the_plan_knows_a_history_that_is_up_to_date(historic: Shop) -> None:
    historic.run()
    historic.write("models/marts/items_seen.sql", "select count(*) as m from {{ source('raw', 'items') }}\n")
    steps = {step.name: step for step in explain(historic.project(), Options())[1]}
    assert steps["build:marts"].models == {"marts.items_seen": "its code or variables changed"}


def test_a_version_in_quarantine_is_not_in_a_history_until_it_is_brought_back(historic: Shop) -> None:
    """Also in a model that only adds what is new: it begins anew, and record numbers stay what they were."""
    versions = "select record_id, id, amount from ({{ headgate.history('sales') }})"
    added = "{{ config(materialized='incremental', incremental_strategy='append') }} " + versions
    newer = " {% if is_incremental() %} where record_id > (select max(record_id) from {{ this }}) {% endif %}"
    historic.write("models/marts/sales_versions.sql", added + newer)
    historic.write(
        "gates/raw.yml",
        """
        sales:
          - expect_column_values_to_be_between: {column: amount, min_value: 0}
            on_fail: quarantine
          - max_quarantine: 5
        """,
    )
    historic.run()
    historic.write("data/sales_2.csv", "id,item,amount\n1,a,-11\n4,b,40\n")
    assert historic.run().status == "published"
    three = [(1, 1, 10), (2, 2, 20), (3, 3, 30)]
    assert versions_of(historic) == [*three, (5, 4, 40)]
    assert counted(historic) == (4, 3)
    gates = historic.folder / "gates" / "raw.yml"
    gates.write_text(gates.read_text().replace("min_value: 0", "min_value: -20"))
    replayed = historic.run(decision=Decision("replay", "raw.sales"))
    assert (replayed.status, replayed.error) == ("published", None)
    assert versions_of(historic) == [*three, (4, 1, -11), (5, 4, 40)]
    assert counted(historic) == (5, 4)


def test_a_lake_from_before_there_were_views_of_versions_gets_them(
    historic: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = historic.folder / "models" / "marts" / "sales_counted.sql"
    model.unlink()
    with monkeypatch.context() as before:
        before.setattr(ChangeLog, "show_versions", lambda log: None)
        assert historic.run().status == "published"
    model.write_text(COUNT)
    verdict = historic.run()
    assert (verdict.status, verdict.error) == ("published", None)
    assert counted(historic) == (3, 3)


def versions_of(shop: Shop) -> list[tuple[object, ...]]:
    with reader(open_store(shop.project()), EngineSettings(), release=None, run=None) as con:
        return query(con, "from marts.sales_versions order by record_id")[1]


def test_another_key_makes_another_history(historic: Shop) -> None:
    historic.run()
    historic.write("models/sources.yml", SOURCES.replace("primary_key: id", "primary_key: [id, item]"))
    steps = {step.name: step for step in explain(historic.project(), Options())[1]}
    assert steps["build:marts"].models["marts.sales_counted"] == "its code or variables changed"


def test_plain_dbt_builds_it_too(historic: Shop) -> None:
    historic.run()
    command = [sys.executable, "-m", "dbt.cli.main", "build", "--profiles-dir", ".headgate/dbt", "--vars", "{rate: 2}"]
    done = subprocess.run(command, cwd=historic.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
