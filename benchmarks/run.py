"""Measure Headgate beside its peers on this machine, and write the numbers into docs/benchmarks.md.

    python benchmarks/run.py                        # everything: some fifteen minutes on two cores
    python benchmarks/run.py --quick                # one repetition of everything, without the ten times larger input
    python benchmarks/run.py --only gate --only start
    python benchmarks/run.py --only latency         # a quarter of an hour, and only if it is asked for
    python benchmarks/run.py --only month           # hours, likewise

Each peer gets an environment of its own, made from its pinned requirements under ~/.cache/headgate-bench. The real
input is taken from HEADGATE_DATA (default ../shared/data) if it is there, else it is generated. What was measured
lies in benchmarks/results.json; --only measures a part anew and keeps the rest. Measure on a machine that does
nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import databases
import gates
import inputs
import latency
import month
import others
import page
import pipelines
import totesys
from machine import describe

RESULTS = Path(__file__).parent / "results.json"
Measure = Callable[[Path, inputs.Input, int], dict[str, Any]]
MEASURES: dict[str, Measure] = {
    "pipelines": pipelines.measure,
    "gate": others.gate,
    "gates": gates.measure,
    "publish": others.publish,
    "start": others.start,
    "memory": others.memory,
    "databases": databases.measure,
    "totesys": totesys.measure,
    "latency": latency.measure,
    "month": month.measure,
}
LONG = ("memory",)
#: Measured only if they are asked for.
VERY_LONG = ("latency", "month")


def main() -> int:
    """Measure what was asked for, and write it down."""
    options = _arguments()
    cache: Path = options.cache.expanduser().resolve()
    cache.mkdir(parents=True, exist_ok=True)
    data = inputs.find(cache)
    print(f"input: {data.title}", file=sys.stderr)
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    usual = [name for name in MEASURES if name not in VERY_LONG and not (options.quick and name in LONG)]
    chosen = options.only or usual
    for name in chosen:
        machine = describe()
        measured = MEASURES[name](cache, data, 1 if options.quick else options.repetitions)
        when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
        results[name] = {"when": when, "machine": machine, "input": data.title, **measured}
        if not options.dry:
            RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            page.write(results)
    print(page.targets(results))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(MEASURES), help="measure this part (may be repeated)")
    parser.add_argument("--quick", action="store_true", help="one repetition, nothing long")
    parser.add_argument("--repetitions", type=int, default=5, help="of each run (default: %(default)s)")
    parser.add_argument(
        "--cache", type=Path, default=Path("~/.cache/headgate-bench"), help="for environments and projects"
    )
    parser.add_argument("--dry", action="store_true", help="print the table of targets, write nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
