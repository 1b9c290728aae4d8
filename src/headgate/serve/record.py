"""What serving gives back, and what the warehouse itself says of the release that it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


def holding(release: int | None) -> str:
    """What a warehouse holds, in words.

    >>> holding(3), holding(None)
    ('release 3', 'nothing of this lake')
    """
    return "nothing of this lake" if release is None else f"release {release}"


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done to one table of the warehouse, in rows."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """The warehouse holds ``release`` now, and held ``before``; ``tables`` has those that were touched.

    ``moved`` is false where it held the release already, just as it is declared.
    """

    release: int
    before: int | None
    moved: bool
    tables: dict[str, Applied] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> Applied:
        """What was done in all."""
        each = self.tables.values()
        return Applied(sum(t.inserted for t in each), sum(t.updated for t in each), sum(t.deleted for t in each))


@dataclass(frozen=True, slots=True)
class Difference:
    """How a table of the warehouse differs from the release that it should hold, in rows."""

    table: str
    missing: int
    surplus: int
    different: int

    @property
    def any(self) -> bool:
        return bool(self.missing or self.surplus or self.different)


@dataclass(frozen=True, slots=True)
class Compared:
    """What a look at the warehouse found: the ``release`` that it says it holds, and how the rows of tables differ.

    ``changes`` says what somebody changed in its tables, and what could not be compared; ``notes`` what was left out.
    """

    release: int
    differences: list[Difference]
    changes: list[str]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Record:
    """The one row of ``headgate_release``. ``lake`` tells lakes apart; rows of Headgate's first versions lack it.

    ``tables`` maps a table to its ``relation`` in the lake, ``rows``, ``identity`` and ``columns`` (name to type)
    as they were served; ``declared`` is a digest of what the project asks of the tables.
    """

    release: int
    run: str | None
    project: str
    target: str | None
    lake: str | None
    catalog_sha256: str
    declared: str
    tables: dict[str, Any]

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> Record:
        """The row as JSON, whichever version of Headgate made its table."""
        values: dict[str, Any] = {each.name: row.get(each.name) for each in fields(cls)}
        return cls(**values)

    @property
    def owner(self) -> str:
        """Whose schema it is."""
        return self.project if self.target is None else f"{self.project}, target {self.target}"
