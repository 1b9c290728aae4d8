"""The generator of the Rossmann project: what it makes looks like the real files, and is always the same."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "projects" / "rossmann" / "generate.py"
TRAIN_HEADER = '"Store","DayOfWeek","Date","Sales","Customers","Open","Promo","StateHoliday","SchoolHoliday"'
TRAIN_LINE = re.compile(r'\d+,[1-7],\d{4}-\d\d-\d\d,\d+,\d+,[01],[01],"[0abc]","[01]"')
STORE_LINE = re.compile(
    r'\d+,"[abcd]","[abc]",\d*,\d*,\d*,(0,,,""|1,\d+,\d{4},"(Jan,Apr,Jul,Oct|Feb,May,Aug,Nov|Mar,Jun,Sept,Dec)")'
)


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rossmann_generate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ask(path: Path, sql: str) -> Any:
    with duckdb.connect() as con:
        types = ", types = {'StateHoliday': 'VARCHAR'}" if path.name.startswith("train") else ""
        con.execute(f"create view file as from read_csv('{path}'{types})")
        return con.execute(sql).fetchone()


def test_lines_are_written_and_quoted_as_the_real_files_are(generator: ModuleType, tmp_path: Path) -> None:
    generator.generate(tmp_path, stores=30, days=60)
    header, *lines = (tmp_path / "train.csv").read_text().splitlines()
    assert header == TRAIN_HEADER
    assert len(lines) == 30 * 60
    assert all(TRAIN_LINE.fullmatch(line) for line in lines)
    assert lines[0].split(",")[:3] == ["1", "5", "2013-03-01"], "the newest day first, and in it store 1"
    assert lines[-1].split(",")[:3] == ["30", "2", "2013-01-01"]
    header, *lines = (tmp_path / "store.csv").read_text().splitlines()
    assert header.startswith('"Store","StoreType"')
    assert len(lines) == 30
    assert all(STORE_LINE.fullmatch(line) for line in lines)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store.csv", "train.csv"]


@pytest.mark.slow
def test_the_same_seed_makes_the_same_files_with_any_number_of_threads(tmp_path: Path) -> None:
    alone = "import os, runpy, sys; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    alone += "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    for name, seed, words in (("a", 7, []), ("b", 7, ["-c", alone]), ("c", 8, [])):
        size = ["--stores", "300", "--days", "500", "--seed", str(seed), "--out", str(tmp_path / name)]
        subprocess.run([sys.executable, *words, str(SCRIPT), *size], check=True, capture_output=True)
    for file in ("train.csv", "store.csv"):
        same, again, other = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert same == again
        assert same != other


def test_closed_stores_sell_nothing_and_sums_are_plausible(generator: ModuleType, tmp_path: Path) -> None:
    path, rows = generator.generate(tmp_path, stores=200, days=400)
    assert rows == 80_000
    closed, negative, mean, open_share, most = ask(
        path,
        "select count(*) filter (Open = 0 and Sales + Customers <> 0), count(*) filter (Sales < 0), "
        "avg(Sales) filter (Open = 1), avg(Open), max(Customers) from file".replace("filter (", "filter (where "),
    )
    assert (closed, negative) == (0, 0)
    assert 6_000 < mean < 8_000
    assert 0.80 < open_share < 0.85
    assert most <= 7_388


@pytest.mark.slow
def test_the_default_has_the_real_files_rows_gaps_and_oddities(generator: ModuleType, tmp_path: Path) -> None:
    path, rows = generator.generate(tmp_path)
    assert rows == 1_017_209
    assert ask(
        path, "select count(*), count(distinct Store), count(distinct (Store, Date)), min(Date), max(Date) from file"
    ) == (
        1_017_209,
        1_115,
        1_017_209,
        date(2013, 1, 1),
        date(2015, 7, 31),
    )
    assert ask(
        path,
        "select count(*) from (select Store from file where Date between '2014-07-01' and '2014-12-31' "
        "group by Store having count(*) = 184)",
    ) == (935,)
    assert ask(path, "select count(*) from file where Store = 988 and Date = '2013-01-01'") == (0,)
    first_letter, without_sales = ask(
        path,
        "select min(line) filter (where StateHoliday <> '0'), count(*) filter (where Open = 1 and Sales = 0) "
        "from (select row_number() over () as line, * from file)",
    )
    assert first_letter > 60_000, "so that looking at the head does not tell the column's type"
    assert 30 < without_sales < 80
    store = "select count(*), count(*) - count(CompetitionDistance), sum(Promo2) from file"
    assert ask(tmp_path / "store.csv", store) == (1_115, 3, 571)


def test_a_week_follows_the_days_before_it_and_belongs_to_the_same_stores(
    generator: ModuleType, tmp_path: Path
) -> None:
    generator.generate(tmp_path, stores=20, days=100)
    before = (tmp_path / "store.csv").stat().st_mtime_ns
    first, rows = generator.generate(tmp_path, stores=20, days=100, week=1)
    second, _ = generator.generate(tmp_path, stores=20, days=100, week=2)
    whole, _ = generator.generate(tmp_path / "whole", stores=20, days=114)
    assert rows == 140
    assert (tmp_path / "store.csv").stat().st_mtime_ns == before
    parts = second.read_text().splitlines()[1:] + first.read_text().splitlines()[1:]
    assert parts == whole.read_text().splitlines()[1 : 1 + 280]


@pytest.mark.parametrize(
    ("broken", "sql", "expected"),
    [
        (
            "outliers",
            "select count_if(Customers > 10000) > 0, count_if(Customers > 10000) < 0.05 * count(*), count(*)",
            (True, True, 2800),
        ),
        ("negative-sales", "select min(Sales), count_if(Sales < 0) > 0, count(*)", (-5, True, 2800)),
        ("duplicates", "select count(*) > 2800, count(distinct (Store, Date))", (True, 2800)),
        ("missing-column", "select count(*)", (2800,)),
    ],
)
def test_data_is_broken_only_as_asked(
    generator: ModuleType, tmp_path: Path, broken: str, sql: str, expected: tuple[Any, ...]
) -> None:
    path, _ = generator.generate(tmp_path, stores=400, days=30, week=1, broken=broken)
    assert ask(path, f"{sql} from file") == expected
    header = path.read_text().splitlines()[0]
    assert header == (TRAIN_HEADER.replace('"Customers",', "") if broken == "missing-column" else TRAIN_HEADER)


def test_a_number_of_stores_below_one_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--stores", "0", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "it must be 1 or more" in done.stderr
    assert list(tmp_path.iterdir()) == []
