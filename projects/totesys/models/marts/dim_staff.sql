-- A change of only a department refreshes its people. A department need not have a location; who works there does.

select
    staff.staff_id,
    staff.first_name,
    staff.last_name,
    department.department_name,
    coalesce(department.location, 'unknown') as location,
    staff.email_address
from {{ ref('stg_staff') }} as staff
left join {{ ref('stg_department') }} as department on department.department_id = staff.department_id
order by staff.staff_id
