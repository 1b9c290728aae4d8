"""The simulated order system, as tests use it: started by the command line, asked by SQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from headgate.project.announced import announced
from headgate.simulators import simulators_folder

if str(simulators_folder()) not in sys.path:
    sys.path.append(str(simulators_folder()))


class OrderSystem:
    """The order system beside the project in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def simulate(self, *options: str, code: int = 0, **environ: str) -> dict[str, Any]:
        """Call ``headgate simulate oltp``; returns its JSON."""
        environment = {k: v for k, v in os.environ.items() if k != "HEADGATE_DATA"} | environ
        done = subprocess.run(
            [sys.executable, "-m", "headgate", "simulate", "oltp", "--json", *options],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @property
    def url(self) -> str:
        return announced(self.folder)["TOTESYS_URL"]

    @property
    def warehouse(self) -> str:
        return announced(self.folder)["WAREHOUSE_URL"]

    def ask(self, sql: str, *, warehouse: bool = False) -> list[tuple[Any, ...]]:
        """Ask PostgreSQL."""
        with psycopg.connect(self.warehouse if warehouse else self.url, autocommit=True) as con:
            return con.execute(sql.encode()).fetchall()

    def do(self, sql: str) -> None:
        """Change something at the source."""
        with psycopg.connect(self.url) as con:
            con.execute(sql.encode())
