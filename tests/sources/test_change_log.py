from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.errors import CouldNotRunError, SourceDataError
from headgate.lake.engine import Connection, ident, literal, transaction
from headgate.lake.quarantine import EXPECTATIONS, HASH, REASON
from headgate.sources import Counts
from headgate.sources.change_log import ChangeLog, Incoming, shows_every_row
from headgate.sources.row_hash import hash_of

KINDS = {"id": "BIGINT", "name": "VARCHAR"}


def append(
    con: Connection,
    rows: list[tuple[Any, ...]],
    run: str = "r",
    *,
    kinds: dict[str, str] | None = None,
    read: int | None = None,
    snapshot: bool = False,
    key: tuple[str, ...] = ("id",),
) -> Counts:
    kinds = kinds or KINDS
    columns = ", ".join(f"{ident(name)} {kind}" for name, kind in kinds.items())
    con.execute(f"CREATE OR REPLACE TEMP TABLE plain ({columns})")
    if rows:
        values = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
        con.execute(f"INSERT INTO plain VALUES {values}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT *, {hash_of(kinds)} AS _hash FROM plain")
    with transaction(con):
        incoming = Incoming("temp.incoming", kinds, read=len(rows) if read is None else read)
        return ChangeLog(con, "t", key).append(incoming, run, snapshot=snapshot)


def raw(con: Connection) -> list[tuple[Any, ...]]:
    return con.execute("SELECT * FROM lake.raw.t ORDER BY ALL").fetchall()


def view_sql(con: Connection) -> str:
    return str(con.execute("SELECT sql FROM duckdb_views() WHERE schema_name = 'raw'").fetchall()[0][0])


def test_the_first_load_appends_every_row(branch: Connection) -> None:
    assert append(branch, [(1, "a"), (2, "b")]) == Counts(read=2, appended=2)
    assert raw(branch) == [(1, "a"), (2, "b")]


def test_raw_shows_every_row_of_the_log_while_no_key_has_two_versions(branch: Connection) -> None:
    append(branch, [(1, "a")])
    append(branch, [(2, "b")])
    assert shows_every_row(view_sql(branch))


def test_a_row_that_is_known_is_not_appended_again(branch: Connection) -> None:
    append(branch, [(1, "a"), (2, "b")])
    assert append(branch, [(2, "b"), (3, "c")]) == Counts(read=2, appended=1, unchanged=1)
    assert raw(branch) == [(1, "a"), (2, "b"), (3, "c")]


def test_a_corrected_row_replaces_the_earlier_one_and_the_log_keeps_both(branch: Connection) -> None:
    append(branch, [(1, "a")], "r1")
    append(branch, [(1, "A")], "r2")
    assert raw(branch) == [(1, "A")]
    assert not shows_every_row(view_sql(branch))
    log = branch.execute("SELECT id, name, _run, _op FROM lake.raw_log.t ORDER BY _loaded_at").fetchall()
    assert log == [(1, "a", "r1", "upsert"), (1, "A", "r2", "upsert")]


def test_a_row_that_goes_back_to_an_earlier_version_is_a_new_version(branch: Connection) -> None:
    for name in ("a", "b", "a"):
        assert append(branch, [(1, name)]).appended == 1
    assert raw(branch) == [(1, "a")]


def test_a_key_that_is_gone_from_a_snapshot_is_deleted_and_may_come_back(branch: Connection) -> None:
    append(branch, [(1, "a"), (2, "b")], snapshot=True)
    assert append(branch, [(1, "a")], snapshot=True) == Counts(read=1, unchanged=1, deleted=1)
    assert raw(branch) == [(1, "a")]
    assert append(branch, [(1, "a"), (2, "b")], snapshot=True) == Counts(read=2, appended=1, unchanged=1)
    assert raw(branch) == [(1, "a"), (2, "b")]
    deletes = branch.execute("SELECT id, name, _hash, _op FROM lake.raw_log.t WHERE _op = 'delete'").fetchall()
    assert deletes == [(2, None, None, "delete")]


def test_a_key_that_is_gone_is_deleted_once(branch: Connection) -> None:
    append(branch, [(1, "a"), (2, "b")], snapshot=True)
    append(branch, [(1, "a")], snapshot=True)
    assert append(branch, [(1, "a")], snapshot=True).deleted == 0


def test_a_table_that_is_emptied_deletes_every_key(branch: Connection) -> None:
    append(branch, [(1, "a"), (2, "b")], snapshot=True)
    assert append(branch, [], snapshot=True).deleted == 2
    assert raw(branch) == []


def test_without_snapshot_nothing_is_deleted(branch: Connection) -> None:
    append(branch, [(1, "a"), (2, "b")])
    assert append(branch, [(1, "a")]).deleted == 0
    assert raw(branch) == [(1, "a"), (2, "b")]


def test_the_time_of_loading_increases_even_if_the_clock_goes_back(branch: Connection) -> None:
    append(branch, [(1, "a")])
    branch.execute("UPDATE lake.raw_log.t SET _loaded_at = TIMESTAMPTZ '2999-01-01 00:00:00+00'")
    append(branch, [(1, "b")])
    assert raw(branch) == [(1, "b")]
    assert branch.execute("SELECT count(DISTINCT _loaded_at) FROM lake.raw_log.t").fetchall() == [(2,)]


def test_rows_that_do_not_add_up_stop_the_run_and_leave_nothing(branch: Connection) -> None:
    with pytest.raises(CouldNotRunError, match="rows do not add up"):
        append(branch, [(1, "a")], read=2)
    assert branch.execute("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'raw_log'").fetchall() == [(0,)]


def test_a_new_column_is_added_and_changes_no_hash_where_it_is_null(branch: Connection) -> None:
    append(branch, [(1, "a"), (2, "b")])
    kinds = {"id": "BIGINT", "note": "VARCHAR", "name": "VARCHAR"}
    assert append(branch, [(1, None, "a"), (2, "new", "b")], kinds=kinds) == Counts(read=2, appended=1, unchanged=1)
    assert raw(branch) == [(1, "a", None), (2, "b", "new")]


def test_a_wider_type_keeps_the_rows_and_their_hashes(branch: Connection) -> None:
    append(branch, [(1, "5")], kinds={"id": "BIGINT", "name": "BIGINT"})
    before = branch.execute("SELECT _hash FROM lake.raw_log.t").fetchall()
    assert append(branch, [(1, "5")]) == Counts(read=1, unchanged=1)
    assert raw(branch) == [(1, "5")]
    assert branch.execute("SELECT _hash FROM lake.raw_log.t").fetchall() == before


def test_a_type_that_would_lose_values_is_refused(branch: Connection) -> None:
    append(branch, [(1, "5"), (2, "x")])
    with pytest.raises(SourceDataError, match="1 values would be lost") as caught:
        append(branch, [(1, 5)], kinds={"id": "BIGINT", "name": "BIGINT"})
    assert (caught.value.rule, caught.value.column) == ("type_changed", "name")


def test_the_type_of_a_key_is_not_changed(branch: Connection) -> None:
    append(branch, [(1, "a")])
    with pytest.raises(SourceDataError, match="a part of the primary key"):
        append(branch, [("1", "a")], kinds={"id": "VARCHAR", "name": "VARCHAR"})


def test_names_that_are_sql_do_no_harm(branch: Connection) -> None:
    evil = '"; DROP TABLE lake.raw_log.t; --'
    kinds = {"id": "BIGINT", evil: "VARCHAR", "headgate_latest": "BIGINT", "select": "BIGINT"}
    append(branch, [(1, "a", 1, 1)], kinds=kinds)
    append(branch, [(1, "b", 1, 1), (2, "c", 2, 2)], kinds=kinds)
    assert raw(branch) == [(1, "b", 1, 1), (2, "c", 2, 2)]


def test_keys_of_several_columns_are_compared_as_a_whole(branch: Connection) -> None:
    append(branch, [(1, "a"), (1, "b")], key=("id", "name"))
    assert append(branch, [(1, "b"), (2, "a")], key=("id", "name")) == Counts(read=2, appended=1, unchanged=1)


rows_of_a_run = st.dictionaries(st.integers(0, 5), st.sampled_from("abc"), max_size=6)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=st.lists(st.tuples(st.booleans(), rows_of_a_run), max_size=6))
def test_raw_equals_a_dictionary_that_was_updated_run_by_run(
    branch: Connection, runs: list[tuple[bool, dict[int, str]]]
) -> None:
    branch.execute("DROP VIEW IF EXISTS lake.raw.t")
    branch.execute("DROP TABLE IF EXISTS lake.raw_log.t")
    model: dict[int, str] = {}
    versions = 0
    for snapshot, rows in runs:
        novel = {key for key, value in rows.items() if model.get(key) != value}
        gone = model.keys() - rows.keys() if snapshot else set()
        counts = append(branch, list(rows.items()), snapshot=snapshot)
        assert (counts.appended, counts.deleted) == (len(novel), len(gone))
        model = {key: value for key, value in {**model, **rows}.items() if key not in gone}
        versions += len(novel) + len(gone)
        assert raw(branch) == sorted(model.items())
        assert branch.execute("SELECT count(*) FROM lake.raw_log.t").fetchall() == [(versions,)]


# --- versions in quarantine --------------------------------------------------------------------------------


def put_away(con: Connection, row: tuple[Any, ...], run: str) -> None:
    """Let a gate put the version of ``row`` that is there now into quarantine."""
    log = ChangeLog(con, "t", ("id",))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE leaving AS SELECT id, name, _hash AS {HASH}, ['x'] AS {EXPECTATIONS}, "
        f"'bad' AS {REASON} FROM lake.raw_log.t WHERE id = {literal(row[0])} AND name = {literal(row[1])} "
        "ORDER BY _loaded_at DESC LIMIT 1"
    )
    with transaction(con):
        log.quarantine.begin_pass()
        assert log.quarantine.take_in("temp.leaving", KINDS, run) in ((1, 0), (0, 1))
        log.show_again()


def versions(con: Connection) -> list[tuple[Any, ...]]:
    asked = "SELECT id, name, _away FROM lake._headgate.versions_t ORDER BY _loaded_at, id"
    return con.execute(asked).fetchall()


def test_versions_are_kept_apart_while_they_are_in_quarantine(branch: Connection) -> None:
    append(branch, [(1, "a"), (2, "b")], "r1")
    assert versions(branch) == [(1, "a", False), (2, "b", False)]
    append(branch, [(1, "bad")], "r2")
    put_away(branch, (1, "bad"), "r2")
    assert versions(branch) == [(1, "a", False), (2, "b", False), (1, "bad", True)]
    log = ChangeLog(branch, "t", ("id",))
    log.quarantine.replay("TRUE", "r3")
    assert not any(away for *_, away in versions(branch))


def test_of_versions_with_the_same_content_only_the_one_that_was_put_away_is_kept_apart(branch: Connection) -> None:
    """A row was good, another, and good again; the last was found bad, corrected, and came once more as it was."""
    for name in ("a", "b", "a"):
        append(branch, [(1, name)])
    put_away(branch, (1, "a"), "r3")
    assert versions(branch) == [(1, "a", False), (1, "b", False), (1, "a", True)]
    log = ChangeLog(branch, "t", ("id",))
    append(branch, [(1, "c")])
    log.quarantine.supersede("TRUE", "r4")
    append(branch, [(1, "a")])
    assert [away for *_, away in versions(branch)] == [False, False, True, False, False]
    put_away(branch, (1, "a"), "r5")
    assert [away for *_, away in versions(branch)] == [False, False, True, False, True]


def test_columns_that_come_change_or_go_are_in_the_versions_as_in_the_log(branch: Connection) -> None:
    append(branch, [(1, "a")])
    append(branch, [(1, "a", 5)], kinds={**KINDS, "n": "INTEGER"})
    asked = "SELECT n, _away FROM lake._headgate.versions_t ORDER BY _loaded_at"
    assert branch.execute(asked).fetchall() == [(None, False), (5, False)]
    append(branch, [(1, "a", 2**40)], kinds={**KINDS, "n": "BIGINT"})
    assert branch.execute(asked).fetchall() == [(None, False), (5, False), (2**40, False)]
    append(branch, [(1, "b")])  # the source has the column no more, and the log still what was in it
    assert [n for n, _ in branch.execute(asked).fetchall()] == [None, 5, 2**40, None]
