{% test columns_are(model, names) %}
{%- set found = adapter.get_columns_in_relation(model) | map(attribute='name') | list if execute else [] %}
select 1 where {{ 'true' if found != names else 'false' }}
{% endtest %}
