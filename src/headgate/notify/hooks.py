"""The commands that run after a release.

A hook that fails is told and recorded; it never takes the release back.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HookOutcome:
    """How a hook ended; ``log`` is the file that holds all of its output."""

    ok: bool
    text: str
    seconds: float
    log: Path


def run_hook(
    command: str, *, folder: Path, environment: Mapping[str, str], timeout_seconds: float, log: Path
) -> HookOutcome:
    """Run ``command`` in ``folder``, without a shell, and wait for it.

    ``python`` and installed programs are found where Headgate itself runs, activated or not.
    """
    started = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603  # the project's own command, split without a shell
                shlex.split(command),
                cwd=folder,
                env={**os.environ, "PATH": path, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return HookOutcome(False, f"cannot be started: {error}", time.monotonic() - started, log)
        try:
            code = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            return HookOutcome(False, f"ended after {timeout_seconds:.0f} s", time.monotonic() - started, log)
        except BaseException:
            _end(process)
            raise
    seconds = time.monotonic() - started
    return HookOutcome(code == 0, "done" if code == 0 else f"exit code {code}", seconds, log)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the hook and whatever it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
