"""The offending rows of an expectation, as a query that a person can run."""

from __future__ import annotations

from typing import Any

import pytest

from gate_maker import VALUES, expect
from headgate.errors import ConfigError
from headgate.gates import unexpected_rows_sql
from headgate.lake.engine import Connection
from headgate.project.declaration import Declared


@pytest.fixture
def orders(branch: Connection) -> Connection:
    branch.execute(
        "CREATE TABLE lake.marts.orders AS"
        " SELECT * FROM (VALUES (1, 'x', 5), (2, 'y', -1), (2, 'z', NULL), (6, 'x', 7)) v(id, word, amount)"
    )
    branch.execute("CREATE TABLE lake.raw.words AS SELECT 'x' AS word UNION ALL SELECT 'y'")
    return branch


def rows(con: Connection, declared: Declared, **options: Any) -> list[tuple[Any, ...]] | None:
    sql = unexpected_rows_sql(con, declared, layer="marts", table="orders", **options)
    return None if sql is None else con.execute(f"SELECT * FROM ({sql})").fetchall()


@pytest.mark.parametrize(
    ("type_", "kwargs", "expected"),
    [
        (VALUES + "be_between", {"column": "amount", "min_value": 0}, [(2, "y", -1)]),
        (VALUES + "not_be_null", {"column": "amount"}, [(2, "z", None)]),
        (VALUES + "be_unique", {"column": "id"}, [(2, "y", -1), (2, "z", None)]),
        ("expect_compound_columns_to_be_unique", {"column_list": ["id", "word"]}, []),
        ("references", {"columns": ["word"], "to": "raw.words"}, [(2, "z", None)]),
        ("implies", {"if": "id = 2", "then": "amount > 0"}, [(2, "y", -1), (2, "z", None)]),
        ("continuous", {"column": "id"}, [(2, 6, 3)]),
        ("no_infinities", {}, []),
    ],
)
def test_it_gives_whole_rows(
    orders: Connection, type_: str, kwargs: dict[str, Any], expected: list[tuple[Any, ...]]
) -> None:
    assert rows(orders, expect(type_, **kwargs)) == expected


def test_it_can_be_bounded(orders: Connection) -> None:
    assert len(rows(orders, expect(VALUES + "be_unique", column="id"), limit=1) or []) == 1


@pytest.mark.parametrize(
    "declared",
    [
        expect("expect_table_row_count_to_equal", value=1),
        expect(VALUES + "be_unique", column="nothing"),
        expect("references", columns=["word"], to="raw.nothing"),
    ],
)
def test_where_there_is_nothing_to_show_there_is_no_query(orders: Connection, declared: Declared) -> None:
    assert rows(orders, declared) is None


def test_a_wrong_expectation_is_told(orders: Connection) -> None:
    with pytest.raises(ConfigError):
        rows(orders, expect("nonsense"))


def test_of_a_view_the_rows_come_in_the_order_of_the_columns_that_matter(orders: Connection) -> None:
    orders.execute("CREATE VIEW lake.marts.seen AS SELECT * FROM lake.marts.orders ORDER BY amount")
    declared = expect(VALUES + "be_unique", column="id")
    sql = unexpected_rows_sql(orders, declared, layer="marts", table="seen")
    assert sql is not None
    assert [row[0] for row in orders.execute(sql).fetchall()] == [2, 2]
