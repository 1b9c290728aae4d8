"""The one place that talks to DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import CouldNotRunError, LakeError
from headgate.lake import engine as engines
from headgate.lake.engine import (
    Connection,
    EngineSettings,
    attach,
    connect,
    fetch_dicts,
    ident,
    literal,
    load_extension,
    qualified,
    transaction,
    translated,
)
from lake_maker import python

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
PLAIN = duckdb.connect()


def test_settings_reach_the_database(tmp_path: Path) -> None:
    con = connect(EngineSettings(memory_limit="300MiB", threads=1, temp_directory=tmp_path / "spill"))
    found = [
        con.execute(f"SELECT current_setting('{name}')").fetchall()[0][0]
        for name in ("memory_limit", "threads", "TimeZone", "temp_directory")
    ]
    assert found == ["300.0 MiB", 1, "UTC", str(tmp_path / "spill")]
    con.close()


def test_a_setting_that_duckdb_refuses_is_an_error_of_ours() -> None:
    with pytest.raises(CouldNotRunError, match="opening DuckDB"):
        connect(EngineSettings(memory_limit="many"))


def test_shared_connections_see_the_same_instance_and_private_ones_do_not() -> None:
    one, two, private = connect(shared=True), connect(shared=True), connect()
    one.execute("CREATE TABLE memory_of_both AS SELECT 1 AS a")
    assert two.execute("FROM memory_of_both").fetchall() == [(1,)]
    with pytest.raises(duckdb.CatalogException):
        private.execute("FROM memory_of_both")
    one.execute("DROP TABLE memory_of_both")  # the instance may outlive us: dbt may be in it
    for con in (one, two, private):
        con.close()


def test_an_extension_without_a_wheel_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    class Recorder:
        def __init__(self) -> None:
            self.done: list[str] = []

        def execute(self, sql: str) -> None:
            self.done.append(sql)

    monkeypatch.setattr(engines, "import_module", missing)
    recorder: Any = Recorder()
    load_extension(recorder, "ducklake")
    assert recorder.done == ['INSTALL "ducklake"', 'LOAD "ducklake"']


@given(TEXT.filter(bool))
def test_any_text_is_a_name_when_it_is_quoted(name: str) -> None:
    cursor = PLAIN.execute(f"SELECT 1 AS {ident(name)}")
    assert (cursor.description or [])[0][0] == name


def test_a_name_with_a_nul_is_refused() -> None:
    with pytest.raises(LakeError, match="NUL"):
        ident("a\0b")
    with pytest.raises(LakeError):
        qualified("a", "b\0")


@given(TEXT | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.booleans() | st.none())
def test_any_value_is_itself_when_it_is_quoted(value: Any) -> None:
    found = PLAIN.execute(f"SELECT {literal(value)}").fetchall()[0][0]
    assert found == value
    assert type(found) is type(value)


def test_a_nul_in_a_value_is_kept() -> None:
    assert PLAIN.execute(f"SELECT {literal(chr(0) + 'a' + chr(0))}").fetchall() == [("\0a\0",)]


def test_nan_is_nan_when_it_is_quoted() -> None:
    assert PLAIN.execute(f"SELECT isnan({literal(float('nan'))})").fetchall() == [(True,)]


def test_a_transaction_is_all_or_nothing(con: Connection) -> None:
    con.execute("CREATE OR REPLACE TEMP TABLE t (a INTEGER)")
    with transaction(con):
        con.execute("INSERT INTO t VALUES (1)")

    def interrupted() -> None:
        with transaction(con):
            con.execute("INSERT INTO t VALUES (2)")
            raise KeyboardInterrupt

    def failed() -> None:
        with transaction(con):
            con.execute("INSERT INTO t VALUES (3)")
            con.execute("SELECT nope")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(duckdb.Error):
        failed()
    assert con.execute("FROM t").fetchall() == [(1,)]
    con.execute("DROP TABLE t")


def test_rows_are_given_by_name(con: Connection) -> None:
    assert fetch_dicts(con, "SELECT 1 AS a, 'x' AS b") == [{"a": 1, "b": "x"}]
    assert fetch_dicts(con, "SELECT 1 AS a LIMIT 0") == []


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (duckdb.IOException("Could not write: No space left on device"), "disk is full"),
        (duckdb.IOException("write failed: File too large"), "disk is full"),
        (duckdb.IOException("Disk quota exceeded"), "disk is full"),
        (duckdb.OutOfMemoryException("failed to allocate"), "memory_limit"),
        (duckdb.BinderException("no such column"), None),
    ],
)
def test_duckdbs_errors_are_translated_with_a_hint_where_one_helps(error: duckdb.Error, hint: str | None) -> None:
    told = translated(error, doing="loading")
    assert str(error) in told.what
    assert told.what.startswith("loading: ")
    assert told.hint is None if hint is None else hint in (told.hint or "")


def test_a_taken_alias_is_not_silently_kept(con: Connection, tmp_path: Path) -> None:
    for name in ("a", "b"):
        con.execute(f"ATTACH 'ducklake:{tmp_path}/{name}.ducklake' AS {name} (DATA_PATH '{tmp_path}/data/')")
        con.execute(f"DETACH {name}")
    attach(con, str(tmp_path / "a.ducklake"), str(tmp_path / "data"), read_only=True)
    with pytest.raises(CouldNotRunError, match="lake"):
        attach(con, str(tmp_path / "b.ducklake"), str(tmp_path / "data"), read_only=True)


def test_a_full_disk_while_writing_data_says_so_and_leaves_the_branch_readable(tmp_path: Path) -> None:
    code = """
import resource, signal
from pathlib import Path
import duckdb
from headgate.lake.branch import close_branch, create
from headgate.lake.engine import connect, translated
from headgate.lake.release import NO_RELEASE
from headgate.lake.store import LocalStore
con = connect()
branch = create(LocalStore(Path(ARGS[0])), "run", NO_RELEASE, con, ("raw",))
con.execute("CREATE TABLE lake.raw.small AS SELECT 1 AS a")
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
try:
    con.execute("CREATE TABLE lake.raw.large AS SELECT hash(range) AS a FROM range(3_000_000)")
except duckdb.Error as error:
    print(translated(error, doing="loading").hint)
close_branch(branch, con)
"""
    assert "the disk is full" in python(code, tmp_path / "lake").stdout
