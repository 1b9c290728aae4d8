"""A value is taken exactly if reading it loses nothing; the engine's own casts are the trap."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.lake.engine import Connection, connect, literal
from headgate.sources.casting import Formats, cast_native, cast_text


@pytest.fixture(scope="module")
def con() -> Iterator[Connection]:
    con = connect()
    yield con
    con.close()


def take(con: Connection, text: str | None, kind: str, formats: Formats | None = None) -> tuple[str | None, bool]:
    cast = cast_text("r", "v", kind, formats or Formats())
    row = con.execute(
        f"SELECT CAST(v AS VARCHAR), {cast.faithful} "
        f"FROM (SELECT *, {cast.value} AS v FROM (SELECT CAST({literal(text)} AS VARCHAR) AS r))"
    ).fetchall()[0]
    assert row[1] is not None
    return row[0], row[1]


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("BIGINT", ["5", "-5", "+5", " 5 ", "007", "2.0", "2.", "-9223372036854775808"]),
        ("UTINYINT", ["255"]),
        ("HUGEINT", ["170141183460469231731687303715884105727"]),
        ("DECIMAL(6,2)", ["1.5", "1.50", "1.500", "-.5", "9999.99", "1."]),
        ("DOUBLE", ["1.5", "1e3", "0.1234567890123456789", "-0", ".5"]),
        ("DATE", ["2024-01-31", "2024-1-5", "2024-01-31 00:00:00", "2024-01-31T00:00:00Z"]),
        ("TIMESTAMP", ["2024-01-31", "2024-01-31 10:00", "2024-01-31T10:00:00.123456", "2024-01-31 10:00:00+00"]),
        ("TIMESTAMP_MS", ["2024-01-31 10:00:00.123000"]),
        ("TIMESTAMP_NS", ["2024-01-31 10:00:00.123456789"]),
        ("TIMESTAMP WITH TIME ZONE", ["2024-01-31 10:00:00+02", "2024-01-31T10:00:00Z", "2024-01-31 10:00:00.5"]),
        ("TIME", ["10:00", "10:00:00.5"]),
        ("BOOLEAN", ["true", "False", "1", "no"]),
        ("UUID", ["00000000-0000-0000-0000-000000000001"]),
        ("JSON", ['{"a": 1}']),
        ("BIGINT[]", ["[1, 2]"]),
        ("VARCHAR", ["", " a ", "\x1f"]),
    ],
)
def test_a_value_that_is_only_spelt_otherwise_is_taken(con: Connection, kind: str, texts: list[str]) -> None:
    for text in texts:
        value, faithful = take(con, text, kind)
        assert faithful, text
        assert value is not None, text


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("BIGINT", ["1.5", "-", "1e3", "1_000", "0x1F", "x", " ", "9223372036854775808", "true", ".5"]),
        ("UTINYINT", ["256", "-1"]),
        ("DECIMAL(6,2)", ["1.005", "12345.6", "1e2", ".", "-", "+ "]),
        ("DECIMAL(6,0)", ["-", ".5", "1.5"]),
        ("DOUBLE", ["nan", "inf", "1e400", "1_0.5", "1,5", "x", "-", ".", "e5", " "]),
        ("DATE", ["2024-01-31 10:00", "2024-01-31x", "2024-02-30", "31.01.2024", "infinity", "epoch", "20240131"]),
        ("TIMESTAMP", ["2024-01-31 10:00:00+02", "2024-01-31 10:00:00.1234567", "infinity", "x"]),
        ("TIMESTAMP_MS", ["2024-01-31 10:00:00.1234"]),
        ("TIMESTAMP WITH TIME ZONE", ["2024-01-31 10:00:00.1234567+02", "infinity"]),
        ("TIME", ["10:00:00.1234567", "25:00"]),
        ("BOOLEAN", ["2", "maybe"]),
        ("UUID", ["x"]),
        ("JSON", ["{"]),
    ],
)
def test_a_value_that_would_be_changed_is_not_taken(con: Connection, kind: str, texts: list[str]) -> None:
    for text in texts:
        assert not take(con, text, kind)[1], text


@pytest.mark.parametrize("kind", ["BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "VARCHAR", "BOOLEAN"])
def test_null_stays_null(con: Connection, kind: str) -> None:
    assert take(con, None, kind) == (None, True)


def test_a_declared_form_is_the_only_one(con: Connection) -> None:
    formats = Formats(date="%d.%m.%Y", timestamp="%d.%m.%Y %H:%M")
    assert take(con, "31.12.2024", "DATE", formats) == ("2024-12-31", True)
    assert take(con, "31.12.2024 23:59", "TIMESTAMP", formats) == ("2024-12-31 23:59:00", True)
    assert take(con, "2024-12-31", "DATE", formats) == (None, False)


@pytest.mark.parametrize(
    ("native", "kind", "value", "good"),
    [
        ("BIGINT", "INTEGER", "5", True),
        ("BIGINT", "INTEGER", "5000000000", False),
        ("BIGINT", "DOUBLE", "5", True),
        ("BIGINT", "DOUBLE", "9007199254740993", False),
        ("DOUBLE", "FLOAT", "1.5", True),
        ("DOUBLE", "FLOAT", "0.1", False),
        ("DECIMAL(10,2)", "DOUBLE", "0.10", True),
        ("DOUBLE", "BIGINT", "1.5", False),
        ("VARCHAR", "DATE", "'2024-01-31'", True),
        ("TIMESTAMP", "DATE", "'2024-01-31 10:00'", False),
        ("DOUBLE", "DOUBLE", "'nan'", False),
        ("BIGINT", "VARCHAR", "NULL", True),
    ],
)
def test_a_typed_value_is_taken_if_it_comes_back(
    con: Connection, native: str, kind: str, value: str, *, good: bool
) -> None:
    cast = cast_native("r", "v", kind, native)
    row = con.execute(
        f"SELECT {cast.faithful} FROM (SELECT *, {cast.value} AS v FROM (SELECT CAST({value} AS {native}) AS r))"
    ).fetchall()
    assert row == [(good,)]


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789.-+eE _x", max_size=8))
def test_a_whole_number_that_is_taken_is_the_number_that_was_written(con: Connection, text: str) -> None:
    value, faithful = take(con, text, "BIGINT")
    if faithful:
        assert value is not None
        assert Decimal(text.strip()) == Decimal(value)


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789.-+eE _x", max_size=8))
def test_a_float_that_is_taken_is_the_number_that_was_written(con: Connection, text: str) -> None:
    value, faithful = take(con, text, "DOUBLE")
    if faithful:
        assert value is not None
        assert float(text) == float(value)


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789.-+eE _x", max_size=8))
def test_a_decimal_that_is_taken_is_the_number_that_was_written(con: Connection, text: str) -> None:
    value, faithful = take(con, text, "DECIMAL(18,3)")
    if faithful:
        assert value is not None
        assert Decimal(text.strip()) == Decimal(value)
