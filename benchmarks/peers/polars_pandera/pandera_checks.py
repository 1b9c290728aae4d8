"""Judge each column of a table to be not null and unique by pandera on polars; print seconds and verdicts.

python pandera_checks.py TABLE.parquet
"""

# mypy: ignore-errors
# its packages are in an environment of its own
from __future__ import annotations

import json
import sys
import time

import pandera.polars as pa
import polars as pl


def main(table: str) -> None:
    """Read, validate; print one JSON object."""
    start = time.perf_counter()
    frame = pl.read_parquet(table)
    schema = pa.DataFrameSchema({c: pa.Column(nullable=False, unique=True) for c in frame.columns})
    failed: set[tuple[str, str]] = set()
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        for error in errors.schema_errors:
            kind = "unique" if "uniq" in str(error.check) else "null"
            failed.add((error.schema.name, kind))
    held = [(column, kind) not in failed for column in frame.columns for kind in ("null", "unique")]
    print(json.dumps({"seconds": time.perf_counter() - start, "held": held}))


if __name__ == "__main__":
    main(sys.argv[1])
