"""What every Store must do, whatever it keeps its objects in."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import CouldNotRunError, LakeError
from headgate.lake import store as stores
from headgate.lake.s3 import S3Store
from headgate.lake.store import ExistsError, LocalStore, MissingError, MovedError, Store
from lake_maker import python, start

Maker = Callable[[Path], Store]


def local(request: pytest.FixtureRequest) -> tuple[Maker, str]:
    opening = "from headgate.lake.store import LocalStore; STORE = LocalStore(Path(ARGS[0]) / 'lake')"
    return lambda folder: LocalStore(folder / "lake"), opening


def s3(request: pytest.FixtureRequest) -> tuple[Maker, str]:
    return _s3(request.getfixturevalue("bucket"))


def seaweedfs(request: pytest.FixtureRequest) -> tuple[Maker, str]:
    return _s3(request.getfixturevalue("seaweedfs_bucket"))


def _s3(bucket: str) -> tuple[Maker, str]:
    location = f"s3://{bucket}/deep/prefix"
    opening = f"from headgate.lake.s3 import S3Store; STORE = S3Store({location!r}, Path(ARGS[0]) / 'work')"
    return lambda folder: S3Store(location, folder / "work"), opening


@pytest.fixture(params=[local, s3, pytest.param(seaweedfs, marks=pytest.mark.slow)], ids=["local", "s3", "seaweedfs"])
def maker(request: pytest.FixtureRequest) -> tuple[Maker, str]:
    """An implementation, and the text by which a process of its own opens the same store."""
    made: tuple[Maker, str] = request.param(request)
    return made


@pytest.fixture
def store(maker: tuple[Maker, str], tmp_path: Path) -> Store:
    return maker[0](tmp_path)


@pytest.fixture
def opening(maker: tuple[Maker, str]) -> str:
    return "from pathlib import Path\n" + maker[1] + "\n"


def keys(store: Store, prefix: str) -> set[str]:
    return {entry.key for entry in store.list(prefix)}


def test_what_was_created_is_read_back(store: Store) -> None:
    store.create("releases/000001.json", b"one")
    assert store.read("releases/000001.json") == b"one"


def test_a_file_is_created_with_its_content(store: Store, tmp_path: Path) -> None:
    (tmp_path / "frozen").write_bytes(b"catalog")
    store.create("releases/000001.ducklake", tmp_path / "frozen")
    (tmp_path / "frozen").unlink()
    assert store.read("releases/000001.ducklake") == b"catalog"


def test_a_key_is_created_once_and_keeps_its_first_content(store: Store) -> None:
    store.create("a", b"first")
    with pytest.raises(ExistsError):
        store.create("a", b"second")
    assert store.read("a") == b"first"
    assert keys(store, "releases") == set()


def test_a_file_that_cannot_be_read_creates_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(CouldNotRunError):
        store.create("releases/000001.ducklake", tmp_path / "missing")
    assert keys(store, "releases") == set()
    store.create("releases/000001.ducklake", b"now")


def test_reading_and_fetching_what_is_not_there_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        store.read("releases/000009.json")
    with pytest.raises(MissingError):
        store.fetch("releases/000009.json", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_replace_makes_the_object_if_none_was_expected_and_none_is_there(store: Store) -> None:
    store.replace("current", b"1", expected=None)
    assert store.read("current") == b"1"


@pytest.mark.parametrize(("there", "expected"), [(b"1", None), (None, b"1"), (b"1", b"2"), (b"", None), (b"1", b"")])
def test_replace_refuses_when_something_else_is_there(
    store: Store, there: bytes | None, expected: bytes | None
) -> None:
    if there is not None:
        store.replace("current", there, expected=None)
    with pytest.raises(MovedError):
        store.replace("current", b"new", expected=expected)
    if there is None:
        with pytest.raises(MissingError):
            store.read("current")
    else:
        assert store.read("current") == there


def test_replace_goes_on_from_what_it_wrote(store: Store) -> None:
    content = None
    for number in range(5):
        store.replace("current", str(number).encode(), expected=content)
        content = str(number).encode()
    assert store.read("current") == b"4"


def test_a_listing_gives_keys_sizes_and_times_below_a_folder_only(store: Store) -> None:
    store.create("data/raw/t/a.parquet", b"12345")
    store.create("data/raw/b.parquet", b"")
    store.create("database/c", b"other folder")
    found = {entry.key: entry for entry in store.list("data")}
    assert set(found) == {"data/raw/t/a.parquet", "data/raw/b.parquet"}
    assert found["data/raw/t/a.parquet"].bytes == 5
    assert found["data/raw/t/a.parquet"].modified > 1_700_000_000


def test_a_folder_that_is_not_there_lists_nothing(store: Store) -> None:
    assert keys(store, "releases") == set()


def test_a_deleted_object_is_gone_and_deleting_it_again_does_no_harm(store: Store) -> None:
    store.create("a", b"x")
    store.delete("a")
    store.delete("a")
    with pytest.raises(MissingError):
        store.read("a")


def test_fetch_makes_a_private_copy(store: Store, tmp_path: Path) -> None:
    store.create("a", b"x" * 100_000)
    store.fetch("a", tmp_path / "deep" / "copy")
    (tmp_path / "deep" / "copy").chmod(0o644)
    (tmp_path / "deep" / "copy").write_bytes(b"changed")
    assert store.read("a") == b"x" * 100_000


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".",
        "..",
        "/etc/passwd",
        "../outside",
        "a/../../b",
        "a/..",
        "a//b",
        "a/",
        "./a",
        "a\x00b",
        ".hidden",
        "a/.b",
        "x.tmp",
    ],
)
def test_a_key_that_leaves_the_lake_or_hides_in_it_is_refused(store: Store, tmp_path: Path, key: str) -> None:
    for attempt in (
        lambda: store.read(key),
        lambda: store.create(key, b""),
        lambda: store.replace(key, b"", expected=None),
        lambda: store.delete(key),
        lambda: store.fetch(key, tmp_path / "copy"),
        lambda: list(store.list(key)),
        lambda: store.url(key),
    ):
        with pytest.raises(LakeError, match="not a key"):
            attempt()
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    "key", ['"; drop table', "it's", "a b", "naïve-日本", "i=1", "x" * 200, "-rf", "$HOME", "\\", "a%20b", "#", "?x=1"]
)
def test_an_unusual_key_is_kept_as_it_is(request: pytest.FixtureRequest, store: Store, key: str) -> None:
    if key == "\\" and "seaweedfs" in request.node.callspec.id:
        pytest.xfail("SeaweedFS takes a backslash for a slash")
    store.create(f"data/{key}", b"x")
    assert keys(store, "data") == {f"data/{key}"}
    store.delete(f"data/{key}")
    assert keys(store, "data") == set()


def test_a_key_too_long_for_the_store_is_an_error_of_ours(store: Store, tmp_path: Path) -> None:
    for attempt in (
        lambda: store.create("x" * 5000, b""),
        lambda: store.read("x" * 5000),
        lambda: store.fetch("x" * 5000, tmp_path / "copy"),
        lambda: store.replace("x" * 5000, b"", expected=None),
    ):
        with pytest.raises(CouldNotRunError):
            attempt()


RACE = """
import sys
sys.stdin.readline()
from headgate.lake import store as stores
from headgate.lake.store import ExistsError, MovedError
won = 0
for i in range(40):
    try:
        {attempt}
        won += 1
    except (ExistsError, MovedError):
        pass
print(won)
"""


def race(opening: str, attempt: str, folder: Path) -> list[int]:
    """Let two processes do the same at the same time; how often each of them won."""
    racers = [start(opening + RACE.format(attempt=attempt), folder, name) for name in ("A", "B")]
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outputs = [racer.communicate(timeout=60) for racer in racers]
    assert all(racer.returncode == 0 for racer in racers), outputs
    return [int(out) for out, _ in outputs]


def test_of_two_processes_that_create_a_key_exactly_one_wins(store: Store, opening: str, tmp_path: Path) -> None:
    won = race(opening, "STORE.create(f'races/{i}', ARGS[1].encode() * 1000)", tmp_path)
    assert sum(won) == 40
    contents = [store.read(f"races/{i}") for i in range(40)]
    assert [contents.count(name * 1000) for name in (b"A", b"B")] == won


def test_of_two_processes_that_replace_the_same_content_exactly_one_wins(
    store: Store, opening: str, tmp_path: Path
) -> None:
    store.replace("current", b"0", expected=None)
    attempt = """
        before = STORE.read("current")
        STORE.replace("current", str(int(before) + 1).encode(), expected=before)"""
    won = race(opening, attempt, tmp_path)
    assert int(store.read("current")) == sum(won), "an update was lost"


def test_a_reader_never_sees_a_pointer_half_written(store: Store, opening: str, tmp_path: Path) -> None:
    store.replace("current", b"0" * 50_000, expected=None)
    writer = start(
        opening
        + RACE.format(
            attempt="STORE.replace('current', str(i % 10).encode() * 50_000, expected=STORE.read('current'))"
        ),
        tmp_path,
    )
    assert writer.stdin
    writer.stdin.write("go\n")
    writer.stdin.flush()
    while writer.poll() is None:
        content = store.read("current")
        assert len(content) == 50_000
        assert len(set(content)) == 1
    assert writer.communicate()[0].strip() == "40"


def test_what_a_killed_writer_left_is_no_object_and_is_swept(tmp_path: Path) -> None:
    opening = "from pathlib import Path\nfrom headgate.lake.store import LocalStore\n"
    opening += "STORE = LocalStore(Path(ARGS[0]) / 'lake')\n"
    store = LocalStore(tmp_path / "lake")
    code = """
import os, signal
os.link = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
STORE.create("releases/000001.json", b"never")
"""
    assert python(opening + code, tmp_path, check=False).returncode == -9
    assert keys(store, "releases") == set()
    store.sweep(older_than_seconds=3600)
    assert any((tmp_path / "lake/releases").iterdir()), "it may still be at work"
    store.sweep(older_than_seconds=0)
    assert not any((tmp_path / "lake/releases").iterdir())
    store.create("releases/000001.json", b"now")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_told_with_a_hint_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path / "small")], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        store = LocalStore(tmp_path / "small" / "lake")
        store.replace("current", b"1", expected=None)
        (tmp_path / "frozen").write_bytes(b"x" * 2_000_000)
        attempts: list[Callable[[], None]] = [
            lambda: store.create("releases/000001.ducklake", b"x" * 2_000_000),
            lambda: store.create("releases/000001.ducklake", tmp_path / "frozen"),
            lambda: store.replace("current", b"x" * 2_000_000, expected=b"1"),
        ]
        for attempt in attempts:
            with pytest.raises(CouldNotRunError) as told:
                attempt()
            assert told.value.hint is not None
            assert "free some space" in told.value.hint
        assert store.read("current") == b"1"
        assert keys(store, "releases") == set()
        store.create("releases/000001.json", b"fits")
        (tmp_path / "from").mkdir()
        other = LocalStore(tmp_path / "from")
        other.create("big", tmp_path / "frozen")
        with pytest.raises(CouldNotRunError):
            other.fetch("big", tmp_path / "small" / "copy")
        assert not [path for path in (tmp_path / "small").iterdir() if path.is_file()]
    finally:
        subprocess.run(["umount", str(tmp_path / "small")], check=True)


def test_a_file_size_limit_is_told_as_a_full_disk(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "lake")
    code = """
import resource
from pathlib import Path
from headgate.lake.store import LocalStore
STORE = LocalStore(Path(ARGS[0]) / 'lake')
from headgate.errors import CouldNotRunError
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    STORE.create("releases/000001.ducklake", b"x" * 100_000)
except CouldNotRunError as error:
    print(error.exit_code, error.hint)
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert python(code, tmp_path).stdout.startswith("3 free some space")
    assert keys(store, "releases") == set()


class TestLocal:
    """What only a folder has."""

    def test_a_line_break_in_a_key_is_kept(self, tmp_path: Path) -> None:
        store = LocalStore(tmp_path / "lake")
        store.create("data/a\nb", b"x")
        assert keys(store, "data") == {"data/a\nb"}

    def test_objects_cannot_be_written_to_by_mistake(self, tmp_path: Path) -> None:
        store = LocalStore(tmp_path)
        store.create("a", b"x")
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o444

    def test_a_file_on_another_disk_is_copied(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(self: Path, target: Path) -> None:
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        monkeypatch.setattr(Path, "hardlink_to", refuse)
        (tmp_path / "frozen").write_bytes(b"catalog")
        store = LocalStore(tmp_path / "lake")
        store.create("releases/000001.ducklake", tmp_path / "frozen")
        (tmp_path / "frozen").write_bytes(b"changed")
        assert store.read("releases/000001.ducklake") == b"catalog"

    def test_everything_is_on_the_disk_before_create_and_replace_return(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[str] = []
        calls = ("fsync", "fdatasync", "link", "replace")
        really: dict[str, Callable[..., object]] = {name: getattr(os, name) for name in calls}

        def note(name: str) -> Callable[..., object]:
            def call(*args: Any, **kwargs: Any) -> object:
                what = str(Path(f"/proc/self/fd/{args[0]}").readlink() if "sync" in name else args[1])
                done.append(f"{name.replace('fdata', 'f')} {Path(what).name.removeprefix('.').split('.')[0]}")
                return really[name](*args, **kwargs)

            return call

        for name in really:
            monkeypatch.setattr(os, name, note(name))
        monkeypatch.setattr(stores, "_sync_content", os.fdatasync)
        store = LocalStore(tmp_path / "lake")
        (tmp_path / "lake").mkdir()
        store.create("object", b"x")
        assert done == ["fsync object", "link object", "fsync lake"]
        done.clear()
        store.replace("current", b"x", expected=None)
        assert done == ["fsync current", "replace current", "fsync lake"]
        done.clear()
        store.create("new/object", b"x")
        assert done[0] == "fsync lake", "the new folder's name"

    def test_a_folder_that_cannot_be_read_does_not_look_empty(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = LocalStore(tmp_path)
        store.create("releases/000001.json", b"x")

        def deny(path: object) -> object:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

        monkeypatch.setattr(os, "scandir", deny)
        with pytest.raises(CouldNotRunError, match="cannot be read"):
            list(store.list("releases"))

    def test_an_object_that_vanishes_while_it_is_listed_is_left_out(self, tmp_path: Path) -> None:
        store = LocalStore(tmp_path)
        for number in range(3):
            store.create(f"data/{number}", b"x")
        found = store.list("data")
        first = next(found).key
        for number in range(3):
            store.delete(f"data/{number}")
        assert [first, *(entry.key for entry in found)] == [first]

    def test_hidden_folders_hold_no_objects(self, tmp_path: Path) -> None:
        (tmp_path / "data" / ".snapshots").mkdir(parents=True)
        (tmp_path / "data" / ".snapshots" / "a.parquet").write_bytes(b"")
        assert list(LocalStore(tmp_path).list("data")) == []

    def test_a_place_that_is_a_file_is_an_error_of_ours(self, tmp_path: Path) -> None:
        (tmp_path / "lake").write_text("not a folder")
        store = LocalStore(tmp_path / "lake")
        for attempt in (
            lambda: store.create("a", b""),
            lambda: store.replace("current", b"", expected=None),
            lambda: store.read("a"),
        ):
            with pytest.raises(CouldNotRunError):
                attempt()
        assert list(store.list("releases")) == []
