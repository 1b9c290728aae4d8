"""One run at a time per lake.

Two things make the lock. A record names the run and when it expires; an flock is held by the process
that is doing a step right now and vanishes with it. So a holder that died (record, no flock) is told
from a run that rests between two steps of an orchestrator (its record says that it rests, and is not expired).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

from headgate.errors import LockHeldError
from headgate.lake.store import writing

#: How long a run may rest between two steps before another run may take the lock.
STEP_LEASE_SECONDS = 6 * 3600
POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock. ``whole`` runs hold it in one process, ``steps`` runs across several, resting in between."""

    run: str
    pid: int
    mode: Literal["whole", "steps"]
    since: str
    expires: float
    rests: bool = False


@contextlib.contextmanager
def locked(
    workdir: Path,
    run: str | Callable[[], str],
    *,
    mode: Literal["whole", "steps"] = "whole",
    wait_seconds: float = 0,
) -> Iterator[str]:
    """Hold the lake's lock for ``run`` while the block runs; gives the run's name.

    A new run is best named by a function, which is called when the lock is had: runs that waited for it
    in the same second would else choose the same name.

    On leaving, a run of mode ``whole`` gives the lock up; one of mode ``steps`` keeps the record until
    `release` is called or the lease expires.

    Raises:
        LockHeldError: another run holds it, still after ``wait_seconds``.
    """
    with writing(workdir):
        workdir.mkdir(parents=True, exist_ok=True)
        guard = (workdir / ".lock").open("a")
    with guard:
        _acquire(guard, workdir, run if isinstance(run, str) else None, time.monotonic() + wait_seconds)
        run = run if isinstance(run, str) else run()
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = Holder(run, os.getpid(), mode, since, time.time() + STEP_LEASE_SECONDS)
        _record(workdir, holder)
        try:
            yield run
        finally:
            if mode == "whole":
                release(workdir, run)
            else:
                _record(workdir, replace(holder, rests=True))


def release(workdir: Path, run: str) -> None:
    """Give up the record of ``run``, if it is the one that holds the lock."""
    holder = current_holder(workdir)
    if holder and holder.run == run:
        (workdir / "lock.json").unlink(missing_ok=True)


def current_holder(workdir: Path) -> Holder | None:
    """Who is written down as the holder; it may have died."""
    try:
        return Holder(**json.loads((workdir / "lock.json").read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):  # a torn record: its writer died while writing it
        return None


def live_run(workdir: Path) -> str | None:
    """The run that holds the lock and is alive, or rests between two steps."""
    holder = current_holder(workdir)
    if holder is None:
        return None
    with (workdir / ".lock").open("a") as guard:
        if not _try_flock(guard):
            return holder.run
    return holder.run if _resting(holder) else None


def _acquire(guard: IO[str], workdir: Path, run: str | None, deadline: float) -> None:
    tries = 0
    while True:
        tries += 1
        holder = current_holder(workdir)
        if _try_flock(guard):
            holder = current_holder(workdir)
            if holder is None or holder.run == run or not _resting(holder):
                return
            fcntl.flock(guard, fcntl.LOCK_UN)
        if time.monotonic() >= deadline and tries > 1:  # once may have met somebody who only looked
            raise LockHeldError(holder.run if holder else "unknown", holder.since if holder else "just now")
        time.sleep(POLL_SECONDS)


def _resting(holder: Holder) -> bool:
    return holder.rests and holder.expires > time.time()


def _try_flock(guard: IO[str]) -> bool:
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _record(workdir: Path, holder: Holder) -> None:
    with writing(workdir):
        temporary = workdir / f".lock.{os.getpid()}.tmp"
        temporary.write_text(json.dumps(asdict(holder)))
        temporary.replace(workdir / "lock.json")
