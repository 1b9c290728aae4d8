"""Starts `headgate` processes that go wrong, quickly: it has imported what is slow, and forks one for each request.

Every process is a real one, with an id, files and locks of its own, and runs the whole command line. Requests and
answers are lines of JSON on standard input and output.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


def preload() -> None:
    """Import what is slow and starts no threads (duckdb does), so that forking is safe."""
    import dbt.cli.main
    import pydantic
    import sqlalchemy.dialects.sqlite
    import sqlglot
    import typer
    import yaml

    assert all((dbt, pydantic, sqlalchemy, sqlglot, typer, yaml))
    assert len(list(Path("/proc/self/task").iterdir())) == 1


def serve() -> None:
    """Answer requests until standard input ends; then end every process that still runs."""
    preload()
    running: set[int] = set()
    _answer({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            pid = request["wait"]
            code = _wait(pid, time.monotonic() + request["seconds"])
            if code is not None:
                running.discard(pid)
            _answer({"code": code})
            continue
        pid = os.fork()
        if pid == 0:
            _become(request)
            return
        running.add(pid)
        _answer({"pid": pid})
    for pid in running:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _answer(what: dict[str, Any]) -> None:
    os.write(1, (json.dumps(what) + "\n").encode())


def _wait(pid: int, deadline: float) -> int | None:
    """The exit code, as `subprocess` gives it; None if it still runs at the deadline."""
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.01)


def _become(request: dict[str, Any]) -> None:
    """Turn this process into `headgate <arguments>` in a folder, with a fault prepared."""
    os.chdir(request["folder"])
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, number)
        os.close(file)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    faulthandler.enable()
    os.environ.update(request["environment"])
    if request["fault"]:
        import fault_injection

        fault_injection.prepare(**request["fault"])
    from headgate.cli import main

    sys.argv[1:] = request["arguments"]
    main()


if __name__ == "__main__":
    serve()
