"""Lengths of time as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

_DURATION = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,7})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """Read ``2d``, ``1h``, ``10m``, ``30s``, or several of them from large to small.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    >>> parse_duration("10")
    Traceback (most recent call last):
    ValueError: '10' is no length of time: write it like 30s, 10m, 1h, 2d or 1h30m

    Raises:
        ValueError: it is something else.
    """
    match = _DURATION.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ValueError(f"{text[:50]!r} is no length of time: write it like 30s, 10m, 1h, 2d or 1h30m")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def format_duration(length: timedelta) -> str:
    """The shortest text that reads back as the same whole seconds.

    >>> format_duration(timedelta(hours=1)), format_duration(timedelta(minutes=90)), format_duration(timedelta())
    ('1h', '1h30m', '0s')
    """
    left = int(length.total_seconds())
    text = ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
