"""What only a lake in an object store has: lost answers, refusals, credentials, a cache, a lease."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from headgate.errors import (
    CorruptError,
    CouldNotRunError,
    HeadgateError,
    LakeError,
    LakeUnavailableError,
    LockHeldError,
    PublishRefusedError,
    UsageError,
)
from headgate.lake import branch as branches
from headgate.lake import lease, lock, s3, s3_access, stowing
from headgate.lake.catalog import read_contents
from headgate.lake.compaction import compact
from headgate.lake.diff import diff
from headgate.lake.doctor import examine
from headgate.lake.engine import Connection, EngineSettings, admit
from headgate.lake.lease import LEASE_SECONDS, Lease, live_run, locked
from headgate.lake.lock import Holder
from headgate.lake.opening import open_store
from headgate.lake.probing import probe
from headgate.lake.prune import prune
from headgate.lake.reading import query, reader
from headgate.lake.release import Releases, catalog_key
from headgate.lake.s3 import S3Store
from headgate.lake.store import ExistsError, LocalStore, MovedError
from lake_maker import Lake
from s3_proxy import Fault, Proxy
from s3_server import KEY_ID, SECRET, make_bucket


@pytest.fixture
def store(proxy: Proxy, bucket: str, tmp_path: Path) -> S3Store:
    return S3Store(f"s3://{bucket}/lakes/shop", tmp_path / "work")


@pytest.fixture
def lake(store: S3Store, con: Connection) -> Lake:
    admit(con, store.access())
    return Lake(store, con)


def told(error: BaseException) -> str:
    """All that somebody may read of an error, of those that it came from too."""
    text = ""
    cause: BaseException | None = error
    while isinstance(cause, HeadgateError):
        text, cause = f"{text}{cause}", cause.__cause__
    return text


class TestAnswers:
    """The store when S3 does not do what it should."""

    def test_a_create_whose_answer_was_lost_has_created(self, store: S3Store, proxy: Proxy) -> None:
        proxy.fail(Fault("PUT", "/000001.json", "lose", times=1))
        store.create("releases/000001.json", b"mine")
        assert store.read("releases/000001.json") == b"mine"
        with pytest.raises(ExistsError):
            store.create("releases/000001.json", b"mine")

    def test_a_replace_whose_answer_was_lost_has_replaced(self, store: S3Store, proxy: Proxy) -> None:
        store.replace("current", b"1", expected=None)
        proxy.fail(Fault("PUT", "/current", "lose", times=1))
        store.replace("current", b"2", expected=b"1")
        assert store.read("current") == b"2"
        with pytest.raises(MovedError):
            store.replace("current", b"2", expected=b"1")

    def test_a_put_that_gets_no_answer_at_all_looks_what_is_there(self, store: S3Store, proxy: Proxy) -> None:
        proxy.fail(Fault("PUT", "/current", "lose"))
        store.replace("current", b"1", expected=None)
        proxy.fail(Fault("PUT", "/current", "cut"))
        with pytest.raises(LakeUnavailableError) as away:
            store.replace("current", b"2", expected=b"1")
        assert away.value.retryable
        assert store.read("current") == b"1"

    def test_what_nobody_can_know_is_said(self, store: S3Store, proxy: Proxy) -> None:
        proxy.fail(Fault("PUT", "/current", "lose"), Fault("GET", "/current", "cut"))
        with pytest.raises(LakeUnavailableError, match="not known"):
            store.replace("current", b"1", expected=None)
        proxy.fail()
        assert store.read("current") == b"1"

    def test_somebody_elses_object_of_the_same_content_is_not_ones_own(self, store: S3Store, tmp_path: Path) -> None:
        store.create("a", b"the same")
        other = S3Store(store.location, tmp_path / "other")
        with pytest.raises(ExistsError):
            other.create("a", b"the same")

    @pytest.mark.parametrize("status", [500, 503])
    def test_a_server_that_stumbles_is_asked_again(self, store: S3Store, proxy: Proxy, status: int) -> None:
        proxy.fail(Fault("PUT", "/a", "answer", status, "SlowDown", times=1))
        store.create("a", b"x")
        proxy.fail(Fault("GET", "/a", "answer", status, "InternalError", times=1))
        assert store.read("a") == b"x"

    @pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (503, "SlowDown")])
    def test_a_server_that_is_down_is_told(self, store: S3Store, proxy: Proxy, status: int, code: str) -> None:
        proxy.fail(*(Fault(method, "lakes/shop", "answer", status, code) for method in ("GET", "PUT", "DELETE")))
        for attempt in attempts(store, list_too=False):
            with pytest.raises(LakeUnavailableError, match=rf"{store.location}/a: S3 answers {status} {code}"):
                attempt()

    @pytest.mark.parametrize("code", ["AccessDenied", "SignatureDoesNotMatch"])
    def test_a_refusal_names_the_object_and_shows_nothing_that_was_signed(
        self, store: S3Store, proxy: Proxy, code: str
    ) -> None:
        proxy.fail(*(Fault(method, "", "answer", 403, code) for method in ("GET", "PUT", "DELETE", "POST")))
        for attempt in attempts(store, list_too=True):
            with pytest.raises(CouldNotRunError, match=f"403 {code}") as refused:
                attempt()
            assert refused.value.where is not None
            assert refused.value.where.startswith(store.location)
            assert refused.value.hint is not None
            assert not any(word in told(refused.value) for word in (KEY_ID, SECRET, "AWS4"))

    def test_a_slow_server_is_waited_for(self, store: S3Store, proxy: Proxy) -> None:
        proxy.fail(Fault("PUT", "/a", "slow", seconds=0.3, times=1))
        store.create("a", b"x")
        assert store.read("a") == b"x"

    def test_a_bucket_that_is_not_there_is_told(self, store: S3Store, tmp_path: Path) -> None:
        nowhere = S3Store("s3://no-such-bucket-anywhere/lake", tmp_path / "work")
        for attempt in attempts(nowhere, list_too=True):
            with pytest.raises(CouldNotRunError, match="there is no bucket no-such-bucket-anywhere") as missing:
                attempt()
            assert "setting 'lake'" in str(missing.value.hint)
        with pytest.raises(CouldNotRunError, match="no bucket"):
            Releases(nowhere).pointer()

    def test_a_server_that_is_not_there_is_told(
        self, store: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        with pytest.raises(LakeUnavailableError, match=r"cannot be reached at http://127.0.0.1:9"):
            S3Store(store.location, tmp_path / "work").read("current")


def attempts(store: S3Store, *, list_too: bool) -> list[Callable[[], object]]:
    calls: list[Callable[[], object]] = [
        lambda: store.read("a"),
        lambda: store.create("a", b"x"),
        lambda: store.replace("a", b"x", expected=None),
    ]
    return [*calls, lambda: list(store.list("a"))] if list_too else calls


class TestProbe:
    """A store that does not hold to conditions is found out before anything rests on it."""

    def test_a_store_that_holds_to_conditions_is_left_as_it_was(self, store: S3Store) -> None:
        probe(store)
        assert list(store.list("work")) == []

    def test_a_store_that_ignores_them_is_refused(self, lake: Lake, proxy: Proxy) -> None:
        proxy.unconditional = True
        try:
            with pytest.raises(LakeError, match="ignores the condition"):
                lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
        finally:
            proxy.unconditional = False
        assert list(lake.store.list("releases")) == []
        assert list(lake.store.list("work")) == []


class TestCredentials:
    """Where they come from, and that they go nowhere."""

    def test_a_profile_is_read(self, bucket: str, s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"):
            monkeypatch.delenv(name)
        (tmp_path / "credentials").write_text(
            "[lake]\naws_access_key_id = AKIAOFPROFILE\naws_secret_access_key = hush\naws_session_token = token\n"
        )
        (tmp_path / "config").write_text(f"[profile lake]\nregion = eu-north-1\nendpoint_url = {s3_url}\n")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_PROFILE", "lake")
        s3_access._session.cache_clear()
        access = s3_access.find_access()
        found = (access.key_id, access.secret, access.token, access.region, access.endpoint)
        assert found == ("AKIAOFPROFILE", "hush", "token", "eu-north-1", s3_url)
        assert "hush" not in repr(access)
        store = S3Store(f"s3://{bucket}", tmp_path / "work")
        store.create("a", b"x")
        assert [entry.key for entry in store.list("a")] == []
        assert store.read("a") == b"x"

    def test_those_of_a_role_are_renewed(
        self, lake: Lake, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script = tmp_path / "credentials.py"
        script.write_text(
            "import json, uuid\n"
            "print(json.dumps({'Version': 1, 'AccessKeyId': 'AKIA' + uuid.uuid4().hex[:8], 'SecretAccessKey': 's',"
            " 'SessionToken': 't', 'Expiration': '2000-01-01T00:00:00Z'}))\n"
        )
        (tmp_path / "config").write_text(f"[default]\ncredential_process = {sys.executable} {script}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        s3_access._session.cache_clear()
        with pytest.raises(CouldNotRunError, match="credentials"):  # they had run out when they were given
            s3_access.find_access()
        script.write_text(script.read_text().replace("2000-01-01", "2999-01-01"))
        s3_access._session.cache_clear()
        access = s3_access.find_access()
        assert (access.token, access.expires) == ("t", True)
        store = S3Store(f"s3://{bucket}/role", tmp_path / "work")
        store.create("a", b"x")
        admit(lake.con, store.access())
        secret = lake.con.execute("SELECT secret_string FROM duckdb_secrets() WHERE name LIKE '%role/'").fetchall()
        assert f"key_id={access.key_id}" in secret[0][0]

    def test_none_at_all_is_told(self, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        s3_access._session.cache_clear()
        with pytest.raises(CouldNotRunError, match="no credentials for S3") as told:
            S3Store(f"s3://{bucket}", tmp_path).read("a")
        assert "AWS_PROFILE" in str(told.value.hint)

    @pytest.mark.parametrize("url", ["minio:9000", "ftp://x", "https://user:hunter2@minio", "http://"])
    def test_an_endpoint_that_is_none_is_refused(
        self, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(UsageError, match="AWS_ENDPOINT_URL") as told:
            S3Store(f"s3://{bucket}", tmp_path).read("a")
        assert "hunter2" not in str(told.value)

    def test_a_profile_that_is_not_there_is_told(
        self, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        s3_access._session.cache_clear()
        with pytest.raises(HeadgateError, match="nobody"):
            S3Store(f"s3://{bucket}", tmp_path).read("a")

    def test_no_catalog_and_no_query_shows_them(self, lake: Lake) -> None:
        lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
        catalog = lake.store.read(catalog_key(1))
        shown = str(lake.con.execute("FROM duckdb_secrets()").fetchall())
        for word in (SECRET, KEY_ID):
            assert word.encode() not in catalog
        assert SECRET not in shown
        with pytest.raises(duckdb.Error):
            lake.con.execute("FROM duckdb_secrets(redact => false)")

    def test_they_open_the_lake_and_nothing_beside_it(self, lake: Lake, s3_url: str) -> None:
        other = make_bucket(s3_url)
        for place in (f"s3://{other}/x.csv", f"{lake.store.location}-beside/x.csv"):
            secret = lake.con.execute("FROM which_secret(?, 's3')", [place]).fetchall()
            assert secret == []


class TestLake:
    """Releases in a bucket."""

    @pytest.mark.slow
    def test_releases_are_published_read_compared_examined_and_pruned(self, lake: Lake, tmp_path: Path) -> None:
        lake.publish("CREATE TABLE marts.t AS SELECT range AS a FROM range(1000)")
        lake.publish("INSERT INTO marts.t VALUES (-1)", "DELETE FROM marts.t WHERE a < 10 AND a >= 0")
        assert lake.read("SELECT count(*) FROM marts.t") == [(991,)]
        changed = diff(lake.store, lake.con, lake.releases.manifest(1), lake.releases.manifest(2))
        assert [(table.added, table.removed) for table in changed] == [(1, 10)]
        assert all(finding.ok for finding in examine(lake.store, lake.con))
        lake.releases.rollback(1, reason="worse")
        pruned = prune(lake.store, lake.con, keep=0, keep_branches=(), grace_seconds=3600)
        assert (pruned.releases, pruned.files, pruned.waiting) == ((2,), 0, 2)
        elsewhere = S3Store(lake.store.location, tmp_path / "elsewhere")
        assert prune(elsewhere, lake.con, keep=0, keep_branches=(), grace_seconds=0).files == 2
        assert len(lake.data_files()) == 1
        assert lake.read("SELECT count(*) FROM marts.t", store=elsewhere) == [(1000,)]

    def test_a_release_that_was_tampered_with_is_refused(self, lake: Lake, tmp_path: Path) -> None:
        lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
        content = lake.store.read(catalog_key(1))
        lake.store.delete(catalog_key(1))
        with pytest.raises(CorruptError, match="is gone"):
            Releases(lake.store).verify(1)
        lake.store.create(catalog_key(1), content[:-1] + b"x")
        fresh = Releases(S3Store(lake.store.location, tmp_path / "fresh"))
        for attempt in (fresh.catalog, fresh.verify, lake.releases.verify):
            with pytest.raises(CorruptError, match="not the one that was published"):
                attempt(1)
        assert [finding.ok for finding in examine(lake.store, lake.con)] == [True, False]

    @pytest.mark.slow
    def test_asking_again_costs_one_small_get(self, lake: Lake, proxy: Proxy, tmp_path: Path) -> None:
        lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
        settings = EngineSettings(access=lake.store.access)
        store = S3Store(lake.store.location, tmp_path / "reader")

        def ask() -> list[str]:
            proxy.seen.clear()
            with reader(store, settings, release=None, run=None) as con:
                assert query(con, "SELECT count(*) FROM marts.t")[1] == [(1,)]
            return [path.rpartition("/")[2] for path in proxy.requests("GET")]

        assert sorted(set(ask())) == ["000001.ducklake", "000001.json", "current"]
        assert ask() == ["current"]
        lake.publish("INSERT INTO marts.t VALUES (2)", "DELETE FROM marts.t WHERE a = 1")
        assert "000002.ducklake" in ask()
        assert ask() == ["current"]
        folders = [path for path in (tmp_path / "reader" / "cache").iterdir() if path.is_dir()]
        assert len(folders) == 1, "what was read under an older nonce is forgotten"

    @pytest.mark.slow
    def test_a_lake_that_was_made_anew_is_not_taken_for_the_old_one(self, lake: Lake) -> None:
        lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
        assert lake.read("FROM marts.t") == [(1,)]
        for folder in ("releases", "data"):
            for entry in list(lake.store.list(folder)):
                lake.store.delete(entry.key)
        lake.store.delete("current")
        lake.publish("CREATE TABLE marts.t AS SELECT 2 AS a")
        assert lake.read("FROM marts.t") == [(2,)]

    def test_the_cache_does_not_grow_for_ever(
        self, store: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(s3, "CACHED", 3)
        for number in range(5):
            store.create(f"releases/{number}", str(number).encode())
            assert store.file(f"releases/{number}", None).read_bytes() == str(number).encode()
        assert len(list((tmp_path / "work" / "cache").glob("*.ducklake"))) == 3

    def test_plain_duckdb_attaches_a_release_where_it_lies(self, lake: Lake) -> None:
        lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
        url = lake.store.url
        lake.con.execute(
            f"ATTACH 'ducklake:{url(catalog_key(1))}' AS plain "
            f"(READ_ONLY, DATA_PATH '{url('data')}/', OVERRIDE_DATA_PATH true)"
        )
        assert lake.con.execute("FROM plain.marts.t").fetchall() == [(1,)]

    def test_a_query_cannot_write_to_the_lake(self, lake: Lake) -> None:
        lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
        with (
            reader(lake.store, EngineSettings(access=lake.store.access), release=None, run=None) as con,
            pytest.raises(UsageError, match="cannot write to the lake"),
        ):
            query(con, f"COPY (SELECT 1) TO '{lake.store.url('data')}/x.parquet'")

    def test_a_publisher_that_came_too_late_is_refused(self, lake: Lake) -> None:
        lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
        base = lake.releases.pointer()
        lake.publish("INSERT INTO marts.t VALUES (2)")
        late = lake.branch("INSERT INTO marts.t VALUES (3)", base=base)
        with pytest.raises(PublishRefusedError):
            lake.publish_branch(late, base)
        assert lake.read("FROM marts.t ORDER BY a") == [(1,), (2,)]

    def test_a_publish_whose_last_answer_is_lost_is_published(self, lake: Lake, proxy: Proxy) -> None:
        lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
        proxy.fail(*(Fault("PUT", path, "lose", times=1) for path in ("000002.ducklake", "000002.json", "/current")))
        assert lake.publish("INSERT INTO marts.t VALUES (2)").release == 2
        assert lake.releases.pointer().release == 2
        assert lake.releases.numbers() == [1, 2]


def test_small_files_in_an_object_store_become_one_too(lake: Lake) -> None:
    rows = "SELECT * FROM marts.t ORDER BY ALL"
    lake.publish("CREATE TABLE marts.t AS SELECT 0 AS a", *(f"INSERT INTO marts.t VALUES ({n})" for n in range(1, 16)))
    base = lake.releases.pointer()
    branch = lake.branch()
    assert compact(lake.con, read_contents(lake.con), ["marts.t"]) == ["marts.t"]
    assert len(read_contents(lake.con).tables["marts.t"].files) == 1
    lake.publish_branch(branch, base)
    everything = [(n,) for n in range(16)]
    assert lake.read(rows, 1) == lake.read(rows, 2) == everything


class TestLease:
    """The lock of a lake in an object store, between work folders as those of two machines."""

    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lock, "POLL_SECONDS", 0.02)
        monkeypatch.setattr(lease.ObjectRecord, "pause_seconds", 0.02)

    @pytest.fixture
    def other(self, store: S3Store, tmp_path: Path) -> S3Store:
        return S3Store(store.location, tmp_path / "another machine")

    def written(self, store: S3Store, *, expires: float, rests: bool = False, place: str = "another") -> None:
        """Write a holder down, as a process that is gone left it."""
        holder = Holder("gone", 1, "steps" if rests else "whole", "then", time.time() + expires, rests)
        store.create(lease.KEY, json.dumps(asdict(Lease(holder, place, "nonce"))).encode())

    def test_one_machine_at_a_time(self, store: S3Store, other: S3Store) -> None:
        with locked(store, "theirs"):
            assert live_run(store) == live_run(other) == "theirs"
            with pytest.raises(LockHeldError) as told, locked(other, "ours"):
                pass
            assert told.value.run == "theirs"
        assert live_run(other) is None
        with locked(other, "ours"):
            assert live_run(store) == "ours"

    def test_a_run_that_rests_goes_on_anywhere_and_keeps_others_away(self, store: S3Store, other: S3Store) -> None:
        with locked(store, "stepping", mode="steps"):
            pass
        assert live_run(other) == "stepping"
        for place in (store, other):
            with pytest.raises(LockHeldError), locked(place, "ours"):
                pass
        with locked(other, "stepping", mode="steps"), pytest.raises(LockHeldError), locked(store, "stepping"):
            pass
        lease.release(other, "stepping")
        with locked(store, "ours"):
            pass

    def test_a_dead_holder_is_taken_over_at_once_in_its_own_folder(self, store: S3Store, other: S3Store) -> None:
        with locked(store, "first"):
            pass
        place = (store.workdir / "place").read_text()
        store.delete(lease.KEY)
        self.written(store, expires=60, place=place)
        assert live_run(other) == "gone"
        with pytest.raises(LockHeldError), locked(other, "ours"):
            pass
        assert live_run(store) is None
        with locked(store, "ours"):
            pass

    def test_a_holder_that_did_not_renew_is_taken_over_and_publishes_nothing(self, lake: Lake, other: S3Store) -> None:
        lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
        base = lake.releases.pointer()
        late = lake.branch("INSERT INTO marts.t VALUES (2)")
        assert isinstance(lake.store, S3Store)
        self.written(lake.store, expires=-1)
        assert live_run(other) is None
        with locked(other, "ours"):
            pass
        with pytest.raises(PublishRefusedError):
            lake.publish_branch(late, base)
        assert lake.releases.pointer().release == 1

    def test_a_holder_renews_its_lease(
        self, store: S3Store, other: S3Store, monkeypatch: pytest.MonkeyPatch, proxy: Proxy
    ) -> None:
        monkeypatch.setattr(lease, "LEASE_SECONDS", 0.3)
        with locked(store, "long"):
            proxy.fail(Fault("PUT", "lock.json", "cut", times=1))
            time.sleep(0.7)
            assert live_run(other) == "long"
            with pytest.raises(LockHeldError), locked(other, "ours"):
                pass
        assert live_run(other) is None

    def test_a_lock_that_somebody_took_over_is_not_taken_back(self, store: S3Store, other: S3Store) -> None:
        with locked(store, "cut off"):
            store.delete(lease.KEY)
            with locked(other, "new", mode="steps"):
                pass
        assert live_run(store) == "new"

    def test_waiting_gets_the_lock(self, store: S3Store, other: S3Store) -> None:
        with locked(store, "theirs"), pytest.raises(LockHeldError), locked(other, "ours", wait_seconds=0.2):
            pass
        with locked(other, "ours", wait_seconds=5):
            pass

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"holder": {"run": 1}}', b"null"])
    def test_a_torn_record_holds_nobody_up(self, store: S3Store, content: bytes) -> None:
        store.create(lease.KEY, content)
        assert live_run(store) is None
        with locked(store, "ours"):
            assert live_run(store) == "ours"

    def test_a_lease_outlives_its_renewals(self) -> None:
        assert timedelta(seconds=LEASE_SECONDS) > lease.RENEWALS * timedelta(seconds=10)


def test_a_branch_is_found_from_another_machine_after_each_step(lake: Lake, tmp_path: Path) -> None:
    lake.publish("CREATE TABLE marts.t AS SELECT 1 AS a")
    other = S3Store(lake.store.location, tmp_path / "another machine")
    branch = lake.branch("INSERT INTO marts.t VALUES (2)", run="stepping")
    branches.fold(branch, lake.con)
    stowing.stow(lake.store, "stepping", branch.path, 1)
    assert branches.branches(other) == ["stepping"]
    there = branches.branch_of(other, "stepping")
    stowing.take(other, "stepping", 1, there.path)
    assert lake.look(there, "FROM marts.t ORDER BY a") == [(1,), (2,)]
    with pytest.raises(HeadgateError, match="not in the lake"):
        stowing.take(other, "stepping", 2, there.path)
    kept = prune(other, lake.con, keep=1, keep_branches=["stepping"], grace_seconds=0)
    assert kept.files == 0
    assert prune(lake.store, lake.con, keep=1, keep_branches=(), grace_seconds=0).branches == ("stepping",)
    assert branches.branches(lake.store) == []


def test_a_path_is_a_folder_and_a_url_a_bucket(tmp_path: Path) -> None:
    assert isinstance(open_store(str(tmp_path), tmp_path), LocalStore)
    one, same, other = (open_store(url, tmp_path) for url in ("s3://b/p", "s3://b/p/", "s3://b/q"))
    assert isinstance(one, S3Store)
    assert one.workdir == same.workdir != other.workdir
    assert one.url("data") == same.url("data") == "s3://b/p/data"
    assert tmp_path in one.workdir.parents
