"""The engine that a scheduler keeps: its extensions stay loaded, and nothing else of a run is left for the next."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.lake import instance as instances
from headgate.lake.engine import EngineSettings, attach, connect, detach
from headgate.lake.instance import KeptInstance

LOADED = "SELECT count(*) FROM duckdb_extensions() WHERE loaded AND extension_name = 'ducklake'"


@pytest.fixture
def instance() -> Iterator[KeptInstance]:
    kept = KeptInstance()
    yield kept
    kept.let_go()


def loaded_before(instance: KeptInstance, settings: EngineSettings, *statements: str) -> bool:
    """Whether a run found the extension loaded; it then does what ``statements`` say."""
    with instance.for_run(settings):
        with connect(settings, shared=True, extensions=()) as con:
            found = con.execute(LOADED).fetchall() == [(1,)]
        with connect(settings, shared=True) as con:
            for statement in statements:
                con.execute(statement)
    return found


@pytest.mark.parametrize("settings", [EngineSettings(), EngineSettings(memory_limit="300MiB", threads=1)])
def test_a_second_run_finds_the_extensions_of_the_first(instance: KeptInstance, settings: EngineSettings) -> None:
    assert [loaded_before(instance, settings) for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize(
    "left",
    [
        "ATTACH ':memory:' AS lake",
        "CREATE TABLE stray AS SELECT 1 AS a",
        "CREATE VIEW stray AS SELECT 1 AS a",
        "CREATE MACRO twice(a) AS 2 * a",
        "CREATE SCHEMA another",
        "CREATE SEQUENCE numbers",
        "CREATE TYPE mood AS ENUM ('well')",
        "CREATE SECRET mine (TYPE ducklake, METADATA_PATH 'x.ducklake')",
        "SET GLOBAL default_null_order = 'nulls_first'",
    ],
)
def test_an_instance_in_which_a_run_left_something_is_not_kept(instance: KeptInstance, left: str) -> None:
    assert not loaded_before(instance, EngineSettings(), left)
    assert not loaded_before(instance, EngineSettings())
    assert loaded_before(instance, EngineSettings())


def test_an_instance_is_not_kept_when_a_run_fails_on_the_way_and_leaves_its_branch(instance: KeptInstance) -> None:
    def fail() -> None:
        with instance.for_run(EngineSettings()), connect(shared=True) as con:
            con.execute("ATTACH ':memory:' AS lake")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not loaded_before(instance, EngineSettings())


def test_a_project_that_says_something_else_about_the_engine_gets_another(instance: KeptInstance) -> None:
    assert not loaded_before(instance, EngineSettings(memory_limit="300MiB"))
    assert not loaded_before(instance, EngineSettings())


@pytest.mark.slow
def test_a_run_may_spill_where_the_one_before_spilled(instance: KeptInstance, tmp_path: Path) -> None:
    settings = EngineSettings(memory_limit="60MiB", temp_directory=tmp_path)
    much = "CREATE TEMP TABLE t AS SELECT range AS a, md5(range::VARCHAR) AS b FROM range(3000000)"
    assert [loaded_before(instance, settings, much) for _ in range(2)] == [False, True]


def test_what_was_read_from_files_does_not_stay_in_memory(instance: KeptInstance, tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    with instance.for_run(EngineSettings()), connect(shared=True) as con:
        con.execute(f"COPY (SELECT range AS a FROM range(100000)) TO '{file}'")
        assert con.execute(f"SELECT sum(a) FROM '{file}'").fetchall() == [(4999950000,)]
    with connect(shared=True, extensions=()) as con:
        assert con.execute("FROM duckdb_external_file_cache()").fetchall() == []


def test_after_some_runs_the_next_one_gets_a_new_instance(
    instance: KeptInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "MOST_RUNS", 3)
    found = [loaded_before(instance, EngineSettings()) for _ in range(7)]
    assert found == [False, True, True, False, True, True, False]


def test_a_branch_is_never_seen_as_the_one_that_an_earlier_run_had_under_the_same_name(
    instance: KeptInstance, tmp_path: Path
) -> None:
    """Siblings have the same snapshots, ids and numbers of their schemas, and other tables."""
    catalog, other, data = tmp_path / "lake.ducklake", tmp_path / "other.ducklake", str(tmp_path / "data")
    with connect() as con:
        attach(con, str(catalog), data, read_only=False, create=True)
        con.execute("CREATE TABLE lake.t AS SELECT 0 AS a")
        detach(con)
    shutil.copyfile(catalog, other)
    for path, column in ((catalog, "b"), (other, "c")):
        with connect() as con:
            attach(con, str(path), data, read_only=False)
            con.execute(f"CREATE OR REPLACE TABLE lake.t AS SELECT '{column}' AS {column}")
            detach(con)
    for path, column in ((catalog, "b"), (other, "c"), (catalog, "b")):
        with instance.for_run(EngineSettings()), connect(shared=True) as con:
            attach(con, str(path), data, read_only=True)
            assert con.execute(f"SELECT {column} FROM lake.t").fetchall() == [(column,)]
            detach(con)
    shutil.copyfile(other, catalog)  # as a run of another process may leave it
    with instance.for_run(EngineSettings()), connect(shared=True) as con:
        attach(con, str(catalog), data, read_only=True)
        assert con.execute("FROM lake.t").fetchall() == [("c",)]
        detach(con)
