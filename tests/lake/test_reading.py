"""Asking a release or a branch questions, without a way to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.errors import UsageError
from headgate.lake.engine import LAKE, Connection, EngineSettings, attach
from headgate.lake.reading import BATCH_ROWS, ask, query, reader
from headgate.lake.release import catalog_key
from lake_maker import Lake


@pytest.fixture
def served(lake: Lake) -> Connection:
    """A connection that has the only release attached."""
    lake.publish("CREATE TABLE marts.t AS SELECT range AS a FROM range(3)")
    attach(lake.con, lake.store.url(catalog_key(1)), lake.store.url("data"), read_only=True)
    return lake.con


def test_an_answer_has_names_types_and_rows(served: Connection) -> None:
    answer = ask(served, f"SELECT a, a::VARCHAR AS s FROM {LAKE}.marts.t ORDER BY a")
    assert (answer.columns, answer.types) == (["a", "s"], ["BIGINT", "VARCHAR"])
    assert list(answer.batches) == [[(0, "0"), (1, "1"), (2, "2")]]


def test_rows_come_in_batches(served: Connection) -> None:
    sizes = [len(batch) for batch in ask(served, f"FROM range({2 * BATCH_ROWS + 5})").batches]
    assert sizes == [BATCH_ROWS, BATCH_ROWS, 5]


def test_a_query_may_fail_at_once_or_while_it_is_read(served: Connection) -> None:
    with pytest.raises(UsageError, match="nope"):
        query(served, "SELECT nope")
    with pytest.raises(UsageError, match="syntax error"):
        query(served, "SELEC 1")
    with pytest.raises(UsageError, match="empty"):
        query(served, " ;")
    late = f"SELECT CASE WHEN range = {20 * BATCH_ROWS} THEN error('too late') ELSE 'x' END FROM range(1_000_000)"
    with pytest.raises(UsageError, match="too late"):
        query(served, late)


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO '{lake}/data/marts/t/new.parquet'",
        "COPY (SELECT 1) TO '{lake}/../lake/current'",
        "EXPORT DATABASE '{lake}/releases/dump'",
        "ATTACH '{lake}/releases/000001.ducklake' AS raw_catalog",
        "ATTACH 'ducklake:{lake}/releases/000001.ducklake' AS again",
        "SELECT 1; COPY (SELECT 1) TO '{lake}/current'",
    ],
)
def test_a_query_cannot_write_files_into_the_lake(lake: Lake, served: Connection, statement: str) -> None:
    before = {path: path.read_bytes() for path in Path(lake.store.location).rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="cannot write to the lake"):
        query(served, statement.format(lake=lake.store.location))
    assert {path: path.read_bytes() for path in Path(lake.store.location).rglob("*") if path.is_file()} == before


def test_a_query_may_write_a_file_elsewhere_and_read_a_lake_again(
    lake: Lake, served: Connection, tmp_path: Path
) -> None:
    query(served, f"COPY (FROM {LAKE}.marts.t) TO '{tmp_path}/out.csv'")
    assert (tmp_path / "out.csv").read_text() == "a\n0\n1\n2\n"
    query(served, f"ATTACH 'ducklake:{lake.store.url(catalog_key(1))}' AS again (READ_ONLY)")
    assert query(served, "SELECT count(*) AS n FROM again.marts.t") == (["n"], [(3,)])


def test_the_release_is_the_default_catalog(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 7 AS a")
    with reader(lake.store, EngineSettings(), release=None, run=None) as con:
        assert query(con, "FROM marts.t") == (["a"], [(7,)])
