"""Judge each column of a table to be not null and unique by pointblank on polars; print seconds and verdicts.

python pointblank_checks.py TABLE.parquet
"""

# mypy: ignore-errors
# its packages are in an environment of its own
from __future__ import annotations

import json
import sys
import time

import pointblank as pb
import polars as pl


def main(table: str) -> None:
    """Read, interrogate; print one JSON object."""
    start = time.perf_counter()
    frame = pl.read_parquet(table)
    asked = pb.Validate(frame)
    for column in frame.columns:
        asked = asked.col_vals_not_null(columns=column).rows_distinct(columns_subset=column)
    found = asked.interrogate(collect_extracts=False)
    failed = found.n_failed()
    held = [failed[number] == 0 for number in sorted(failed)]
    print(json.dumps({"seconds": time.perf_counter() - start, "held": held}))


if __name__ == "__main__":
    main(sys.argv[1])
