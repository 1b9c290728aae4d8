-- Every day that a fact names, and those between: it grows by itself. The gate of raw keeps absurd years out.

with named as (

    select unnest([created_date, last_updated_date, agreed_payment_date, agreed_delivery_date]) as day
    from {{ ref('fact_sales_order') }}
    union
    select unnest([created_date, last_updated_date, agreed_payment_date, agreed_delivery_date])
    from {{ ref('fact_purchase_order') }}
    union
    select unnest([created_date, last_updated_date, payment_date])
    from {{ ref('fact_payment') }}

),

days as (

    select unnest(generate_series(min(day), max(day), interval 1 day))::date as date_id from named

)

select
    date_id,
    year(date_id)::integer as year,
    month(date_id)::integer as month,
    day(date_id)::integer as day,
    isodow(date_id)::integer as day_of_week,
    dayname(date_id) as day_name,
    monthname(date_id) as month_name,
    quarter(date_id)::integer as quarter
from days
order by date_id
