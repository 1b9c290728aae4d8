{% test holds(model, expression) %}
select 1 from {{ model }} where not ({{ expression }})
{% endtest %}
