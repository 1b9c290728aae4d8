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
from {{ ref('train') }} as train
left join {{ ref('store') }} as store on store.Store = train.Store
order by train.Store, train.Date
