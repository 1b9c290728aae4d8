-- The designs that sell best, by units.
select
    design.design_name,
    design.file_name,
    count(*) as orders,
    sum(fact.units_sold) as units
from {{ ref('fact_sales_order_current') }} as fact
join {{ ref('dim_design') }} as design on design.design_id = fact.design_id
group by all
order by units desc, design.design_name, design.file_name
limit 20
