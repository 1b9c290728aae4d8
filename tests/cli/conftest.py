"""The command line in this process, on copies of small projects that were run once."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import BAD_ROW, GOOD_ROW, Cli, Ended, copied
from headgate.cli import execute
from small_shop import Shop


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Call the command line in this process."""

    def call(*arguments: str) -> Ended:
        capfd.readouterr()
        code = execute(list(arguments))
        captured = capfd.readouterr()
        return Ended(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def published_once(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A project with release 1. Only to be copied."""
    shop = Shop(tmp_path_factory.mktemp("published") / "shop")
    assert shop.run().release == 1
    return shop


@pytest.fixture(scope="session")
def blocked_once(published_once: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Release 1, and a run that a gate stopped. Only to be copied."""
    shop = copied(published_once, tmp_path_factory.mktemp("blocked"))
    shop.write("data/sales_2.csv", BAD_ROW)
    assert shop.run().status == "blocked"
    return shop


@pytest.fixture(scope="session")
def two_releases(published_once: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Releases 1 and 2. Only to be copied."""
    shop = copied(published_once, tmp_path_factory.mktemp("two"))
    shop.write("data/sales_2.csv", GOOD_ROW)
    assert shop.run().release == 2
    return shop


@pytest.fixture
def fresh(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "fresh")


@pytest.fixture
def published(published_once: Shop, tmp_path: Path) -> Shop:
    return copied(published_once, tmp_path)


@pytest.fixture
def blocked(blocked_once: Shop, tmp_path: Path) -> Shop:
    return copied(blocked_once, tmp_path)


@pytest.fixture
def twice(two_releases: Shop, tmp_path: Path) -> Shop:
    return copied(two_releases, tmp_path)
