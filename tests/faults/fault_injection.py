"""What can be made to go wrong inside a `headgate` process, from outside of it: no product code knows of this."""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Calls by which the lake's files are made, moved and removed.
CALLS = ("fsync", "link", "replace", "unlink", "mkdir", "chmod")


def prepare(kind: str, **options: Any) -> None:
    """Prepare one fault in this process."""
    _FAULTS[kind](**options)


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def _kill(when: str, step: str) -> None:
    """Die ``before`` a step is on record, when it has ``begun``, has ``worked``, or its end is ``recorded``."""
    from headgate.ledger import Ledger

    name, after = {
        "before": ("step_started", False),
        "begun": ("step_started", True),
        "worked": ("step_finished", False),
        "recorded": ("step_finished", True),
    }[when]
    really = getattr(Ledger, name)

    def call(self: Ledger, run: str, of: str, *args: Any, **kwargs: Any) -> None:
        if of == step and not after:
            die()
        really(self, run, of, *args, **kwargs)
        if of == step:
            die()

    setattr(Ledger, name, call)


def _kill_later(step: str, seconds: float) -> None:
    """Die so long after a step began, if it is not over by then."""
    from headgate.ledger import Ledger

    really = Ledger.step_started

    def call(self: Ledger, run: str, of: str) -> None:
        really(self, run, of)
        if of == step:
            timer = threading.Timer(seconds, die)
            timer.daemon = True
            timer.start()

    Ledger.step_started = call  # type: ignore[method-assign, assignment]


def _kill_at_call(number: int, step: str) -> None:
    """Die at the so-manieth call of the operating system that changes files, counted from the begin of ``step``."""
    from headgate.ledger import Ledger

    made = [-1]

    def counting(really: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if made[0] == number:
                die()
            made[0] += made[0] >= 0
            return really(*args, **kwargs)

        return call

    for name in CALLS:
        setattr(os, name, counting(getattr(os, name)))
    really = Ledger.step_started

    def started(self: Ledger, run: str, of: str) -> None:
        really(self, run, of)
        if of == step:
            made[0] = 0

    Ledger.step_started = started  # type: ignore[method-assign, assignment]


def _raise(step: str, text: str = "something nobody thought of\nand more of it") -> None:
    """Raise what nobody expects while a step works."""
    from headgate.plan import Step
    from headgate.run import steps

    for kind, really in list(steps._DOERS.items()):

        def doer(shop: Any, doing: Step, really: Any = really) -> Any:
            if doing.name == step:
                raise ZeroDivisionError(text)
            return really(shop, doing)

        steps._DOERS[kind] = doer


def _raise_in(module: str, name: str) -> None:
    """Raise what nobody expects whenever a function is called."""
    import importlib

    def call(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("something nobody thought of\nand more of it")

    owner: Any = importlib.import_module(module)
    *way, last = name.split(".")
    for part in way:
        owner = getattr(owner, part)
    setattr(owner, last, call)


def _pause(step: str, until: str) -> None:
    """Say that a step was reached by making the file ``until``.reached, and wait for the file ``until``."""
    import time

    from headgate.ledger import Ledger

    really = Ledger.step_started

    def call(self: Ledger, run: str, of: str) -> None:
        really(self, run, of)
        if of == step:
            Path(until + ".reached").touch()
            for _ in range(6000):
                if Path(until).exists():
                    return
                time.sleep(0.01)

    Ledger.step_started = call  # type: ignore[method-assign, assignment]


def _small_files(limit: int) -> None:
    """Let no file grow beyond ``limit`` bytes: the disk is full, as far as this process can tell."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def _become_nobody() -> None:
    """Let go of root's power to write anywhere."""
    os.setgid(65534)
    os.setuid(65534)


_FAULTS: dict[str, Callable[..., None]] = {
    "kill": _kill,
    "kill_later": _kill_later,
    "kill_at_call": _kill_at_call,
    "raise": _raise,
    "raise_in": _raise_in,
    "pause": _pause,
    "small_files": _small_files,
    "nobody": _become_nobody,
}
