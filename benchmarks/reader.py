"""A reader of what a pipeline left: answers one query with plain DuckDB, as ``headgate query --json`` does.

python benchmarks/reader.py DATABASE QUERY        # DATABASE may be empty: a query over files
"""

from __future__ import annotations

import json
import sys

import duckdb


def main(database: str, query: str) -> None:
    """Print the answer."""
    with duckdb.connect(database or ":memory:", read_only=bool(database)) as con:
        rows = con.execute(query).fetchall()
    print(json.dumps({"rows": rows}, default=str))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
