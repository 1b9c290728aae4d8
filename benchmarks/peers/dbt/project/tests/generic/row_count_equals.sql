{% test row_count_equals(model, to) %}
select 1 where (select count(*) from {{ model }}) <> (select count(*) from {{ to }})
{% endtest %}
