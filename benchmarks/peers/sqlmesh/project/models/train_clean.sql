MODEL (
  name processed.train_clean,
  kind FULL,
  audits (
    number_of_rows(threshold := 100000),
    at_most_rows(threshold := 2000000),
    columns_exist(columns := (Store, Date, Sales, Open, Promo, StoreType, Assortment)),
    not_null(columns := (Store, Date, Sales, CompetitionDistance, Promo2)),
    accepted_range(column := Sales, min_v := 0),
    accepted_values(column := Open, is_in := (0, 1)),
    accepted_values(column := Promo, is_in := (0, 1)),
    accepted_values(column := StoreType, is_in := ('a', 'b', 'c', 'd')),
    accepted_values(column := Assortment, is_in := ('a', 'b', 'c')),
    accepted_values(column := PromoInterval, is_in := ('', 'Jan,Apr,Jul,Oct', 'Feb,May,Aug,Nov', 'Mar,Jun,Sept,Dec')),
    as_many_rows_as_raw,
    finite(columns := (Sales, Customers, CompetitionDistance))
  )
);

SELECT
  train.Store::INTEGER AS Store,
  train.DayOfWeek::INTEGER AS DayOfWeek,
  train.Date::DATE AS Date,
  train.Sales::FLOAT AS Sales,
  train.Customers::FLOAT AS Customers,
  train.Open::INTEGER AS Open,
  train.Promo::INTEGER AS Promo,
  train.StateHoliday::VARCHAR AS StateHoliday,
  train.SchoolHoliday::INTEGER AS SchoolHoliday,
  store.StoreType::VARCHAR AS StoreType,
  store.Assortment::VARCHAR AS Assortment,
  COALESCE(store.CompetitionDistance, 100000)::FLOAT AS CompetitionDistance,
  COALESCE(store.CompetitionOpenSinceMonth, 0)::INTEGER AS CompetitionOpenSinceMonth,
  COALESCE(store.CompetitionOpenSinceYear, 0)::INTEGER AS CompetitionOpenSinceYear,
  store.Promo2::INTEGER AS Promo2,
  COALESCE(store.Promo2SinceWeek, 0)::INTEGER AS Promo2SinceWeek,
  COALESCE(store.Promo2SinceYear, 0)::INTEGER AS Promo2SinceYear,
  COALESCE(store.PromoInterval, '')::VARCHAR AS PromoInterval
FROM raw.train AS train
LEFT JOIN raw.store AS store ON store.Store = train.Store
ORDER BY train.Store, train.Date
