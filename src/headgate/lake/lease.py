"""One run at a time per lake, also where the machines that work on it share nothing but the lake.

An flock tells only processes of one machine. In an object store the lock is a record, put with a condition, that its
holder keeps renewing: one that is not renewed expires. Clocks may differ, a holder may be cut off and not know that
its time is over: so who takes an expired lock over moves the pointer's nonce first, and what the other one would
publish is refused.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

from headgate.errors import HeadgateError, LakeUnavailableError, PublishRefusedError
from headgate.lake import lock
from headgate.lake.lock import STEP_LEASE_SECONDS, FileRecord, Holder, Record
from headgate.lake.release import Releases
from headgate.lake.store import MissingError, MovedError, Store, writing

KEY = "work/lock.json"
#: A holder that has not been heard of for so long is taken for dead by other machines.
LEASE_SECONDS = 90.0
RENEWALS = 3


@contextlib.contextmanager
def locked(
    store: Store,
    run: str | Callable[[], str],
    *,
    mode: Literal["whole", "steps"] = "whole",
    wait_seconds: float = 0,
) -> Iterator[str]:
    """As `lock.locked`, for the lake of ``store``."""
    with lock.locked(store.workdir, run, mode=mode, wait_seconds=wait_seconds, record=_record(store)) as name:
        yield name


def release(store: Store, run: str) -> None:
    """Give up the record of ``run``, if it is the one that holds the lock."""
    _record(store).release(run)


def live_run(store: Store) -> str | None:
    """The run that holds the lock and is alive, or rests between two steps."""
    return ObjectRecord(store).live_run() if store.shared else lock.live_run(store.workdir)


def _record(store: Store) -> Record:
    return ObjectRecord(store) if store.shared else FileRecord(store.workdir)


@dataclass(frozen=True, slots=True)
class Lease:
    """What the record says: the holder, the work folder it works in, and a text that is new in every record."""

    holder: Holder | None
    place: str
    nonce: str

    @classmethod
    def parse(cls, content: bytes) -> Lease | None:
        """None for what cannot be read; nothing is held by that."""
        try:
            data = dict(json.loads(content))
            return cls(Holder(**data["holder"]) if data["holder"] else None, str(data["place"]), str(data["nonce"]))
        except (ValueError, TypeError, KeyError):
            return None


class ObjectRecord:
    """The record as an object of the lake."""

    pause_seconds = 2.0

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: bytes | None = None
        self._lease: Lease | None = None

    def holder(self) -> Holder | None:
        try:
            self._seen = self._store.read(KEY)
        except MissingError:
            self._seen = None
        self._lease = Lease.parse(self._seen) if self._seen is not None else None
        return self._lease.holder if self._lease else None

    def live_run(self) -> str | None:
        """The run that holds the lock and is alive, or rests between two steps."""
        holder = self.holder()
        if holder is None or holder.expires <= time.time():
            return None
        here = self._is_here()
        return holder.run if holder.rests or not here or lock.is_locked(self._store.workdir) else None

    def is_free(self, holder: Holder | None, run: str | None) -> bool:
        if holder is None or holder.expires <= time.time():
            return True
        if holder.rests:
            return holder.run == run
        return self._is_here()  # we have the flock of the folder in which it worked: it is dead

    def take(self, holder: Holder) -> bool:
        before = self._lease.holder if self._lease else None
        if before is not None and not before.rests and not self._is_here():
            try:
                Releases(self._store).fence()
            except PublishRefusedError:  # it lives, and has just published
                return False
        return self._write(replace(holder, expires=time.time() + LEASE_SECONDS))

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        done = threading.Event()
        renewing = threading.Thread(target=self._renew_until, args=(done,), name="headgate-lease", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            done.set()
            renewing.join()

    def rest(self, holder: Holder) -> None:
        with contextlib.suppress(LakeUnavailableError):  # then it expires as that of a run that died
            self._write(replace(holder, rests=True, expires=time.time() + STEP_LEASE_SECONDS))

    def release(self, run: str) -> None:
        with contextlib.suppress(LakeUnavailableError):  # then it expires; in this work folder it holds nobody up
            holder = self.holder()
            if holder and holder.run == run:
                self._write(None)

    def _renew_until(self, done: threading.Event) -> None:
        """A renewal that fails is tried again by the next; whoever took the lock over meanwhile keeps it."""
        while not done.wait(LEASE_SECONDS / RENEWALS):
            holder = self._lease.holder if self._lease else None
            if holder is None:
                return
            try:
                if not self._write(replace(holder, expires=time.time() + LEASE_SECONDS)):
                    return
            except HeadgateError:
                continue

    def _write(self, holder: Holder | None) -> bool:
        lease = Lease(holder, self._place(), uuid.uuid4().hex)
        content = json.dumps(asdict(lease)).encode()
        try:
            self._store.replace(KEY, content, expected=self._seen)
        except MovedError:
            return False
        self._seen, self._lease = content, lease
        return True

    def _is_here(self) -> bool:
        return self._lease is not None and self._lease.place == self._place()

    def _place(self) -> str:
        """A name of this work folder that no other one has, whatever machines and containers call themselves."""
        path = self._store.workdir / "place"
        with writing(path):
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary = path.with_name(f".place.{uuid.uuid4().hex}.tmp")
                temporary.write_text(uuid.uuid4().hex)
                with contextlib.suppress(FileExistsError):
                    path.hardlink_to(temporary)
                temporary.unlink()
            return path.read_text()
