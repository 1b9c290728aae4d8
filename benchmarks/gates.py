"""The gates beside their peers: many rows, many expectations, a few rows more, many models, no project."""

from __future__ import annotations

import json
import shutil
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import many_models
from contenders import SUITES
from environments import PEERS, of_peer, own
from inputs import Input
from measuring import BenchmarkError, Measured, Spread, run
from trips import orders, trips, wide

SCALING = Path(__file__).parent / "gate_scaling.py"
FEW_ROWS, ROWS, MANY_ROWS, MODELS = 1_000_000, 5_000_000, 20_000_000, 185
SIZES = (FEW_ROWS, ROWS, MANY_ROWS)
LIMIT = "2GB"
#: The same in SQL: what the verdicts need, and what Great Expectations and Headgate tell of them too.
BY_HAND = {"by_hand": "SQL by hand", "by_hand_repeated": "SQL by hand that counts the rows whose value repeats"}
#: The peers that check the trips, and what they are called.
CHECKERS = {
    "pointblank": ("pointblank", "pointblank_checks.py", "pointblank on polars"),
    "cuallee": ("cuallee", "cuallee_checks.py", "cuallee on polars"),
    "pandera": ("polars_pandera", "pandera_checks.py", "pandera on polars"),
    "gx": ("gx", "gx_checks.py", "Great Expectations on pandas"),
}
#: Repetitions for those that take half a minute.
FEW = 2


def measure(cache: Path, data: Input, repetitions: int) -> dict[str, Any]:
    """Every part of the table of targets."""
    return {
        "repetitions": repetitions,
        "raw": _raw(cache, repetitions),
        "trips": _trips(cache, repetitions),
        "limited": _limited(cache),
        "appended": {str(rows): _own(cache, "appended", trips(cache / "trips", rows)) for rows in SIZES},
        "appended_texts": _own(cache, "appended-texts", orders(cache / "trips", ROWS)),
        "wide": _own(cache, "wide", wide(cache / "trips")),
        "models": _models(cache, max(2, repetitions // 2)),
        "process": _process(cache, repetitions),
    }


def _raw(cache: Path, repetitions: int) -> dict[str, Any]:
    """The suite of raw.train on the table that the measurement of the gate has written."""
    table = cache / "work" / "train.parquet"
    if not table.exists():
        raise BenchmarkError("measure the gate first: --only gate")
    found = [_own(cache, "raw", table, SUITES / "raw_train.json") for _ in range(repetitions)]
    return {key: asdict(Spread.of(each[key] for each in found)) for key in ("proven", "scanned", "bare")}


def _trips(cache: Path, repetitions: int) -> dict[str, Any]:
    """Not null and unique on 19 columns, by everybody."""
    table = trips(cache / "trips", ROWS)
    commands = {"headgate": _script("checks", table)}
    commands |= {name: _script(name.replace("_", "-"), table) for name in BY_HAND}
    for name, (peer, script, _) in CHECKERS.items():
        commands[name] = (of_peer(peer, cache).tool("python"), str(PEERS / peer / script), str(table))
    done: dict[str, list[Measured]] = defaultdict(list)
    held: dict[str, list[bool]] = {}
    for number in range(1, repetitions + 1):
        for name, command in commands.items():
            if name in CHECKERS and number > FEW:
                continue
            _tell(f"trips {number}/{repetitions}: {name}")
            done[name].append(run(command, cache))
            held[name] = json.loads(done[name][-1].output)["held"]
    for name, verdicts in held.items():
        if verdicts != held["by_hand"]:
            raise BenchmarkError(f"{name} came to other verdicts than the SQL by hand")
    return {
        name: {
            "evaluation": asdict(Spread.of(json.loads(m.output)["seconds"] for m in each)),
            "process": asdict(Spread.of(m.seconds for m in each)),
            "peak": max(m.peak for m in each),
        }
        for name, each in done.items()
    }


def _limited(cache: Path) -> dict[str, Any]:
    """Four times as many rows in little memory."""
    table = trips(cache / "trips", MANY_ROWS)
    _tell("trips: 20,000,000 rows with a memory limit")
    done = run((*_script("limited", table), LIMIT), cache)
    return {"process": done.seconds, "peak": done.peak, "checked": len(json.loads(done.output)["held"])}


def _models(cache: Path, repetitions: int) -> dict[str, Any]:
    """A project of many models: everything fresh, Headgate in its lake and dbt in a DuckDB file."""
    ours, theirs = [], []
    headgate, dbt = own().tool("headgate"), of_peer("dbt", cache).tool("dbt")
    for number in range(1, repetitions + 1):
        _tell(f"{MODELS} models {number}/{repetitions}")
        for plain in (False, True):
            folder = cache / "work" / ("many-dbt" if plain else "many")
            shutil.rmtree(folder, ignore_errors=True)
            many_models.generate(folder, MODELS, plain=plain)
            if plain:
                theirs.append(run((dbt, "build", "--quiet"), folder))
            else:
                ours.append(run((headgate, "run", "--json"), folder))
    return {
        "models": MODELS,
        "headgate": asdict(Spread.of(m.seconds for m in ours)),
        "dbt": asdict(Spread.of(m.seconds for m in theirs)),
        "ratio": asdict(Spread.of(a.seconds / b.seconds for a, b in zip(ours, theirs, strict=True))),
    }


def _process(cache: Path, repetitions: int) -> dict[str, Any]:
    """`headgate gate` from start to verdict, on a million rows."""
    table = cache / "work" / "train.parquet"
    command = (own().tool("headgate"), "gate", str(SUITES / "raw_train.json"), str(table), "--json")
    run(command, cache)
    return asdict(Spread.of(run(command, cache).seconds for _ in range(2 * repetitions + 1)))


def _own(cache: Path, what: str, *paths: Path) -> dict[str, Any]:
    _tell(what)
    found: dict[str, Any] = json.loads(run(_script(what, *paths), cache).output)
    return found


def _script(what: str, *paths: Path) -> Sequence[str]:
    return (own().tool("python"), str(SCALING), what, *map(str, paths))


def _tell(text: str) -> None:
    print(f"gates: {text}", file=sys.stderr, flush=True)
