from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.lake.engine import Connection, connect, ident, literal
from headgate.sources.row_hash import SEPARATOR, canonical_text, hash_of, name_token

GOLDEN = [
    ("5", "BIGINT", 15851807412679765667),
    ("5", "INTEGER", 15851807412679765667),
    ("'5'", "VARCHAR", 15851807412679765667),
    ("''", "VARCHAR", 7858740986747731560),
    ("NULL", "VARCHAR", 9098107892288553193),
    ("'é\U0001f600'", "VARCHAR", 13137039609902048611),
    ("TRUE", "BOOLEAN", 1156986764134152590),
    ("0.1", "DOUBLE", 99234166308726217),
    ("0.1", "FLOAT", 99234166308726217),
    ("1e16", "DOUBLE", 2482402732391060970),
    ("-0.0", "DOUBLE", 13179966374220493473),
    ("0.0", "DOUBLE", 13179966374220493473),
    ("'nan'", "DOUBLE", 2050100606456394059),
    ("66.25", "DOUBLE", 7699029264661381853),
    ("-2.5e-5", "DOUBLE", 10918877141112995778),
    ("0.001", "DOUBLE", 3252911424911533544),
    ("999999999999999.9", "DOUBLE", 9681426521119671352),
    ("1e15", "DOUBLE", 15339515476761886984),
    ("1e308", "DOUBLE", 6172482509928352596),
    ("'-inf'", "DOUBLE", 4443244095666951917),
    ("1.50", "DECIMAL(10,2)", 11287934327403936107),
    ("DATE '2015-07-31'", "DATE", 4686409999659032733),
    ("TIME '10:00:00.5'", "TIME", 10641884659889456344),
    ("TIMESTAMP '2015-07-31 10:00:00.25'", "TIMESTAMP", 1534604123569602154),
    ("TIMESTAMPTZ '2015-07-31 12:00:00.25+02'", "TIMESTAMP WITH TIME ZONE", 1534604123569602154),
    ("'a\\x00b'", "BLOB", 13683615763099569086),
    ("'00000000-0000-0000-0000-000000000001'", "UUID", 11598096450686850603),
    ("['a', NULL, 'b,c']", "VARCHAR[]", 13284372598499711987),
    ("{'a': 1, 'b': [1.5]}", "STRUCT(a BIGINT, b DOUBLE[])", 6728869078675779529),
    ("'{\"a\": 1}'", "JSON", 7381512936790343044),
]


@pytest.fixture(scope="module")
def con() -> Iterator[Connection]:
    con = connect()
    yield con
    con.close()


def hash_row(con: Connection, **values: str) -> int:
    """The hash of a row of SQL values, each written ``value::TYPE``."""
    columns = {name: value.rsplit("::", 1)[1] for name, value in values.items()}
    row = ", ".join(
        f"CAST({value.rsplit('::', 1)[0]} AS {columns[name]}) AS {ident(name)}" for name, value in values.items()
    )
    found = con.execute(f"SELECT {hash_of(columns)} FROM (SELECT {row})").fetchall()[0][0]
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize(("value", "kind", "golden"), GOLDEN)
def test_the_hash_of_a_value_is_what_it_always_was(con: Connection, value: str, kind: str, golden: int) -> None:
    assert hash_row(con, x=f"{value}::{kind}") == golden


def test_the_hash_of_a_row_is_what_it_always_was(con: Connection) -> None:
    row = {"Store": "1::BIGINT", "Date": "'2015-07-31'::DATE", "Sales": "5263::BIGINT", "StateHoliday": "'0'::VARCHAR"}
    assert hash_row(con, **row) == 18016757052887386876


def test_the_hash_can_be_computed_without_duckdb(con: Connection) -> None:
    content = f"{SEPARATOR}{name_token('a')}x{SEPARATOR * 2}y{SEPARATOR}{name_token('b')}7"
    digest = hashlib.md5(content.encode(), usedforsecurity=False).digest()
    assert hash_row(con, a="'x\x1fy'::VARCHAR", b="7::BIGINT") == int.from_bytes(digest[8:], "little")


def test_the_order_of_columns_does_not_matter(con: Connection) -> None:
    assert hash_row(con, a="1::BIGINT", b="2::BIGINT") == hash_row(con, b="2::BIGINT", a="1::BIGINT")


def test_swapped_values_differ(con: Connection) -> None:
    assert hash_row(con, a="1::BIGINT", b="2::BIGINT") != hash_row(con, a="2::BIGINT", b="1::BIGINT")


def test_a_column_that_is_null_changes_nothing(con: Connection) -> None:
    assert hash_row(con, a="1::BIGINT", b="NULL::VARCHAR") == hash_row(con, a="1::BIGINT")


def test_null_and_the_empty_text_differ(con: Connection) -> None:
    assert hash_row(con, a="NULL::VARCHAR") != hash_row(con, a="''::VARCHAR")


def test_times_are_hashed_in_utc_whatever_the_zone_of_the_session(con: Connection) -> None:
    row = {"at": "'2015-07-31 12:00:00+02'::TIMESTAMP WITH TIME ZONE"}
    con.execute("SET TimeZone = 'UTC'")
    utc = hash_row(con, **row)
    con.execute("SET TimeZone = 'America/New_York'")
    assert hash_row(con, **row) == utc
    con.execute("SET TimeZone = 'UTC'")


def test_times_with_a_zone_are_hashed_as_those_of_utc_at_the_ends_of_time_too(con: Connection) -> None:
    times = ("infinity", "-infinity", "0044-03-15 (BC) 10:00:00+00", "0001-01-01 00:00:00+00",
             "1582-10-10 12:00:00+00", "1969-12-31 23:59:59.999999+00", "290000-01-01 00:00:00+00")  # fmt: skip
    for zone in ("UTC", "America/New_York"):
        con.execute(f"SET TimeZone = '{zone}'")
        for time in times:
            plain = time.removesuffix("+00")
            assert hash_row(con, at=f"'{time}'::TIMESTAMP WITH TIME ZONE") == hash_row(con, at=f"'{plain}'::TIMESTAMP")
    con.execute("SET TimeZone = 'UTC'")


@given(numbers=st.lists(st.floats(width=64) | st.floats(5e-4, 2e-3) | st.floats(1e14, 1e16), min_size=50, max_size=50))
def test_a_float_is_hashed_as_the_text_that_duckdb_writes(con: Connection, numbers: list[float]) -> None:
    assert texts_that_differ(con, f"SELECT unnest([{', '.join(map(literal, numbers))}])") == []


@pytest.mark.parametrize("digits", [2, 6, 17])
def test_floats_of_every_magnitude_are_hashed_as_the_text_that_duckdb_writes(con: Connection, digits: int) -> None:
    numbers = f"SELECT round(random() * 10 ** (i % 24), {digits - 2}) / 10 ** (i % 5) FROM range(200_000) AS r(i)"
    assert texts_that_differ(con, numbers) == []


def texts_that_differ(con: Connection, numbers: str) -> list[tuple[float, str, str]]:
    """Of the numbers that a query gives those whose text in a hash is not DuckDB's own, with both texts."""
    usual = "CASE WHEN isnan(x) THEN 'nan' ELSE CAST(x + 0 AS VARCHAR) END"
    asked = f"SELECT x, {canonical_text('x', 'DOUBLE')} AS ours, {usual} AS usual FROM ({numbers}) AS numbers(x)"
    return con.execute(f"SELECT * FROM ({asked}) WHERE ours <> usual LIMIT 5").fetchall()


@given(left=st.lists(st.text("ab\x1f1:", max_size=4) | st.none(), min_size=2, max_size=3), data=st.data())
def test_different_rows_have_different_hashes(con: Connection, left: list[str | None], data: st.DataObject) -> None:
    right = data.draw(st.lists(st.text("ab\x1f1:", max_size=4) | st.none(), min_size=len(left), max_size=len(left)))
    names = ["a", "b", "c"]

    def digest(row: list[str | None]) -> int:
        return hash_row(con, **{name: f"{literal(v)}::VARCHAR" for name, v in zip(names, row, strict=False)})

    assert (digest(left) == digest(right)) == (left == right)
