"""What databases.py measures inside a process of its own; prints one JSON object.

python benchmarks/database_loading.py copy URL               # a client's binary COPY, thrown away
python benchmarks/database_loading.py compare URL FOLDER     # edits that move no cursor, by blocks and by all rows
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import psycopg

from headgate.lake.branch import lay_out_empty
from headgate.lake.engine import connect
from headgate.project.database_config import PostgresSource
from headgate.sources.databases import loading
from headgate.sources.databases.source import DatabaseSource

EDITS = 20


def copy(url: str) -> dict[str, Any]:
    """The whole table over the wire, and nothing done with it."""
    moved = 0
    with psycopg.connect(url) as con:
        start = perf_counter()
        with con.cursor().copy("COPY orders TO STDOUT (FORMAT binary)") as blocks:
            for block in blocks:
                moved += len(block)
        return {"seconds": perf_counter() - start, "bytes": moved}


def compare(url: str, folder: str) -> dict[str, Any]:
    """The table is loaded and compared once; then edits that move no cursor are found, one way and the other."""
    con = connect()
    lay_out_empty(con, Path(folder) / "lake.ducklake", str(Path(folder) / "data"))
    for schema in ("raw", "raw_log", "_headgate"):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS lake.{schema}")
    settings = {"type": "postgres", "url": url, "include": ["orders"], "cursor": "last_updated"}
    source = DatabaseSource("shop", PostgresSource.model_validate(settings), Path(folder))
    known: dict[str, dict[str, Any]] = {}

    def extract(run: str, *compared: str) -> dict[str, Any]:
        start = perf_counter()
        (table,) = source.extract(con, run, known, {}, lambda _: None, compared)
        known["orders"] = table.state
        return {"seconds": perf_counter() - start, "read": table.counts.read, "found": table.counts.appended}

    extract("load")
    extract("first", "orders")  # remembers the blocks
    edit = partial(_edit, url, random.Random(4))
    edit()
    by_blocks = extract("blocks", "orders")
    edit()
    del known["orders"]["blocks"]
    with patch.object(loading, "FEWEST_ROWS", sys.maxsize):  # nor shall it pay for blocks that it does not use
        whole = extract("whole", "orders")
    con.close()
    return {"edits": EDITS, "blocks": by_blocks, "whole": whole}


def _edit(url: str, dice: random.Random) -> None:
    """Change rows all over the table without moving their cursor."""
    with psycopg.connect(url, autocommit=True) as con:
        (rows,) = con.execute("SELECT max(id) FROM orders").fetchone() or (0,)
        chosen = dice.sample(range(1, rows + 1), EDITS)
        con.execute("UPDATE orders SET quantity = quantity + 1000 WHERE id = ANY(%s)", (chosen,))


if __name__ == "__main__":
    WHAT: dict[str, Callable[..., dict[str, Any]]] = {"copy": copy, "compare": compare}
    print(json.dumps(WHAT[sys.argv[1]](*sys.argv[2:])))
