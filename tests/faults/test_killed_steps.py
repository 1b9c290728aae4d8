"""A run that several processes do step by step, each of which is killed: the step is done again, and all goes on."""

from __future__ import annotations

from typing import Any

import pytest

from fault_shop import STEPS, Bench, Rows, Shop

KILLED = -9
RUN = "stepping"


def fault_of(when: str, step: str) -> dict[str, Any]:
    if when == "in the middle":
        return {"kind": "kill_later", "step": step, "seconds": 0.1}
    return {"kind": "kill", "when": when, "step": step}


@pytest.mark.slow
@pytest.mark.parametrize("when", ["begun", "in the middle", "worked", "recorded"])
def test_every_step_that_was_killed_is_done_again_and_the_run_goes_on(
    second: Shop, undisturbed: tuple[Rows, Rows], when: str
) -> None:
    one, two = undisturbed
    before = second.hashes()
    for step in STEPS:
        died = second.step(RUN, step, fault_of(when, step))
        assert died.code == KILLED or (when, died.code) == ("in the middle", 0), died
        assert before.items() <= second.hashes().items()
        assert second.contents(1) == one
        again = second.step(RUN, step)
        assert again.code == 0, (step, again)
        assert again.told["status"] == ("running" if step != "publish" else "published"), (step, again.told)
    assert (again.told["release"], again.told["expectations"]["failed"]) == (2, 0)
    assert [s["status"] for s in again.told["steps"]] == ["done"] * len(STEPS)
    assert second.contents() == two
    assert second.statuses()[RUN] == "published"
    assert second.run()["status"] == "nothing_new", "the lock is free, and nothing is left to do"
    assert second.headgate("prune", "--grace", "0s").code == 0
    assert second.orphans() == set()
    assert (second.contents(1), second.contents()) == undisturbed


@pytest.mark.slow
def test_a_publish_killed_at_any_call_of_the_system_is_done_again(bench: Bench, undisturbed: tuple[Rows, Rows]) -> None:
    """Each file that is made, moved or removed on the way; the step is cheap, so all of them are tried."""
    one, two = undisturbed
    shop = bench.put_back("second")
    for step in STEPS[:-1]:
        assert shop.step(RUN, step).code == 0
    bench.keep("ready to publish")
    served = []
    for number in range(200):
        shop = bench.put_back("ready to publish")
        before = shop.hashes()
        died = shop.step(RUN, "publish", {"kind": "kill_at_call", "number": number, "step": "publish"})
        if died.code == 0:
            break
        assert died.code == KILLED
        assert before.items() <= shop.hashes().items(), f"killed at call {number}"
        served.append(shop.pointer.release)
        assert (shop.contents(1), shop.contents()) == (one, one if served[-1] == 1 else two), f"killed at call {number}"
        again = shop.step(RUN, "publish")
        assert again.code == 0, (number, again)
        assert (again.told["status"], again.told["serving"]) == ("published", again.told["release"])
        assert shop.contents() == two, f"killed at call {number}"
        if number % 4 == 0:
            assert shop.headgate("prune", "--grace", "0s").code == 0
            assert shop.orphans() == set(), f"killed at call {number}"
    assert served == sorted(served, key=str), "there is one moment from which on the new release is served"
    assert served.count(1) > 10
    assert served.count(2) > 1


QUARANTINE = {
    "gates/raw.yml": """
sales:
  - expect_column_values_to_be_between: {column: amount, min_value: 0, max_value: 895}
    on_fail: quarantine
""",
    "gates/clean.yml": """
sales_clean:
  - expect_column_values_to_be_between: {column: amount, min_value: 3}
    on_fail: quarantine
""",
}


@pytest.mark.slow
def test_a_gate_that_was_killed_while_it_put_rows_into_quarantine_loses_and_doubles_none(bench: Bench) -> None:
    shop = bench.put_back("second")
    for name, text in QUARANTINE.items():
        shop.write(name, text)
    bench.keep("with quarantine")
    shop.run()
    whole = shop.contents()
    assert all(whole[f"quarantine.{name}"][0] > 10 for name in ("raw_sales", "clean_sales_clean"))
    assert whole["raw.sales"][0] + whole["quarantine.raw_sales"][0] == 6000
    for when in ("in the middle", "worked", "recorded"):
        shop = bench.put_back("with quarantine")
        for step in STEPS:
            if step.startswith("gate:"):
                died = shop.step(RUN, step, fault_of(when, step))
                assert died.code == KILLED or (when, died.code) == ("in the middle", 0), died
            again = shop.step(RUN, step)
            assert again.code == 0, (when, step, again)
        assert shop.contents() == whole, when
