"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from environments import PEERS

OWN = ("duckdb", "dbt-core", "dbt-duckdb")
PEERS_PACKAGES = {"sqlmesh": "sqlmesh", "gx": "great-expectations", "polars_pandera": "polars", "dlt": "dlt"}


def describe() -> dict[str, str]:
    """Processor, memory, system, versions, and how busy the machine was just before."""
    return {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "headgate": _commit(),
        "packages": ", ".join([*_own(), *_of_peers()]),
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _own() -> list[str]:
    found = []
    for name in OWN:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def _of_peers() -> list[str]:
    return [
        line.replace("==", " ")
        for peer, package in PEERS_PACKAGES.items()
        for line in (PEERS / peer / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"{package}==")
    ]


def _commit() -> str:
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    return f"{version('headgate')} ({done.stdout.strip() or 'no commit'})"
