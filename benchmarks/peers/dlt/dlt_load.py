"""Load a table of PostgreSQL into a DuckLake by dlt's own source and destination; print the seconds as JSON.

python dlt_load.py URL TABLE KEY CURSOR BACKEND FOLDER

In an empty folder it loads everything; again, it merges by key what has a cursor not below the largest that it saw.
"""

# mypy: ignore-errors
# its packages are in an environment of its own
from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

URL, TABLE, KEY, CURSOR, BACKEND = sys.argv[1:6]
FOLDER = Path(sys.argv[6]).resolve()
os.environ |= {"HOME": str(FOLDER), "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}

import dlt  # noqa: E402
import duckdb  # noqa: E402
import duckdb_extension_ducklake  # noqa: E402
from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials  # noqa: E402
from dlt.sources.sql_database import sql_table  # noqa: E402


def main() -> None:
    """Read, normalize, load; print one JSON object."""
    extensions = Path(duckdb_extension_ducklake.__file__).parent / "extensions"
    (extension,) = extensions.glob(f"v{duckdb.__version__}/*.duckdb_extension")
    duckdb.connect().execute(f"INSTALL '{extension}'")  # into the home that is set above; dlt asks for it by name
    lake = DuckLakeCredentials("lake", catalog=f"duckdb:///{FOLDER}/catalog.duckdb", storage=f"file://{FOLDER}/data")
    pipeline = dlt.pipeline(
        "benchmark",
        pipelines_dir=str(FOLDER / "state"),
        destination=dlt.destinations.ducklake(lake),
        dataset_name="raw",
    )
    url = URL.replace("postgresql://", "postgresql+psycopg2://") if BACKEND != "connectorx" else URL
    table = sql_table(
        url,
        TABLE,
        backend=BACKEND,
        chunk_size=100_000,
        incremental=dlt.sources.incremental(CURSOR),
        write_disposition="merge",
        primary_key=KEY,
        reflection_level="full",
    )
    again = (FOLDER / "state" / "benchmark").exists()
    start = time.perf_counter()
    pipeline.run(table, **({} if again else {"write_disposition": "append"}))
    seconds = time.perf_counter() - start
    with pipeline.sql_client() as client:
        rows = client.execute_sql(f"SELECT count(*) FROM {TABLE}")[0][0]
    print(json.dumps({"seconds": seconds, "rows": rows}))


if __name__ == "__main__":
    main()
