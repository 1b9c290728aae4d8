"""Schema drift: how the columns of a table differ from those that ``schema.lock`` holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

#: ``narrowed_type`` is every change of type that is not ``widened_type``: to a narrower one, or to another altogether.
Class = Literal[
    "new_column",
    "dropped_column",
    "renamed_column",
    "widened_type",
    "narrowed_type",
    "new_table",
    "dropped_table",
]

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference. ``before`` and ``after`` are types, None where there is no column; of a table all three are None.

    A ``renamed_column`` is a suspicion: ``renamed_from`` is gone, and ``column``, of the same type, is new.
    """

    kind: Class
    column: str | None = None
    before: str | None = None
    after: str | None = None
    renamed_from: str | None = None

    @property
    def text(self) -> str:
        """The difference in words.

        >>> Drift("widened_type", "n", "INTEGER", "BIGINT").text
        'n is widened from INTEGER to BIGINT'
        """
        if self.kind == "new_table":
            return "the table is not in schema.lock; a run takes it in"
        if self.kind == "dropped_table":
            return "the table was read before and is gone; if that was on purpose, leave it out with exclude"
        if self.kind == "new_column":
            return f"{self.column} is new ({self.after})"
        if self.kind == "dropped_column":
            return f"{self.column} ({self.before}) is gone"
        if self.kind == "renamed_column":
            return f"{self.renamed_from} is gone and {self.column} is new, both {self.after}: perhaps renamed"
        return f"{self.column} is {self._how} from {self.before} to {self.after}"

    @property
    def _how(self) -> str:
        if self.kind == "widened_type":
            return "widened"
        return "narrowed" if widens(str(self.after), str(self.before)) else "changed"

    def apart(self) -> tuple[Drift, ...]:
        """What a suspected rename is if it is none: a column that is gone, and a new one."""
        if self.kind != "renamed_column":
            return (self,)
        gone, new = self.renamed_from, self.column
        return Drift("dropped_column", gone, self.before), Drift("new_column", new, None, self.after)


def compare(locked: Mapping[str, str], found: Mapping[str, str]) -> list[Drift]:
    """All differences between the columns that are held and those that are there.

    First other types, then columns that are gone, perhaps renamed ones and new ones, each in the order of columns.
    Case makes no difference, as it makes none in raw.

    >>> [drift.text for drift in compare({"id": "BIGINT", "a": "DATE", "n": "JSON"}, {"id": "INTEGER", "b": "DATE"})]
    ['id is narrowed from BIGINT to INTEGER', 'n (JSON) is gone', 'a is gone and b is new, both DATE: perhaps renamed']
    """
    held = {name.lower(): kind for name, kind in locked.items()}
    there = {name.lower() for name in found}
    gone = {name: kind for name, kind in locked.items() if name.lower() not in there}
    new = {name: kind for name, kind in found.items() if name.lower() not in held}
    renamed = _suspects(gone, new)
    kept = [(name, held[name.lower()], kind) for name, kind in found.items() if name not in new]
    return [
        *(
            Drift("widened_type" if widens(before, after) else "narrowed_type", name, before, after)
            for name, before, after in kept
            if before != after
        ),
        *(Drift("dropped_column", name, gone[name]) for name in gone if name not in renamed.values()),
        *(Drift("renamed_column", name, gone[old], new[name], old) for name, old in renamed.items()),
        *(Drift("new_column", name, None, new[name]) for name in new if name not in renamed),
    ]


def _suspects(gone: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """New columns that may be renamed ones, each with one that is gone and of its type, in the order of the new ones.

    Names that are most alike find each other first, so that each is in one pair at most.

    >>> _suspects({"town": "TEXT", "name": "TEXT"}, {"age": "INT", "full_name": "TEXT"})
    {'full_name': 'name'}
    """
    alike = {
        (name, old): SequenceMatcher(None, name.lower(), old.lower()).ratio()
        for name in new
        for old in gone
        if new[name] == gone[old]
    }
    suspects: dict[str, str] = {}
    for name, old in sorted(alike, key=lambda pair: -alike[pair]):
        if name not in suspects and old not in suspects.values():
            suspects[name] = old
    return {name: suspects[name] for name in new if name in suspects}


def widens(before: str, after: str) -> bool:
    """Whether every value of the type ``before`` is one of ``after``.

    >>> widens("DECIMAL(10,2)", "DECIMAL(12,2)"), widens("DECIMAL(10,2)", "DECIMAL(10,4)"), widens("BIGINT", "INTEGER")
    (True, False, False)
    """
    if after == "VARCHAR" or (before, after) in {("FLOAT", "DOUBLE"), ("DATE", "TIMESTAMP")}:
        return True
    if before in _WHOLE and after in _WHOLE:
        return _WHOLE.index(before) < _WHOLE.index(after)
    narrow, wide = _DECIMAL.fullmatch(before), _DECIMAL.fullmatch(after)
    if wide is None:
        return False
    whole = int(wide[1]) - int(wide[2])
    if narrow is None:
        return _DIGITS.get(before, 99) <= whole
    return int(narrow[2]) <= int(wide[2]) and int(narrow[1]) - int(narrow[2]) <= whole
