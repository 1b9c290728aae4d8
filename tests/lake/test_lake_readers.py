"""Readers: beside publishing, in a lake that was moved, and without our code."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import duckdb
import pytest

from headgate.errors import CouldNotRunError, LakeError, NoReleaseError, UsageError
from headgate.lake import branch as branches
from headgate.lake.engine import EngineSettings, load_extension
from headgate.lake.reading import query, reader
from headgate.lake.release import Hold, Manifest, Pointer, Releases, catalog_key
from headgate.lake.store import LocalStore
from lake_maker import Lake, python, start

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "lake.md"

READING = """
import time
from pathlib import Path
from headgate.lake.engine import attach, connect
from headgate.lake.release import Releases, catalog_key
from headgate.lake.store import LocalStore
store = LocalStore(Path(ARGS[0]))
con = connect()
print("ready", flush=True)
seen = []
while not seen or seen[-1] < int(ARGS[1]):
    number = Releases(store).pointer().release
    assert Releases(store).manifest(number).tables["marts.log"]["rows"] == number
    attach(con, store.url(catalog_key(number)), store.url("data"), read_only=True)
    rows = con.execute(
        "SELECT (SELECT max(a) FROM lake.marts.t), (SELECT max(b) FROM lake.marts.u),"
        "(SELECT count(*) FROM lake.marts.log)"
    ).fetchall()
    con.execute("DETACH lake")
    assert rows == [(number, number, number)], (number, rows)
    assert not seen or number >= seen[-1], "went back in time"
    seen.append(number)
    time.sleep(0.01)
print(len(set(seen)))
"""


def publish_under_readers(lake: Lake, times: int, readers: int) -> list[int]:
    """Publish many times while processes read in a loop; how many different releases each of them saw."""
    statement = "CREATE OR REPLACE TABLE marts.{0} AS SELECT {1} AS {2} FROM range(1000)"

    def publish(number: int) -> None:
        lake.publish(
            "BEGIN",
            statement.format("t", number, "a"),
            statement.format("u", number, "b"),
            "CREATE TABLE IF NOT EXISTS marts.log (a INTEGER)",
            f"INSERT INTO marts.log VALUES ({number})",
            "COMMIT",
        )

    publish(1)
    processes = [start(READING, lake.store.location, times) for _ in range(readers)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for number in range(2, times + 1):
        publish(number)
    ends = [process.communicate(timeout=120) for process in processes]
    assert all(process.returncode == 0 for process in processes), [told for _, told in ends]
    return [int(out) for out, _ in ends]


@pytest.mark.slow
def test_readers_see_whole_releases_while_others_are_published(lake: Lake) -> None:
    assert all(seen > 1 for seen in publish_under_readers(lake, 6, 1))


@pytest.mark.slow
def test_readers_never_see_a_mixed_or_missing_state_during_a_hundred_publishes(lake: Lake) -> None:
    assert all(seen > 10 for seen in publish_under_readers(lake, 100, 2))


def test_a_reader_that_is_open_goes_on_undisturbed(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT range AS a FROM range(1000)")
    with reader(lake.store, EngineSettings(), release=None, run=None) as con:
        lake.publish("DROP TABLE marts.t")
        lake.releases.rollback(1, reason="")
        assert query(con, "SELECT count(*) AS n FROM marts.t") == (["n"], [(1000,)])


def test_any_release_and_any_branch_can_be_read(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
    lake.publish("CREATE OR REPLACE TABLE marts.t AS SELECT 2 AS a")
    branch = lake.branch("CREATE OR REPLACE TABLE marts.t AS SELECT 3 AS a", run="bad")
    branches.close_branch(branch, lake.con)
    for release, run, expected in [(None, None, 2), (1, None, 1), (2, None, 2), (None, "bad", 3)]:
        with reader(lake.store, EngineSettings(), release=release, run=run) as con:
            assert query(con, "FROM marts.t")[1] == [(expected,)]
            with pytest.raises(UsageError, match="read-only"):
                query(con, "DROP TABLE marts.t")
    branches.open_branch(branch, lake.con)
    branches.close_branch(branch, lake.con)


def test_what_does_not_exist_is_told(lake: Lake) -> None:
    with (
        pytest.raises(NoReleaseError, match="nothing is published"),
        reader(lake.store, EngineSettings(), release=None, run=None),
    ):
        pass
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
    with pytest.raises(NoReleaseError, match="no release 7"), reader(lake.store, EngineSettings(), release=7, run=None):
        pass
    with (
        pytest.raises(UsageError, match="has no branch"),
        reader(lake.store, EngineSettings(), release=None, run="unknown"),
    ):
        pass
    with pytest.raises(UsageError), reader(lake.store, EngineSettings(), release=None, run="../../etc/passwd"):
        pass
    Path(lake.store.url(catalog_key(1))).unlink()
    with pytest.raises(LakeError), reader(lake.store, EngineSettings(), release=1, run=None):
        pass


def test_a_query_that_fails_has_the_databases_message(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
    with reader(lake.store, EngineSettings(), release=None, run=None) as con, pytest.raises(UsageError, match="nope"):
        query(con, "SELECT nope FROM marts.t")


def test_a_release_whose_catalog_is_no_database_is_an_error_of_ours(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
    catalog = Path(lake.store.url(catalog_key(1)))
    catalog.chmod(0o644)
    catalog.write_bytes(b"not a database" * 1000)
    with pytest.raises(CouldNotRunError, match="attaching"), reader(lake.store, EngineSettings(), release=1, run=None):
        pass


# Elsewhere ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_lake_that_was_moved_or_copied_is_read_worked_on_and_published(lake: Lake, tmp_path: Path, how: str) -> None:
    lake.publish(
        "CREATE TABLE raw_log.t AS SELECT range AS a FROM range(9)", "CREATE VIEW raw.t AS FROM lake.raw_log.t"
    )
    lake.publish("DELETE FROM raw_log.t WHERE a = 3")
    there = tmp_path / "some where" / "it's"
    there.parent.mkdir()
    (shutil.move if how == "moved" else shutil.copytree)(lake.store.location, there)
    moved = Lake(LocalStore(there), lake.con)
    assert moved.read("SELECT count(*) FROM raw.t") == [(8,)]
    moved.publish("INSERT INTO raw_log.t VALUES (100)", "CREATE TABLE marts.new AS SELECT 1 AS a")
    assert moved.read("SELECT count(*) FROM raw.t") == [(9,)]
    assert Releases(moved.store).numbers() == [1, 2, 3]
    assert any(there.rglob("data/marts/new/*.parquet")), "new files lie where the lake is now"
    if how == "copied":
        assert Releases(lake.store).numbers() == [1, 2]
        assert lake.read("SELECT count(*) FROM raw.t") == [(8,)]
        assert not any(Path(lake.store.location).rglob("data/marts/new/*.parquet"))


def documented_line() -> str:
    """The one line of the documentation by which plain DuckDB attaches a release."""
    lines = re.findall(r"^ATTACH 'ducklake:.*;$", DOCS.read_text(), re.MULTILINE)
    assert len(lines) == 1
    return str(lines[0])


@pytest.mark.parametrize("moved", [False, True])
def test_the_documented_line_attaches_a_release_in_plain_duckdb(lake: Lake, tmp_path: Path, moved: bool) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT range AS a FROM range(9)", "CREATE VIEW marts.v AS FROM lake.marts.t")
    folder = Path(lake.store.location)
    if moved:
        folder = folder.rename(tmp_path / "elsewhere")
    line = documented_line()
    assert line.count("/srv/shop/lake/") == 2
    assert "000042" in line
    line = line.replace("/srv/shop/lake/", f"{folder}/").replace("000042", "000001")
    with duckdb.connect() as con:
        load_extension(con, "ducklake")
        con.execute(line)
        assert con.execute("SELECT count(*) FROM lake.marts.t").fetchall() == [(9,)]
        assert con.execute("SELECT count(*) FROM lake.marts.v").fetchall() == [(9,)]
        with pytest.raises(duckdb.Error, match="read-only"):
            con.execute("DROP TABLE lake.marts.t")


def test_a_release_is_read_by_a_process_that_does_not_know_us(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT range AS a FROM range(9)")
    code = """
import duckdb, importlib, pathlib
package = importlib.import_module("duckdb_extension_ducklake")
con = duckdb.connect()
folder = pathlib.Path(package.__file__).parent / "extensions" / f"v{duckdb.__version__}"
con.execute(f"LOAD '{folder}/ducklake.duckdb_extension'")
con.execute(ARGS[0])
print(con.execute("SELECT sum(a) FROM lake.marts.t").fetchall()[0][0])
assert "headgate" not in sys.modules
"""
    line = documented_line().replace("/srv/shop/lake/", f"{lake.store.location}/").replace("000042", "000001")
    assert python(code, line).stdout == "36\n"


def test_every_field_of_manifest_and_pointer_is_documented() -> None:
    text = DOCS.read_text()
    for noun in (Manifest, Pointer, Hold):
        missing = [name for name in noun.__slots__ if f"`{name}`" not in text]
        assert not missing, f"{noun.__name__}: {missing}"
