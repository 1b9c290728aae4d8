"""A real PostgreSQL, and what serves to it: releases made with SQL, and the small project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headgate.lake.engine import Connection
from headgate.lake.store import LocalStore
from warehouses import Mart, Server, ServingShop, Warehouse


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server.started() as server:
        yield server


@pytest.fixture
def warehouse(server: Server) -> Iterator[Warehouse]:
    """A database of its own."""
    with server.database() as warehouse:
        yield warehouse


@pytest.fixture
def mart(store: LocalStore, con: Connection, warehouse: Warehouse) -> Mart:
    """A lake whose releases are made with SQL, and served by calling `serve`."""
    return Mart(store, con, warehouse)


@pytest.fixture
def make_shop(site: Path, warehouse: Warehouse) -> Callable[..., ServingShop]:
    return lambda **settings: ServingShop(site / "shop", warehouse, **settings)


@pytest.fixture
def shop(make_shop: Callable[..., ServingShop]) -> ServingShop:
    return make_shop()
