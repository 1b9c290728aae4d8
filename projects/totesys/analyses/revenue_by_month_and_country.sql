-- What was sold in each month to each country, by currency: amounts in different currencies do not add up.
select
    date.year,
    date.month,
    counterparty.counterparty_legal_country as country,
    currency.currency_code,
    count(*) as orders,
    sum(fact.units_sold * fact.unit_price) as revenue
from {{ ref('fact_sales_order_current') }} as fact
join {{ ref('dim_date') }} as date on date.date_id = fact.created_date
join {{ ref('dim_counterparty') }} as counterparty on counterparty.counterparty_id = fact.counterparty_id
join {{ ref('dim_currency') }} as currency on currency.currency_id = fact.currency_id
group by all
order by all
