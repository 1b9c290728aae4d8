select transaction_id, transaction_type, sales_order_id, purchase_order_id
from {{ ref('stg_transaction') }}
order by transaction_id
