-- One row for each version of each sales order. Rows are added and never changed, nor their sales_record_id.
{{ config(materialized='incremental', incremental_strategy='append') }}

select
    record_id as sales_record_id,
    sales_order_id,
    created_at::date as created_date,
    created_at::time as created_time,
    last_updated::date as last_updated_date,
    last_updated::time as last_updated_time,
    staff_id as sales_staff_id,
    counterparty_id,
    units_sold,
    unit_price,
    currency_id,
    design_id,
    agreed_payment_date,
    agreed_delivery_date,
    agreed_delivery_location_id
from {{ ref('stg_sales_order') }}
{% if is_incremental() %}
where record_id > (select coalesce(max(sales_record_id), 0) from {{ this }})
{% endif %}
order by record_id
