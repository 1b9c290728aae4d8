-- The last version of each counterparty, also of those that are gone from the source: facts refer to them.

select
    counterparty_id,
    counterparty_legal_name,
    legal_address_id
from ({{ headgate.history('counterparty') }})
where is_latest
