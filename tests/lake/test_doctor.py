"""The doctor: every finding says what it is about and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from headgate.lake import branch as branches
from headgate.lake.doctor import Finding, examine
from headgate.lake.engine import Connection
from headgate.lake.lock import locked
from headgate.lake.release import catalog_key, manifest_key
from headgate.lake.store import LocalStore
from lake_maker import Lake


def findings(lake: Lake) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(lake.store, lake.con)}


def wrong(lake: Lake) -> list[str]:
    return [finding.subject for finding in examine(lake.store, lake.con) if not finding.ok]


@pytest.fixture(scope="module")
def made(engine: Connection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with two releases, made once and copied for each test."""
    lake = Lake(LocalStore(tmp_path_factory.mktemp("made") / "lake"), engine)
    lake.publish("CREATE TABLE marts.t AS SELECT range AS a FROM range(100)")
    lake.publish("DELETE FROM marts.t WHERE a < 10", "CREATE TABLE marts.u AS SELECT 1 AS a")
    return Path(lake.store.location)


@pytest.fixture
def lake(made: Path, con: Connection, tmp_path: Path) -> Lake:
    return Lake(LocalStore(Path(shutil.copytree(made, tmp_path / "lake"))), con)


def test_a_healthy_lake_has_nothing_wrong(lake: Lake) -> None:
    found = findings(lake)
    assert list(found) == ["pointer", "release 1", "release 2"]
    assert all(finding.ok for finding in found.values())
    assert found["pointer"].text == "serves release 2"
    assert "its 3 data files are there" in found["release 2"].text


def test_a_lake_without_releases_is_healthy(store_lake: Lake) -> None:
    found = findings(store_lake)
    assert found["pointer"].ok
    assert found["pointer"].hint == "headgate run"


@pytest.fixture
def store_lake(lake: Lake, tmp_path: Path) -> Lake:
    return Lake(LocalStore(tmp_path / "empty"), lake.con)


@pytest.mark.parametrize("which", [0, 1])
def test_a_data_or_delete_file_that_is_gone_is_named(lake: Lake, which: int) -> None:
    path = lake.releases.manifest(2).tables["marts.t"]["files"][which]
    lake.store.delete(f"data/{path}")
    found = findings(lake)["release 2"]
    assert not found.ok
    assert path in found.text
    assert found.hint
    assert wrong(lake) == (["release 1", "release 2"] if which == 0 else ["release 2"])


def test_a_catalog_that_was_changed_or_is_gone_is_found(lake: Lake) -> None:
    catalog = Path(lake.store.url(catalog_key(1)))
    catalog.chmod(0o644)
    catalog.write_bytes(catalog.read_bytes() + b"x")
    found = findings(lake)["release 1"]
    assert "not the one that was published" in found.text
    assert "backup" in (found.hint or "")
    catalog.unlink()
    assert "is gone" in findings(lake)["release 1"].text
    assert wrong(lake) == ["release 1"]


def test_a_manifest_that_cannot_be_read_is_found(lake: Lake) -> None:
    manifest = Path(lake.store.url(manifest_key(2)))
    manifest.chmod(0o644)
    manifest.write_bytes(b"{")
    assert wrong(lake) == ["release 2"]


def test_a_pointer_to_nothing_is_found_with_what_there_is(lake: Lake) -> None:
    for key in (manifest_key(2), catalog_key(2)):
        lake.store.delete(key)
    found = findings(lake)["pointer"]
    assert not found.ok
    assert found.text == "points to release 2, which is not there"
    assert found.hint == "headgate rollback to one of: 1"


@pytest.mark.parametrize("content", [b"", b"[]", None])
def test_a_damaged_or_lost_pointer_is_found_with_what_there_is(lake: Lake, content: bytes | None) -> None:
    lake.store.delete("current")
    if content is not None:
        Path(lake.store.url("current")).write_bytes(content)
    found = findings(lake)
    assert list(found) == ["pointer"]
    assert not found["pointer"].ok
    assert found["pointer"].hint == "headgate rollback to one of: 1, 2"


def test_a_held_lake_is_told(lake: Lake) -> None:
    lake.releases.rollback(1, reason="2 is wrong")
    told = [finding for finding in examine(lake.store, lake.con) if "held" in finding.text]
    assert len(told) == 1
    assert told[0].ok
    assert "2 is wrong" in told[0].text
    assert "resume" in (told[0].hint or "")


def test_numbers_that_were_never_published_are_told(lake: Lake) -> None:
    lake.store.create(catalog_key(3), b"left by a publisher that died")
    found = findings(lake)["releases"]
    assert found.ok
    assert found.text.endswith(": 3")
    assert "prune" in (found.hint or "")


def test_branches_of_ended_runs_and_the_run_at_work_are_told(lake: Lake) -> None:
    for run in ("ended", "working"):
        branches.close_branch(lake.branch(run=run), lake.con)
    with locked(lake.store.workdir, "working"):
        found = findings(lake)
        assert found["lock"].text == "run working is working"
        assert found["branches"].text == "1 branch of ended runs: ended"
    assert "lock" not in findings(lake)
