"""Proofs from the catalog are sound: every trap that DESIGN lists, and what can be proven where there is none.

In each test the statistics alone would say that all is well, or the proof is the point.
"""

from __future__ import annotations

from typing import Any

import pytest

from gate_maker import VALUES, counted, expect, gate, judge
from headgate.gates.result import ExpectationResult
from headgate.lake.engine import Connection

BETWEEN = VALUES + "be_between"
NOT_NULL = VALUES + "not_be_null"
IN_SET = VALUES + "be_in_set"
NOT_IN_SET = VALUES + "not_be_in_set"


def check(con: Connection, type_: str, **kwargs: Any) -> ExpectationResult:
    return judge(con, "t", expect(type_, column=kwargs.pop("column", "a"), **kwargs))


@pytest.mark.parametrize(
    ("values", "type_", "kwargs"),
    [
        ("i", BETWEEN, {"min_value": 0, "max_value": 9}),
        ("i", BETWEEN, {"min_value": -1, "strict_min": True, "max_value": 10, "strict_max": True}),
        ("i", BETWEEN, {"min_value": -0.5, "max_value": 9.5}),
        ("i", NOT_NULL, {}),
        ("i", IN_SET, {"value_set": [*range(10), "x", None]}),
        ("i", NOT_IN_SET, {"value_set": [-1, 10, 20.5, "3"]}),
        ("i::UTINYINT", BETWEEN, {"max_value": 9}),
        ("i % 2 = 0", IN_SET, {"value_set": [0, 1]}),
        ("i % 2 = 0", BETWEEN, {"min_value": 0, "max_value": 1}),
        ("(i / 4.0)::DECIMAL(9, 2)", BETWEEN, {"min_value": 0, "max_value": 2.25}),
        ("(i / 4.0)::DECIMAL(9, 2)", NOT_IN_SET, {"value_set": [2.26, -0.01]}),
        ("DATE '2020-01-01' + i::INT", BETWEEN, {"min_value": "2020-01-01", "max_value": "2020-01-10"}),
        ("DATE '2020-01-01' + i::INT", NOT_IN_SET, {"value_set": ["2020-01-11"]}),
        ("TIMESTAMP '2020-01-01' + INTERVAL (i) HOUR", BETWEEN, {"max_value": "2020-01-01 09:00:00"}),
        ("TIMESTAMPTZ '2020-01-01 00:00:00+00'", BETWEEN, {"max_value": "2020-01-01 01:00:00+01:00"}),
        ("'same'", IN_SET, {"value_set": ["same", "other"]}),
        ("'w' || i", NOT_IN_SET, {"value_set": ["v", "x"]}),
        ("NULL::INT", BETWEEN, {"min_value": 5}),
        ("NULL::DOUBLE", VALUES + "be_null", {}),
        ("NULL::DOUBLE", IN_SET, {"value_set": []}),
        ("[i]", "expect_column_to_exist", {}),
    ],
)
def test_what_statistics_prove_is_not_scanned(
    branch: Connection, values: str, type_: str, kwargs: dict[str, Any]
) -> None:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {values} AS a FROM range(10) r(i)")
    result = check(branch, type_, **kwargs)
    assert (result.success, result.error, result.how) == (True, None, "proven")


@pytest.mark.parametrize(
    ("values", "type_", "kwargs"),
    [
        ("i::DOUBLE", BETWEEN, {"min_value": 0, "max_value": 9}),
        ("i::FLOAT", NOT_NULL, {}),
        ("i::HUGEINT", BETWEEN, {"min_value": 0, "max_value": 9}),
        ("[i]", NOT_NULL, {}),
        ("{'k': i}", NOT_NULL, {}),
        ("INTERVAL (i) DAY", NOT_NULL, {}),
        ("'w' || i", IN_SET, {"value_set": [f"w{i}" for i in range(10)]}),
        ("i * 1000000", IN_SET, {"value_set": [i * 1000000 for i in range(10)]}),
        ("TIMESTAMP_NS '2020-01-01 00:00:00.123456789'", BETWEEN, {"max_value": "2020-01-02"}),
        ("CASE WHEN i = 0 THEN DATE 'infinity' ELSE DATE '2020-01-01' END", NOT_IN_SET, {"value_set": ["2019-01-01"]}),
        ("DATE '0044-03-15 (BC)'", BETWEEN, {"max_value": "2020-01-01"}),
    ],
)
def test_what_statistics_cannot_prove_is_scanned(
    branch: Connection, values: str, type_: str, kwargs: dict[str, Any]
) -> None:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {values} AS a FROM range(10) r(i)")
    result = check(branch, type_, **kwargs)
    assert (result.success, result.error, result.how) == (True, None, "scanned")


def test_a_nan_in_the_first_of_four_row_groups_is_found(branch: Connection) -> None:
    branch.execute("CALL lake.set_option('parquet_row_group_size', 2048)")
    value = "CASE WHEN i = 5 THEN 'nan'::DOUBLE ELSE i END"
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {value} AS a FROM range(8192) r(i)")
    assert counted(check(branch, NOT_NULL)) == (False, 8192, None, 1)
    assert counted(check(branch, BETWEEN, min_value=0, max_value=8000)) == (False, 8192, 1, 191)
    result = judge(branch, "t", expect("no_infinities"))
    assert counted(result) == (False, 8192, 0, 1)
    assert result.partial_unexpected_list == ("NaN",)
    assert counted(check(branch, NOT_IN_SET, value_set=[9000])) == (True, 8192, 1, 0)


def test_the_bounds_of_floats_are_believed_once_there_is_known_to_be_no_nan(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT nullif(i, 3) / 10 AS a FROM range(10) r(i)")
    asked = [
        expect(BETWEEN, column="a", min_value=0),
        expect(BETWEEN, column="a", max_value=0.9),
        expect(NOT_NULL, column="a"),
    ]
    first = gate(branch, "t", *asked).results
    assert [(each.how, counted(each)) for each in first] == [
        ("scanned", (True, 10, 1, 0)),
        ("scanned", (True, 10, 1, 0)),
        ("scanned", (False, 10, None, 1)),
    ]
    other = gate(branch, "t", expect(NOT_IN_SET, column="a", value_set=[1.5]), expect(BETWEEN, column="a", max_value=5))
    assert [each.how for each in other.results] == ["remembered", "remembered"]
    (tight,) = gate(branch, "t", expect(BETWEEN, column="a", max_value=0.5)).results
    assert (tight.how, counted(tight)) == ("scanned", (False, 10, 1, 4))


@pytest.mark.parametrize(
    ("type_", "kwargs", "unexpected"),
    [
        (BETWEEN, {"min_value": 0.1, "strict_min": True}, 1),
        (BETWEEN, {"min_value": 0.1}, 0),
        (BETWEEN, {"max_value": 0.3}, 1),
        (BETWEEN, {"max_value": 0.30000000000000004}, 0),
        (BETWEEN, {"max_value": 0.30000000000000004, "strict_max": True}, 1),
        (NOT_IN_SET, {"value_set": [0.1]}, 1),
        (NOT_IN_SET, {"value_set": [float("inf")]}, 0),
    ],
)
def test_bounds_of_floats_are_compared_as_the_engine_compares_them(
    branch: Connection, type_: str, kwargs: dict[str, Any], unexpected: int
) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT unnest([0.1::DOUBLE, 0.2::DOUBLE, 0.1::DOUBLE + 0.2]) AS a")
    assert counted(check(branch, type_, **kwargs)) == (unexpected == 0, 3, 0, unexpected)
    branch.execute("CREATE VIEW lake.marts.v AS SELECT * FROM lake.marts.t")
    (scanned,) = gate(branch, "v", expect(type_, column="a", **kwargs)).results
    assert counted(scanned) == (unexpected == 0, 3, 0, unexpected)


@pytest.mark.parametrize("table", ["t", "v"])
def test_numbers_beyond_all_floats_equal_none_and_bound_none(branch: Connection, table: str) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT unnest([0.1::DOUBLE, 'inf'::DOUBLE]) AS a")
    branch.execute("CREATE VIEW lake.marts.v AS SELECT * FROM lake.marts.t")
    huge = 10**400
    between, among, outside = gate(
        branch,
        table,
        expect(BETWEEN, column="a", max_value=huge),
        expect(IN_SET, column="a", value_set=[huge, 0.1]),
        expect(NOT_IN_SET, column="a", value_set=[huge, 5]),
    ).results
    assert "cannot be compared with" in str(between.error)
    assert (counted(among), counted(outside)) == ((False, 2, 0, 1), (True, 2, 0, 0))


def test_the_text_of_a_narrow_float_is_not_its_value(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT unnest([0.1::FLOAT, 0.05::FLOAT]) AS a")
    assert counted(check(branch, BETWEEN, max_value=0.1)) == (False, 2, 0, 1)
    result = check(branch, NOT_NULL)
    assert (counted(result), result.how) == ((True, 2, None, 0), "scanned")


def test_a_nan_among_deleted_rows_still_spoils_the_bounds(branch: Connection) -> None:
    branch.execute("CALL lake.set_option('parquet_row_group_size', 2048)")
    value = "CASE WHEN i = 5 THEN 'nan'::DOUBLE ELSE i END"
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {value} AS a FROM range(4096) r(i)")
    assert counted(check(branch, BETWEEN, max_value=4095)) == (True, 4096, 1, 0)
    branch.execute("DELETE FROM lake.marts.t WHERE isnan(a)")
    once, again = (gate(branch, "t", expect(BETWEEN, column="a", max_value=4095)).results[0] for _ in range(2))
    assert [counted(once), counted(again)] == [(True, 4095, 0, 0)] * 2
    branch.execute("UPDATE lake.marts.t SET a = 'nan' WHERE a = 7")
    assert counted(gate(branch, "t", expect(NOT_NULL, column="a")).results[0]) == (False, 4095, None, 1)


def test_only_new_files_are_searched_for_nan(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i::DOUBLE AS a FROM range(10) r(i)")
    gate(branch, "t", expect(BETWEEN, column="a", max_value=20))
    branch.execute("INSERT INTO lake.marts.t VALUES ('nan'), (3), (30)")
    result = gate(branch, "t", expect(BETWEEN, column="a", max_value=30)).results[0]
    assert (result.how, counted(result)) == ("scanned", (True, 13, 1, 0))
    again = gate(branch, "t", expect(BETWEEN, column="a", max_value=30)).results[0]
    assert (again.how, counted(again)) == ("remembered", (True, 13, 1, 0))
    assert counted(gate(branch, "t", expect(BETWEEN, column="a", max_value=20)).results[0]) == (False, 13, 1, 1)


def test_texts_longer_than_the_statistics_keep_are_compared_in_full(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT repeat('z', 300) AS a")
    cut, longer, whole = "z" * 256, "z" * 280, "z" * 300
    assert counted(check(branch, IN_SET, value_set=[cut])) == (False, 1, 0, 1)
    result = check(branch, NOT_IN_SET, value_set=[whole])
    assert counted(result) == (False, 1, 0, 1)
    above = check(branch, NOT_IN_SET, value_set=[longer])
    assert (counted(above), above.how) == ((True, 1, 0, 0), "scanned")


def test_a_text_is_cut_by_bytes_not_by_letters(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT repeat('ü', 128) AS a")
    assert check(branch, NOT_IN_SET, value_set=["x"]).how == "scanned"


def test_a_column_whose_type_was_altered_is_scanned_where_it_was_written_before(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i::INT AS a FROM range(10) r(i)")
    branch.execute("ALTER TABLE lake.marts.t ALTER a TYPE BIGINT")
    result = check(branch, BETWEEN, min_value=0, max_value=9)
    assert (counted(result), result.how) == ((True, 10, 0, 0), "scanned")
    branch.execute("CREATE OR REPLACE TABLE lake.marts.t AS SELECT * FROM lake.marts.t")
    assert check(branch, BETWEEN, min_value=0, max_value=9).how == "proven"


def test_a_column_added_later_is_judged_by_its_default_in_older_files(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT 1 AS b FROM range(10)")
    branch.execute("ALTER TABLE lake.marts.t ADD COLUMN a INT DEFAULT 7")
    branch.execute("ALTER TABLE lake.marts.t ADD COLUMN n INT")
    branch.execute("INSERT INTO lake.marts.t VALUES (1, 3, 3)")
    result = check(branch, BETWEEN, min_value=0, max_value=5)
    assert (counted(result), result.how) == ((False, 11, 0, 10), "scanned")
    assert counted(check(branch, NOT_NULL, column="n")) == (False, 11, None, 10)


def test_a_column_dropped_and_added_again_is_another_column(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i::INT AS a, 1 AS b FROM range(10) r(i)")
    branch.execute("ALTER TABLE lake.marts.t DROP COLUMN a")
    branch.execute("ALTER TABLE lake.marts.t ADD COLUMN a INT")
    assert counted(check(branch, NOT_NULL)) == (False, 10, None, 10)


def test_a_renamed_column_is_not_mistaken_for_the_one_that_had_its_name(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i::INT AS a, 100 AS b FROM range(10) r(i)")
    branch.execute("ALTER TABLE lake.marts.t RENAME a TO c")
    branch.execute("ALTER TABLE lake.marts.t RENAME b TO a")
    assert counted(check(branch, BETWEEN, max_value=9)) == (False, 10, 0, 10)


def test_a_column_altered_in_the_transaction_that_wrote_the_file_is_read_as_it_is(branch: Connection) -> None:
    branch.execute(
        "BEGIN; CREATE TABLE lake.marts.t (a INT, b INT); INSERT INTO lake.marts.t SELECT i, 100 FROM range(10) r(i);"
        "ALTER TABLE lake.marts.t RENAME a TO c; ALTER TABLE lake.marts.t RENAME b TO a; COMMIT"
    )
    assert counted(check(branch, BETWEEN, max_value=9)) == (False, 10, 0, 10)


def test_deleted_rows_leave_bounds_wider_than_the_truth(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a FROM range(10) r(i)")
    branch.execute("DELETE FROM lake.marts.t WHERE a > 5")
    within = check(branch, BETWEEN, max_value=9)
    assert (counted(within), within.how) == ((True, 6, 0, 0), "proven")
    tight = check(branch, BETWEEN, max_value=5)
    assert (counted(tight), tight.how) == ((True, 6, 0, 0), "scanned")


def test_deleted_rows_make_the_number_of_nulls_uncertain(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT CASE WHEN i < 5 THEN i END AS a, i AS b FROM range(10) r(i)")
    branch.execute("DELETE FROM lake.marts.t WHERE b IN (1, 7)")
    result = check(branch, BETWEEN, max_value=9)
    assert (counted(result), result.how) == ((True, 8, 4, 0), "scanned")
    branch.execute("DELETE FROM lake.marts.t WHERE a IS NULL")
    assert counted(check(branch, NOT_NULL)) == (True, 4, None, 0)


def test_deleted_rows_of_a_file_without_values_are_certain(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT NULL::INT AS a, i AS b FROM range(10) r(i)")
    branch.execute("DELETE FROM lake.marts.t WHERE b < 3")
    result = check(branch, NOT_NULL)
    assert (counted(result), result.how) == ((False, 7, None, 7), "proven")


def test_updated_and_merged_rows_are_in_files_of_their_own(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a, i AS b FROM range(10) r(i)")
    branch.execute("UPDATE lake.marts.t SET a = 50 WHERE b = 3")
    assert counted(check(branch, BETWEEN, max_value=9)) == (False, 10, 0, 1)
    branch.execute(
        "MERGE INTO lake.marts.t USING (SELECT 3 AS b, 7 AS a UNION ALL SELECT 20, 60) s ON t.b = s.b"
        " WHEN MATCHED THEN UPDATE SET a = s.a WHEN NOT MATCHED THEN INSERT (a, b) VALUES (s.a, s.b)"
    )
    result = check(branch, BETWEEN, max_value=9)
    assert counted(result) == (False, 11, 0, 1)
    assert result.partial_unexpected_list == (60,)


def test_only_the_files_that_prove_nothing_are_scanned(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a FROM range(10) r(i)")
    branch.execute("INSERT INTO lake.marts.t SELECT i FROM range(5, 15) r(i)")
    result = check(branch, BETWEEN, max_value=9)
    assert (counted(result), result.how) == ((False, 20, 0, 5), "scanned")


def test_nulls_are_counted_without_a_scan_even_where_they_fail(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT nullif(i, 3) AS a FROM range(10) r(i)")
    result = check(branch, NOT_NULL)
    assert (counted(result), result.how) == ((False, 10, None, 1), "proven")
    assert result.partial_unexpected_list == (None,)


def test_files_added_from_elsewhere_are_read(branch: Connection, tmp_path: Any) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a FROM range(10) r(i)")
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "same.parquet"
        branch.execute(f"COPY (SELECT 100::BIGINT AS a) TO '{path}'")
        branch.execute(f"CALL ducklake_add_data_files('lake', 't', '{path}', schema => 'marts')")
    result = check(branch, BETWEEN, max_value=9)
    assert counted(result) == (False, 12, 0, 2)


def test_a_column_called_filename_hides_the_files_and_the_table_is_scanned_whole(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS a, 'x' AS filename FROM range(10) r(i)")
    branch.execute("INSERT INTO lake.marts.t SELECT i, 'y' FROM range(10, 20) r(i)")
    assert counted(check(branch, BETWEEN, max_value=14)) == (False, 20, 0, 5)
    assert check(branch, BETWEEN, max_value=20).how == "proven"
    assert counted(check(branch, IN_SET, column="filename", value_set=["x"])) == (False, 20, 0, 10)
