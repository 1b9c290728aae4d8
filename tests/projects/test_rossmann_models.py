"""The Rossmann models, compiled by dbt and run by DuckDB, against what plain Python says they must give."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.lake import engine

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "projects" / "rossmann"
DATA = Path(os.environ.get("HEADGATE_DATA", ROOT.parent / "shared" / "data")) / "rossmann"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real files are not in {DATA} (HEADGATE_DATA)")

LAGS = (1, 7, 14, 28)
WINDOWS = (7, 14, 28, 60)
TRAIN = ["Store", "DayOfWeek", "Date", "Sales", "Customers", "Open", "Promo", "StateHoliday", "SchoolHoliday"]
STORE = [
    "Store",
    "StoreType",
    "Assortment",
    "CompetitionDistance",
    "CompetitionOpenSinceMonth",
    "CompetitionOpenSinceYear",
    "Promo2",
    "Promo2SinceWeek",
    "Promo2SinceYear",
    "PromoInterval",
]
CALENDAR = [
    "Year",
    "Month",
    "Week",
    "Day",
    "DayOfMonth",
    "Quarter",
    "IsMonthStart",
    "IsMonthEnd",
    "IsQuarterStart",
    "IsQuarterEnd",
    "IsWeekend",
    "Season",
]
PROMOTION = ["Promo2Active", "Promo2Duration", "PromoInterval_JAJO", "PromoInterval_FMAN", "PromoInterval_MJSD"]
COMPETITION = ["CompetitionDistance_log", "HasCompetition", "CompetitionAge"]

PROFILE = '{"headgate": {"target": "t", "outputs": {"t": {"type": "duckdb", "path": ":memory:", "schema": "main"}}}}'
MACRO = "{% macro generate_schema_name(name, node) %}{{ name or target.schema }}{% endmacro %}"
#: Compiles the models once for each set of variables, in a process of its own: dbt warns, and warnings are errors here.
COMPILE = """
import json, sys
from dbt.cli.main import dbtRunner

def compiled(*arguments):
    result = dbtRunner().invoke(["compile", "--quiet", "--profiles-dir", ".", *arguments])
    if not result.success:
        sys.exit(str(result.exception or [r.message for r in result.result]))
    return {r.node.name: r.node.compiled_code for r in result.result if r.node.resource_type != "test"}

readings = {
    name: compiled("--vars", json.dumps(variables))
    for name, variables in json.loads(sys.argv[1]).items()
}
week = compiled("--inline", "select year, week, {{ monday_of_week('year', 'week') }} as monday from weeks")
print(json.dumps({"readings": readings, "week": next(iter(week.values()))}))
"""
READINGS: dict[str, dict[str, Any]] = {
    "by_calendar": {},
    "by_rows": {"row_shift_compat": True},
    "others": {"lags": [3], "windows": [2]},
    "no_past": {"lags": [], "windows": []},
}


pytestmark = pytest.mark.xdist_group("rossmann models")  # dbt compiles them once


@dataclass(frozen=True)
class Compiled:
    """The statements that dbt makes of the project: per reading per model, and the macro for weeks."""

    readings: dict[str, dict[str, str]]
    week: str


def compile_with(folder: Path, readings: dict[str, dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Let dbt compile a copy of the project in a new folder, once for each reading."""
    for name in ("models", "macros"):
        shutil.copytree(PROJECT / name, folder / name)
    shutil.copy(PROJECT / "dbt_project.yml", folder)
    (folder / "profiles.yml").write_text(PROFILE)
    (folder / "macros" / "schema_name.sql").write_text(MACRO)
    script = [sys.executable, "-c", COMPILE, json.dumps(readings)]
    return subprocess.run(script, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    done = compile_with(tmp_path_factory.mktemp("dbt") / "rossmann", READINGS)
    assert done.returncode == 0, done.stderr + done.stdout
    return Compiled(**json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("set threads = 2")
        yield con


@dataclass(frozen=True)
class Day:
    """A row of train.csv, as far as a test cares."""

    store: int
    date: date
    sales: int = 100

    def row(self) -> list[Any]:
        return [self.store, self.date.isoweekday(), self.date, self.sales, 10, 1, 0, "0", 1]


def load(con: duckdb.DuckDBPyConnection, days: list[Day], stores: list[list[Any]]) -> None:
    """Put the rows into the tables that the models read, with the types that whole files have."""
    for layer in ("raw", "processed", "features"):
        con.execute(f"create schema if not exists {layer}")
    integers = ", ".join(f"{name} bigint" for name in TRAIN[3:7])
    con.execute(
        f"create or replace table raw.train (Store bigint, DayOfWeek bigint, Date date, {integers}, "
        "StateHoliday varchar, SchoolHoliday bigint)"
    )
    integers = ", ".join(f"{name} bigint" for name in STORE[3:9])
    con.execute(
        "create or replace table raw.store (Store bigint, StoreType varchar, Assortment varchar, "
        f"{integers}, PromoInterval varchar)"
    )
    if days:
        con.executemany(f"insert into raw.train values ({', '.join('?' * 9)})", [day.row() for day in days])
    if stores:
        con.executemany(f"insert into raw.store values ({', '.join('?' * 10)})", stores)


def build(con: duckdb.DuckDBPyConnection, models: dict[str, str]) -> None:
    con.execute(f"create or replace table processed.train_clean as ({models['train_clean']})")
    con.execute(f"create or replace table features.train_features as ({models['train_features']})")


def features(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return engine.fetch_dicts(con, "from features.train_features order by Store, Date")


def store(
    number: int,
    *,
    distance: int | None = 500,
    opened: tuple[int | None, int | None] = (9, 2008),
    promo2: int = 0,
    since: tuple[int | None, int | None] = (None, None),
    interval: str | None = None,
) -> list[Any]:
    month, year = opened
    return [number, "c", "a", distance, month, year, promo2, *since, interval]


# -- shape --------------------------------------------------------------------------------------------------------


def test_the_tables_have_exactly_the_promised_columns_in_order(
    con: duckdb.DuckDBPyConnection, compiled: Compiled
) -> None:
    load(con, [Day(1, date(2014, 5, 1))], [store(1)])
    for reading in ("by_calendar", "by_rows"):
        build(con, compiled.readings[reading])
        rolling = [f"Sales_Rolling{kind}_{n}" for n in WINDOWS for kind in ("Mean", "Std")]
        lags = [f"Sales_Lag_{n}" for n in LAGS]
        clean = con.sql("from processed.train_clean").columns
        assert clean == TRAIN + STORE[1:]
        assert con.sql("from features.train_features").columns == (
            clean + CALENDAR + PROMOTION + COMPETITION + lags + rolling
        )
        assert len(con.sql("from features.train_features").columns) == 50


def test_types_are_narrow_and_promised(con: duckdb.DuckDBPyConnection, compiled: Compiled) -> None:
    load(con, [Day(1, date(2014, 5, 1))], [store(1)])
    build(con, compiled.readings["by_calendar"])
    types = {name: kind for name, kind, *_ in con.execute("describe features.train_features").fetchall()}
    floats = {"Sales", "Customers", "CompetitionDistance", *(f"Sales_Lag_{n}" for n in LAGS)}
    texts = {"StateHoliday", "StoreType", "Assortment", "PromoInterval"}
    doubles = {"CompetitionDistance_log"} | {name for name in types if name.startswith("Sales_Rolling")}
    for name, kind in types.items():
        expected = "FLOAT" if name in floats else "VARCHAR" if name in texts else "DOUBLE" if name in doubles else ""
        assert kind == (expected or ("DATE" if name == "Date" else "INTEGER")), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"windows": [7, 0]}, "windows must be whole numbers from 1 on, not 0"),
        ({"lags": [-1]}, "lags must be whole numbers from 1 on, not -1"),
        ({"windows": [1.5]}, "windows must be whole numbers from 1 on, not 1.5"),
    ],
)
def test_lags_and_windows_that_make_no_sense_are_refused(
    tmp_path: Path, variables: dict[str, list[float]], said: str
) -> None:
    done = compile_with(tmp_path / "rossmann", {"bad": variables})
    assert done.returncode != 0
    assert said in done.stderr


def test_lists_of_lags_and_windows_come_from_the_variables(con: duckdb.DuckDBPyConnection, compiled: Compiled) -> None:
    start = date(2014, 5, 1)
    load(con, [Day(1, start + timedelta(days=n), sales=n) for n in range(5)], [store(1)])
    build(con, compiled.readings["others"])
    assert con.sql("from features.train_features").columns[38:] == [
        "Sales_Lag_3",
        "Sales_RollingMean_2",
        "Sales_RollingStd_2",
    ]
    assert [row["Sales_Lag_3"] for row in features(con)] == [None, None, None, 0, 1]
    assert [row["Sales_RollingMean_2"] for row in features(con)] == [None, 0, 0.5, 1.5, 2.5]
    build(con, compiled.readings["no_past"])
    assert len(con.sql("from features.train_features").columns) == 38


# -- train_clean --------------------------------------------------------------------------------------------------


def test_a_store_that_is_missing_in_the_store_file_loses_no_rows(
    con: duckdb.DuckDBPyConnection, compiled: Compiled
) -> None:
    days = [Day(number, date(2014, 5, n)) for number in (1, 2) for n in (1, 2, 3)]
    load(con, days, [store(1)])
    build(con, compiled.readings["by_calendar"])
    assert con.execute("select Store, count(*) from processed.train_clean group by 1 order by 1").fetchall() == [
        (1, 3),
        (2, 3),
    ]
    assert con.execute("select count(*) from features.train_features").fetchone() == (6,)
    assert {row["Promo2Active"] for row in features(con)} == {0}


@pytest.mark.parametrize("interval", [None, ""])
def test_what_the_store_file_leaves_empty_is_filled(
    con: duckdb.DuckDBPyConnection, compiled: Compiled, interval: str | None
) -> None:
    load(con, [Day(1, date(2014, 5, 1))], [store(1, distance=None, opened=(None, None), interval=interval)])
    build(con, compiled.readings["by_calendar"])
    row = engine.fetch_dicts(con, "from processed.train_clean")[0]
    assert [row[name] for name in STORE[3:]] == [100000, 0, 0, 0, 0, 0, ""]
    row = features(con)[0]
    assert [row[name] for name in (*PROMOTION, "HasCompetition", "CompetitionAge")] == [0] * 7
    assert row["CompetitionDistance_log"] == pytest.approx(math.log1p(100000), rel=1e-12)


def test_train_clean_is_sorted_even_when_many_threads_write_many_row_groups(tmp_path: Path, compiled: Compiled) -> None:
    with engine.connect(engine.EngineSettings(threads=8)) as con:
        engine.attach(con, str(tmp_path / "a.ducklake"), str(tmp_path / "data"), read_only=False, create=True)
        con.execute("create schema lake.raw; create schema lake.processed; use lake")
        columns = ["DayOfWeek", "Sales", "Customers", "Open", "Promo", "SchoolHoliday"]
        con.execute(
            "create table raw.train as select 1 + hash(range) % 1000 as Store, date '2013-01-01' + "
            f"(range // 1000)::integer as Date, {', '.join(f'1 as {name}' for name in columns)}, '0' as StateHoliday "
            "from range(600_000)"
        )
        con.execute("create table raw.store as select 1 as Store, '' as StoreType, '' as Assortment, '' PromoInterval")
        for name in STORE[3:9]:
            con.execute(f"alter table raw.store add column {name} integer")
        statement = compiled.readings["by_calendar"]["train_clean"].replace('"memory".', "lake.")
        for _ in range(3):
            con.execute(f"create or replace table processed.train_clean as ({statement})")
            con.execute("set threads = 1")
            assert con.execute(
                "select count(*) from (select (Store, Date) as this, lag((Store, Date)) over () as previous "
                "from processed.train_clean) where this < previous"
            ).fetchone() == (0,)
            con.execute("set threads = 8")


# -- calendar, promotion, competition -----------------------------------------------------------------------------


def test_calendar_features_equal_pythons_calendar(con: duckdb.DuckDBPyConnection, compiled: Compiled) -> None:
    start = date(2012, 12, 20)
    load(con, [Day(1, start + timedelta(days=n)) for n in range(1500)], [store(1)])
    build(con, compiled.readings["by_calendar"])
    for row in features(con):
        day = row["Date"]
        tomorrow = day + timedelta(days=1)
        quarter = (day.month + 2) // 3
        assert [row[name] for name in CALENDAR] == [
            day.year,
            day.month,
            day.isocalendar().week,
            day.day,
            day.day,
            quarter,
            day.day == 1,
            tomorrow.day == 1,
            day.day == 1 and day.month in (1, 4, 7, 10),
            tomorrow.day == 1 and tomorrow.month in (1, 4, 7, 10),
            day.isoweekday() >= 6,
            {12: 0, 1: 0, 2: 0, 3: 1, 4: 1, 5: 1, 6: 2, 7: 2, 8: 2}.get(day.month, 3),
        ], day


def test_the_monday_of_a_week_is_pythons_strptime_for_every_week_of_every_year(
    con: duckdb.DuckDBPyConnection, compiled: Compiled
) -> None:
    con.execute(
        "create table weeks as select y.range::integer as year, w.range::integer as week "
        "from range(1900, 2101) y, range(54) w"
    )
    found = con.execute(compiled.week).fetchall()
    assert len(found) == 201 * 54
    for year, week, monday in found:
        assert monday == datetime.strptime(f"{year}-W{week}-1", "%Y-W%W-%w").date(), (year, week)  # noqa: DTZ007


def test_promo2_is_active_in_the_months_of_its_interval(con: duckdb.DuckDBPyConnection, compiled: Compiled) -> None:
    intervals = {1: "Jan,Apr,Jul,Oct", 2: "Feb,May,Aug,Nov", 3: "Mar,Jun,Sept,Dec", 4: ""}
    days = [Day(number, date(2014, month, 15)) for number in (1, 2, 3, 4, 5) for month in range(1, 13)]
    stores = [store(n, promo2=int(n < 4), since=(14, 2013), interval=text) for n, text in intervals.items()]
    stores.append(store(5, promo2=0, interval="Jan,Apr,Jul,Oct"))
    load(con, days, stores)
    build(con, compiled.readings["by_calendar"])
    active: dict[int, list[int]] = {number: [] for number in (1, 2, 3, 4, 5)}
    for row in features(con):
        if row["Promo2Active"]:
            active[row["Store"]].append(row["Month"])
        flags = [row[name] for name in PROMOTION[2:]]
        assert flags == [int(row["Store"] in pair) for pair in ((1, 5), (2,), (3,))]
    assert active == {1: [1, 4, 7, 10], 2: [2, 5, 8, 11], 3: [3, 6, 9, 12], 4: [], 5: []}


@settings(max_examples=40, deadline=None)
@given(
    day=st.dates(date(2012, 1, 1), date(2016, 12, 31)),
    since=st.tuples(st.integers(1, 53), st.integers(2009, 2016)),
    promo2=st.integers(0, 1),
    opened=st.tuples(st.integers(1, 12), st.integers(1900, 2017)),
    distance=st.one_of(st.none(), st.integers(0, 100_000)),
)
def test_durations_count_days_and_never_go_below_zero(
    compiled: Compiled,
    day: date,
    since: tuple[int, int],
    promo2: int,
    opened: tuple[int, int],
    distance: int | None,
) -> None:
    with duckdb.connect() as con:
        load(con, [Day(1, day)], [store(1, promo2=promo2, since=since, opened=opened, distance=distance)])
        build(con, compiled.readings["by_calendar"])
        (row,) = features(con)
    monday = datetime.strptime(f"{since[1]}-W{since[0]}-1", "%Y-W%W-%w").date()  # noqa: DTZ007
    assert row["Promo2Duration"] == (max((day - monday).days, 0) if promo2 else 0)
    assert row["CompetitionAge"] == max((day - date(opened[1], opened[0], 1)).days, 0)
    metres = 100_000 if distance is None else distance
    assert row["HasCompetition"] == int(metres < 100_000)
    assert row["CompetitionDistance_log"] == pytest.approx(math.log1p(metres), rel=1e-12)


# -- the past -----------------------------------------------------------------------------------------------------

histories = st.lists(
    st.tuples(st.integers(1, 2), st.integers(0, 150), st.integers(0, 40_000)),
    min_size=1,
    max_size=60,
    unique_by=lambda row: row[:2],
)


def naive_by_calendar(days: dict[date, int], day: date) -> dict[str, float | None]:
    past: dict[str, float | None] = {f"Sales_Lag_{n}": days.get(day - timedelta(days=n)) for n in LAGS}
    for n in WINDOWS:
        past |= summary(n, [days[when] for k in range(1, n + 1) if (when := day - timedelta(days=k)) in days])
    return past


def naive_by_rows(days: dict[date, int], day: date) -> dict[str, float | None]:
    sales = [days[when] for when in sorted(days) if when <= day]
    past: dict[str, float | None] = {f"Sales_Lag_{n}": sales[-1 - n] if len(sales) > n else None for n in LAGS}
    for n in WINDOWS:
        past |= summary(n, sales[-n:])
    return past


def summary(window: int, sales: list[int]) -> dict[str, float | None]:
    return {
        f"Sales_RollingMean_{window}": statistics.fmean(sales) if sales else None,
        f"Sales_RollingStd_{window}": statistics.stdev(sales) if len(sales) > 1 else None,
    }


@pytest.mark.parametrize(("reading", "naive"), [("by_calendar", naive_by_calendar), ("by_rows", naive_by_rows)])
@settings(max_examples=40, deadline=None)
@given(history=histories)
def test_lags_and_windows_equal_a_naive_reading_of_any_history_with_gaps(
    compiled: Compiled, reading: str, naive: Any, history: list[tuple[int, int, int]]
) -> None:
    start = date(2014, 6, 1)
    days = [Day(number, start + timedelta(days=offset), sales) for number, offset, sales in history]
    with duckdb.connect() as con:
        load(con, days, [store(1), store(2)])
        build(con, compiled.readings[reading])
        found = features(con)
    assert [(row["Store"], row["Date"]) for row in found] == sorted((day.store, day.date) for day in days)
    for row in found:
        mine = {day.date: day.sales for day in days if day.store == row["Store"]}
        for name, expected in naive(mine, row["Date"]).items():
            got = row[name]
            assert (got is None) == (expected is None), (name, row["Date"])
            assert got is None or got == pytest.approx(expected, rel=1e-9, abs=1e-6), (name, row["Date"])


def test_a_single_absurd_date_does_not_fill_the_centuries_between(
    con: duckdb.DuckDBPyConnection, compiled: Compiled
) -> None:
    days = [Day(1, date(1, 1, 1)), Day(1, date(2014, 5, 1)), Day(1, date(2014, 5, 2)), Day(1, date(9999, 1, 1))]
    load(con, days, [store(1)])
    build(con, compiled.readings["by_calendar"])
    assert [row["Sales_Lag_1"] for row in features(con)] == [None, None, 100, None]


# -- the real files -----------------------------------------------------------------------------------------------


def load_real(con: duckdb.DuckDBPyConnection) -> None:
    load(con, [], [])
    train = "read_csv(?, types = {'StateHoliday': 'VARCHAR'})"
    con.execute(f"create or replace table raw.train as from {train}", [str(DATA / "train.csv.gz")])
    con.execute("create or replace table raw.store as from read_csv(?)", [str(DATA / "store.csv")])


@needs_data
@pytest.mark.slow
def test_the_compatible_reading_of_the_real_files_has_the_known_check_sums(
    con: duckdb.DuckDBPyConnection, compiled: Compiled
) -> None:
    load_real(con)
    build(con, compiled.readings["by_rows"])
    sums = {
        "Promo2Active": 174_792,
        "Promo2Duration": 405_457_316,
        "CompetitionAge": 1_310_481_691,
        "HasCompetition": 1_014_567,
        "IsWeekend": 289_460,
        "Season": 1_391_420,
        "Quarter": 2_333_734,
    }
    found = con.execute(f"select count(*), {', '.join(f'sum({name})' for name in sums)} from features.train_features")
    assert found.fetchone() == (1_017_209, *sums.values())
    nulls = {"Sales_Lag_1": 1115, "Sales_Lag_7": 7805, "Sales_Lag_14": 15_610, "Sales_Lag_28": 31_220}
    nulls |= {f"Sales_RollingStd_{n}": 1115 for n in WINDOWS}
    found = con.execute(
        f"select {', '.join(f'count(*) - count({name})' for name in nulls)} from features.train_features"
    )
    assert found.fetchone() == tuple(nulls.values())


@needs_data
@pytest.mark.slow
def test_windows_on_the_real_files_equal_duckdbs_own_windows_over_days(
    con: duckdb.DuckDBPyConnection, compiled: Compiled
) -> None:
    load_real(con)
    build(con, compiled.readings["by_calendar"])
    con.execute(
        """
        create table by_range as select
            *,
            last_value(Sales) over (history range between interval 14 days preceding and interval 14 days preceding)
                as lagged,
            avg(Sales) over fortnight as mean, stddev_samp(Sales) over fortnight as deviation
        from features.train_features
        window
            history as (partition by Store order by Date),
            fortnight as (history range between interval 14 days preceding and interval 1 day preceding)
        """
    )
    wrong = con.execute(
        "select count(*), count_if(Sales_Lag_14 is distinct from lagged "
        "or round(Sales_RollingMean_14, 6) is distinct from round(mean, 6) "
        "or round(Sales_RollingStd_14, 6) is distinct from round(deviation, 6)) from by_range"
    ).fetchone()
    assert wrong == (1_017_209, 0)


@needs_data
@pytest.mark.slow
def test_the_bare_script_of_the_benchmark_computes_the_same(
    con: duckdb.DuckDBPyConnection, compiled: Compiled, tmp_path: Path
) -> None:
    spec = importlib.util.spec_from_file_location("rossmann_bare", ROOT / "benchmarks" / "rossmann_bare.py")
    assert spec is not None
    assert spec.loader is not None
    bare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bare)
    bare.main(DATA, tmp_path / "bare.parquet")
    load_real(con)
    build(con, compiled.readings["by_calendar"])
    con.execute(f"create view bare as from '{tmp_path / 'bare.parquet'}'")
    assert con.sql("from bare").columns == con.sql("from features.train_features").columns
    rounded = (
        "select * replace ("
        + ", ".join(
            f"round(Sales_Rolling{kind}_{n}, 6) as Sales_Rolling{kind}_{n}" for n in WINDOWS for kind in ("Mean", "Std")
        )
        + ")"
    )
    for here, there in (("bare", "features.train_features"), ("features.train_features", "bare")):
        assert con.execute(
            f"select count(*) from ({rounded} from {here} except {rounded} from {there})"
        ).fetchone() == (0,)
