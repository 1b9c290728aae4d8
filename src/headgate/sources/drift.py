"""Schema drift: how the columns of a table differ from those that ``schema.lock`` holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Class = Literal["new_column", "dropped_column", "type_change", "new_table", "dropped_table"]

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference. ``before`` and ``after`` are types, None where there is no column; of a table all three are None.

    ``renamed_from`` names a dropped column of the same type that this new one may be, ``renamed_to`` the new one that
    a dropped one may be.
    """

    kind: Class
    column: str | None = None
    before: str | None = None
    after: str | None = None
    renamed_from: str | None = None
    renamed_to: str | None = None

    @property
    def text(self) -> str:
        """The difference in words.

        >>> Drift("type_change", "n", "INTEGER", "BIGINT").text
        'n is widened from INTEGER to BIGINT'
        """
        if self.kind == "new_table":
            return "the table is not in schema.lock; a run takes it in"
        if self.kind == "dropped_table":
            return "the table was read before and is gone; if that was on purpose, leave it out with exclude"
        if self.kind == "new_column":
            suspect = f"; perhaps {self.renamed_from} under another name" if self.renamed_from else ""
            return f"{self.column} is new ({self.after}){suspect}"
        if self.kind == "dropped_column":
            suspect = f"; perhaps it is called {self.renamed_to} now" if self.renamed_to else ""
            return f"{self.column} ({self.before}) is gone{suspect}"
        how = "widened" if widens(str(self.before), str(self.after)) else "narrowed or changed"
        return f"{self.column} is {how} from {self.before} to {self.after}"


def compare(locked: Mapping[str, str], found: Mapping[str, str]) -> list[Drift]:
    """All differences between the columns that are held and those that are there, in the order of columns.

    >>> [drift.text for drift in compare({"id": "INTEGER", "a": "DATE"}, {"id": "BIGINT", "b": "DATE"})][1:]
    ['a (DATE) is gone; perhaps it is called b now', 'b is new (DATE); perhaps a under another name']
    """
    dropped = [name for name in locked if name not in found]
    new = [name for name in found if name not in locked]
    drifts = [
        Drift("type_change", name, locked[name], found[name])
        for name in found
        if name in locked and locked[name] != found[name]
    ]
    suspects: dict[str, str] = {}
    for name in new:
        alike = [each for each in dropped if locked[each] == found[name]]
        if len(alike) == 1:
            suspects[name] = alike[0]
    names = {before: after for after, before in reversed(suspects.items())}
    drifts += [Drift("dropped_column", name, locked[name], None, None, names.get(name)) for name in dropped]
    drifts += [Drift("new_column", name, None, found[name], suspects.get(name)) for name in new]
    return drifts


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
