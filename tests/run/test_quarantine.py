"""Rows that go into quarantine, wait there and come out of it, through real runs."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from headgate.errors import ExitCode, UsageError
from headgate.lake.engine import EngineSettings
from headgate.lake.reading import query, reader
from headgate.lake.release import Releases
from headgate.run import Options, Verdict, perform
from headgate.run.check import check_project
from headgate.run.deciding import decide as decided
from headgate.run.workshop import Decision, open_store
from small_shop import Shop

RAW_ONLY = """
name: shop
sources:
  till:
    type: files
    tables:
      sales: {path: data/sales*.csv, primary_key: [id]}
      items: {path: data/items.csv, primary_key: [item], snapshot: true}
layers: [raw]
publish: {max_quarantine: 50%}
"""
RULE = """
sales:
  - expect_column_values_to_be_between: {column: amount, min_value: 0}
    id: not_negative
    on_fail: quarantine
"""
WAITING = "select id, amount, _quarantine_status, _quarantine_replays from quarantine.raw_sales order by all"


def ask(shop: Shop, sql: str, *, release: int | None = None, run: str | None = None) -> list[tuple[Any, ...]]:
    with reader(open_store(shop.project()), EngineSettings(), release=release, run=run) as con:
        return query(con, sql)[1]


def decide(shop: Shop, action: str, **chosen: Any) -> Verdict:
    return perform(shop.project(), Options(decision=Decision(action, **chosen)))  # type: ignore[arg-type]


@pytest.fixture
def raw(shop: Shop) -> Shop:
    """A shop of raw tables alone, with one rule whose bad rows go into quarantine, and one bad row."""
    (shop.folder / "dbt_project.yml").unlink()
    shutil.rmtree(shop.folder / "models")
    (shop.folder / "gates/clean.yml").unlink()
    (shop.folder / "gates/marts.yml").unlink()
    shop.write("headgate.yml", RAW_ONLY)
    shop.write("gates/raw.yml", RULE)
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,-5\n")
    return shop


def test_a_bad_row_goes_into_quarantine_and_the_others_are_published(raw: Shop) -> None:
    verdict = raw.run()
    assert (verdict.status, verdict.exit_code) == ("published", ExitCode.OK), verdict
    assert ask(raw, "select id from raw.sales order by id") == [(1,), (2,), (3,)]
    assert ask(raw, "select count(*) from raw_log.sales") == [(4,)]
    assert ask(raw, WAITING) == [(4, -5, "quarantined", 0)]
    (told,) = ask(
        raw, "select item, _quarantine_run, _quarantine_expectations, _quarantine_reason from quarantine.raw_sales"
    )
    assert told[:3] == ("b", verdict.run, ["not_negative"])
    assert told[3] == "expect_column_values_to_be_between(column=amount, min_value=0)"
    assert verdict.quarantine == {"raw.sales": {"quarantined": 1, "replayed": 0, "superseded": 0, "dropped": 0}}
    assert verdict.sources["till.sales"]["appended"] == 3
    assert verdict.sources["till.sales"]["quarantined"] == 1
    assert "1 row quarantined" in verdict.line()[1]


@pytest.mark.slow
def test_what_is_in_quarantine_stays_there_and_costs_no_release(raw: Shop) -> None:
    raw.run()
    assert raw.run().status == "nothing_new"
    raw.write("data/sales_3.csv", "id,item,amount\n4,b,-5\n5,a,1\n")
    verdict = raw.run()
    assert (verdict.status, verdict.quarantine) == ("published", {})
    assert verdict.sources["till.sales"] | {} == {
        "read": 2,
        "appended": 1,
        "unchanged": 0,
        "superseded": 0,
        "quarantined": 1,
        "sampled_out": 0,
        "deleted": 0,
    }
    assert ask(raw, WAITING) == [(4, -5, "quarantined", 0)]


@pytest.mark.slow
def test_a_row_that_the_source_corrects_supersedes_the_bad_one(raw: Shop) -> None:
    raw.run()
    raw.write("data/sales_2.csv", "id,item,amount\n4,b,5\n")
    verdict = raw.run()
    assert verdict.quarantine["raw.sales"]["superseded"] == 1
    assert ask(raw, "select id, amount from raw.sales order by id") == [(1, 10), (2, 20), (3, 30), (4, 5)]
    assert ask(raw, WAITING) == [(4, -5, "superseded", 0)]
    raw.write("data/sales_2.csv", "id,item,amount\n4,b,-5\n")  # and the bad one once more: another version
    assert raw.run().quarantine["raw.sales"]["quarantined"] == 1
    assert ask(raw, WAITING) == [(4, -5, "quarantined", 0), (4, -5, "superseded", 0)]
    assert ask(raw, "select count(*) from raw.sales") == [(3,)]


@pytest.mark.slow
def test_a_bad_version_of_a_good_row_takes_the_row_away(raw: Shop) -> None:
    raw.write("data/sales_2.csv", "id,item,amount\n4,b,5\n")
    raw.run()
    raw.write("data/sales_2.csv", "id,item,amount\n4,b,-5\n")
    assert raw.run().quarantine["raw.sales"]["quarantined"] == 1
    assert ask(raw, "select count(*) from raw.sales where id = 4") == [(0,)]
    assert ask(raw, "select amount from raw.sales where id = 4", release=1) == [(5,)]


@pytest.mark.slow
def test_replayed_rows_come_back_once_the_rule_is_repaired(raw: Shop) -> None:
    raw.run()
    again = decide(raw, "replay")
    assert again.status == "published"
    assert again.quarantine["raw.sales"]["quarantined"] == 1
    assert ask(raw, WAITING) == [(4, -5, "quarantined", 1)]
    raw.write("gates/raw.yml", RULE.replace("min_value: 0", "min_value: -10"))
    assert raw.run().status == "nothing_new"  # a rule alone brings nothing back
    back = decide(raw, "replay", table="raw.sales")
    assert (back.status, back.quarantine["raw.sales"]["replayed"]) == ("published", 1)
    assert ask(raw, "select id from raw.sales order by id") == [(1,), (2,), (3,), (4,)]
    assert ask(raw, WAITING) == [(4, -5, "replayed", 2)]
    assert ask(raw, "select count(*) from raw.sales", release=1) == [(3,)]


@pytest.mark.slow
def test_a_dropped_row_is_given_up_with_the_reason(raw: Shop) -> None:
    raw.run()
    verdict = decide(raw, "drop", where="id = 4", reason="a test sale")
    assert verdict.quarantine["raw.sales"]["dropped"] == 1
    assert ask(raw, "select _quarantine_status, _quarantine_note from quarantine.raw_sales") == [
        ("dropped", "a test sale")
    ]
    raw.write("gates/raw.yml", RULE.replace("min_value: 0", "min_value: -10"))
    raw.run(full=True)
    assert ask(raw, "select count(*) from raw.sales") == [(3,)]


def test_too_many_rows_block_and_nothing_is_put_into_quarantine(raw: Shop) -> None:
    raw.write("gates/raw.yml", RULE + "  - max_quarantine: 20%\n")
    verdict = raw.run()
    assert (verdict.status, verdict.release, verdict.quarantine) == ("blocked", None, {})
    (failure,) = verdict.failures
    assert failure["unexpected_count"] == 1
    assert "1 of 4 rows (25.00%) would be in quarantine, and max_quarantine is 20 %" in failure["hint"]
    assert ask(raw, "select count(*) from raw.sales", run=verdict.run) == [(4,)]


@pytest.mark.slow
def test_quarantine_rolls_back_with_the_data(raw: Shop) -> None:
    raw.write("data/sales_2.csv", "id,item,amount\n4,b,5\n")
    raw.run()
    raw.write("data/sales_3.csv", "id,item,amount\n5,b,-1\n")
    raw.run()
    store = open_store(raw.project())
    assert Releases(store).manifest(2).quarantine["raw.sales"]["quarantined"] == 1
    assert Releases(store).manifest(1).quarantine == {}
    assert ask(raw, "select count(*) from information_schema.tables where table_schema = 'quarantine'", release=1) == [
        (0,)
    ]


@pytest.mark.slow
def test_columns_may_be_called_as_they_like_and_hostile_texts_do_no_harm(raw: Shop) -> None:
    names = ["id", "number", "position", "rows", "hash", "n", 'q"uote', "select", "bad", "hit", "reason"]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    for number in (1, 2):
        (raw.folder / f"data/sales_{number}.csv").unlink()
    raw.write("data/sales.csv", f"{header}\n1,1,1,1,1,1,1,1,1,1,x'); drop table raw.t; --\n2,2,2,2,2,2,2,2,2,2,good\n")
    raw.write(
        "gates/raw.yml",
        """
        sales:
          - expect_column_values_to_not_match_regex: {column: reason, regex: drop}
            id: "it's; drop"
            on_fail: quarantine
          - unexpected_rows_expectation:
              unexpected_rows_query: SELECT * FROM {batch} AS bad WHERE bad.number = 1
            id: own
            on_fail: quarantine
          - expect_column_values_to_be_unique: {column: hash}
            on_fail: quarantine
        """,
    )
    verdict = raw.run()
    assert verdict.status == "published", verdict
    assert ask(raw, "select id from raw.sales") == [(2,)]
    assert ask(raw, "select _quarantine_expectations, reason from quarantine.raw_sales") == [
        (["it's; drop", "own"], "x'); drop table raw.t; --")
    ]


def test_every_row_of_a_repeated_value_goes_and_rows_of_the_same_content_are_several(raw: Shop) -> None:
    raw.write("data/sales_2.csv", "id,item,amount\n4,c,10\n5,c,10\n6,d,10\n")
    raw.write(
        "gates/raw.yml",
        """
        sales:
          - expect_compound_columns_to_be_unique: {column_list: [item, amount]}
            on_fail: quarantine
        """,
    )
    assert raw.run().status == "published"
    assert ask(raw, "select id from quarantine.raw_sales order by id") == [(4,), (5,)]


def test_a_query_of_which_no_row_can_be_named_blocks_and_says_so(raw: Shop) -> None:
    raw.write(
        "gates/raw.yml",
        """
        sales:
          - unexpected_rows_expectation:
              unexpected_rows_query: SELECT * FROM (SELECT id, amount FROM {batch}) AS part WHERE amount < 0
            on_fail: quarantine
        """,
    )
    verdict = raw.run()
    assert verdict.status == "blocked"
    assert "nothing was put into quarantine: it cannot be said which rows are bad" in verdict.failures[0]["hint"]


def test_a_column_that_is_called_as_ours_is_no_reason_to_lose_anything(raw: Shop) -> None:
    raw.write("data/sales_2.csv", "id,item,amount,_quarantine_status\n4,b,-5,mine\n")
    (raw.folder / "data/sales_1.csv").unlink()
    verdict = raw.run()
    assert verdict.status == "blocked"
    assert "a column is called _quarantine_status, which the quarantine needs" in verdict.failures[0]["hint"]


@pytest.mark.slow
def test_rows_that_were_given_up_stay_away_when_a_column_gets_another_type(raw: Shop) -> None:
    raw.write("data/sales_2.csv", "id,item,amount\n4,b,-5\n5,b,-6\n")
    raw.run()
    decide(raw, "drop", table="raw.sales", where="id = 4", reason="a test sale")
    raw.write("headgate.yml", RAW_ONLY.replace("primary_key: [id]}", "primary_key: [id], columns: {amount: DOUBLE}}"))
    assert raw.run().status == "published"
    assert ask(raw, "select count(*) from raw.sales") == [(3,)]
    assert ask(raw, WAITING) == [(4, -5, "dropped", 0), (5, -6, "quarantined", 0)]
    raw.write("data/sales_2.csv", "id,item,amount\n4,b,-5\n5,b,-6\n7,b,-7.5\n")
    assert raw.run().status == "published"
    assert [row[:2] for row in ask(raw, WAITING)] == [(4, -5.0), (5, -6.0), (7, -7.5)]


@pytest.mark.slow
def test_a_key_that_the_source_deletes_does_not_wait_any_more(raw: Shop) -> None:
    rule = "items:\n  - expect_column_values_to_not_be_in_set: {column: name, value_set: [Bread]}\n"
    raw.write("gates/raw.yml", rule + "    on_fail: quarantine\n")
    raw.run()
    assert ask(raw, "select item from raw.items") == [("a",)]
    raw.write("data/items.csv", "item,name\na,Apple\n")
    verdict = raw.run()
    assert verdict.quarantine["raw.items"]["superseded"] == 1
    assert decide_nothing(raw) == "no row that waits in quarantine was chosen"


def decide_nothing(shop: Shop) -> str:
    with pytest.raises(UsageError) as caught:
        decided(shop.project(), Decision("replay"))
    return caught.value.what


def test_a_share_of_bad_rows_that_is_tolerated_is_left_alone(raw: Shop) -> None:
    tolerant = RULE.replace("min_value: 0", "min_value: 0, mostly: {mostly}")
    raw.write("gates/raw.yml", tolerant.replace("{mostly}", "0.75"))
    assert raw.run().quarantine == {}
    raw.write("gates/raw.yml", tolerant.replace("{mostly}", "0.8"))
    assert raw.run().quarantine["raw.sales"]["quarantined"] == 1


# --- later layers --------------------------------------------------------------------------------------

CLEAN_RULE = """
sales_clean:
  - max_quarantine: 100%
  - expect_column_values_to_be_between: {column: amount, max_value: 25}
    id: small
    on_fail: quarantine
"""
IN_CLEAN = "select id, amount, _quarantine_status, _quarantine_replays from quarantine.clean_sales_clean order by all"


@pytest.mark.slow
def test_a_bad_row_of_a_later_layer_is_deleted_there_and_what_follows_is_built_without_it(shop: Shop) -> None:
    shop.write("gates/clean.yml", CLEAN_RULE)
    verdict = shop.run()
    assert verdict.status == "published", verdict
    assert verdict.quarantine == {"clean.sales_clean": {"quarantined": 1, "replayed": 0, "superseded": 0, "dropped": 0}}
    assert ask(shop, "select id from clean.sales_clean order by id") == [(1,), (2,)]
    assert ask(shop, "from marts.by_item order by item") == [("a", 20), ("b", 40)]
    assert ask(shop, IN_CLEAN) == [(3, 30, "quarantined", 0)]
    assert shop.run().status == "nothing_new"


@pytest.mark.slow
def test_a_table_that_is_built_anew_loses_the_same_rows_again(shop: Shop) -> None:
    shop.write("gates/clean.yml", CLEAN_RULE)
    shop.run()
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,5\n5,b,26\n")
    verdict = shop.run()
    assert verdict.status == "published"
    assert ask(shop, IN_CLEAN) == [(3, 30, "quarantined", 0), (5, 26, "quarantined", 0)]
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,5\n5,b,6\n")  # one is corrected, and the rule gets wider
    shop.write("gates/clean.yml", CLEAN_RULE.replace("25", "30"))
    assert shop.run().quarantine["clean.sales_clean"] == {
        "quarantined": 0,
        "replayed": 1,
        "superseded": 1,
        "dropped": 0,
    }
    assert ask(shop, "select id, amount from clean.sales_clean order by id") == [
        (1, 10),
        (2, 20),
        (3, 30),
        (4, 5),
        (5, 6),
    ]


@pytest.mark.slow
def test_replay_and_drop_in_a_later_layer(shop: Shop) -> None:
    shop.write("gates/clean.yml", CLEAN_RULE.replace("25", "5"))
    shop.run()
    assert ask(shop, "select count(*) from clean.sales_clean") == [(0,)]
    shop.write("gates/clean.yml", CLEAN_RULE)
    decide(shop, "drop", table="clean.sales_clean", where="id = 1", reason="a test")
    verdict = decide(shop, "replay", expectation="small")
    assert verdict.quarantine["clean.sales_clean"] == {
        "quarantined": 1,
        "replayed": 1,
        "superseded": 0,
        "dropped": 0,
    }, verdict
    assert ask(shop, IN_CLEAN) == [(1, 10, "dropped", 0), (2, 20, "replayed", 1), (3, 30, "quarantined", 1)]
    assert ask(shop, "from marts.by_item order by item") == [("b", 40)]
    shop.run(full=True)
    assert ask(shop, "select id from clean.sales_clean") == [(2,)]
    assert ask(shop, IN_CLEAN) == [(1, 10, "dropped", 0), (2, 20, "replayed", 1), (3, 30, "quarantined", 1)]


@pytest.mark.slow
def test_what_the_same_layer_built_from_a_bad_row_is_built_once_more(shop: Shop) -> None:
    shop.write("gates/clean.yml", CLEAN_RULE)
    shop.write(
        "models/clean/totals.sql",
        "{{ config(materialized='table') }} select sum(amount) as total from {{ ref('sales_clean') }}",
    )
    shop.run()
    assert ask(shop, "from clean.totals") == [(30,)]
    assert shop.run().status == "nothing_new"
    shop.write(
        "models/clean/totals.sql",
        "{{ config(materialized='incremental') }} select sum(amount) as total from {{ ref('sales_clean') }}",
    )
    verdict = shop.run(full=True)
    assert (verdict.status, verdict.exit_code, verdict.serving) == ("failed", ExitCode.USAGE, 1)
    assert "clean.totals keeps what it was built from" in (verdict.error or "")


@pytest.mark.slow
def test_a_view_cannot_lose_rows(shop: Shop) -> None:
    shop.write(
        "models/clean/sales_clean.sql",
        "{{ config(materialized='view') }} select id, item, amount, item as name from {{ source('raw', 'sales') }}",
    )
    shop.write("gates/clean.yml", CLEAN_RULE)
    verdict = shop.run()
    assert (verdict.status, verdict.exit_code) == ("failed", ExitCode.USAGE)
    assert "gates/clean.yml:3: clean.sales_clean is a view, and a view cannot lose rows" in (verdict.error or "")


@pytest.mark.slow
@pytest.mark.parametrize(("on_fail", "status"), [("block", "blocked"), ("quarantine", "published")])
def test_rows_that_refer_to_one_in_quarantine_block_or_go_along(shop: Shop, on_fail: str, status: str) -> None:
    shop.write(
        "gates/raw.yml",
        f"""
        items:
          - max_quarantine: 50%
          - expect_column_values_to_not_be_in_set: {{column: name, value_set: [Bread]}}
            on_fail: quarantine
        sales:
          - max_quarantine: 50%
          - references: {{columns: [item], to: items}}
            id: known_item
            on_fail: {on_fail}
        """,
    )
    verdict = shop.run()
    assert verdict.status == status
    if status == "published":
        assert ask(shop, "select item from raw.items") == [("a",)]
        assert ask(shop, "select id, _quarantine_expectations from quarantine.raw_sales") == [(2, ["known_item"])]
        assert ask(shop, "from marts.by_item") == [("a", 80)]
    else:
        assert [f["id"] for f in verdict.failures] == ["known_item"]


INCREMENTAL = """
    {{ config(materialized='incremental', incremental_strategy='append') }}
    select id, amount from {{ source('raw', 'sales') }}
    {% if is_incremental() %} where id > (select coalesce(max(id), 0) from {{ this }}) {% endif %}
"""


@pytest.mark.slow
def test_rows_of_an_incremental_model_stay_away_and_come_back_once(shop: Shop) -> None:
    shop.write("models/clean/sales_clean.sql", INCREMENTAL.replace("id, amount", "id, item, amount, item as name"))
    shop.write("gates/clean.yml", CLEAN_RULE)
    shop.run()
    for number in (4, 5):  # the model brings row 3, which it does not find, each time again
        shop.write(f"data/sales_{number}.csv", f"id,item,amount\n{number},b,1{number}\n")
        assert shop.run().status == "published"
        shop.write("data/items.csv", f"item,name\na,Apple{number}\nb,Bread\n")
        assert shop.run().status in ("published", "nothing_new")
    assert ask(shop, IN_CLEAN) == [(3, 30, "quarantined", 0)]
    assert ask(shop, "select id from clean.sales_clean order by id") == [(1,), (2,), (4,), (5,)]
    shop.write("gates/clean.yml", CLEAN_RULE.replace("25", "30"))
    assert decide(shop, "replay").status == "published"
    assert ask(shop, "select id from clean.sales_clean order by id") == [(1,), (2,), (3,), (4,), (5,)]
    assert ask(shop, IN_CLEAN) == [(3, 30, "replayed", 1)]
    assert ask(shop, "select sum(total) from marts.by_item") == [(178,)]


@pytest.mark.slow
def test_an_incremental_model_forgets_rows_that_left_later_and_learns_those_that_came_back(shop: Shop) -> None:
    shop.write("models/clean/every_sale.sql", INCREMENTAL)
    shop.run()
    assert ask(shop, "select count(*) from clean.every_sale") == [(3,)]
    rule = "sales:\n  - max_quarantine: 50%\n  - expect_column_values_to_be_between: {column: amount, max_value: 15}\n"
    shop.write("gates/raw.yml", rule.replace("50%", "90%") + "    on_fail: quarantine\n")
    assert shop.run(allow_shrink=True).status == "published"
    assert ask(shop, "select id from clean.every_sale") == [(1,)]
    shop.write("gates/raw.yml", "{}\n")
    assert decide(shop, "replay", where="amount = 20").status == "published"
    assert ask(shop, "select id from clean.every_sale order by id") == [(1,), (2,)]


@pytest.mark.slow
def test_a_dbt_test_that_fails_of_bad_rows_is_asked_again_without_them(shop: Shop) -> None:
    shop.write("gates/clean.yml", CLEAN_RULE)
    shop.write("tests/no_big_sale.sql", "select * from {{ ref('sales_clean') }} where amount > 25")
    shop.write(
        "models/clean/totals.sql",
        "{{ config(materialized='table') }} select sum(amount) as total from {{ ref('sales_clean') }}",
    )
    verdict = shop.run()
    assert verdict.status == "published", verdict.failures
    assert ask(shop, "from clean.totals") == [(30,)]
    assert shop.run().status == "nothing_new"


@pytest.mark.slow
def test_what_dbt_left_out_because_of_bad_rows_is_built_when_they_are_gone(shop: Shop) -> None:
    shop.write("gates/clean.yml", CLEAN_RULE + RULE.replace("sales:", "big:").replace("min_value: 0", "max_value: 15"))
    shop.write("gates/clean.yml", (shop.folder / "gates/clean.yml").read_text() + "  - max_quarantine: 50%\n")
    shop.write("tests/no_big_sale.sql", "select * from {{ ref('sales_clean') }} where amount > 25")
    shop.write(
        "models/clean/big.sql",
        "{{ config(materialized='table') }} select amount from {{ ref('sales_clean') }}",
    )
    verdict = shop.run()
    assert verdict.status == "published", verdict
    assert ask(shop, "from clean.big") == [(10,)]
    assert ask(shop, "select amount from quarantine.clean_big") == [(20,)]


@pytest.mark.slow
def test_a_newer_version_of_a_key_supersedes_the_one_that_waits_whether_it_is_good_or_not(shop: Shop) -> None:
    shop.write(
        "models/clean/sales_clean.sql",
        """
        {{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id') }}
        select id, item, amount, item as name from {{ source('raw', 'sales') }}
        """,
    )
    shop.write("gates/clean.yml", CLEAN_RULE)
    shop.run()
    shop.write("data/sales_1.csv", "id,item,amount\n1,a,10\n2,b,20\n3,a,40\n")
    assert shop.run().quarantine["clean.sales_clean"] | {"replayed": 0, "dropped": 0} == {
        "quarantined": 1,
        "superseded": 1,
        "replayed": 0,
        "dropped": 0,
    }
    assert ask(shop, IN_CLEAN) == [(3, 30, "superseded", 0), (3, 40, "quarantined", 0)]
    shop.write("data/sales_1.csv", "id,item,amount\n1,a,10\n2,b,20\n3,a,4\n")
    assert shop.run().quarantine["clean.sales_clean"]["superseded"] == 1
    assert ask(shop, "select id, amount from clean.sales_clean order by id") == [(1, 10), (2, 20), (3, 4)]


@pytest.mark.slow
def test_check_tells_of_a_view_before_anything_runs(shop: Shop) -> None:
    shop.write("models/clean/sales_clean.sql", "{{ config(materialized='view') }} select 1 as id, 2 as amount")
    shop.write("gates/clean.yml", CLEAN_RULE)
    broken = [finding for finding in check_project(shop.project()) if not finding.ok]
    assert [finding.subject for finding in broken] == ["models"]
    assert "clean.sales_clean is a view" in broken[0].text
