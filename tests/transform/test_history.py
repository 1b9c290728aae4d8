"""Laws of histories: whatever was changed, and whenever somebody looked.

The statements are those that plain dbt makes of the macros; DuckDB carries them out on many small change logs.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.lake.engine import Connection, EngineSettings, connect, fetch_dicts
from headgate.transform.workspace import prepare
from history_logs import BEGIN, Look, Version, fill, loaded_at, logged

SOURCES = """
sources:
  - name: raw_log
    tables: [{name: thing, config: {meta: {primary_key: id, updated_at: changed}}}, {name: bare}]
"""
MODELS = {
    "history": "{{ headgate.history('thing') }}",
    "as_known": "{{ headgate.as_of('thing', known='KNOWN') }}",
    "as_valid": "{{ headgate.as_of('thing', valid='VALID') }}",
    "as_both": "{{ headgate.as_of('thing', valid='VALID', known='KNOWN') }}",
    "given": "{{ headgate.history('bare', key=['a', 'b \"c']) }}",
}
PROJECT = """
name: p
profile: headgate
macro-paths: [.headgate/dbt/macros]
packages-install-path: .headgate/dbt/packages
flags: {send_anonymous_usage_stats: false}
"""
Compiled = dict[str, str]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("histories")]  # dbt compiles the macros once


def project(folder: Path, models: dict[str, str]) -> Path:
    (folder / "models").mkdir()
    (folder / "dbt_project.yml").write_text(PROJECT)
    (folder / "models" / "sources.yml").write_text(SOURCES)
    for name, text in models.items():
        (folder / "models" / f"{name}.sql").write_text(text)
    lake = folder / "lake"
    prepare(folder, scratch=lake / "work" / "dbt.scratch", lake=str(lake), data=str(lake / "data"))
    return folder


def dbt(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """dbt by hand, as its users call it."""
    command = [sys.executable, "-m", "dbt.cli.main", *arguments, "--profiles-dir", ".headgate/dbt"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The SQL of each model."""
    folder = project(tmp_path_factory.mktemp("histories"), MODELS)
    done = dbt(folder, "compile")
    assert done.returncode == 0, done.stdout
    return {name: (folder / "target/compiled/p/models" / f"{name}.sql").read_text() for name in MODELS}


@pytest.fixture(scope="module")
def lake() -> Iterator[Connection]:
    con = connect(EngineSettings(threads=1), extensions=())
    con.execute("attach ':memory:' as lake")
    con.execute("create schema lake.raw_log")
    con.execute("create schema lake._headgate")
    yield con
    con.close()


versions = st.builds(Version, st.integers(1, 3), st.integers(0, 2), st.none() | st.integers(0, 600))
looks = st.lists(st.lists(versions, max_size=4, unique_by=lambda v: v.key), min_size=1, max_size=6)
law = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def by_key(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    grouped: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r["record_id"]):
        grouped[row["id"]].append(row)
    return grouped


def contents(rows: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    return {(row["id"], row["value"]) for row in rows}


@law
@given(seen=looks)
def test_versions_neither_overlap_nor_leave_a_gap(compiled: Compiled, lake: Connection, seen: list[Look]) -> None:
    rows = logged(seen)
    fill(lake, rows)
    deleted = {(row[0], row[4]) for row in rows if row[6] == "delete"}
    for key, found in by_key(fetch_dicts(lake, compiled["history"])).items():
        for row, after in pairwise(found):
            gone = any(k == key and row["known_from"] < at < after["known_from"] for k, at in deleted)
            assert row["valid_from"] <= row["valid_to"] <= after["valid_from"]
            assert row["known_from"] < row["known_to"] <= after["known_from"]
            assert gone or (row["valid_to"] == after["valid_from"] and row["known_to"] == after["known_from"])
            assert not row["is_current"]
            assert not row["is_latest"]
        assert found[-1]["is_latest"]
        assert (found[-1]["valid_to"] is None) == (found[-1]["known_to"] is None) == found[-1]["is_current"]


@law
@given(seen=looks)
def test_what_is_there_has_one_current_version_and_what_is_gone_none(
    compiled: Compiled, lake: Connection, seen: list[Look]
) -> None:
    fill(lake, logged(seen))
    current = [row for row in fetch_dicts(lake, compiled["history"]) if row["is_current"]]
    assert sorted((row["id"], row["value"]) for row in current) == sorted((v.key, v.value) for v in seen[-1])


@law
@given(seen=looks)
def test_a_record_keeps_its_number_when_more_come(compiled: Compiled, lake: Connection, seen: list[Look]) -> None:
    numbers = []
    for many in range(1, len(seen) + 1):
        fill(lake, logged(seen[:many]))
        found = fetch_dicts(lake, compiled["history"])
        numbers.append({row["record_id"]: (row["id"], row["value"], row["known_from"]) for row in found})
        assert sorted(numbers[-1]) == list(range(1, len(found) + 1))
    for fewer, more in pairwise(numbers):
        assert fewer.items() <= more.items()


@law
@given(
    stories=st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 600)), max_size=4), min_size=1, max_size=3),
    data=st.data(),
)
def test_when_a_version_was_valid_does_not_depend_on_when_somebody_looked(
    compiled: Compiled, lake: Connection, stories: list[list[tuple[int, int]]], data: st.DataObject
) -> None:
    """Of each key the same versions are seen, in the same order, but cut into other runs."""

    def cut() -> list[tuple[Any, ...]]:
        rows = []
        for key, story in enumerate(stories):
            runs = sorted(data.draw(st.sets(st.integers(0, 9), min_size=len(story), max_size=len(story))))
            for run, (value, minute) in zip(runs, story, strict=True):
                (row,) = logged([[Version(key, value, minute)]])
                rows.append((*row[:3], f"r{run}", loaded_at(run), *row[5:]))
        return rows

    shown = "select id, value, changed, valid_from, valid_to, is_current, is_latest from ({}) order by all"
    found = []
    for _ in range(2):
        fill(lake, cut())
        found.append(lake.execute(shown.format(compiled["history"])).fetchall())
    assert found[0] == found[1]


@law
@given(seen=looks, minute=st.integers(-10, 900))
def test_the_past_can_be_asked_for(compiled: Compiled, lake: Connection, seen: list[Look], minute: int) -> None:
    fill(lake, logged(seen))
    then = loaded_at(0) + (loaded_at(1) - loaded_at(0)) * (minute / 60)
    looked = [look for run, look in enumerate(seen) if loaded_at(run) <= then]

    def ask(model: str) -> list[dict[str, Any]]:
        sql = (
            compiled[model]
            .replace("KNOWN", f"{then:%Y-%m-%d %H:%M:%S}+00")
            .replace("VALID", f"{then:%Y-%m-%d %H:%M:%S}")
        )
        return fetch_dicts(lake, sql)

    known = ask("as_known")
    assert {*known[0]} == {"id", "value", "changed"} if known else True
    assert contents(known) == ({(v.key, v.value) for v in looked[-1]} if looked else set())
    for model in ("as_valid", "as_both"):
        keys = [row["id"] for row in ask(model)]
        assert len(keys) == len(set(keys))


@law
@given(seen=looks, data=st.data())
def test_a_version_in_quarantine_never_held_and_is_there_as_if_it_had_been_once_it_is_brought_back(
    compiled: Compiled, lake: Connection, seen: list[Look], data: st.DataObject
) -> None:
    rows = logged(seen)
    upserts = [(row[0], row[4]) for row in rows if row[6] == "upsert"]
    away = data.draw(st.sets(st.sampled_from(upserts))) if upserts else set()
    fill(lake, rows)
    whole = {row["record_id"]: row for row in fetch_dicts(lake, compiled["history"])}
    fill(lake, rows, away)
    held = {row["record_id"]: row for row in fetch_dicts(lake, compiled["history"])}
    assert {(row["id"], row["known_from"]) for row in held.values()} == {*upserts} - away
    for number, row in held.items():  # what is left is what it was: nobody's time grows into that of one that is away
        assert {**row, "is_latest": None} == {**whole[number], "is_latest": None}
    for found in by_key(list(held.values())).values():
        assert [row["is_latest"] for row in found] == [False] * (len(found) - 1) + [True]
    last = {row[0]: row[4] for row in rows}
    current = {(v.key, v.value) for v in seen[-1] if (v.key, last[v.key]) not in away}
    assert {(row["id"], row["value"]) for row in held.values() if row["is_current"]} == current


def test_a_clock_that_went_back_leaves_the_last_version_seen_current(compiled: Compiled, lake: Connection) -> None:
    fill(lake, logged([[Version(1, 0, 10)], [Version(1, 1, 30)], [Version(1, 2, 20)]]))
    found = by_key(fetch_dicts(lake, compiled["history"]))[1]
    minutes = [
        tuple(t and (t - BEGIN).total_seconds() / 60 for t in (row["valid_from"], row["valid_to"])) for row in found
    ]
    assert minutes == [(10, 30), (30, 30), (30, None)]


def test_keys_may_be_given_and_be_called_anything(compiled: Compiled, lake: Connection) -> None:
    lake.execute(
        "create or replace table lake._headgate.versions_bare as "
        'select false as _away, 1 as a, 2 as "b ""c", \'r\' as _run, '
        "timestamptz '2026-01-01 00:00:00+00' as _loaded_at, 1::ubigint as _hash, 'upsert' as _op"
    )
    (row,) = fetch_dicts(lake, compiled["given"])
    assert row["valid_from"] == row["known_from"] == BEGIN
    assert (row["is_current"], row["is_latest"], row["record_id"]) == (True, True, 1)


def test_a_key_that_nobody_declared_is_told(tmp_path: Path) -> None:
    folder = project(tmp_path, {"m": "{{ headgate.history('bare') }}"})
    done = dbt(folder, "compile")
    assert done.returncode != 0
    assert "the key of raw_log.bare is not known; declare it in sources.yml" in done.stdout
