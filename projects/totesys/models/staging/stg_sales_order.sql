-- Every version of every sales order that was ever seen. record_id never changes.

select
    record_id,
    sales_order_id,
    design_id,
    staff_id,
    counterparty_id,
    units_sold,
    unit_price::decimal(10, 2) as unit_price,
    currency_id,
    agreed_delivery_date::date as agreed_delivery_date,
    agreed_payment_date::date as agreed_payment_date,
    agreed_delivery_location_id,
    created_at,
    last_updated,
    valid_from,
    valid_to,
    known_from,
    is_current
from ({{ headgate.history('sales_order') }})
