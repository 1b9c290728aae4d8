"""Data of every kind is judged alike, and what cannot be judged is refused."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headgate import gate
from headgate.errors import ConfigError, DataError, MissingExtraError, SourceDataError, UsageError

SUITE: list[dict[str, Any]] = [
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "kind", "min_value": 0, "max_value": 5}},
    {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}},
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "amount"}, "severity": "warning"},
    {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1000}},
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "day", "min_value": "2024-01-01"}},
    {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "nope", "value_set": [1]}},
]
PLACES = [
    *(f"orders.{ending}" for ending in ("parquet", "csv", "csv.gz", "tsv", "jsonl", "json.gz")),
    "parts",
    "parts/**/*.parquet",
    "shop.duckdb::orders",
    "shop.duckdb::more.seen",
]


def assert_judged(data: Any) -> None:
    result = gate(data, SUITE)
    assert (result.ok, result.status, result.rows) == (False, "failed", 1000)
    assert [each.success for each in result.results] == [False, True, False, True, True, False]
    assert [each.unexpected_count for each in result.results] == [142, 0, 100, None, 0, None]
    assert set(result.results[0].partial_unexpected_list) == {6}
    assert [each.type for each in result.failures] == [SUITE[0]["type"], SUITE[5]["type"]]
    assert [each.type for each in result.warnings] == [SUITE[2]["type"]]
    assert result.results[3].observed_value == 1000
    assert "could not be checked" in (result.results[5].error or "")


@pytest.mark.parametrize("place", PLACES)
def test_every_place_gives_the_same_verdicts(forms: Path, place: str) -> None:
    assert_judged(f"{forms}/{place}")


def test_a_suite_of_a_folder_is_taken_by_its_name(forms: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gx" / "expectations"
    (folder / "shop").mkdir(parents=True)
    for name, rows in (("orders", 1000), ("shop/orders", 7)):
        one = {"type": "expect_table_row_count_to_equal", "kwargs": {"value": rows}}
        (folder / f"{name}.json").write_text(json.dumps({"name": name.replace("/", "."), "expectations": [one]}))
    data = forms / "orders.parquet"
    assert gate(data, f"{tmp_path}/gx::orders").ok
    assert gate(data, tmp_path / "gx::shop.orders").results[0].kwargs == {"value": 7}
    with pytest.raises(ConfigError, match="there are 2 suites in this folder") as several:
        gate(data, f"{tmp_path}/gx/")
    assert (several.value.hint or "").endswith("gx::orders, " + f"{tmp_path}/gx::shop.orders")
    with pytest.raises(ConfigError, match="there is no such file"):
        gate(data, f"{tmp_path}/gx/orders")


#: The texts of an ENUM in another order than theirs, and such as look like something else.
CHOICES = ("zz", "a", '{"x": 1}', "2024-01", "é")


def test_an_enum_is_judged_as_its_texts(tmp_path: Path) -> None:
    file, choices = tmp_path / "shop.duckdb", ", ".join(f"'{each}'" for each in CHOICES)
    with duckdb.connect(str(file)) as con:
        con.execute(f"CREATE TYPE choice AS ENUM ({choices}); CREATE TYPE few AS ENUM ('a', 'zz')")
        rows = ["('a', 'a', 1)", "('zz', 'a', 1)", "('a', 'zz', 2)", "(NULL, NULL, 3)", "('é', 'zz', 4)"]
        rows += ["('2024-01', 'a', 5)", """('{"x": 1}', NULL, 6)"""]
        for name, types in (("enums", ("choice", "few")), ("texts", ("VARCHAR", "VARCHAR"))):
            con.execute(f"CREATE TABLE {name} (c {types[0]}, other {types[1]}, i INT)")
            con.execute(f"INSERT INTO {name} VALUES {', '.join(rows)}")
    of, values = {"column": "c"}, "expect_column_values_to_"
    several = ("most_common_value_to_be_in", *(f"distinct_values_to_{each}" for each in ("be_in", "contain", "equal")))
    suite: list[dict[str, Any]] = [
        {f"expect_column_{each}_set": {**of, "value_set": chosen}}
        for each in ("values_to_be_in", "values_to_not_be_in", *several)
        for chosen in (["a"], ["a", "zz"], ["a", "é", "no choice"], ["no choice"], [1], ["a\0b", "a"])
    ]
    suite += [{f"{values}{each}match_regex": {**of, "regex": "^[a-z]+$"}} for each in ("", "not_")]
    suite += [{f"{values}match_like_pattern": {**of, "like_pattern": "a%"}}]
    suite += [{"expect_column_value_lengths_to_be_between": {**of, "max_value": 2}}]
    suite += [{each: of} for each in ("valid_json", f"{values}be_json_parseable", f"{values}be_dateutil_parseable")]
    suite += [{f"{values}match_strftime_format": {**of, "strftime_format": "%Y-%m"}}]
    suite += [{f"{values}match_json_schema": {**of, "json_schema": {"type": "object"}}}]
    suite += [{f"{values}{each}": of} for each in ("be_unique", "not_be_null")]
    suite += [{"expect_column_unique_value_count_to_be_between": {**of, "max_value": 2}}]
    partition = {"values": ["a", "zz"], "weights": [0.5, 0.5]}
    suite += [{"expect_column_kl_divergence_to_be_less_than": {**of, "partition_object": partition, "threshold": 9}}]
    both, pairs = {"column_A": "c", "column_B": "other"}, [["a", "a"], ["zz", "no choice"], [None, "zz"], ["é", None]]
    suite += [{"expect_column_pair_values_to_be_equal": both}]
    suite += [{"expect_column_pair_values_to_be_in_set": {**both, "value_pairs_set": pairs}}]
    suite += [{"expect_compound_columns_to_be_unique": {"column_list": ["c", "other"]}}]
    suite += [{"references": {"columns": ["other"], "to": table, "to_columns": ["c"]}} for table in ("enums", "texts")]
    suite += [{"implies": {"if": "c in ('a', 'no choice')", "then": "length(other) = 1"}}]
    suite += [{f"{values}not_be_null": {"column": "i", "row_condition": "c == 'a'", "condition_parser": "pandas"}}]
    numbers = ("success", "error", "observed_value", "element_count", "missing_count", "unexpected_count")
    enums, texts = (
        [each.to_json() for each in gate(f"{file}::{table}", suite).results] for table in ("enums", "texts")
    )
    for one, other in zip(enums, texts, strict=True):
        assert {name: one[name] for name in numbers} == {name: other[name] for name in numbers}, one
        shown = (sorted(each["partial_unexpected_list"], key=str) for each in (one, other))
        assert next(shown) == next(shown), one
        assert one["error"] is None


@pytest.mark.parametrize("type_", ["DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMPTZ"])
def test_a_moment_may_be_written_as_numpy_does(type_: str) -> None:
    day, between = "2020-01-02T00:00:00.000000000", "expect_column_values_to_be_between"
    with duckdb.connect() as con:
        con.execute("SET timezone = 'UTC'")
        data = con.sql(f"SELECT unnest(['2020-01-01', '2020-01-02'])::{type_} AS t")
        least, most, among, finer = gate(
            data,
            [
                {between: {"column": "t", "min_value": day}},
                {"expect_column_max_to_be_between": {"column": "t", "min_value": day, "max_value": day}},
                {"expect_column_distinct_values_to_contain_set": {"column": "t", "value_set": [day]}},
                {between: {"column": "t", "min_value": day[:-1] + "1"}},
            ],
        ).results
    assert (least.error, least.unexpected_count, most.success, among.success) == (None, 1, True, True)
    assert "could not be checked" in (finer.error or "")


#: Types of exact numbers, with the least and the greatest of them without a point, and how many digits are behind it.
EXACT = [
    *((f"DECIMAL({n},{behind})", 1 - 10**n, 10**n - 1, behind) for n, behind in ((4, 1), (18, 18), (38, 37), (38, 9))),
    ("DECIMAL(38,0)", 1 - 10**38, 10**38 - 1, 0),
    *(
        (name, -(2**bits) // 2, 2**bits // 2 - 1, 0)
        for name, bits in (("TINYINT", 8), ("BIGINT", 64), ("HUGEINT", 128))
    ),
    *((f"U{name}", 0, 2**bits - 1, 0) for name, bits in (("BIGINT", 64), ("HUGEINT", 128))),
]
#: Bounds as a suite has them, of which few are among the values of such a column.
BOUNDS = [0, 1, -1, 10, 11, 0.1, 1.5, 1.55, -99.95, 1e10, 1e30, 1e37, 1e38, 1e40, 1e300, 1e-18, 1e-40, 1.00000000001]
BOUNDS += [10**38, -(10**38), 10**38 - 1, 2**127, 2**127 - 1, -(2**127), 10**45, 999.9, 0.999999999999999]
BOUNDS += [2**53, 2**53 + 1, 2**63, 2**63 - 1, -(2**63), 2**64, 2**64 - 1, 2**128, 2**128 - 1, -1e40]


@pytest.mark.parametrize(("type_", "least", "greatest", "behind"), EXACT)
def test_exact_numbers_compare_with_what_their_type_cannot_hold(
    type_: str, least: int, greatest: int, behind: int
) -> None:
    unit = Fraction(1, 10**behind)
    low, high = least * unit, greatest * unit
    near = [Fraction(bound) + step * unit for bound in (0, 1, 1.5, 2**53, 10**30) for step in (-1, 0, 1)]
    rounded = {Fraction(round(each / unit)) * unit for each in near}
    values = sorted({low, high, high - unit, *(each for each in rounded if low <= each <= high)})
    with duckdb.connect() as con:
        rows = ", ".join(f"('{_written(each, behind)}'::{type_})" for each in values)
        con.execute(f"CREATE TABLE x AS SELECT x::{type_} AS x FROM (VALUES {rows}, (NULL)) t(x)")
        asked = [(bound, side, strict) for bound in BOUNDS for side in ("min", "max") for strict in (False, True)]
        between = "expect_column_values_to_be_between"
        suite: list[dict[str, Any]] = [
            {between: {"column": "x", f"{side}_value": bound, f"strict_{side}": strict}}
            for bound, side, strict in asked
        ]
        suite += [{"expect_column_values_to_not_be_in_set": {"column": "x", "value_set": [each, 1]}} for each in BOUNDS]
        result = gate(con.sql("FROM x"), suite)
    meant = [Fraction(Decimal(repr(bound))) for bound in BOUNDS]
    expected = [
        sum(1 for value in values if not _is_allowed(value, Fraction(Decimal(repr(bound))), side, strict))
        for bound, side, strict in asked
    ]
    expected += [sum(1 for value in values if value in (each, 1)) for each in meant]
    assert [(each.error, each.unexpected_count) for each in result.results] == [(None, each) for each in expected]
    assert {each.missing_count for each in result.results} == {1}


def _is_allowed(value: Fraction, bound: Fraction, side: str, strict: bool) -> bool:
    """Whether a value is on the side of the bound where it may be."""
    return (value > bound if side == "min" else value < bound) or (value == bound and not strict)


def _written(value: Fraction, behind: int) -> str:
    whole = str(int(abs(value) * 10**behind)).rjust(behind + 1, "0")
    point = f"{whole[:-behind]}.{whole[-behind:]}" if behind else whole
    return f"-{point}" if value < 0 else point


def test_a_uuid_is_judged_as_what_it_is_written_as(tmp_path: Path) -> None:
    known = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT '{known}'::UUID AS u UNION ALL SELECT NULL) TO '{tmp_path}/u.parquet'")
    same = [known, known.upper(), known.replace("-", ""), f"{{{known}}}"]
    sets = [[each, "none", 5] for each in same] + [["none"], [5], [known[:-1], f"{{{known}"]]
    suite: list[dict[str, Any]] = [
        {f"expect_column_{each}_in_set": {"column": "u", "value_set": chosen}}
        for each in ("values_to_be", "values_to_not_be", "distinct_values_to_be")
        for chosen in sets
    ]
    suite += [{"expect_column_values_to_match_regex": {"column": "u", "regex": "^a0eebc99-"}}]
    suite += [{"expect_column_value_lengths_to_equal": {"column": "u", "value": 36}}]
    result = gate(tmp_path / "u.parquet", suite)
    assert [each.error for each in result.results] == [None] * len(suite)
    inside = [True] * len(same) + [False] * 3
    assert [each.success for each in result.results] == [*inside, *(not each for each in inside), *inside, True, True]


def test_a_path_and_a_relation_are_judged_as_they_are(forms: Path) -> None:
    assert_judged(forms / "orders.parquet")
    with duckdb.connect() as con:
        assert_judged(con.sql(f"FROM '{forms}/orders.parquet'"))


@pytest.mark.parametrize(("library", "method"), [("pandas", "df"), ("polars", "pl"), ("pyarrow", "to_arrow_table")])
def test_data_frames_give_the_same_verdicts(forms: Path, library: str, method: str) -> None:
    pytest.importorskip(library, reason=f"{library} is the user's own library: Headgate does not need it")
    with duckdb.connect() as con:
        assert_judged(getattr(con.sql(f"FROM '{forms}/orders.parquet'"), method)())


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_a_frame_with_two_columns_of_one_name_is_refused(library: str) -> None:
    made = pytest.importorskip(library)
    frame = (
        made.DataFrame([[1, None]], columns=["a", "a"])
        if library == "pandas"
        else made.table([[1], [None]], names=["a", "a"])
    )
    with pytest.raises(UsageError, match="has several columns called 'a'"):
        gate(frame, [{"expect_column_values_to_not_be_null": {"column": "a"}}])


def test_what_can_be_read_once_only_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be judged"):
        gate(iter([1]), SUITE)


def test_a_sqlite_file_is_read_or_says_what_is_missing(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as con:
        con.execute("CREATE TABLE orders (id INTEGER)")
        con.executemany("INSERT INTO orders VALUES (?)", [(1,), (1,)])
    con.close()
    place, suite = f"{tmp_path}/shop.db::orders", [{"expect_column_values_to_be_unique": {"column": "id"}}]
    if find_spec("duckdb_extension_sqlite_scanner") is None:
        with pytest.raises(MissingExtraError, match="duckdb-extension-sqlite-scanner"):
            gate(place, suite)
    else:
        assert gate(place, suite).failures[0].unexpected_count == 2


def test_other_tables_of_a_database_can_be_referred_to(forms: Path) -> None:
    suite = [{"references": {"columns": ["kind"], "to": "kinds", "to_columns": ["kind"]}}]
    assert gate(f"{forms}/shop.duckdb::orders", suite).ok


def test_numbers_that_are_not_finite_are_judged_and_not_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("x\n1.5\nNaN\ninf\n")
    result = gate(tmp_path / "x.csv", [{"no_infinities": {}}])
    assert not result.ok
    assert result.failures[0].error is None


def test_nothing_is_lost_where_files_disagree_about_a_type(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"x": 1}\n')
    (tmp_path / "b.json").write_text('{"x": "one"}\n')
    suite = [{"expect_column_values_to_not_be_null": {"column": "x"}}]
    try:
        result = gate(f"{tmp_path}/*.json", suite)
    except DataError:
        return
    assert (result.rows, result.ok) == (2, True)


# --- the suite -----------------------------------------------------------------------------------------


def test_suites_of_every_form_say_the_same(forms: Path, tmp_path: Path) -> None:
    entry = {"expect_column_values_to_be_unique": {"column": "id"}}
    listed = tmp_path / "list.yml"
    listed.write_text("- expect_column_values_to_be_unique: {column: id}\n")
    layer = tmp_path / "layer.yml"
    layer.write_text("orders:\n  - suite: s.json\nothers:\n  - expect_column_to_exist: {column: nope}\n")
    old = {
        "expectation_suite_name": "s",
        "expectations": [{"expectation_type": next(iter(entry)), "kwargs": {"column": "id"}}],
    }
    (tmp_path / "s.json").write_text(json.dumps(old))
    for suite in ([entry], {"t": [entry]}, old, listed, str(layer), tmp_path / "s.json"):
        result = gate(forms / "orders.parquet", suite)
        assert [(each.type, each.success) for each in result.results] == [(next(iter(entry)), True)], suite
    assert not gate(forms / "orders.parquet", layer, table="others").ok


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ('{"expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "x"}}], "expectations": []}',
         "'expectations' stands 2 times in one object"),
        ('{"expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "x", "column": "id"}}]}',
         "'column' stands 2 times in one object"),
        (r'{"expectations": [{"type": "expect_column_to_exist", "id": "\ud800", "kwargs": {"column": "id"}}]}',
         r"the id '\ud800' holds half of a character"),
    ],
)  # fmt: skip
def test_nothing_of_a_suite_is_lost_or_cannot_be_shown(forms: Path, tmp_path: Path, written: str, what: str) -> None:
    (tmp_path / "suite.json").write_text(written)
    with pytest.raises(ConfigError) as refused:
        gate(forms / "orders.parquet", tmp_path / "suite.json")
    assert what in str(refused.value)
    assert "suite.json" in str(refused.value)


def test_a_suite_that_cannot_be_used_is_refused_with_its_place(forms: Path, tmp_path: Path) -> None:
    data = forms / "orders.parquet"
    two = tmp_path / "two.yml"
    two.write_text("a: []\nb: []\n")
    with pytest.raises(UsageError, match="several tables"):
        gate(data, two)
    with pytest.raises(UsageError, match="nothing of a table 'c'"):
        gate(data, two, table="c")
    (tmp_path / "two.txt").write_text("a: []")
    with pytest.raises(ConfigError, match="neither a suite nor a gate file"):
        gate(data, tmp_path / "two.txt")
    with pytest.raises(ConfigError, match="there is no expectation 'expect_nothing'"):
        gate(data, [{"expect_nothing": {}}])
    broken = tmp_path / "broken.yml"
    broken.write_text("- expect_column_to_exist: {column: id}\n- expect_column_to_exist: {colum: id}\n")
    with pytest.raises(ConfigError) as refused:
        gate(data, broken)
    assert refused.value.line == 2


@pytest.mark.parametrize("suite", [None, 5, {"a"}])
def test_what_is_no_suite_is_a_mistake(forms: Path, suite: Any) -> None:
    with pytest.raises(UsageError, match="a suite cannot be of the type"):
        gate(forms / "orders.parquet", suite)


# --- what cannot be judged -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nothing.parquet", "there is no file"),
        ("nothing.duckdb::orders", "there is no file"),
        ("shop.duckdb::order", "no table order"),
        ("shop.duckdb", r"does not say what it is\n  → .*shop\.duckdb::TABLE"),
        ("orders.*", "different formats"),
    ],
)
def test_a_place_without_data_is_a_mistake(forms: Path, place: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        gate(f"{forms}/{place}", SUITE)


def test_the_root_of_the_machine_is_not_searched() -> None:
    with pytest.raises(UsageError, match="/ is the whole machine"):
        gate("/", {"expectations": []})


def test_a_folder_without_parquet_files_and_no_place_at_all_say_what_to_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n\n1\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"there is no Parquet file in .*\n  → .*/\*\.csv"):
        gate(tmp_path, SUITE)
    with pytest.raises(UsageError, match="the place of the data is empty"):
        gate(" ", SUITE)
    with pytest.raises(UsageError, match="cannot be looked at: File name too long"):
        gate("a" * 5000, SUITE)


@pytest.mark.parametrize("place", ["mysql://user@host/db::orders", "https://host/x.parquet"])
def test_data_on_other_machines_is_refused(place: str) -> None:
    with pytest.raises(UsageError, match="cannot be judged"):
        gate(place, SUITE)


def test_damaged_files_are_bad_data(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    (tmp_path / "x.csv").write_text("a,b\n1\n")
    (tmp_path / "x.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(SourceDataError, match="not a Parquet file"):
        gate(tmp_path / "x.parquet", SUITE)
    with pytest.raises(SourceDataError, match="fewer values"):
        gate(tmp_path / "x.csv", SUITE)
    with pytest.raises(DataError, match="cannot be read as a database"):
        gate(f"{tmp_path}/x.duckdb::t", SUITE)


def test_parquet_files_with_different_columns_are_refused_and_not_filled_with_nulls(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT 1 AS a, 2 AS b) TO '{tmp_path}/1.parquet'")
        con.execute(f"COPY (SELECT 2 AS b, 1 AS a) TO '{tmp_path}/2.parquet'")
        suite = [{"expect_column_values_to_be_in_set": {"column": "a", "value_set": [1]}}]
        assert gate(tmp_path, suite).ok
        con.execute(f"COPY (SELECT 3 AS b) TO '{tmp_path}/3.parquet'")
    with pytest.raises(SourceDataError, match="has the column a"):
        gate(tmp_path, suite)


def test_importing_headgate_imports_no_engine() -> None:
    code = "import sys, headgate; print(any(m.startswith(('duckdb', 'sqlglot', 'pydantic')) for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_columns_that_a_suite_tags_are_masked_in_every_report_and_error(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,email\n1,ann@example.org\n2,ann@example.org\n")
    suite = {
        "expectations": [{"type": "expect_column_values_to_be_unique", "kwargs": {"column": "email"}}],
        "meta": {"headgate": {"pii": ["email"]}},
    }
    result = gate(tmp_path / "people.csv", suite)
    assert result.failures[0].unexpected_count == 2
    for ending in ("html", "xml", "md", "json"):
        assert "ann@" not in result.report(tmp_path / f"report.{ending}")
    (tmp_path / "people.csv").write_text('id,email\n1,"ann@example.org\n')
    with pytest.raises(DataError) as broken:
        gate(tmp_path / "people.csv", suite)
    assert "ann" not in str(broken.value)


def test_errors_call_the_data_as_the_user_does(forms: Path) -> None:
    place = f"{forms}/orders.parquet"
    (failure,) = gate(place, [SUITE[5]]).failures
    assert failure.error == f"could not be checked: {place} has no column 'nope': known: amount, day, id, kind, name"


def test_files_are_as_old_as_the_newest_of_them(forms: Path, tmp_path: Path) -> None:
    suite = [{"freshness": {"max_age": "2h"}}]
    for name, hours in (("a.csv", 3), ("b.csv", 9)):
        (tmp_path / name).write_text("n\n1\n", encoding="utf-8")
        moment = time.time() - hours * 3600
        os.utime(tmp_path / name, (moment, moment))
    (result,) = gate(f"{tmp_path}/*.csv", suite).results
    assert (result.error, result.success, result.details["age_seconds"]) == (None, False, pytest.approx(10800, abs=300))
    assert gate(f"{tmp_path}/*.csv", [{"freshness": {"max_age": "4h"}}]).ok
    for place in (f"{forms}/shop.duckdb::orders", duckdb.sql("SELECT 1 AS a").df()):
        (unknown,) = gate(place, suite).failures
        assert "nobody knows when the data of" in str(unknown.error)
        assert "name a column of times" in str(unknown.error)


NAMED = [{"expect_column_values_to_be_in_set": {"column": "ort", "value_set": ["Köln"]}}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("n,ort\n1,Köln\n".encode("latin-1"), {"encoding": "latin-1"}),
        ("n,ort\n1,Köln\n".encode("utf-16"), {"encoding": "utf-16"}),
        ("n#ort\n1#Köln\n".encode(), {"delimiter": "#"}),
        ("n,ort\n1,Köln\n2,NA\n".encode(), {"null_values": ["NA"]}),
    ],
)
def test_it_can_be_said_how_a_csv_file_is_written(tmp_path: Path, content: bytes, said: dict[str, Any]) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    assert gate(tmp_path / "a.csv", NAMED, **said).ok


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ({"a.csv": "n,ort\n1,Köln\n".encode("latin-1")}, "--encoding latin-1"),
        ({"a.csv": b"n,ort\n" + b"1,K\n" * 300_000 + "1,Köln\n".encode("latin-1")}, "--encoding latin-1"),
        ({"a.csv": "n,ort\n1,Köln\n".encode("utf-16")}, "--encoding utf-16"),
        ({"a.csv": b"n\n1\n", "b.csv": b"n,x\n1,2\n"}, "judge files together that have the same columns"),
        ({"a.csv": b""}, "name other files"),
    ],
)
def test_errors_name_what_there_is_without_a_project(tmp_path: Path, files: dict[str, bytes], hint: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as refused:
        gate(f"{tmp_path}/*.csv", NAMED)
    assert hint in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("place", "said", "what"),
    [
        ("orders.csv", {"encoding": "klingon"}, "the encoding 'klingon' cannot be read"),
        ("orders.csv", {"delimiter": ""}, "must be one to four characters"),
        ("orders.parquet", {"delimiter": ";"}, "orders.parquet is no CSV file"),
        ("shop.duckdb::orders", {"null_values": ["NA"]}, "shop.duckdb::orders is no CSV file"),
        ("s3://bucket/orders.parquet", {"encoding": "latin-1"}, "s3://bucket/orders.parquet is no CSV file"),
    ],
)
def test_what_is_said_of_csv_files_must_make_sense(forms: Path, place: str, said: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError) as refused:
        gate(place if "://" in place else f"{forms}/{place}", NAMED, **said)
    assert what in str(refused.value)


def test_a_data_frame_is_no_csv_file() -> None:
    with pytest.raises(UsageError, match="a data frame is no CSV file"):
        gate(duckdb.sql("SELECT 'Köln' AS ort").df(), NAMED, encoding="latin-1")
