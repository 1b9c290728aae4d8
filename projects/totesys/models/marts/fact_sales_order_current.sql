-- Of each sales order that the source still has, the version that it has now.
{{ config(materialized='view') }}

select fact.*
from {{ ref('fact_sales_order') }} as fact
join {{ ref('stg_sales_order') }} as version on version.record_id = fact.sales_record_id
where version.is_current
