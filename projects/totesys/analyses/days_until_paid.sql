-- How long it takes until a payment is made: the facts keep when it was first seen paid, whatever happened to it later.
with paid as (

    select payment_id, payment_type_id, min(created_date) as created, min(last_updated_date) filter (paid) as paid
    from {{ ref('fact_payment') }}
    group by payment_id, payment_type_id

)

select
    kind.payment_type_name,
    count(*) as payments,
    count(paid.paid) as paid,
    round(avg(paid.paid - paid.created), 1) as average_days
from paid
join {{ ref('dim_payment_type') }} as kind on kind.payment_type_id = paid.payment_type_id
group by all
order by all
