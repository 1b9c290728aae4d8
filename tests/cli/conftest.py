"""The command line in this process, on copies of small projects that were run once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headgate.cli import main
from small_shop import Shop

#: The command that users type.
HEADGATE = str(Path(sys.executable).with_name("headgate"))
BAD_ROW = "id,item,amount\n4,b,-5\n"
GOOD_ROW = "id,item,amount\n4,b,5\n"


@dataclass(frozen=True)
class Ended:
    """How a call of the command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """What it printed, which must be one JSON object on one line."""
        assert self.out.count("\n") == 1, self.out + self.err
        value = json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert isinstance(value, dict)
        return value

    @property
    def last_line(self) -> str:
        return self.out.splitlines()[-1]


Cli = Callable[..., Ended]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Call the command line in this process."""

    def call(*arguments: str) -> Ended:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        captured = capfd.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ended(code, captured.out, captured.err)

    return call


def process(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Call the command line as users do, in a process of its own."""
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        [HEADGATE, *arguments], cwd=cwd, env=environment, input=stdin, capture_output=True, text=True, check=False
    )


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


def copied(shop: Shop, folder: Path) -> Shop:
    """A project can be copied, lake and all, with the times of its files."""
    target = folder / "shop"
    shutil.copytree(shop.folder, target)
    copy = Shop.__new__(Shop)
    copy.folder = target
    return copy
