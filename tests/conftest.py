"""Fixtures that more than one room of tests uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import settings

from headgate.lake import s3, s3_access
from headgate.lake.engine import Connection, EngineSettings, connect, ident
from headgate.lake.store import LocalStore
from lake_maker import Lake
from place import Place
from postgres_server import PostgresServer, running_postgres
from s3_proxy import Proxy, s3_proxy
from s3_server import environment, make_bucket, s3_server, seaweedfs_server
from small_shop import Shop

#: Doctests are collected from every module, and several conftests cannot be imported under one name.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]

# The same examples in every run: what is red was broken by a change, and not by other work that the machine had.
# `HYPOTHESIS_PROFILE=default` explores.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


#: What starts a server, builds a project with dbt, or works with what one of these left.
COSTLY_FIXTURES = {
    "bucket",
    "compiled",
    "postgres",
    "proxy",
    "published",
    "s3_url",
    "server",
    "site",
    "warehouse",
}


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what needs a server or a built project: the fast suite takes about a minute without them."""
    for item in items:
        if isinstance(item, pytest.Function) and not COSTLY_FIXTURES.isdisjoint(item.fixturenames):
            item.add_marker("slow")


@pytest.fixture(scope="session", autouse=True)
def signatures_taken_for_granted() -> Iterator[None]:
    """DuckDB opened in this process does not verify its extensions: always the same file, an eighth of a second each.

    In processes that tests start it does.
    """
    really = duckdb.connect

    def connect(database: str = ":memory:", *, read_only: bool = False, config: Any = None) -> Connection:
        return really(database, read_only=read_only, config={**(config or {}), "allow_unsigned_extensions": True})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", connect)
        yield


@pytest.fixture(scope="session")
def engine() -> Iterator[Connection]:
    """One private DuckDB for all tests of a process: opening it costs 0.1 s, and more threads more than they give."""
    con = connect(EngineSettings(threads=1))
    yield con
    con.close()


@pytest.fixture
def con(engine: Connection) -> Iterator[Connection]:
    """A connection on which nothing is attached, neither before nor after the test."""
    yield engine
    attached = "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND database_name <> 'memory'"
    lakes = [name for (name,) in engine.execute(attached).fetchall() if not name.startswith("__ducklake")]
    for name in lakes:
        engine.execute(f"DETACH {ident(name)}")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """The store of a lake that does not exist yet."""
    return LocalStore(tmp_path / "lake")


@pytest.fixture
def lake(store: LocalStore, con: Connection) -> Lake:
    """A lake in which releases are made with SQL."""
    return Lake(store, con)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where tests of this process that build a project with dbt do so."""
    return Place(tmp_path_factory.getbasetemp() / "place")


@pytest.fixture
def site(place: Place, tmp_path: Path) -> Iterator[Path]:
    """An empty folder that has the same name in every test of this process."""
    with place.lent(until=tmp_path / "site") as folder:
        yield folder


@pytest.fixture(scope="session")
def published_once(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A project with release 1. Only to be copied."""
    kept = tmp_path_factory.mktemp("published") / "kept"
    with place.lent(until=kept) as site:
        shop = Shop(site / "shop")
        assert shop.run().release == 1
    return shop.moved(kept / "shop")


@pytest.fixture
def published(published_once: Shop, site: Path) -> Shop:
    """The small project after its first run."""
    return published_once.copied(site)


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The URL of an S3 server that lives as long as the tests of this process."""
    with s3_server() as url:
        yield url


@pytest.fixture(scope="session")
def seaweedfs_url() -> Iterator[str]:
    """The URL of another S3 server, which is not made for tests."""
    with seaweedfs_server() as url:
        yield url


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A new bucket, to which the environment of this process has access."""
    with _open_bucket(s3_url, monkeypatch) as name:
        yield name


@pytest.fixture
def seaweedfs_bucket(seaweedfs_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A new bucket of the other server, to which the environment of this process has access."""
    with _open_bucket(seaweedfs_url, monkeypatch) as name:
        yield name


@contextmanager
def _open_bucket(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in environment(url).items():
        monkeypatch.setenv(name, value)
    s3_access._session.cache_clear()
    yield make_bucket(url)
    s3_access._session.cache_clear()


@pytest.fixture(scope="session")
def shared_proxy(s3_url: str) -> Iterator[Proxy]:
    """The proxy before the S3 server that all tests of this process use, one after the other."""
    with s3_proxy(s3_url) as proxy:
        yield proxy


@pytest.fixture
def proxy(shared_proxy: Proxy, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """A proxy, without faults, through which this process sees the bucket; requests are tried twice only."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", shared_proxy.url)
    monkeypatch.setattr(s3, "RETRIES", 1)
    shared_proxy.fail()
    shared_proxy.seen.clear()
    return shared_proxy


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real data, from HEADGATE_DATA; tests that need it are skipped where it is not."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("HEADGATE_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"the real data is not at {folder} (set HEADGATE_DATA)")
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL for all tests of a process."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server
