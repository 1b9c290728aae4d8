"""A past that really was: a dump of the tables as CSV files, told as what happened.

A dump holds the last version of each row. A payment that was paid is the only one that had another before.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from headgate.errors import UsageError
from oltp.world import STANDING, TABLES, Change, Row, Step

#: Whole numbers that can be missing were written as ``2.0``.
_MAYBE_NUMBERS = ("sales_order_id", "purchase_order_id")


def past(folder: Path) -> list[Change]:
    """What happened, in order, as the files in ``folder`` (``<table>.csv``) tell it.

    Raises:
        UsageError: a file is missing, or is not what it should be.
    """
    together: dict[datetime, list[Step]] = defaultdict(list)
    later: list[Change] = []
    standing: list[Step] = []
    for table in TABLES:
        for row, created, updated in _rows(folder / f"{table}.csv", table):
            if table in STANDING:
                standing.append(Step("insert", table, row))
                continue
            if table == "payment" and updated != created:
                paid = {"payment_id": row["payment_id"], "paid": row["paid"]}
                later.append(Change(updated, (Step("update", "payment", paid),)))
                row = {**row, "paid": False}
            together[created].append(Step("insert", table, row))
    begin = min(together, default=None)
    if begin is None or not standing:
        raise UsageError(
            "the dump has no orders", where=str(folder), hint="leave HEADGATE_DATA away for a made-up past"
        )
    happened = [Change(at, tuple(steps)) for at, steps in together.items()] + later
    return [Change(begin, tuple(standing)), *sorted(happened, key=lambda change: change.at)]


def _rows(file: Path, table: str) -> Iterator[tuple[Row, datetime, datetime]]:
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            for line, row in enumerate(csv.DictReader(stream), 2):
                try:
                    values = {column: _value(column, row[column]) for column in TABLES[table]}
                    yield values, _time(row["created_at"]), _time(row["last_updated"])
                except (KeyError, ValueError) as error:
                    raise UsageError(f"this is no row of {table}: {error}", where=f"{file}:{line}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"the dump cannot be read: {error}", where=str(file)) from error


def _value(column: str, text: str) -> object:
    if text == "":
        return None
    if column in _MAYBE_NUMBERS:
        return int(float(text))
    return text == "True" if column == "paid" else text


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
