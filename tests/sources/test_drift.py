"""Schema drift: what a database has and schema.lock does not, and what each policy makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.errors import SourceDataError
from headgate.sources.drift import compare
from origin import Origin

EVOLVE: dict[str, Any] = {"on_new_column": "evolve", "on_dropped_column": "evolve", "on_type_change": "evolve"}
IGNORE: dict[str, Any] = {"on_new_column": "ignore", "on_dropped_column": "ignore", "on_type_change": "ignore"}


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
        ("ALTER COLUMN level TYPE bigint", "type_changed", "level is widened from SMALLINT to BIGINT"),
        ("ALTER COLUMN name TYPE int USING 1", "type_changed", "name is narrowed or changed from VARCHAR to INTEGER"),
        ("RENAME COLUMN name TO full_name", "dropped_column", "perhaps name under another name"),
    ],
)
def test_a_drift_stops_the_run_and_is_classified(staff: Origin, change: str, rule: str, what: str) -> None:
    staff.execute(f"ALTER TABLE staff {change}")
    with pytest.raises(SourceDataError) as caught:
        staff.changes(cursor="last_updated")
    assert what in caught.value.what
    assert (caught.value.rule, caught.value.table) == (rule, "app.staff")
    assert "headgate drift accept" in str(caught.value.hint)


def test_a_renamed_column_is_suspected_also_where_new_ones_are_taken_in(staff: Origin) -> None:
    staff.execute("ALTER TABLE staff RENAME COLUMN name TO full_name")
    with pytest.raises(SourceDataError, match="is gone; perhaps it is called full_name now"):
        staff.changes(cursor="last_updated", on_new_column="evolve")


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
