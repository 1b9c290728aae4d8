"""A query that takes longer than it may is stopped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Timer

import duckdb

from headgate.gates.values import UnusableError
from headgate.lake.engine import Connection


@contextmanager
def limited(con: Connection, limit: dt.timedelta | None) -> Iterator[None]:
    """Interrupt what ``con`` does after ``limit``.

    Raises:
        UnusableError: it was interrupted.
    """
    if limit is None:
        yield
        return
    expired = Event()

    def stop() -> None:
        expired.set()
        con.interrupt()

    timer = Timer(limit.total_seconds(), stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (duckdb.Error, RuntimeError, UnusableError) as error:  # DuckDB raises a RuntimeError where it noticed itself
        if expired.is_set():
            raise UnusableError(f"it was stopped after its timeout of {limit.total_seconds():g} s") from error
        raise
    finally:
        timer.cancel()
        timer.join()  # else it could stop what comes next
