"""Two runs at once, and locks whose holders are dead or were bypassed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from fault_shop import Bench, Process, Rows, Shop

pytestmark = pytest.mark.slow


class Paused:
    """A run that holds the lock and waits, in front of its first gate, to be told to go on."""

    def __init__(self, shop: Shop) -> None:
        self.go_on_file = shop.folder / "go-on"
        fault: dict[str, Any] = {"kind": "pause", "step": "gate:raw", "until": str(self.go_on_file)}
        self.process: Process = shop.start("run", "--json", fault=fault)
        reached = Path(f"{self.go_on_file}.reached")
        for _ in range(3000):
            if reached.exists():
                break
            assert self.process.ended_after(0) is None
            time.sleep(0.01)
        self.run = next(iter(shop.statuses()))

    def go_on(self) -> Any:
        self.go_on_file.touch()
        return self.process.end()


def test_a_second_run_says_which_run_holds_the_lock_and_exits_3(second: Shop) -> None:
    one = Paused(second)
    assert second.statuses()[one.run] == "running"
    two = second.headgate("run", "--json")
    assert two.code == 3
    error = two.told["error"]
    assert (error["type"], error["retryable"]) == ("LockHeldError", True)
    assert f"run {one.run} holds the lock of this lake since" in error["what"]
    assert "--wait" in error["hint"]
    assert two.err.count(one.run) == 1
    assert "Traceback" not in two.err
    assert one.go_on().told["status"] == "published"


def test_a_run_that_waits_finds_nothing_left_to_do(second: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    one = Paused(second)
    two = second.start("run", "--json", "--wait", "10m")
    assert two.ended_after(1.5) is None, "it waits"
    assert one.go_on().told["release"] == 2
    ended = two.end()
    assert ended.code == 0
    assert (ended.told["status"], ended.told["serving"]) == ("nothing_new", 2)
    assert ended.told["run"] != one.run
    assert second.contents() == undisturbed[1]


def test_a_run_that_waits_takes_over_from_one_that_dies(second: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    one = Paused(second)
    two = second.start("run", "--json", "--wait", "10m")
    assert two.ended_after(1.5) is None
    assert one.process.kill().code == -9
    assert json.loads((second.lake / "work" / "lock.json").read_text())["run"] == one.run, "the dead left its record"
    told = two.end().told
    assert (told["status"], told["release"]) == ("published", 2)
    assert second.contents() == undisturbed[1]
    statuses = second.statuses()
    assert (statuses[told["run"]], statuses[one.run]) == ("published", "died")


def test_waiting_has_an_end(second: Shop) -> None:
    one = Paused(second)
    two = second.headgate("run", "--json", "--wait", "1s")
    assert (two.code, two.told["error"]["type"]) == (3, "LockHeldError")
    one.process.kill()


def test_runs_that_begin_in_the_same_second_have_names_of_their_own(second: Shop) -> None:
    together = [second.start("run", "--json", "--wait", "10m") for _ in range(3)]
    ended = [process.end() for process in together]
    assert [e.code for e in ended] == [0, 0, 0], ended
    assert sorted(e.told["status"] for e in ended) == ["nothing_new", "nothing_new", "published"]
    assert len({e.told["run"] for e in ended}) == 3


def test_past_a_bypassed_lock_the_second_publish_is_refused(second: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    one = Paused(second)
    for name in (".lock", "lock.json"):
        (second.lake / "work" / name).unlink()
    assert second.run()["release"] == 2
    before = second.hashes()
    refused = one.go_on()
    assert (refused.code, refused.told["status"], refused.told["release"]) == (3, "failed", None)
    assert "moved from release 1 to 2 while this run worked; nothing was published" in refused.told["error"]
    assert "run again" in refused.told["error"]
    assert second.hashes() == before
    assert (second.contents(1), second.contents()) == undisturbed
    assert second.run()["status"] == "nothing_new"
    assert second.headgate("prune", "--grace", "0s").code == 0
    assert second.contents() == undisturbed[1]


def test_a_run_in_steps_keeps_the_lock_while_it_rests_and_gives_it_up_when_it_is_over(second: Shop) -> None:
    for step in ("extract:till", "gate:raw"):
        assert second.step("stepping", step).code == 0
    other = second.headgate("run", "--json")
    assert (other.code, other.told["error"]["type"]) == (3, "LockHeldError")
    assert "run stepping holds the lock" in other.told["error"]["what"]
    for step in ("build:clean", "gate:clean", "build:marts", "gate:marts", "publish"):
        assert second.step("stepping", step).code == 0
    assert second.step("stepping", "publish").told["status"] == "published", "asking again does no harm"
    assert second.run()["status"] == "nothing_new"


def test_a_step_that_cannot_begin_a_run_does_not_hold_up_others(bench: Bench) -> None:
    shop = bench.put_back("first")
    ended = shop.step("mistyped", "publish")
    assert ended.code == 2
    assert "cannot be done before extract:till" in ended.told["error"]["what"]
    assert "mistyped" not in shop.statuses()
    (shop.folder / "data" / "items.csv").unlink()
    assert shop.step("without-data", "extract:till").code == 1
    shop = bench.put_back("first")
    assert shop.run()["status"] == "nothing_new"
