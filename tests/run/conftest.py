"""The small project, for tests of whole runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from small_shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


@pytest.fixture
def make_shop(tmp_path: Path) -> Callable[[str], Shop]:
    return lambda name: Shop(tmp_path / name)
