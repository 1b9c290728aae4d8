MODEL (
  name features.train_features,
  kind FULL,
  depends_on (processed.train_clean, raw.train),
  audits (
    number_of_rows(threshold := 100000),
    at_most_rows(threshold := 2000000),
    columns_exist(columns := (Store, Date, Sales, Year, Month, Week, DayOfWeek)),
    not_null(columns := (Store, Date, Sales, Year, Month, Promo2Duration, CompetitionAge)),
    accepted_range(column := Sales, min_v := 0),
    accepted_range(column := Year, min_v := 2013, max_v := 2016),
    accepted_range(column := Month, min_v := 1, max_v := 12),
    accepted_range(column := Week, min_v := 1, max_v := 53),
    accepted_range(column := DayOfWeek, min_v := 1, max_v := 7),
    accepted_values(column := Season, is_in := (0, 1, 2, 3)),
    as_many_rows_as_raw,
    finite(columns := (
      Sales, Customers, CompetitionDistance, CompetitionDistance_log,
      Sales_Lag_1, Sales_Lag_7, Sales_Lag_14, Sales_Lag_28,
      Sales_RollingMean_7, Sales_RollingMean_14, Sales_RollingMean_28, Sales_RollingMean_60,
      Sales_RollingStd_7, Sales_RollingStd_14, Sales_RollingStd_28, Sales_RollingStd_60
    ))
  )
);

JINJA_QUERY_BEGIN;
{%- set lags = [1, 7, 14, 28] %}
{%- set windows = [7, 14, 28, 60] %}
{%- set reach = (lags + windows) | max %}
with missing_days as (

    select
        Store,
        unnest(generate_series(greatest(previous + 1, Date - {{ reach }}), Date - 1, interval 1 day))::date as Date,
        null::float as Sales
    from (
        select Store, Date, lag(Date) over (partition by Store order by Date) as previous
        from processed.train_clean
    )
    where Date > previous + 1

),

days as (

    select Store, Date, Sales from processed.train_clean
    union all
    select * from missing_days

),

past as (

    select
        Store,
        Date
        {%- for n in lags %},
        lag(Sales, {{ n }}) over history as Sales_Lag_{{ n }}
        {%- endfor %}
        {%- for n in windows %},
        avg(Sales) over window_{{ n }} as Sales_RollingMean_{{ n }},
        stddev_samp(Sales) over window_{{ n }} as Sales_RollingStd_{{ n }}
        {%- endfor %}
    from days
    window
        history as (partition by Store order by Date)
        {%- for n in windows %},
        window_{{ n }} as (partition by Store order by Date rows between {{ n }} preceding and 1 preceding)
        {%- endfor %}

)

select
    train.*,
    year(train.Date)::integer as Year,
    month(train.Date)::integer as Month,
    weekofyear(train.Date)::integer as Week,
    day(train.Date)::integer as Day,
    day(train.Date)::integer as DayOfMonth,
    quarter(train.Date)::integer as Quarter,
    (day(train.Date) = 1)::integer as IsMonthStart,
    (train.Date = last_day(train.Date))::integer as IsMonthEnd,
    (day(train.Date) = 1 and month(train.Date) in (1, 4, 7, 10))::integer as IsQuarterStart,
    (train.Date = last_day(train.Date) and month(train.Date) in (3, 6, 9, 12))::integer as IsQuarterEnd,
    (train.DayOfWeek >= 6)::integer as IsWeekend,
    (month(train.Date) % 12 // 3)::integer as Season,
    (
        train.Promo2 = 1 and contains(
            train.PromoInterval,
            ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][month(train.Date)]
        )
    )::integer as Promo2Active,
    case
        when train.Promo2 = 1 and train.Promo2SinceYear > 0
            then greatest(train.Date - greatest(
                date_trunc('week', make_date(train.Promo2SinceYear, 1, 7))::date + 7 * (train.Promo2SinceWeek - 1),
                date_trunc('week', make_date(train.Promo2SinceYear, 1, 1))::date
            ), 0)
        else 0
    end::integer as Promo2Duration,
    (train.PromoInterval = 'Jan,Apr,Jul,Oct')::integer as PromoInterval_JAJO,
    (train.PromoInterval = 'Feb,May,Aug,Nov')::integer as PromoInterval_FMAN,
    (train.PromoInterval = 'Mar,Jun,Sept,Dec')::integer as PromoInterval_MJSD,
    ln(1 + train.CompetitionDistance::double) as CompetitionDistance_log,
    (train.CompetitionDistance < 100000)::integer as HasCompetition,
    case
        when train.CompetitionOpenSinceYear > 0 and train.CompetitionOpenSinceMonth between 1 and 12
            then greatest(train.Date - make_date(train.CompetitionOpenSinceYear, train.CompetitionOpenSinceMonth, 1), 0)
        else 0
    end::integer as CompetitionAge,
    past.* exclude (Store, Date)
from processed.train_clean as train
join past on past.Store = train.Store and past.Date = train.Date
order by train.Store, train.Date
JINJA_END;
