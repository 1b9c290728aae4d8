"""Schema drift: what a database has and schema.lock does not, and what each policy makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.errors import SourceDataError
from headgate.sources.drift import compare
from headgate.sources.schema_lock import LockedTable, write_lock
from origin import Origin

SETTINGS = ("on_new_column", "on_dropped_column", "on_renamed_column", "on_widened_type", "on_narrowed_type")
EVOLVE: dict[str, Any] = dict.fromkeys(SETTINGS, "evolve")
IGNORE: dict[str, Any] = dict.fromkeys(SETTINGS, "ignore")


@pytest.fixture
def staff(origin: Origin) -> Origin:
    origin.execute(
        "CREATE TABLE staff (id int PRIMARY KEY, name text, level smallint, last_updated timestamp)",
        "INSERT INTO staff SELECT i, 'n' || i, 1, timestamp '2026-01-01' + i * interval '1 day' "
        "FROM generate_series(1, 20) i",
    )
    origin.load(cursor="last_updated")
    return origin


@pytest.mark.parametrize(
    ("change", "rule", "what"),
    [
        ("ADD COLUMN town text", "new_column", "town is new (VARCHAR)"),
        ("DROP COLUMN level", "dropped_column", "level (SMALLINT) is gone"),
        ("ALTER COLUMN level TYPE bigint", "widened_type", "level is widened from SMALLINT to BIGINT"),
        ("ALTER COLUMN name TYPE int USING 1", "narrowed_type", "name is narrowed from VARCHAR to INTEGER"),
        ("ALTER COLUMN level TYPE date USING now()", "narrowed_type", "level is changed from SMALLINT to DATE"),
        ("RENAME COLUMN name TO full_name", "renamed_column", "name is gone and full_name is new, both VARCHAR"),
    ],
)
def test_a_drift_stops_the_run_and_is_classified(staff: Origin, change: str, rule: str, what: str) -> None:
    staff.execute(f"ALTER TABLE staff {change}")
    with pytest.raises(SourceDataError) as caught:
        staff.changes(cursor="last_updated")
    assert what in caught.value.what
    assert (caught.value.rule, caught.value.table) == (rule, "app.staff")
    assert f"headgate drift accept takes it; or on_{rule}: evolve" in str(caught.value.hint)
    staff.changes(cursor="last_updated", **EVOLVE)


def test_a_rename_is_not_taken_in_silence_for_a_column_that_is_gone_and_a_new_one(staff: Origin) -> None:
    staff.execute("ALTER TABLE staff RENAME COLUMN name TO full_name")
    with pytest.raises(SourceDataError, match="name is gone and full_name is new, both VARCHAR: perhaps renamed"):
        staff.load(cursor="last_updated", on_new_column="evolve", on_dropped_column="evolve")
    assert "name" in staff.types("staff")


def test_where_nothing_is_taken_for_a_rename_each_column_has_its_own_policy(staff: Origin) -> None:
    staff.execute("ALTER TABLE staff RENAME COLUMN name TO full_name")
    with pytest.raises(SourceDataError, match=r"holds it: name \(VARCHAR\) is gone\n"):
        staff.changes(cursor="last_updated", on_renamed_column="evolve", on_new_column="evolve")
    settings: dict[str, Any] = EVOLVE | {"on_dropped_column": "ignore"}
    assert staff.load(cursor="last_updated", **settings)["staff"].counts.appended == 20
    assert staff.raw("staff", "name, full_name")[0] == (None, "n1")
    assert staff.load(cursor="last_updated", **settings) == {}


def test_a_rename_that_is_ignored_leaves_raw_as_it_was(staff: Origin) -> None:
    before = staff.types("staff")
    staff.execute("ALTER TABLE staff RENAME COLUMN name TO full_name")
    staff.load(cursor="last_updated", on_renamed_column="ignore")
    assert staff.types("staff") == before
    assert staff.raw("staff", "name")[0] == (None,)
    assert staff.load(cursor="last_updated", on_renamed_column="ignore") == {}


def test_each_column_is_suspected_once_and_of_the_name_most_like_its_own() -> None:
    gone = {"town": "VARCHAR", "surname": "VARCHAR", "since": "DATE"}
    new = {"zip": "VARCHAR", "tower": "VARCHAR", "last_surname": "VARCHAR", "at": "TIME"}
    drifts = compare(gone, new)
    assert {each.column: each.renamed_from for each in drifts if each.kind == "renamed_column"} == {
        "tower": "town",
        "last_surname": "surname",
    }
    assert [(each.kind, each.column) for each in drifts if each.kind != "renamed_column"] == [
        ("dropped_column", "since"),
        ("new_column", "zip"),
        ("new_column", "at"),
    ]


def test_what_the_project_leaves_out_is_under_no_suspicion(staff: Origin) -> None:
    staff.execute("ALTER TABLE staff ADD COLUMN town text")
    settings: dict[str, Any] = {"cursor": "last_updated", "tables": {"staff": {"columns": {"exclude": ["name"]}}}}
    with pytest.raises(SourceDataError, match=r"holds it: town is new \(VARCHAR\)\n"):
        staff.changes(**settings)


def test_a_new_column_is_taken_in_with_the_values_of_old_rows(staff: Origin) -> None:
    staff.execute("ALTER TABLE staff ADD COLUMN town text", "UPDATE staff SET town = 'Leeds' WHERE id = 1")
    counts = staff.load(cursor="last_updated", **EVOLVE)["staff"].counts
    assert (counts.appended, counts.unchanged) == (1, 19)
    assert staff.raw("staff", "id, town")[0] == (1, "Leeds")
    assert staff.load(cursor="last_updated", **EVOLVE) == {}


def test_a_column_that_is_gone_makes_no_new_versions(staff: Origin) -> None:
    staff.execute("ALTER TABLE staff DROP COLUMN level")
    counts = staff.load(cursor="last_updated", **EVOLVE)["staff"].counts
    assert (counts.appended, counts.unchanged) == (0, 20)
    assert list(staff.types("staff")) == ["id", "name", "last_updated"]
    assert staff.log("staff", "level")[0] == (1,)
    staff.execute("UPDATE staff SET name = 'new', last_updated = '2026-02-01' WHERE id = 3")
    assert staff.load(cursor="last_updated", **EVOLVE)["staff"].counts.appended == 1


def test_a_wider_type_makes_no_new_versions(staff: Origin) -> None:
    staff.execute("ALTER TABLE staff ALTER COLUMN level TYPE bigint")
    assert staff.load(cursor="last_updated", **EVOLVE)["staff"].counts.appended == 0
    assert staff.types("staff")["level"] == "BIGINT"


def test_a_type_that_loses_values_of_the_log_stops_the_run(staff: Origin) -> None:
    staff.execute("ALTER TABLE staff ALTER COLUMN name TYPE int USING 1")
    with pytest.raises(SourceDataError, match="20 values would be lost"):
        staff.load(cursor="last_updated", **EVOLVE)
    assert staff.types("staff")["name"] == "VARCHAR"


def test_a_wider_type_that_is_ignored_stops_the_run_when_a_value_has_no_place(staff: Origin) -> None:
    staff.execute(
        "ALTER TABLE staff ALTER COLUMN level TYPE bigint",
        "UPDATE staff SET level = 7, last_updated = '2026-02-01' WHERE id = 1",
    )
    counts = staff.load(cursor="last_updated", on_widened_type="ignore")["staff"].counts
    assert (counts.appended, staff.types("staff")["level"]) == (1, "SMALLINT")
    staff.execute("UPDATE staff SET level = 100000, last_updated = '2026-02-01' WHERE id < 4")
    with pytest.raises(SourceDataError, match="3 rows have values that SMALLINT does not hold") as caught:
        staff.load(cursor="last_updated", on_widened_type="ignore")
    assert (caught.value.rule, caught.value.column) == ("widened_type", "level")
    assert staff.raw("staff", "level")[-1] == (7,)


@pytest.mark.parametrize(
    ("before", "after", "fits", "does_not"),
    [
        ("real", "double precision", "1.5", "0.1"),
        ("date", "timestamp", "'2026-01-02'", "'2026-01-02 03:04'"),
        ("numeric(4,1)", "numeric(8,2)", "12.50", "12.51"),
        ("int", "text", "'17'", "'017'"),
    ],
)
def test_a_value_that_only_comes_near_has_no_place_in_the_type_of_before(
    origin: Origin, before: str, after: str, fits: str, does_not: str
) -> None:
    origin.execute(f"CREATE TABLE t (id int PRIMARY KEY, c {before})")
    origin.load()
    kept = origin.types("t")
    origin.execute(f"ALTER TABLE t ALTER c TYPE {after}", f"INSERT INTO t VALUES (1, {fits}), (2, NULL)")
    assert origin.load(on_widened_type="ignore")["t"].counts.appended == 2
    assert origin.types("t") == kept
    origin.execute(f"INSERT INTO t VALUES (3, {does_not})")
    with pytest.raises(SourceDataError, match="a row has a value that"):
        origin.load(on_widened_type="ignore")


def test_a_first_load_keeps_the_type_of_the_lock_as_a_later_one_does(origin: Origin) -> None:
    origin.execute("CREATE TABLE t (id int PRIMARY KEY, c bigint)", "INSERT INTO t VALUES (1, 5), (2, 5000000000)")
    write_lock(origin.folder, {"t": LockedTable({"id": "INTEGER", "c": "INTEGER"})})
    with pytest.raises(SourceDataError, match="a row has a value that INTEGER does not hold"):
        origin.load(on_widened_type="ignore")
    origin.execute("DELETE FROM t WHERE id = 2")
    assert origin.load(on_widened_type="ignore")["t"].counts.appended == 1


def test_a_type_that_is_altogether_another_cannot_be_ignored(staff: Origin) -> None:
    staff.execute("ALTER TABLE staff ALTER COLUMN level TYPE date USING now()")
    with pytest.raises(SourceDataError, match="on_narrowed_type: ignore cannot convert it back") as caught:
        staff.load(cursor="last_updated", **IGNORE)
    assert (caught.value.rule, caught.value.column) == ("narrowed_type", "level")


@pytest.mark.parametrize("settings", [{}, EVOLVE, IGNORE], ids=["block", "evolve", "ignore"])
def test_other_case_is_no_drift_and_makes_no_new_versions(staff: Origin, settings: dict[str, Any]) -> None:
    """In raw case does not matter, so there could not be a column beside the one of before."""
    staff.execute('ALTER TABLE staff RENAME COLUMN name TO "Name"', 'ALTER TABLE staff RENAME COLUMN id TO "ID"')
    counts = staff.load(cursor="last_updated", **settings)["staff"].counts
    assert (counts.appended, counts.unchanged) == (0, 20)
    assert list(staff.types("staff")) == ["ID", "Name", "level", "last_updated"]
    assert staff.raw("staff", '"Name"')[0] == ("n1",)
    assert staff.load(cursor="last_updated", **settings) == {}
    staff.execute("""UPDATE staff SET "Name" = 'x', last_updated = '2026-03-01' WHERE "ID" = 1""")
    assert staff.load(cursor="last_updated", **settings)["staff"].counts.appended == 1


def test_other_case_and_another_type_are_one_change(staff: Origin) -> None:
    staff.execute("ALTER TABLE staff ALTER level TYPE bigint", 'ALTER TABLE staff RENAME COLUMN level TO "LEVEL"')
    with pytest.raises(SourceDataError, match="holds it: LEVEL is widened from SMALLINT to BIGINT\n"):
        staff.load(cursor="last_updated")
    assert staff.load(cursor="last_updated", on_widened_type="evolve")["staff"].counts.appended == 0
    assert staff.types("staff")["LEVEL"] == "BIGINT"


def test_what_is_read_as_text_is_no_drift_in_other_case_either(staff: Origin) -> None:
    settings: dict[str, Any] = {"cursor": "last_updated", "tables": {"staff": {"columns": {"as_text": ["[Ll]evel"]}}}}
    staff.load(**settings)
    staff.execute('ALTER TABLE staff RENAME COLUMN level TO "Level"')
    assert staff.load(**settings)["staff"].counts.appended == 0


def test_what_is_ignored_leaves_raw_as_it_was(staff: Origin) -> None:
    before = staff.types("staff")
    staff.execute(
        "ALTER TABLE staff ADD COLUMN town text, DROP COLUMN level, ALTER COLUMN last_updated TYPE date",
        "UPDATE staff SET last_updated = '2026-03-01' WHERE id = 1",
    )
    staff.load(cursor="last_updated", **IGNORE)
    assert staff.types("staff") == before
    assert staff.raw("staff", "level")[0] == (None,)
    assert staff.load(cursor="last_updated", **IGNORE) == {}


def test_what_the_project_leaves_out_or_reads_as_text_is_no_drift(staff: Origin) -> None:
    staff.load(cursor="last_updated", tables={"staff": {"columns": {"exclude": ["level"]}}})
    assert list(staff.types("staff")) == ["id", "name", "last_updated"]


def test_nothing_held_is_no_drift() -> None:
    assert compare({"a": "DATE"}, {"a": "DATE"}) == []
