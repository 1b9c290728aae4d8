{% test column_exists(model, column_name) %}
{%- set found = adapter.get_columns_in_relation(model) | map(attribute='name') | list if execute else [] %}
select 1 where {{ 'true' if column_name not in found else 'false' }}
{% endtest %}
