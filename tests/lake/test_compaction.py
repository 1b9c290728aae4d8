"""Compaction: fewer files, the same rows, for the branch and for every release, whenever it is killed."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from headgate.errors import CorruptError
from headgate.lake import branch as branches
from headgate.lake.catalog import read_contents
from headgate.lake.compaction import MANY_FILES, compact
from headgate.lake.doctor import examine
from headgate.lake.prune import prune
from headgate.lake.release import Releases
from lake_maker import Lake, python

TABLE = "marts.t"
ALL = "SELECT * FROM marts.t ORDER BY ALL"


def grown(lake: Lake, times: int = MANY_FILES) -> None:
    """A release whose table has so many files, with a column more and a few rows less. One file lost all."""
    lake.publish(
        "CREATE TABLE marts.t AS SELECT range AS a, 'x' || range AS b, [range] AS c FROM range(3)",
        *(f"INSERT INTO marts.t VALUES ({100 + n}, NULL, [{n}, NULL])" for n in range(times - 2)),
        "ALTER TABLE marts.t ADD COLUMN d DOUBLE",
        "INSERT INTO marts.t VALUES (7, 'it''s', NULL, 'nan')",
        "INSERT INTO marts.t VALUES (8, 'z', [], 1.5)",
        "DELETE FROM marts.t WHERE a IN (1, 101)",
    )


def compacted(lake: Lake, *statements: str) -> list[str]:
    """Compact on a new branch and publish it."""
    base = lake.releases.pointer()
    branch = lake.branch(*statements)
    done = compact(lake.con, read_contents(lake.con), [TABLE])
    lake.publish_branch(branch, base)
    branches.discard(branch)
    return done


def files(lake: Lake) -> int:
    lake.branch()
    try:
        return len(read_contents(lake.con).tables[TABLE].files)
    finally:
        lake.detach()


def shown(rows: list[tuple[Any, ...]]) -> list[str]:
    return [repr(row) for row in rows]  # NaN is not equal to itself


def test_many_small_files_become_one_with_the_same_rows(lake: Lake) -> None:
    grown(lake)
    before = lake.read(ALL)
    assert compacted(lake, "INSERT INTO marts.t VALUES (9, 'new', NULL, NULL)") == [TABLE]
    assert files(lake) == 1
    assert sorted(shown(lake.read(ALL))) == sorted([*shown(before), repr((9, "new", None, None))])
    assert shown(lake.read(ALL, 1)) == shown(before)
    assert all(finding.ok for finding in examine(lake.store, lake.con))


def test_few_files_and_those_of_other_tables_are_left_alone(lake: Lake) -> None:
    grown(lake, MANY_FILES - 1)
    assert compacted(lake) == []
    assert files(lake) == MANY_FILES - 1
    lake.branch(*(f"INSERT INTO marts.t (a) VALUES ({n})" for n in range(9)), "CREATE VIEW marts.v AS FROM marts.t")
    assert compact(lake.con, read_contents(lake.con), ["marts.v", "marts.nobody_made_it"]) == []
    lake.detach()


def test_a_table_with_a_column_called_filename_is_left_alone(lake: Lake) -> None:
    lake.branch(
        "CREATE TABLE marts.t (a INTEGER, Filename VARCHAR)",
        *(f"INSERT INTO marts.t VALUES ({n}, 'x.parquet')" for n in range(MANY_FILES)),
    )
    assert compact(lake.con, read_contents(lake.con), [TABLE]) == []
    lake.detach()


def test_what_a_catalog_counts_wrongly_is_refused_and_stays_as_it_is(lake: Lake) -> None:
    grown(lake)
    lake.branch()
    lake.con.execute(
        "UPDATE __ducklake_metadata_lake.ducklake_data_file SET record_count = record_count + 1 "
        "WHERE data_file_id = (SELECT max(data_file_id) FROM __ducklake_metadata_lake.ducklake_data_file)"
    )
    before = read_contents(lake.con)
    with pytest.raises(CorruptError, match="by the catalog"):
        compact(lake.con, before, [TABLE])
    assert read_contents(lake.con) == before
    lake.detach()


def test_prune_deletes_the_small_files_when_no_kept_release_names_them(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branches, "MANY_SNAPSHOTS", 0)  # a release then names what itself and its parent used
    grown(lake)
    compacted(lake)
    last = lake.publish("INSERT INTO marts.t (a) VALUES (5)").release
    before = {number: shown(lake.read(ALL, number)) for number in (1, 2, last)}
    prune(lake.store, lake.con, keep=3, keep_branches=(), grace_seconds=0)
    assert {number: shown(lake.read(ALL, number)) for number in before} == before
    prune(lake.store, lake.con, keep=1, keep_branches=(), grace_seconds=0)
    assert shown(lake.read(ALL)) == before[last]
    assert len(lake.data_files()) == 2


KILLED = """
import os, signal
from pathlib import Path
from headgate.lake import branch as branches
from headgate.lake.catalog import read_contents
from headgate.lake.compaction import compact
from headgate.lake.engine import connect
from headgate.lake.store import LocalStore

class Killed:
    def __init__(self, con): self.con = con
    def execute(self, sql):
        if sql.startswith(ARGS[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return self.con.execute(sql)

con = connect()
branch = branches.branch_of(LocalStore(Path(ARGS[0])), "killed")
branches.open_branch(branch, con)
compact(Killed(con), read_contents(con), ["marts.t"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("before", ["INSERT", "DELETE", "COMMIT"])
def test_killed_in_the_middle_it_leaves_the_branch_and_the_lake_whole(lake: Lake, before: str) -> None:
    grown(lake)
    rows = shown(lake.read(ALL))
    branch = lake.branch(run="killed")
    branches.close_branch(branch, lake.con)
    done = python(KILLED, lake.store.location, before, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert shown(lake.read(ALL)) == rows
    branches.open_branch(branch, lake.con)
    assert shown(lake.con.execute("SELECT * FROM lake.marts.t ORDER BY ALL").fetchall()) == rows
    assert compact(lake.con, read_contents(lake.con), [TABLE]) == [TABLE]
    assert shown(lake.con.execute("SELECT * FROM lake.marts.t ORDER BY ALL").fetchall()) == rows
    lake.detach()
    assert Releases(lake.store).numbers() == [1]
