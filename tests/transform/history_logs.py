"""Change logs as runs would have left them, for tests of histories."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate.lake.engine import Connection

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Version:
    """A version of the row ``key``: its content and the minute at which the source says that it changed."""

    key: int
    value: int
    minute: int | None


#: What the source holds at one look: at most one version a key.
Look = Sequence[Version]


def loaded_at(run: int) -> datetime:
    """When the run with this number looked: hourly, from the second hour on."""
    return BEGIN + timedelta(hours=run + 1)


def logged(looks: Sequence[Look]) -> list[tuple[Any, ...]]:
    """The rows that these looks leave in the log: what differs from the last one known, and what is gone."""
    known: dict[int, Version] = {}
    rows: list[tuple[Any, ...]] = []
    for run, look in enumerate(looks):
        seen = {version.key: version for version in look}
        for key in sorted({*known, *seen}):
            if key not in seen:
                rows.append((key, None, None, f"r{run}", loaded_at(run), None, "delete"))
            elif seen[key] != known.get(key):
                version = seen[key]
                changed = (
                    None if version.minute is None else (BEGIN + timedelta(minutes=version.minute)).replace(tzinfo=None)
                )
                rows.append((key, version.value, changed, f"r{run}", loaded_at(run), hash(version) % 2**32, "upsert"))
        known = seen
    return rows


def fill(con: Connection, rows: Sequence[tuple[Any, ...]], away: Collection[tuple[int, datetime]] = ()) -> None:
    """Make these the rows of ``lake.raw_log.thing``; ``away``, a key and when it was loaded, are in quarantine."""
    con.execute(
        "create or replace table lake.raw_log.thing (id integer, value integer, changed timestamp, "
        "_run varchar, _loaded_at timestamptz, _hash ubigint, _op varchar)"
    )
    if rows:
        con.executemany("insert into lake.raw_log.thing values (?, ?, ?, ?, ?, ?, ?)", rows)
    con.execute(
        "create or replace table lake._headgate.versions_thing as select *, false as _away from lake.raw_log.thing"
    )
    for key, moment in away:
        con.execute(
            "update lake._headgate.versions_thing set _away = true where id = ? and _loaded_at = ?", [key, moment]
        )
