"""Whole runs that serve: what is told, what is tried again, what survives a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from headgate.cli import execute
from headgate.errors import ExitCode
from headgate.lake.doctor import Finding
from headgate.ledger import Ledger
from headgate.run import Options, Verdict, explain, perform_step
from headgate.run.check import check_project
from headgate.run.keeping import roll_back
from headgate.run.serving import compare_server, serve_after_rollback, serve_now
from headgate.run.why import explain_run
from post_office import Webhook
from small_shop import HEADGATE_YML
from warehouses import PASSWORD, ServingShop, Warehouse

SCHEMAS = Path(__file__).parents[2] / "docs" / "reference" / "json"


def served(verdict: Verdict) -> tuple[Any, ...]:
    result = verdict.served["warehouse"]
    return result["status"], result["before"], result["release"]


def matches(name: str, value: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text())).validate(value)


def test_a_run_serves_what_it_published(shop: ServingShop, warehouse: Warehouse) -> None:
    verdict = shop.run()
    assert (verdict.status, verdict.exit_code, verdict.error) == ("published", 0, None)
    assert served(verdict) == ("done", None, 1)
    assert [step["name"] for step in verdict.steps][-1] == "serve:warehouse"
    matches("run", verdict.to_json())
    assert warehouse.rows("SELECT * FROM shop.fact_sales ORDER BY id") == [
        (1, "a", 10, "Apple"),
        (2, "b", 20, "Bread"),
        (3, "a", 30, "Apple"),
    ]
    assert warehouse.rows("SELECT release, run, project FROM shop.headgate_release") == [(1, verdict.run, "shop")]
    shop.sell("4,b,5")
    second = shop.run()
    assert served(second) == ("done", 1, 2)
    counts = {key: second.served["warehouse"][key] for key in ("inserted", "updated", "deleted")}
    assert counts == {"inserted": 1, "updated": 1, "deleted": 0}  # a sale, and the sum of its item
    assert compare_server(shop.project(), "warehouse").release == 2


@pytest.mark.slow
def test_a_run_with_nothing_new_tells_what_somebody_changed_in_the_warehouse(shop: ServingShop) -> None:
    shop.run()
    verdict = shop.run()
    assert (verdict.status, verdict.exit_code, verdict.served) == ("nothing_new", 0, {})
    shop.warehouse.execute("DROP TABLE shop.by_item")
    for _ in range(2):  # until somebody mends it
        verdict = shop.run()
        assert (verdict.status, verdict.exit_code, served(verdict)) == ("nothing_new", 3, ("failed", 1, None))
        assert "by_item in the warehouse: somebody dropped the table" in verdict.served["warehouse"]["error"]
        assert verdict.line()[1][-1] == "warehouse NOT SERVED: holds release 1"
    assert serve_now(shop.project(), "warehouse", repair=True)["inserted"] == 2
    verdict = shop.run()
    assert (verdict.status, verdict.exit_code, verdict.served) == ("nothing_new", 0, {})


@pytest.mark.slow
def test_a_run_with_nothing_new_tells_that_the_warehouse_cannot_be_asked(shop: ServingShop) -> None:
    shop.run()
    with shop.warehouse.stopped():
        verdict = shop.run()
    assert (verdict.status, verdict.exit_code, served(verdict)) == ("nothing_new", 3, ("failed", 1, None))
    assert "cannot be reached" in verdict.served["warehouse"]["error"]
    assert served(shop.run()) == ("skipped", 1, 1)


@pytest.mark.slow
def test_another_lake_of_the_same_project_is_refused_until_it_takes_the_schema_over(
    make_shop: Callable[..., ServingShop], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shop = make_shop()
    shop.run()
    clone = ServingShop(tmp_path / "clone", shop.warehouse)
    refused = clone.run()
    assert (refused.status, refused.exit_code, served(refused)) == ("published", 3, ("failed", None, None))
    assert "kept by another lake of shop: it holds that lake's release 1" in refused.served["warehouse"]["error"]
    assert execute(["serve", "--take-over", "--project", str(clone.folder)]) == 0
    assert "SERVED  warehouse · holds release 1" in capfd.readouterr().out
    shop.sell("4,b,5")
    verdict = shop.run()
    assert served(verdict) == ("failed", None, None)
    assert "warehouse NOT SERVED: holds nothing of this lake" in verdict.line()[1]
    assert clone.run().exit_code == 0


@pytest.mark.slow
def test_a_warehouse_that_is_down_is_told_and_the_next_run_serves_though_nothing_is_new(shop: ServingShop) -> None:
    with shop.warehouse.stopped():
        verdict = shop.run()
        assert (verdict.status, verdict.release, verdict.exit_code) == ("published", 1, ExitCode.COULD_NOT_RUN)
        assert served(verdict) == ("failed", None, None)
        assert "warehouse NOT SERVED: holds nothing of this lake" in verdict.line()[1]
        again = shop.run()
        assert (again.status, again.exit_code, served(again)) == ("nothing_new", 3, ("failed", None, None))
        step = explain(shop.project(), Options())[1][-1]
        assert (step.name, step.need, "failed the last time" in step.why) == ("serve:warehouse", "yes", True)
    with Ledger.open(shop.project().ledger) as ledger:
        alerts = [alert for alert in ledger.alerts() if alert.kind == "serve_failed"]
    assert len(alerts) == 2
    assert "was not served and holds nothing" in alerts[0].text
    assert PASSWORD not in str((alerts, verdict.to_json()))
    why = explain_run(shop.project(), verdict.run)
    assert explain_run(shop.project(), None).run.run == again.run
    assert "cannot be reached" in why.served["warehouse"]["error"]
    repaired = shop.run()
    assert (repaired.status, repaired.exit_code, served(repaired)) == ("nothing_new", 0, ("done", None, 1))


@pytest.mark.slow
def test_a_release_of_a_lake_in_a_bucket_is_served(make_shop: Callable[..., ServingShop], bucket: str) -> None:
    shop = make_shop(lake=f"s3://{bucket}/lake")
    assert served(shop.run()) == ("done", None, 1)
    before = shop.warehouse.rows("SELECT id, xmin::text FROM shop.fact_sales ORDER BY id")
    shop.sell("4,b,5")
    verdict = shop.run()
    assert (served(verdict), verdict.served["warehouse"]["inserted"]) == (("done", 1, 2), 1)
    assert shop.warehouse.rows("SELECT id, xmin::text FROM shop.fact_sales ORDER BY id")[:3] == before
    assert shop.warehouse.rows("SELECT item, total FROM shop.by_item ORDER BY item") == [("a", 80), ("b", 50)]
    roll_back(shop.project(), 1, "test")
    assert serve_after_rollback(shop.project())["warehouse"]["release"] == 1
    assert [row[0] for row in shop.warehouse.rows("SELECT id FROM shop.fact_sales ORDER BY id")] == [1, 2, 3]


def test_check_names_the_personal_data_that_is_served(shop: ServingShop) -> None:
    shop.write("gates/raw.yml", "items:\n  - columns: {name: {pii: true}}\n")
    shop.run()
    (finding,) = [each for each in check_project(shop.project()) if each.subject == "serve warehouse"]
    assert finding.ok
    assert finding.text.endswith("; tagged pii, and served as they are: clean.sales_clean.name, raw.items.name")


@pytest.mark.slow
def test_a_refused_release_leaves_the_warehouse_and_publishes_all_the_same(shop: ServingShop) -> None:
    shop.run()
    shop.write("data/sales_1.csv", "id,item,amount\n1,a,11\n2,b,20\n3,a,30\n")
    verdict = shop.run()
    assert (verdict.status, verdict.exit_code, verdict.serving) == ("published", 3, 2)
    assert "although the table only appends" in verdict.served["warehouse"]["error"]
    assert shop.warehouse.release == 1
    shop.settings["tables"]["clean.sales_clean"]["mode"] = "upsert"
    shop.configure()
    verdict = shop.run()
    assert (verdict.exit_code, served(verdict)) == (0, ("done", 1, 2))


@pytest.mark.slow
def test_a_rollback_is_served_and_a_held_run_tries_again_what_failed(shop: ServingShop) -> None:
    shop.run()
    shop.sell("4,b,5")
    shop.run()
    project = shop.project()
    roll_back(project, 1, "test")
    with shop.warehouse.stopped():
        assert serve_after_rollback(project)["warehouse"]["status"] == "failed"
    held = shop.run()
    assert (held.status, served(held)) == ("held", ("done", 2, 1))
    assert shop.warehouse.rows("SELECT count(*) FROM shop.fact_sales") == [(3,)]
    resumed = shop.run(resume=True)
    assert (resumed.status, served(resumed)) == ("published", ("done", 1, 3))


@pytest.mark.slow
def test_serving_is_a_step_that_an_orchestrator_can_try_again(shop: ServingShop) -> None:
    steps = [step.name for step in explain(shop.project(), Options())[1]]
    for name in steps[:-1]:
        perform_step(shop.project(), "nightly", name, Options())
    with shop.warehouse.stopped():
        failed = perform_step(shop.project(), "nightly", "serve:warehouse", Options())
        assert (failed.status, failed.exit_code) == ("published", 3)
    done = perform_step(shop.project(), "nightly", "serve:warehouse", Options())
    assert (done.status, done.exit_code, served(done)) == ("published", 0, ("done", None, 1))


@pytest.mark.slow
def test_an_edited_serve_setting_is_served_by_the_next_run(shop: ServingShop) -> None:
    shop.run()
    shop.settings["tables"]["marts.items_seen"] = {"primary_key": ["n"]}
    shop.configure()
    verdict = shop.run()
    assert (verdict.status, served(verdict)) == ("nothing_new", ("done", 1, 1))
    assert shop.warehouse.rows("SELECT n FROM shop.items_seen") == [(2,)]


@pytest.mark.slow
def test_a_target_can_serve_elsewhere_or_nowhere(make_shop: Callable[..., ServingShop]) -> None:
    shop = make_shop(targets={"dev": {"serve": {}}})
    assert shop.run(target="dev").served == {}
    assert served(shop.run()) == ("done", None, 1)


@pytest.mark.slow
def test_a_target_that_would_take_over_the_schema_is_refused(make_shop: Callable[..., ServingShop]) -> None:
    shop = make_shop(targets={"dev": {}})
    shop.run()
    verdict = shop.run(target="dev")
    assert verdict.exit_code == 3
    assert "kept by another project: shop" in verdict.served["warehouse"]["error"]


def test_check_says_what_the_warehouse_holds_or_why_it_cannot_be_asked(shop: ServingShop) -> None:
    def found() -> Finding:
        return next(f for f in check_project(shop.project()) if f.subject == "serve warehouse")

    assert (found().ok, found().text) == (True, "3 tables; schema shop holds nothing yet")
    with shop.warehouse.stopped():
        assert (found().ok, "cannot be reached" in found().text) == (False, True)


@pytest.mark.slow
def test_people_are_told_once_that_the_warehouse_was_not_served_and_when_it_was(
    make_shop: Callable[..., ServingShop], tmp_path: Path
) -> None:
    with Webhook().open() as webhook:
        shop = make_shop(notify={"ops": {"urls": [webhook.url]}})
        with shop.warehouse.stopped():
            shop.run()
            shop.run()
        assert webhook.titles == ["shop: warehouse NOT SERVED"]
        assert "warehouse still holds nothing of this lake; the next run tries again" in webhook.posts[0]["message"]
        assert PASSWORD not in str(webhook.posts)
        shop.run()
        assert webhook.titles[1:] == ["shop: RECOVERED"]


@pytest.mark.slow
def test_the_verb_serves_checks_and_repairs(shop: ServingShop, capfd: pytest.CaptureFixture[str]) -> None:
    def call(*arguments: str, code: int = 0) -> dict[str, Any]:
        capfd.readouterr()
        assert execute(["serve", *arguments, "--json", "--project", str(shop.folder)]) == code
        told = json.loads(capfd.readouterr().out)
        matches("error" if "error" in told else "serve", told)
        result: dict[str, Any] = told["servers"]["warehouse"] if "servers" in told else told["error"]
        return result

    assert call(code=2)["what"] == "nothing is published yet"
    shop.run()
    assert call()["status"] == "skipped"
    assert call("warehouse", "--check")["status"] == "same"
    shop.warehouse.execute("UPDATE shop.fact_sales SET amount = 1 WHERE id = 1")
    different = call("--check", code=1)
    assert different["differences"] == {"fact_sales": {"missing": 0, "surplus": 0, "different": 1}}
    assert (call("--repair")["updated"], call("--check")["status"]) == (1, "same")
    assert "did you mean 'warehouse'?" in call("warehuose", code=2)["hint"]
    assert call("--check", "--repair", code=2)["type"] == "UsageError"
    with shop.warehouse.stopped():
        shop.sell("4,b,5")
        shop.run()
        failed = call(code=3)
    assert (failed["status"], failed["before"]) == ("failed", 1)
    assert PASSWORD not in str(failed)
    assert (call()["release"], call("--release", "1")["deleted"]) == (2, 1)


def test_a_project_that_serves_nothing_says_so(shop: ServingShop, capfd: pytest.CaptureFixture[str]) -> None:
    shop.write("headgate.yml", HEADGATE_YML)
    assert execute(["serve", "--project", str(shop.folder)]) == 2
    assert "this project serves nothing" in capfd.readouterr().err


# --- killed --------------------------------------------------------------------------------------------

CHILD = """
import os, sys
from headgate.project import load
from headgate.run import Options, perform
from pathlib import Path
perform(load(Path(sys.argv[1]), environ=os.environ), Options())
"""


def _wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, "it ended before it served"
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_in_mid_serve_the_warehouse_has_the_old_release_and_the_next_run_serves(shop: ServingShop) -> None:
    shop.settings["lock_timeout"] = "60s"
    shop.configure()
    shop.run()
    shop.sell("4,b,5")
    with shop.warehouse.connect() as greedy:  # holds the serve in the middle of its transaction
        greedy.execute("LOCK TABLE shop.by_item IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen([sys.executable, "-c", CHILD, str(shop.folder)])
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        _wait_until(lambda: shop.warehouse.rows(waiting) != [(0,)], process)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        greedy.rollback()
    assert shop.warehouse.release == 1
    assert shop.warehouse.rows("SELECT count(*) FROM shop.fact_sales") == [(3,)]
    verdict = shop.run()
    assert (verdict.status, verdict.serving, verdict.exit_code) == ("nothing_new", 2, 0)
    assert shop.warehouse.release == 2
    assert shop.warehouse.rows("SELECT count(*) FROM shop.fact_sales") == [(4,)]


@pytest.mark.slow
def test_a_server_that_is_killed_in_mid_serve_comes_back_with_the_old_release(shop: ServingShop) -> None:
    shop.settings["lock_timeout"] = "60s"
    shop.configure()
    shop.run()
    shop.sell("4,b,5")
    with closing(shop.warehouse.connect()) as greedy:
        greedy.execute("LOCK TABLE shop.by_item IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen([sys.executable, "-c", CHILD, str(shop.folder)])
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        _wait_until(lambda: shop.warehouse.rows(waiting) != [(0,)], process)
        shop.warehouse.server.kill()
        assert process.wait(60) == 0
    shop.warehouse.server.start()
    assert shop.warehouse.release == 1
    with Ledger.open(shop.project().ledger) as ledger:
        error = ledger.served(str(shop.project().lake))["warehouse"].error
    assert error is not None
    assert "the warehouse cannot be reached" in error
    assert served(shop.run()) == ("done", 1, 2)


@pytest.mark.slow
def test_two_runs_at_once_and_a_serve_by_hand_leave_one_release_whole(shop: ServingShop) -> None:
    shop.run()
    shop.sell("4,b,5")
    arguments = [sys.executable, "-c", CHILD, str(shop.folder)]
    both = [subprocess.Popen(arguments, stderr=subprocess.DEVNULL) for _ in range(2)]
    serve_now(shop.project(), "warehouse")
    for process in both:
        process.wait(120)
    serve_now(shop.project(), "warehouse")
    found = compare_server(shop.project(), "warehouse")
    assert (found.release, found.changes) == (2, [])
    assert not any(difference.any for difference in found.differences)
