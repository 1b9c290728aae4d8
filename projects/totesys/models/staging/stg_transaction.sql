-- The last version of each transaction, also of those that are gone from the source: facts refer to them.

select
    transaction_id,
    transaction_type,
    sales_order_id,
    purchase_order_id
from ({{ headgate.history('transaction') }})
where is_latest
