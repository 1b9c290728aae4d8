"""Foreign keys as the databases' catalogues have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.lake.engine import Connection
from headgate.sources.databases.dialect import ForeignKey
from origin import DuckdbOrigin, Loaded, MysqlOrigin, Origin, SqliteOrigin

SHOPS = "CREATE TABLE shops (country varchar(2), number int, head int, PRIMARY KEY (country, number))"
ORDERS = (
    "CREATE TABLE orders (id int PRIMARY KEY, country varchar(2), shop int, before_it int, "
    "FOREIGN KEY (country, shop) REFERENCES shops (country, number), FOREIGN KEY (before_it) REFERENCES orders (id))"
)
EXPECTED = [
    ForeignKey("orders", ("country", "shop"), "shops", ("country", "number")),
    ForeignKey("orders", ("before_it",), "orders", ("id",)),
]


def found(origin: Loaded) -> list[ForeignKey]:
    source = origin.source()
    return source.session.visit(origin.con, lambda: source.dialect.foreign_keys(origin.con, source.session.alias))


def in_any_order(keys: list[ForeignKey]) -> set[ForeignKey]:
    assert len(set(keys)) == len(keys)
    return set(keys)


def test_keys_of_one_and_of_several_columns_are_found(origin: Origin) -> None:
    origin.execute(SHOPS, ORDERS)
    assert found(origin) == EXPECTED


@pytest.mark.slow
def test_mysqls_keys_are_found(mysql_origin: MysqlOrigin) -> None:
    mysql_origin.execute(SHOPS, ORDERS)
    assert in_any_order(found(mysql_origin)) == set(EXPECTED)


def test_duckdbs_keys_are_found(con: Connection, tmp_path: Path) -> None:
    file = DuckdbOrigin(con, tmp_path)
    file.execute(SHOPS, ORDERS)
    assert in_any_order(found(file)) == set(EXPECTED)


def test_sqlites_keys_are_found_however_they_are_written(con: Connection, tmp_path: Path) -> None:
    """Without the columns referred to, in another case, and to a table that is not there."""
    file = SqliteOrigin(con, tmp_path)
    file.execute(
        SHOPS,
        "CREATE TABLE orders (id int PRIMARY KEY, country text, shop int, before_it int REFERENCES ORDERS (ID), "
        "gone int REFERENCES nowhere (id), FOREIGN KEY (COUNTRY, shop) REFERENCES Shops)",
    )
    assert in_any_order(found(file)) == set(EXPECTED)


def test_keys_out_of_the_schema_and_never_validated_ones_are_left_out(origin: Origin) -> None:
    other = f"{origin.schema}_other"
    origin.execute(
        f"CREATE SCHEMA {other}",
        f"CREATE TABLE {other}.shops (number int PRIMARY KEY)",
        "CREATE TABLE shops (number int PRIMARY KEY)",
        f"CREATE TABLE orders (id int PRIMARY KEY, shop int REFERENCES {other}.shops, old int)",
        "ALTER TABLE orders ADD FOREIGN KEY (old) REFERENCES shops NOT VALID",
    )
    try:
        assert found(origin) == []
    finally:
        origin.execute(f"DROP SCHEMA {other} CASCADE")


def test_keys_of_partitioned_tables_are_found_once(origin: Origin) -> None:
    origin.execute(
        "CREATE TABLE shops (number int PRIMARY KEY) PARTITION BY RANGE (number)",
        "CREATE TABLE shops_1 PARTITION OF shops FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE orders (id int PRIMARY KEY, shop int REFERENCES shops) PARTITION BY RANGE (id)",
        "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (10)",
    )
    assert found(origin) == [ForeignKey("orders", ("shop",), "shops", ("number",))]
