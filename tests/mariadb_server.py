"""A real MariaDB for tests, of the machine's own packages, where it has them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import duckdb
import pytest

from headgate.lake.engine import connect, ident, literal, load_extension
from postgres_server import free_port

PASSWORD = "s3cret/'pw"
IN_URL = "s3cret%2F%27pw"
PROGRAMS = ("mariadbd", "mariadb-install-db", "my_print_defaults")


class MariadbServer:
    """One server, on a free port of this machine. ``root`` needs no password, ``reader`` has one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        user = "nobody" if os.geteuid() == 0 else None
        if user:
            shutil.chown(folder, user)
        options = ["--no-defaults", f"--datadir={folder / 'data'}", *([f"--user={user}"] if user else [])]
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
                *options,
            ],
            check=True,
            capture_output=True,
        )
        self._process = subprocess.Popen(
            ["mariadbd", *options, f"--port={self.port}", "--bind-address=127.0.0.1",
             f"--socket={folder / 'socket'}", "--innodb-flush-log-at-trx-commit=0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait()
        self.execute("mysql", f"CREATE USER reader IDENTIFIED BY {literal(PASSWORD)}")

    def url_of(self, user: str, password: str, database: str) -> str:
        return f"mysql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, database: str, *statements: str) -> None:
        """As root, by DuckDB's own client for MySQL."""
        con = connect(extensions=())
        load_extension(con, "mysql_scanner")
        try:
            url = f"mysql://root@127.0.0.1:{self.port}/{database}"
            con.execute(f"ATTACH {literal(url)} AS {ident('server')} (TYPE mysql)")
            for statement in statements:
                con.execute(f"CALL mysql_execute('server', {literal(statement)})")
        finally:
            con.close()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                self.execute("mysql")
            except duckdb.Error:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.1)
            else:
                return


def require_mariadb() -> None:
    """Skip the test where there is no server."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"no MariaDB server here: {', '.join(missing)} is missing (Debian: mariadb-server)")
