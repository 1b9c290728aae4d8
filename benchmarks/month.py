"""A month of runs every 15 minutes: 2,880 runs of the totesys pipeline on small changes, one after the other.

    python benchmarks/month.py [--runs 2880] [--hours 12] [--json] [--folder DIR]

They are done in one process, as `headgate schedule` does them: the project is read anew for each, and once a day
(every 96 runs) the whole source is compared and the lake is pruned as the project says. Nobody waits 15 minutes in
between, nor for the grace of data files. What each run took and left is a line of `runs.jsonl` in the folder; the first
runs, in which dbt is asked for statements that are remembered from then on, do not count.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import signal
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

import order_system
from headgate.lake.instance import KeptInstance
from headgate.lake.manifest import catalog_key, manifest_key
from headgate.project import load
from headgate.run import Options, Verdict, perform
from headgate.run.comparing import to_compare
from headgate.run.keeping import prune_lake
from headgate.run.workshop import engine_settings, open_store
from inputs import Input
from measuring import SETTINGS, BenchmarkError
from oltp.traffic import Traffic
from order_system import OrderSystem

LOG = "runs.jsonl"
RUNS, A_DAY, HOURS = 2880, 96, 12.0
CHANGES = 5
WARM_UP, COUNTED = 20, 100
LIMIT = 2.0
#: What must not grow with the number of runs.
LIMITED = ("cpu", "seconds", "catalog")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took and left: seconds, seconds of the processor, bytes, numbers of files.

    ``rows`` are those of the four tables of the order system that grow; ``tables`` the data files that the release
    reads, ``files`` all that lie in the lake; ``prune`` is what pruning after it took.
    """

    number: int
    rows: int
    seconds: float
    cpu: float
    catalog: int
    manifest: int
    tables: int
    files: int
    lake: int
    releases: int
    ledger: int
    resident: int
    prune: float | None


def measure(cache: Path, data: Input, repetitions: int) -> dict[str, Any]:
    """For `run.py`: the whole month."""
    return month(cache / "work" / "month", RUNS, HOURS)


def month(folder: Path, runs: int, hours: float) -> dict[str, Any]:
    """So many runs, but none is begun after so many hours; and what became of their cost."""
    until = time.monotonic() + hours * 3600
    with order_system.running(folder, keep=True) as system:
        os.environ.update(SETTINGS)
        traffic, instance = Traffic(system.source, 1.0, (), None, lambda text: None), KeptInstance()
        done = runs_before(folder)
        with (folder / LOG).open("a", encoding="utf-8") as log:
            for number in range(len(done) + 1, runs + 1):
                if time.monotonic() > until:
                    print(f"{hours} hours are over after {number - 1} runs", file=sys.stderr)
                    break
                traffic.once(CHANGES)
                done.append(_run(system, instance, number))
                log.write(json.dumps(asdict(done[-1])) + "\n")
                log.flush()
        return {"input": system.past, "limit": LIMIT, **summary(done)}


def runs_before(folder: Path) -> list[Run]:
    """The runs that were done in this folder before."""
    log = folder / LOG
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [Run(**json.loads(line)) for line in lines]


_ROWS = " union all ".join(
    f"select '{table}', count(*) from {table}" for table in ("sales_order", "purchase_order", "transaction", "payment")
)


def _run(system: OrderSystem, instance: KeptInstance, number: int) -> Run:
    """One run as the scheduler does it, and once a day what belongs to a day."""
    folder, last_of_day = system.folder, number % A_DAY == 0
    began, used = time.perf_counter(), time.process_time()
    project = load(folder, environ=dict(os.environ))
    compare = to_compare(project, None, ()) if last_of_day else {}
    with instance.for_run(engine_settings(project, open_store(project))):
        verdict = perform(project, Options(compare=compare))
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    _require_published(verdict)
    pruned = None
    if last_of_day:
        began = time.perf_counter()
        prune_lake(project, grace=timedelta(0))
        pruned = time.perf_counter() - began
    return Run(
        number=number,
        rows=sum(count for _, count in system.ask(system.source, _ROWS)),
        seconds=round(seconds, 4),
        cpu=round(cpu, 4),
        prune=pruned,
        resident=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        **_left(folder, verdict),
    )


def _require_published(verdict: Verdict) -> None:
    served = {name: each["status"] for name, each in verdict.served.items()}
    if verdict.status != "published" or served != {"warehouse": "done"}:
        raise BenchmarkError(f"run {verdict.run} ended as {verdict.status}, served {served}: {verdict.error}")


def _left(folder: Path, verdict: Verdict) -> Mapping[str, int]:
    """How large things are now."""
    lake = folder / "lake"
    assert verdict.release is not None  # it is published
    catalog = lake / catalog_key(verdict.release)
    with duckdb.connect(str(catalog), read_only=True) as con:
        read = con.execute("SELECT count(*) FROM ducklake_data_file WHERE end_snapshot IS NULL").fetchall()[0][0]
    files = [path for path in lake.rglob("*") if path.is_file()]
    return {
        "catalog": catalog.stat().st_size,
        "manifest": (lake / manifest_key(verdict.release)).stat().st_size,
        "tables": read,
        "files": sum(1 for path in files if path.suffix == ".parquet"),
        "lake": sum(path.stat().st_size for path in files),
        "releases": sum(1 for path in files if path.suffix == ".ducklake"),
        "ledger": (folder / ".headgate" / "ledger.db").stat().st_size,
    }


def summary(done: Sequence[Run]) -> dict[str, Any]:
    """The middle of the first runs that count and of the last ones, and how they compare; and each day's."""
    counted = done[WARM_UP:]
    many = min(COUNTED, len(counted) // 2)
    if not many:
        raise BenchmarkError(f"{len(done)} runs are too few: {WARM_UP} do not count")
    first, last = _middle(counted[:many]), _middle(counted[-many:])
    return {
        "runs": len(done),
        "compared": many,
        "first": first,
        "last": last,
        "growth": {name: last[name] / first[name] for name in LIMITED},
        "days": [_middle(done[at : at + A_DAY]) for at in range(0, len(done), A_DAY)],
    }


def _middle(runs: Sequence[Run]) -> dict[str, float]:
    names = [field.name for field in dataclasses.fields(Run) if field.name not in ("number", "prune")]
    found = {name: float(statistics.median(getattr(run, name) for run in runs)) for name in names}
    pruned = [run.prune for run in runs if run.prune is not None]
    return {**found, "prune": statistics.median(pruned)} if pruned else found


def main() -> int:
    """Measure, print, and say whether the limit holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--hours", type=float, default=HOURS, help="begin no run later (default: %(default)s)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path("~/.cache/headgate-bench/work/month"))
    options = parser.parse_args()
    if options.runs < WARM_UP + 2:
        parser.error(f"--runs must be at least {WARM_UP + 2}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the order system is ended, too
    found = month(options.folder.expanduser().absolute(), options.runs, options.hours)
    held = all(growth <= LIMIT for growth in found["growth"].values())
    if options.json:
        print(json.dumps(found, indent=1))
        return 0 if held else 1
    print(f"  {found['runs']:,} runs; the middle of {found['compared']} of the first, and of the last")
    for name, before in found["first"].items():
        growth = f"  {found['growth'][name]:5.2f} × (limit {LIMIT:.0f})" if name in found["growth"] else ""
        print(f"  {name:10} {before:16,.2f} {found['last'].get(name, 0):16,.2f}{growth}")
    print("the limits hold" if held else "IT GROWS")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
