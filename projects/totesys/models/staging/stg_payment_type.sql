-- The last version of each payment type, also of those that are gone from the source: facts refer to them.

select
    payment_type_id,
    payment_type_name
from ({{ headgate.history('payment_type') }})
where is_latest
