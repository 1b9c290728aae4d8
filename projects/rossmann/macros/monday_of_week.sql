{#- The Monday of a week as Python's strptime reads '%Y-W%W-%w': week 1 begins on the year's first Monday, and
    the days before it are week 0. DuckDB's own strptime differs for week 0 of years that begin on a Monday. -#}
{% macro monday_of_week(year, week) -%}
greatest(
        date_trunc('week', make_date({{ year }}, 1, 7))::date + 7 * ({{ week }} - 1),
        date_trunc('week', make_date({{ year }}, 1, 1))::date
    )
{%- endmacro %}
