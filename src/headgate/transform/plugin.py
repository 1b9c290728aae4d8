"""What dbt-duckdb loads so that dbt knows DuckLake without downloading it.

In a run the branch is attached already and nothing is left to do. By hand, dbt gets a scratch branch:
a copy of the newest release, made anew whenever there is a newer one, never published.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from headgate.lake import branch, engine


class Plugin(BasePlugin):  # type: ignore[misc]  # dbt-duckdb is not typed
    """Loads DuckLake and lays out the scratch branch."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self._scratch = Path(plugin_config["scratch"])
        self._releases = Path(plugin_config["releases"])
        self._data = plugin_config["data"]

    def configure_connection(self, conn: engine.Connection) -> None:
        engine.load_extension(conn, "ducklake")
        attached = {row[0] for row in conn.execute("SELECT database_name FROM duckdb_databases()").fetchall()}
        if engine.LAKE not in attached:
            self._lay_out(conn)

    def _lay_out(self, conn: engine.Connection) -> None:
        served = self._served()
        made_from = self._scratch.with_suffix(".from")
        if self._scratch.exists() and made_from.exists() and made_from.read_text() == str(served):
            return
        self._scratch.parent.mkdir(parents=True, exist_ok=True)
        self._scratch.unlink(missing_ok=True)
        self._scratch.with_name(self._scratch.name + ".wal").unlink(missing_ok=True)
        if served is None:
            branch.lay_out_empty(conn, self._scratch, self._data)
            engine.detach(conn)
        else:
            shutil.copyfile(self._releases / f"{served:06d}.ducklake", self._scratch)
        made_from.write_text(str(served))

    def _served(self) -> int | None:
        pointer = self._releases.parent / "current"
        served: int | None = json.loads(pointer.read_text())["release"] if pointer.exists() else None
        return served
