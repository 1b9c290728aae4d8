"""How long publishing and rolling back take, for a small lake and for one of 1,000 tables and 10,000 files.

    python benchmarks/publish.py [--repeat 30] [--json] [--folder DIR]

Both touch the catalog, the manifest and the pointer only, so the data files of the large lake are written down in its
catalog and do not exist. The median of ``publish`` and of ``rollback`` must be 10 ms at most, else the exit code is 1.
The other lines tell where a run's time goes at that size; ``fsync`` is the part that was spent waiting for the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from headgate.lake import branch as branches
from headgate.lake import store as stores
from headgate.lake.catalog import read_contents
from headgate.lake.engine import Connection, attach, connect, detach, ident
from headgate.lake.profile import describe
from headgate.lake.release import Manifest, Releases, catalog_key, manifest_key
from headgate.lake.store import LocalStore

LIMIT_MS = 10.0
LIMITED = ("publish", "rollback")
LAYERS = ("raw", "marts")
META = ident("__ducklake_metadata_lake")
DRAFT = Manifest(0, None, "bench", "bench", None, "2026-11-21T10:00:00+00:00", "", 0, "", layers=list(LAYERS))

T = TypeVar("T")


class Stopwatch:
    """Milliseconds by name, with the part of them that was spent in fsync."""

    def __init__(self) -> None:
        self.taken: dict[str, list[tuple[float, float]]] = {}
        self._waited = 0.0
        os.fsync = self._timed(os.fsync)  # type: ignore[assignment]
        stores._sync_content = self._timed(stores._sync_content)

    def _timed(self, sync: Callable[[Any], None]) -> Callable[[Any], None]:
        def timed(descriptor: Any) -> None:
            began = time.perf_counter()
            sync(descriptor)
            self._waited += time.perf_counter() - began

        return timed

    def time(self, name: str, call: Callable[[], T]) -> T:
        """Run ``call`` and write down how long it took."""
        self._waited = 0.0
        began = time.perf_counter()
        result = call()
        taken = time.perf_counter() - began
        self.taken.setdefault(name, []).append((taken * 1e3, self._waited * 1e3))
        return result

    def report(self) -> dict[str, dict[str, float]]:
        """Median, worst and the median's part of fsync, in milliseconds."""
        return {
            name: {
                "median": round(statistics.median(t for t, _ in times), 2),
                "worst": round(max(t for t, _ in times), 2),
                "fsync": round(statistics.median(f for _, f in times), 2),
                "times": len(times),
            }
            for name, times in self.taken.items()
        }


def fill(con: Connection, tables: int, files: int) -> None:
    """Make ``tables`` empty tables on the branch and write down ``files`` data files for each."""
    con.execute("BEGIN")
    for number in range(tables):
        con.execute(f"CREATE TABLE lake.marts.t{number:05d} (a BIGINT, b BIGINT, c DOUBLE, d VARCHAR, e DATE)")
    con.execute("COMMIT")
    con.execute(
        f"""INSERT INTO {META}.ducklake_data_file BY NAME
            SELECT row_number() OVER () AS data_file_id, table_id, begin_snapshot, true AS path_is_relative,
                   'ducklake-' || uuid() || '.parquet' AS path, 'parquet' AS file_format, 1000 AS record_count,
                   8820 AS file_size_bytes, 482 AS footer_size, 1000 * k AS row_id_start
            FROM {META}.ducklake_table, range({files}) files(k)"""
    )
    low_high = "('int64', '1', '1000'), ('float64', '0.0', '9.9'), ('varchar', 'x0', 'x9')"
    con.execute(
        f"""INSERT INTO {META}.ducklake_file_column_stats BY NAME
            SELECT f.data_file_id, f.table_id, c.column_id, 88 AS column_size_bytes, 1000 AS value_count,
                   0 AS null_count, coalesce(low, '2020-01-01') AS min_value, coalesce(high, '2026-01-01') AS max_value
            FROM {META}.ducklake_data_file f JOIN {META}.ducklake_column c USING (table_id)
            LEFT JOIN (VALUES {low_high}) bounds(type, low, high)
              ON type = c.column_type"""
    )
    con.execute(
        f"UPDATE {META}.ducklake_snapshot SET next_file_id = {tables * files + 1} "
        f"WHERE snapshot_id = (SELECT max(snapshot_id) FROM {META}.ducklake_snapshot)"
    )


def measure(folder: Path, tables: int, files: int, repeat: int) -> dict[str, Any]:
    """Publish, roll back and branch ``repeat`` times in a lake of that size."""
    store, con, watch = LocalStore(folder), connect(), Stopwatch()
    releases = Releases(store)
    few = max(3, repeat // 5)
    branch = branches.create(store, "bench", releases.pointer(), con, LAYERS)
    fill(con, tables, files)
    contents = [watch.time("read_contents", lambda: read_contents(con)) for _ in range(few)][-1]
    described = [watch.time("describe", lambda: describe(con, contents, LAYERS)) for _ in range(few)][-1]
    snapshot = branches.snapshot_of(con)
    branches.close_branch(branch, con)
    for _ in range(repeat):
        sha256 = watch.time("freeze", lambda: branches.freeze(branch, con, snapshot))
        draft = replace(DRAFT, catalog_sha256=sha256, snapshot=snapshot, tables=described)
        watch.time("publish", partial(releases.publish, branch.frozen, draft, releases.pointer()))
    for number in range(1, repeat):
        watch.time("rollback", partial(releases.rollback, number, reason="measured"))
    for _ in range(few):
        watch.time("branch (create)", lambda: branches.create(store, "new", releases.pointer(), con, LAYERS))
        watch.time("one commit", lambda: con.execute("CREATE OR REPLACE TABLE lake.marts.t00000 AS SELECT 1 AS a"))
        watch.time("detach", lambda: detach(con))
        release = partial(attach, con, store.url(catalog_key(1)), store.url("data"), read_only=True)
        watch.time("attach a release", release)
        con.execute("DETACH lake")
    con.close()
    return {
        "tables": tables,
        "files": tables * files,
        "catalog_bytes": Path(store.url(catalog_key(1))).stat().st_size,
        "manifest_bytes": Path(store.url(manifest_key(1))).stat().st_size,
        "milliseconds": watch.report(),
    }


def main() -> int:
    """Measure, print, and say whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, help="make the lakes in here, on the disk to be measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        sizes = {"small": (5, 1), "large": (1_000, 10)}
        lakes = {
            name: measure(Path(folder) / name, tables, files, options.repeat) for name, (tables, files) in sizes.items()
        }
    held = all(lake["milliseconds"][name]["median"] <= LIMIT_MS for lake in lakes.values() for name in LIMITED)
    if options.json:
        machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "system": platform.platform()}
        print(json.dumps({"machine": machine, "limit_ms": LIMIT_MS, "held": held, "lakes": lakes}, indent=1))
        return 0 if held else 1
    for name, lake in lakes.items():
        sizes_mb = f"catalog {lake['catalog_bytes'] / 1e6:.2f} MB, manifest {lake['manifest_bytes'] / 1e6:.2f} MB"
        print(f"\n{name}: {lake['tables']:,} tables, {lake['files']:,} files, {sizes_mb}")
        for what, times in lake["milliseconds"].items():
            limit = f"  (limit {LIMIT_MS:.0f})" if what in LIMITED else ""
            numbers = f"median {times['median']:7.2f}  worst {times['worst']:7.2f}  fsync {times['fsync']:6.2f} ms"
            print(f"  {what:18} {numbers}{limit}")
    print("\nthe limits hold" if held else "\nTOO SLOW")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
