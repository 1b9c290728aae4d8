"""Gates of raw: a view over a change log."""

from __future__ import annotations

from typing import Any

import pytest

from gate_maker import VALUES, counted, expect, gate, judge
from headgate.gates.relation import never_plain, read_relation
from headgate.gates.result import ExpectationResult
from headgate.lake.catalog import View, read_contents
from headgate.lake.engine import Connection
from headgate.project.declaration import Declared
from headgate.sources.change_log import latest_rows, shows_every_row

NOT_NULL = VALUES + "not_be_null"
BETWEEN = VALUES + "be_between"
COLUMNS = ["Store", "Sales", "Kind"]


def plain(view: View) -> bool:
    return shows_every_row(view.sql)


def append(con: Connection, rows: str, at: int, op: str = "upsert") -> None:
    con.execute(
        f"INSERT INTO lake.raw_log.train SELECT *, 'run{at}', make_timestamptz({at}), 7, '{op}' FROM (VALUES {rows}) v"
    )


@pytest.fixture
def log(branch: Connection) -> Connection:
    """A change log of 100 stores, and the plain view over it."""
    own = "_run VARCHAR, _loaded_at TIMESTAMPTZ, _hash UBIGINT, _op VARCHAR"
    branch.execute(f"CREATE TABLE lake.raw_log.train (Store INT, Sales INT, Kind VARCHAR, {own})")
    branch.execute(
        "INSERT INTO lake.raw_log.train SELECT i, i * 10, 'k' || i % 3, 'run1', make_timestamptz(1), 7, 'upsert'"
        " FROM range(100) r(i)"
    )
    branch.execute("CREATE VIEW lake.raw.train AS SELECT Store, Sales, Kind FROM lake.raw_log.train")
    return branch


@pytest.fixture
def history(log: Connection) -> Connection:
    """The same, after a corrected row and the view that shows only the latest."""
    append(log, "(5, -3, 'k1')", 2)
    append(log, "(5, 77, 'k1')", 3)
    show_latest(log)
    return log


def show_latest(con: Connection) -> None:
    body = latest_rows("lake.raw_log.train", COLUMNS, ["Store"], 1)
    con.execute(f"CREATE OR REPLACE VIEW lake.raw.train AS {body}")


def raw(con: Connection, type_: str, **kwargs: Any) -> ExpectationResult:
    return judge(con, "train", expect(type_, **kwargs), layer="raw", plain=plain)


def test_a_plain_view_is_proven_from_its_log(log: Connection) -> None:
    assert raw(log, "expect_table_row_count_to_equal", value=100).how == "proven"
    result = raw(log, BETWEEN, column="Sales", min_value=0, max_value=990)
    assert (result.how, counted(result)) == ("proven", (True, 100, 0, 0))
    assert raw(log, "expect_table_columns_to_match_ordered_list", column_list=COLUMNS).success
    assert raw(log, NOT_NULL, column="_op").error is not None


def test_whether_a_view_is_plain_must_be_said(log: Connection) -> None:
    rows = expect("expect_table_row_count_to_equal", value=100)
    assert judge(log, "train", rows, layer="raw").how == "scanned"


def test_a_superseded_row_does_not_count(history: Connection) -> None:
    result = raw(history, BETWEEN, column="Sales", min_value=0)
    assert (result.how, counted(result)) == ("scanned", (True, 100, 0, 0))
    failed = raw(history, BETWEEN, column="Sales", max_value=900)
    assert (counted(failed), failed.partial_unexpected_list[0]) == ((False, 100, 0, 9), 910)


def test_what_holds_for_the_whole_log_is_proven_for_what_it_shows(history: Connection) -> None:
    result = raw(history, BETWEEN, column="Sales", min_value=-3, max_value=990)
    assert (result.how, counted(result)) == ("proven", (True, 100, 0, 0))
    rows = raw(history, "expect_table_row_count_to_equal", value=100)
    assert (rows.how, rows.success) == ("scanned", True)


def test_nulls_in_rows_that_say_delete_are_not_held_against_the_view(history: Connection) -> None:
    append(history, "(9, NULL, NULL)", 4, op="delete")
    result = raw(history, NOT_NULL, column="Kind")
    assert (result.how, counted(result)) == ("scanned", (True, 99, None, 0))
    assert counted(raw(history, VALUES + "be_unique", column="Store")) == (True, 99, 0, 0)
    append(history, "(10, NULL, NULL)", 5)
    assert counted(raw(history, NOT_NULL, column="Kind")) == (False, 99, None, 1)


@pytest.mark.parametrize(
    "declared",
    [
        expect(VALUES + "be_in_set", column="Kind", value_set=["k0", "k1", "k2"]),
        expect(VALUES + "match_strftime_format", column="Kind", strftime_format="k%H"),
    ],
)
def test_a_remembered_pass_of_every_file_carries_over_and_only_new_files_are_scanned(
    history: Connection, declared: Declared
) -> None:
    def judged() -> ExpectationResult:
        (result,) = gate(history, "train", declared, layer="raw", plain=plain).results
        return result

    assert [judged().how for _ in range(2)] == ["scanned", "remembered"]
    append(history, "(6, 1, 'k2'), (7, 1, 'k0')", 6)
    third = judged()
    assert (third.how, counted(third)) == ("scanned", (True, 100, 0, 0))
    assert judged().how == "remembered"
    append(history, "(6, 1, 'other')", 7)
    assert counted(judged()) == (False, 100, 0, 1)
    append(history, "(6, 1, 'k2')", 8)
    assert counted(judged()) == (True, 100, 0, 0)


def test_the_columns_of_a_view_are_read_from_it_where_it_only_names_them(log: Connection) -> None:
    log.execute('ALTER TABLE lake.raw_log.train ADD COLUMN "a, ""b"" FROM c" INT')
    log.execute('CREATE OR REPLACE VIEW lake.raw.train AS SELECT "a, ""b"" FROM c", Store FROM lake.raw_log.train')
    on = read_relation(log, read_contents(log), "raw", "train", "lake", never_plain)
    assert (on.names, on.base is None) == (['a, "b" FROM c', "Store"], False)


@pytest.mark.parametrize("select", ["Sales + 1 AS Sales", "Sales AS Store", "*", "DISTINCT Sales", "'x' AS Kind"])
def test_a_view_that_does_more_than_name_columns_proves_nothing(log: Connection, select: str) -> None:
    log.execute(f"CREATE OR REPLACE VIEW lake.raw.train AS SELECT {select} FROM lake.raw_log.train")
    on = read_relation(log, read_contents(log), "raw", "train", "lake", plain)
    assert on.base is None
