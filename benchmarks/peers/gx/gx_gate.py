"""Judge a table with one suite by Great Expectations, in an environment of its own, and print the seconds.

python gx_gate.py TABLE.parquet SUITE.json
"""

# mypy: ignore-errors
# its packages are in an environment of its own
from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
started = time.perf_counter()

import great_expectations as gx  # noqa: E402
import pandas as pd  # noqa: E402


def main(table: Path, suite: Path) -> None:
    """Import, read, validate twice; print one JSON object."""
    imported = time.perf_counter()
    frame = pd.read_parquet(table)
    read = time.perf_counter()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("table")
    definition = asset.add_batch_definition_whole_dataframe("all")
    saved = json.loads(suite.read_text(encoding="utf-8"))
    expectations = [{"type": each["type"], "kwargs": each["kwargs"]} for each in saved["expectations"]]
    asked = gx.ExpectationSuite(name="suite", expectations=expectations)
    set_up = time.perf_counter()
    first = definition.get_batch({"dataframe": frame}).validate(asked)
    judged = time.perf_counter()
    definition.get_batch({"dataframe": frame}).validate(asked)
    again = time.perf_counter()
    print(
        json.dumps(
            {
                "version": gx.__version__,
                "held": [each.success for each in first.results],
                "import": imported - started,
                "read": read - imported,
                "set_up": set_up - read,
                "validate": judged - set_up,
                "again": again - judged,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
