"""Whole runs on a lake in an object store: on one machine, on several, and while the store does what it should not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import HeadgateError
from headgate.lake import s3
from headgate.lake.reading import query, reader
from headgate.lake.release import Releases
from headgate.lake.s3 import S3Store
from headgate.ledger import Ledger
from headgate.plan import step_names
from headgate.run import Options, perform_step
from headgate.run.check import check_project
from headgate.run.history import list_runs
from headgate.run.keeping import prune_lake, roll_back
from headgate.run.workshop import engine_settings, open_store
from s3_proxy import Fault, Proxy
from s3_server import SECRET
from small_shop import Shop

pytestmark = pytest.mark.slow
MORE = "id,item,amount\n4,b,5\n"


@pytest.fixture
def shop(request: pytest.FixtureRequest, shop: Shop, tmp_path: Path) -> Shop:
    """The small project, with its lake in a bucket and its ledger where a copy of it finds it too.

    Its parameter is the fixture that makes the bucket.
    """
    bucket = request.getfixturevalue(getattr(request, "param", "bucket"))
    settings = (shop.folder / "headgate.yml").read_text()
    shop.write(
        "headgate.yml", f"{settings}lake: s3://{bucket}/lakes/shop\nledger: sqlite:///{tmp_path / 'ledger.db'}\n"
    )
    return shop


@pytest.fixture
def other(shop: Shop, tmp_path: Path) -> Shop:
    """The same project as another machine has it."""
    shutil.copytree(shop.folder, tmp_path / "another machine")
    return shop.moved(tmp_path / "another machine")


def rows(shop: Shop, sql: str, **what: Any) -> list[tuple[Any, ...]]:
    store = open_store(shop.project())
    asked: dict[str, Any] = {"release": None, "run": None, **what}
    with reader(store, engine_settings(shop.project(), store), **asked) as con:
        return query(con, sql)[1]


def totals(shop: Shop, **what: Any) -> dict[str, int]:
    return dict(rows(shop, "SELECT item, total::INT FROM marts.by_item", **what))


def headgate(shop: Shop, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "headgate", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=shop.folder, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize("shop", ["bucket", "seaweedfs_bucket"], indirect=True)
def test_a_life_of_a_lake_in_a_bucket(shop: Shop, other: Shop) -> None:
    assert all(finding.ok for finding in check_project(shop.project()))
    assert (shop.run().status, shop.run().status, other.run().status) == ("published", "nothing_new", "nothing_new")
    assert totals(other) == {"a": 80, "b": 40}
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,-5\n")
    stopped = shop.run()
    assert (stopped.status, stopped.serving) == ("blocked", 1)
    assert rows(other, "SELECT amount FROM raw.sales WHERE id = 4", run=stopped.run) == [(-5,)]
    kept = prune_lake(other.project(), keep=1, grace=timedelta(0))
    assert stopped.run not in kept.branches, "evidence, also from another machine"
    assert rows(other, "SELECT amount FROM raw.sales WHERE id = 4", run=stopped.run) == [(-5,)]
    shop.write("data/sales_2.csv", MORE)
    assert shop.run().release == 2
    assert totals(other) == {"a": 80, "b": 50}
    roll_back(other.project(), 1, "worse")
    assert shop.run().status == "held"
    assert totals(shop) == {"a": 80, "b": 40}
    assert shop.run(resume=True).release == 3
    prune_lake(other.project(), keep=1, grace=timedelta(0))
    assert Releases(open_store(shop.project())).numbers() == [3]
    assert totals(shop) == {"a": 80, "b": 50}


def test_each_step_may_be_done_by_another_machine(shop: Shop, other: Shop) -> None:
    for number, name in enumerate(step_names(shop.project())):
        machine = (shop, other)[number % 2]
        verdict = perform_step(machine.project(), "r1", name, Options())
    assert (verdict.status, verdict.release) == ("published", 1)
    assert totals(shop) == totals(other) == {"a": 80, "b": 40}
    assert [entry.key for entry in open_store(shop.project()).list("work/r1")] == []


def test_a_step_that_died_before_it_was_on_record_is_done_again_by_another_machine(
    shop: Shop, other: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, *rest = step_names(shop.project())
    with monkeypatch.context() as dying:

        def die(*args: object) -> None:
            raise KeyboardInterrupt

        dying.setattr(Ledger, "step_finished", die)
        perform_step(shop.project(), "r1", first, Options())
    store = open_store(shop.project())
    assert [entry.key for entry in store.list("work/r1")] == ["work/r1/000001.ducklake"]
    for name in (first, second, *rest):
        verdict = perform_step(other.project(), "r1", name, Options())
    assert verdict.status == "published"
    assert rows(shop, "SELECT count(*) FROM raw_log.sales") == [(3,)]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PUT", "/data/", "answer", 403, "AccessDenied"),
        Fault("PUT", "/data/", "answer", 500, "InternalError"),
        Fault("PUT", "releases/", "answer", 503, "SlowDown"),
        Fault("PUT", "/current", "cut"),
        Fault("GET", "/current", "answer", 500, "InternalError"),
    ],
    ids=["403", "500", "503", "cut", "unreadable"],
)
def test_a_store_that_fails_leaves_the_old_release_and_the_next_run_just_works(
    shop: Shop, bucket: str, proxy: Proxy, fault: Fault
) -> None:
    assert shop.run().release == 1
    shop.write("data/sales_2.csv", MORE)
    proxy.fail(fault)
    try:
        failed = shop.run()
        error, exit_code = f"{failed.error} {failed.notes}", failed.exit_code
    except HeadgateError as refused:  # before the run had a name
        error, exit_code = str(refused), refused.exit_code
    assert exit_code == 3
    assert bucket in error
    assert SECRET not in error
    assert "AWS4" not in error
    proxy.fail()
    assert totals(shop) == {"a": 80, "b": 40}
    assert shop.run().status == "published"
    assert totals(shop) == {"a": 80, "b": 50}
    assert rows(shop, "SELECT count(*) FROM raw_log.sales") == [(4,)]


def test_a_pointer_that_moved_without_an_answer_is_put_on_record_by_the_next_run(shop: Shop, proxy: Proxy) -> None:
    assert shop.run().release == 1
    shop.write("data/sales_2.csv", MORE)
    proxy.fail(Fault("PUT", "/current", "lose"), *away_after(proxy, "PUT", "/current"))
    failed = shop.run()
    assert failed.status == "failed"
    assert "not known" in str(failed.error)
    proxy.fail()
    assert shop.run().status == "nothing_new"
    assert totals(shop) == {"a": 80, "b": 50}
    with Ledger.open(shop.project().ledger) as ledger:
        record = ledger.run(failed.run)
    assert record is not None
    assert (record.status, record.release) == ("published", 2)


def away_after(proxy: Proxy, method: str, path: str) -> list[Fault]:
    """From the first such request on nobody can look at the pointer."""

    class Later(Fault):
        def fits(self, of: str, where: str) -> bool:
            return super().fits(of, where) and any(m == method and path in p for m, p in proxy.seen)

    proxy.seen.clear()
    return [Later("GET", "/current", "cut")]


@pytest.mark.parametrize(
    ("path", "what", "published"),
    [
        ("000002.ducklake", "cut", False),
        ("000002.json", "cut", False),
        ("/current", "cut", False),
        ("/current", "lose", True),
    ],
    ids=["catalog", "manifest", "before the pointer", "after the pointer"],
)
def test_a_run_killed_in_the_middle_of_publishing_leaves_nothing_behind(
    shop: Shop, proxy: Proxy, path: str, what: Any, published: bool
) -> None:
    assert shop.run().release == 1
    shop.write("data/sales_2.csv", MORE)
    running: list[subprocess.Popen[str]] = []
    proxy.fail(Fault("PUT", path, what, then=lambda: os.kill(running[0].pid, signal.SIGKILL), times=1))
    running.append(headgate(shop, "run", "--json"))
    _, told = running[0].communicate(timeout=120)
    assert running[0].returncode == -9, told
    proxy.fail()
    assert totals(shop) == ({"a": 80, "b": 50} if published else {"a": 80, "b": 40})
    assert shop.run().status == ("nothing_new" if published else "published")
    assert totals(shop) == {"a": 80, "b": 50}
    assert rows(shop, "SELECT count(*) FROM raw_log.sales") == [(4,)]
    prune_lake(shop.project(), keep=1, grace=timedelta(0))
    store = open_store(shop.project())
    listed = sorted(entry.key.rpartition("/")[2].partition(".")[0] for entry in store.list("releases"))
    assert listed == [f"{Releases(store).pointer().release:06d}"] * 2
    assert totals(shop) == {"a": 80, "b": 50}


def test_the_command_line_says_what_is_wrong_with_the_bucket(shop: Shop, bucket: str) -> None:
    settings = (shop.folder / "headgate.yml").read_text().replace(bucket, "no-such-bucket")
    shop.write("headgate.yml", settings)
    told, _ = headgate(shop, "check", "--json").communicate(timeout=120)
    lake = next(finding for finding in json.loads(told)["findings"] if finding["subject"] == "lake")
    assert lake["ok"] is False
    assert "there is no bucket no-such-bucket" in lake["text"]
    process = headgate(shop, "run")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "there is no bucket no-such-bucket" in out + err
    assert "Traceback" not in out + err


def test_dbt_by_hand_works_on_a_scratch_branch_and_publishes_nothing(shop: Shop) -> None:
    assert shop.run().release == 1
    command = [
        str(Path(sys.executable).with_name("dbt")),
        "run",
        "--profiles-dir",
        ".headgate/dbt",
        "--vars",
        "rate: 2",
    ]
    done = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    store = open_store(shop.project())
    assert isinstance(store, S3Store)
    assert (store.workdir / "dbt.scratch").exists()
    assert Releases(store).numbers() == [1]
    profile = (shop.folder / ".headgate" / "dbt" / "profiles.yml").read_text()
    assert SECRET not in profile


def test_runs_are_listed_while_the_lake_is_away(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shop.run().release == 1
    project = shop.project()
    with Ledger.open(project.ledger) as ledger:
        ledger.start_run("working", lake=project.lake)
    monkeypatch.setattr(s3, "RETRIES", 0)
    assert [run.status for run in list_runs(project, 10)] == ["died", "published"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert [run.status for run in list_runs(project, 10)] == ["running", "published"], "nobody can say that it died"
