"""The arguments of an expectation: what may be written, and what it means."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields
from typing import Any

from headgate.errors import did_you_mean

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(d|days?|h|hours?|m|min|minutes?|s|seconds?)")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
#: Half of a character beyond 16 bits, which JSON can name alone, as "\ud800".
HALF = re.compile(r"[\ud800-\udfff]")
#: So many lists and mappings may be within one another; the readers of what is in them go down level by level.
MOST_NESTED = 100
Reader = Callable[[Any], Any]

#: Great Expectations writes these beside an expectation's own arguments; none changes the verdict.
IGNORED = frozenset(
    {"batch_id", "catch_exceptions", "description", "include_config", "meta", "notes", "result_format", "severity"}
    | {"auto", "profiler_config"}
)
#: Known to Great Expectations also where we look at all rows. Empty ones say nothing.
NOT_HERE = frozenset({"row_condition", "condition_parser"})


class ArgumentError(ValueError):
    """One argument is wrong: ``key`` says which, ``hint`` what there is instead."""

    def __init__(self, key: str, what: str, hint: str | None = None) -> None:
        self.key = key
        self.what = what
        self.hint = hint
        super().__init__(f"{key}: {what}")


class WrongValueError(ValueError):
    """What a value must be, and is not."""


def argument(read: Reader, *, written: str | None = None, **options: Any) -> Any:
    """A dataclass field whose value is read by ``read``, which raises WrongValueError with what it must be.

    ``written`` is its name in a gate file, where that is not the field's own.
    """
    metadata: dict[str, Any] = {"read": read} if written is None else {"read": read, "name": written}
    return field(metadata=metadata, **options)


def read_arguments(record: type[Any], given: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments for ``record`` from what was written.

    Raises:
        ArgumentError: an argument is unknown, missing or wrong.
    """
    known = {each.metadata.get("name", each.name): each for each in fields(record)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        _require_sayable(key, value)
        if key in known:
            continue
        if key in NOT_HERE:
            if value is not None:
                raise ArgumentError(key, "is not available here")
        elif key not in IGNORED:
            raise ArgumentError(key, "is unknown", hint=did_you_mean(key, known).replace("known:", "it takes", 1))
    for key, each in known.items():
        value = given.get(key)
        if value is None:
            if each.default is MISSING and each.default_factory is MISSING:
                raise ArgumentError(key, "is required" if key not in given else "is required, and cannot be null")
            continue
        try:
            values[each.name] = each.metadata["read"](value)
        except WrongValueError as error:
            raise ArgumentError(key, str(error)) from error
    return values


def _require_sayable(key: str, value: Any) -> None:
    """Whatever is made of an argument, a statement or a report, can be written down.

    Raises:
        ArgumentError: it is nested too deeply, or JSON named half of a character, which is in no text of a table.
    """
    level, depth = [value], 0
    while level:
        if depth > MOST_NESTED:
            raise ArgumentError(key, f"is nested too deeply: {MOST_NESTED} levels are the most")
        below: list[Any] = []
        for each in level:
            if isinstance(each, str):
                if not each.isascii() and HALF.search(each):
                    raise ArgumentError(key, f"holds half of a character, which no text can hold: {shown(each)}")
            elif isinstance(each, Mapping):
                below += [*each.keys(), *each.values()]
            elif isinstance(each, list | tuple | set | frozenset):
                below += each
        level, depth = below, depth + 1


def name(value: Any) -> str:
    """A column's or table's name."""
    if not isinstance(value, str) or not value or "\x00" in value:
        raise WrongValueError(f"must be a name, not {shown(value)}")
    return str(value)


def names(value: Any) -> tuple[str, ...]:
    """A list of names; may be empty."""
    if not isinstance(value, list | tuple | set | frozenset):
        raise WrongValueError(f"must be a list of names, not {shown(value)}")
    return tuple(name(each) for each in value)


def some_names(value: Any) -> tuple[str, ...]:
    """A list of at least one name, none twice."""
    found = names([value] if isinstance(value, str) else value)
    if not found:
        raise WrongValueError("must name at least one column")
    if len(set(found)) < len(found):
        raise WrongValueError("names a column twice")
    return found


def several_names(value: Any) -> tuple[str, ...]:
    """A list of at least two names, none twice."""
    if isinstance(value, str) or len(some_names(value)) < 2:
        raise WrongValueError("must name at least two columns")
    return some_names(value)


def dotted(value: Any) -> tuple[str, ...]:
    """A table, as ``table`` or ``layer.table``: one whose own name has a dot in it, with its layer.

    >>> dotted("raw.store"), dotted("store"), dotted("raw.v1.store")
    (('raw', 'store'), ('store',), ('raw', 'v1.store'))
    """
    parts = tuple(name(value).split(".", 1))
    if not all(parts):
        raise WrongValueError(f"must be table or layer.table, not {shown(value)}")
    return parts


def text(value: Any) -> str:
    """Any text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise WrongValueError(f"must be a text, not {shown(value)}")
    return str(value)


def text_or_mapping(value: Any) -> str | dict[str, Any]:
    """A text, or a mapping as JSON has them."""
    return dict(value) if isinstance(value, dict) else text(value)


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise WrongValueError(f"must be true or false, not {shown(value)}")
    return value


def share(value: Any) -> float:
    """A share from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise WrongValueError(f"must be a number from 0 to 1, not {shown(value)}")
    return float(value)


def bound(value: Any) -> Any:
    """A finite number, a date, or a text that a column's type will make sense of."""
    if isinstance(value, float) and not math.isfinite(value):
        raise WrongValueError(f"must be finite, not {shown(value)}")
    if isinstance(value, list | tuple | dict | set):
        raise WrongValueError(f"must be one value, not {shown(value)}")
    return value


def amount(value: Any) -> int | float:
    """A finite number, or a text that is one, as Great Expectations takes it.

    >>> amount(5), amount("5"), amount(4.5)
    (5, 5, 4.5)
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise WrongValueError(f"must be a number, not {shown(value)}") from None
        value = int(value) if value.is_integer() else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise WrongValueError(f"must be a finite number, not {shown(value)}")
    found: int | float = value
    return found


def whole(value: Any) -> int:
    """A whole number, 0 or more."""
    found = amount(value)
    if found != int(found) or found < 0:
        raise WrongValueError(f"must be a whole number, not {shown(value)}")
    return int(found)


def release(value: Any) -> int:
    """The number of a release, which counts from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise WrongValueError(f"must be the number of a release, 1 or more, not {shown(value)}")
    return int(value)


def no_less_than_zero(value: Any) -> float:
    """A finite number, 0 or more."""
    found = amount(value)
    if found < 0:
        raise WrongValueError(f"must be 0 or more, not {shown(value)}")
    return float(found)


def bins(value: Any) -> int:
    """A number of bins, from 2 to 1000."""
    found = whole(value)
    if not 2 <= found <= 1000:
        raise WrongValueError(f"must be a whole number from 2 to 1000, not {shown(value)}")
    return found


def age(value: Any) -> dt.timedelta:
    """A length of time, such as ``2d``, ``36 hours`` or ``90m``.

    >>> age("2d"), age("1.5 hours")
    (datetime.timedelta(days=2), datetime.timedelta(seconds=5400))
    """
    match = _AGE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise WrongValueError(f"must be a length of time, such as 2d, 36h or 90m, not {shown(value)}")
    try:
        return dt.timedelta(**{_UNITS[match[2][0]]: float(match[1])})
    except OverflowError as error:
        raise WrongValueError(f"must be less than {dt.timedelta.max.days:,} days, not {shown(value)}") from error


def time_limit(value: Any) -> dt.timedelta:
    """A length of time that is not 0."""
    found = age(value)
    if not found:
        raise WrongValueError(f"must be more than nothing, not {shown(value)}")
    return found


def index(value: Any) -> int:
    """A position that counts from 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise WrongValueError(f"must be a position that counts from 0, not {shown(value)}")
    return int(value)


def value_list(value: Any) -> tuple[Any, ...]:
    """A list of plain values; may be empty."""
    if not isinstance(value, list | tuple | set | frozenset):
        raise WrongValueError(f"must be a list of values, not {shown(value)}")
    for each in value:
        if isinstance(each, list | tuple | dict | set):
            raise WrongValueError(f"must hold plain values, not {shown(each)}")
    return tuple(value)


def one_of(*choices: str) -> Reader:
    """One of a few words."""

    def read(value: Any) -> str:
        if value not in choices:
            raise WrongValueError(f"must be one of {', '.join(choices)}, not {shown(value)}")
        return str(value)

    return read


def shown(value: Any) -> str:
    """A value as an error shows it.

    >>> shown("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"
    """
    found = repr(value)
    return found if len(found) <= 60 else found[:59] + "…"
