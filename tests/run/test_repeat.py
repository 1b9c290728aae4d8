"""Models whose statements are known are built without dbt, and come out as dbt would have built them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.lake.doctor import Finding
from headgate.lake.engine import EngineSettings
from headgate.lake.reading import query, reader
from headgate.plan import Step
from headgate.run import steps, story
from headgate.run.check import check_project
from headgate.run.steps import Outcome
from headgate.run.workshop import Workshop, open_store
from headgate.transform.models import Models
from headgate.transform.runner import Dbt
from small_shop import DBT_PROJECT, Shop

TABLES = ("clean.sales_clean", "marts.by_item", "marts.items_seen", "clean.kept", "clean.merged", "clean.dear_view")
MODELS = {
    "data/items.csv": "item,name\na,Apple\nb,Bread\nc,Cake\n",
    "models/clean/schema.yml": "{}",
    "models/clean/cheap.sql": """
        {{ config(materialized='ephemeral') }} select * from {{ source('raw', 'sales') }} where amount < 50
    """,
    "models/clean/kept.sql": """
        {{ config(
            materialized='incremental', incremental_strategy='delete+insert', unique_key='id',
            post_hook="{% if is_incremental() %} delete from {{ this }} where amount > 900 {% endif %}",
        ) }}
        select {{ columns_of(ref('sales_clean')) }} from {{ ref('sales_clean') }}
        {% if is_incremental() %} where id > (select max(id) - 1 from {{ this }}) {% endif %}
    """,
    "models/clean/merged.sql": """
        {{ config(materialized='incremental', incremental_strategy='merge', unique_key='item') }}
        select item, max(amount) as top from {{ ref('cheap') }} where amount > {{ var('floor', 0) }} group by item
    """,
    "models/clean/dear_view.sql": """
        {{ config(materialized='view') }} select item, count(*) as n from {{ ref('sales_clean') }} group by item
    """,
    "macros/columns_of.sql": """
        {% macro columns_of(relation) %}
          {{- adapter.get_columns_in_relation(relation) | map(attribute='name') | join(', ') -}}
        {% endmacro %}
    """,
}
LOOKS_LATER = """
    {{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id',
              post_hook="{% if is_incremental() %} delete from {{ this }} where id > 3 {% endif %}") }}
    select id from {{ ref('sales_clean') }}
    {% if is_incremental() %} where id > (select max({{ columns_of(this) }}) - 1 from {{ this }}) {% endif %}
"""
BRITTLE = "select item, max(if(amount > 100, 'x', '1'))::int as total from {{ ref('sales_clean') }} group by item"


@pytest.fixture
def shop(make_shop: Callable[[str], Shop]) -> Shop:
    return furnished(make_shop("shop"))


def furnished(shop: Shop) -> Shop:
    for name, text in MODELS.items():
        shop.write(name, text)
    return shop


def contents(shop: Shop, *, target: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
    with reader(open_store(shop.project(target=target)), EngineSettings(), release=None, run=None) as con:
        return {table: query(con, f"from {table} order by all")[1] for table in TABLES}


def rows(shop: Shop, table: str) -> list[tuple[Any, ...]]:
    with reader(open_store(shop.project()), EngineSettings(), release=None, run=None) as con:
        return query(con, f"from {table} order by all")[1]


def forget(shop: Shop) -> None:
    for name in ("models.json", "statements.json"):
        (shop.folder / ".headgate" / "dbt" / name).unlink()


def sell(shop: Shop, number: int, dice: random.Random) -> None:
    rows = [f"{dice.randint(1, 12)},{dice.choice('abc')},{dice.randint(0, 999)}" for _ in range(3)]
    rows = list({row.split(",")[0]: row for row in rows}.values())  # a key once in a file
    shop.write(f"data/sales_{number}.csv", "id,item,amount\n" + "\n".join(rows) + "\n")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What dbt is asked to do from now on."""
    asked: list[str] = []
    invoke = Dbt._invoke

    def listening(self: Dbt, arguments: list[str], *more: Any) -> Any:
        asked.append(arguments[0])
        return invoke(self, arguments, *more)

    monkeypatch.setattr(Dbt, "_invoke", listening)
    return asked


@pytest.mark.slow
def test_a_later_run_needs_no_dbt(shop: Shop, calls: list[str]) -> None:
    shop.run()
    shop.write("data/sales_2.csv", "id,item,amount\n4,c,70\n")
    shop.run()  # the first in which tables were there already
    calls.clear()
    shop.write("data/sales_3.csv", "id,item,amount\n5,a,7\n")
    assert shop.run().status == "published"
    assert calls == []
    assert contents(shop)["clean.dear_view"] == [("a", 3), ("b", 1), ("c", 1)]


@pytest.mark.slow
def test_what_is_remembered_of_one_target_outlasts_a_run_of_another(shop: Shop, calls: list[str]) -> None:
    settings = (shop.folder / "headgate.yml").read_text(encoding="utf-8")
    shop.write("headgate.yml", settings + "targets: {dev: {}}\n")
    for number in (2, 3, 4):
        calls.clear()
        shop.write(f"data/sales_{number}.csv", f"id,item,amount\n{number + 2},c,70\n")
        assert [shop.run(target=target).status for target in (None, "dev")] == ["published"] * 2
    assert calls == []
    assert contents(shop) == contents(shop, target="dev")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_tables_are_those_that_dbt_builds(make_shop: Callable[[str], Shop], seed: int) -> None:
    remembering, forgetful = furnished(make_shop("one")), furnished(make_shop("two"))
    for number in range(2, 6):
        for shop in (remembering, forgetful):
            sell(shop, number, random.Random(seed * 100 + number))
            assert shop.run(variables={"floor": 5 * (number % 2)}, allow_shrink=True).status == "published"
        assert contents(remembering) == contents(forgetful)
        forget(forgetful)


@pytest.mark.slow
def test_a_new_column_of_an_input_makes_new_statements(shop: Shop, calls: list[str]) -> None:
    for _ in range(2):
        shop.run()
        shop.write("data/sales_2.csv", "id,item,amount\n4,c,70\n")
    shop.write("models/clean/sales_clean.sql", "select id, item, amount, 1 as extra from {{ source('raw', 'sales') }}")
    calls.clear()
    verdict = shop.run()
    assert verdict.status == "published", verdict.error
    assert "build" in calls
    with reader(open_store(shop.project()), EngineSettings(), release=None, run=None) as con:
        assert [row[0] for row in query(con, "describe clean.kept")[1]] == ["id", "item", "amount", "extra"]


@pytest.mark.slow
def test_a_model_that_queries_while_it_is_compiled_is_left_to_dbt(shop: Shop, calls: list[str]) -> None:
    shop.write(
        "models/marts/items_seen.sql",
        "{% set n = run_query('select count(*) from ' ~ source('raw', 'items')).columns[0][0] if execute else 0 %}"
        "select {{ n }} as n, (select max(item) from {{ source('raw', 'items') }}) as last",
    )
    shop.run()
    for count, item in ((4, "d"), (5, "e")):
        with (shop.folder / "data" / "items.csv").open("a") as file:
            file.write(f"{item},Dip\n")
        calls.clear()
        shop.run()
        assert "build" in calls
        assert contents(shop)["marts.items_seen"] == [(count, item)]


@pytest.mark.slow
def test_a_statement_that_fails_is_told_as_dbt_tells_it(shop: Shop, make_shop: Callable[[str], Shop]) -> None:
    said = []
    for each, memory in ((shop, True), (furnished(make_shop("other")), False)):
        each.write("models/marts/by_item.sql", BRITTLE)
        verdict = each.run()
        assert verdict.status == "published", verdict.error or verdict.failures
        each.write("data/sales_2.csv", "id,item,amount\n4,a,200\n")
        if not memory:
            forget(each)
        verdict = each.run()
        assert verdict.error is not None
        said.append((verdict.status, verdict.exit_code, verdict.error))
    assert said[0] == said[1]
    assert "Conversion Error" in said[0][2]


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["", "{", "[]", '{"base": 1}'])
def test_a_damaged_memory_is_made_again(shop: Shop, damage: str) -> None:
    shop.run()
    for name in ("models.json", "statements.json"):
        (shop.folder / ".headgate" / "dbt" / name).write_text(damage)
    shop.write("data/sales_2.csv", "id,item,amount\n4,c,70\n")
    assert shop.run().status == "published"


@pytest.mark.slow
def test_what_the_environment_says_is_part_of_what_is_remembered(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, calls: list[str], tmp_path: Path
) -> None:
    shop.write("models/marts/items_seen.sql", "select '{{ env_var('SHOP', 'none') }}' as n, 0 as zero")
    shop.run()
    monkeypatch.setenv("SHOP", "corner")
    calls.clear()
    shop.write("gates/marts.yml", "{}")
    shop.run()
    assert "parse" in calls
    assert contents(shop)["marts.items_seen"] == [("corner", 0)]


@pytest.mark.slow
def test_a_layer_of_which_all_is_known_does_not_wait_for_dbt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write(
        "models/marts/by_item.sql",
        "{{ run_started_at and '' }} select 1 as item, 2 as total -- {{ ref('sales_clean') }}",
    )
    shop.run()
    shop.write("data/sales_2.csv", "id,item,amount\n4,c,70\n")
    shop.run()  # the first in which tables were there already
    clean_is_built = threading.Event()
    waited = []
    parse, perform = Dbt._parse, steps.perform_one

    def parse_late(self: Dbt) -> Models:
        waited.append(clean_is_built.wait(30))
        return parse(self)

    def perform_told(shop: Workshop, step: Step) -> Outcome:
        if step.name == "gate:clean":
            clean_is_built.set()
        return perform(shop, step)

    monkeypatch.setattr(Dbt, "_parse", parse_late)
    monkeypatch.setattr(story, "perform_one", perform_told)
    shop.write("data/sales_3.csv", "id,item,amount\n5,a,7\n")
    assert shop.run().status == "published"
    assert waited == [True]


@pytest.mark.slow
def test_tables_of_one_query_are_built_together_from_what_dbt_compiles(shop: Shop, calls: list[str]) -> None:
    for name in ("kept", "merged", "dear_view"):
        (shop.folder / f"models/clean/{name}.sql").unlink()
    shop.write("models/clean/again.sql", "select *, {{ var('rate') }} as rate from {{ ref('sales_clean') }}")
    assert shop.run().status == "published"
    assert calls == ["parse", "compile"]  # all of them at once, while data is extracted
    with reader(open_store(shop.project()), EngineSettings(), release=None, run=None) as con:
        assert query(con, "select sum(amount)::int, min(rate) from clean.again")[1] == [(60, 2)]
    calls.clear()
    assert shop.run(full=True).status == "published"
    assert calls == []


def test_a_checked_project_needs_no_dbt_for_its_first_run(make_shop: Callable[[str], Shop], calls: list[str]) -> None:
    checked, other = make_shop("checked"), make_shop("other")
    for shop in (checked, other):
        furnished(shop)
        shop.write("models/clean/kept.sql", LOOKS_LATER)
        for name in ("merged", "dear_view"):  # a view's first statement is not only its query
            (shop.folder / f"models/clean/{name}.sql").unlink()
    assert all(finding.ok for finding in check_project(checked.project()))
    assert calls == ["parse", "compile"]
    calls.clear()
    assert all(finding.ok for finding in check_project(checked.project()))
    assert calls == []  # nothing is compiled twice
    assert checked.run().status == "published"
    assert calls == []
    other.run()
    assert rows(checked, "clean.kept") == rows(other, "clean.kept")
    for shop in (checked, other):
        shop.write("data/sales_2.csv", "id,item,amount\n4,c,950\n")
        assert shop.run().status == "published"
    assert rows(checked, "clean.kept") == rows(other, "clean.kept") == [(1,), (2,), (3,)]


def test_what_cannot_be_compiled_is_told_by_the_run(shop: Shop) -> None:
    code = "select {{ exceptions.raise_compiler_error('no such rate') if execute else 1 }} as n"
    shop.write("models/marts/by_item.sql", f"{code} from {{{{ ref('sales_clean') }}}}")
    check_project(shop.project())
    verdict = shop.run()
    assert verdict.status == "failed"
    assert "no such rate" in (verdict.error or ""), verdict.error


LOCK = """
    tables:
      items: {delimiter: ',', columns: {item: VARCHAR, name: VARCHAR}}
      sales: {delimiter: ',', columns: {id: BIGINT, item: VARCHAR, amount: BIGINT}}
"""


def findings(shop: Shop) -> dict[str, Finding]:
    return {finding.subject: finding for finding in check_project(shop.project())}


@pytest.mark.slow
def test_a_project_that_was_checked_with_its_lock_needs_no_dbt_at_all(
    make_shop: Callable[[str], Shop], calls: list[str]
) -> None:
    checked, other = furnished(make_shop("checked")), furnished(make_shop("other"))
    checked.write("schema.lock", LOCK)
    assert all(finding.ok for finding in check_project(checked.project()))
    assert "build" in calls
    calls.clear()
    assert all(finding.ok for finding in check_project(checked.project()))
    for number in range(2, 6):  # from nothing, then three times into what is there
        assert checked.run(allow_shrink=True).status == "published"
        assert calls == []
        other.run(allow_shrink=True)
        assert contents(checked) == contents(other)
        calls.clear()
        for shop in (checked, other):
            sell(shop, number, random.Random(number))


def test_a_model_that_makes_no_sense_is_found_without_a_run(shop: Shop) -> None:
    shop.write("schema.lock", LOCK)
    good = (shop.folder / "models/marts/by_item.sql").read_text()
    shop.write(
        "models/marts/by_item.sql", "select item,\n  sum(amuont) as total from {{ ref('sales_clean') }} group by 1"
    )
    for _ in range(2):  # it is not forgotten
        found = findings(shop)["models"]
        assert not found.ok
        assert found.text.startswith("models/marts/by_item.sql:2: model by_item failed: Binder Error: ")
        assert '"amuont" not found' in found.text
        assert "schema.lock" in (found.hint or "")
    shop.write("models/marts/by_item.sql", good)
    assert findings(shop)["models"].ok
    assert not (shop.folder / "lake" / "releases").exists()


def test_hooks_reach_nothing_while_a_project_is_checked(shop: Shop, site: Path) -> None:
    leak = site / "leak.csv"
    hooks = [f"copy (select 1) to '{leak}'", "insert into elsewhere.main.t values (1)"]
    for name, hook in zip(("kept", "merged"), hooks, strict=True):
        config = f'config(materialized="incremental", unique_key="item", post_hook="{hook}")'
        shop.write(f"models/clean/{name}.sql", f"{{{{ {config} }}}} select item from {{{{ ref('sales_clean') }}}}")
    shop.write("schema.lock", LOCK)
    assert findings(shop)["models"].ok
    assert not leak.exists()
    (shop.folder / "models/clean/merged.sql").unlink()
    verdict = shop.run()
    assert verdict.status == "published", verdict.error  # the process is not shut off for what comes later
    assert leak.exists()


def test_what_reads_what_is_not_known_yet_is_left_to_the_run(shop: Shop) -> None:
    shop.write("seeds/rates.csv", "item,rate\na,2\n")
    shop.write("dbt_project.yml", DBT_PROJECT + "seeds: {shop: {+schema: clean}}\n")
    shop.write("models/marts/rated.sql", "{{ config(materialized='view') }} select nothing from {{ ref('rates') }}")
    shop.write("models/marts/unlocked.sql", "select nothing from {{ source('raw', 'items') }}")
    shop.write("schema.lock", LOCK.replace("items:", "articles:"))
    assert findings(shop)["models"].ok
    verdict = shop.run()
    assert verdict.status == "failed"
    assert "nothing" in (verdict.error or "")


@pytest.mark.parametrize("kind", ["NONSENSE", "BIGINT); drop table x; --", "DECIMAL(99,1)"])
def test_a_lock_with_what_is_no_type_is_told(shop: Shop, kind: str) -> None:
    shop.write("schema.lock", LOCK.replace("amount: BIGINT", f"amount: '{kind}'"))
    found = findings(shop)["models"]
    assert not found.ok
    assert "schema.lock" in found.text
    assert "tables.sales.columns" in found.text


def test_a_table_of_the_lock_without_columns_is_one_that_is_not_known_yet(shop: Shop) -> None:
    shop.write("models/marts/by_item.sql", "select nothing from {{ source('raw', 'sales') }}")
    shop.write("schema.lock", "tables: {sales: {columns: {}}}")
    assert findings(shop)["models"].ok
