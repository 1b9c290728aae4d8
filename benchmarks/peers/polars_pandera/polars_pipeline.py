"""The Rossmann pipeline as an experienced user of polars and pandera would write it: one script, no platform.

Each table is checked in memory before its file is written. Exit code 1 if a check fails.

    python polars_pipeline.py DATA OUTPUT
"""

# mypy: ignore-errors
# its packages are in an environment of its own
from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pandera.polars as pa
import polars as pl

LAGS = (1, 7, 14, 28)
WINDOWS = (7, 14, 28, 60)
KEY = ["Store", "Date"]
INTERVALS = ["", "Jan,Apr,Jul,Oct", "Feb,May,Aug,Nov", "Mar,Jun,Sept,Dec"]


def mostly_between(low: float, high: float, share: float) -> pa.Check:
    """At least ``share`` of the values that are there lie between ``low`` and ``high``."""

    def holds(data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).is_between(low, high).mean().fill_null(1.0) >= share)

    return pa.Check(holds)


def whole(expression: Callable[[], pl.Expr], name: str, *, warn: bool = False) -> pa.Check:
    """A check of the whole table: the expression gives one boolean."""
    return pa.Check(lambda data: data.lazyframe.select(expression()), name=name, raise_warning=warn)


def row_count(low: int, high: int) -> pa.Check:
    """A check of how many rows there are."""
    return whole(lambda: pl.len().is_between(low, high), "row count")


def finite() -> pa.Check:
    """A check that no float is NaN or infinite."""
    floats = pl.selectors.float()
    return whole(lambda: pl.all_horizontal(floats.is_finite().all()), "finite")


flag = pa.Check.isin([0, 1])
store_number = pa.Check.in_range(1, 1200)

RAW_TRAIN = pa.DataFrameSchema(
    {
        "Store": pa.Column(pl.Int64, store_number),
        "DayOfWeek": pa.Column(pl.Int64, pa.Check.in_range(1, 7)),
        "Date": pa.Column(pl.Date),
        "Sales": pa.Column(pl.Int64, pa.Check.in_range(0, 50000), nullable=True),
        "Customers": pa.Column(
            pl.Int64,
            [mostly_between(0, 10000, 0.95), pa.Check.in_range(0, 10000, raise_warning=True)],
            nullable=True,
        ),
        "Open": pa.Column(pl.Int64, flag, nullable=True),
        "Promo": pa.Column(pl.Int64, flag, nullable=True),
        "StateHoliday": pa.Column(pl.String, pa.Check.isin(["0", "a", "b", "c"]), nullable=True),
        "SchoolHoliday": pa.Column(pl.Int64, flag, nullable=True),
    },
    checks=[
        row_count(100_000, 2_000_000),
        whole(lambda: ~pl.struct(KEY).is_duplicated().any(), "one row per store and day"),
        whole(lambda: ((pl.col("Open") != 0) | (pl.col("Sales") == 0)).all(), "a closed store sells nothing"),
        whole(
            lambda: (
                (pl.col("Date").max() - pl.col("Date").min()).dt.total_days().over("Store") + 1
                == pl.len().over("Store")
            ).all(),
            "no day is missing",
            warn=True,
        ),
    ],
    strict=True,
    ordered=True,
)
RAW_STORE = pa.DataFrameSchema(
    {
        "Store": pa.Column(pl.Int64, store_number, unique=True),
        "StoreType": pa.Column(pl.String, pa.Check.isin(list("abcd")), nullable=True),
        "Assortment": pa.Column(pl.String, pa.Check.isin(list("abc")), nullable=True),
        "CompetitionDistance": pa.Column(pl.Int64, mostly_between(0, 100000, 0.7), nullable=True),
        "CompetitionOpenSinceMonth": pa.Column(nullable=True),
        "CompetitionOpenSinceYear": pa.Column(nullable=True),
        "Promo2": pa.Column(pl.Int64, flag, nullable=True),
        "Promo2SinceWeek": pa.Column(nullable=True),
        "Promo2SinceYear": pa.Column(nullable=True),
        "PromoInterval": pa.Column(pl.String, nullable=True),
    },
    checks=row_count(1000, 1200),
    strict=True,
    ordered=True,
)
TRAIN_CLEAN = pa.DataFrameSchema(
    {
        "Store": pa.Column(pl.Int32),
        "Date": pa.Column(pl.Date),
        "Sales": pa.Column(pl.Float32, pa.Check.ge(0)),
        "Open": pa.Column(pl.Int32, flag, nullable=True),
        "Promo": pa.Column(pl.Int32, flag, nullable=True),
        "StoreType": pa.Column(pl.String, pa.Check.isin(list("abcd")), nullable=True),
        "Assortment": pa.Column(pl.String, pa.Check.isin(list("abc")), nullable=True),
        "CompetitionDistance": pa.Column(pl.Float32),
        "Promo2": pa.Column(pl.Int32),
        "PromoInterval": pa.Column(pl.String, pa.Check.isin(INTERVALS)),
    },
    checks=[row_count(100_000, 2_000_000), finite()],
)
TRAIN_FEATURES = pa.DataFrameSchema(
    {
        "Store": pa.Column(pl.Int32),
        "Date": pa.Column(pl.Date),
        "Sales": pa.Column(pl.Float32, pa.Check.ge(0)),
        "Year": pa.Column(pl.Int32, pa.Check.in_range(2013, 2016)),
        "Month": pa.Column(pl.Int32, pa.Check.in_range(1, 12)),
        "Week": pa.Column(pl.Int32, pa.Check.in_range(1, 53)),
        "DayOfWeek": pa.Column(pl.Int32, pa.Check.in_range(1, 7)),
        "Season": pa.Column(pl.Int32, pa.Check.isin([0, 1, 2, 3])),
        "Promo2Duration": pa.Column(pl.Int32),
        "CompetitionAge": pa.Column(pl.Int32),
    },
    checks=[row_count(100_000, 2_000_000), finite()],
)


def read(data: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The two tables, as the files have them."""
    files = sorted(data.glob("train*.csv*"))
    train = pl.concat(
        pl.read_csv(f, try_parse_dates=True, schema_overrides={"StateHoliday": pl.String, "SchoolHoliday": pl.Int64})
        for f in files
    )
    return train, pl.read_csv(data / "store.csv")


def clean(train: pl.DataFrame, store: pl.DataFrame) -> pl.DataFrame:
    """Each day of each store with what is known of the store."""
    i32, f32 = pl.Int32, pl.Float32
    return (
        train.lazy()
        .join(store.lazy(), on="Store", how="left")
        .with_columns(
            pl.col("Store", "DayOfWeek", "Open", "Promo", "SchoolHoliday", "Promo2").cast(i32),
            pl.col("Sales", "Customers").cast(f32),
            pl.col("CompetitionDistance").fill_null(100000).cast(f32),
            pl.col("^CompetitionOpenSince.*$", "^Promo2Since.*$").fill_null(0).cast(i32),
            pl.col("PromoInterval").fill_null(""),
        )
        .sort(KEY)
        .collect()
    )


def past(train: pl.LazyFrame) -> pl.LazyFrame:
    """Lags and rolling windows over calendar days: the days that a store lacks are filled in without sales."""
    sales = train.select(*KEY, "Sales")
    gaps = (
        sales.with_columns(pl.col("Date").shift(1).over("Store").alias("before"))
        .filter(pl.col("Date") > pl.col("before") + pl.duration(days=1))
        .select("Store", pl.date_ranges(pl.col("before"), "Date", closed="none").alias("Date"))
        .explode("Date")
        .with_columns(pl.lit(None, pl.Float32).alias("Sales"))
    )
    day = pl.col("Sales")
    return (
        pl.concat([sales, gaps])
        .sort(KEY)
        .with_columns(
            *(day.shift(n).over("Store").alias(f"Sales_Lag_{n}") for n in LAGS),
            day.shift(1).over("Store").cast(pl.Float64).alias("yesterday"),
        )
        .with_columns(
            expression.over("Store").alias(f"Sales_Rolling{name}_{n}")
            for n in WINDOWS
            for name, expression in (
                ("Mean", pl.col("yesterday").rolling_mean(n, min_samples=1)),
                ("Std", pl.col("yesterday").rolling_std(n, min_samples=2)),
            )
        )
        .drop("Sales", "yesterday")
    )


def features(train_clean: pl.DataFrame) -> pl.DataFrame:
    """The 18 columns and 32 features."""
    train = train_clean.lazy()
    date, interval, distance = pl.col("Date"), pl.col("PromoInterval"), pl.col("CompetitionDistance")
    first_monday = pl.date(pl.col("Promo2SinceYear"), 1, 7).dt.truncate("1w")
    joined = first_monday + pl.duration(days=7) * (pl.col("Promo2SinceWeek") - 1)
    opened = pl.date(pl.col("CompetitionOpenSinceYear"), pl.col("CompetitionOpenSinceMonth"), 1)
    start, end = date.dt.day() == 1, date.dt.month_end() == date
    known = (pl.col("CompetitionOpenSinceYear") > 0) & (pl.col("CompetitionOpenSinceMonth") > 0)
    numbers = {
        "Year": date.dt.year(),
        "Month": date.dt.month(),
        "Week": date.dt.week(),
        "Day": date.dt.day(),
        "DayOfMonth": date.dt.day(),
        "Quarter": date.dt.quarter(),
        "IsMonthStart": start,
        "IsMonthEnd": end,
        "IsQuarterStart": start & date.dt.month().is_in([1, 4, 7, 10]),
        "IsQuarterEnd": end & date.dt.month().is_in([3, 6, 9, 12]),
        "IsWeekend": pl.col("DayOfWeek") >= 6,
        "Season": date.dt.month() % 12 // 3,
        "Promo2Active": (pl.col("Promo2") == 1) & interval.str.contains(date.dt.strftime("%b"), literal=True),
        "Promo2Duration": pl.when((pl.col("Promo2") == 1) & (pl.col("Promo2SinceYear") > 0))
        .then((date - joined).dt.total_days().clip(lower_bound=0))
        .otherwise(0),
        **{f"PromoInterval_{''.join(m[0] for m in i.split(','))}": interval == i for i in INTERVALS[1:]},
        "HasCompetition": distance < 100000,
        "CompetitionAge": pl.when(known).then((date - opened).dt.total_days().clip(lower_bound=0)).otherwise(0),
    }
    return (
        train.with_columns(
            *(expression.cast(pl.Int32).alias(name) for name, expression in numbers.items()),
            distance.cast(pl.Float64).log1p().alias("CompetitionDistance_log"),
        )
        .join(past(train), on=KEY, how="left")
        .sort(KEY)
        .collect()
    )


def require(holds: bool, what: str) -> None:
    """What a schema cannot say about two tables."""
    if not holds:
        raise ValueError(what)


def main(data: Path, output: Path) -> int:
    """Run the pipeline; 1 if a check fails."""
    output.mkdir(parents=True, exist_ok=True)
    train, store = read(data)
    try:
        RAW_STORE.validate(store, lazy=True).write_parquet(output / "store.parquet")
        RAW_TRAIN.validate(train, lazy=True)
        require(train["Store"].is_in(store["Store"].implode()).all(), "a Store of train is not in store")
        train.write_parquet(output / "train.parquet")
        train_clean = TRAIN_CLEAN.validate(clean(train, store), lazy=True)
        require(len(train_clean) == len(train), "the join gained or lost rows")
        train_clean.write_parquet(output / "train_clean.parquet")
        train_features = TRAIN_FEATURES.validate(features(train_clean), lazy=True)
        require(len(train_features) == len(train), "the features gained or lost rows")
        train_features.write_parquet(output / "train_features.parquet")
    except (pa.errors.SchemaErrors, ValueError) as error:
        print(str(error)[:2000], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
