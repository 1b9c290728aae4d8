"""The simulators, importable as Headgate imports them, and one running order system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from order_system import OrderSystem


@pytest.fixture(scope="module")
def oltp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrderSystem]:
    """An order system that has done nothing yet but have a past."""
    system = OrderSystem(tmp_path_factory.mktemp("project"))
    system.simulate("--once", "0")
    yield system
    system.simulate("--stop", "--fresh")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A project folder of which no server is left over."""
    yield tmp_path
    OrderSystem(tmp_path).simulate("--stop", "--fresh")
