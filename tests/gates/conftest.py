"""Fixtures of gates."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gate_maker import attach_lake, new_lake
from headgate.lake.engine import Connection, connect, detach


@pytest.fixture(scope="session")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalog of a lake without tables, to be copied: making one takes ten times as long."""
    folder = tmp_path_factory.mktemp("empty")
    con = new_lake(connect(), folder)
    detach(con)
    con.close()
    return folder / "work.ducklake"


@pytest.fixture
def branch(con: Connection, empty_lake: Path, tmp_path: Path) -> Connection:
    """A connection with an empty lake."""
    shutil.copy(empty_lake, tmp_path / "work.ducklake")
    return attach_lake(con, tmp_path)
