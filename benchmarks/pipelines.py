"""The whole job side by side: first run, nothing changed, a week added, another one, and what readers see of bad rows.

Everybody takes turns, so that a machine that gets slower gets slower for all of them.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contenders import TABLES, Contender, contenders
from inputs import BAD_ROWS, HEADER, Input
from measuring import BenchmarkError, Measured, Spread, run

#: One week more of sales, and one more again: what a tool has learned from the first it may use.
WEEKS = ("week", "next_week")
#: What must be the same whoever did it.
SUMS = (
    "count(*)",
    "round(sum(Sales::double))",
    "sum(Promo2Active)",
    "sum(Promo2Duration)",
    "sum(CompetitionAge)",
    "sum(Season)",
    "sum(Quarter)",
    "count(Sales_Lag_28)",
    "round(sum(Sales_RollingMean_7), 1)",
    "round(sum(Sales_RollingStd_60), 1)",
)


def measure(cache: Path, data: Input, repetitions: int) -> dict[str, Any]:
    """Every contender's numbers, by its name, and the ratios to the bare script, repetition by repetition."""
    everybody = contenders(cache)
    seconds: dict[str, dict[str, list[Measured]]] = defaultdict(lambda: defaultdict(list))
    steps: dict[str, list[dict[str, float]]] = defaultdict(list)
    seen: dict[str, Any] = {}
    for number in range(1, repetitions + 1):
        for contender in everybody:
            print(f"pipelines {number}/{repetitions}: {contender.name}", file=sys.stderr, flush=True)
            folder = cache / "work" / contender.name
            contender.prepare(folder)
            data.copy_to(folder / "data")
            for what in ("check", "first", "again", *WEEKS):
                if what == "check" and not contender.check:
                    continue
                if what in WEEKS:
                    week = data.weeks[WEEKS.index(what)]
                    shutil.copyfile(week, folder / "data" / week.name)
                if contender.name == "bare" and what != "first":
                    continue  # it only knows train.csv, and always does everything
                done = run(contender.command("reload" if what in WEEKS else what), folder)
                seconds[contender.name][what].append(done)
                if contender.name == "headgate" and what != "check":
                    steps[what].append(_steps(done))
                if what == "first":
                    _require_same(contender, folder, seen)
            if number == repetitions and contender.name != "bare":
                seen[contender.name] = _bad_rows(contender, folder)
    return {
        "repetitions": repetitions,
        "contenders": {c.name: _summary(c, seconds[c.name], seen.get(c.name, {})) for c in everybody},
        "ratios": _ratios(seconds),
        "steps": {what: _middle(each) for what, each in steps.items()},
    }


def _summary(contender: Contender, each: dict[str, list[Measured]], seen: Any) -> dict[str, Any]:
    return {
        "title": contender.title,
        "platform": contender.platform,
        "checks": contender.checks,
        "bad_rows": seen,
        **{what: asdict(Spread.of(m.seconds for m in runs)) for what, runs in each.items()},
        "cpu": asdict(Spread.of(m.cpu for m in each["first"])),
        "peak": asdict(Spread.of(float(m.peak) for m in each["first"])),
    }


def _ratios(seconds: dict[str, dict[str, list[Measured]]]) -> dict[str, Any]:
    bare = seconds["bare"]["first"]
    ratios = {
        f"{name}/bare": [mine.seconds / base.seconds for mine, base in zip(each["first"], bare, strict=True)]
        for name, each in seconds.items()
        if name != "bare"
    }
    for name in ("headgate", "headgate_unchecked"):
        own = seconds[name]
        for week in WEEKS:
            pairs = zip(own[week], own["first"], strict=True)
            ratios[f"{name}: {week}/first"] = [mine.seconds / first.seconds for mine, first in pairs]
    return {name: asdict(Spread.of(values)) for name, values in ratios.items()}


def _steps(done: Measured) -> dict[str, float]:
    verdict = json.loads(done.output)
    named = {step["name"]: step["seconds"] or 0.0 for step in verdict["steps"]}
    named["inside the run, between steps"] = verdict["seconds"] - sum(named.values())
    named["before and after the run (starting Python, reading the project)"] = done.seconds - verdict["seconds"]
    return named


def _middle(each: list[dict[str, float]]) -> dict[str, float]:
    return {name: Spread.of(run.get(name, 0.0) for run in each).median for name in each[0]}


def _count(contender: Contender, folder: Path, table: str, condition: str) -> int:
    done = run(contender.query(table, condition), folder)
    return int(json.loads(done.output)["rows"][0][0])


def _require_same(contender: Contender, folder: Path, seen: dict[str, Any]) -> None:
    """Nobody is faster by doing something else: the features must add up to the same."""
    relation = contender.relations[TABLES[-1]]
    query = f"select {', '.join(SUMS)} from {relation}"
    command = [part.replace("{query}", query) for part in contender.reader]
    found = [float(value) for value in json.loads(run(command, folder).output)["rows"][0]]
    expected = seen.setdefault("sums", found)
    for name, mine, theirs in zip(SUMS, found, expected, strict=True):
        if abs(mine - theirs) > 1e-6 * abs(theirs):
            raise BenchmarkError(f"{contender.name} has {name} = {mine}, not {theirs}")


def _bad_rows(contender: Contender, folder: Path) -> dict[str, Any]:
    """Add one bad row, run, and ask as a reader for it; by the name of the row."""
    found = {}
    path = folder / "data" / "train_week_9.csv"
    for name, (row, condition) in BAD_ROWS.items():
        path.write_text(HEADER + row, encoding="utf-8")
        done = run(contender.command("reload"), folder, expect=None)
        tables = [t for t in TABLES if t in contender.relations and _count(contender, folder, t, condition)]
        found[name] = {"refused": done.code != 0, "seen_in": tables}
        path.unlink()
        run(contender.command("reload"), folder)
    return found
