"""What tests of the command line share: how a call ended, and the small project as it was run before."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

#: The command that users type.
HEADGATE = str(Path(sys.executable).with_name("headgate"))
BAD_ROW = "id,item,amount\n4,b,-5\n"
GOOD_ROW = "id,item,amount\n4,b,5\n"


@dataclass(frozen=True)
class Ended:
    """How a call of the command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """What it printed, which must be one JSON object on one line."""
        assert self.out.count("\n") == 1, self.out + self.err
        value = json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert isinstance(value, dict)
        return value

    @property
    def last_line(self) -> str:
        return self.out.splitlines()[-1]


Cli = Callable[..., Ended]


def process(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Call the command line as users do, in a process of its own."""
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        [HEADGATE, *arguments], cwd=cwd, env=environment, input=stdin, capture_output=True, text=True, check=False
    )


@dataclass(frozen=True)
class Seen:
    """What a person saw: the call's standard output and error on one terminal."""

    code: int
    text: str


def on_a_terminal(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, columns: int = 80, typed: str = ""
) -> Seen:
    """Call the command line on a pseudo-terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", **(env or {})}
    with subprocess.Popen(
        [HEADGATE, *arguments], cwd=cwd, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as running:
        os.close(theirs)
        if typed:
            os.write(ours, typed.encode())
        text = b""
        with contextlib.suppress(OSError):  # how a terminal ends on Linux
            while more := os.read(ours, 65536):
                text += more
        os.close(ours)
    return Seen(running.returncode, text.decode().replace("\r\n", "\n"))
