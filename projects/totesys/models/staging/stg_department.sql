-- The last version of each department, also of those that are gone from the source: facts refer to them.

select
    department_id,
    department_name,
    location
from ({{ headgate.history('department') }})
where is_latest
