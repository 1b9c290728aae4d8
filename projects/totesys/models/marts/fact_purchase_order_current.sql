-- Of each purchase order that the source still has, the version that it has now.
{{ config(materialized='view') }}

select fact.*
from {{ ref('fact_purchase_order') }} as fact
join {{ ref('stg_purchase_order') }} as version on version.record_id = fact.purchase_record_id
where version.is_current
