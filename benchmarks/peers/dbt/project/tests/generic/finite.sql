{% test finite(model) %}
{%- set numbers = [] %}
{%- for column in (adapter.get_columns_in_relation(model) if execute else []) if column.is_float() %}
    {%- do numbers.append('not isfinite(' ~ column.name ~ ')') %}
{%- endfor %}
select 1 from {{ model }} where {{ numbers | join(' or ') or 'false' }}
{% endtest %}
