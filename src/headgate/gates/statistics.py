"""Which statistics of the catalog may be believed, file by file.

DESIGN, "Traps of the lake", says where they lie; each rule here is one of them. Of floats they lie where there is a
NaN, and only there: so they say something once the NaNs of a file have been counted, and there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headgate.gates.relation import Checked
from headgate.gates.values import Kind, float_bound, kind_of, stored_bound
from headgate.lake.catalog import Column, ColumnStatistics, DataFile

Statistics = Mapping[tuple[int, int], ColumnStatistics]
#: How many values of a column of floats are NaN in the file in hand; None if nobody counted.
Nans = Callable[[Column], int | None]


def not_counted(_: Column) -> int | None:
    """The answer where no NaN was counted."""
    return None


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
    relation: Checked, names: tuple[str, ...], file: DataFile, stats: Statistics, nans: Nans = not_counted
) -> dict[str, Known] | None:
    """What the catalog proves of the columns in ``names``, or None if anything about one is uncertain."""
    known: dict[str, Known] = {}
    for name in names:
        found = _known(relation.column(name), file, stats, nans)
        if found is None:
            return None
        known[name] = found
    return known


def _known(column: Column, file: DataFile, stats: Statistics, nans: Nans) -> Known | None:
    record = stats.get((file.id, column.id))
    if record is None or file.since < column.since:  # written before the column was, or was what it is now
        return None
    if record.values is None or record.nulls is None or record.values + record.nulls != file.rows:
        return None
    kind = kind_of(column.type)
    empty = record.values == 0
    missing = _missing(file, record.nulls)
    if missing is None:
        return None
    if kind == "float" and not empty:
        return _known_floats(column, file, record, nans(column))
    return Known(kind, missing, empty, stored_bound(record.minimum, kind), stored_bound(record.maximum, kind))


def _known_floats(column: Column, file: DataFile, record: ColumnStatistics, nan: int | None) -> Known | None:
    """A NaN counts as missing. Of a file of which rows were deleted nobody knows whether a NaN is among them."""
    if nan is None or record.nulls is None or file.deletes is not None:
        return None
    if nan or column.type != "DOUBLE":  # a FLOAT's text is another number when it is read as a DOUBLE
        return Known("float", record.nulls + nan, False, None, None)
    return Known("float", record.nulls, False, float_bound(record.minimum), float_bound(record.maximum))


def _missing(file: DataFile, nulls: int) -> int | None:
    if nulls == 0:
        return 0
    if nulls == file.rows:
        return file.rows - file.deleted
    return nulls if file.deleted == 0 else None
