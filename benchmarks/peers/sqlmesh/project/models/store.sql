MODEL (
  name raw.store,
  kind FULL,
  audits (
    number_of_rows(threshold := 1000),
    at_most_rows(threshold := 1200),
    columns_are(names := 'Store,StoreType,Assortment,CompetitionDistance,CompetitionOpenSinceMonth,CompetitionOpenSinceYear,Promo2,Promo2SinceWeek,Promo2SinceYear,PromoInterval'),
    not_null(columns := (Store)),
    unique_values(columns := (Store)),
    accepted_values(column := StoreType, is_in := ('a', 'b', 'c', 'd')),
    accepted_values(column := Assortment, is_in := ('a', 'b', 'c')),
    mostly_in_range(column := CompetitionDistance, min_v := 0, max_v := 100000, mostly := 0.7),
    accepted_values(column := Promo2, is_in := (0, 1)),
    accepted_range(column := Store, min_v := 1, max_v := 1200)
  )
);

SELECT * FROM READ_CSV('data/store.csv')
