-- The last version of each design, also of those that are gone from the source: facts refer to them.

select
    design_id,
    design_name,
    file_location,
    file_name
from ({{ headgate.history('design') }})
where is_latest
