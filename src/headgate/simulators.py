"""The worlds around a pipeline that a user can start too: which there are, and what can be asked of one.

A simulator is a package beside the templates, shipped with Headgate and imported when it is started. Its
``simulation.simulate(asked, say)`` does what was asked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Literal, cast

from headgate.errors import UsageError, did_you_mean

#: Where an address with a password is taken from, so that it need not stand on a command line.
URL_VARIABLE = "HEADGATE_SIMULATE_URL"
State = Literal["running", "idle", "stopped", "was not running"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks of a simulator.

    ``url`` names a server to use instead of the simulator's own; ``once`` wants so many changes and no more,
    ``foreground`` traffic until Ctrl-C, neither of them traffic in the background. ``replay`` is how much of the end of
    the past is played again. ``stop`` ends everything; ``fresh`` begins, or ends, with nothing.
    """

    project: Path
    url: str | None = None
    speed: float = 1.0
    replay: timedelta = timedelta(days=7)
    once: int | None = None
    happenings: tuple[str, ...] = ()
    seed: int = 7
    foreground: bool = False
    fresh: bool = False
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: addresses by variable (without passwords), rows by table, and how many changes were made.

    ``state`` is ``idle`` where a server runs without traffic; ``data`` is the folder of a server that is ours.
    """

    urls: dict[str, str]
    tables: dict[str, int]
    state: State
    changes: int
    data: str | None = None


Simulate = Callable[[Asked, Callable[[str], None]], Outcome]


def simulators_folder() -> Path:
    """Where the simulators lie: in the wheel, or beside ``src`` in a checkout."""
    package = Path(__file__).parent
    shipped = package / "_shipped" / "simulators"
    return shipped if shipped.is_dir() else package.parents[1] / "simulators"


def simulator_names() -> list[str]:
    """The simulators that can be started."""
    return sorted(path.parent.name for path in simulators_folder().glob("*/simulation.py"))


def open_simulator(name: str) -> Simulate:
    """The function that does what is asked of the simulator ``name``.

    Raises:
        UsageError: there is no such simulator.
        MissingExtraError: a library that it needs is not installed.
    """
    if name not in simulator_names():
        raise UsageError(f"there is no simulator {name!r}", hint=did_you_mean(name, simulator_names()))
    folder = str(simulators_folder())
    if folder not in sys.path:
        sys.path.append(folder)
    return cast("Simulate", import_module(f"{name}.simulation").simulate)
