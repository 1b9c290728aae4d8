"""What takes longer than it may is stopped: a query by its engine, a look at many values between two of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import TIMEOUT_MAX, Event, Timer
from time import monotonic
from typing import TypeVar

import duckdb

from headgate.gates.values import UnusableError
from headgate.lake.engine import Connection

Each = TypeVar("Each")


@contextmanager
def limited(con: Connection, limit: dt.timedelta) -> Iterator[None]:
    """Interrupt what ``con`` does after ``limit``.

    Raises:
        UnusableError: it was interrupted.
    """
    expired = Event()

    def stop() -> None:
        expired.set()
        con.interrupt()

    timer = Timer(min(limit.total_seconds(), TIMEOUT_MAX), stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (duckdb.Error, RuntimeError, UnusableError) as error:  # DuckDB raises a RuntimeError where it noticed itself
        if expired.is_set():
            raise _stopped(limit) from error
        raise
    finally:
        timer.cancel()
        timer.join()  # else it could stop what comes next


def in_time(values: Iterable[Each], limit: dt.timedelta | None) -> Iterator[Each]:
    """The same values, of which none comes later than ``limit`` after the first was asked for.

    Raises:
        UnusableError: it would have.
    """
    end = None if limit is None else monotonic() + limit.total_seconds()
    for value in values:
        if limit is not None and end is not None and monotonic() > end:
            raise _stopped(limit)
        yield value


def _stopped(limit: dt.timedelta) -> UnusableError:
    return UnusableError(f"it was stopped after its timeout of {limit.total_seconds():g} s")
