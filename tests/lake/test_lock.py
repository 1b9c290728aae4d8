"""One run at a time per lake."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from pathlib import Path

import pytest

from headgate.errors import CouldNotRunError, ExitCode, LockHeldError
from headgate.lake import lock
from headgate.lake.lock import Holder, current_holder, live_run, locked, release
from lake_maker import start

HOLDING = """
import os, signal
from pathlib import Path
from headgate.lake.lock import locked
with locked(Path(ARGS[0]), ARGS[1], mode=ARGS[2]):
    print("held", flush=True)
    if sys.stdin.readline() == "die\\n":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    return tmp_path / "lake" / "work"


class Other:
    """A run in a process of its own that holds the lock until it is told to end."""

    def __init__(self, workdir: Path, run: str, mode: str) -> None:
        self.process = start(HOLDING, workdir, run, mode)
        assert self.process.stdout
        assert self.process.stdout.readline() == "held\n"

    def tell(self, word: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        self.process.communicate(timeout=30)

    def end(self) -> None:
        self.tell("end")

    def die(self) -> None:
        self.tell("die")
        assert self.process.returncode == -9


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "POLL_SECONDS", 0.02)


def test_the_lock_names_its_run_while_it_is_held_and_nobody_after(workdir: Path) -> None:
    assert current_holder(workdir) is None
    assert live_run(workdir) is None
    with locked(workdir, "one"):
        holder = current_holder(workdir)
        assert holder is not None
        assert (holder.run, holder.pid, holder.mode) == ("one", os.getpid(), "whole")
        assert holder.expires > time.time() + 3600
        assert live_run(workdir) == "one"
    assert current_holder(workdir) is None
    assert live_run(workdir) is None


def test_a_second_run_is_told_which_run_holds_the_lock(workdir: Path) -> None:
    other = Other(workdir, "theirs", "whole")
    with pytest.raises(LockHeldError) as told, locked(workdir, "ours"):
        pass
    assert told.value.run == "theirs"
    assert told.value.exit_code == ExitCode.COULD_NOT_RUN
    assert told.value.retryable
    assert "--wait" in (told.value.hint or "")
    assert live_run(workdir) == "theirs"
    other.end()
    with locked(workdir, "ours"):
        pass


def test_even_the_same_run_is_not_performed_twice_at_once(workdir: Path) -> None:
    other = Other(workdir, "same", "steps")
    with pytest.raises(LockHeldError), locked(workdir, "same", mode="steps"):
        pass
    other.end()


def test_waiting_gets_the_lock_when_the_other_run_ends(workdir: Path) -> None:
    other = Other(workdir, "theirs", "whole")
    ending = threading.Timer(0.3, other.end)
    ending.start()
    began = time.monotonic()
    with locked(workdir, "ours", wait_seconds=20):
        assert 0.2 < time.monotonic() - began < 10
    ending.join()


def test_waiting_has_an_end(workdir: Path) -> None:
    other = Other(workdir, "theirs", "whole")
    began = time.monotonic()
    with pytest.raises(LockHeldError), locked(workdir, "ours", wait_seconds=0.2):
        pass
    assert 0.2 <= time.monotonic() - began < 5
    other.end()


@pytest.mark.parametrize("mode", ["whole", "steps"])
def test_a_failure_inside_gives_up_what_an_end_would_give_up(workdir: Path, mode: str) -> None:
    with pytest.raises(ZeroDivisionError), locked(workdir, "one", mode="whole" if mode == "whole" else "steps"):
        raise ZeroDivisionError
    assert live_run(workdir) == (None if mode == "whole" else "one")


def test_a_dead_holder_is_taken_over_at_once(workdir: Path) -> None:
    Other(workdir, "dead", "whole").die()
    holder = current_holder(workdir)
    assert holder is not None
    assert holder.run == "dead", "the record is still there"
    assert live_run(workdir) is None
    with locked(workdir, "ours"):
        assert live_run(workdir) == "ours"


def test_a_run_that_died_in_a_step_is_taken_over_or_goes_on(workdir: Path) -> None:
    Other(workdir, "stepping", "steps").die()
    assert live_run(workdir) is None
    with locked(workdir, "stepping", mode="steps"):
        assert live_run(workdir) == "stepping"
    assert live_run(workdir) == "stepping"
    Other(workdir, "stepping", "steps").die()
    with locked(workdir, "ours"):
        assert live_run(workdir) == "ours"


def test_a_run_that_rests_between_two_steps_keeps_the_lock(workdir: Path) -> None:
    Other(workdir, "stepping", "steps").end()
    assert live_run(workdir) == "stepping"
    with pytest.raises(LockHeldError) as told, locked(workdir, "ours"):
        pass
    assert told.value.run == "stepping"
    with locked(workdir, "stepping", mode="steps"):
        pass
    release(workdir, "somebody else")
    assert live_run(workdir) == "stepping"
    release(workdir, "stepping")
    assert live_run(workdir) is None
    with locked(workdir, "ours"):
        pass


def test_a_run_that_rests_for_too_long_loses_the_lock(workdir: Path) -> None:
    with locked(workdir, "stepping", mode="steps"):
        pass
    holder = current_holder(workdir)
    assert holder is not None
    expired = {
        "run": "stepping",
        "pid": 1,
        "mode": "steps",
        "since": holder.since,
        "expires": time.time() - 1,
        "rests": True,
    }
    (workdir / "lock.json").write_text(json.dumps(expired))
    assert live_run(workdir) is None
    with locked(workdir, "ours"):
        assert current_holder(workdir) != Holder("stepping", 1, "steps", holder.since, 0)


def test_each_step_renews_the_lease(workdir: Path) -> None:
    expiries = []
    for _ in range(2):
        with locked(workdir, "stepping", mode="steps"):
            holder = current_holder(workdir)
            assert holder is not None
            expiries.append(holder.expires)
    assert expiries[1] > expiries[0]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": 1}', "null"])
def test_a_torn_record_holds_nobody_up(workdir: Path, content: str) -> None:
    workdir.mkdir(parents=True)
    (workdir / "lock.json").write_text(content)
    assert current_holder(workdir) is None
    with locked(workdir, "ours"):
        assert live_run(workdir) == "ours"


def test_looking_at_the_lock_does_not_make_a_run_fail(workdir: Path) -> None:
    workdir.mkdir(parents=True)
    with (workdir / ".lock").open("a") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # as `live_run` does for an instant
        threading.Timer(0.005, lambda: fcntl.flock(guard, fcntl.LOCK_UN)).start()
        with locked(workdir, "ours"):
            assert live_run(workdir) == "ours"


def test_of_many_runs_at_once_only_one_works_at_a_time(workdir: Path, tmp_path: Path) -> None:
    code = """
from pathlib import Path
from headgate.lake.lock import locked
for turn in range(10):
    with locked(Path(ARGS[0]), ARGS[1], wait_seconds=30):
        alone = Path(ARGS[2])
        alone.touch(exist_ok=False)
        alone.unlink()
"""
    code = "import headgate.lake.lock as l; l.POLL_SECONDS = 0.001\n" + code
    workers = [start(code, workdir, f"run-{number}", tmp_path / "alone") for number in range(3)]
    for worker in workers:
        _, told = worker.communicate(timeout=60)
        assert worker.returncode == 0, told


def test_a_lake_whose_work_folder_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file")
    with pytest.raises(CouldNotRunError), locked(tmp_path / "lake" / "work", "ours"):
        pass
