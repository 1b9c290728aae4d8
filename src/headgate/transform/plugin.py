"""What dbt-duckdb loads so that dbt knows DuckLake without downloading it.

In a run the branch is attached already and nothing is left to do. By hand, dbt gets a scratch branch:
a copy of the newest release, made anew whenever there is a newer one, never published.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from headgate.lake import branch, engine
from headgate.lake.opening import open_store
from headgate.lake.release import Releases


class Plugin(BasePlugin):  # type: ignore[misc]  # dbt-duckdb is not typed
    """Loads DuckLake and lays out the scratch branch."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self._scratch = Path(plugin_config["scratch"])
        self._store = open_store(plugin_config["lake"], Path(plugin_config["folder"]))

    def configure_connection(self, conn: engine.Connection) -> None:
        engine.load_extension(conn, "ducklake")
        attached = {row[0] for row in conn.execute("SELECT database_name FROM duckdb_databases()").fetchall()}
        if engine.LAKE not in attached:
            engine.admit(conn, self._store.access())
            self._lay_out(conn)

    def _lay_out(self, conn: engine.Connection) -> None:
        releases = Releases(self._store)
        served = releases.pointer().release
        made_from = self._scratch.with_suffix(".from")
        if self._scratch.exists() and made_from.exists() and made_from.read_text() == str(served):
            return
        self._scratch.parent.mkdir(parents=True, exist_ok=True)
        self._scratch.unlink(missing_ok=True)
        self._scratch.with_name(self._scratch.name + ".wal").unlink(missing_ok=True)
        if served is None:
            branch.lay_out_empty(conn, self._scratch, self._store.url("data"))
            engine.detach(conn)
        else:
            shutil.copyfile(releases.catalog(served), self._scratch)
        made_from.write_text(str(served))
