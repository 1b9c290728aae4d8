MODEL (
  name raw.train,
  kind FULL,
  depends_on (raw.store),  -- for the audit every_store_is_known
  audits (
    number_of_rows(threshold := 100000),
    at_most_rows(threshold := 2000000),
    columns_are(names := 'Store,DayOfWeek,Date,Sales,Customers,Open,Promo,StateHoliday,SchoolHoliday'),
    not_null(columns := (Store, Date, DayOfWeek)),
    accepted_range(column := Sales, min_v := 0, max_v := 50000),
    mostly_in_range(column := Customers, min_v := 0, max_v := 10000, mostly := 0.95),
    accepted_values(column := Open, is_in := (0, 1)),
    accepted_values(column := Promo, is_in := (0, 1)),
    accepted_range(column := DayOfWeek, min_v := 1, max_v := 7),
    accepted_values(column := StateHoliday, is_in := ('0', 'a', 'b', 'c')),
    accepted_values(column := SchoolHoliday, is_in := (0, 1)),
    accepted_range(column := Store, min_v := 1, max_v := 1200),
    unique_combination_of_columns(columns := (Store, Date)),
    every_store_is_known,
    forall(criteria := (Open <> 0 OR Sales = 0)),
    no_day_is_missing,
    accepted_range_non_blocking(column := Customers, min_v := 0, max_v := 10000)
  )
);

SELECT * FROM READ_CSV('data/train*.csv*', types = {'StateHoliday': 'VARCHAR'})
