"""Judge each column of a table to be not null and unique by Great Expectations; print seconds and verdicts.

python gx_checks.py TABLE.parquet
"""

# mypy: ignore-errors
# its packages are in an environment of its own
from __future__ import annotations

import json
import os
import sys
import time

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
import pandas as pd


def main(table: str) -> None:
    """Read, validate; print one JSON object."""
    start = time.perf_counter()
    frame = pd.read_parquet(table)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("table")
    definition = asset.add_batch_definition_whole_dataframe("all")
    kinds = ("expect_column_values_to_not_be_null", "expect_column_values_to_be_unique")
    asked = [{"type": kind, "kwargs": {"column": column}} for column in frame.columns for kind in kinds]
    found = definition.get_batch({"dataframe": frame}).validate(gx.ExpectationSuite(name="s", expectations=asked))
    verdicts = {(r.expectation_config.kwargs["column"], r.expectation_config.type): r.success for r in found.results}
    held = [bool(verdicts[column, kind]) for column in frame.columns for kind in kinds]
    print(json.dumps({"seconds": time.perf_counter() - start, "held": held}))


if __name__ == "__main__":
    main(sys.argv[1])
