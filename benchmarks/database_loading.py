"""What databases.py measures inside a process of its own; prints one JSON object.

python benchmarks/database_loading.py copy URL               # a client's binary COPY, thrown away
python benchmarks/database_loading.py parquet URL FOLDER     # DuckDB's own scanner into one Parquet file
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
from headgate.lake.engine import connect, in_any_order, literal
from headgate.project.database_config import PostgresSource
from headgate.sources.databases import loading
from headgate.sources.databases.postgres_parts import attaching
from headgate.sources.databases.source import DatabaseSource
from headgate.sources.row_hash import hash_of

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


def parquet(url: str, folder: str) -> dict[str, Any]:
    """The whole table by DuckDB's own scanner into one Parquet file: what any load by DuckDB takes at least.

    Its rows as they are, and as they stand in a change log; nothing is checked, and no catalog knows of it.
    """
    con = connect(extensions=("postgres_scanner",))
    con.execute(attaching(url, "shop"))
    columns = {name: kind for name, kind, *_ in con.execute("DESCRIBE shop.orders").fetchall()}
    seconds = {}
    logged = f", '20260101-000000' AS _run, now() AS _loaded_at, {hash_of(columns)} AS _hash, 'upsert' AS _op"
    for way, more in {"rows": "", "logged": logged}.items():
        file = literal(str(Path(folder) / f"{way}.parquet"))
        with in_any_order(con):
            start = perf_counter()
            con.execute(f"COPY (SELECT *{more} FROM shop.orders) TO {file} (FORMAT parquet, PARQUET_VERSION v2)")
            seconds[way] = perf_counter() - start
    con.close()
    return seconds


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
        (table,) = source.extract(con, run, known, {}, lambda _: None, compared).tables
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
    WHAT: dict[str, Callable[..., dict[str, Any]]] = {"copy": copy, "parquet": parquet, "compare": compare}
    print(json.dumps(WHAT[sys.argv[1]](*sys.argv[2:])))
