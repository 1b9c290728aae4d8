"""The baseline of the Rossmann benchmark: load, clean, compute features, write one Parquet file. Nothing else.

What somebody who knows DuckDB would write by hand, without checks, history, releases or a way back. The
features are those of the project's models in their default reading (by calendar), with the same tricks.

    python benchmarks/rossmann_bare.py FOLDER OUTPUT.parquet      # FOLDER holds train.csv (or .csv.gz) and store.csv
"""

from __future__ import annotations

import sys
import time

started = time.perf_counter()

from pathlib import Path  # noqa: E402

import duckdb  # noqa: E402

LAGS = (1, 7, 14, 28)
WINDOWS = (7, 14, 28, 60)

LOAD = """
create table train as
select * from read_csv('{folder}/train.csv*', types = {{'StateHoliday': 'VARCHAR'}});
create table store as
select * from read_csv('{folder}/store.csv');
"""

CLEAN = """
create table train_clean as
select
    train.Store::integer as Store, DayOfWeek::integer as DayOfWeek, Date, Sales::float as Sales,
    Customers::float as Customers, Open::integer as Open, Promo::integer as Promo, StateHoliday,
    SchoolHoliday::integer as SchoolHoliday, StoreType, Assortment,
    coalesce(CompetitionDistance, 100000)::float as CompetitionDistance,
    coalesce(CompetitionOpenSinceMonth, 0)::integer as CompetitionOpenSinceMonth,
    coalesce(CompetitionOpenSinceYear, 0)::integer as CompetitionOpenSinceYear,
    Promo2::integer as Promo2,
    coalesce(Promo2SinceWeek, 0)::integer as Promo2SinceWeek,
    coalesce(Promo2SinceYear, 0)::integer as Promo2SinceYear,
    coalesce(PromoInterval, '') as PromoInterval
from train left join store on store.Store = train.Store
order by train.Store, Date
"""

FEATURES = """
copy (
    with missing_days as (
        select Store,
            unnest(generate_series(greatest(previous + 1, Date - {reach}), Date - 1, interval 1 day))::date as Date,
            null::float as Sales
        from (select Store, Date, lag(Date) over (partition by Store order by Date) as previous from train_clean)
        where Date > previous + 1
    ),
    days as (
        select Store, Date, Sales from train_clean
        union all
        select * from missing_days
    ),
    past as (
        select Store, Date, {past} from days
        window history as (partition by Store order by Date), {frames}
    )
    select
        train.*,
        year(train.Date)::integer as Year, month(train.Date)::integer as Month,
        weekofyear(train.Date)::integer as Week, day(train.Date)::integer as Day,
        day(train.Date)::integer as DayOfMonth, quarter(train.Date)::integer as Quarter,
        (day(train.Date) = 1)::integer as IsMonthStart,
        (train.Date = last_day(train.Date))::integer as IsMonthEnd,
        (day(train.Date) = 1 and month(train.Date) in (1, 4, 7, 10))::integer as IsQuarterStart,
        (train.Date = last_day(train.Date) and month(train.Date) in (3, 6, 9, 12))::integer as IsQuarterEnd,
        (DayOfWeek >= 6)::integer as IsWeekend,
        (month(train.Date) % 12 // 3)::integer as Season,
        (Promo2 = 1 and contains(PromoInterval, [
            'Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'
        ][month(train.Date)]))::integer as Promo2Active,
        case when Promo2 = 1 and Promo2SinceYear > 0 then greatest(0, train.Date - (
            date_trunc('week', make_date(Promo2SinceYear, 1, 7))::date + 7 * (Promo2SinceWeek - 1)
        )) else 0 end::integer as Promo2Duration,
        (PromoInterval = 'Jan,Apr,Jul,Oct')::integer as PromoInterval_JAJO,
        (PromoInterval = 'Feb,May,Aug,Nov')::integer as PromoInterval_FMAN,
        (PromoInterval = 'Mar,Jun,Sept,Dec')::integer as PromoInterval_MJSD,
        ln(1 + CompetitionDistance::double) as CompetitionDistance_log,
        (CompetitionDistance < 100000)::integer as HasCompetition,
        case when CompetitionOpenSinceYear > 0 and CompetitionOpenSinceMonth > 0 then greatest(0, train.Date
            - make_date(CompetitionOpenSinceYear, CompetitionOpenSinceMonth, 1)
        ) else 0 end::integer as CompetitionAge,
        past.* exclude (Store, Date)
    from train_clean as train join past on past.Store = train.Store and past.Date = train.Date
) to '{output}' (format parquet)
"""


def features(output: Path) -> str:
    """The statement that computes the features of ``train_clean`` into the file ``output``."""
    past = [f"lag(Sales, {n}) over history as Sales_Lag_{n}" for n in LAGS]
    for n in WINDOWS:
        past.append(f"avg(Sales) over window_{n} as Sales_RollingMean_{n}")
        past.append(f"stddev_samp(Sales) over window_{n} as Sales_RollingStd_{n}")
    frames = [
        f"window_{n} as (partition by Store order by Date rows between {n} preceding and 1 preceding)" for n in WINDOWS
    ]
    return FEATURES.format(reach=max(LAGS + WINDOWS), past=", ".join(past), frames=", ".join(frames), output=output)


def main(folder: Path, output: Path) -> None:
    """Load ``folder``, write the features to ``output``, print the seconds since the script began."""
    with duckdb.connect() as con:
        con.execute(LOAD.format(folder=folder))
        con.execute(CLEAN)
        con.execute(features(output))
    print(f"{time.perf_counter() - started:.2f}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
