-- What should have been paid by the newest day that we know of, and is not: who owes most.
select
    counterparty.counterparty_legal_name,
    currency.currency_code,
    kind.payment_type_name,
    count(*) as payments,
    sum(fact.payment_amount) as amount,
    min(fact.payment_date) as oldest
from {{ ref('fact_payment_current') }} as fact
join {{ ref('dim_counterparty') }} as counterparty on counterparty.counterparty_id = fact.counterparty_id
join {{ ref('dim_currency') }} as currency on currency.currency_id = fact.currency_id
join {{ ref('dim_payment_type') }} as kind on kind.payment_type_id = fact.payment_type_id
where not fact.paid
    and fact.payment_date < (select max(last_updated_date) from {{ ref('fact_payment') }})
group by all
order by amount desc, counterparty.counterparty_legal_name
