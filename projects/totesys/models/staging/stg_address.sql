-- The last version of each address, also of those that are gone from the source: facts refer to them.

select
    address_id,
    address_line_1,
    address_line_2,
    district,
    city,
    postal_code,
    country,
    phone
from ({{ headgate.history('address') }})
where is_latest
