"""Judge each column of a table to be not null and unique by cuallee on polars; print seconds and verdicts.

python cuallee_checks.py TABLE.parquet
"""

# mypy: ignore-errors
# its packages are in an environment of its own
from __future__ import annotations

import json
import sys
import time

import polars as pl
from cuallee import Check, CheckLevel


def main(table: str) -> None:
    """Read, validate; print one JSON object."""
    start = time.perf_counter()
    frame = pl.read_parquet(table)
    check = Check(CheckLevel.WARNING, "checks")
    for column in frame.columns:
        check = check.is_complete(column).is_unique(column)
    found = check.validate(frame)
    held = [status == "PASS" for status in found.sort("id")["status"]]
    print(json.dumps({"seconds": time.perf_counter() - start, "held": held}))


if __name__ == "__main__":
    main(sys.argv[1])
