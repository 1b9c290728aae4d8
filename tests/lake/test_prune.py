"""Pruning: what is needed stays, the rest goes, whenever it is killed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.errors import CorruptError, NoReleaseError, PublishRefusedError, UsageError
from headgate.lake import branch as branches
from headgate.lake.doctor import examine
from headgate.lake.engine import Connection
from headgate.lake.prune import GRACE_SECONDS, Pruned, files_of, prune
from headgate.lake.release import Releases, catalog_key, manifest_key
from headgate.lake.store import LocalStore
from lake_maker import Lake, python


def pruned(lake: Lake, keep: int, *, branches: tuple[str, ...] = (), grace: float = 0) -> Pruned:
    return prune(lake.store, lake.con, keep=keep, keep_branches=branches, grace_seconds=grace)


def replaced(lake: Lake, times: int) -> None:
    """Releases of which each one has files of its own, and some in common with the one before."""
    for number in range(times):
        lake.publish(
            "BEGIN",
            f"CREATE OR REPLACE TABLE marts.t AS SELECT {number} AS a",
            "CREATE TABLE IF NOT EXISTS marts.log AS SELECT 0 AS a",
            f"INSERT INTO marts.log VALUES ({number})",
            "COMMIT",
        )


@pytest.fixture
def squashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget history at every branching, so that a release names what itself and its parent used, no more."""
    monkeypatch.setattr(branches, "MANY_SNAPSHOTS", 0)


def readable(lake: Lake) -> dict[int, list[tuple[int, int]]]:
    """What every listed release reads."""
    sql = "SELECT (SELECT sum(a) FROM marts.t), (SELECT count(*) FROM marts.log)"
    return {number: lake.read(sql, number) for number in lake.releases.numbers()}


def healthy(lake: Lake) -> bool:
    return all(finding.ok for finding in examine(lake.store, lake.con))


@pytest.mark.slow
@pytest.mark.usefixtures("squashing")
def test_the_newest_releases_stay_and_the_others_go_with_their_data(lake: Lake) -> None:
    replaced(lake, 5)
    before = readable(lake)
    files = lake.data_files()
    done = pruned(lake, 2)
    assert done.releases == (1, 2, 3)
    assert readable(lake) == {number: before[number] for number in (4, 5)}
    assert done.files == 2, "the tables that only releases 1 and 2 used; the log's files are used by all"
    assert len(files) - len(lake.data_files()) == done.files
    assert done.bytes > 0
    assert done.waiting == 0
    with pytest.raises(NoReleaseError):
        lake.releases.manifest(1)
    assert pruned(lake, 2) == Pruned((), (), 0, 0, 0)
    assert healthy(lake)


def test_the_served_release_stays_however_old_it_is(lake: Lake) -> None:
    replaced(lake, 4)
    before = readable(lake)
    lake.releases.rollback(1, reason="all the others are wrong")
    pruned(lake, 1)
    assert readable(lake) == {number: before[number] for number in (1, 4)}
    pruned(lake, 0)
    assert readable(lake) == {1: before[1]}
    held = lake.releases.pointer().held
    assert held is not None
    assert held.reason == "all the others are wrong"


def test_keeping_more_than_there_is_deletes_nothing(lake: Lake) -> None:
    replaced(lake, 2)
    pointer = lake.store.read("current")
    assert pruned(lake, 100) == Pruned((), (), 0, 0, 0)
    assert lake.store.read("current") == pointer


def test_a_negative_number_to_keep_is_refused(lake: Lake) -> None:
    replaced(lake, 2)
    with pytest.raises(UsageError):
        pruned(lake, -1)
    assert lake.releases.numbers() == [1, 2]


def test_an_empty_lake_has_nothing_to_prune(lake: Lake) -> None:
    assert pruned(lake, 3) == Pruned((), (), 0, 0, 0)


def test_delete_files_of_kept_releases_stay(lake: Lake) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT range AS a FROM range(100)")
    lake.publish("DELETE FROM marts.t WHERE a < 10")
    lake.publish("DELETE FROM marts.t WHERE a < 20")
    pruned(lake, 1)
    assert lake.read("SELECT count(*) FROM marts.t") == [(80,)]
    assert healthy(lake)


def test_files_that_only_ended_rows_of_a_kept_catalog_name_stay_as_well(lake: Lake) -> None:
    version = lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a").snapshot
    lake.publish("CREATE OR REPLACE TABLE marts.t AS SELECT 2 AS a")
    named = files_of(lake.con, lake.store.url(catalog_key(2)))
    assert len(named) == 2, "the short history of release 2 still names the file of release 1"
    pruned(lake, 1)
    assert named == lake.data_files()
    assert lake.read(f"FROM marts.t AT (VERSION => {version})") == [(1,)]


def test_a_kept_branch_keeps_its_data_and_the_others_go(lake: Lake) -> None:
    replaced(lake, 1)
    for run in ("kept", "dead"):
        branch = lake.branch(f"CREATE TABLE marts.{run} AS SELECT 7 AS a", run=run)
        branches.close_branch(branch, lake.con)
    done = pruned(lake, 1, branches=("kept", "unknown"))
    assert done.branches == ("dead",)
    assert done.files == 1
    assert branches.branches(lake.store) == ["kept"]
    assert lake.look(branches.branch_of(lake.store, "kept"), "FROM marts.kept") == [(7,)]


def test_a_kept_branch_of_a_run_that_was_killed_keeps_both_its_states(lake: Lake) -> None:
    branch = lake.branch("CREATE TABLE marts.t AS SELECT 1 AS a", run="killed")
    branches.close_branch(branch, lake.con)
    code = """
import os, signal
from pathlib import Path
from headgate.lake.branch import branch_of, open_branch
from headgate.lake.engine import connect
from headgate.lake.store import LocalStore
branch = branch_of(LocalStore(Path(ARGS[0])), "killed")
con = connect()
open_branch(branch, con)
con.execute("CREATE OR REPLACE TABLE lake.marts.t AS SELECT 2 AS a")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert python(code, lake.store.location, check=False).returncode == -9
    pruned(lake, 1, branches=("killed",))
    assert lake.look(branch, "FROM marts.t") == [(2,)], "as it was when it was killed"
    branches.open_branch(branch, lake.con)
    assert lake.con.execute("FROM lake.marts.t").fetchall() == [(1,)], "as the next step finds it"


@pytest.mark.usefixtures("squashing")
def test_data_waits_for_its_readers_before_it_goes(lake: Lake) -> None:
    replaced(lake, 4)
    files = lake.data_files()
    done = pruned(lake, 1, grace=3600)
    assert (done.releases, done.files, done.waiting) == ((1, 2, 3), 0, 2)
    assert lake.releases.numbers() == [4]
    assert lake.data_files() == files
    assert pruned(lake, 1, grace=3600).waiting == 2
    done = pruned(lake, 1, grace=0)
    assert (done.files, done.waiting) == (2, 0)
    assert json.loads((lake.store.workdir / "prune.json").read_text()) == {}, "the record does not grow"
    assert GRACE_SECONDS >= 3600


def test_what_dead_runs_left_does_not_wait(lake: Lake) -> None:
    replaced(lake, 1)
    lake.branch("CREATE TABLE marts.never AS SELECT 1 AS a", run="dead")
    lake.detach()
    assert pruned(lake, 1, grace=3600).files == 1


def test_numbers_that_were_never_published_go_and_are_not_used_again(lake: Lake) -> None:
    replaced(lake, 1)
    for key in (catalog_key(2), catalog_key(3), manifest_key(3)):
        lake.store.create(key, lake.store.read(key.replace("00002", "00001").replace("00003", "00001")))
    assert pruned(lake, 5).releases == (2, 3)
    assert {n for n, _ in lake.releases.listed()} == {1}
    replaced(lake, 1)
    assert lake.releases.numbers() == [1, 4]
    assert healthy(lake)


def test_a_release_that_is_being_pruned_cannot_be_rolled_back_to(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(lake, 2)
    really = LocalStore.delete
    tried: list[str] = []

    def delete(self: LocalStore, key: str) -> None:
        if not tried:
            tried.append(key)
            with pytest.raises(NoReleaseError):
                Releases(self).rollback(1, reason="too late")
        really(self, key)

    monkeypatch.setattr(LocalStore, "delete", delete)
    pruned(lake, 1)
    assert tried
    assert lake.releases.pointer().release == 2


def test_a_rollback_in_the_middle_of_choosing_stops_the_pruning(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(lake, 3)
    really = Releases.numbers

    def numbers(self: Releases) -> list[int]:
        monkeypatch.undo()
        found = really(self)
        self.rollback(1, reason="just in time")
        return found

    monkeypatch.setattr(Releases, "numbers", numbers)
    with pytest.raises(PublishRefusedError):
        pruned(lake, 1)
    assert set(readable(lake)) == {1, 2, 3}
    pruned(lake, 1)
    assert set(readable(lake)) == {1, 3}


@pytest.mark.parametrize("content", [b"damaged", b""])
def test_nothing_is_deleted_while_a_kept_catalog_cannot_be_read(lake: Lake, content: bytes) -> None:
    replaced(lake, 3)
    catalog = Path(lake.store.url(catalog_key(2)))
    catalog.chmod(0o644)
    catalog.write_bytes(content)
    before = {entry.key for entry in lake.store.list("data")} | {entry.key for entry in lake.store.list("releases")}
    with pytest.raises(CorruptError):
        pruned(lake, 2)
    after = {entry.key for entry in lake.store.list("data")} | {entry.key for entry in lake.store.list("releases")}
    assert after == before
    assert pruned(lake, 1).releases == (1, 2), "what goes need not be readable"
    assert set(readable(lake)) == {3}


@pytest.mark.parametrize("content", ["{", "[]", '{"a": "b"}', "7"])
def test_a_damaged_record_of_what_waits_is_told(lake: Lake, content: str) -> None:
    replaced(lake, 2)
    lake.store.workdir.mkdir(exist_ok=True)
    (lake.store.workdir / "prune.json").write_text(content)
    files = lake.data_files()
    with pytest.raises(CorruptError, match="record of what waits") as told:
        pruned(lake, 1)
    assert "delete it" in (told.value.hint or "")
    assert lake.data_files() == files


def test_a_database_that_is_no_lake_cannot_be_asked_for_its_files(con: Connection, tmp_path: Path) -> None:
    con.execute(f"ATTACH '{tmp_path}/other.db' AS other")
    con.execute("DETACH other")
    with pytest.raises(CorruptError):
        files_of(con, str(tmp_path / "other.db"))
    with pytest.raises(CorruptError):
        files_of(con, str(tmp_path / "missing.db"))


# Killed ---------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


def killing(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Die instead of the call after the next ``after`` ones that change a file's name."""
    left = [after]
    for name in ("replace", "unlink", "link"):
        really = getattr(os, name)

        def call(*args: object, really: object = really, **kwargs: object) -> object:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            assert callable(really)
            return really(*args, **kwargs)

        monkeypatch.setattr(os, name, call)


@pytest.fixture
def worn(lake: Lake, squashing: None) -> Lake:
    """A lake with something of everything that is pruned."""
    replaced(lake, 4)
    branches.close_branch(lake.branch("CREATE TABLE marts.never AS SELECT 1 AS a", run="dead"), lake.con)
    lake.store.create(catalog_key(5), b"left by a publisher that died")
    return lake


def copied(lake: Lake, to: Path) -> Lake:
    return Lake(LocalStore(Path(shutil.copytree(lake.store.location, to))), lake.con)


def finish(lake: Lake, before: dict[int, object], step: int) -> None:
    """What must hold after a pruning to one release that was killed, and after the one that follows it."""
    after = readable(lake)
    assert max(before) in after
    assert all(before[number] == read for number, read in after.items()), f"killed at call {step}"
    assert healthy(lake), f"killed at call {step}"
    pruned(lake, 2)
    assert set(readable(lake)) == set(sorted(after)[-2:]), f"killed at call {step}"
    pruned(lake, 1)
    assert readable(lake) == {max(before): before[max(before)]}
    assert lake.data_files() == files_of(lake.con, lake.store.url(catalog_key(max(before))))
    assert branches.branches(lake.store) == []


@pytest.mark.slow
def test_pruning_that_is_killed_somewhere_is_finished_by_the_next(worn: Lake, tmp_path: Path) -> None:
    before = readable(worn)
    step = 1
    died = True
    while died:
        lake = copied(worn, tmp_path / f"copy-{step}")
        with pytest.MonkeyPatch.context() as patch:
            killing(patch, step)
            try:
                pruned(lake, 1)
                died = False
            except Killed:
                died = True
        finish(lake, dict(before), step)
        step += 4
    assert step > 10


PRUNING = """
import os, signal
from pathlib import Path
from headgate.lake.engine import connect
from headgate.lake.prune import prune
from headgate.lake.store import LocalStore
con = connect()
left = int(ARGS[1])
def dying(really):
    def call(*args, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return really(*args, **kwargs)
    return call
for name in ("replace", "unlink", "link", "fsync"):
    setattr(os, name, dying(getattr(os, name)))
prune(LocalStore(Path(ARGS[0])), con, keep=1, keep_branches=(), grace_seconds=0)
"""


@pytest.mark.slow
def test_pruning_whose_process_is_killed_anywhere_is_finished_by_the_next(worn: Lake, tmp_path: Path) -> None:
    before = readable(worn)
    step = 0
    code = -9
    while code == -9:
        lake = copied(worn, tmp_path / f"copy-{step}")
        code = python(PRUNING, lake.store.location, step, check=False).returncode
        assert code in (0, -9)
        finish(lake, dict(before), step)
        step += 1
    assert step > 10


ACTIONS = st.lists(
    st.sampled_from(
        ["publish", "publish", "append", "delete", "rollback", "resume", "prune 0", "prune 1", "prune 2", "die"]
    ),
    max_size=5,
)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS, choice=st.randoms(use_true_random=False))
def test_whatever_happens_every_listed_release_reads_as_it_was_published(
    lake: Lake, actions: list[str], choice: object
) -> None:
    import random

    assert isinstance(choice, random.Random)
    if lake.releases.pointer().release is None:
        replaced(lake, 1)
    sql = "SELECT (SELECT sum(a) FROM marts.t), (SELECT count(*) FROM marts.log)"
    truth = readable(lake)
    for action in actions:
        if action == "publish":
            replaced(lake, 1)
        elif action == "append":
            lake.publish("INSERT INTO marts.log VALUES (1)")
        elif action == "delete":
            lake.publish("DELETE FROM marts.log WHERE a = 0", "UPDATE marts.t SET a = a + 1")
        elif action == "rollback":
            lake.releases.rollback(choice.choice(lake.releases.numbers()), reason="")
        elif action == "resume":
            lake.releases.resume()
        elif action == "die":
            lake.branch("INSERT INTO marts.log VALUES (1)", run="dead")
            lake.detach()
        else:
            pruned(lake, int(action[-1]), grace=choice.choice([0, 3600]))
        served = lake.releases.pointer().release
        assert served in lake.releases.numbers()
        truth.setdefault(served or 0, lake.read(sql))
        assert readable(lake) == {number: truth[number] for number in lake.releases.numbers()}
    assert healthy(lake)


def test_a_release_whose_catalog_is_lost_can_be_pruned(lake: Lake) -> None:
    replaced(lake, 2)
    lake.store.delete(catalog_key(1))
    assert pruned(lake, 1).releases == (1,)
    assert set(readable(lake)) == {2}


def on_days(lake: Lake, *days: str) -> None:
    """Releases that were published then."""
    for number, day in enumerate(days):
        lake.publish(f"CREATE OR REPLACE TABLE marts.t AS SELECT {number} AS a", published_at=day)


@pytest.mark.slow
def test_the_last_release_of_each_of_the_newest_days_stays_too(lake: Lake) -> None:
    on_days(
        lake,
        "2026-11-01T10:00:00.000+00:00",  # 1
        "2026-11-03T10:00:00.000+00:00",
        "2026-11-03T23:59:59.999+00:00",  # 3: the next day has none, and does not count
        "2026-11-06T00:30:00.000+01:00",  # 4: still the 5th in UTC
        "2026-11-06T00:00:00.000+00:00",
        "2026-11-06T20:00:00.000+00:00",
        "2026-11-06T21:00:00.000+00:00",  # 7
    )
    pruned_days = {days: _kept(lake, 1, days) for days in (5, 3, 1, 0)}
    assert pruned_days == {5: [1, 3, 4, 7], 3: [3, 4, 7], 1: [7], 0: [7]}
    assert healthy(lake)


def _kept(lake: Lake, keep: int, days: int) -> list[int]:
    prune(lake.store, lake.con, keep=keep, keep_daily=days, keep_branches=(), grace_seconds=0)
    return lake.releases.numbers()


def test_a_day_that_a_damaged_manifest_hides_deletes_nothing(lake: Lake) -> None:
    on_days(lake, "2026-11-01T10:00:00+00:00", "2026-11-02T10:00:00+00:00", "2026-11-03T10:00:00+00:00")
    path = Path(lake.store.url(manifest_key(2)))
    path.chmod(0o644)
    path.write_text("{")
    files = lake.data_files()
    with pytest.raises(CorruptError):
        prune(lake.store, lake.con, keep=1, keep_daily=3, keep_branches=(), grace_seconds=0)
    assert lake.releases.numbers() == [1, 2, 3]
    assert lake.data_files() == files
    with pytest.raises(UsageError):
        prune(lake.store, lake.con, keep=1, keep_daily=-1, keep_branches=())
