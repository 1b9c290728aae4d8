"""Every trap of the lake that DESIGN lists, as a fact about DuckDB and as what we do about it.

A test that begins with ``fact`` in its docstring fails on the day when DuckDB no longer behaves so: then a
precaution may go.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from headgate.errors import CouldNotRunError, LakeError
from headgate.lake import branch as branches
from headgate.lake.branch import CATALOG_OPTIONS
from headgate.lake.catalog import read_contents
from headgate.lake.diff import diff
from headgate.lake.doctor import examine
from headgate.lake.engine import Connection, attach, connect, detach, literal
from headgate.lake.prune import prune
from headgate.lake.release import catalog_key
from lake_maker import Lake, python
from publisher import DRAFT, LAYERS

META = "__ducklake_metadata_lake"
AGE = [
    f"UPDATE {META}.ducklake_snapshot SET snapshot_time = snapshot_time - INTERVAL 10 YEAR",
    f"UPDATE {META}.ducklake_files_scheduled_for_deletion SET schedule_start = schedule_start - INTERVAL 10 YEAR",
]


@contextmanager
def plain(catalog: Path, data: str | None = None, options: str = "") -> Iterator[Connection]:
    """The catalog attached by DuckDB as anybody would who does not know of us, in a process's own instance."""
    con = connect()
    try:
        path = f", DATA_PATH '{data}', OVERRIDE_DATA_PATH true" if data else ""
        con.execute(f"ATTACH 'ducklake:{catalog}' AS lake (META_TYPE 'duckdb'{path}{options})")
        yield con
    finally:
        con.close()


# Options live in the catalog ------------------------------------------------------------------------------------


def schedule_and_age(con: Connection) -> None:
    """Let DuckLake schedule the files of a replaced table for deletion, then make ten years pass."""
    con.execute("CREATE TABLE IF NOT EXISTS lake.marts.t AS SELECT range AS a FROM range(10)")
    con.execute("CREATE OR REPLACE TABLE lake.marts.t AS SELECT range AS a FROM range(20)")
    con.execute("CALL ducklake_expire_snapshots('lake', older_than => now() + INTERVAL 1 DAY)")
    assert con.execute(f"SELECT count(*) > 0 FROM {META}.ducklake_files_scheduled_for_deletion").fetchall() == [(True,)]
    con.execute("CREATE OR REPLACE TABLE lake.marts.t AS SELECT range AS a FROM range(30)")
    for statement in AGE:
        con.execute(statement)


def test_a_plain_checkpoint_of_an_ordinary_lake_deletes_files(tmp_path: Path) -> None:
    """Fact: without our options, a CHECKPOINT deletes what other copies of the catalog still need."""
    (tmp_path / "data").mkdir()
    with plain(tmp_path / "ordinary.ducklake", f"{tmp_path}/data/") as con:
        con.execute("CREATE SCHEMA lake.marts")
        con.execute("CALL lake.set_option('delete_older_than', '2 days')")
        con.execute("CALL lake.set_option('data_inlining_row_limit', 0)")
        schedule_and_age(con)
        before = set((tmp_path / "data").rglob("*.parquet"))
        con.execute("CHECKPOINT lake")
        assert set((tmp_path / "data").rglob("*.parquet")) < before


def test_a_plain_checkpoint_of_our_lake_deletes_nothing_however_old_it_is(lake: Lake) -> None:
    branch = lake.branch()
    lake.detach()
    with plain(branch.path, f"{branch.data}/") as con:
        schedule_and_age(con)
        for n in range(5):
            con.execute(f"INSERT INTO lake.marts.t VALUES ({n})")
        before = lake.data_files()
        count = con.execute(f"SELECT count(*) FROM {META}.ducklake_snapshot").fetchall()
        con.execute("CHECKPOINT lake")
        con.execute("CHECKPOINT")
        assert lake.data_files() == before, "nothing deleted, nothing merged"
        assert con.execute(f"SELECT count(*) FROM {META}.ducklake_snapshot").fetchall() == count, "nothing expired"


def test_every_branch_keeps_the_options_of_the_first(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
    lake.branch()
    options = dict(lake.con.execute(f"SELECT key, value FROM {META}.ducklake_metadata").fetchall())
    assert {key: options[key] for key in CATALOG_OPTIONS} == {
        "data_inlining_row_limit": "0",
        "delete_older_than": "1000 years",
        "expire_older_than": "1000 years",
        "auto_compact": "false",
        "parquet_version": "V2",
    }


def test_numbers_and_texts_that_do_not_repeat_are_packed(lake: Lake) -> None:
    lake.branch("CREATE TABLE marts.t AS SELECT i, 'row ' || i AS what FROM range(100000) AS r(i)")
    (file,) = lake.data_files()
    asked = f"SELECT DISTINCT encodings FROM parquet_metadata({literal(lake.store.url(f'data/{file}'))}) ORDER BY 1"
    assert lake.con.execute(asked).fetchall() == [("DELTA_BINARY_PACKED",), ("DELTA_LENGTH_BYTE_ARRAY",)]


def test_a_single_row_that_anybody_inserts_goes_into_a_file(lake: Lake) -> None:
    branch = lake.branch("CREATE TABLE marts.t (a INTEGER)")
    lake.detach()
    with plain(branch.path, f"{branch.data}/") as con:
        con.execute("INSERT INTO lake.marts.t VALUES (1)")
        con.execute("INSERT INTO lake.marts.t VALUES (2), (3)")
        con.execute("DELETE FROM lake.marts.t WHERE a = 2")
        assert con.execute(f"SELECT count(*) FROM {META}.ducklake_inlined_data_tables").fetchall() == [(0,)]
        table = read_contents(con).tables["marts.t"]
        assert table.rows == 2
        assert len(table.files) == 2
        assert all((Path(branch.data) / file.path).exists() for file in table.files)


def test_the_doctor_finds_rows_that_were_inlined_all_the_same(lake: Lake) -> None:
    base = lake.releases.pointer()
    branch = lake.branch("CREATE TABLE marts.t (a INTEGER)")
    lake.execute("CALL lake.set_option('data_inlining_row_limit', 100)", "INSERT INTO marts.t VALUES (1)")
    lake.publish_branch(branch, base)
    found = [finding for finding in examine(lake.store, lake.con) if not finding.ok]
    assert [finding.subject for finding in found] == ["release 1"]
    assert "in the catalog instead of in data files" in found[0].text


# Files that the own process has attached ------------------------------------------------------------------------

_watched: dict[str, list[str]] = {}


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _watched:
        for folder, opened in _watched.items():
            if str(arguments[0]).startswith(folder):
                opened.append(str(arguments[0]))


def test_python_never_opens_a_catalog_that_this_process_has_attached(lake: Lake) -> None:
    """Closing the file would drop the process's POSIX locks; a second writer's commits were lost."""
    sys.addaudithook(_audit)
    opened = _watched.setdefault(lake.store.location, [])
    offences: list[str] = []
    execute = duckdb.DuckDBPyConnection.execute

    def look(where: str) -> None:
        query = "SELECT path FROM duckdb_databases() WHERE path IS NOT NULL"
        attached = {path for (path,) in execute(lake.con, query).fetchall()}
        offences.extend(f"{where}: {path}" for path in opened if path in attached)
        opened.clear()

    try:
        for number in (1, 2):
            base = lake.releases.pointer()
            opened.clear()
            branch = branches.create(lake.store, f"run-{number}", base, lake.con, LAYERS)
            lake.execute(f"CREATE OR REPLACE TABLE marts.t{number} AS SELECT {number} AS a")
            look("working")
            branches.close_branch(branch, lake.con)
            branches.open_branch(branch, lake.con)
            opened.clear()
            lake.execute(f"INSERT INTO marts.t{number} VALUES (3)")
            read_contents(lake.con)
            look("working on")
            lake.publish_branch(branch, base)
            look("published")
        old, new = lake.releases.manifest(1), lake.releases.manifest(2)
        opened.clear()
        diff(lake.store, lake.con, old, new)
        look("compared")
        examine(lake.store, lake.con)
        prune(lake.store, lake.con, keep=1, keep_branches=())
        look("pruned")
    finally:
        del _watched[lake.store.location]
    assert offences == []


# Copies ---------------------------------------------------------------------------------------------------------


def test_a_copy_without_its_wal_is_old(lake: Lake, tmp_path: Path) -> None:
    """Fact: what was committed last is not in the file, and nothing says so. Hence we refuse to copy it."""
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a")
    branches.close_branch(branch, lake.con)
    code = """
import os, signal, shutil
from headgate.lake.engine import attach, connect
con = connect()
attach(con, ARGS[0], ARGS[1], read_only=False)
con.execute("INSERT INTO lake.marts.t VALUES (2)")
os.kill(os.getpid(), signal.SIGKILL)
"""
    python(code, branch.path, branch.data, check=False)
    assert branch.path.with_name(branch.path.name + ".wal").exists()
    (tmp_path / "copy.ducklake").write_bytes(branch.path.read_bytes())
    with plain(tmp_path / "copy.ducklake", branch.data) as con:
        assert con.execute("FROM lake.marts.t").fetchall() == [(1,)]
    with pytest.raises(LakeError, match="write-ahead log"):
        branches.freeze(branch, lake.con, 0)
    assert lake.look(branch, "SELECT list(a ORDER BY a) FROM marts.t") == [([1, 2],)], "a READ_ONLY reader does see it"


@pytest.mark.parametrize("content", [None, b""])
@pytest.mark.parametrize("read_only", [True, False])
def test_a_missing_or_empty_catalog_is_refused_instead_of_made(
    con: Connection, tmp_path: Path, content: bytes | None, read_only: bool
) -> None:
    catalog = tmp_path / "x.ducklake"
    if content is not None:
        catalog.write_bytes(content)
    with pytest.raises(LakeError, match="missing or empty"):
        attach(con, str(catalog), str(tmp_path / "data"), read_only=read_only)
    assert catalog.exists() is (content is not None)


def test_a_catalog_that_is_missing_becomes_an_empty_lake_if_it_is_attached(tmp_path: Path) -> None:
    """Fact: DuckDB makes a new lake without a word. (An empty file it refuses by itself, since 1.5.5 at least.)"""
    with plain(tmp_path / "x.ducklake", f"{tmp_path}/data/"):
        assert (tmp_path / "x.ducklake").exists()
    (tmp_path / "empty.ducklake").touch()
    with pytest.raises(duckdb.Error, match="not a valid DuckDB database"), plain(tmp_path / "empty.ducklake", "data"):
        pass


@pytest.mark.parametrize("doing", ["INSERT INTO lake.marts.t VALUES (2)", "FROM lake.marts.t"])
def test_a_branch_is_not_closed_while_another_cursor_has_a_transaction_open(lake: Lake, doing: str) -> None:
    """Its commits would lie in a write-ahead log, and not be published."""
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a")
    other = lake.con.cursor()
    other.execute("BEGIN")
    other.execute(doing)
    lake.execute("INSERT INTO marts.t VALUES (3)")
    with pytest.raises(CouldNotRunError, match="closing the branch"):
        branches.close_branch(branch, lake.con)
    with pytest.raises(LakeError, match="write-ahead log"):
        branches.freeze(branch, lake.con, 0)
    other.execute("ROLLBACK")
    other.close()
    branches.close_branch(branch, lake.con)
    assert lake.look(branch, "SELECT list(a ORDER BY a) FROM marts.t") == [([1, 3],)]


# READ_ONLY ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO lake.marts.t VALUES (2)",
        "DROP TABLE lake.marts.t",
        "CREATE TABLE lake.marts.u AS SELECT 1 AS a",
        "CALL lake.set_option('data_inlining_row_limit', 5)",
        "CALL ducklake_expire_snapshots('lake', older_than => now())",
        "CALL ducklake_delete_orphaned_files('lake', cleanup_all => true)",
        f"DELETE FROM {META}.ducklake_table",
    ],
)
def test_a_release_that_is_attached_cannot_be_written_to(lake: Lake, statement: str) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
    files = lake.data_files()
    attach(lake.con, lake.store.url(catalog_key(1)), lake.store.url("data"), read_only=True)
    with pytest.raises(duckdb.Error):
        lake.con.execute(statement).fetchall()
    lake.con.execute("DETACH lake")
    lake.releases.verify(1)
    assert lake.data_files() == files


@pytest.mark.slow
def test_ducklakes_own_cleanup_finds_nothing_to_delete_in_a_release(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT range AS a FROM range(9)")
    replaced = ["CREATE OR REPLACE TABLE marts.t AS SELECT range AS a FROM range(9)"] * 30
    lake.publish(*replaced)
    lake.publish("CREATE TABLE marts.u AS SELECT 1 AS a")
    files = lake.data_files()
    attach(lake.con, lake.store.url(catalog_key(3)), lake.store.url("data"), read_only=True)
    lake.con.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)").fetchall()
    assert lake.data_files() == files


def test_root_writes_to_a_file_without_write_permission(lake: Lake) -> None:
    """Fact: permissions do not protect a release from root; READ_ONLY and the hash in the manifest do."""
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
    catalog = Path(lake.store.url(catalog_key(1)))
    before = hashlib.sha256(catalog.read_bytes()).hexdigest()
    try:
        with plain(catalog, lake.store.url("data") + "/") as con:
            con.execute("INSERT INTO lake.marts.t VALUES (2)")
    except duckdb.Error:
        pytest.skip("only root can show this")
    assert hashlib.sha256(catalog.read_bytes()).hexdigest() != before
    findings = {finding.subject: finding for finding in examine(lake.store, lake.con)}
    assert not findings["release 1"].ok
    with pytest.raises(LakeError, match="not the one that was published"):
        lake.branch()


def test_a_catalog_of_an_older_format_is_migrated_on_the_branch_and_not_in_the_release(lake: Lake) -> None:
    base = lake.releases.pointer()
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a")
    snapshot = branches.snapshot_of(lake.con)
    branches.close_branch(branch, lake.con)
    with duckdb.connect(str(branch.path)) as con:
        con.execute("UPDATE ducklake_metadata SET value = '0.4' WHERE key = 'version'")
    sha256 = hashlib.sha256(branch.path.read_bytes()).hexdigest()
    draft = replace(DRAFT, snapshot=snapshot, catalog_sha256=sha256)
    lake.releases.publish(branch.path, draft, base)
    lake.branch("INSERT INTO marts.t VALUES (2)", run="later")
    version = f"SELECT value FROM {META}.ducklake_metadata WHERE key = 'version'"
    assert lake.con.execute(version).fetchall() == [("1.0",)]
    assert lake.con.execute("SELECT count(*) FROM lake.marts.t").fetchall() == [(2,)]
    lake.releases.verify(1)


# Names, not ids -------------------------------------------------------------------------------------------------


def test_sibling_branches_give_the_same_ids_to_different_files(lake: Lake) -> None:
    """Fact: hence results are remembered by path, and identities are made of paths."""
    lake.publish()
    tables = []
    for value in (1, 2):
        lake.branch(f"CREATE TABLE marts.t AS SELECT {value} AS a")
        tables.append(read_contents(lake.con).tables["marts.t"])
        lake.detach()
    one, two = tables
    assert (one.id, one.files[0].id, one.columns) == (two.id, two.files[0].id, two.columns)
    assert one.files[0].path != two.files[0].path
    assert one.identity != two.identity


# Parallel writers -----------------------------------------------------------------------------------------------


def in_parallel(con: Connection, statement: str, times: int) -> int:
    """Run a statement from four threads at once; how often it failed."""
    failed: list[str] = []

    def work(number: int) -> None:
        cursor = con.cursor()
        for turn in range(times):
            try:
                cursor.execute(statement.format(value=number * 1000 + turn))
            except duckdb.Error as error:
                failed.append(str(error))
        cursor.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(failed)


def test_parallel_inserts_into_one_table_do_not_conflict(lake: Lake) -> None:
    lake.branch("CREATE TABLE _headgate.results (a BIGINT)")
    assert in_parallel(lake.con, "INSERT INTO lake._headgate.results VALUES ({value})", 5) == 0
    assert lake.con.execute("SELECT count(DISTINCT a) FROM lake._headgate.results").fetchall() == [(20,)]


def test_parallel_updates_of_one_table_conflict(lake: Lake) -> None:
    """Fact: hence the tables of _headgate are append-only."""
    lake.branch("CREATE TABLE _headgate.results AS SELECT 0 AS a")
    assert in_parallel(lake.con, "UPDATE lake._headgate.results SET a = {value}", 5) > 0


# Macros ---------------------------------------------------------------------------------------------------------


def test_a_table_macro_keeps_the_alias_of_its_catalog(lake: Lake) -> None:
    """Fact: it fails where the lake has another name, which a view does not. `check` refuses macros."""
    lake.publish(
        "CREATE TABLE marts.t AS SELECT 1 AS a",
        "CREATE VIEW marts.v AS FROM lake.marts.t",
        "CREATE MACRO marts.m() AS TABLE FROM lake.marts.t",
    )
    attach(lake.con, lake.store.url(catalog_key(1)), lake.store.url("data"), alias="other", read_only=True)
    assert lake.con.execute("FROM other.marts.v").fetchall() == [(1,)]
    with pytest.raises(duckdb.Error, match="lake"):
        lake.con.execute("FROM other.marts.m()").fetchall()


# Float statistics -----------------------------------------------------------------------------------------------


def test_the_engine_misses_nans_that_statistics_do_not_know_of(lake: Lake) -> None:
    """Fact: with a NaN in the first of four row groups, only filtered counts and isnan are right."""
    lake.branch(
        "CREATE TABLE marts.t AS SELECT CASE WHEN range = 5 THEN 'nan'::DOUBLE ELSE 1.0 END AS a FROM range(491520)"
    )
    con = lake.con
    assert con.execute("SELECT count(*) FILTER (isnan(a)) FROM lake.marts.t").fetchall() == [(1,)]
    assert con.execute("SELECT count(*) FILTER (a > 1e9) FROM lake.marts.t").fetchall() == [(1,)]
    assert con.execute("SELECT count(*) FROM lake.marts.t WHERE isnan(a)").fetchall() == [(1,)]
    missed = con.execute("SELECT count(*) FROM lake.marts.t WHERE a > 1e9").fetchall()
    assert missed == [(0,)], "DuckDB no longer believes float statistics"


def test_detaching_what_is_not_attached_is_an_error_of_ours(con: Connection) -> None:
    with pytest.raises(CouldNotRunError, match="closing the branch"):
        detach(con)
