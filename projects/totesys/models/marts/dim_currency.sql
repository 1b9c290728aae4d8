-- Names are those of ISO 4217's currencies in English; one that the seed does not have is stopped by the gate.

select
    currency.currency_id,
    currency.currency_code,
    names.currency_name
from {{ ref('stg_currency') }} as currency
left join {{ ref('currency_names') }} as names on names.currency_code = currency.currency_code
order by currency.currency_id
