"""Run a command as a process and say how long it took, and how much memory it had at most."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Nobody is measured while it writes home, and everybody may keep its bytecode.
SETTINGS = {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "NO_COLOR": "1",
}
LEFT_OUT = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUNBUFFERED", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")


class BenchmarkError(Exception):
    """A command did not do what it had to do: the numbers would mean nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One finished process.

    ``peak`` is the largest resident set of it or of a process that it waited for, and no less than that of the process
    that measures: the kernel counts what a process was before it became another.
    """

    seconds: float
    cpu: float
    peak: int
    code: int
    output: str
    errors: str


def run(command: Sequence[str], folder: Path, *, expect: int | None = 0, limit: float | None = None) -> Measured:
    """Run ``command`` in ``folder``; after ``limit`` seconds it is killed.

    Raises:
        BenchmarkError: its exit code is not the expected one.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        watch = threading.Timer(limit, process.kill) if limit else None
        if watch:
            watch.start()
        _, status, used = os.wait4(process.pid, 0)
        if watch:
            watch.cancel()
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    if expect is not None and process.returncode != expect:
        said = "\n".join(texts)[-3000:]
        raise BenchmarkError(f"{' '.join(command)} ended with {process.returncode}, not {expect}:\n{said}")
    return Measured(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, process.returncode, *texts)


def environment() -> Mapping[str, str]:
    """The environment of everything that is measured."""
    return {key: value for key, value in os.environ.items() if key not in LEFT_OUT} | SETTINGS


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of the same thing: the one in the middle, the least, the greatest."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of at least one value.

        >>> Spread.of([3.0, 1.0, 2.0])
        Spread(median=2.0, low=1.0, high=3.0, runs=3)
        """
        each = list(values)
        return cls(statistics.median(each), min(each), max(each), len(each))
