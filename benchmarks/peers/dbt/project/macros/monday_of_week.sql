{#- The Monday of a week as strptime's '%Y-W%W-%w' has it. -#}
{% macro monday_of_week(year, week) -%}
greatest(
        date_trunc('week', make_date({{ year }}, 1, 7))::date + 7 * ({{ week }} - 1),
        date_trunc('week', make_date({{ year }}, 1, 1))::date
    )
{%- endmacro %}
