"""Numbers, manifests and the pointer. No test here needs DuckDB: a catalog is any file."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import CorruptError, ExitCode, NoReleaseError, PublishRefusedError
from headgate.lake.release import NO_RELEASE, Manifest, Releases, catalog_key, manifest_key
from headgate.lake.store import LocalStore
from lake_maker import python
from publisher import DRAFT, Publisher


@pytest.fixture
def lake(store: LocalStore) -> Publisher:
    return Publisher(store)


def test_a_new_lake_serves_nothing(lake: Publisher) -> None:
    assert lake.releases.pointer() == NO_RELEASE
    assert lake.releases.numbers() == []
    assert lake.releases.current() is None
    assert list(lake.releases.manifests()) == []


def test_releases_are_numbered_from_one_and_the_newest_is_served(lake: Publisher) -> None:
    assert [lake.publish() for _ in range(3)] == [1, 2, 3]
    assert lake.releases.numbers() == [1, 2, 3]
    assert lake.releases.pointer().release == 3
    current = lake.releases.current()
    assert current is not None
    assert (current.release, current.parent) == (3, 2)
    assert [m.release for m in lake.releases.manifests()] == [1, 2, 3]


def test_the_pointer_is_the_only_object_that_ever_changes(lake: Publisher) -> None:
    lake.publish(b"one")
    before = {e.key: lake.store.read(e.key) for e in lake.store.list("releases")}
    lake.publish(b"two")
    lake.releases.rollback(1, reason="bad data")
    lake.releases.resume()
    assert {key: lake.store.read(key) for key in before} == before


def test_the_order_is_catalog_then_manifest_then_pointer(lake: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.publish()
    written: list[str] = []
    for name in ("create", "replace"):
        really = getattr(LocalStore, name)

        def note(self: LocalStore, key: str, *args: Any, really: Any = really, **kwargs: Any) -> None:
            written.append(key)
            really(self, key, *args, **kwargs)

        monkeypatch.setattr(LocalStore, name, note)
    lake.publish()
    assert written == ["releases/000002.ducklake", "releases/000002.json", "current"]


def test_a_manifest_is_stored_as_it_was_given(lake: Publisher) -> None:
    tables = {"marts.t": {"schema": "marts", "rows": 3, "min": None, "ü": [1.5, True, "x\n"]}}
    lake.publish(tables=tables, git={"dirty": True}, expectations={"total": 56})
    manifest = lake.releases.manifest(1)
    assert manifest.tables == tables
    assert manifest.git == {"dirty": True}
    assert manifest.rows() == {"marts.t": 3}
    stored = json.loads(lake.store.read(manifest_key(1)))
    assert stored == asdict(manifest)
    assert stored["format"] == 1


def test_rows_are_those_of_the_last_layer(lake: Publisher) -> None:
    assert replace(DRAFT, tables={"raw.t": {"schema": "raw", "rows": 9}}).rows() == {}
    assert replace(DRAFT, layers=[], tables={"raw.t": {"schema": "raw", "rows": 9}}).rows() == {}


def test_publishing_is_refused_when_somebody_else_published_meanwhile(lake: Publisher) -> None:
    base = lake.releases.pointer()
    lake.publish(b"theirs")
    with pytest.raises(PublishRefusedError) as told:
        lake.publish(b"ours", base)
    assert (told.value.expected, told.value.found) == (None, 1)
    assert told.value.exit_code == ExitCode.COULD_NOT_RUN
    assert lake.releases.numbers() == [1]
    assert lake.store.read(catalog_key(1)) == b"theirs"


def test_publishing_is_refused_when_the_pointer_moved_and_came_back(lake: Publisher) -> None:
    lake.publish()
    lake.publish()
    lake.releases.rollback(1, reason="to one")
    base = lake.releases.pointer()
    assert base.release == 1
    lake.releases.rollback(2, reason="to two")
    lake.releases.rollback(1, reason="and back to one")
    with pytest.raises(PublishRefusedError):
        lake.publish(b"ours", base)
    assert lake.releases.numbers() == [1, 2]


def test_publishing_is_refused_when_the_lake_was_rolled_back_meanwhile(lake: Publisher) -> None:
    lake.publish()
    lake.publish()
    base = lake.releases.pointer()
    lake.releases.rollback(1, reason="bad data")
    with pytest.raises(PublishRefusedError):
        lake.publish(b"more of the bad data", base)
    assert lake.releases.pointer().release == 1


class Meddling(LocalStore):
    """A store in which something happens right before a key is written."""

    def __init__(self, folder: Path, key: str, meddle: Any) -> None:
        super().__init__(folder)
        self.key, self.meddle = key, meddle

    def _now(self, key: str) -> None:
        if key == self.key and self.meddle:
            meddle, self.meddle = self.meddle, None
            meddle()

    def create(self, key: str, content: bytes | Path) -> None:
        self._now(key)
        super().create(key, content)

    def replace(self, key: str, content: bytes, *, expected: bytes | None) -> None:
        self._now(key)
        super().replace(key, content, expected=expected)


@pytest.mark.parametrize("key", ["releases/000002.ducklake", "releases/000002.json", "current"])
def test_a_rival_at_any_moment_of_publishing_is_never_overwritten(lake: Publisher, key: str) -> None:
    lake.publish(b"first")
    ours = Publisher(Meddling(Path(lake.store.location), key, lambda: lake.publish(b"theirs")))
    with pytest.raises(PublishRefusedError):
        ours.publish(b"ours")
    served = lake.releases.pointer().release
    assert served is not None
    assert lake.releases.numbers() == [1, served]
    assert lake.store.read(catalog_key(served)) == b"theirs"
    lake.releases.verify(served)
    after = lake.publish(b"next")
    assert after > max(served, 2)
    assert lake.releases.numbers() == [1, served, after]
    for number in lake.releases.numbers():
        lake.releases.verify(number)


def test_two_first_publishers_do_not_lose_one_another(lake: Publisher) -> None:
    ours = Publisher(Meddling(Path(lake.store.location), "current", lambda: lake.publish(b"theirs")))
    with pytest.raises(PublishRefusedError):
        ours.publish(b"ours")
    served = lake.releases.pointer().release
    assert served is not None
    assert lake.releases.numbers() == [served]
    assert lake.store.read(catalog_key(served)) == b"theirs"


def test_a_rollback_that_meets_a_publish_is_refused(lake: Publisher) -> None:
    lake.publish()
    lake.publish()
    ours = Publisher(Meddling(Path(lake.store.location), "current", lambda: lake.publish(b"theirs")))
    with pytest.raises(PublishRefusedError):
        ours.releases.rollback(1, reason="late")
    assert lake.releases.pointer().release == 3


def test_a_rollback_serves_the_old_release_and_holds_the_lake_until_resumed(lake: Publisher) -> None:
    lake.publish()
    lake.publish()
    lake.releases.rollback(1, reason="2 is wrong")
    pointer = lake.releases.pointer()
    assert pointer.release == 1
    assert pointer.held is not None
    assert pointer.held.reason == "2 is wrong"
    assert pointer.held.since
    assert lake.releases.numbers() == [1, 2], "nothing is thrown away"
    assert lake.releases.resume() is True
    assert lake.releases.pointer().held is None
    assert lake.releases.pointer().release == 1
    assert lake.releases.resume() is False


def test_a_release_after_a_rollback_has_a_new_number_and_the_old_parent(lake: Publisher) -> None:
    for _ in range(3):
        lake.publish()
    lake.releases.rollback(1, reason="")
    lake.releases.resume()
    assert lake.publish() == 4
    assert lake.releases.manifest(4).parent == 1
    lake.releases.rollback(3, reason="")
    assert lake.publish(base=lake.releases.pointer()) == 5
    assert lake.releases.pointer().held is None
    assert lake.releases.numbers() == [1, 2, 3, 4, 5]


def test_one_cannot_roll_back_to_what_is_no_release(lake: Publisher) -> None:
    lake.publish()
    before = lake.store.read("current")
    for number in (0, -1, 2, 10**9):
        with pytest.raises(NoReleaseError) as told:
            lake.releases.rollback(number, reason="")
        assert told.value.exit_code == ExitCode.USAGE
    assert lake.store.read("current") == before
    with pytest.raises(NoReleaseError, match="there is no release 12") as told:
        lake.releases.manifest(12)
    assert told.value.hint == "did you mean '1'?"


def test_one_cannot_roll_back_to_a_release_that_is_damaged(lake: Publisher) -> None:
    lake.publish(b"one")
    lake.publish(b"two")
    lake.overwrite(catalog_key(1), b"onE")
    with pytest.raises(CorruptError, match="not the one that was published"):
        lake.releases.rollback(1, reason="")
    Path(lake.store.url(catalog_key(1))).unlink()
    with pytest.raises(CorruptError, match="is gone"):
        lake.releases.rollback(1, reason="")
    assert lake.releases.pointer().release == 2
    lake.releases.verify(2)


def test_a_pruned_number_is_never_used_again(lake: Publisher) -> None:
    lake.publish()
    lake.publish()
    lake.releases.rollback(1, reason="")
    lake.releases.resume()
    for key in (manifest_key(2), catalog_key(2)):
        lake.store.delete(key)
    assert lake.releases.numbers() == [1]
    assert lake.publish() == 3


# A publisher that dies ------------------------------------------------------------------------------------------

DYING = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, ARGS[0])
from publisher import Publisher
from headgate.lake import store as stores
from headgate.lake.store import LocalStore
left = int(ARGS[2])
def dying(really):
    def call(*args, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return really(*args, **kwargs)
    return call
for name in ("fsync", "link", "replace", "unlink", "mkdir", "chmod"):
    setattr(os, name, dying(getattr(os, name)))
stores._sync_content = dying(stores._sync_content)
Publisher(LocalStore(Path(ARGS[1]))).publish(b"of the dying")
"""


def die(lake: Publisher, after: int) -> bool:
    """Publish in a process that is killed after so many calls of the operating system; False if it got through."""
    done = python(DYING, Path(__file__).parents[1], lake.store.location, after, check=False)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


@pytest.mark.slow
@pytest.mark.parametrize("before", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_publisher_killed_at_any_call_leaves_either_the_old_release_or_the_new(tmp_path: Path, before: int) -> None:
    step = 0
    died = True
    while died:
        lake = Publisher(LocalStore(tmp_path / f"lake-{step}"))
        for number in range(before):
            lake.publish(f"release {number}".encode())
        died = die(lake, step)
        served = lake.releases.pointer().release or 0
        assert served in (before, before + 1), f"killed at call {step}"
        assert lake.releases.numbers() == [*range(1, served + 1)], f"killed at call {step}"
        for number in lake.releases.numbers():
            lake.releases.verify(number)
        used = {n for n, _ in lake.releases.listed()}
        if before + 1 in used and served == before:
            with pytest.raises(NoReleaseError):
                lake.releases.rollback(before + 1, reason="it was never published")
        following = lake.publish(b"the next run just works")
        assert following not in used, f"killed at call {step}: the number was used again"
        assert lake.releases.numbers() == [*range(1, served + 1), following]
        assert lake.releases.pointer().release == following
        step += 1
    assert step > 12, "the publisher was killed between any two of its operations"


def test_many_dead_publishers_leave_gaps_and_nothing_else(lake: Publisher) -> None:
    lake.publish()
    for key in ("releases/000002.ducklake", "releases/000003.ducklake", "releases/000003.json"):
        lake.store.create(key, lake.store.read(key.replace("000002", "000001").replace("000003", "000001")))
    assert lake.releases.numbers() == [1]
    assert lake.publish() == 4
    assert lake.releases.numbers() == [1, 4]
    assert lake.releases.pointer().abandoned == (2, 3)
    assert lake.publish() == 5
    assert lake.releases.numbers() == [1, 4, 5]


# Damage ---------------------------------------------------------------------------------------------------------

NO_POINTERS = [
    b"",
    b"\x00" * 100,
    b"{",
    b"[]",
    b"null",
    b"1",
    b"{}",
    b'"current"',
    b'{"release": 1}',
    b'{"release": "one", "nonce": "x", "highest": 1, "held": null, "abandoned": []}',
    b'{"release": 1, "nonce": "x", "highest": null, "held": null, "abandoned": []}',
    b'{"release": 1, "nonce": "x", "highest": 1, "held": 5, "abandoned": []}',
    b'{"release": 1, "nonce": "x", "highest": 1, "held": {"until": 1}, "abandoned": []}',
    b'{"release": 1, "nonce": "x", "highest": 1, "held": null, "abandoned": 7}',
    b"\xff\xfe{}",
]


@pytest.mark.parametrize("content", NO_POINTERS)
def test_a_damaged_pointer_stops_everything_but_a_rollback(lake: Publisher, content: bytes) -> None:
    lake.publish(b"one")
    base = lake.releases.pointer()
    lake.publish(b"two")
    lake.point_with(content)
    for attempt in (
        lake.releases.pointer,
        lake.releases.numbers,
        lake.releases.current,
        lake.releases.resume,
        lambda: lake.publish(base=base),
    ):
        with pytest.raises(CorruptError) as told:
            attempt()
        assert "headgate rollback" in (told.value.hint or "")
    assert lake.store.read("current") == content
    lake.releases.rollback(2, reason="the pointer was damaged")
    assert lake.releases.pointer().release == 2
    assert lake.releases.numbers() == [1, 2]
    assert lake.publish(base=lake.releases.pointer()) == 3


def test_a_lost_pointer_is_not_an_empty_lake(lake: Publisher) -> None:
    lake.publish(b"one")
    lake.publish(b"two")
    lake.store.delete("current")
    with pytest.raises(CorruptError, match="gone"):
        lake.releases.pointer()
    with pytest.raises(CorruptError, match="gone"):
        lake.publish(base=NO_RELEASE)
    lake.releases.rollback(1, reason="the pointer was lost")
    assert lake.releases.numbers() == [1, 2]


def test_a_rescued_lake_skips_numbers_without_a_manifest(lake: Publisher) -> None:
    lake.publish(b"one")
    lake.store.create(catalog_key(2), b"died")
    lake.publish(b"three")
    lake.point_with(b"")
    lake.releases.rollback(1, reason="")
    assert lake.releases.numbers() == [1, 3]
    assert lake.publish() == 4


NO_MANIFESTS: list[Any] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"7",
    b"\x00",
    {},
    {"format": 2, "new_in_2": 1},
    {"surprise": 1},
    {"tables": []},
    {"tables": None},
    {"layers": "raw"},
    {"catalog_sha256": None},
    {"release": "1"},
    {"release": 2},
    {"parent": "0"},
]


@pytest.mark.parametrize("change", NO_MANIFESTS)
def test_a_manifest_of_the_wrong_shape_is_corrupt_and_says_which(lake: Publisher, change: Any) -> None:
    lake.publish()
    good = json.loads(lake.store.read(manifest_key(1)))
    content = change if isinstance(change, bytes) else json.dumps(good | change if change else {}).encode()
    lake.overwrite(manifest_key(1), content)
    with pytest.raises(CorruptError) as told:
        lake.releases.manifest(1)
    assert told.value.where == "releases/000001.json"
    with pytest.raises(CorruptError):
        lake.releases.verify(1)


def test_a_missing_field_of_a_manifest_is_named(lake: Publisher) -> None:
    lake.publish()
    good = json.loads(lake.store.read(manifest_key(1)))
    del good["run"]
    with pytest.raises(CorruptError, match="'run'"):
        Manifest.parse(json.dumps(good).encode(), 1)


def test_other_files_in_the_folder_of_releases_are_no_releases(lake: Publisher) -> None:
    lake.publish()
    for name in ("notes.txt", "1.json", "000002.json.bak", "x000003.json", "000004.parquet", "-00001.json"):
        lake.store.create(f"releases/{name}", b"{}")
    assert lake.releases.numbers() == [1]
    assert lake.publish() == 2


def test_numbers_may_have_more_than_six_digits(lake: Publisher) -> None:
    lake.publish()
    lake.point_with(replace(lake.releases.pointer(), highest=999_998).encode())
    assert [lake.publish(), lake.publish(), lake.publish()] == [999_999, 1_000_000, 1_000_001]
    assert lake.releases.numbers() == [1, 999_999, 1_000_000, 1_000_001]
    lake.releases.verify(1_000_000)


def test_a_pointer_that_appears_while_one_looks_is_not_lost(lake: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    really = Releases.listed

    def listed(self: Releases) -> Any:
        monkeypatch.undo()
        lake.publish(b"the very first")
        return really(self)

    monkeypatch.setattr(Releases, "listed", listed)
    assert Releases(lake.store).pointer().release == 1


def test_withdrawing_is_refused_when_the_pointer_moved(lake: Publisher) -> None:
    lake.publish()
    base = lake.releases.pointer()
    lake.publish()
    with pytest.raises(PublishRefusedError):
        lake.releases.withdraw([1], base)
    assert lake.releases.numbers() == [1, 2]
