"""A small project with a lake, into which the tests of the sources load files."""

from __future__ import annotations

import itertools
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from headgate.lake.engine import Connection, EngineSettings, attach, connect, detach, ident
from headgate.project.config import Sample
from headgate.project.files_config import FilesSource as FilesConfig
from headgate.project.files_config import FilesTable
from headgate.sources import Extracted
from headgate.sources.files import FilesSource
from headgate.sources.schema_lock import LockedTable

HOUR_NS = 3_600_000_000_000
START_NS = 1_700_000_000_000_000_000


@cache
def blank() -> bytes:
    """The catalog of an empty lake, to be copied: making one takes several times as long."""
    with tempfile.TemporaryDirectory() as folder, connect(EngineSettings(threads=1)) as con:
        catalog = Path(folder) / "c.ducklake"
        attach(con, str(catalog), f"{folder}/data", read_only=False, create=True)
        con.execute("CALL lake.set_option('data_inlining_row_limit', 0)")
        for schema in ("raw", "raw_log", "_headgate"):
            con.execute(f"CREATE SCHEMA lake.{ident(schema)}")
        detach(con)
        return catalog.read_bytes()


def attach_new_lake(con: Connection, folder: Path) -> None:
    """Attach an empty lake in ``folder`` as ``lake``."""
    (folder / "lake" / "data").mkdir(parents=True)
    (folder / "lake" / "c.ducklake").write_bytes(blank())
    attach(con, str(folder / "lake" / "c.ducklake"), str(folder / "lake" / "data"), read_only=False)


class Shop:
    """One table of a files source, its files, and the lake it is loaded into."""

    def __init__(self, con: Connection, folder: Path) -> None:
        self.con = con
        self.folder = folder
        (folder / "data").mkdir(parents=True)
        attach_new_lake(con, folder)
        self.settings: dict[str, Any] = {"path": "data/*", "primary_key": ("id",)}
        self.locked: LockedTable | None = None
        self.sample: Sample | None = None
        self._runs = itertools.count(1)
        self._clock = itertools.count(1)

    def write(self, name: str, content: str | bytes, *, hour: int | None = None) -> Path:
        """Write a file under data/; later ones are newer, unless an ``hour`` is given."""
        path = self.folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        moment = START_NS + HOUR_NS * (next(self._clock) if hour is None else hour)
        os.utime(path, ns=(moment, moment))
        return path

    def source(self, **settings: Any) -> FilesSource:
        table = FilesTable(**{**self.settings, **settings})
        return FilesSource("shop", FilesConfig(type="files", tables={"t": table}), self.folder, self.sample)

    def load(self, known: dict[str, Any] | None = None, **settings: Any) -> Extracted:
        """Load the table with these settings."""
        run = f"run{next(self._runs)}"
        source = self.source(**settings)
        return source.extract_table(self.con, "t", run, known, locked=self.locked)

    def raw(self, columns: str = "*") -> list[tuple[Any, ...]]:
        return self.con.execute(f"SELECT {columns} FROM lake.raw.t ORDER BY ALL").fetchall()

    def log(self, columns: str = "* EXCLUDE (_hash, _loaded_at)") -> list[tuple[Any, ...]]:
        return self.con.execute(f"SELECT {columns} FROM lake.raw_log.t ORDER BY _loaded_at").fetchall()

    def types(self) -> dict[str, str]:
        return {row[0]: row[1] for row in self.con.execute("DESCRIBE lake.raw.t").fetchall()}

    def leftovers(self) -> list[str]:
        """Temporary tables that a load left behind, and tables of the lake's raw schemas."""
        rows = self.con.execute(
            "SELECT database_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'temp' "
            "OR (database_name = 'lake' AND schema_name IN ('raw', 'raw_log'))"
        ).fetchall()
        return [name for (name,) in rows]
