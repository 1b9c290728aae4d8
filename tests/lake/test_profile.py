"""What a manifest says of tables, without reading them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.lake.catalog import read_contents
from headgate.lake.profile import UNKNOWN, describe
from lake_maker import Lake, python


def columns(lake: Lake, name: str = "marts.t") -> dict[str, tuple[Any, Any, Any]]:
    entry = describe(lake.con, read_contents(lake.con), ("raw", "marts"))[name]
    return {c["name"]: (c["null_share"], c["min"], c["max"]) for c in entry["columns"]}


def test_minimum_maximum_and_null_share_come_from_statistics(lake: Lake) -> None:
    lake.branch(
        """CREATE TABLE marts.t AS
           SELECT range::INTEGER - 10 AS i, range % 2 = 0 AS b, (range / 4)::DECIMAL(10,2) AS de,
           DATE '2020-01-01' + range::INTEGER AS d,
           TIMESTAMP '2020-01-01 00:00:00.000001' + to_hours(range::INTEGER) AS ts,
           CASE WHEN range % 4 = 0 THEN 'v' || range END AS v, range::UBIGINT AS u FROM range(100)"""
    )
    assert columns(lake) == {
        "i": (0.0, "-10", "89"),
        "b": (0.0, "false", "true"),
        "de": (0.0, "0.00", "24.75"),
        "d": (0.0, "2020-01-01", "2020-04-09"),
        "ts": (0.0, "2020-01-01 00:00:00.000001", "2020-01-05 03:00:00.000001"),
        "v": (0.75, "v0", "v96"),
        "u": (0.0, "0", "99"),
    }


def test_bounds_of_several_files_are_compared_as_values_and_not_as_texts(lake: Lake) -> None:
    lake.branch(
        "CREATE TABLE marts.t AS SELECT 9 AS a", "INSERT INTO marts.t VALUES (10)", "INSERT INTO marts.t VALUES (-1)"
    )
    assert columns(lake) == {"a": (0.0, "-1", "10")}


def test_floats_have_no_bounds_because_their_statistics_miss_nan(lake: Lake) -> None:
    lake.branch(
        "CREATE TABLE marts.t AS SELECT 1::FLOAT AS f, "
        "CASE range WHEN 1 THEN 'nan'::DOUBLE WHEN 2 THEN NULL ELSE 1.5 END AS a FROM range(4)"
    )
    assert columns(lake) == {"a": (0.25, None, None), "f": (0.0, None, None)}


def test_long_strings_have_no_bounds_because_statistics_cut_them(lake: Lake) -> None:
    lake.branch(
        "CREATE TABLE marts.t AS SELECT repeat('y', 300) AS long, "
        "repeat('y', 255) AS short, repeat('ü', 128) AS two_bytes"
    )
    assert columns(lake) == {
        "long": (0.0, None, None),
        "short": (0.0, "y" * 255, "y" * 255),
        "two_bytes": (0.0, None, None),
    }


def test_types_whose_statistics_are_not_exact_have_no_bounds(lake: Lake) -> None:
    lake.branch(
        """CREATE TABLE marts.t AS SELECT 1::HUGEINT AS h, INTERVAL 1 DAY AS iv, TIME '10:00' AS ti,
           uuid() AS u, 'x'::BLOB AS bl,
           TIMESTAMPTZ '2020-01-01 00:00:00+02' AS tz, [1, 2] AS li, {'a': 1} AS st, TIMESTAMP_NS '2020-01-01' AS ns"""
    )
    found = columns(lake)
    assert {bounds[1:] for bounds in found.values()} == {(None, None)}
    assert found["li"][0] is None
    assert found["st"][0] is None
    assert found["u"][0] == 0.0


def test_an_intervals_nulls_are_not_counted_by_the_catalog_so_nothing_is_said(lake: Lake) -> None:
    lake.branch("CREATE TABLE marts.t AS SELECT CASE WHEN range > 0 THEN INTERVAL 1 DAY END AS iv FROM range(4)")
    assert columns(lake) == {"iv": (None, None, None)}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM marts.t WHERE a = 99", (None, None, None)),
        ("UPDATE marts.t SET a = 5 WHERE a = 99", (None, None, None)),
        ("ALTER TABLE marts.t RENAME COLUMN b TO c", (0.0, "0", "99")),
        ("INSERT INTO marts.t VALUES (NULL, 1)", (0.009901, "0", "99")),
        ("DELETE FROM marts.t", (None, None, None)),
    ],
)
def test_deletes_make_statistics_wider_than_the_truth(lake: Lake, statement: str, expected: tuple[Any, ...]) -> None:
    lake.branch("CREATE TABLE marts.t AS SELECT range AS a, 1 AS b FROM range(100)", statement)
    assert columns(lake)["a"] == expected


def test_a_column_that_was_added_or_altered_later_has_no_profile(lake: Lake) -> None:
    lake.branch(
        "CREATE TABLE marts.t AS SELECT 1::INTEGER AS a",
        "ALTER TABLE marts.t ADD COLUMN late INTEGER",
        "ALTER TABLE marts.t ALTER COLUMN a TYPE BIGINT",
        "INSERT INTO marts.t VALUES (7, 7)",
    )
    assert columns(lake) == {"a": (None, None, None), "late": (None, None, None)}


def test_a_column_of_nulls_has_a_share_and_no_bounds(lake: Lake) -> None:
    lake.branch("CREATE TABLE marts.t AS SELECT NULL::INTEGER AS a FROM range(3)", "INSERT INTO marts.t VALUES (NULL)")
    assert columns(lake) == {"a": (1.0, None, None)}
    lake.execute("INSERT INTO marts.t VALUES (3)")
    assert columns(lake) == {"a": (0.8, "3", "3")}


def test_an_empty_table_has_no_profile(lake: Lake) -> None:
    lake.branch("CREATE TABLE marts.t (a INTEGER)")
    assert columns(lake) == {"a": (None, None, None)}
    assert UNKNOWN == {"null_share": None, "min": None, "max": None}


def test_a_description_names_rows_bytes_files_and_views(lake: Lake) -> None:
    lake.branch(
        "CREATE TABLE marts.t AS SELECT range AS a FROM range(10)",
        "DELETE FROM marts.t WHERE a = 3",
        "CREATE VIEW raw.v AS SELECT a, a::VARCHAR AS s FROM marts.t",
        "CREATE TABLE _headgate.internal AS SELECT 1 AS a",
    )
    entries = describe(lake.con, read_contents(lake.con), ("raw", "marts"))
    assert set(entries) == {"marts.t", "raw.v"}
    assert (entries["marts.t"]["kind"], entries["marts.t"]["rows"]) == ("table", 9)
    assert set(entries["marts.t"]["files"]) < lake.data_files()
    assert len(entries["marts.t"]["files"]) == 2, "the delete file too"
    assert entries["marts.t"]["bytes"] > 0
    assert (entries["raw.v"]["kind"], entries["raw.v"]["rows"]) == ("view", None)
    assert entries["raw.v"]["columns"] == [{"name": "a", "type": "BIGINT"}, {"name": "s", "type": "VARCHAR"}]


def test_working_on_a_lake_does_not_import_pandas(lake: Lake) -> None:
    """The first bound parameter of a process makes DuckDB import it where it is installed, which takes 0.3 s."""
    lake.publish(
        "CREATE TABLE marts.t AS SELECT range AS a, 'x' AS b FROM range(10)", "CREATE VIEW raw.v AS FROM marts.t"
    )
    code = """
from pathlib import Path
from lake_maker import Lake
from headgate.lake.catalog import read_statistics, read_contents
from headgate.lake.doctor import examine
from headgate.lake.engine import connect
from headgate.lake.prune import prune
from headgate.lake.store import LocalStore
lake = Lake(LocalStore(Path(ARGS[0])), connect())
lake.publish("INSERT INTO marts.t VALUES (1, 'y')")
examine(lake.store, lake.con)
prune(lake.store, lake.con, keep=1, keep_branches=())
print("pandas" in sys.modules, "numpy" in sys.modules)
"""
    assert python(code, lake.store.location).stdout == "False False\n"


VALUES = {
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "SMALLINT": st.integers(-(2**15), 2**15 - 1),
    "VARCHAR": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5),
    "DATE": st.dates().map(lambda d: d.isoformat()),
    "DECIMAL(6,2)": st.decimals(-9999, 9999, places=2).map(str),
}


@pytest.mark.parametrize("type_", VALUES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_said_is_what_a_scan_would_say(lake: Lake, type_: str, data: st.DataObject) -> None:
    files = data.draw(st.lists(st.lists(st.none() | VALUES[type_], min_size=1, max_size=4), min_size=1, max_size=3))
    if "lake" not in {n for (n,) in lake.con.execute("SELECT database_name FROM duckdb_databases()").fetchall()}:
        lake.branch()
    lake.execute(f"CREATE OR REPLACE TABLE marts.t (a {type_})")
    for rows in files:
        values = ", ".join("(NULL)" if v is None else "('" + str(v).replace("'", "''") + "')" for v in rows)
        lake.execute(f"INSERT INTO marts.t VALUES {values}")
    share, low, high = columns(lake)["a"]
    truth = lake.con.execute(
        "SELECT round(1 - count(a) / count(*), 6), min(a)::VARCHAR, max(a)::VARCHAR FROM lake.marts.t"
    ).fetchall()[0]
    assert (share, low, high) == truth
