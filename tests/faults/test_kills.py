"""A run that is killed, anywhere: the last release is served unchanged, and the next run just works."""

from __future__ import annotations

import random
import time

import pytest

from fault_shop import STEPS, Bench, Rows, Shop

KILLED = -9
INSTANTS = 5


def check_recovery(shop: Shop, undisturbed: tuple[Rows, Rows], before: dict[str, str]) -> None:
    """What must hold after a kill, and after the run that follows it."""
    one, two = undisturbed
    assert before.items() <= shop.hashes().items(), "a release was written to"
    assert shop.contents(1) == one
    served = shop.pointer.release
    assert served in (1, 2)
    assert shop.contents() == (one if served == 1 else two), "a half published release is served"
    statuses = list(shop.statuses().values())
    assert set(statuses) <= {"died", "published"}
    assert statuses.count("published") <= 2, "release 1, and a run that the kill came too late for"
    told = shop.run()
    assert told["status"] == ("published" if served == 1 else "nothing_new")
    assert shop.contents() == two, "not the same data as of a run that was never disturbed"
    assert list(shop.statuses().values()).count("published") == 2, "a release whose run is not on record"
    pruned = shop.headgate("prune", "--grace", "0s")
    assert pruned.code == 0, pruned
    assert shop.orphans() == set()
    assert shop.contents() == two
    assert shop.contents(1) == one


@pytest.mark.slow
@pytest.mark.parametrize(("when", "step"), [("before", STEPS[0]), *(("recorded", step) for step in STEPS)])
def test_a_run_killed_at_a_steps_boundary_leaves_nothing_behind(
    second: Shop, undisturbed: tuple[Rows, Rows], when: str, step: str
) -> None:
    before = second.hashes()
    ended = second.headgate("run", fault={"kind": "kill", "when": when, "step": step})
    assert (ended.code, ended.out) == (KILLED, "")
    check_recovery(second, undisturbed, before)


@pytest.mark.slow
def test_runs_killed_with_the_work_done_and_not_on_record_leave_nothing_behind(
    second: Shop, undisturbed: tuple[Rows, Rows]
) -> None:
    before = second.hashes()
    for step in STEPS:
        died = second.headgate("run", fault={"kind": "kill", "when": "worked", "step": step})
        assert died.code == KILLED
        assert before.items() <= second.hashes().items()
        assert second.contents(1) == undisturbed[0]
    assert list(second.statuses().values()) == ["died"] * len(STEPS) + ["published"]
    check_recovery(second, undisturbed, before)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["worked", "recorded"])
def test_what_comes_after_a_release_is_made_up_for_if_its_run_was_killed_just_then(second: Shop, when: str) -> None:
    settings = second.folder / "headgate.yml"
    hook = "python -c \"import os; open(os.environ['HEADGATE_RUN'], 'a').write(os.environ['HEADGATE_RELEASE'])\""
    settings.write_text(settings.read_text() + f"after:\n  tell:\n    command: {hook}\n")
    died = second.headgate("run", fault={"kind": "kill", "when": when, "step": "publish"})
    assert (died.code, second.pointer.release) == (KILLED, 2)
    run = second.releases.manifest(2).run
    assert (second.statuses()[run], (second.folder / run).exists()) == ("died", False)
    assert second.run()["status"] == "nothing_new"
    assert second.statuses()[run] == "published"
    assert (second.folder / run).read_text() == "2"
    assert second.run()["status"] == "nothing_new"
    assert (second.folder / run).read_text() == "2", "once is enough"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_runs_killed_at_random_instants_leave_nothing_behind(
    bench: Bench, undisturbed: tuple[Rows, Rows], seed: int
) -> None:
    """Five runs after one another are killed, each at any instant, before one is left alone."""
    dice = random.Random(seed)
    shop = bench.put_back("second")
    before, started = shop.hashes(), time.monotonic()
    shop.run()
    whole = time.monotonic() - started
    shop = bench.put_back("second")
    died = 0
    for _ in range(4 * INSTANTS):
        started = time.monotonic()
        killed = killed_after(shop, dice.uniform(0, whole))
        died += killed
        assert before.items() <= shop.hashes().items(), "a release was written to"
        assert shop.contents(1) == undisturbed[0]
        if not killed:  # the machine has become faster
            whole = min(whole, time.monotonic() - started)
        if shop.pointer.release != 1:
            check_recovery(shop, undisturbed, before)
            shop = bench.put_back("second")
        if died == INSTANTS:
            break
    assert died == INSTANTS
    check_recovery(shop, undisturbed, before)


def killed_after(shop: Shop, seconds: float) -> bool:
    """Whether a run was still at work after so long, and was killed."""
    process = shop.start("run", "--json")
    ended = process.ended_after(seconds) or process.kill()
    assert ended.code in (0, KILLED), ended
    return ended.code == KILLED
