"""Queries of the author's own, every row of which is a bad one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gate_maker import expect, judge
from headgate.errors import ConfigError
from headgate.gates import LakeMemory, unexpected_rows_sql
from headgate.gates.result import ExpectationResult
from headgate.lake.catalog import read_contents
from headgate.lake.engine import Connection


@pytest.fixture
def rows(branch: Connection) -> Connection:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a, i % 3 AS b FROM range(10) r(i)")
    branch.execute("CREATE TABLE lake.marts.u AS SELECT 1 AS b; CREATE TABLE lake.raw.w AS SELECT 2 AS b")
    branch.execute("CREATE TABLE lake.marts.e (a INT)")
    return branch


def asked(con: Connection, query: str, table: str = "t", **options: Any) -> ExpectationResult:
    return judge(con, table, expect("unexpected_rows_expectation", unexpected_rows_query=query, **options))


@pytest.mark.parametrize(
    ("query", "bad"),
    [
        ("select * from {batch} where a > 7", 2),
        ("SELECT a FROM {batch} AS x WHERE x.a < 0;", 0),
        ("select a from {batch} group by a having count(*) > 1", 0),
        ("with big as (select * from {batch} where a > 5) select * from big where b = 0", 2),
        ("select t.a from {batch} t join u on t.b = u.b", 3),
        ("select a from {batch} where b in (select b from raw.w)", 3),
        ("select a from {batch} where a > 8 union all select b from u", 2),
        (
            "(select b from {batch} except all select b from u) union all (select b from u except all select b from t)",
            9,
        ),
        ("select a from {batch} order by a desc limit 2", 2),
        ("select a, {{'k': 1}} from {batch} where a = 1", 1),
        ("select * from {batch} x, range(2) y", 20),
        ("select * from {batch} x(b, a) where b > 7", 2),
        ("select * from u x(c) where c = 1", 1),
        ("select * from ({batch} x join u y on x.b = y.b)", 3),
        ("((select * from {batch} where a > 5))", 4),
        ("select 1 as bad", 1),
    ],
)
def test_every_row_of_the_query_is_bad(rows: Connection, query: str, bad: int) -> None:
    result = asked(rows, query)
    assert result.error is None, result.error
    assert (result.success, result.observed_value, result.element_count) == (bad == 0, bad, 10)
    assert len(result.partial_unexpected_list) == bad


def test_a_share_may_be_bad_and_rows_may_be_chosen(rows: Connection) -> None:
    query = "select * from {batch} where a > 7"
    assert asked(rows, query, mostly=0.8).success
    assert not asked(rows, query, mostly=0.9).success
    assert asked(rows, query, row_condition="a < 8").success
    assert asked(rows, query, row_condition="a < 9").partial_unexpected_list == ({"a": 8, "b": 2},)
    renamed = asked(rows, "select * from {batch} x(b, a) where b > 7", row_condition="a < 9")
    assert renamed.partial_unexpected_list == ({"b": 8, "a": 2},)


def test_an_empty_table_is_asked_too(rows: Connection) -> None:
    assert asked(rows, "select * from {batch}", "e").success
    assert not asked(rows, "select b from u", "e").success


def test_it_is_asked_every_time(rows: Connection) -> None:
    for _ in range(2):
        declared = expect("unexpected_rows_expectation", unexpected_rows_query="select b from u where b > 1")
        result = judge(rows, "t", declared, memory=LakeMemory(rows, read_contents(rows)))
        assert (result.success, result.how) == (True, "scanned")
    rows.execute("INSERT INTO lake.marts.u VALUES (5)")
    assert not judge(rows, "t", declared, memory=LakeMemory(rows, read_contents(rows))).success


def test_the_bad_rows_can_be_asked_for(rows: Connection) -> None:
    declared = expect("unexpected_rows_expectation", unexpected_rows_query="select a from {batch} where a > 7")
    sql = unexpected_rows_sql(rows, declared, layer="marts", table="t", limit=1)
    assert rows.execute(sql or "").fetchall() == [(8,)]


@pytest.mark.parametrize(
    "query",
    [
        "drop table t",
        "insert into {batch} select 1",
        "select * from {batch}; drop table u",
        "copy {batch} to 'out.csv'",
        "attach 'x.db'",
        "pragma database_list",
        "select * from read_csv('x.csv')",
        "select * from read_text('x.csv')",
        "select * from glob('*')",
        "select * from query('select 1')",
        "select * from memory.main.x",
        "select getenv('HOME') from {batch}",
        "select write_log('x') from {batch}",
        "select * into x from {batch}",
        'with "x.csv" as (select 1) select * from "x.csv"',
        "pivot {batch} on a",
        "select * from {other}",
        "select {batch",
        "select from where",
        "values (1)",
        "explain select 1",
        "select * from {batch} tablesample 10%",
        "select * from {batch} at (version => 1)",
        "select * from u with ordinality",
    ],
)
def test_what_does_more_than_read_the_lake_is_refused(rows: Connection, query: str) -> None:
    with pytest.raises(ConfigError, match="unexpected_rows_query"):
        asked(rows, query)
    assert judge(rows, "u", expect("expect_table_row_count_to_equal", value=1)).success


def test_a_file_is_no_table_of_the_lake(rows: Connection, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    for query in (
        "select * from w",
        f"select * from '{path}'",
        f'select (select count(*) from "{path}") from {{batch}}',
    ):
        assert "there is no table" in (asked(rows, query).error or "")


def test_a_query_that_fails_could_not_be_checked(rows: Connection) -> None:
    assert "nothing" in (asked(rows, "select nothing from {batch}").error or "")
    result = asked(rows, "select * from {batch} where ('x' || a)::int = 1")
    assert (result.error or "").startswith("could not be checked: Conversion Error")
