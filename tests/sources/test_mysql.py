"""MySQL as a source, on a real MariaDB. Its server takes some seconds to begin."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
import time
from decimal import Decimal
from typing import Any

import pytest

from headgate.errors import InterruptedRunError, SourceDataError, SourceRefusedError, SourceUnavailableError
from headgate.lake.engine import interrupt_all
from headgate.sources.databases.loading import TableLoading
from mariadb_server import PASSWORD
from origin import MysqlOrigin
from postgres_server import free_port

pytestmark = pytest.mark.slow

ORDERS = "CREATE TABLE orders (id int PRIMARY KEY, what varchar(20), last_updated datetime(3))"
#: MySQL's type and a value of it as SQL; DuckDB's type in raw, and the value there.
TYPES: list[tuple[str, str, str, Any]] = [
    ("tinyint(1)", "5", "TINYINT", 5),
    ("bigint unsigned", "18446744073709551615", "UBIGINT", 18446744073709551615),
    ("decimal(10,2)", "1.25", "DECIMAL(10,2)", Decimal("1.25")),
    ("decimal(65,2)", "1.25", "VARCHAR", "1.25"),
    ("float", "0.5", "FLOAT", 0.5),
    ("double", "0.1", "DOUBLE", 0.1),
    ("varchar(20) character set utf8mb4", "'é\U0001f600'", "VARCHAR", "é\U0001f600"),
    ("varbinary(5)", "x'00ff'", "BLOB", b"\x00\xff"),
    ("bit(3)", "5", "UBIGINT", 5),
    ("point", "ST_GeomFromText('POINT(0.1 1e-7)')", "VARCHAR", "POINT(0.1 0.0000001)"),
    ("geometry", "ST_GeomFromText('LINESTRING(0 0,1 2.5)', 4326)", "VARCHAR", "SRID=4326;LINESTRING(0 0,1 2.5)"),
    ("date", "'2026-01-02'", "DATE", dt.date(2026, 1, 2)),
    (
        "datetime(6)",
        "'2026-01-02 03:04:05.123456'",
        "TIMESTAMP",
        dt.datetime.fromisoformat("2026-01-02T03:04:05.123456"),
    ),
    ("time", "'-100:00:00'", "VARCHAR", "-100:00:00"),
    ("year", "2026", "SMALLINT", 2026),
    ("enum('a','b')", "'b'", "VARCHAR", "b"),
    ("set('a','b')", "'a,b'", "VARCHAR", "a,b"),
    ("int", "NULL", "INTEGER", None),
]  # fmt: skip


def test_rows_come_once_by_cursor_and_then_there_is_nothing_new(mysql_origin: MysqlOrigin) -> None:
    origin = mysql_origin
    settings: dict[str, Any] = {"cursor": "last_updated"}
    origin.execute(ORDERS, "INSERT INTO orders VALUES (1, 'a', '2026-01-01 10:00'), (2, 'b', '2026-01-01 11:00')")
    assert origin.load(**settings)["orders"].counts.appended == 2
    assert not origin.changes(**settings)["orders"].changed
    origin.execute("UPDATE orders SET what = 'silent' WHERE id = 1", "INSERT INTO orders VALUES (3, 'c', NULL)")
    counts = origin.load(**settings)["orders"].counts
    assert (counts.read, counts.appended) == (2, 1)
    origin.execute("DELETE FROM orders WHERE id = 2")
    found = origin.load(compare=("*",), cursor="last_updated")["orders"]
    assert found.notes[0].endswith("1 changed without moving last_updated, 1 deleted")
    assert origin.raw("orders", "id, what") == [(1, "silent"), (3, "c")]


@pytest.mark.parametrize("settings", [{}, {"cursor": "last_updated"}], ids=["compared", "by cursor"])
def test_what_is_committed_while_a_table_is_read_is_read_by_the_next_run(
    mysql_origin: MysqlOrigin, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no snapshot: what the table is digested for, once it was read, may hold more than was read."""
    origin, digest_after, numbers = mysql_origin, TableLoading._digest_after, itertools.count(2)
    origin.execute(ORDERS, "INSERT INTO orders VALUES (1, 'a', '2026-01-01 10:00')")

    def write_first(loading: TableLoading, *arguments: Any) -> str:
        number = next(numbers)
        origin.execute(f"INSERT INTO orders VALUES ({number}, 'late', '2026-01-01 10:0{number}')")
        return digest_after(loading, *arguments)

    for times in (1, 2):
        with monkeypatch.context() as patch:
            patch.setattr(TableLoading, "_digest_after", write_first)
            origin.load(**settings)
        assert origin.changes(**settings)["orders"].changed
        assert len(origin.raw("orders")) == times
    origin.load(**settings)
    assert len(origin.raw("orders")) == 3
    assert not origin.changes(**settings)["orders"].changed


def test_every_type_lands_without_loss(mysql_origin: MysqlOrigin) -> None:
    columns = ", ".join(f"c{n} {kind}" for n, (kind, *_) in enumerate(TYPES))
    mysql_origin.execute(
        f"CREATE TABLE t (id int PRIMARY KEY, {columns}, ts timestamp NULL)",
        f"INSERT INTO t VALUES (1, {', '.join(value for _, value, *_ in TYPES)}, NULL)",
        "SET time_zone = '+05:00'",
        "UPDATE t SET ts = FROM_UNIXTIME(1767323045)",
    )
    mysql_origin.load()
    (row,) = mysql_origin.raw("t", "* EXCLUDE (id, ts)")
    types = mysql_origin.types("t")
    for n, (kind, _, landed, expected) in enumerate(TYPES):
        assert (types[f"c{n}"], row[n]) == (landed, expected), kind
    assert mysql_origin.raw("t", "epoch(ts)") == [(1767323045.0,)]
    assert mysql_origin.load() == {}


def test_a_date_of_zeros_is_refused_or_null(mysql_origin: MysqlOrigin) -> None:
    mysql_origin.execute("SET sql_mode = ''")
    mysql_origin.execute("CREATE TABLE t (id int PRIMARY KEY, d date)", "INSERT IGNORE INTO t VALUES (1, '0000-00-00')")
    with pytest.raises(SourceDataError) as caught:
        mysql_origin.load()
    assert caught.value.column == "d"
    mysql_origin.load(non_finite="null")
    assert mysql_origin.raw("t") == [(1, None)]


def test_names_and_texts_that_are_sql_are_nothing_special(mysql_origin: MysqlOrigin) -> None:
    mysql_origin.execute(
        "CREATE TABLE `x``'); --` (`sel``ect` int PRIMARY KEY, `{}` text)",
        "INSERT INTO `x``'); --` VALUES (1, 'a\\\\b''\"')",
    )
    mysql_origin.load()
    assert mysql_origin.raw("x`'); --") == [(1, "a\\b'\"")]


def test_refusals_are_told_at_once_and_show_no_password(mysql_origin: MysqlOrigin) -> None:
    server = mysql_origin.server
    with pytest.raises(SourceRefusedError, match="Access denied") as caught:
        mysql_origin.changes(url=server.url_of("reader", "wr0ng-pass", mysql_origin.name), retry="1h")
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(SourceUnavailableError, match="connect") as down:
        mysql_origin.changes(url=f"mysql://u:hunter2hunter2@127.0.0.1:{free_port()}/d")
    assert "hunter2" not in str(down.value)
    assert PASSWORD not in str(down.value)


def test_a_statement_that_takes_too_long_is_ended(mysql_origin: MysqlOrigin) -> None:
    mysql_origin.execute(ORDERS, "INSERT INTO orders VALUES (1, 'a', NULL)")
    mysql_origin.execute("CREATE VIEW slow AS SELECT id, SLEEP(5) AS nap FROM orders")
    settings: dict[str, Any] = {"include": ["slow"], "tables": {"slow": {"primary_key": ["id"]}}}
    with pytest.raises(SourceRefusedError) as caught:
        mysql_origin.load(statement_timeout="1s", **settings)
    assert "statement_timeout" in str(caught.value.hint)


def test_ctrl_c_ends_what_the_database_works_on(mysql_origin: MysqlOrigin) -> None:
    mysql_origin.execute("CREATE VIEW slow AS SELECT BENCHMARK(2000000000, MD5('a')) AS id")
    settings: dict[str, Any] = {"include": ["slow"], "tables": {"slow": {"primary_key": ["id"]}}, "retry": "1h"}
    pressed = threading.Timer(0.5, interrupt_all)
    began = time.monotonic()
    pressed.start()
    with pytest.raises(InterruptedRunError):
        mysql_origin.load(**settings)
    pressed.join()
    assert time.monotonic() - began < 15
    assert mysql_origin.tables() == []
