-- One row for each version of each purchase order. Rows are added and never changed, nor their purchase_record_id.
{{ config(materialized='incremental', incremental_strategy='append') }}

select
    record_id as purchase_record_id,
    purchase_order_id,
    created_at::date as created_date,
    created_at::time as created_time,
    last_updated::date as last_updated_date,
    last_updated::time as last_updated_time,
    staff_id,
    counterparty_id,
    item_code,
    item_quantity,
    item_unit_price,
    currency_id,
    agreed_delivery_date,
    agreed_payment_date,
    agreed_delivery_location_id
from {{ ref('stg_purchase_order') }}
{% if is_incremental() %}
where record_id > (select coalesce(max(purchase_record_id), 0) from {{ this }})
{% endif %}
order by record_id
