-- When we last brought something in from each table.

{% for table in ["address", "counterparty", "currency", "department", "design", "payment", "payment_type",
                 "purchase_order", "sales_order", "staff", "transaction"] -%}
select '{{ table }}' as table_name, max(_loaded_at) as loaded_at from {{ source('raw_log', table) }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
