{%- set reach = (var('lags') + var('windows')) | max %}
with missing_days as (

    select
        Store,
        unnest(generate_series(greatest(previous + 1, Date - {{ reach }}), Date - 1, interval 1 day))::date as Date,
        null::float as Sales
    from (
        select Store, Date, lag(Date) over (partition by Store order by Date) as previous
        from {{ ref('train_clean') }}
    )
    where Date > previous + 1

),

days as (

    select Store, Date, Sales from {{ ref('train_clean') }}
    union all
    select * from missing_days

),

past as (

    select
        Store,
        Date
        {%- for n in var('lags') %},
        lag(Sales, {{ n }}) over history as Sales_Lag_{{ n }}
        {%- endfor %}
        {%- for n in var('windows') %},
        avg(Sales) over window_{{ n }} as Sales_RollingMean_{{ n }},
        stddev_samp(Sales) over window_{{ n }} as Sales_RollingStd_{{ n }}
        {%- endfor %}
    from days
    window
        history as (partition by Store order by Date)
        {%- for n in var('windows') %},
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
            then greatest(train.Date - {{ monday_of_week('train.Promo2SinceYear', 'train.Promo2SinceWeek') }}, 0)
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
from {{ ref('train_clean') }} as train
join past on past.Store = train.Store and past.Date = train.Date
order by train.Store, train.Date
