AUDIT (name at_most_rows);
SELECT 1 FROM @this_model HAVING COUNT(*) > @threshold;

AUDIT (name mostly_in_range);
SELECT 1 FROM @this_model
HAVING COUNT(*) FILTER (WHERE @column NOT BETWEEN @min_v AND @max_v) > (1 - @mostly) * COUNT(@column);

AUDIT (name columns_are);
SELECT 1
FROM (SELECT ARRAY_TO_STRING(JSON_KEYS(TO_JSON(one)), ',') AS found FROM @this_model AS one LIMIT 1)
WHERE found <> @names;

AUDIT (name columns_exist);
SELECT @EACH(@columns, c -> c) FROM @this_model WHERE FALSE;

AUDIT (name every_store_is_known);
SELECT Store FROM @this_model WHERE Store NOT IN (SELECT Store FROM raw.store);

AUDIT (name no_day_is_missing, blocking false);
SELECT Store FROM @this_model GROUP BY Store HAVING COUNT(DISTINCT Date) <> MAX(Date) - MIN(Date) + 1;

AUDIT (name as_many_rows_as_raw);
SELECT 1 WHERE (SELECT COUNT(*) FROM @this_model) <> (SELECT COUNT(*) FROM raw.train);

AUDIT (name finite);
SELECT 1 FROM @this_model WHERE @REDUCE(@EACH(@columns, c -> NOT ISFINITE(c)), (x, y) -> x OR y);
