"""The Rossmann pipeline with dbt and Great Expectations, as teams glue them together: layer by layer, one process.

dbt builds a layer of the project beside it (and runs the tests that are not in a suite), then Great Expectations
judges the layer's tables with its suites. Exit code 1 if either objects.

    python dbt_gx_pipeline.py PROJECT SUITES
"""

# mypy: ignore-errors
# its packages are in an environment of its own
from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import duckdb
import great_expectations as gx
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

LAYERS = {
    "raw": ("train", "store"),
    "processed": ("train_clean",),
    "features": ("train_features",),
}


def load_suite(path: Path) -> gx.ExpectationSuite:
    """A suite as Great Expectations 1.x or 0.18 saved it."""
    saved = json.loads(path.read_text(encoding="utf-8"))
    return gx.ExpectationSuite(
        name=path.stem,
        expectations=[
            {"type": each.get("type") or each["expectation_type"], "kwargs": each["kwargs"]}
            for each in saved["expectations"]
        ],
    )


def judge(
    context: gx.data_context.EphemeralDataContext, database: Path, table: str, suite: gx.ExpectationSuite
) -> bool:
    """Whether the suite's expectations hold on the table."""
    with duckdb.connect(str(database), read_only=True) as con:
        frame = con.sql(f"select * from {table}").df()
    asset = context.data_sources.add_pandas(table).add_dataframe_asset(table)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    result = batch.validate(suite, result_format="BASIC")
    for each in result.results:
        if not each.success:
            print(f"FAILED {table} {each.expectation_config.type} {each.expectation_config.kwargs}", file=sys.stderr)
    return bool(result.success)


def main(project: Path, suites: Path) -> int:
    """Build and judge layer by layer; 1 as soon as something does not hold."""
    os.chdir(project)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    dbt = dbtRunner()
    for layer, tables in LAYERS.items():
        select = [f"path:models/{layer},resource_type:model", f"path:models/{layer},tag:own"]
        if not dbt.invoke(["build", "--quiet", "--indirect-selection", "empty", "--select", *select]).success:
            return 1
        DuckDBConnectionManager.close_all_connections()  # it keeps the file open with settings of its own
        for table in tables:
            if not judge(
                context, Path("rossmann.duckdb"), f"{layer}.{table}", load_suite(suites / f"{layer}_{table}.json")
            ):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]).resolve()))
