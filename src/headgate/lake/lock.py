"""One run at a time per lake.

Two things make the lock. A record names the run and when it expires; an flock is held by the process
that is doing a step right now and vanishes with it. So a holder that died (record, no flock) is told
from a run that rests between two steps of an orchestrator (its record says that it rests, and is not expired).

The record is a file beside the flock. Where machines share no folder it is an object: see ``lease``.
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
from typing import IO, Literal, Protocol

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

    @property
    def resting(self) -> bool:
        """Whether it is between two steps, and may still come back."""
        return self.rests and self.expires > time.time()


class Record(Protocol):
    """Where the holder of the lock is written down. All but `holder` is called only by who has the flock.

    ``pause_seconds``: how often it may be looked at by somebody who waits.
    """

    pause_seconds: float

    def holder(self) -> Holder | None:
        """Who is written down; it may have died."""
        ...

    def is_free(self, holder: Holder | None, run: str | None) -> bool:
        """Whether ``run``, or a run that has no name yet (None), may take the lock over from ``holder``."""
        ...

    def take(self, holder: Holder) -> bool:
        """Write a new holder down in the place of the last one that was seen; False if somebody was quicker."""
        ...

    def kept(self) -> contextlib.AbstractContextManager[None]:
        """Keeps the record alive while the block runs."""
        ...

    def rest(self, holder: Holder) -> None:
        """Write down that the holder is between two steps."""
        ...

    def release(self, run: str) -> None:
        """Take the record of ``run`` away, if it is the one that holds the lock."""
        ...


class FileRecord:
    """The record as a file of the work folder."""

    pause_seconds = 0.0

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir

    def holder(self) -> Holder | None:
        return current_holder(self._workdir)

    def is_free(self, holder: Holder | None, run: str | None) -> bool:
        return holder is None or holder.run == run or not holder.resting

    def take(self, holder: Holder) -> bool:
        with writing(self._workdir):
            temporary = self._workdir / f".lock.{os.getpid()}.tmp"
            temporary.write_text(json.dumps(asdict(holder)))
            temporary.replace(self._workdir / "lock.json")
        return True

    def kept(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()  # the flock is alive as long as its process is

    def rest(self, holder: Holder) -> None:
        self.take(replace(holder, rests=True))

    def release(self, run: str) -> None:
        holder = self.holder()
        if holder and holder.run == run:
            (self._workdir / "lock.json").unlink(missing_ok=True)


@contextlib.contextmanager
def locked(
    workdir: Path,
    run: str | Callable[[], str],
    *,
    mode: Literal["whole", "steps"] = "whole",
    wait_seconds: float = 0,
    record: Record | None = None,
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
    record = record or FileRecord(workdir)
    with guard:
        holder = _acquire(guard, record, run, mode, time.monotonic() + wait_seconds)
        try:
            with record.kept():
                yield holder.run
        finally:
            if mode == "whole":
                record.release(holder.run)
            else:
                record.rest(holder)


def release(workdir: Path, run: str) -> None:
    """Give up the record of ``run``, if it is the one that holds the lock."""
    FileRecord(workdir).release(run)


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
    return holder.run if is_locked(workdir) or holder.resting else None


def is_locked(workdir: Path) -> bool:
    """Whether a process of this machine does a step in this work folder right now."""
    if not workdir.is_dir():
        return False
    with (workdir / ".lock").open("a") as guard:
        return not _try_flock(guard)


def _acquire(
    guard: IO[str],
    record: Record,
    run: str | Callable[[], str],
    mode: Literal["whole", "steps"],
    deadline: float,
) -> Holder:
    tries = 0
    while True:
        tries += 1
        had = _try_flock(guard)
        holder = record.holder()
        if had:
            if record.is_free(holder, run if isinstance(run, str) else None):
                name = run if isinstance(run, str) else run()
                since = datetime.now(UTC).isoformat(timespec="seconds")
                ours = Holder(name, os.getpid(), mode, since, time.time() + STEP_LEASE_SECONDS)
                if record.take(ours):
                    return ours
            fcntl.flock(guard, fcntl.LOCK_UN)
        if time.monotonic() >= deadline and tries > 1:  # once may have met somebody who only looked
            if holder is None:
                raise LockHeldError("unknown", "just now")
            ends = datetime.fromtimestamp(holder.expires, UTC).isoformat(timespec="seconds")
            raise LockHeldError(holder.run, holder.since, ends if holder.resting else None)
        time.sleep(max(POLL_SECONDS, record.pause_seconds))


def _try_flock(guard: IO[str]) -> bool:
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
