"""Asking with SQL: values as they are, results of any size, and no way to write to the lake."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from command_line import HEADGATE, Cli, on_a_terminal, process
from headgate.cli import tables
from headgate.lake.store import LocalStore
from small_shop import Shop

#: SQL, what JSON has, what people read. The rules are in docs/reference/json.md.
VALUES: list[tuple[str, Any, str]] = [
    ("1017209", 1017209, "1017209"),
    ("170141183460469231731687303715884105727::hugeint", 170141183460469231731687303715884105727, ""),
    ("0.1::double", 0.1, "0.1"),
    ("1.50::decimal(10, 2)", "1.50", "1.50"),
    ("'nan'::double", "NaN", "nan"),
    ("'inf'::double", "Infinity", "inf"),
    ("'-inf'::float", "-Infinity", "-inf"),
    ("true", True, "true"),
    ("null", None, "NULL"),
    ("''", "", ""),
    ("'Straße €'", "Straße €", "Straße €"),
    ("'a' || chr(10) || 'b'", "a\nb", "a\\nb"),
    ("chr(27) || '[31mred'", "\x1b[31mred", "\\x1b[31mred"),
    ("date '2024-02-29'", "2024-02-29", "2024-02-29"),
    ("timestamp '2024-02-29 12:30:00.5'", "2024-02-29T12:30:00.500000", "2024-02-29 12:30:00.500000"),
    ("timestamptz '2024-02-29 12:30:00+02'", "2024-02-29T10:30:00+00:00", "2024-02-29 10:30:00+00:00"),
    ("time '12:30:00'", "12:30:00", "12:30:00"),
    ("interval '3 days'", "3 days, 0:00:00", "3 days, 0:00:00"),
    ("'\\x00\\xFF'::blob", "00ff", "00ff"),
    ("uuid '550e8400-e29b-41d4-a716-446655440000'", "550e8400-e29b-41d4-a716-446655440000", ""),
    ("[1, null]", [1, None], "[1, null]"),
    ("{'a': 1.5::decimal(2, 1), 'b': [date '2024-01-01']}", {"a": "1.5", "b": ["2024-01-01"]}, ""),
    ("map {1: 'x'}", {"1": "x"}, '{"1": "x"}'),
    ("'y'::enum('x', 'y')", "y", "y"),
]


@pytest.mark.parametrize(("sql", "as_json", "text"), VALUES, ids=[sql for sql, _, _ in VALUES])
def test_values_are_shown_as_they_are(published_once: Shop, cli: Cli, sql: str, as_json: Any, text: str) -> None:
    here = ["-p", str(published_once.folder)]
    (found,) = cli("query", f"select {sql} as v, 1 as w", "--json", *here).json["rows"]
    assert found == [as_json, 1]
    shown = cli("query", f"select 'x' as before, {sql} as v, 'y' as after", *here).out.splitlines()[2]
    assert shown.startswith("x ")
    assert shown.endswith("  y")
    if text:
        assert shown[len("before") :].removesuffix("  y").strip() == text


def test_numbers_are_set_to_the_right_and_not_grouped(published_once: Shop, cli: Cli) -> None:
    shown = cli("query", "select 'a' as k, 1017209 as n union all select 'b', 7", "-p", str(published_once.folder))
    assert shown.out.splitlines()[:4] == ["k        n", "─  ───────", "a  1017209", "b        7"]


def test_a_query_can_be_piped_in(published: Shop) -> None:
    ended = process("query", "-", cwd=published.folder, stdin="select 6 * 7 as answer")
    assert "42" in ended.stdout
    assert process("query", "-", cwd=published.folder, stdin="").returncode == 2


def test_the_limit_holds_for_people_and_not_for_programs(published_once: Shop, cli: Cli) -> None:
    here = ["-p", str(published_once.folder)]
    shown = cli("query", "from range(1234)", "--limit", "3", *here).out.splitlines()
    assert [line.strip() for line in shown[2:5]] == ["0", "1", "2"]
    assert shown[5].startswith("1,234 rows, the first 3 shown (--limit) · release 1")
    assert len(cli("query", "from range(1234)", "--limit", "3", "--json", *here).json["rows"]) == 1234


def test_no_rows_and_many_statements(published_once: Shop, cli: Cli) -> None:
    here = ["-p", str(published_once.folder)]
    assert cli("query", "select 1 as a where false", *here).out.splitlines()[2].startswith("0 rows · ")
    assert cli("query", "select 1 as a where false", "--json", *here).json["rows"] == []
    assert cli("query", "set threads = 1; select 2 as b", "--json", *here).json["rows"] == [[2]]


def test_columns_of_one_name_stay_two(published_once: Shop, cli: Cli) -> None:
    found = cli("query", "select 1 as a, 2 as a", "--json", "-p", str(published_once.folder)).json
    assert (found["columns"], found["rows"]) == (["a", "a"], [[1, 2]])


#: The kernel counts what a process was before it became another: a small one begins it, not that of the tests.
PEAK_OF = """
import resource, subprocess, sys
subprocess.run(sys.argv[2:], stdout=open(sys.argv[1], "wb"), check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.slow
def test_a_huge_result_is_written_without_being_in_memory(published: Shop) -> None:
    sql = "select i, 'a text that takes some room ' || i as t from range(1000000) t(i)"
    asking = [sys.executable, "-c", PEAK_OF, "out.json", HEADGATE, "query", "--json", sql]
    done = subprocess.run(asking, cwd=published.folder, capture_output=True, text=True, check=True)
    assert (published.folder / "out.json").stat().st_size > 45_000_000
    assert int(done.stdout) < 450_000  # KiB


# --- nothing can be written ----------------------------------------------------------------------------


def contents(shop: Shop) -> dict[str, bytes]:
    store = LocalStore(shop.folder / "lake")
    return {entry.key: store.read(entry.key) for kind in ("current", "releases", "data") for entry in store.list(kind)}


@pytest.mark.parametrize(
    "sql",
    [
        "insert into marts.by_item values ('x', 1)",
        "delete from marts.by_item",
        "update marts.by_item set total = 0",
        "truncate marts.by_item",
        "drop table marts.by_item",
        "alter table marts.by_item add column x int",
        "create table marts.more as select 1",
        "create or replace view raw.sales as select 1",
        "update __ducklake_metadata_lake.ducklake_table set table_name = 'x'",
        "call lake.set_option('auto_compact', true)",
        "call ducklake_expire_snapshots('lake', older_than => now())",
        "checkpoint lake",
        "copy (select 1) to 'lake/current'",
        "copy marts.by_item to './lake/data/marts/x.parquet'",
        "export database 'lake/releases'",
        "attach 'lake/releases/000002.ducklake' as w; delete from w.ducklake_table",
        "attach 'ducklake:lake/releases/000002.ducklake' as w; drop table w.marts.by_item",
    ],
)
def test_a_statement_that_writes_is_refused_and_the_lake_is_unchanged(
    two_releases: Shop, cli: Cli, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    monkeypatch.chdir(two_releases.folder)
    before = contents(two_releases)
    ended = cli("query", "--release", "1", sql)
    assert (ended.code, ended.out) == (2, "")
    assert contents(two_releases) == before


def test_what_does_not_touch_the_lake_is_free(
    two_releases: Shop, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(two_releases.folder)
    target = tmp_path / "out.csv"
    assert cli("query", f"copy (from marts.by_item order by item) to '{target}'").code == 0
    assert target.read_text() == "item,total\na,80\nb,50\n"
    found = cli("query", f"select count(*) from '{target}' join marts.by_item using (item)", "--json")
    assert found.json["rows"] == [[2]]
    both = "attach 'ducklake:lake/releases/000001.ducklake' as one (read_only, data_path 'lake/data/', "
    both += "override_data_path true); select total from one.marts.by_item where item = 'b'"
    assert cli("query", both, "--json").json["rows"] == [[40]]


# --- tables --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_row_too_wide_for_the_window_is_shown_value_by_value(published: Shop) -> None:
    columns = ", ".join(f"'value {i}' as column_number_{i}" for i in range(20))
    seen = on_a_terminal("query", f"select {columns}", cwd=published.folder, env={"NO_COLOR": "1"})
    assert "row 1\n  column_number_0   value 0\n" in seen.text
    assert max(map(len, seen.text.splitlines())) <= 80
    wide = process("query", f"select {columns}", cwd=published.folder).stdout
    assert wide.splitlines()[2].startswith("value 0 ")
    assert "value 19" in wide.splitlines()[2]


@pytest.mark.slow
def test_headgates_own_tables_are_cut_to_the_window(published: Shop) -> None:
    published.write("models/marts/by_item.sql", "select a_column_that_is_not_there from {{ ref('sales_clean') }}")
    process("run", cwd=published.folder)
    seen = on_a_terminal("runs", cwd=published.folder, env={"NO_COLOR": "1"}, columns=70)
    assert max(map(len, seen.text.splitlines())) <= 70
    assert "…" in seen.text


def test_widths_count_places_not_characters(capsys: pytest.CaptureFixture[str]) -> None:
    tables.show_rows(["city", "n"], [("東京", 1), ("Ulm", 22)])
    assert capsys.readouterr().out.splitlines()[2:] == ["東京   1", "Ulm   22"]


def test_an_unclosed_standard_input_is_not_read_without_being_asked(
    published_once: Shop, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("select 1 as piped"))
    assert cli("query", "-", "--json", "-p", str(published_once.folder)).json["columns"] == ["piped"]


def test_a_table_that_is_not_there_is_told_with_those_that_are(published_once: Shop, cli: Cli) -> None:
    here = ["-p", str(published_once.folder)]
    for sql in ("select * from nosuch", "from raw.nosuch", 'from "no such"'):
        found = cli("query", sql, *here)
        assert found.code == 2
        assert "pg_" not in found.err
        assert "known: " in found.err
        assert "raw.sales" in found.err
    assert "did you mean raw.sales or raw_log.sales?" in cli("query", "from sale", *here).err
    assert "did you mean raw.items or raw_log.items?" in cli("query", "from raw.itms", *here).err
