"""What of a past is there at the beginning, and what of it is still to happen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from oltp.world import DAYS, TABLES, Change, Row, Step


@dataclass(frozen=True, slots=True)
class Beginning:
    """The rows of each table as they are loaded, with their times, and the changes that come after."""

    rows: dict[str, list[Row]]
    backlog: list[Change]
    began: datetime


def divide(changes: Sequence[Change], *, end: datetime, replay: timedelta) -> Beginning:
    """Move a past so that it ends at ``end``, and cut off its last ``replay`` to be played again."""
    moved = [_moved(change, end - changes[-1].at) for change in changes]
    cut = end - replay
    return Beginning(
        _state(change for change in moved if change.at < cut), [c for c in moved if c.at >= cut], moved[0].at
    )


def _state(changes: Iterable[Change]) -> dict[str, list[Row]]:
    tables: dict[str, dict[Any, Row]] = {table: {} for table in TABLES}
    for change in changes:
        for step in change.steps:
            rows, key = tables[step.table], step.row[step.key]
            if step.op == "insert":
                rows[key] = {**step.row, "created_at": change.at, "last_updated": change.at}
            else:
                rows[key] = {**rows[key], **step.row, "last_updated": change.at}
    return {table: list(rows.values()) for table, rows in tables.items()}


def _moved(change: Change, by: timedelta) -> Change:
    at = change.at + by
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    days = at.date() - change.at.date()
    return Change(at, tuple(Step(step.op, step.table, _moved_days(step.row, days)) for step in change.steps))


def _moved_days(row: Row, by: timedelta) -> Row:
    return row | {name: (date.fromisoformat(row[name]) + by).isoformat() for name in DAYS if name in row}
