-- The last version of each currency, also of those that are gone from the source: facts refer to them.

select
    currency_id,
    currency_code
from ({{ headgate.history('currency') }})
where is_latest
