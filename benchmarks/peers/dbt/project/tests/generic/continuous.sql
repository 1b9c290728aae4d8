{% test continuous(model, column_name, group_by) %}
select {{ group_by }}
from {{ model }}
group by {{ group_by }}
having count(distinct {{ column_name }}) <> max({{ column_name }}) - min({{ column_name }}) + 1
{% endtest %}
