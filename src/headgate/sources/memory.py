"""What a lake remembers of its sources: the files and cursors that its raw tables were made from.

Kept in the lake, written in the transaction of the data, so that it branches, publishes and rolls back
with them. Both tables are appended to: the last word on a file or a table is what counts, and what was said before it
is forgotten when they have come to many small files.

Values are written as literals: the first bound parameter makes DuckDB's client import pandas (0.3 s).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from headgate.lake.catalog import Contents
from headgate.lake.compaction import crowded
from headgate.lake.engine import LAKE, Connection, fetch_dicts, literal, qualified
from headgate.sources.counts import Counts
from headgate.sources.listing import SourceFile

SCHEMA = "_headgate"
#: One row for each file that a run read or found gone.
FILES = "source_files"
#: One row for each table that a run read: what became of its rows, and what else is to be remembered.
LOADS = "source_loads"

_FILES_COLUMNS = (
    '"table" VARCHAR, path VARCHAR, size BIGINT, mtime_ns BIGINT, sha256 VARCHAR, "rows" BIGINT, '
    "gone BOOLEAN, run VARCHAR, recorded_at TIMESTAMPTZ"
)
_LOADS_COLUMNS = (
    'source VARCHAR, "table" VARCHAR, "read" BIGINT, appended BIGINT, unchanged BIGINT, superseded BIGINT, '
    "quarantined BIGINT, sampled_out BIGINT, deleted BIGINT, state JSON, run VARCHAR, recorded_at TIMESTAMPTZ"
)


class Memory:
    """The source tables of schema ``_headgate`` in the lake attached as ``alias``."""

    def __init__(self, con: Connection, *, alias: str = LAKE) -> None:
        self.con = con
        self._alias = alias
        self._files = qualified(alias, SCHEMA, FILES)
        self._loads = qualified(alias, SCHEMA, LOADS)

    def recall(self, table: str) -> dict[str, Any]:
        """The state of one table, as ``Extracted.state``; empty if it was never read."""
        try:
            found = self.con.execute(
                f'SELECT state FROM {self._loads} WHERE "table" = {literal(table)} ORDER BY recorded_at DESC LIMIT 1'
            ).fetchone()
            files = fetch_dicts(
                self.con,
                f'SELECT path, size, mtime_ns, sha256, "rows" FROM {self._files} WHERE "table" = {literal(table)} '
                "QUALIFY row_number() OVER (PARTITION BY path ORDER BY recorded_at DESC) = 1 AND NOT gone "
                "ORDER BY mtime_ns, path",
            )
        except duckdb.CatalogException:
            return {}
        return {**json.loads(found[0]), "files": files} if found else {}

    def record(
        self,
        source: str,
        table: str,
        run: str,
        counts: Counts,
        state: Mapping[str, Any],
        files: Iterable[SourceFile],
        gone: Sequence[str] = (),
    ) -> None:
        """Write down what a table was just made from; inside the transaction of the data."""
        rows: list[tuple[str | int | None, ...]]
        rows = [(f.path, f.size, f.mtime_ns, f.sha256, f.rows, False) for f in files]
        rows += [(path, None, None, None, None, True) for path in gone]
        values = ", ".join(f"({', '.join(literal(v) for v in (table, *row, run))}, now())" for row in rows)
        self.con.execute(f"CREATE TABLE IF NOT EXISTS {self._files} ({_FILES_COLUMNS})")
        if values:
            self.con.execute(f"INSERT INTO {self._files} VALUES {values}")
        self.con.execute(f"CREATE TABLE IF NOT EXISTS {self._loads} ({_LOADS_COLUMNS})")
        load: list[str | int] = [source, table, *counts.to_dict().values(), json.dumps(dict(state)), run]
        self.con.execute(f"INSERT INTO {self._loads} VALUES ({', '.join(literal(value) for value in load)}, now())")

    def tidy(self, contents: Contents) -> bool:
        """Forget all but the last word on each table and file, where that has come to many small files.

        Returns whether it had; ``contents`` is the branch as it is now.
        """
        last = {
            LOADS: 'QUALIFY row_number() OVER (PARTITION BY source, "table" ORDER BY recorded_at DESC) = 1',
            FILES: 'QUALIFY row_number() OVER (PARTITION BY "table", path ORDER BY recorded_at DESC) = 1 AND NOT gone',
        }
        tables = {name: contents.tables.get(f"{SCHEMA}.{name}") for name in last}
        many = [name for name, table in tables.items() if table is not None and crowded(table.files)]
        for name in many:
            relation = qualified(self._alias, SCHEMA, name)
            self.con.execute(f"CREATE OR REPLACE TABLE {relation} AS FROM {relation} {last[name]}")
        return bool(many)
