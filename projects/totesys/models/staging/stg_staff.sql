-- The last version of each staff, also of those that are gone from the source: facts refer to them.

select
    staff_id,
    first_name,
    last_name,
    department_id,
    email_address
from ({{ headgate.history('staff') }})
where is_latest
