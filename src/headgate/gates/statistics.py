"""Which statistics of the catalog may be believed, file by file.

DESIGN, "Traps of the lake", says where they lie; each rule here is one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headgate.gates.relation import Checked
from headgate.gates.values import Kind, kind_of, stored_bound
from headgate.lake.catalog import Column, ColumnStatistics, DataFile

Statistics = Mapping[tuple[int, int], ColumnStatistics]


@dataclass(frozen=True, slots=True)
class Known:
    """What is certain of one column in one file.

    ``missing`` counts the rows without a value, deleted rows left out. ``low`` and ``high`` bound every value
    (deletes only make them wider than the truth); both are None when there is no value, or none is certain.
    """

    kind: Kind
    missing: int
    empty: bool
    low: Any
    high: Any

    @property
    def bounded(self) -> bool:
        """Whether every value lies between ``low`` and ``high``."""
        return self.empty or (self.low is not None and self.high is not None)


def known_of_file(
    relation: Checked, names: tuple[str, ...], file: DataFile, stats: Statistics
) -> dict[str, Known] | None:
    """What the catalog proves of the columns in ``names``, or None if anything about one is uncertain."""
    known: dict[str, Known] = {}
    for name in names:
        found = _known(relation.column(name), file, stats)
        if found is None:
            return None
        known[name] = found
    return known


def _known(column: Column, file: DataFile, stats: Statistics) -> Known | None:
    record = stats.get((file.id, column.id))
    if record is None or file.since < column.since:  # written before the column was, or was what it is now
        return None
    if record.values is None or record.nulls is None or record.values + record.nulls != file.rows:
        return None
    kind = kind_of(column.type)
    empty = record.values == 0
    missing = _missing(file, record.nulls)
    if missing is None or (kind == "float" and not empty):  # a NaN counts as missing, and is nowhere counted
        return None
    return Known(kind, missing, empty, stored_bound(record.minimum, kind), stored_bound(record.maximum, kind))


def _missing(file: DataFile, nulls: int) -> int | None:
    if nulls == 0:
        return 0
    if nulls == file.rows:
        return file.rows - file.deleted
    return nulls if file.deleted == 0 else None
