-- The 18 columns of train_clean and 32 features: calendar, promotion, competition, and the store's own past.
--
-- The past can be read in two ways (var row_shift_compat):
--   false  by calendar: a lag of 7 is the sales seven days before, null if that day is not there; a window of 7
--          is the seven days before the row's own day, which itself is what a forecast does not know yet.
--   true   by rows: a lag of 7 is the store's seventh row before, however long ago, and a window of 7 is the last
--          seven rows with the current one: what the well-known original code did.

{%- set by_rows = var('row_shift_compat') %}
{%- set lags = var('lags') %}
{%- set windows = var('windows') %}
{%- for name, several in {'lags': lags, 'windows': windows}.items() %}
{%- for n in several if n is not integer or n < 1 %}
{{- exceptions.raise_compiler_error(name ~ ' must be whole numbers from 1 on, not ' ~ n ~ ': say ' ~ name ~ ': [7, 14]') }}
{%- endfor %}
{%- endfor %}
{%- set reach = (lags + windows + [1]) | max %}

-- By calendar, a day's features depend on the days within reach and on nothing else. So when more days come, or old
-- ones are corrected, only what is within reach of a change is computed: a week more costs a quarter of all.
{{ config(
    materialized='table' if by_rows else 'incremental',
    incremental_strategy='delete+insert',
    unique_key=['Store', 'Date'],
    on_schema_change='fail',
    post_hook="{% if is_incremental() %} delete from {{ this }} as it where not exists (
        from {{ ref('train_clean') }} as train where train.Store = it.Store and train.Date = it.Date) {% endif %}",
) }}

with {% if is_incremental() -%}
-- train_clean now, and as it was when the features were computed: they hold it. Rows are compared by a hash of 64 bits:
-- to join two numbers a row takes half as long as to join eighteen columns.
now as (

    select Store, Date, hash(train) as row_hash from {{ ref('train_clean') }} as train

),

before as (

    select Store, Date, hash(held) as row_hash
    from (
        select {{ adapter.get_columns_in_relation(ref('train_clean')) | map(attribute='name') | join(', ') }}
        from {{ this }}
    ) as held

),

changed as (

    select Store, min(Date) as first, max(Date) + {{ reach }} as last
    from (
        select coalesce(now.Store, before.Store) as Store, coalesce(now.Date, before.Date) as Date
        from now
        full join before on before.Store = now.Store and before.Date = now.Date
        where now.row_hash is distinct from before.row_hash
    )
    group by Store

),

{% endif -%}
sales as (

    select train.Store, train.Date, train.Sales
    from {{ ref('train_clean') }} as train
    {%- if is_incremental() %}
    join changed on changed.Store = train.Store and train.Date between changed.first - {{ reach }} and changed.last
    {%- endif %}

),

{% if not by_rows -%}
-- Windows that count days (range between interval …) take four times as long as windows that count rows. So the
-- days that a store lacks are filled in without sales, as far back as any window reaches, and a row is a day.
missing_days as (

    select
        Store,
        unnest(generate_series(greatest(previous + 1, Date - {{ reach }}), Date - 1, interval 1 day))::date as Date,
        null::float as Sales
    from (
        select Store, Date, lag(Date) over (partition by Store order by Date) as previous
        from sales
    )
    where Date > previous + 1

),

{% endif -%}
days as (

    select * from sales
    {%- if not by_rows %}
    union all
    select * from missing_days
    {%- endif %}

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
        window_{{ n }} as (
            partition by Store order by Date
            rows between {{ (n - 1) ~ ' preceding and current row' if by_rows else n ~ ' preceding and 1 preceding' }}
        )
        {%- endfor %}

)

select
    train.*,

    -- calendar
    year(train.Date)::integer as Year,
    month(train.Date)::integer as Month,
    weekofyear(train.Date)::integer as Week,  -- of ISO 8601, as pandas' isocalendar().week
    day(train.Date)::integer as Day,
    day(train.Date)::integer as DayOfMonth,
    quarter(train.Date)::integer as Quarter,
    (day(train.Date) = 1)::integer as IsMonthStart,
    (train.Date = last_day(train.Date))::integer as IsMonthEnd,
    (day(train.Date) = 1 and month(train.Date) in (1, 4, 7, 10))::integer as IsQuarterStart,
    (train.Date = last_day(train.Date) and month(train.Date) in (3, 6, 9, 12))::integer as IsQuarterEnd,
    (train.DayOfWeek >= 6)::integer as IsWeekend,
    (month(train.Date) % 12 // 3)::integer as Season,

    -- promotion; the files write September 'Sept', which contains 'Sep'
    coalesce(
        train.Promo2 = 1 and contains(
            train.PromoInterval,
            ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][month(train.Date)]
        ), false
    )::integer as Promo2Active,
    case
        when train.Promo2 = 1 and train.Promo2SinceYear > 0
            then greatest(train.Date - {{ monday_of_week('train.Promo2SinceYear', 'train.Promo2SinceWeek') }}, 0)
        else 0
    end::integer as Promo2Duration,
    (train.PromoInterval = 'Jan,Apr,Jul,Oct')::integer as PromoInterval_JAJO,
    (train.PromoInterval = 'Feb,May,Aug,Nov')::integer as PromoInterval_FMAN,
    (train.PromoInterval = 'Mar,Jun,Sept,Dec')::integer as PromoInterval_MJSD,

    -- competition
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
{%- if is_incremental() %}
join changed on changed.Store = train.Store and train.Date between changed.first and changed.last
{%- endif %}
