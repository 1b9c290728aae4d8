"""A mail server and a webhook, and the small project that tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from post_office import MailServer, Webhook
from small_shop import HEADGATE_YML, Shop


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer().open() as server:
        yield server


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook().open() as server:
        yield server


@pytest.fixture
def telling(site: Path) -> Callable[..., Shop]:
    """The small project with more settings, given as YAML."""

    def make(settings: str, **_: Any) -> Shop:
        shop = Shop(site / "shop")
        shop.write("headgate.yml", HEADGATE_YML.lstrip() + settings)
        return shop

    return make
