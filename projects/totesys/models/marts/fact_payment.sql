-- One row for each version of each payment. Rows are added and never changed, nor their payment_record_id.
{{ config(materialized='incremental', incremental_strategy='append') }}

select
    record_id as payment_record_id,
    payment_id,
    created_at::date as created_date,
    created_at::time as created_time,
    last_updated::date as last_updated_date,
    last_updated::time as last_updated_time,
    transaction_id,
    counterparty_id,
    payment_amount,
    currency_id,
    payment_type_id,
    paid,
    payment_date
from {{ ref('stg_payment') }}
{% if is_incremental() %}
where record_id > (select coalesce(max(payment_record_id), 0) from {{ this }})
{% endif %}
order by record_id
