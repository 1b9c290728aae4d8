"""What PostgreSQL holds lands in raw without loss, or is refused by name."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest

from headgate.errors import ConfigError, SourceDataError
from origin import Origin


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


#: PostgreSQL's type and a value of it as SQL; DuckDB's type in raw, and the value there.
TYPES: list[tuple[str, str, str, Any]] = [
    ("smallint", "-32768", "SMALLINT", -32768),
    ("integer", "NULL", "INTEGER", None),
    ("bigint", "9223372036854775807", "BIGINT", 9223372036854775807),
    ("real", "1.5", "FLOAT", 1.5),
    ("double precision", "0.1", "DOUBLE", 0.1),
    ("numeric(10,2)", "1.25", "DECIMAL(10,2)", Decimal("1.25")),
    ("numeric(38,10)", "1234567890123456789012345678.0123456789", "DECIMAL(38,10)",
     Decimal("1234567890123456789012345678.0123456789")),
    ("numeric", "0.12345678901234567890", "VARCHAR", "0.12345678901234567890"),
    ("numeric(50,2)", "1.25", "VARCHAR", "1.25"),
    ("numeric(5,-2)", "1200", "VARCHAR", "1200"),
    ("boolean", "true", "BOOLEAN", True),
    ("text", "E'a\\tb\\n''\\\\ \U0001f600'", "VARCHAR", "a\tb\n'\\ \U0001f600"),
    ("text", "''", "VARCHAR", ""),
    ("varchar(5)", "'abc'", "VARCHAR", "abc"),
    ("char(5)", "'abc'", "VARCHAR", "abc"),
    ("date", "'0044-03-15 BC'", "DATE", "0044-03-15 (BC)"),
    ("date", "'infinity'", "DATE", "infinity"),
    ("timestamp", "'-infinity'", "TIMESTAMP", "-infinity"),
    ("time", "'24:00'", "TIME", "24:00:00"),
    ("time(3)", "'10:11:12.123'", "TIME", dt.time(10, 11, 12, 123000)),
    ("timestamp", "'2026-01-02 03:04:05.123456'", "TIMESTAMP", moment("2026-01-02T03:04:05.123456")),
    ("timestamp(3)", "'9999-12-31 23:59:59.999'", "TIMESTAMP", moment("9999-12-31T23:59:59.999")),
    ("timestamptz", "'2026-01-02 03:04:05+02'", "TIMESTAMP WITH TIME ZONE",
     moment("2026-01-02T01:04:05+00:00")),
    ("timetz", "'10:11:12+02'", "VARCHAR", "10:11:12+02"),
    ("interval", "'1 mon 2 days 3.5 sec'", "VARCHAR", "1 mon 2 days 00:00:03.5"),
    ("uuid", "'11111111-2222-3333-4444-555555555555'", "UUID", uuid.UUID("11111111-2222-3333-4444-555555555555")),
    ("json", """'{"a": 1.10}'""", "JSON", '{"a": 1.10}'),
    ("jsonb", """'{"b": 1, "a": [null]}'""", "JSON", '{"a": [null], "b": 1}'),
    ("bytea", "'\\x00ff'", "BLOB", b"\x00\xff"),
    ("integer[]", "'{1,NULL,3}'", "INTEGER[]", [1, None, 3]),
    ("text[]", "ARRAY['a,b', '', NULL]", "VARCHAR[]", ["a,b", "", None]),
    ("numeric(10,2)[]", "'{1.5}'", "DECIMAL(10,2)[]", [Decimal("1.50")]),
    ("timestamp[]", "'{2026-01-01}'", "TIMESTAMP[]", [moment("2026-01-01")]),
    ("numeric[]", "'{0.12345678901234567890}'", "VARCHAR", "{0.12345678901234567890}"),
    ("double precision[]", "'{NaN}'", "VARCHAR", "{NaN}"),
    ("mood", "'happy'", "VARCHAR", "happy"),
    ("mood[]", "'{happy}'", "VARCHAR", "{happy}"),
    ("price", "1.5", "DECIMAL(10,2)", Decimal("1.50")),
    ("cheap", "1.5", "DECIMAL(10,2)", Decimal("1.50")),
    ("pair", "'(1,\"a b\")'", "VARCHAR", '(1,"a b")'),
    ("pair[]", "ARRAY[ROW(1, 'a b')::pair]", "VARCHAR", '{"(1,\\"a b\\")"}'),
    ("moods", "'{sad,happy}'", "VARCHAR", "{sad,happy}"),
    ("numbers", "'{1,2}'", "INTEGER[]", [1, 2]),
    ("feeling", "'sad'", "VARCHAR", "sad"),
    ("int4range", "'[1,5)'", "VARCHAR", "[1,5)"),
    ("inet", "'10.0.0.1/8'", "VARCHAR", "10.0.0.1/8"),
    ("bit(3)", "'101'", "VARCHAR", "101"),
    ("point", "'(1,2)'", "VARCHAR", "(1,2)"),
    ("oid", "4294967295", "BIGINT", 4294967295),
    ('"char"', "'x'", "VARCHAR", "x"),
    ("tsvector", "'fat cat'", "VARCHAR", "'cat' 'fat'"),
]  # fmt: skip


def test_every_type_lands_without_loss(origin: Origin) -> None:
    origin.execute(
        "CREATE TYPE mood AS ENUM ('happy', 'sad')",
        "CREATE DOMAIN price AS numeric(10,2)",
        "CREATE DOMAIN cheap AS price CHECK (VALUE < 10)",
        "CREATE TYPE pair AS (a int, b text)",
        "CREATE DOMAIN moods AS mood[]",
        "CREATE DOMAIN numbers AS int[]",
        "CREATE DOMAIN feeling AS mood NOT NULL",
        f"CREATE TABLE t (id int PRIMARY KEY, {', '.join(f'c{n} {kind}' for n, (kind, *_) in enumerate(TYPES))})",
        f"INSERT INTO t VALUES (1, {', '.join(value for _, value, *_ in TYPES)})",
    )
    origin.load()
    types = origin.types("t")
    (row,) = origin.raw("t", "* EXCLUDE (id)")
    (texts,) = origin.raw("t", "CAST(COLUMNS(* EXCLUDE (id)) AS VARCHAR)")
    for n, (kind, _, landed, expected) in enumerate(TYPES):
        assert types[f"c{n}"] == landed, kind
        found = texts[n] if isinstance(expected, str) else row[n]
        assert found.strip() == expected if kind == "char(5)" else found == expected, kind
    assert not any(change.changed for change in origin.changes().values())


@pytest.mark.parametrize(
    ("kind", "value", "null"),
    [
        ("numeric(10,2)", "'NaN'", None),
        ("real", "'-infinity'", None),
        ("double precision", "'NaN'", None),
        ("numeric(10,2)[]", "'{NaN}'", "never"),
        ("integer[]", "'{{1,2},{3,4}}'", "never"),
        ("json", """'{"secret": "\\ud800"}'""", "never"),
    ],
)
def test_a_value_that_has_no_place_is_refused_by_its_column(origin: Origin, kind: str, value: str, null: Any) -> None:
    origin.execute(f"CREATE TABLE t (id int PRIMARY KEY, ok int, c {kind})", f"INSERT INTO t VALUES (1, 1, {value})")
    with pytest.raises(SourceDataError) as caught:
        origin.load()
    assert (caught.value.table, caught.value.column) == ("app.t", "c")
    assert "as_text: [c]" in str(caught.value.hint)
    assert "secret" not in str(caught.value)
    assert origin.tables() == []
    if null is None:
        origin.load(non_finite="null")
        assert origin.raw("t", "c") == [(None,)]
    origin.load(tables={"t": {"columns": {"as_text": ["c"]}}})
    assert origin.raw("t", "c")[0][0] is not None


@pytest.mark.parametrize("kind", ["timestamp", "timestamp(3)", "timestamptz", "timestamp[]", "timestamptz[]"])
@pytest.mark.parametrize(
    "moment", ["294276-12-31 23:59:59.999", "294247-01-10 04:00:54.775807", "294247-01-10 04:00:54.775808"]
)
def test_a_moment_beyond_the_last_one_is_refused_and_not_another_one(origin: Origin, kind: str, moment: str) -> None:
    value = f"'{moment}+00'" if kind[-2:] != "[]" else f"'{{{moment}+00,infinity}}'"
    infinite = "'infinity'" if kind[-2:] != "[]" else "'{infinity,-infinity}'"
    origin.execute(f"CREATE TABLE t (id int PRIMARY KEY, c {kind})")
    if kind == "timestamp(3)" and "." in moment and moment.endswith(("7", "8")):
        value = "'294247-01-10 04:00:54.776'"
    origin.execute(f"INSERT INTO t VALUES (1, {infinite}), (2, {value}), (3, NULL)")
    with pytest.raises(SourceDataError, match="beyond the year 294246") as caught:
        origin.load()
    assert (caught.value.table, caught.value.column) == ("app.t", "c")
    assert "as_text: [c]" in str(caught.value.hint)
    assert origin.tables() == []
    origin.load(tables={"t": {"columns": {"as_text": ["c"]}}})
    assert any(moment[:19] in text for (text,) in origin.raw("t", "c") if text)


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
def test_the_first_and_the_last_moment_land_as_they_are(origin: Origin, kind: str) -> None:
    moments = ["-infinity", "4714-11-24 00:00:00 BC", "294247-01-10 04:00:54.775806", "infinity"]
    origin.execute(f"CREATE TABLE t (id int PRIMARY KEY, c {kind}, d date)")
    for n, moment in enumerate(moments):
        origin.execute(f"INSERT INTO t VALUES ({n}, '{moment}', '{moment}')")
    origin.load()
    found = origin.raw("t", "id, epoch_us(c) - epoch_us(TIMESTAMP '2000-01-01'), isfinite(c), isfinite(d)")
    with origin.server.connect() as con:
        there = con.execute(
            f"SELECT id, CASE WHEN isfinite(c) THEN CAST(extract(epoch FROM c - '2000-01-01') * 1000000 AS bigint) "
            f"END, isfinite(c), isfinite(d) FROM {origin.schema}.t ORDER BY id".encode()
        ).fetchall()
    assert [row[2:] for row in found] == [row[2:] for row in there]
    assert [row[:2] for row in found if row[2]] == [row[:2] for row in there if row[2]]


@pytest.mark.parametrize("kind", ["numeric(4,1)", "numeric(9,9)", "numeric(18,2)", "numeric(38,10)", "real", "float8"])
def test_a_number_that_is_none_is_found_among_zeros_whenever_it_comes(origin: Origin, kind: str) -> None:
    origin.execute(f"CREATE TABLE t (id int PRIMARY KEY, c {kind}, at timestamp)")
    origin.execute("INSERT INTO t VALUES (1, 0, '2026-01-01'), (2, NULL, '2026-01-01'), (3, 'NaN', '2026-01-01')")
    with pytest.raises(SourceDataError, match="a row has a value that is no finite number"):
        origin.load(cursor="at")
    assert origin.tables() == []
    origin.execute("UPDATE t SET c = 0 WHERE id = 3")
    assert origin.load(cursor="at")["t"].counts.appended == 3
    origin.execute("INSERT INTO t VALUES (4, 0, '2026-01-02'), (5, 'NaN', '2026-01-02')")
    with pytest.raises(SourceDataError, match="a row has a value that is no finite number") as caught:
        origin.load(cursor="at")
    assert (caught.value.rule, caught.value.column) == ("non_finite", "c")
    assert origin.raw("t", "id, c") == [(1, 0), (2, None), (3, 0)]


@pytest.mark.parametrize(("kind", "text"), [("numeric(5,2)", "0.00"), ("float8", "0.0")])
def test_a_number_that_is_none_is_found_where_its_column_is_kept_as_text(origin: Origin, kind: str, text: str) -> None:
    origin.execute("CREATE TABLE t (id int PRIMARY KEY, c text)", "INSERT INTO t VALUES (1, 'one')")
    origin.load()
    origin.execute("DELETE FROM t", f"ALTER TABLE t ALTER c TYPE {kind} USING NULL", "INSERT INTO t VALUES (2, 0)")
    origin.load(on_narrowed_type="ignore")
    assert origin.raw("t") == [(2, text)]
    origin.execute("INSERT INTO t VALUES (3, 'NaN')")
    with pytest.raises(SourceDataError, match="a row has a value that is no finite number"):
        origin.load(on_narrowed_type="ignore")


def test_names_and_texts_that_are_sql_are_nothing_special(origin: Origin) -> None:
    table, column = "Robert'); DROP TABLE x;--", 'sel"ect \\ $q$ %s'
    quoted = column.replace('"', '""')
    big = "x" * 1_000_000
    origin.execute(
        f'CREATE TABLE "{table}" ("{quoted}" int PRIMARY KEY, "from" text, "Zeit ☃" timestamp)',
        f"""INSERT INTO "{table}" VALUES (1, '\\'';--', '2026-01-01'), (2, '{big}', NULL)""",
    )
    settings: dict[str, Any] = {"cursor": "Zeit ☃"}
    origin.load(**settings)
    assert origin.raw(table, 'left("from", 5)') == [("\\';--",), ("xxxxx",)]
    assert list(origin.types(table)) == [column, "from", "Zeit ☃"]
    assert origin.load(**settings) == {}


def test_names_that_differ_in_case_only_are_refused(origin: Origin) -> None:
    origin.execute('CREATE TABLE t (id int PRIMARY KEY, "ID" int)')
    with pytest.raises(SourceDataError, match="case does not matter") as caught:
        origin.changes()
    assert caught.value.rule == "duplicate_column"
    origin.execute('CREATE TABLE "T" (id int PRIMARY KEY)')
    with pytest.raises(Exception, match="one table of raw"):
        origin.changes()


@pytest.mark.parametrize("name", ["_hash", "_op", "_Run", "_headgate_x"])
def test_a_column_that_is_called_as_one_of_ours_is_refused(origin: Origin, name: str) -> None:
    origin.execute(f'CREATE TABLE t (id int PRIMARY KEY, "{name}" int)')
    with pytest.raises(SourceDataError, match="Headgate uses itself") as caught:
        origin.changes()
    assert f"exclude: [{name}]" in str(caught.value.hint)
    assert origin.load(tables={"t": {"columns": {"exclude": [name]}}})["t"].counts.read == 0


def test_a_table_of_five_hundred_columns_is_read_and_known_again(origin: Origin) -> None:
    columns = ", ".join(f"c{n} int" for n in range(499))
    origin.execute(
        f"CREATE TABLE wide (id int PRIMARY KEY, {columns})", "INSERT INTO wide (id, c0, c498) VALUES (1, 2, 3)"
    )
    assert origin.load()["wide"].counts.appended == 1
    assert origin.raw("wide", "id, c0, c1, c498") == [(1, 2, None, 3)]
    assert len(origin.types("wide")) == 500
    assert origin.load() == {}
    origin.execute("UPDATE wide SET c498 = 4")
    assert origin.load()["wide"].counts.appended == 1


def test_columns_that_the_database_works_out_are_columns(origin: Origin) -> None:
    origin.execute(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, price numeric(9,2), "
        "gross numeric(9,2) GENERATED ALWAYS AS (price * 1.2) STORED)",
        "INSERT INTO t (price) VALUES (10)",
    )
    origin.load()
    assert origin.raw("t") == [(1, Decimal("10.00"), Decimal("12.00"))]


def test_views_are_read_as_tables_if_they_are_named(origin: Origin) -> None:
    """Plain and materialized ones, also one that reads another schema; with a key, which a view cannot have itself."""
    origin.execute(
        "CREATE TABLE base (id int PRIMARY KEY, mail text)",
        "INSERT INTO base VALUES (1, 'a@x'), (2, 'b@x')",
        f"CREATE VIEW seen AS SELECT id, upper(mail) AS mail FROM {origin.schema}.base",
        "CREATE MATERIALIZED VIEW kept AS SELECT id FROM base",
        "CREATE VIEW from_elsewhere AS SELECT CAST(oid AS bigint) AS id FROM pg_catalog.pg_namespace "
        "WHERE nspname = 'public'",
    )
    keys = {name: {"primary_key": ["id"]} for name in ("seen", "kept", "from_elsewhere")}
    done = origin.load(tables=keys)
    assert {name: each.counts.read for name, each in done.items()} == {
        "base": 2,
        "from_elsewhere": 1,
        "kept": 2,
        "seen": 2,
    }
    assert origin.raw("seen") == [(1, "A@X"), (2, "B@X")]
    origin.execute("DELETE FROM base WHERE id = 2")
    assert {name: each.counts.deleted for name, each in origin.load(tables=keys).items()} == {"base": 1, "seen": 1}
    with pytest.raises(ConfigError, match="the table seen has no primary key"):
        origin.changes(include=["seen"])


def test_partitions_are_parts_of_their_table(origin: Origin) -> None:
    origin.execute(
        "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
        "INSERT INTO p VALUES (1), (2)",
    )
    assert origin.load()["p"].counts.read == 2


def test_the_texts_of_values_do_not_depend_on_the_servers_defaults(origin: Origin) -> None:
    origin.execute(
        "CREATE TABLE t (id int PRIMARY KEY, a timestamptz, b interval, c bytea, d date)",
        "INSERT INTO t VALUES (1, '2026-01-02 03:04:05+00', '1 day', '\\x01', '2026-02-01')",
    )
    origin.load()
    names = (
        "TimeZone = 'Asia/Kolkata'",
        "DateStyle = 'German'",
        "IntervalStyle = 'iso_8601'",
        "bytea_output = 'escape'",
    )
    origin.execute(*(f"ALTER ROLE owner SET {name}" for name in names))
    try:
        assert origin.load() == {}
    finally:
        origin.execute("ALTER ROLE owner RESET ALL")
