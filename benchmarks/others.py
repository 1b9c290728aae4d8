"""The measurements beside the pipelines: the gate alone, publishing, memory, starting."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from contenders import SUITES, contenders
from environments import of_peer, own
from inputs import Input, ten_times
from measuring import BenchmarkError, Spread, run

HERE = Path(__file__).parent
MEMORY_LIMIT = "4GB"


def gate(cache: Path, data: Input, repetitions: int) -> dict[str, Any]:
    """The 13 expectations of raw.train by Headgate on its lake, and by Great Expectations on the same rows."""
    project, table = _published(cache, data), cache / "work" / "train.parquet"
    ours = [own().tool("python"), str(HERE / "gate_of_raw.py"), str(project), str(table)]
    script = str(HERE / "peers" / "gx" / "gx_gate.py")
    theirs = [of_peer("gx", cache).tool("python"), script, str(table), str(SUITES / "raw_train.json")]
    mine, other, seconds = [], [], {"headgate": [], "gx": []}  # type: ignore[var-annotated]
    for number in range(1, repetitions + 1):
        _tell(f"gate {number}/{repetitions}")
        for command, found, who in ((ours, mine, "headgate"), (theirs, other, "gx")):
            done = run(command, cache)
            found.append(json.loads(done.output))
            seconds[who].append(done.seconds)
    if mine[0]["held"] != other[0]["held"]:
        raise BenchmarkError(f"the verdicts differ: {mine[0]['held']} and {other[0]['held']}")
    pairs = list(zip(mine, other, strict=True))
    return {
        "repetitions": repetitions,
        "version": other[0]["version"],
        "proven": mine[0]["proven"],
        "scanned": mine[0]["scanned"],
        "headgate": {key: _spread(mine, key) for key in ("validate", "again", "again_in_hand")},
        "gx": {key: _spread(other, key) for key in ("import", "read", "validate", "again")},
        "ratio_at_rest": asdict(Spread.of((g["read"] + g["validate"]) / h["validate"] for h, g in pairs)),
        "ratio_in_memory": asdict(Spread.of(g["validate"] / h["validate"] for h, g in pairs)),
    }


def publish(cache: Path, data: Input, repetitions: int) -> dict[str, Any]:
    """Publishing and rolling back, in a small lake and in a large one."""
    _tell("publish")
    folder = cache / "work" / "publish"
    folder.mkdir(parents=True, exist_ok=True)
    script = [own().tool("python"), str(HERE / "publish.py"), "--json", "--folder", str(folder)]
    found: dict[str, Any] = json.loads(
        run([*script, "--repeat", str(max(5, 6 * repetitions))], cache, expect=None).output
    )
    return found


def memory(cache: Path, data: Input, repetitions: int) -> dict[str, Any]:
    """One fresh run on ten times as many rows, with a memory limit."""
    headgate = next(c for c in contenders(cache, ["headgate"]))
    large = ten_times(cache)
    folder = cache / "work" / "headgate-ten-times"
    headgate.prepare(folder)
    large.copy_to(folder / "data")
    config = yaml.safe_load((folder / "headgate.yml").read_text(encoding="utf-8"))
    config["memory_limit"] = MEMORY_LIMIT
    (folder / "headgate.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    for suite in (folder / "gates" / "suites").iterdir():
        suite.write_text(json.dumps(_ten_times_wider(json.loads(suite.read_text(encoding="utf-8")))), encoding="utf-8")
    _tell("memory: ten times as many rows")
    done = run(headgate.first, folder, expect=None)
    verdict = json.loads(done.output)
    result = {
        "error": verdict["error"],
        "limit": MEMORY_LIMIT,
        "input": large.title,
        "bytes": sum(p.stat().st_size for p in large.folder.iterdir()),
        "rows": verdict["rows"],
        "status": verdict["status"],
        "seconds": done.seconds,
        "peak": done.peak,
        "steps": {step["name"]: step["seconds"] for step in verdict["steps"]},
    }
    shutil.rmtree(folder)
    return result


def start(cache: Path, data: Input, repetitions: int) -> dict[str, Any]:
    """How long the verbs take that do nothing much."""
    project = _published(cache, data)
    headgate = own().tool("headgate")
    found = {}
    for name, command in {"--help": [headgate, "--help"], "releases": [headgate, "releases"]}.items():
        _tell(f"start: headgate {name}")
        run(command, project)
        found[name] = asdict(Spread.of(run(command, project).seconds for _ in range(2 * repetitions + 1)))
    return found


def _published(cache: Path, data: Input) -> Path:
    """A project with one release, made once and then kept."""
    folder = cache / "work" / "published"
    if not (folder / "lake" / "current").exists():
        headgate = next(c for c in contenders(cache, ["headgate"]))
        headgate.prepare(folder)
        data.copy_to(folder / "data")
        run(headgate.first, folder)
    return folder


def _ten_times_wider(suite: dict[str, Any]) -> dict[str, Any]:
    """The suite with bounds that ten times as many stores fit into."""
    for each in suite["expectations"]:
        kind = each.get("type") or each["expectation_type"]
        counted = kind == "expect_table_row_count_to_be_between"
        if counted or (kind == "expect_column_values_to_be_between" and each["kwargs"]["column"] == "Store"):
            each["kwargs"]["max_value"] *= 10
    return suite


def _spread(found: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return asdict(Spread.of(each[key] for each in found))


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
