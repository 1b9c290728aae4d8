"""Loading from a database: PostgreSQL to the change log, beside a COPY thrown away, DuckDB's bare scanner, and dlt."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg

import postgres
from environments import PEERS, of_peer, own
from inputs import Input
from measuring import BenchmarkError, Measured, Spread, run

SCRIPT = Path(__file__).parent / "database_loading.py"
#: HEADGATE_BENCH_ROWS, for a look that takes less time.
ROWS = int(os.environ.get("HEADGATE_BENCH_ROWS", "2000000"))
REPETITIONS = 3
BACKENDS = ("connectorx", "pyarrow")
#: No process takes longer than that, in seconds.
LIMIT = 1200.0
#: Twelve columns of an order system: numbers, texts, a float, days, times with and without a zone.
TABLE = """
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer_id integer NOT NULL, item_code text NOT NULL, quantity integer NOT NULL,
    unit_price numeric(10,2) NOT NULL, weight double precision, paid boolean NOT NULL, status varchar(20) NOT NULL,
    note text, ordered_on date NOT NULL, created_at timestamptz NOT NULL, last_updated timestamp(3) NOT NULL)
"""
FILLED = """
INSERT INTO orders SELECT
    n, random() * 100000, 'item-' || n % 50000, 1 + random() * 99, round(CAST(2 + random() * 998 AS numeric), 2),
    CASE WHEN n % 10 > 0 THEN random() * 100 END, n % 3 = 0, (ARRAY['new', 'paid', 'sent', 'returned'])[1 + n % 4],
    CASE WHEN n % 5 > 0 THEN 'delivered to door ' || n % 977 END, date '2024-01-01' + n % 700,
    timestamptz '2024-01-01 00:00Z' + n * interval '20 s', timestamp '2024-01-01' + n * interval '20 s'
FROM generate_series(1, {rows}) n
"""
#: One row in a hundred, all over the table, after the latest change; other rows in each repetition.
CHANGED = """
UPDATE orders SET quantity = quantity + 1,
    last_updated = (SELECT max(last_updated) FROM orders) + interval '1 hour' + id * interval '30 ms'
WHERE id % 100 = {repetition}
"""
PROJECT = """
name: bench
lake: ./lake
sources:
  shop: {{type: postgres, url: "{url}", include: [orders], cursor: last_updated, overlap: 10m}}
layers: [raw]
"""


def measure(cache: Path, data: Input, repetitions: int) -> dict[str, Any]:
    """All of it, on a server that is started for it."""
    repetitions = min(repetitions, REPETITIONS)
    work = cache / "work" / "databases"
    done: dict[str, list[float]] = defaultdict(list)
    compared: list[dict[str, Any]] = []
    with postgres.running() as url:
        _tell(f"{ROWS:,} rows")
        _fill(url)
        backends = {backend: _dlt(cache, url, backend, _fresh(work / f"dlt-{backend}")) for backend in BACKENDS}
        fastest = min(backends, key=lambda backend: backends[backend])
        for number in range(1, repetitions + 1):
            _tell(f"{number}/{repetitions}")
            ours, theirs = _fresh(work / "headgate"), _fresh(work / "dlt")
            done["copy"].append(_script("copy", url)["seconds"])
            for way, seconds in _script("parquet", url, str(_fresh(work / "parquet"))).items():
                done[f"parquet_{way}"].append(seconds)
            _project(ours, url)
            for what in ("full", "changed"):
                if what == "changed":
                    _execute(url, CHANGED.format(repetition=number), "VACUUM ANALYZE orders")
                step, process = _headgate(ours, ROWS if what == "full" else ROWS // 100)
                done[what].append(step)
                done[f"{what}_process"].append(process)
                done[f"dlt_{what}"].append(_dlt(cache, url, fastest, theirs))
            compared.append(_script("compare", url, str(_fresh(work / "compared"))))
            _check_comparison(compared[-1])
    shutil.rmtree(work)
    ways = {way: asdict(Spread.of(each[way]["seconds"] for each in compared)) for way in ("blocks", "whole")}
    return {
        "repetitions": repetitions,
        "rows": ROWS,
        "backend": fastest,
        "backends": backends,
        **{what: asdict(Spread.of(seconds)) for what, seconds in done.items()},
        "full/copy": asdict(_ratio(done["full"], done["copy"])),
        "parquet/copy": {way: asdict(_ratio(done[f"parquet_{way}"], done["copy"])) for way in ("rows", "logged")},
        "dlt/full": asdict(_ratio(done["dlt_full"], done["full"])),
        "changed/full": asdict(_ratio(done["changed"], done["full"])),
        "reconcile": {
            "edits": compared[0]["edits"],
            **ways,
            "moved": max(each["blocks"]["read"] for each in compared) / ROWS,
        },
    }


def _fill(url: str) -> None:
    _execute(url, TABLE, FILLED.format(rows=ROWS), "CREATE INDEX ON orders (last_updated)", "VACUUM ANALYZE orders")


def _execute(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as con:
        for statement in statements:
            con.execute(statement.encode())


def _project(folder: Path, url: str) -> None:
    (folder / "headgate.yml").write_text(PROJECT.format(url=url), encoding="utf-8")
    (folder / "gates").mkdir()
    (folder / "gates" / "raw.yml").write_text("{}\n", encoding="utf-8")


def _headgate(folder: Path, rows: int) -> tuple[float, float]:
    """Run the project; the seconds of the step that loads, its commit included, and of the whole process."""
    done = _run((own().tool("headgate"), "run", "--json"), folder)
    verdict = json.loads(done.output)
    (step,) = (step for step in verdict["steps"] if step["name"] == "extract:shop")
    manifest = folder / "lake" / "releases" / f"{verdict['release']:06}.json"
    appended = json.loads(manifest.read_text(encoding="utf-8"))["sources"]["shop.orders"]["rows"]["appended"]
    if appended != rows:
        raise BenchmarkError(f"{appended:,} rows were appended, not {rows:,}")
    return step["seconds"], done.seconds


def _dlt(cache: Path, url: str, backend: str, folder: Path) -> float:
    """The same by dlt; the seconds of its pipeline, without its imports."""
    command = (of_peer("dlt", cache).tool("python"), str(PEERS / "dlt" / "dlt_load.py"))
    found = json.loads(_run((*command, url, "orders", "id", "last_updated", backend, str(folder)), folder).output)
    if found["rows"] != ROWS:
        raise BenchmarkError(f"dlt with {backend} has {found['rows']:,} rows, not {ROWS:,}")
    return float(found["seconds"])


def _check_comparison(found: dict[str, Any]) -> None:
    for way in ("blocks", "whole"):
        if found[way]["found"] != found["edits"]:
            raise BenchmarkError(f"comparing ({way}) found {found[way]['found']} of {found['edits']} edits")


def _script(what: str, *arguments: str) -> dict[str, Any]:
    done = _run((own().tool("python"), str(SCRIPT), what, *arguments), SCRIPT.parent)
    found: dict[str, Any] = json.loads(done.output)
    return found


def _run(command: tuple[str, ...], folder: Path) -> Measured:
    return run(command, folder, limit=LIMIT)


def _ratio(those: list[float], these: list[float]) -> Spread:
    return Spread.of(a / b for a, b in zip(those, these, strict=True))


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _tell(text: str) -> None:
    print(f"databases: {text}", file=sys.stderr, flush=True)
