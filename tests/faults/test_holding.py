"""After a rollback scheduled runs hold still, until somebody lets them go on."""

from __future__ import annotations

import pytest

from fault_shop import Bench, Rows, Shop

pytestmark = pytest.mark.slow


@pytest.fixture
def rolled_back(bench: Bench, undisturbed: tuple[Rows, Rows]) -> Shop:
    """A shop that was rolled back from release 2 to release 1."""
    shop = bench.put_back("undisturbed")
    ended = shop.headgate("rollback", "1", "--reason", "a bad week")
    assert ended.code == 0
    assert "ROLLED BACK" in ended.out
    return shop


def test_scheduled_runs_are_held_until_resume(rolled_back: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    for _ in range(2):
        held = rolled_back.run()
        assert (held["status"], held["release"], held["serving"]) == ("held", None, 1)
        assert rolled_back.contents() == undisturbed[0]
    told = rolled_back.headgate("run")
    assert told.code == 0
    assert told.out.splitlines()[-1].startswith("HELD  serving release 1 (")
    assert "headgate resume" in told.out
    assert rolled_back.headgate("resume").code == 0
    again = rolled_back.run()
    assert (again["status"], again["release"]) == ("published", 3)
    assert rolled_back.contents() == undisturbed[1]
    assert list(rolled_back.statuses().values())[:4] == ["published", "held", "held", "held"]


def test_run_resume_goes_on_at_once(rolled_back: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    again = rolled_back.run("--resume")
    assert (again["status"], again["release"]) == ("published", 3)
    assert rolled_back.contents() == undisturbed[1]
    assert rolled_back.run()["status"] == "nothing_new"


def test_a_run_in_steps_is_held_too(rolled_back: Shop) -> None:
    for step in ("extract:till", "gate:raw", "publish"):
        held = rolled_back.step("stepping", step)
        assert (held.code, held.told["status"]) == (0, "held")
    assert rolled_back.run()["status"] == "held"


def test_a_rollback_while_a_run_works_is_not_overwritten(rolled_back: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    assert rolled_back.headgate("resume").code == 0
    for step in ("extract:till", "gate:raw", "build:clean", "gate:clean", "build:marts", "gate:marts"):
        assert rolled_back.step("stepping", step).code == 0
    assert rolled_back.headgate("rollback", "1").code == 0
    refused = rolled_back.step("stepping", "publish")
    assert refused.code == 3
    assert "nothing was published" in refused.told["error"]
    assert rolled_back.contents() == undisturbed[0]
    assert rolled_back.run()["status"] == "held"
