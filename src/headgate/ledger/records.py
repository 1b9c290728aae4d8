"""What the ledger gives back, and the plain values that it takes.

Times are texts in UTC, ``2026-11-20T10:15:00.000000Z``, all of one length, so that they sort as texts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

RUNNING = "running"
#: How a run can end, and how it is until then.
RUN_STATUSES = ("running", "published", "nothing_new", "held", "blocked", "failed")
#: What a run is called that the ledger has as running, but whose process is gone. Never stored.
DIED = "died"
TEXT_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run: what it was asked, what it planned, and how it ended.

    ``release`` is what it published, ``serving`` what readers got when it ended.
    """

    run: str
    status: str
    target: str | None
    lake: str | None
    base_release: int | None
    release: int | None
    serving: int | None
    plan: list[dict[str, Any]]
    project_hash: str | None
    variables: dict[str, Any]
    options: Any
    created_at: str
    finished_at: str | None
    seconds: float | None
    summary: dict[str, Any]
    error: str | None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step of a run; ``attempts`` counts how often it was begun."""

    run: str
    name: str
    status: str
    attempts: int
    started_at: str
    finished_at: str | None
    seconds: float | None
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JudgedRecord:
    """What a run found of one table: ``results`` as they were recorded. ``release`` is what the run published.

    ``forgotten`` more expectations held, of which nothing else is known: their release was pruned.
    """

    run: str
    at: str
    status: str
    release: int | None
    results: list[dict[str, Any]]
    forgotten: int = 0


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """A release of a lake, as it was when it was published."""

    lake: str
    release: int
    parent: int | None
    run: str | None
    published_at: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServedRecord:
    """What is known of a server: the ``release`` that it got last, as ``declared`` then.

    ``error`` says why a later attempt failed.
    """

    lake: str
    server: str
    release: int | None
    declared: str | None
    run: str | None
    error: str | None
    at: str


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """Something that went wrong and lasts until ``closed_at``. ``about`` is what is not well, ``cause`` why.

    ``told`` maps a channel to what it was told: the kind when it was opened, ``recovered`` when it was closed.
    """

    id: int
    lake: str
    about: str
    kind: str
    cause: str
    title: str
    body: str
    run: str | None
    opened_at: str
    closed_at: str | None
    told: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """Something that people were told, or should be."""

    kind: str
    run: str | None
    text: str
    created_at: str


def utc(moment: datetime | None = None) -> str:
    """A moment (now, if none is given) as the ledger writes it.

    >>> utc(datetime(2026, 11, 20, 10, 15, tzinfo=UTC))
    '2026-11-20T10:15:00.000000Z'

    Raises:
        ValueError: the moment has no time zone, so nobody knows when it was.
    """
    moment = moment or datetime.now(UTC)
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def encoded(value: Any) -> str:
    """A value as JSON that every database takes: keys sorted, ASCII, no NaN.

    >>> encoded({"b": float("nan"), "a": (1, "é")})
    '{"a":[1,"\\\\u00e9"],"b":"NaN"}'
    """
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def plain(value: Any) -> Any:
    """The nearest plain JSON value: dates, decimals, paths become texts, and so do NaN and infinities.

    >>> plain({1: float("inf"), "d": {datetime(2026, 1, 1, tzinfo=UTC)}})
    {'1': 'Infinity', 'd': ['2026-01-01 00:00:00+00:00']}
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Set):
        return sorted((plain(each) for each in value), key=repr)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return str(value)


def bounded(text: str | None) -> str | None:
    """A text that every database takes: not too long, no NUL, no half characters."""
    if text is None:
        return None
    text = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
