"""What nobody thought of: exit code 3 with a run, a cause on one line, and the traceback in the run's log file."""

from __future__ import annotations

from typing import Any

import pytest

from fault_shop import STEPS, Ended, Rows, Shop

pytestmark = pytest.mark.slow
CAUSE = "unexpected ZeroDivisionError: something nobody thought of"


def check_told(shop: Shop, ended: Ended, before: dict[str, str]) -> dict[str, Any]:
    assert (ended.code, ended.told["status"], ended.told["serving"]) == (3, "failed", 1)
    told: dict[str, Any] = ended.told
    cause, hint = told["error"].splitlines()
    assert cause == CAUSE
    log = f".headgate/logs/{told['run']}.log"
    assert log in hint
    text = (shop.folder / log).read_text()
    assert "Traceback (most recent call last)" in text
    assert "ZeroDivisionError: something nobody thought of\nand more of it" in text
    assert "Traceback" not in ended.out + ended.err
    assert shop.hashes() == before
    assert shop.statuses()[told["run"]] == "failed"
    return told


def test_an_unexpected_error_in_any_step_is_told_and_recorded(second: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    before = second.hashes()
    for number, step in enumerate(STEPS):
        ended = second.headgate("run", "--json", fault={"kind": "raise", "step": step})
        told = check_told(second, ended, before)
        assert [s["status"] for s in told["steps"]] == ["done"] * number + ["failed"]
    shown = second.headgate("run", fault={"kind": "raise", "step": "gate:raw"})
    assert shown.code == 3
    assert shown.out.splitlines()[-1].startswith(f"FAILED  {CAUSE} · still serving release 1 (")
    assert second.run()["release"] == 2
    assert second.contents() == undisturbed[1]
    assert second.headgate("prune", "--grace", "0s").code == 0
    assert second.orphans() == set()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("headgate.run.story", "find_changes"),
        ("headgate.run.workshop", "read_gates"),
        ("headgate.lake.branch", "squash"),
        ("headgate.run.workshop", "branches.close_branch"),
        ("headgate.transform.runner", "Dbt.warm_up"),
        ("headgate.transform.runner", "Dbt._parse"),
    ],
)
def test_an_unexpected_error_between_the_steps_is_told_and_recorded(second: Shop, module: str, name: str) -> None:
    before = second.hashes()
    ended = second.headgate("run", "--json", fault={"kind": "raise_in", "module": module, "name": name})
    check_told(second, ended, before)
    assert second.run()["release"] == 2


def test_an_unexpected_error_in_a_step_by_step_run_frees_the_lock_and_the_step_can_be_done_again(
    second: Shop, undisturbed: tuple[Rows, Rows]
) -> None:
    before = second.hashes()
    for step in STEPS:
        check_told(second, second.step("stepping", step, {"kind": "raise", "step": step}), before)
        again = second.step("stepping", step)
        assert again.code == 0, again
    assert second.contents() == undisturbed[1]
    assert second.run()["status"] == "nothing_new"
