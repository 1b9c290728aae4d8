"""Disks that are full or read-only, and folders that somebody deleted, copied or moved."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fault_shop import Rows, Shop

pytestmark = pytest.mark.slow


class Disk:
    """A small disk in place of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def resize(self, size: int) -> None:
        _mount("-o", f"remount,rw,size={size}", str(self.folder))

    def protect(self) -> None:
        _mount("-o", "remount,ro", str(self.folder))

    @property
    def used(self) -> int:
        status = os.statvfs(self.folder)
        return (status.f_blocks - status.f_bfree) * status.f_frsize


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")


@contextmanager
def disk_at(folder: Path, size: int = 64_000_000) -> Iterator[Disk]:
    """Move a folder, which need not exist, to a disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    aside = folder.with_name(folder.name + ".aside")
    folder.mkdir(exist_ok=True)
    folder.rename(aside)
    folder.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
        try:
            shutil.copytree(aside, folder, dirs_exist_ok=True)
            yield Disk(folder)
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    finally:
        shutil.rmtree(aside)


@pytest.mark.parametrize("free", [0, 20_000, 100_000, 400_000, 800_000])
def test_a_full_disk_is_told_and_harms_nothing(second: Shop, undisturbed: tuple[Rows, Rows], free: int) -> None:
    one, two = undisturbed
    before = second.hashes()
    with disk_at(second.lake) as disk:
        disk.resize(disk.used + free)
        ended = second.headgate("run", "--json")
        assert ended.code == 3
        text = ended.told["error"] if ended.told["status"] == "failed" else ended.told["error"]["what"]
        assert "No space left" in text
        assert "free some space" in ended.out
        if ended.told["status"] == "failed":
            assert second.statuses()[ended.told["run"]] == "failed"
            assert second.headgate("prune").code == 0
        assert "Traceback" not in ended.out + ended.err
        assert second.hashes() == before
        assert second.contents(1) == one
        disk.resize(64_000_000)
        assert second.run()["release"] == 2
        assert (second.contents(1), second.contents()) == (one, two)
        assert second.headgate("prune", "--grace", "0s").code == 0
        assert second.orphans() == set()


@pytest.mark.parametrize("limit", [1_000, 40_000, 150_000, 300_000])
def test_a_limit_of_file_sizes_is_told_and_harms_nothing(
    second: Shop, undisturbed: tuple[Rows, Rows], limit: int
) -> None:
    before = second.hashes()
    ended = second.headgate("run", "--json", fault={"kind": "small_files", "limit": limit})
    assert ended.code == 3
    assert "Traceback" not in ended.out + ended.err
    assert second.hashes() == before
    assert second.contents(1) == undisturbed[0]
    assert second.run()["release"] == 2
    assert second.contents() == undisturbed[1]


def test_a_read_only_lake_can_be_read_and_a_run_says_so(second: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    with disk_at(second.lake) as disk:
        disk.protect()
        ended = second.headgate("run", "--json")
        assert ended.code == 3
        assert "the lake cannot be written: Read-only file system" in ended.err
        assert "the setting 'lake' in headgate.yml" in ended.err
        assert "Traceback" not in ended.out + ended.err
        query = second.headgate("query", "--json", "select count(*) from raw.sales")
        assert query.told["rows"] == [[3000]]
        assert second.headgate("releases").code == 0
        assert second.headgate("doctor").code == 0
        disk.resize(64_000_000)
        assert second.run()["release"] == 2
        assert second.contents() == undisturbed[1]


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_ledger_that_cannot_be_written_stops_a_run_before_it_does_anything(
    second: Shop, undisturbed: tuple[Rows, Rows], how: str
) -> None:
    before = second.hashes()
    with disk_at(second.folder / ".headgate") as disk:
        if how == "full":
            disk.resize(disk.used)
        else:
            disk.protect()
        ended = second.headgate("run", "--json")
        assert ended.code == 3
        assert "ledger" in ended.told["error"]["what"] + (ended.told["error"]["where"] or "")
        assert ended.told["error"]["hint"]
        assert second.hashes() == before
        assert second.headgate("query", "select 1").code == 0, "readers need no ledger"
        disk.resize(64_000_000)
        assert second.run()["release"] == 2
        assert second.contents() == undisturbed[1]


def test_the_folder_of_headgate_can_be_deleted_between_runs(second: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    shutil.rmtree(second.folder / ".headgate")
    assert second.run()["release"] == 2
    assert second.contents() == undisturbed[1]
    shutil.rmtree(second.folder / ".headgate")
    assert second.run()["status"] == "nothing_new"


def test_the_ledger_can_be_deleted_between_runs(second: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    ledger = second.folder / ".headgate" / "ledger.db"
    for beside in ledger.parent.glob("ledger.db*"):
        beside.unlink()
    assert second.run()["release"] == 2
    assert second.contents() == undisturbed[1]
    assert second.headgate("prune", "--keep", "1", "--grace", "0s").code == 0
    for beside in ledger.parent.glob("ledger.db*"):
        beside.unlink()
    assert second.run()["status"] == "nothing_new"
    assert second.contents() == undisturbed[1]


def test_the_lock_of_types_can_be_deleted_between_runs(second: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    (second.folder / "schema.lock").unlink()
    assert second.run()["release"] == 2
    assert second.contents() == undisturbed[1]


def test_the_work_folder_can_be_deleted_between_runs(second: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    shutil.rmtree(second.lake / "work")
    assert second.run()["release"] == 2
    assert second.contents() == undisturbed[1]


def test_a_project_works_on_a_copy_of_its_lake_and_leaves_the_original_alone(
    second: Shop, undisturbed: tuple[Rows, Rows], tmp_path: Path
) -> None:
    before = second.hashes()
    elsewhere = tmp_path / "else where"
    shutil.copytree(second.lake, elsewhere)
    project = second.folder / "headgate.yml"
    project.write_text(project.read_text() + f"lake: {elsewhere}\n")
    assert second.run()["release"] == 2
    assert second.run()["status"] == "nothing_new"
    assert second.hashes() == before, "nobody wrote to the lake that was copied"
    shutil.rmtree(second.lake)
    elsewhere.rename(second.lake)
    project.write_text(project.read_text().replace(f"lake: {elsewhere}\n", ""))
    assert second.run()["status"] == "nothing_new"
    assert (second.contents(1), second.contents()) == undisturbed
