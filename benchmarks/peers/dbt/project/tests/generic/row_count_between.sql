{% test row_count_between(model, at_least, at_most) %}
select count(*) as n from {{ model }} having n not between {{ at_least }} and {{ at_most }}
{% endtest %}
