{% test between(model, column_name, at_least=none, at_most=none, mostly=1.0) %}
{#- Nulls pass; up to 1 - mostly of the values may lie outside. -#}
{%- set outside -%}
    {%- if at_least is not none %}{{ column_name }} < {{ at_least }}{% endif %}
    {%- if at_least is not none and at_most is not none %} or {% endif %}
    {%- if at_most is not none %}{{ column_name }} > {{ at_most }}{% endif %}
{%- endset %}
{%- if mostly == 1.0 %}
select {{ column_name }} from {{ model }} where {{ outside }}
{%- else %}
select 1 from {{ model }} having count(*) filter ({{ outside }}) > {{ 1 - mostly }} * count({{ column_name }})
{%- endif %}
{% endtest %}
