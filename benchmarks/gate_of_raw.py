"""Judge raw.train with its suite by Headgate, and print the seconds.

python benchmarks/gate_of_raw.py PROJECT [TABLE.parquet]      # writes the table there too, for others to read
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from headgate.gates import Forgetful, Gate, compile_gate, evaluate
from headgate.lake import branch as branches
from headgate.lake.catalog import read_contents
from headgate.lake.engine import connect, literal
from headgate.lake.release import Releases
from headgate.project import load, read_gate
from headgate.project.declaration import GateFile
from headgate.run.workshop import open_store
from headgate.sources.change_log import shows_every_row

SUITE = "raw_train.json"
RUN = "benchmark-gate"


def gate_of_suite(project: Path) -> Gate:
    """The 13 expectations of the suite, without those of the gate file."""
    train = read_gate(project, "raw").tables["train"]
    return compile_gate(GateFile("raw", {"train": tuple(d for d in train if Path(d.place.file).name == SUITE)}))


def measure(project: Path, table: Path | None) -> dict[str, Any]:
    """Cold: a new process, nothing remembered. Again: the results are remembered, nothing has changed.

    Both with the catalog's contents read anew, and again also with them in hand, as a run has them.
    """
    import_module("headgate.gates.scan")  # imported late by a run; an import is not what is measured
    loaded = load(project, environ=os.environ)
    store, gate = open_store(loaded), gate_of_suite(project)
    con = connect()
    branch = branches.create(store, RUN, Releases(store).pointer(), con, loaded.layers)
    try:
        start = perf_counter()
        cold = evaluate(con, gate, memory=Forgetful(), plain=lambda view: shows_every_row(view.sql))
        judged = perf_counter()
        evaluate(con, gate, plain=lambda view: shows_every_row(view.sql))
        again, in_hand = [], []
        for _ in range(9):
            begun = perf_counter()
            contents = read_contents(con)
            middle = perf_counter()
            warm = evaluate(con, gate, contents=contents, plain=lambda view: shows_every_row(view.sql))
            again.append(perf_counter() - begun)
            in_hand.append(perf_counter() - middle)
        if table is not None:
            con.execute(f"COPY (FROM lake.raw.train) TO {literal(str(table))} (FORMAT parquet)")
    finally:
        branches.close_branch(branch, con)
        branches.discard(branch)
    hows = {how: sum(r.how == how for r in cold.results) for how in ("proven", "scanned")}
    return {
        "held": [result.success for result in cold.results],
        "validate": judged - start,
        "again": median(again),
        "again_in_hand": median(in_hand),
        **hows,
        "scanned_again": sum(r.how == "scanned" for r in warm.results),
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]).resolve(), Path(sys.argv[2]) if len(sys.argv) > 2 else None)))
