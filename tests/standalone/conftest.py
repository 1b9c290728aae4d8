"""The same thousand rows in every form."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

ROWS = """SELECT i AS id, i % 7 AS kind, CASE WHEN i % 10 > 0 THEN i / 2.0 END::DOUBLE AS amount, 'n' || i AS name,
          DATE '2024-01-01' + (i % 30)::INTEGER AS day FROM range(1000) t(i)"""


@pytest.fixture(scope="session")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the rows as files and databases. Only to be read."""
    folder = tmp_path_factory.mktemp("forms")
    (folder / "parts" / "deep").mkdir(parents=True)
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE t AS {ROWS}")
        for ending in ("parquet", "csv", "csv.gz", "tsv", "jsonl", "json.gz"):
            format_ = {"jsonl": "json", "csv.gz": "csv", "json.gz": "json", "tsv": "csv, DELIMITER '\t'"}.get(
                ending, ending
            )
            con.execute(f"COPY t TO '{folder}/orders.{ending}' (FORMAT {format_})")
        con.execute(f"COPY (FROM t WHERE id < 400) TO '{folder}/parts/a.parquet'")
        con.execute(f"COPY (FROM t WHERE id >= 400) TO '{folder}/parts/deep/b.parquet'")
        con.execute(
            f"ATTACH '{folder}/shop.duckdb' AS shop; CREATE TABLE shop.orders AS FROM t; CREATE SCHEMA shop.more"
        )
        con.execute("CREATE TABLE shop.kinds AS SELECT DISTINCT kind FROM t; USE shop")
        con.execute("CREATE VIEW shop.more.seen AS FROM shop.main.orders; USE memory; DETACH shop")
    return folder
