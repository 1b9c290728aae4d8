"""Branches: made from a release, worked on in steps, frozen, thrown away."""

from __future__ import annotations

import errno
import hashlib
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headgate.errors import CorruptError, CouldNotRunError, LakeError, UsageError
from headgate.lake import branch as branches
from headgate.lake.branch import INTERNAL_SCHEMA, LOG_SCHEMA, MANY_SNAPSHOTS
from headgate.lake.catalog import Contents, read_contents
from headgate.lake.engine import Connection, attach, qualified
from headgate.lake.release import NO_RELEASE, catalog_key
from lake_maker import Lake, python
from publisher import LAYERS

META = "__ducklake_metadata_lake"


def everything(con: Connection) -> dict[str, Any]:
    """Every table and view of the attached lake: its columns and its rows, in no order."""
    contents: Contents = read_contents(con)
    found = {}
    for name in [*contents.tables, *contents.views]:
        relation = qualified("lake", *name.split(".", 1))
        columns = con.execute(f"DESCRIBE {relation}").fetchall()
        found[name] = (columns, sorted(con.execute(f"FROM {relation}").fetchall(), key=repr))
    return found


def snapshots(con: Connection) -> int:
    return int(con.execute(f"SELECT count(*) FROM {META}.ducklake_snapshot").fetchall()[0][0])


def test_a_branch_from_nothing_is_empty_and_has_the_layers(lake: Lake) -> None:
    branches.create(lake.store, "first", NO_RELEASE, lake.con, LAYERS)
    schemas = lake.con.execute("SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'lake'").fetchall()
    assert {name for (name,) in schemas} >= {"raw", "marts", INTERNAL_SCHEMA, LOG_SCHEMA}
    assert read_contents(lake.con) == Contents({}, {})


def test_a_branch_from_nothing_needs_no_more_than_a_third_of_a_megabyte(lake: Lake) -> None:
    branch = branches.create(lake.store, "first", NO_RELEASE, lake.con, LAYERS)
    lake.execute("CREATE TABLE marts.t AS SELECT 1 AS a")
    branches.close_branch(branch, lake.con)
    assert branch.path.stat().st_size < 400_000


def test_a_branch_starts_with_every_table_of_its_release(lake: Lake) -> None:
    lake.publish(
        "CREATE TABLE marts.t AS SELECT range AS a FROM range(5)",
        "CREATE VIEW raw.v AS SELECT a + 1 AS b FROM marts.t",
        "CREATE TABLE _headgate.notes AS SELECT 'x' AS note",
    )
    lake.branch()
    assert set(read_contents(lake.con).tables) == {"marts.t", "_headgate.notes"}
    assert everything(lake.con)["raw.v"][1] == [(n,) for n in range(1, 6)]


def test_what_happens_on_a_branch_is_not_seen_in_the_release(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a", "CREATE TABLE marts.u AS SELECT 1 AS a")
    frozen = lake.store.read(catalog_key(1))
    branch = lake.branch("UPDATE marts.t SET a = 2", "DROP TABLE marts.u", "CREATE TABLE marts.new AS SELECT 3 AS a")
    branches.close_branch(branch, lake.con)
    assert lake.read("SELECT t.a, u.a FROM marts.t, marts.u") == [(1, 1)]
    assert lake.store.read(catalog_key(1)) == frozen
    assert lake.look(branch, "SELECT a FROM marts.t") == [(2,)]


def test_a_branch_of_a_held_older_release_has_that_releases_data(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
    lake.publish("CREATE OR REPLACE TABLE marts.t AS SELECT 2 AS a")
    lake.releases.rollback(1, reason="2 is wrong")
    lake.branch()
    assert everything(lake.con)["marts.t"][1] == [(1,)]


def test_a_new_layer_of_the_project_appears_on_the_next_branch(lake: Lake) -> None:
    lake.publish()
    branches.create(lake.store, "later", lake.releases.pointer(), lake.con, ("raw", "staging", "marts"))
    lake.con.execute("CREATE TABLE lake.staging.t AS SELECT 1 AS a")
    assert everything(lake.con)["staging.t"][1] == [(1,)]


def test_a_full_disk_while_a_branch_is_made_is_told(tmp_path: Path) -> None:
    code = """
import resource
from pathlib import Path
from headgate.errors import CouldNotRunError
from headgate.lake.branch import create
from headgate.lake.engine import connect
from headgate.lake.release import NO_RELEASE
from headgate.lake.store import LocalStore
con = connect()
resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))
try:
    create(LocalStore(Path(ARGS[0])), "run", NO_RELEASE, con, ("raw",))
except CouldNotRunError as error:
    print(error)
"""
    assert "the disk is full" in python(code, tmp_path / "lake").stdout


def test_making_a_branch_again_starts_from_the_release(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
    lake.branch("DROP TABLE marts.t", run="again")
    lake.detach()
    lake.branch(run="again")
    assert everything(lake.con)["marts.t"][1] == [(1,)]


@pytest.mark.parametrize("run", ["", "../up", "a/b", "a\x00b", ".hidden", "-rf", "a b", "x.frozen", "é"])
def test_a_text_that_is_no_runs_id_is_refused(lake: Lake, run: str) -> None:
    with pytest.raises(UsageError, match="not the id of a run"):
        branches.branch_of(lake.store, run)


def test_a_branch_of_a_damaged_release_is_refused(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
    catalog = Path(lake.store.url(catalog_key(1)))
    catalog.chmod(0o644)
    with catalog.open("r+b") as file:
        file.seek(5000)
        file.write(b"damage")
    with pytest.raises(CorruptError, match="not the one that was published"):
        lake.branch()
    catalog.unlink()
    with pytest.raises(CorruptError, match="is gone"):
        lake.branch()


def test_a_write_ahead_log_beside_a_release_refuses_branching(lake: Lake) -> None:
    lake.publish()
    Path(lake.store.url(catalog_key(1) + ".wal")).write_bytes(b"somebody wrote to the release")
    with pytest.raises(LakeError, match="write-ahead log"):
        lake.branch()


# Squashing ------------------------------------------------------------------------------------------------------

HISTORY = [
    "CREATE TABLE marts.kept AS SELECT range AS id, 'v' || range AS name FROM range(1000)",
    "CREATE TABLE marts.renamed_before AS SELECT 1 AS a",
    "ALTER TABLE marts.renamed_before RENAME TO renamed",
    "ALTER TABLE marts.renamed RENAME COLUMN a TO b",
    "INSERT INTO marts.renamed VALUES (2)",
    "DELETE FROM marts.kept WHERE id % 7 = 0",
    "UPDATE marts.kept SET name = 'updated' WHERE id % 5 = 0",
    "ALTER TABLE marts.kept ADD COLUMN late INTEGER DEFAULT 42",
    "INSERT INTO marts.kept VALUES (5000, 'new', 1)",
    "ALTER TABLE marts.kept ADD COLUMN passing VARCHAR",
    "UPDATE marts.kept SET passing = 'x' WHERE id < 10",
    "ALTER TABLE marts.kept DROP COLUMN passing",
    "ALTER TABLE marts.kept ADD COLUMN passing INTEGER",
    "ALTER TABLE marts.kept ALTER COLUMN late TYPE BIGINT",
    "CREATE TABLE marts.twice AS SELECT 1 AS old",
    "DROP TABLE marts.twice",
    "CREATE TABLE marts.twice AS SELECT 'again' AS new",
    "CREATE TABLE marts.gone AS SELECT 1 AS a",
    "DROP TABLE marts.gone",
    "CREATE VIEW raw.v AS SELECT id, late FROM marts.kept WHERE id < 20",
    "CREATE OR REPLACE VIEW raw.v AS SELECT id, late, name FROM marts.kept WHERE id < 30",
    "CREATE TABLE marts.emptied AS SELECT 1 AS a",
    "DELETE FROM marts.emptied",
    "CREATE TABLE marts.nested AS SELECT {'a': 1, 'b': [1, 2]} AS s, map {'k': 1} AS m",
    "CREATE TABLE marts.parted AS SELECT range AS a, range % 3 AS p FROM range(9)",
    "ALTER TABLE marts.parted SET PARTITIONED BY (p)",
    "INSERT INTO marts.parted SELECT range, range % 3 FROM range(9)",
    "UPDATE marts.parted SET a = -a WHERE p = 1",
    "ALTER TABLE marts.parted ALTER COLUMN a SET DEFAULT 7",
    "INSERT INTO marts.parted (p) VALUES (2)",
]


@pytest.mark.slow
def test_every_table_reads_the_same_before_and_after_squashing(lake: Lake) -> None:
    lake.branch(*HISTORY)
    before = everything(lake.con)
    contents = read_contents(lake.con)
    files = lake.data_files()
    assert snapshots(lake.con) > MANY_SNAPSHOTS
    branches.squash(lake.con)
    assert everything(lake.con) == before
    assert read_contents(lake.con) == contents, "identities and what proofs rest on stay as they were"
    assert snapshots(lake.con) == 1
    assert lake.data_files() == files, "squashing removes no file"
    waiting = lake.con.execute(f"SELECT count(*) FROM {META}.ducklake_files_scheduled_for_deletion").fetchall()
    assert waiting == [(0,)]
    lake.execute("INSERT INTO marts.kept (id, name) VALUES (9999, 'after')", "DELETE FROM marts.renamed WHERE b = 1")
    assert lake.con.execute("SELECT late, passing FROM lake.marts.kept WHERE id = 9999").fetchall() == [(42, None)]
    assert everything(lake.con)["marts.renamed"][1] == [(2,)]


@pytest.mark.slow
def test_a_branch_of_a_release_with_a_long_history_is_squashed_and_the_same(lake: Lake) -> None:
    base = lake.releases.pointer()
    branch = lake.branch(*HISTORY)
    before = everything(lake.con)
    lake.publish_branch(branch, base)
    lake.branch()
    assert everything(lake.con) == before
    assert snapshots(lake.con) <= 2
    lake.detach()
    assert lake.read("SELECT count(*) FROM marts.kept") == [(len(before["marts.kept"][1]),)]


def test_a_short_history_is_left_alone(lake: Lake) -> None:
    lake.publish(*(f"CREATE TABLE marts.t{n} AS SELECT {n} AS a" for n in range(3)))
    lake.branch()
    assert snapshots(lake.con) > 3


def kept_rows(con: Connection, catalog: Path, table: str) -> int:
    """How many rows a table of a catalog holds in its file, deleted ones too."""
    con.execute(f"ATTACH '{catalog}' AS looked_at (READ_ONLY)")
    rows = con.execute(
        f"SELECT sum(count) FROM pragma_storage_info('looked_at.{table}') WHERE column_id = 0 "
        "AND segment_type <> 'VALIDITY'"
    ).fetchall()[0][0]
    con.execute("DETACH looked_at")
    return int(rows or 0)


@pytest.mark.slow
def test_deleted_rows_do_not_stay_in_the_catalogs_file(lake: Lake) -> None:
    """DuckDB keeps them for ever in a table with a primary key, so that catalogs grew with the number of runs."""
    base = lake.releases.pointer()
    branch = lake.branch(*HISTORY)
    before = everything(lake.con)
    keys = f"SELECT count(*) FROM {META}.ducklake_snapshot"
    many = lake.con.execute(keys).fetchall()[0][0]
    lake.publish_branch(branch, base)
    assert kept_rows(lake.con, branch.path, "ducklake_snapshot") >= many
    branch = lake.branch()
    assert everything(lake.con) == before
    lake.execute("INSERT INTO marts.renamed VALUES (7)")
    lake.detach()
    assert kept_rows(lake.con, branch.path, "ducklake_snapshot") <= 3
    definitions = []
    for catalog in (branch.path, lake.store.url(catalog_key(1))):
        with duckdb.connect(str(catalog), read_only=True) as con:
            definitions.append(con.execute("SELECT sql FROM duckdb_tables() ORDER BY table_name").fetchall())
    assert definitions[0] == definitions[1], "keys and all"


@pytest.mark.slow
def test_catalogs_do_not_grow_with_the_number_of_runs(lake: Lake) -> None:
    lake.publish(*(f"CREATE TABLE marts.t{n} AS SELECT range AS a FROM range(10)" for n in range(5)))
    sizes = []
    for _ in range(50):
        lake.publish(*(f"CREATE OR REPLACE TABLE marts.t{n} AS SELECT range AS a FROM range(10)" for n in range(5)))
        number = lake.releases.pointer().release or 0
        sizes.append(Path(lake.store.url(catalog_key(number))).stat().st_size)
    assert max(sizes[40:]) <= 1.1 * max(sizes[:10]), sizes
    branch = lake.branch()
    for kind in ("snapshot", "data_file", "table", "column", "file_column_stats", "snapshot_changes"):
        rows = lake.con.execute(f"SELECT count(*) FROM {META}.ducklake_{kind}").fetchall()[0][0]
        assert rows < 200, f"{rows} rows in ducklake_{kind} after 50 runs of 5 tables"
    lake.detach()
    assert kept_rows(lake.con, branch.path, "ducklake_snapshot") < 2 * MANY_SNAPSHOTS


# Steps ----------------------------------------------------------------------------------------------------------


def test_a_branch_is_worked_on_in_steps(lake: Lake) -> None:
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a")
    branches.close_branch(branch, lake.con)
    for step in (2, 3):
        branches.open_branch(branch, lake.con)
        assert branch.before.exists()
        lake.execute(f"INSERT INTO marts.t VALUES ({step})")
        branches.close_branch(branch, lake.con)
        assert not branch.before.exists()
    assert lake.look(branch, "SELECT sum(a), count(*) FROM marts.t") == [(6, 3)]
    assert sorted(path.name for path in branch.path.parent.iterdir()) == ["run-1.ducklake"]


KILLED = """
import os, signal
from pathlib import Path
from headgate.lake import branch as branches
from headgate.lake.engine import connect
from headgate.lake.store import LocalStore
branch = branches.branch_of(LocalStore(Path(ARGS[0])), ARGS[1])
con = connect()
die = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
if ARGS[2] == "while copying":
    branches.shutil.copyfile = lambda source, to: (Path(to).write_bytes(b"half"), die())
branches.open_branch(branch, con)
con.execute("INSERT INTO lake.marts.t VALUES (100)")
if ARGS[2] == "after a commit":
    die()
if ARGS[2] == "in a transaction":
    con.execute("BEGIN")
    con.execute("DELETE FROM lake.marts.t")
    die()
if ARGS[2] == "after detaching":
    Path.unlink = die
branches.close_branch(branch, con)
"""


@pytest.mark.parametrize("when", ["while copying", "after a commit", "in a transaction", "after detaching"])
def test_a_killed_step_is_undone_when_the_next_one_opens_the_branch(lake: Lake, when: str) -> None:
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a", run="killed")
    branches.close_branch(branch, lake.con)
    assert python(KILLED, lake.store.location, "killed", when, check=False).returncode == -9
    assert branch.exists
    assert branches.branches(lake.store) == ["killed"]
    branches.open_branch(branch, lake.con)
    lake.execute("INSERT INTO marts.t VALUES (2)")
    branches.close_branch(branch, lake.con)
    assert lake.look(branch, "SELECT list(a ORDER BY a) FROM marts.t") == [([1, 2],)]
    branches.discard(branch)
    assert not any(path.name.startswith("killed") for path in branch.path.parent.iterdir())
    assert branches.branches(lake.store) == []


def step_on(lake: Lake, branch: branches.Branch, value: int, *, on_record: bool) -> None:
    """One step that adds a row and folds the branch, without yet saying that it is over."""
    branches.open_branch(branch, lake.con, on_record=on_record)
    lake.execute(f"INSERT INTO marts.t VALUES ({value})")
    branches.fold(branch, lake.con)


def test_what_a_folded_step_left_stays_if_the_step_is_on_record(lake: Lake) -> None:
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a")
    branches.close_branch(branch, lake.con)
    step_on(lake, branch, 2, on_record=True)
    assert branch.before.exists(), "its process died before it could put the copy away"
    step_on(lake, branch, 3, on_record=True)
    assert lake.look(branch, "SELECT list(a ORDER BY a) FROM marts.t") == [([1, 2, 3],)]


def test_what_a_folded_step_left_is_undone_if_the_step_is_not_on_record(lake: Lake) -> None:
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a")
    branches.close_branch(branch, lake.con)
    step_on(lake, branch, 2, on_record=True)
    step_on(lake, branch, 3, on_record=False)
    assert lake.look(branch, "SELECT list(a ORDER BY a) FROM marts.t") == [([1, 3],)]


def test_a_write_ahead_log_is_never_kept_whatever_the_record_says(lake: Lake) -> None:
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a", run="killed")
    branches.close_branch(branch, lake.con)
    assert python(KILLED, lake.store.location, "killed", "after a commit", check=False).returncode == -9
    branches.open_branch(branch, lake.con, on_record=True)
    assert lake.con.execute("FROM lake.marts.t").fetchall() == [(1,)]


def test_a_write_ahead_log_without_a_copy_from_before_refuses_opening(lake: Lake) -> None:
    branch = lake.branch()
    branches.close_branch(branch, lake.con)
    wal = branch.path.with_name(branch.path.name + ".wal")
    wal.write_bytes(b"x")
    with pytest.raises(LakeError, match="write-ahead log") as told:
        branches.open_branch(branch, lake.con)
    assert "end it" in (told.value.hint or "")
    with pytest.raises(LakeError, match="write-ahead log"):
        branches.freeze(branch, lake.con, 1)


def test_a_branch_that_is_gone_cannot_be_opened(lake: Lake) -> None:
    branch = lake.branch()
    branches.close_branch(branch, lake.con)
    branches.discard(branch)
    assert not branch.exists
    with pytest.raises(CouldNotRunError):
        branches.open_branch(branch, lake.con)
    assert not branch.exists, "nothing was made in its place"


# Freezing -------------------------------------------------------------------------------------------------------


def test_the_frozen_copy_is_the_branch(lake: Lake) -> None:
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a")
    snapshot = branches.snapshot_of(lake.con)
    branches.close_branch(branch, lake.con)
    sha256 = branches.freeze(branch, lake.con, snapshot)
    assert branch.frozen.read_bytes() == branch.path.read_bytes()
    assert hashlib.sha256(branch.frozen.read_bytes()).hexdigest() == sha256
    assert not branch.frozen.with_name(branch.frozen.name + ".wal").exists()


def test_freezing_an_older_copy_is_refused(lake: Lake, tmp_path: Path) -> None:
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a")
    branches.close_branch(branch, lake.con)
    shutil.copyfile(branch.path, tmp_path / "old")
    branches.open_branch(branch, lake.con)
    lake.execute("INSERT INTO marts.t VALUES (2)")
    snapshot = branches.snapshot_of(lake.con)
    branches.close_branch(branch, lake.con)
    shutil.copyfile(tmp_path / "old", branch.path)
    with pytest.raises(CorruptError, match=f"snapshot {snapshot}, its copy is at {snapshot - 1}"):
        branches.freeze(branch, lake.con, snapshot)
    attach(lake.con, str(branch.frozen), branch.data, alias="frozen", read_only=True)  # nothing stayed attached


def test_freezing_an_open_branch_is_refused(lake: Lake) -> None:
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a")
    with pytest.raises(LakeError, match="write-ahead log"):
        branches.freeze(branch, lake.con, branches.snapshot_of(lake.con))


def test_freezing_again_does_not_write_into_what_was_published(lake: Lake) -> None:
    base = lake.releases.pointer()
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a")
    lake.publish_branch(branch, base)
    branches.open_branch(branch, lake.con)
    lake.execute("INSERT INTO marts.t VALUES (2)")
    snapshot = branches.snapshot_of(lake.con)
    branches.close_branch(branch, lake.con)
    branches.freeze(branch, lake.con, snapshot)
    lake.releases.verify(1)
    assert lake.read("SELECT a FROM marts.t") == [(1,)]


@pytest.mark.parametrize("doing", ["open", "freeze"])
def test_a_full_disk_while_copying_a_branch_is_told(lake: Lake, monkeypatch: pytest.MonkeyPatch, doing: str) -> None:
    branch = lake.branch()
    branches.close_branch(branch, lake.con)

    def full(source: Path, to: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(to))

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(CouldNotRunError) as told:
        branches.open_branch(branch, lake.con) if doing == "open" else branches.freeze(branch, lake.con, 1)
    assert "free some space" in (told.value.hint or "")
