-- Each day of each store with what is known of the store. A left join: a store that is missing in store.csv
-- loses no sales, and the gate of raw has already refused a store that is there twice.

select
    train.Store::integer as Store,
    train.DayOfWeek::integer as DayOfWeek,
    train.Date::date as Date,
    train.Sales::float as Sales,
    train.Customers::float as Customers,
    train.Open::integer as Open,
    train.Promo::integer as Promo,
    train.StateHoliday::varchar as StateHoliday,
    train.SchoolHoliday::integer as SchoolHoliday,
    store.StoreType::varchar as StoreType,
    store.Assortment::varchar as Assortment,
    coalesce(store.CompetitionDistance, 100000)::float as CompetitionDistance,
    coalesce(store.CompetitionOpenSinceMonth, 0)::integer as CompetitionOpenSinceMonth,
    coalesce(store.CompetitionOpenSinceYear, 0)::integer as CompetitionOpenSinceYear,
    store.Promo2::integer as Promo2,
    coalesce(store.Promo2SinceWeek, 0)::integer as Promo2SinceWeek,
    coalesce(store.Promo2SinceYear, 0)::integer as Promo2SinceYear,
    coalesce(store.PromoInterval, '')::varchar as PromoInterval
from {{ source('raw', 'train') }} as train
left join {{ source('raw', 'store') }} as store on store.Store = train.Store
order by train.Store, train.Date
-- DuckLake 1.5 writes the row groups of a parallel query in any order (duckdb/ducklake#1356). A limit, however large, has
-- the rows written in the order of the query, by one thread.
limit 1000000000000
