"""Runs again and again: on a grid, one at a time, ended by signals, in one process that does not grow."""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest

from headgate.errors import UsageError
from headgate.lake.engine import INSTANCE
from headgate.lake.lock import locked
from headgate.lake.release import Releases
from headgate.ledger import Ledger
from headgate.run import Options, perform
from headgate.run.health import Health, Pulse, read_health
from headgate.run.schedule import Schedule, Timing
from headgate.run.workshop import open_store
from small_shop import Shop

REPOSITORY = Path(__file__).parents[2]
HEADGATE = str(Path(sys.executable).with_name("headgate"))
SCHEMA = REPOSITORY / "docs" / "reference" / "json" / "schedule.schema.json"
PATIENCE = 180.0
SLOW = "select count(*) as n from range(100000) a, range(3000) b where a.range % 7 = 1\n"


@pytest.fixture
def shop(site: Path) -> Shop:
    return Shop(site / "shop")


class Scheduler:
    """A `headgate schedule` process."""

    def __init__(self, shop: Shop, *arguments: str) -> None:
        self.shop = shop
        self.out = shop.folder / "schedule.out"
        command = [HEADGATE, "schedule", *arguments, "--project", str(shop.folder)]
        with self.out.open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out)

    @property
    def text(self) -> str:
        return self.out.read_text()

    def wait_for(self, word: str, times: int = 1) -> None:
        deadline = time.monotonic() + PATIENCE
        while len(re.findall(rf"^\S+ \S+  {word}", self.text, re.MULTILINE)) < times:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@pytest.fixture
def start(shop: Shop) -> Iterator[Callable[..., Scheduler]]:
    started: list[Scheduler] = []

    def call(*arguments: str) -> Scheduler:
        started.append(Scheduler(shop, *arguments))
        return started[-1]

    yield call
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


@pytest.mark.slow
def test_it_runs_at_once_and_again_and_stops_when_asked(shop: Shop, start: Callable[..., Scheduler]) -> None:
    scheduler = start("--every", "1s")
    scheduler.wait_for("PUBLISHED")
    scheduler.wait_for("NOTHING NEW", 2)
    (health,) = read_health(shop.folder)
    assert (health.pid, health.when, health.failures, health.well) == (scheduler.process.pid, "every 1s", 0, True)
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,5\n")
    scheduler.wait_for("PUBLISHED", 2)
    assert scheduler.stop(signal.SIGINT) == 0
    assert read_health(shop.folder) == []
    assert "Traceback" not in scheduler.text
    with Ledger.open(shop.project().ledger) as ledger:
        assert {run.status for run in ledger.runs()} <= {"published", "nothing_new"}


@pytest.mark.slow
def test_a_signal_lets_the_step_in_hand_end_and_nothing_half_done_is_served(
    shop: Shop, start: Callable[..., Scheduler]
) -> None:
    shop.write("models/marts/slow.sql", SLOW)
    scheduler = start("--every", "1h")
    deadline = time.monotonic() + PATIENCE
    while not any(step == "build:marts" for step in _steps(shop)):
        assert time.monotonic() < deadline, scheduler.text
        time.sleep(0.05)
    assert scheduler.stop() == 0
    assert "STOPPING" in scheduler.text
    steps = _steps(shop)
    assert steps["build:marts"] == "done"
    assert "publish" not in steps
    assert Releases(open_store(shop.project())).pointer().release is None


def _steps(shop: Shop) -> dict[str, str]:
    ledger_file = shop.folder / ".headgate" / "ledger.db"
    if not ledger_file.exists():
        return {}
    with Ledger.open(shop.project().ledger) as ledger:
        run = ledger.last_run()
        return {step.name: step.status for step in ledger.steps(run.run)} if run else {}


@pytest.mark.slow
def test_another_that_holds_the_lake_is_told_and_waited_for(shop: Shop, start: Callable[..., Scheduler]) -> None:
    with locked(open_store(shop.project()).workdir, "somebody"):
        scheduler = start("--every", "1s")
        scheduler.wait_for("WAITING")
    scheduler.wait_for("PUBLISHED")
    assert "run somebody holds the lock" in scheduler.text
    assert scheduler.stop() == 0


@pytest.mark.slow
def test_runs_that_fail_come_less_often_and_the_project_is_read_anew(
    shop: Shop, start: Callable[..., Scheduler]
) -> None:
    whole = (shop.folder / "headgate.yml").read_text()
    scheduler = start("--every", "1s")
    scheduler.wait_for("PUBLISHED")
    shop.write("headgate.yml", "name: [shop\n")
    scheduler.wait_for("FAILED", 2)
    scheduler.wait_for("PUT OFF")
    (health,) = read_health(shop.folder)
    assert health.failures >= 2
    shop.write("headgate.yml", whole)
    scheduler.wait_for("NOTHING NEW")
    assert scheduler.stop() == 0


def test_the_beat_and_the_run_may_write_at_the_same_moment(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path, None, "every 1s")
    with ThreadPoolExecutor(4) as threads:
        beats = [threads.submit(pulse.beat) for _ in range(400)]
        changes = [threads.submit(pulse.change, "working", runs=number) for number in range(400)]
        for each in (*beats, *changes):
            each.result()
    (health,) = read_health(tmp_path)
    assert health == pulse.health
    assert health.state == "working"


@pytest.mark.slow
def test_its_json_is_about_itself_and_health_is_about_all(shop: Shop, start: Callable[..., Scheduler]) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    scheduler = start("--every", "1h", "--json")
    scheduler.wait_for("PUBLISHED")
    asked = subprocess.run(
        [HEADGATE, "schedule", "--health", "--json"], cwd=shop.folder, capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0
    validator.validate(json.loads(asked.stdout))
    scheduler.process.kill()
    scheduler.process.wait()
    asking = [HEADGATE, "schedule", "--health"]
    dead = subprocess.run(asking, cwd=shop.folder, capture_output=True, text=True, check=False)
    assert (dead.returncode, "NOT WELL" in dead.stdout) == (3, True)
    again = start("--every", "1h", "--json")
    again.wait_for("NOTHING NEW")
    assert [health.pid for health in read_health(shop.folder)] == [again.process.pid]  # the dead one's is swept
    assert again.stop() == 0
    validator.validate(json.loads(again.text.splitlines()[-1]))


# --- in this process -----------------------------------------------------------------------------------


def _schedule(shop: Shop, timing: Timing, lines: list[str]) -> Schedule:
    return Schedule(shop.project, timing, Options(), lambda word, facts, _: lines.append(f"{word} {' · '.join(facts)}"))


@pytest.mark.parametrize(
    ("timing", "text"),
    [
        (Timing(every=timedelta(0)), "at least a second"),
        (Timing(cron="* * *"), "Wrong number of fields"),
        (Timing(cron="99 * * * *"), "--cron '99"),
    ],
)
def test_a_time_that_is_none_is_refused(shop: Shop, timing: Timing, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        _schedule(shop, timing, [])


def test_runs_stay_on_their_grid(shop: Shop) -> None:
    trigger = _schedule(shop, Timing(every=timedelta(minutes=15)), [])._trigger
    first = datetime(2026, 1, 1, 10, 0, tzinfo=UTC)
    late = first + timedelta(minutes=7)  # the run took so long
    assert trigger.get_next_fire_time(first, late) == first + timedelta(minutes=15)


def test_failures_put_off_the_next_runs_for_an_hour_at_most(shop: Shop) -> None:
    lines: list[str] = []
    schedule = _schedule(shop, Timing(every=timedelta(minutes=5)), lines)
    began = datetime(2026, 1, 1, 10, 0, tzinfo=UTC)
    put_off = []
    for failures in (1, 2, 3, 4, 5, 6, 50):
        schedule._put_off(began, failures)
        until = schedule._not_before
        put_off.append(0 if until is None else round((until - began).total_seconds() / 60))
    assert put_off == [0, 10, 20, 40, 60, 60, 60]
    schedule._put_off(began, 0)
    assert schedule._not_before is None


def test_what_nobody_foresaw_is_told_with_a_trace(shop: Shop) -> None:
    lines: list[str] = []
    schedule = _schedule(shop, Timing(every=timedelta(minutes=5)), lines)

    class Event:
        exception = ZeroDivisionError("division by zero")
        traceback = "Traceback: …"

    schedule._unforeseen(Event())
    (line,) = lines
    assert line.startswith("FAILED unexpected ZeroDivisionError: division by zero")
    assert "Traceback" in (shop.folder / line.rsplit(" ", 1)[1]).read_text()


def test_a_pulse_that_is_not_felt_any_more_is_not_well(tmp_path: Path) -> None:
    Pulse(tmp_path, None, "every 1h").change("working")
    (health,) = read_health(tmp_path)
    assert health.well
    old = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert not Health(**{**_fields(health), "beat": old}).well
    (tmp_path / ".headgate" / "schedule" / "1.json").write_text("{half")
    assert len(read_health(tmp_path)) == 1


def _fields(health: Health) -> dict[str, Any]:
    return {name: getattr(health, name) for name in Health.__slots__}


@pytest.mark.slow
def test_after_a_run_the_shared_instance_is_gone(shop: Shop) -> None:
    for amount in (10, -5, 20):  # published, blocked, published
        shop.write("data/sales_1.csv", f"id,item,amount\n1,a,{amount}\n")
        shop.run()
        gc.collect()
        con = duckdb.connect(INSTANCE)
        loaded = con.execute("SELECT count(*) FROM duckdb_extensions() WHERE loaded AND extension_name = 'ducklake'")
        assert loaded.fetchall() == [(0,)]
        con.close()


@pytest.mark.slow
def test_asked_to_stop_a_run_begins_no_other_step(shop: Shop) -> None:
    asked = threading.Event()

    def listen(step: str, _: str) -> None:
        if step == "gate:raw":
            asked.set()

    verdict = perform(shop.project(), Options(), listen, stopping=asked.is_set)
    assert (verdict.status, verdict.exit_code) == ("failed", 130)
    assert [step["name"] for step in verdict.steps] == ["extract:till", "gate:raw"]
    assert {step["status"] for step in verdict.steps} == {"done"}
    assert shop.run().release == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_thirty_runs_in_one_process_leave_nothing_behind(shop: Shop) -> None:
    def measured() -> tuple[int, int, float]:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        files = len(list(Path("/proc/self/fd").iterdir()))
        return files, len(list(Path("/proc/self/task").iterdir())), pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    seen = []
    for number in range(30):
        shop.write("data/sales_2.csv", f"id,item,amount\n9,a,{-5 if number % 5 == 3 else number}\n")
        assert shop.run().status == ("blocked" if number % 5 == 3 else "published")
        seen.append(measured())
    early, late = seen[4], seen[-1]
    assert late[0] <= early[0]
    assert late[1] <= early[1]
    assert late[2] < early[2] + 60, [round(megabytes) for *_, megabytes in seen]


# --- what is deployed ----------------------------------------------------------------------------------


def test_the_systemd_unit_is_one(tmp_path: Path) -> None:
    text = (REPOSITORY / "deploy" / "headgate.service").read_text()
    assert re.findall(r"^\[(\w+)\]$", text, re.MULTILINE) == ["Unit", "Service", "Install"]
    assert "headgate schedule --every 15m" in text
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed: only the unit's form was checked")
    unit = tmp_path / "headgate.service"
    unit.write_text(text.replace("/opt/headgate/bin/headgate", "/bin/true").replace("User=headgate", "User=root"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if "headgate.service" in line]
    assert (told, done.returncode) == ([], 0), done.stderr


def test_the_cron_line_is_one() -> None:
    lines = (REPOSITORY / "deploy" / "headgate.cron").read_text().splitlines()
    (line,) = [line for line in lines if line and not line.startswith("#")]
    minute, hour, day, month, weekday, account, command = line.split(maxsplit=6)
    from apscheduler.triggers.cron import CronTrigger

    CronTrigger.from_crontab(f"{minute} {hour} {day} {month} {weekday}")
    assert account == "headgate"
    assert re.search(r"headgate run --wait 10m", command)


@pytest.mark.slow
def test_it_prunes_between_runs_as_often_as_the_project_says(shop: Shop, start: Callable[..., Scheduler]) -> None:
    for number in range(2, 5):
        assert shop.run().status == "published"
        shop.write(f"data/sales_{number}.csv", f"id,item,amount\n{10 + number},b,5\n")
    settings = "prune: {every: 1h, keep: 1, keep_daily: 0, grace: 0s}\n"
    shop.write("headgate.yml", (shop.folder / "headgate.yml").read_text() + settings)
    scheduler = start("--every", "1s")
    scheduler.wait_for("PRUNED")
    scheduler.wait_for("NOTHING NEW", 2)
    assert scheduler.stop() == 0
    assert scheduler.text.count("PRUNED") == 1, scheduler.text
    assert Releases(open_store(shop.project())).numbers() == [4]
    with Ledger.open(shop.project().ledger) as ledger:
        runs = [run for run in ledger.runs() if run.status == "published"]
        assert [bool(ledger.results(run.run)) for run in runs] == [True, False, False, False]
