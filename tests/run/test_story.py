"""Runs from beginning to end, on a small project with real DuckDB, DuckLake and dbt."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import Any

import pytest

from headgate.errors import ExitCode, UsageError
from headgate.lake.engine import EngineSettings
from headgate.lake.lease import locked
from headgate.lake.reading import query, reader
from headgate.lake.release import Releases
from headgate.ledger import Ledger
from headgate.plan import HELD, Kind, Need
from headgate.run import Options, explain, perform_step
from headgate.run.check import check_project
from headgate.run.keeping import prune_lake, roll_back
from headgate.run.why import explain_run
from headgate.run.workshop import open_store
from headgate.sources.schema_lock import read_lock
from small_shop import Shop


def ask(shop: Shop, sql: str, *, release: int | None = None, run: str | None = None) -> list[tuple[Any, ...]]:
    with reader(open_store(shop.project()), EngineSettings(), release=release, run=run) as con:
        return query(con, sql)[1]


def test_a_first_run_publishes_release_1_with_every_layer(shop: Shop) -> None:
    verdict = shop.run()
    assert (verdict.status, verdict.release, verdict.serving, verdict.exit_code) == ("published", 1, 1, ExitCode.OK)
    assert verdict.rows == {"marts.by_item": 2, "marts.items_seen": 1}
    assert verdict.expectations["total"] == verdict.expectations["held"] == 6  # 5 of the gate files, 1 of dbt
    assert sum(verdict.expectations[how] for how in ("proven", "remembered", "scanned")) == 6
    assert ask(shop, "from marts.by_item order by item") == [("a", 80), ("b", 40)]
    assert [s["status"] for s in verdict.steps] == ["done"] * 7


def test_a_second_run_with_nothing_new_publishes_nothing(shop: Shop) -> None:
    shop.run()
    verdict = shop.run()
    assert (verdict.status, verdict.release, verdict.serving, verdict.exit_code) == ("nothing_new", None, 1, 0)
    assert Releases(open_store(shop.project())).numbers() == [1]


def test_a_failed_gate_blocks_and_the_old_release_is_still_served(published: Shop) -> None:
    published.write("data/sales_2.csv", "id,item,amount\n4,b,-5\n")
    verdict = published.run()
    assert (verdict.status, verdict.release, verdict.serving) == ("blocked", None, 1)
    assert verdict.exit_code is ExitCode.BLOCKED
    (failure,) = verdict.failures
    assert (failure["layer"], failure["table"]) == ("raw", "sales")
    assert failure["expectation"] == "expect_column_values_to_be_between"
    assert (failure["unexpected_count"], failure["examples"]) == (1, [-5])
    assert ask(published, "select count(*) from raw.sales") == [(3,)]
    assert ask(published, "select amount from raw.sales where id = 4", run=verdict.run) == [(-5,)]


def test_the_repaired_source_publishes_what_an_undisturbed_run_would(published: Shop) -> None:
    published.write("data/sales_2.csv", "id,item,amount\n4,b,-5\n")
    published.run()
    published.write("data/sales_2.csv", "id,item,amount\n4,b,5\n")
    assert published.run().release == 2
    assert ask(published, "from marts.by_item order by item") == [("a", 80), ("b", 50)]
    assert ask(published, "select count(*) from raw_log.sales") == [(4,)]


def test_a_warning_is_recorded_and_the_run_goes_on(shop: Shop) -> None:
    rows = "".join(f"{i},a,1\n" for i in range(10, 120))
    shop.write("data/sales_2.csv", "id,item,amount\n" + rows)
    verdict = shop.run()
    assert verdict.status == "published"
    assert verdict.expectations["warned"] == 1
    assert [f["severity"] for f in verdict.failures] == ["warn"]


def test_only_the_model_whose_code_changed_is_built_again(published: Shop) -> None:
    before = Releases(open_store(published.project())).manifest(1)
    published.write(
        "models/marts/by_item.sql", "select item, sum(amount) as total from {{ ref('sales_clean') }} group by item"
    )
    assert published.run().release == 2
    after = Releases(open_store(published.project())).manifest(2)
    moved = {name for name in after.tables if after.tables[name]["identity"] != before.tables[name]["identity"]}
    assert moved == {"marts.by_item"}


@pytest.mark.slow
def test_only_the_models_that_read_a_changed_variable_are_built_again(published: Shop) -> None:
    verdict = published.run(variables={"rate": 3})
    assert verdict.release == 2
    releases = Releases(open_store(published.project()))
    one, two = releases.manifest(1), releases.manifest(2)
    assert {n for n in one.tables if one.tables[n]["identity"] != two.tables[n]["identity"]} == {"marts.by_item"}


def test_only_what_reads_a_changed_source_is_built_again(published: Shop) -> None:
    published.write("data/sales_2.csv", "id,item,amount\n4,b,5\n")
    published.run()
    releases = Releases(open_store(published.project()))
    one, two = releases.manifest(1), releases.manifest(2)
    same = {n for n in one.tables if one.tables[n]["identity"] == two.tables[n]["identity"]}
    assert same == {"raw.items", "marts.items_seen"}


def test_full_builds_everything(published: Shop) -> None:
    assert published.run(full=True).release == 2


def test_an_edited_file_that_changes_nothing_publishes_nothing_and_is_remembered(published: Shop) -> None:
    published.write("gates/clean.yml", "# nothing here yet\n{}\n")
    assert published.run().status == "nothing_new"
    assert [step.need for step in explain(published.project(), Options())[1]] == ["no"] * 7


@pytest.mark.slow
def test_a_model_that_is_not_deterministic_is_always_built(shop: Shop) -> None:
    shop.write(
        "models/marts/seen_at.sql",
        "{{ config(meta={'deterministic': false}) }} select now() as at",
    )
    assert shop.run().release == 1
    assert shop.run().release == 2


def test_a_model_that_is_gone_takes_its_table_with_it_once_that_is_allowed(published: Shop) -> None:
    (published.folder / "models/marts/items_seen.sql").unlink()
    refused = published.run()
    assert refused.status == "blocked"
    assert refused.failures[0]["expectation"] == "no_shrink"
    assert published.run(allow_shrink=True).status == "published"
    assert "marts.items_seen" not in Releases(open_store(published.project())).manifest(2).tables


def test_a_layer_that_is_gone_takes_its_tables_with_it_once_that_is_allowed(published: Shop) -> None:
    settings = (published.folder / "headgate.yml").read_text()
    published.write("headgate.yml", settings.replace("[raw, clean, marts]", "[raw, clean]"))
    shutil.rmtree(published.folder / "models/marts")
    (published.folder / "gates/marts.yml").unlink()
    refused = published.run()
    assert (refused.status, refused.failures[0]["expectation"]) == ("blocked", "no_shrink")
    assert published.run(allow_shrink=True).status == "published"
    assert ask(published, "select distinct schema_name from duckdb_tables() where schema_name = 'marts'") == []
    with pytest.raises(UsageError, match="by_item"):
        ask(published, "from marts.by_item")


def test_a_table_that_no_source_has_any_more_is_told_of(published: Shop) -> None:
    settings = (published.folder / "headgate.yml").read_text()
    published.write("headgate.yml", settings.replace("      items: {", "      things: {"))
    verdict = published.run()
    assert verdict.status == "published"
    assert [note for note in verdict.notes if "raw.items is of no source any more" in note]


def test_without_its_dbt_project_nothing_stale_is_published(published: Shop) -> None:
    (published.folder / "dbt_project.yml").rename(published.folder / "mislaid.yml")
    published.write("data/sales_2.csv", "id,item,amount\n4,b,5\n")
    verdict = published.run()
    assert (verdict.status, verdict.exit_code) == ("failed", ExitCode.USAGE)
    assert "there is no dbt_project.yml" in (verdict.error or "")
    assert any("dbt_project.yml" in each.text for each in check_project(published.project()) if not each.ok)
    shutil.rmtree(published.folder / "models")
    (published.folder / "gates/marts.yml").write_text("{}\n")
    assert published.run().failures[0]["expectation"] == "no_shrink"
    assert published.run(allow_shrink=True).status == "published"
    assert Releases(open_store(published.project())).manifest(2).tables.keys() == {"raw.sales", "raw.items"}


def test_an_empty_model_is_the_authors_mistake(published: Shop) -> None:
    published.write("models/marts/nothing.sql", "")
    verdict = published.run()
    assert (verdict.status, verdict.exit_code) == ("failed", ExitCode.USAGE)
    assert "dbt has nothing to run for model.shop.nothing" in (verdict.error or "")


def test_nothing_new_is_not_said_of_a_release_that_nobody_can_read(published: Shop) -> None:
    (published.folder / "lake/releases/000001.ducklake").unlink()
    verdict = published.run()
    assert (verdict.status, verdict.exit_code) == ("failed", ExitCode.COULD_NOT_RUN)
    assert "the catalog of release 1 is gone" in (verdict.error or "")


def test_the_id_of_a_run_becomes_the_name_of_a_file(shop: Shop) -> None:
    with pytest.raises(UsageError, match="is not the id of a run"):
        perform_step(shop.project(), "x" * 300, "extract:till", Options())


def test_a_model_in_no_layer_is_refused(published: Shop) -> None:
    published.write("models/other/stray.sql", "{{ config(schema='other') }} select 1 as n")
    verdict = published.run()
    assert (verdict.status, verdict.exit_code) == ("failed", ExitCode.USAGE)
    assert "models/other/stray.sql" in (verdict.error or "")
    assert "schema that is no layer" in (verdict.error or "")


def test_a_plan_for_a_lake_that_is_held_needs_no_step(published: Shop) -> None:
    published.write("data/sales_2.csv", "id,item,amount\n4,b,5\n")
    published.run()
    roll_back(published.project(), 1, "bad week")
    published.write("data/sales_3.csv", "id,item,amount\n5,b,5\n")
    release, steps = explain(published.project(), Options())
    assert (release, {step.need for step in steps}, {step.why for step in steps}) == (1, {Need.NO}, {HELD})


@pytest.mark.slow
def test_a_plan_of_everything_says_that_everything_is_built(published: Shop) -> None:
    _, steps = explain(published.project(), Options(full=True))
    builds = {step.name: step.models for step in steps if step.kind is Kind.BUILD}
    assert {name: len(models) for name, models in builds.items()} == {"build:clean": 1, "build:marts": 2}
    assert {why for models in builds.values() for why in models.values()} == {"everything was asked for"}


@pytest.mark.slow
def test_a_table_that_shrank_is_refused_unless_allowed(shop: Shop) -> None:
    shop.write("data/items.csv", "item,name\na,Apple\nb,Bread\nc,Cake\nd,Date\ne,Egg\n")
    shop.run()
    shop.write("data/items.csv", "item,name\na,Apple\nb,Bread\n")
    verdict = shop.run()
    assert (verdict.status, verdict.serving) == ("blocked", 1)
    assert [f["table"] for f in verdict.failures] == ["raw.items"]
    assert shop.run(allow_shrink=True).release == 2


@pytest.mark.slow
def test_nan_in_a_published_float_is_refused_unless_allowed_by_name(shop: Shop) -> None:
    shop.write("models/marts/ratio.sql", "select 'nan'::double as ratio from {{ ref('sales_clean') }}")
    verdict = shop.run()
    assert verdict.status == "blocked"
    assert verdict.failures[0]["expectation"] == "no_nan"
    assert verdict.failures[0]["unexpected_count"] == 3
    text = (shop.folder / "headgate.yml").read_text()
    shop.write("headgate.yml", text.replace("max_shrink: 0.5", "max_shrink: 0.5, allow_nan: [marts.ratio.ratio]"))
    assert shop.run().status == "published"


def test_a_failing_dbt_test_is_a_failed_expectation(published: Shop) -> None:
    published.write("data/sales_2.csv", "id,item,amount\n4,z,5\n")
    verdict = published.run()
    assert verdict.status == "blocked"
    (failure,) = verdict.failures
    assert failure["expectation"] == "dbt:not_null"
    assert (failure["layer"], failure["table"], failure["unexpected_count"]) == ("clean", "sales_clean", 1)


def test_a_broken_model_names_its_file_and_line_and_what_the_database_said(published: Shop) -> None:
    published.write("models/marts/by_item.sql", "select item,\n  no_such_column\nfrom {{ ref('sales_clean') }}")
    verdict = published.run()
    assert (verdict.status, verdict.exit_code, verdict.serving) == ("failed", ExitCode.USAGE, 1)
    assert verdict.error is not None
    assert "models/marts/by_item.sql:2" in verdict.error
    assert "no_such_column" in verdict.error


def test_a_cycle_of_models_is_the_authors_mistake(shop: Shop) -> None:
    shop.write("models/marts/a.sql", "select * from {{ ref('b') }}")
    shop.write("models/marts/b.sql", "select * from {{ ref('a') }}")
    verdict = shop.run()
    assert verdict.exit_code is ExitCode.USAGE
    assert "models read each other in a circle: a → b → a" in (verdict.error or "")


@pytest.mark.slow
def test_a_table_made_outside_the_lake_fails_the_run(shop: Shop) -> None:
    text = (shop.folder / "dbt_project.yml").read_text()
    shop.write("dbt_project.yml", text + "on-run-end: create or replace table memory.main.stray as select 1 as a\n")
    verdict = shop.run()
    assert verdict.status == "failed"
    assert "outside the lake" in (verdict.error or "")


def test_bad_source_data_blocks_with_one_clear_failure(published: Shop) -> None:
    published.write("data/sales_2.csv", "id,item,amount\n4,b,many\n")
    verdict = published.run()
    assert (verdict.status, verdict.exit_code, verdict.serving) == ("blocked", ExitCode.BLOCKED, 1)
    (failure,) = verdict.failures
    assert failure["kwargs"]["column"] == "amount"
    assert "sales_2.csv" in failure["kwargs"]["file"]


def test_rolled_back_lakes_are_held_until_resumed(published: Shop) -> None:
    published.write("data/sales_2.csv", "id,item,amount\n4,b,5\n")
    published.run()
    assert roll_back(published.project(), 1, "bad week") == 2
    held = published.run()
    assert (held.status, held.serving, held.exit_code) == ("held", 1, 0)
    assert ask(published, "select count(*) from raw.sales") == [(3,)]
    again = published.run(resume=True)
    assert (again.status, again.release) == ("published", 3)
    assert Releases(open_store(published.project())).manifest(3).parent == 1


@pytest.mark.slow
def test_steps_can_be_done_one_by_one_by_several_processes_and_twice(shop: Shop) -> None:
    names = ["extract:till", "gate:raw", "build:clean", "gate:clean", "build:marts", "gate:marts", "publish"]
    for name in names[:-1]:
        for _ in range(2):
            verdict = perform_step(shop.project(), "r1", name, Options())
            assert (verdict.status, verdict.exit_code) == ("running", 0)
    verdict = perform_step(shop.project(), "r1", "publish", Options())
    assert (verdict.status, verdict.release) == ("published", 1)
    assert perform_step(shop.project(), "r1", "publish", Options()).status == "published"
    assert Releases(open_store(shop.project())).numbers() == [1]


def test_a_step_before_its_turn_says_which_step_is_missing(shop: Shop) -> None:
    perform_step(shop.project(), "r1", "extract:till", Options())
    with pytest.raises(UsageError, match="cannot be done before gate:raw"):
        perform_step(shop.project(), "r1", "build:clean", Options())
    with pytest.raises(UsageError, match="there is no step"):
        perform_step(shop.project(), "r1", "build:nowhere", Options())


def test_the_ledger_remembers_a_failed_run_too(shop: Shop) -> None:
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,-5\n")
    verdict = shop.run()
    with Ledger.open(shop.project().ledger) as ledger:
        record = ledger.run(verdict.run)
        assert record is not None
        assert record.status == "blocked"
        assert [a.kind for a in ledger.alerts()] == ["blocked"]
        assert len(ledger.results(verdict.run, only_failed=True)) == 1


def test_why_leads_from_the_failure_to_the_rows_and_to_what_changed(published: Shop) -> None:
    published.write("data/sales_2.csv", "id,item,amount\n4,b,-5\n")
    verdict = published.run()
    explanation = explain_run(published.project(), None)
    assert explanation.run.run == verdict.run
    (cause,) = explanation.causes
    assert cause.rows[0][cause.columns.index("id")] == 4
    assert (cause.found, cause.in_base) == (1, 0)
    assert explanation.sources["till.sales"]["appended"] == 1


def test_why_knows_the_runs_of_a_project_that_was_moved(shop: Shop) -> None:
    shop.run()
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,-5\n")
    verdict = shop.run()
    shop.folder = shop.folder.rename(shop.folder.with_name("moved"))
    explanation = explain_run(shop.project(), None)
    assert explanation.run.run == verdict.run
    assert explanation.causes[0].found == 1


def test_why_explains_a_run_whose_process_is_gone_but_not_one_that_goes_on(shop: Shop) -> None:
    shop.run()
    project = shop.project()
    with pytest.raises(UsageError, match="no run of this lake was ever stopped"):
        explain_run(project, None)
    with Ledger.open(project.ledger) as ledger:
        ledger.start_run("gone")
        explanation = explain_run(project, None)
        assert (explanation.run.run, explanation.run.status) == ("gone", "died")
        ledger.start_run("alive")
        store = open_store(project)
        with locked(store, "alive"):
            assert explain_run(project, None).run.run == "gone"
            assert explain_run(project, "alive").run.status == "running"


def test_sums_that_the_lake_would_round_are_not_published(shop: Shop) -> None:
    """Of the sums only those that a DOUBLE does not hold, and never one that is worked out when it is read."""
    sums = "select 9007199254740993::bigint + sum(amount) * {} as total from {{{{ ref('sales_clean') }}}}"
    shop.write("models/marts/wide.sql", sums.format(1))
    shop.write("models/marts/small.sql", "select -sum(amount) as total from {{ ref('sales_clean') }}")
    shop.write("models/marts/seen.sql", "{{ config(materialized='view') }} " + sums.format(2))
    shop.write("models/marts/listed.sql", "select [sum(amount)] as totals from {{ ref('sales_clean') }}")
    verdict = shop.run()
    assert verdict.status == "blocked"
    found = {failure["table"]: failure for failure in verdict.failures}
    assert found.keys() == {"marts.wide", "marts.listed"}
    assert (found["marts.wide"]["expectation"], found["marts.wide"]["unexpected_count"]) == ("no_rounding", 1)
    assert found["marts.wide"]["hint"].endswith('in models/marts/wide.sql: cast("total" as decimal(38, 0))')
    assert found["marts.listed"]["hint"].endswith('in models/marts/listed.sql: cast("totals" as BIGINT[])')
    shop.write("models/marts/wide.sql", f"select cast(total as decimal(38, 0)) as total from ({sums.format(1)})")
    shop.write(
        "models/marts/listed.sql", "select cast([sum(amount)] as bigint[]) as totals from {{ ref('sales_clean') }}"
    )
    assert shop.run().status == "published"
    assert ask(shop, "select total from marts.wide") == [(9007199254741053,)]
    assert ask(shop, "select total from marts.seen") == [(9007199254741113,)]


@pytest.mark.slow
def test_after_hooks_run_for_the_release_they_wait_for_and_never_unpublish(shop: Shop) -> None:
    text = (shop.folder / "headgate.yml").read_text()
    hooks = """
after:
  note:
    command: python -c "import os; open('told.txt', 'a').write(os.environ['HEADGATE_RELEASE'])"
    when: {changed: [marts.by_item]}
  broken: {command: python -c "raise SystemExit(4)"}
"""
    shop.write("headgate.yml", text + hooks)
    verdict = shop.run()
    assert (verdict.status, verdict.exit_code) == ("published", 0)
    assert (shop.folder / "told.txt").read_text() == "1"
    assert any("exit code 4" in note for note in verdict.notes)
    shop.write("models/marts/items_seen.sql", "select count(*) + 1 as n from {{ source('raw', 'items') }}")
    assert shop.run().release == 2
    assert (shop.folder / "told.txt").read_text() == "1"


@pytest.mark.slow
def test_a_hook_without_conditions_runs_when_rows_are_gone_and_one_that_waits_for_more_does_not(shop: Shop) -> None:
    hooks = """
after:
  each:
    command: python -c "open('each.txt', 'a').write('x')"
  more:
    command: python -c "open('more.txt', 'a').write('x')"
    when: {changed: [raw.items], min_new_rows: 2}
"""
    shop.write("headgate.yml", (shop.folder / "headgate.yml").read_text() + hooks)
    for more in ("c,Cake\n", "", "d,Dates\n", "d,Dates\ne,Egg\nf,Fig\n"):
        shop.write("data/items.csv", f"item,name\na,Apple\nb,Bread\n{more}")
        assert shop.run().status == "published"
    assert (shop.folder / "each.txt").read_text() == "xxxx"
    assert (shop.folder / "more.txt").read_text() == "xx"


@pytest.mark.slow
def test_an_interrupted_hook_does_not_make_a_published_run_a_failed_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write("headgate.yml", (shop.folder / "headgate.yml").read_text() + "\nafter: {note: {command: sleep 60}}\n")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("headgate.run.steps.run_hook", interrupted)
    verdict = shop.run()
    assert (verdict.status, verdict.release, verdict.exit_code) == ("published", 1, ExitCode.INTERRUPTED)
    with Ledger.open(shop.project().ledger) as ledger:
        record = ledger.run(verdict.run)
        assert record is not None
        assert record.status == "published"


@pytest.mark.slow
def test_a_sample_is_the_same_each_time_and_referentially_whole(shop: Shop) -> None:
    text = (shop.folder / "headgate.yml").read_text()
    shop.write("headgate.yml", text + "targets:\n  dev: {sample: {fraction: 0.5, by: item}}\n")
    rows = "".join(f"{i},item{i % 40},1\n" for i in range(400))
    shop.write("data/sales_1.csv", "id,item,amount\n" + rows)
    shop.write("data/items.csv", "item,name\n" + "".join(f"item{i},n{i}\n" for i in range(40)))
    assert shop.run(target="dev").status == "published"
    with reader(open_store(shop.project(target="dev")), EngineSettings(), release=None, run=None) as con:
        (items,) = query(con, "select list(item order by item) from raw.items")[1][0]
        (sold,) = query(con, "select list(distinct item order by item) from raw.sales")[1][0]
    assert items == sold
    assert 5 < len(items) < 35


@pytest.mark.slow
def test_a_sample_by_a_column_that_no_table_has_is_refused_with_its_place(shop: Shop) -> None:
    text = (shop.folder / "headgate.yml").read_text()
    shop.write("headgate.yml", text + "targets:\n  dev:\n    sample:\n      fraction: 0.5\n      by: itm\n")
    verdict = shop.run(target="dev")
    assert (verdict.status, verdict.exit_code) == ("failed", ExitCode.USAGE)
    place = f"headgate.yml:{len(text.splitlines()) + 5} (targets.dev.sample.by)"
    assert f"{place}: no table has the column 'itm'" in (verdict.error or "")
    assert "did you mean 'item'?" in (verdict.error or "")
    assert Releases(open_store(shop.project(target="dev"))).current() is None
    shop.write("headgate.yml", text + "targets: {dev: {sample: {fraction: 0.5, by: ITEM}}}\n")
    assert shop.run(target="dev").status == "published"


@pytest.mark.slow
def test_prune_removes_what_a_stopped_run_left_once_a_newer_release_is_out(published: Shop) -> None:
    published.write("data/sales_2.csv", "id,item,amount\n4,b,-5\n")
    blocked = published.run()
    assert prune_lake(published.project(), keep=10, grace=timedelta(0)).branches == ()
    published.write("data/sales_2.csv", "id,item,amount\n4,b,5\n")
    published.run()
    assert prune_lake(published.project(), keep=10, grace=timedelta(0)).branches == (blocked.run,)
    assert ask(published, "from marts.by_item order by item") == [("a", 80), ("b", 50)]


@pytest.mark.slow
def test_the_manifest_pins_what_the_release_was_made_from(shop: Shop) -> None:
    verdict = shop.run()
    manifest = Releases(open_store(shop.project())).manifest(1)
    assert manifest.run == verdict.run
    assert set(manifest.project_files) >= {"headgate.yml", "gates/raw.yml", "models/marts/by_item.sql", "schema.lock"}
    assert manifest.variables == {"rate": 2}
    assert manifest.sources["till.sales"]["rows"]["read"] == 3
    assert manifest.tables["clean.sales_clean"]["rows"] == 3
    assert manifest.tools["duckdb"]
    amount = next(c for c in manifest.tables["clean.sales_clean"]["columns"] if c["name"] == "amount")
    assert (amount["null_share"], amount["min"], amount["max"]) == (0, "10", "30")
    json.dumps(verdict.to_json())


@pytest.mark.slow
def test_the_lock_that_a_run_writes_keeps_the_columns_in_the_files_order(shop: Shop) -> None:
    shop.write("data/sales_1.csv", "id,zebra,item,amount\n1,z,a,10\n")
    shop.run()
    assert list(read_lock(shop.folder)["sales"].columns) == ["id", "zebra", "item", "amount"]


def test_a_broken_gate_file_is_found_before_anything_runs(published: Shop) -> None:
    published.write("gates/raw.yml", "sales:\n  - expect_column_values_to_be_betwen: {column: amount}\n")
    verdict = published.run()
    assert (verdict.exit_code, verdict.steps) == (ExitCode.USAGE, [])
    assert "did you mean 'expect_column_values_to_be_between'" in (verdict.error or "")
    assert verdict.serving == 1
