"""Make input that looks like the Rossmann Store Sales competition's: data/train.csv and data/store.csv.

    python generate.py                           # 1,115 stores, 2013-01-01 to 2015-07-31: 1,017,209 rows
    python generate.py --week 1                  # the week after: data/train_week_1.csv, 7,805 rows
    python generate.py --week 1 --break negative-sales      # the same with something wrong, to see a gate close
    python generate.py --stores 11150            # ten times as much; see README.md on the gates' limits

The numbers are made up, the shape is the real files': quoting, order, weekly pattern, promotions, holidays, closed
Sundays, 180 stores without a row in the second half of 2014, one store without its first day, unknown competitors,
open days without sales. The same seed makes the same files, whatever the machine and the number of threads.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb

FIRST_DAY = date(2013, 1, 1)
STORES, DAYS, SEED = 1115, 942, 7
BREAKS = ("missing-column", "outliers", "negative-sales", "duplicates")

TRAIN = ("Store", "DayOfWeek", "Date", "Sales", "Customers", "Open", "Promo", "StateHoliday", "SchoolHoliday")
STORE = (
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
)
QUOTED = {"StateHoliday", "SchoolHoliday", "StoreType", "Assortment", "PromoInterval"}

# Chance without state: every draw is a hash of the seed, a number for what is drawn, the store and the day.
CHANCE = """
create temp macro chance(what, store, day) as (hash({seed}, what, store, day) >> 11) / 9007199254740992.0;
create temp macro spread(what, store, day) as 1.7320508 * (   -- nearly normal: mean 0, deviation 1
    (
        (hash({seed}, what, store, day) & 65535) + ((hash({seed}, what, store, day) >> 16) & 65535)
        + ((hash({seed}, what, store, day) >> 32) & 65535) + (hash({seed}, what, store, day) >> 48)
    ) / 65536.0 - 2.0
);
"""

STORES_SQL = """
create temp table stores as
with numbered as (
    select
        range::integer as Store,
        row_number() over (order by chance(1, range, 0), range) as rank_of_gap,
        row_number() over (order by chance(2, range, 0), range) as rank_of_distance,
        row_number() over (order by chance(3, range, 0), range) as rank_of_promo2,
        chance(4, range, 0) as kind, chance(5, range, 0) as range_of_goods, chance(6, range, 0) as opened,
        chance(7, range, 0) as interval_kind, (chance(8, range, 0) * 12)::integer as state
    from range(1, {stores} + 1)
),
typed as (
    select
        *,
        case when kind < 0.54 then 'a' when kind < 0.556 then 'b' when kind < 0.688 then 'c' else 'd' end as StoreType,
        case StoreType when 'a' then 0.63 when 'b' then 0.94 when 'c' then 0.52 else 0.37 end as share_of_basic
    from numbered
)
select
    Store,
    StoreType,
    case
        when StoreType = 'b' and range_of_goods < 0.53 then 'b'
        when range_of_goods < share_of_basic then 'a'
        else 'c'
    end as Assortment,
    case when rank_of_distance > round({stores} * 3 / 1115)
        then least(greatest(round(exp(7.7 + 1.4 * spread(10, Store, 0)) / 10) * 10, 20), 75860)::integer
    end as CompetitionDistance,
    case when opened >= 0.3175 then 1 + floor(chance(11, Store, 0) * 12)::integer end as CompetitionOpenSinceMonth,
    case when opened >= 0.3175
        then (case when opened > 0.999 then 1900 else 2015 - floor(25 * chance(12, Store, 0) ** 1.8) end)::integer
    end as CompetitionOpenSinceYear,
    (rank_of_promo2 <= round({stores} * 571 / 1115))::integer as Promo2,
    case when Promo2 = 1 then 1 + floor(chance(13, Store, 0) * 50)::integer end as Promo2SinceWeek,
    case when Promo2 = 1 then 2009 + floor(chance(14, Store, 0) * 6.2)::integer end as Promo2SinceYear,
    case when Promo2 = 0 then '' when interval_kind < 0.587 then 'Jan,Apr,Jul,Oct'
         when interval_kind < 0.815 then 'Feb,May,Aug,Nov' else 'Mar,Jun,Sept,Dec'
    end as PromoInterval,
    -- not in the file:
    state,
    rank_of_gap <= round({stores} * 180 / 1115) as has_gap,
    StoreType = 'b' or chance(15, Store, 0) < 0.015 as opens_on_sundays,
    exp(8.55 + 0.33 * spread(16, Store, 0)) * (case StoreType when 'b' then 1.5 else 1 end) as usual_sales,
    (case StoreType when 'b' then 5.1 when 'd' then 11.2 else 9.2 end) * exp(0.12 * spread(17, Store, 0)) as basket
from typed
"""

# The days before Christmas, the weekday and the promotion say most; the store and chance the rest.
SALES_SQL = """
create temp table sales as
with days as (
    select
        Store, StoreType, usual_sales, basket, Date, number,
        isodow(Date)::integer as DayOfWeek,
        case when state < from_state or state >= until_state then '0' else holiday end as StateHoliday,
        DayOfWeek <= 5 and ((Date - date '2013-01-07') // 7) % 2 <> 0 as has_promo,
        case when DayOfWeek > 5 then chance(20, Store, number // 7) < 0.02
             else list_contains(school_states, state) end as has_school_holiday,
        case
            when StateHoliday <> '0' then chance(21, Store, number) < 0.03
            when DayOfWeek = 7 then opens_on_sundays
            else chance(22, Store, number // 14) >= 0.008
        end as is_open,
        Promo2 = 1 and contains(PromoInterval, strftime(Date, '%b')) as has_promo2
    from calendar cross join stores
    where not (has_gap and Date between date '2014-07-01' and date '2014-12-31')
        and not (Store = 988 and Date = date '2013-01-01')
),
sold as (
    select *, case when is_open and chance(23, Store, number) >= 0.000064 then least(41551, round(
        usual_sales
        * [1.16, 1.0, 0.95, 0.96, 1.02, 0.9, 1.3][DayOfWeek]
        * (case when has_promo then (case when DayOfWeek = 1 then 1.55 else 1.36 end) else 1 end)
        * (case when has_promo2 then 1.02 else 1 end)
        * (1 + 0.04 * number / 365.0)
        * (case when month(Date) = 12 and day(Date) < 25 then 1.08 + 0.014 * day(Date) else 1 end)
        * exp(0.1 * spread(24, Store, number) + 0.06 * spread(25, Store, number // 7))
    )) else 0 end::integer as Sales
    from days
)
select
    Store, DayOfWeek, Date, Sales,
    least(7388, round(Sales / basket * exp(0.06 * spread(26, Store, number))))::integer as Customers,
    is_open::integer as Open, has_promo::integer as Promo, StateHoliday,
    has_school_holiday::integer::varchar as SchoolHoliday
from sold
"""

# What each of BREAKS does to the sales; {some} is a condition that picks so large a part of the open days.
BROKEN_SQL = {
    "missing-column": "alter table sales drop column Customers",
    "outliers": "update sales set Customers = Customers * 20 + 10001 where {some}",
    "negative-sales": "update sales set Sales = -5 where {some}",
    "duplicates": "insert into sales select * replace (Sales + 1 as Sales) from sales where {some}",
}
BROKEN_PART = {"missing-column": 0, "outliers": 0.01, "negative-sales": 0.001, "duplicates": 0.001}


def generate(
    folder: Path,
    *,
    stores: int = STORES,
    days: int = DAYS,
    seed: int = SEED,
    week: int | None = None,
    broken: str | None = None,
) -> tuple[Path, int]:
    """Write ``train.csv`` and ``store.csv`` into ``folder``, or with ``week`` only ``train_week_<week>.csv``.

    ``days`` is how many days train.csv has from 2013-01-01 on; week 1 is the seven days after those.
    ``broken`` is one of `BREAKS`. Returns the file of sales and how many rows it has.
    """
    first = FIRST_DAY if week is None else FIRST_DAY + timedelta(days=days + 7 * (week - 1))
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as con:
        con.execute(CHANCE.format(seed=int(seed)))
        con.execute(STORES_SQL.format(stores=int(stores)))
        _write_calendar(con, first, days if week is None else 7)
        con.execute(SALES_SQL)
        if broken is not None:
            some = f"Open = 1 and chance(30, Store, Date - date '{FIRST_DAY}') < {BROKEN_PART[broken]}"
            con.execute(BROKEN_SQL[broken].format(some=some))
        columns = [name for name in TRAIN if (broken, name) != ("missing-column", "Customers")]
        path = folder / ("train.csv" if week is None else f"train_week_{week}.csv")
        _write_csv(con, "sales order by Date desc, Store", columns, path)
        if week is None:
            _write_csv(con, "stores order by Store", STORE, folder / "store.csv")
        (rows,) = con.execute("select count(*) from sales").fetchone() or (0,)
    return path, rows


def _write_calendar(con: duckdb.DuckDBPyConnection, first: date, days: int) -> None:
    """One row a day: its holiday, in which states (numbers from, until), and the states without school."""
    con.execute(
        "create temp table calendar (Date date, number integer, holiday varchar, from_state integer, "
        "until_state integer, school_states integer[])"
    )
    con.executemany(
        "insert into calendar values (?, ?, ?, ?, ?, ?)",
        [
            [day, (day - FIRST_DAY).days, *_holiday(day), [state for state in range(13) if _no_school(day, state)]]
            for day in (first + timedelta(days=n) for n in range(days))
        ],
    )


def _holiday(day: date) -> tuple[str, int, int]:
    """``0`` none, ``a`` public holiday, ``b`` Easter, ``c`` Christmas; and the states that have it."""
    after_easter = (day - _easter(day.year)).days
    if after_easter in (-2, 1):
        return "b", 0, 13
    if (day.month, day.day) in ((12, 25), (12, 26)):
        return "c", 0, 13
    if (day.month, day.day) in ((1, 1), (5, 1), (10, 3)) or after_easter in (39, 50):
        return "a", 0, 13
    if after_easter == 60 or (day.month, day.day) == (11, 1):
        return "a", 0, 6
    if (day.month, day.day) in ((1, 6), (10, 31)):
        return "a", 4, 7
    return "0", 0, 0


def _no_school(day: date, state: int) -> bool:
    """Whether schools of the state are closed: around Easter and Christmas, in autumn, six weeks of summer."""
    after_easter = (day - _easter(day.year)).days
    summer = date(day.year, 6, 22) + timedelta(days=3 * state)
    autumn = date(day.year, 10, 4) + timedelta(days=state)
    return (
        -9 <= after_easter <= 5
        or summer <= day < summer + timedelta(days=42)
        or autumn <= day < autumn + timedelta(days=12)
        or (day.month, day.day) >= (12, 22)
        or (day.month, day.day) <= (1, 4)
    )


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar.

    >>> _easter(2015)
    datetime.date(2015, 4, 5)
    """
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    offset = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * offset) // 451
    month, day = divmod(h + offset - 7 * m + 114, 31)
    return date(year, month, day + 1)


def _write_csv(con: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[str], path: Path) -> None:
    """Write the file as the real ones are: all names quoted, and of the values only the texts."""
    quoted = ", ".join(name for name in columns if name in QUOTED)
    body, whole = (path.with_name(f".{path.name}.{part}") for part in ("body", "whole"))
    try:
        con.execute(
            f"copy (select {', '.join(columns)} from {rows}) to '{str(body).replace(chr(39), chr(39) * 2)}' "
            f"(format csv, header false, force_quote ({quoted}))"
        )
        with whole.open("wb") as target, body.open("rb") as source:
            target.write((",".join(f'"{name}"' for name in columns) + "\n").encode())
            shutil.copyfileobj(source, target, 1 << 20)
        whole.replace(path)
    finally:
        body.unlink(missing_ok=True)
        whole.unlink(missing_ok=True)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make data that looks like Rossmann's.")
    parser.add_argument("--stores", type=_positive, default=STORES, help="how many (default: %(default)s)")
    parser.add_argument("--days", type=_positive, default=DAYS, help="from 2013-01-01 on (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed, other numbers (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("data"), help="the folder to write to (default: data)")
    parser.add_argument("--week", type=_positive, help="write only the n-th week after those days")
    parser.add_argument("--break", dest="broken", choices=BREAKS, help="put something wrong into the data")
    return parser.parse_args(words)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return number


def main(words: Sequence[str] | None = None) -> None:
    """The command line."""
    given = _arguments(words)
    path, rows = generate(
        given.out, stores=given.stores, days=given.days, seed=given.seed, week=given.week, broken=given.broken
    )
    print(f"{path}: {rows:,} rows", file=sys.stderr)


if __name__ == "__main__":
    main()
