"""How long one cycle of the totesys pipeline takes, from the start of the process until the warehouse has the changes.

    python benchmarks/totesys.py [--repeat 5] [--json] [--folder DIR]

The order system is the simulator's PostgreSQL with the real dump in it (or a made-up past as large); between two cycles
a hundred rows or more of it change. Two cycles come before those that count: in the first changes come for the first
time, so that dbt is asked for statements that are remembered from then on.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import order_system
from inputs import Input
from measuring import BenchmarkError, Measured, Spread

#: An order changes three rows, its payment one: this is more than a hundred rows.
CHANGES, ROWS = 60, 100
LIMIT_SECONDS = 4.0
WARM_UP = 2


def measure(cache: Path, data: Input, repetitions: int) -> dict[str, Any]:
    """For `run.py`: the cycles in a folder of the cache."""
    return cycles(cache / "work" / "totesys", repetitions)


def cycles(folder: Path, repetitions: int) -> dict[str, Any]:
    """A first run, and then cycles with changes."""
    with order_system.running(folder) as system:
        first, _ = system.cycle()
        done = []
        for number in range(1, WARM_UP + repetitions + 1):
            print(f"totesys {number}/{WARM_UP + repetitions}", file=sys.stderr, flush=True)
            system.change(CHANGES)
            done.append(system.cycle())
        counted = done[WARM_UP:]
        changed = [_changed(verdict) for _, verdict in counted]
        return {
            "input": system.past,
            "limit": LIMIT_SECONDS,
            "rows": dict(system.ask(system.source, _COUNTS)),
            "changed_rows": asdict(Spread.of(changed)),
            "first": first.seconds,
            "cycle": asdict(Spread.of(each.seconds for each, _ in counted)),
            "cpu": asdict(Spread.of(each.cpu for each, _ in counted)),
            "steps": _steps(counted),
        }


_COUNTS = " union all ".join(
    f"select '{table}', count(*) from {table}" for table in ("sales_order", "purchase_order", "transaction", "payment")
)


def _changed(verdict: dict[str, Any]) -> float:
    rows = sum(each["appended"] for each in verdict["sources"].values())
    if rows < ROWS:
        raise BenchmarkError(f"only {rows} rows changed")
    return float(rows)


def _steps(counted: list[tuple[Measured, dict[str, Any]]]) -> dict[str, float]:
    """Seconds of each step, in the middle of the cycles."""
    each = []
    for done, verdict in counted:
        named = {step["name"]: step["seconds"] or 0.0 for step in verdict["steps"]}
        before = verdict["seconds"] - sum(s for name, s in named.items() if not name.startswith("serve:"))
        named["inside the run, between steps"] = max(before, 0.0)
        named["before and after the run (starting Python, reading the project)"] = done.seconds - sum(named.values())
        each.append(named)
    return {name: Spread.of(named[name] for named in each).median for name in each[0]}


def main() -> int:
    """Measure, print, and say whether the limit holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path("~/.cache/headgate-bench/work/totesys"))
    options = parser.parse_args()
    found = cycles(options.folder.expanduser(), options.repeat)
    held = found["cycle"]["median"] <= LIMIT_SECONDS
    if options.json:
        print(json.dumps(found, indent=1))
        return 0 if held else 1
    for name, seconds in found["steps"].items():
        print(f"  {seconds:6.2f} s  {name}")
    cycle, cpu = found["cycle"], found["cpu"]
    print(
        f"  {cycle['median']:6.2f} s  together ({cycle['low']:.2f}-{cycle['high']:.2f}), processor {cpu['low']:.2f} s"
    )
    print("the limit holds" if held else f"TOO SLOW: the limit is {LIMIT_SECONDS} s")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
