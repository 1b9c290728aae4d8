"""The small project, for tests of whole runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from small_shop import Shop


@pytest.fixture
def shop(site: Path) -> Shop:
    return Shop(site / "shop")


@pytest.fixture
def make_shop(site: Path) -> Callable[[str], Shop]:
    return lambda name: Shop(site / name)
