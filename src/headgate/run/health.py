"""How a scheduler says that it lives: a small file of its own in the project, renewed while it waits and works."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Literal

FOLDER = Path(".headgate") / "schedule"
BEAT_SECONDS = 15
#: A scheduler that has not been heard of for so long is not well, although its process may be there.
SILENT_SECONDS = 90

State = Literal["waiting", "working", "stopping", "stopped"]


@dataclass(frozen=True, slots=True)
class Health:
    """A scheduler: what it does ``since`` when, how its last run ended, when the next one is due.

    ``failures`` counts the runs that failed in a row.
    """

    pid: int
    target: str | None
    when: str
    state: State
    since: str
    beat: str
    runs: int = 0
    failures: int = 0
    last: str | None = None
    next: str | None = None

    @property
    def well(self) -> bool:
        """Whether its process is there, and has been heard of."""
        age = datetime.now(UTC) - datetime.fromisoformat(self.beat)
        return age.total_seconds() < SILENT_SECONDS and _is_alive(self.pid)


class Pulse:
    """Keeps the file of this process's scheduler; the run and the beat that goes on beside it are two threads."""

    def __init__(self, project: Path, target: str | None, when: str) -> None:
        self._writing = Lock()
        self._path = project / FOLDER / f"{os.getpid()}.json"
        self.health = Health(os.getpid(), target, when, "waiting", now(), now())
        for path, health in _read(project):
            if not _is_alive(health.pid):
                path.unlink(missing_ok=True)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._write()

    def change(
        self,
        state: State,
        *,
        runs: int | None = None,
        failures: int | None = None,
        last: str | None = None,
        next_: str | None = None,
    ) -> None:
        """Say what happens now; what is not given stays as it was."""
        with self._writing:
            known = self.health
            since = known.since if state == known.state else now()
            self.health = replace(
                known,
                state=state,
                since=since,
                beat=now(),
                runs=known.runs if runs is None else runs,
                failures=known.failures if failures is None else failures,
                last=known.last if last is None else last,
                next=next_,
            )
            self._write()

    def beat(self) -> None:
        """Say that it still lives."""
        with self._writing:
            self.health = replace(self.health, beat=now())
            self._write()

    def end(self) -> None:
        """A scheduler that stopped as it should leaves nothing."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(self.health)), encoding="utf-8")
        temporary.replace(self._path)


def read_health(project: Path) -> list[Health]:
    """Every scheduler of the project that did not stop as it should."""
    return [health for _, health in _read(project)]


def now() -> str:
    """This second, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _read(project: Path) -> list[tuple[Path, Health]]:
    found = []
    for path in sorted((project / FOLDER).glob("*.json")):
        try:
            found.append((path, Health(**json.loads(path.read_text(encoding="utf-8")))))
        except (OSError, ValueError, TypeError):  # it stopped meanwhile, or another version of Headgate wrote it
            continue
    return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
