"""The command line in this process, on copies of small projects that were run once."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import BAD_ROW, GOOD_ROW, Cli, Ended
from headgate.cli import execute
from place import Place
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
def blocked_once(published_once: Shop, place: Place, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Release 1, and a run that a gate stopped. Only to be copied."""
    kept = tmp_path_factory.mktemp("blocked") / "kept"
    with place.lent(until=kept) as site:
        shop = published_once.copied(site)
        shop.write("data/sales_2.csv", BAD_ROW)
        assert shop.run().status == "blocked"
    return shop.moved(kept / "shop")


@pytest.fixture(scope="session")
def two_releases(published_once: Shop, place: Place, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Releases 1 and 2. Only to be copied."""
    kept = tmp_path_factory.mktemp("two") / "kept"
    with place.lent(until=kept) as site:
        shop = published_once.copied(site)
        shop.write("data/sales_2.csv", GOOD_ROW)
        assert shop.run().release == 2
    return shop.moved(kept / "shop")


@pytest.fixture
def fresh(published_once: Shop, site: Path) -> Shop:
    """A project that was never run; what dbt's macros say is known from ``published_once``."""
    return Shop(site / "shop")


@pytest.fixture
def blocked(blocked_once: Shop, site: Path) -> Shop:
    return blocked_once.copied(site)


@pytest.fixture
def twice(two_releases: Shop, site: Path) -> Shop:
    return two_releases.copied(site)
