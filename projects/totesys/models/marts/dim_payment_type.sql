select payment_type_id, payment_type_name
from {{ ref('stg_payment_type') }}
order by payment_type_id
