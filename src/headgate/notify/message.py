"""What people are told: enough to know what is wrong and where to look, and no value of a row."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: What stands between quotes may be a value of a row, and so may a long number.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|“[^”]*”")
_LONG_NUMBER = re.compile(r"\d[\d ,.-]{4,}\d")
#: Numbers that are ours: the name of a run, a count in groups of three.
_OURS = re.compile(r"\d{8}-\d{6}(-\d+)?|\d{1,3}(,\d{3})+")
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Message:
    """A title of one line, and a text of a few."""

    title: str
    body: str


def without_values(text: str) -> str:
    """The first line of an error's text, without what may be a value of a row.

    >>> without_values("Could not convert string 'ann@example.com' to INT32\\nmore")
    'Could not convert string … to INT32'
    >>> without_values("value 4711004711 is out of range"), without_values("5 of 47 failed, release 12 is served")
    ('value … is out of range', '5 of 47 failed, release 12 is served')
    """
    line = text.strip().splitlines()[0] if text.strip() else ""
    return _LONG_NUMBER.sub(_shown, _QUOTED.sub("…", line))[:LONGEST]


def _shown(number: re.Match[str]) -> str:
    return number[0] if _OURS.fullmatch(number[0]) else "…"
