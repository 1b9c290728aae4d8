-- Of each payment that the source still has, the version that it has now.
{{ config(materialized='view') }}

select fact.*
from {{ ref('fact_payment') }} as fact
join {{ ref('stg_payment') }} as version on version.record_id = fact.payment_record_id
where version.is_current
