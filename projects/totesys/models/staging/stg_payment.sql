-- Every version of every payment that was ever seen. record_id never changes.

select
    record_id,
    payment_id,
    transaction_id,
    counterparty_id,
    payment_amount::decimal(10, 2) as payment_amount,
    currency_id,
    payment_type_id,
    paid,
    payment_date::date as payment_date,
    created_at,
    last_updated,
    valid_from,
    valid_to,
    known_from,
    is_current
from ({{ headgate.history('payment') }})
