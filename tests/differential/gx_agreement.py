"""Whether Headgate's result is Great Expectations'."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from gx_peer import Theirs
from gx_tables import Table
from headgate.gates import ExpectationResult, Forgetful, compile_gate, evaluate
from headgate.lake.engine import Connection
from headgate.project.declaration import Declared, GateFile
from headgate.standalone.data import own

#: What must be the same, where Great Expectations reports it.
NUMBERS = ("element_count", "missing_count", "unexpected_count", "unexpected_percent")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([T ][\d:.]+)?")
#: What a moment may lose where it is counted as a float of nanoseconds.
AS_FLOAT = dt.timedelta(microseconds=1)
#: Row "observed types".
OBSERVED_OTHERWISE = frozenset(
    {"expect_column_values_to_be_of_type", "expect_column_values_to_be_in_type_list", "expect_column_type_to_be"}
)


def judge(con: Connection, table: Table, declared: Sequence[Declared]) -> tuple[ExpectationResult, ...]:
    """Headgate's verdicts on expectations of a table."""
    table.create(con)
    data = own(con, table.name, table.name)
    gate = compile_gate(GateFile(data.layer, {data.table: tuple(declared)}))
    contents = replace(data.contents, outside=frozenset(f"{data.layer}.{name}" for name in table.all_by_name()))
    return evaluate(con, gate, contents=contents, alias=data.alias, memory=Forgetful()).results


def disagreements(ours: ExpectationResult, theirs: Theirs) -> list[str]:
    """What is not the same, one text each.

    What we could not check they could not, or what we judged they did. Great Expectations' SQL engine counts null
    unexpected rows in an empty table, and may say a NaN where nothing is observed.
    """
    if ours.success != theirs.success or (ours.error is None) != (theirs.error is None):
        return [f"we: {ours.success} ({ours.error}), they: {theirs.success} ({theirs.error})"]
    names = [name for name in NUMBERS if name in theirs.result]
    if theirs.result.get("element_count") == 0:
        names = [name for name in names if theirs.result[name] is not None]
    if "observed_value" in theirs.result and ours.type not in OBSERVED_OTHERWISE:
        names.append("observed_value")
    found = {name: (getattr(ours, name), theirs.result[name]) for name in names}
    unequal = {name: both for name, both in found.items() if not same(*both)}
    if "partial_unexpected_list" in theirs.result:
        examples = list(ours.partial_unexpected_list), theirs.result["partial_unexpected_list"]
        if not same_in_any_order(*examples):
            unequal["partial_unexpected_list"] = examples
    return [f"{name}: we {mine!r}, they {other!r}" for name, (mine, other) in unequal.items()]


def same_in_any_order(mine: list[Any], other: list[Any]) -> bool:
    """Equal but for the order; rows are mappings here and may be lists there."""
    left = [list(each.values()) if isinstance(each, Mapping) else each for each in mine]
    right = [list(each.values()) if isinstance(each, Mapping) else each for each in other]
    for each in left:
        at = next((i for i, one in enumerate(right) if same(each, one)), None)
        if at is None:
            return False
        del right[at]
    return not right


def same(mine: Any, other: Any) -> bool:
    """Equal within floating point; moments however they are written, and nothing also where it is a NaN."""
    if mine is None:
        return other is None or other != other
    if isinstance(mine, Mapping):
        return isinstance(other, Mapping) and mine.keys() == other.keys() and all(same(mine[k], other[k]) for k in mine)
    if isinstance(mine, list | tuple):
        if not isinstance(other, list) or len(mine) != len(other):
            return False
        return all(same(*both) for both in zip(mine, other, strict=True))
    if mine in ("Infinity", "-Infinity"):  # JSON has none
        return bool(other == float(mine))
    if isinstance(mine, str) and mine == other:
        return True
    written, found = _moment(mine.isoformat() if isinstance(mine, dt.date) else mine), _moment(other)
    if isinstance(mine, str | dt.date) and written is not None:
        return found is not None and abs(written - found) <= AS_FLOAT
    if isinstance(mine, bool | int | float | Decimal) and isinstance(other, bool | int | float):
        return mine == other or math.isclose(mine, other, rel_tol=1e-9)
    return bool(mine == other)


def _moment(value: Any) -> dt.datetime | None:
    """A moment as Great Expectations says it: a text, or in the examples of pairs so many nanoseconds since 1970."""
    if isinstance(value, int) and not isinstance(value, bool):
        return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=value // 1000)  # noqa: DTZ001 - without a zone
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:  # a text that only looks like one
        return None
