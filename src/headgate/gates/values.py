"""What a column's type means for a gate, and how values of a suite meet values of a column.

A suite is JSON or YAML, so a value arrives as a number, text, boolean or date. Equality is that of Great
Expectations on pandas: a text never equals a number, ``1`` equals ``1.0`` and ``True``. Dates and times
are the exception: JSON has none, so their texts are read (ISO 8601 only, since ``1/2/2020`` is two days).
"""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

Kind = Literal[
    "integer", "decimal", "float", "boolean", "text", "uuid", "date", "timestamp", "timestamptz", "time", "other"
]
NUMBERS: frozenset[Kind] = frozenset({"integer", "decimal", "float", "boolean"})
MOMENTS: frozenset[Kind] = frozenset({"date", "timestamp", "timestamptz"})

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), "integer"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "integer"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "float"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "timestamp"),
    "BOOLEAN": "boolean",
    "VARCHAR": "text",
    "UUID": "uuid",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "TIME": "time",
}
#: The type of moments that are finer than a suite's, or Python's, which are of microseconds.
NANOSECONDS = "TIMESTAMP_NS"
#: Types of columns that hold documents and nothing else, the second one PostgreSQL's.
DOCUMENTS = frozenset({"JSON", "JSONB"})
#: With which moments of other types DuckDB compares one of nanoseconds.
_OF_NANOSECONDS = (dt.datetime(1677, 9, 22), dt.datetime(2262, 4, 11, 23, 47, 16, 854775))  # noqa: DTZ001 - has no zone
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6}0*)?)?(Z|[+-]\d{2}(:?\d{2})?)?")
_UUID = re.compile(
    r"(\{)?[0-9a-f]{8}(-?)[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{12}(?(1)\})", re.ASCII | re.IGNORECASE
)
_DECIMAL = re.compile(r"DECIMAL\((\d+), ?(\d+)\)")
_BITS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}
_INTEGER = re.compile(r"-?\d{1,40}")
#: DuckLake cuts longer texts, and cuts the maximum below the truth.
LONGEST_EXACT_TEXT = 255


class UnusableError(ValueError):
    """Why an expectation cannot be checked on the data that is there."""


class MissingError(UnusableError):
    """A table, or a column of one, that an expectation names is not there; ``hint`` says what is there instead."""

    def __init__(self, what: str, hint: str) -> None:
        self.what = what
        self.hint = hint
        super().__init__(f"{what}: {hint}")


@lru_cache(maxsize=1024)
def kind_of(type_: str) -> Kind:
    """What kind of values a DuckDB type holds.

    An ENUM holds its texts, which compare with other ones as texts do.

    >>> kind_of("BIGINT"), kind_of("DECIMAL(10,2)"), kind_of("INTEGER[]"), kind_of("ENUM('a', 'b')")
    ('integer', 'decimal', 'other', 'text')
    """
    if type_.endswith("]"):
        return "other"
    if type_.startswith("DECIMAL"):
        return "decimal"
    return "text" if is_enum(type_) else _KINDS.get(type_, "other")


def is_enum(type_: str) -> bool:
    """Whether a type is a list of texts.

    >>> is_enum("ENUM('a', 'b')"), is_enum("ENUM('a')[]"), is_enum("VARCHAR")
    (True, False, False)
    """
    return type_.startswith("ENUM(") and type_.endswith(")")


def uuid_text(value: object) -> str | None:
    """A UUID as it is written; None if it is none. DuckDB and PostgreSQL both read these forms of it.

    >>> uuid_text("{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}"), uuid_text("none")
    ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', None)
    """
    found = _UUID.fullmatch(str(value)) if isinstance(value, str | UUID) else None
    return str(UUID(found[0])) if found else None


def moment(value: object, kind: Kind) -> dt.datetime | None:
    """The moment that a suite's value, or a catalog's text, names; None if it names none.

    Dates are midnights. Moments of ``timestamptz`` carry UTC, all others no zone. None is before year 1 or after 9999,
    in UTC either.

    >>> moment("2020-01-31", "date")
    datetime.datetime(2020, 1, 31, 0, 0)
    >>> moment("2020-01-31 10:00:00+02", "timestamptz")
    datetime.datetime(2020, 1, 31, 8, 0, tzinfo=datetime.timezone.utc)
    >>> moment("2020-01-31T10:00:00.250000000", "timestamp"), moment("2020-01-31T10:00:00.000000001", "timestamp")
    (datetime.datetime(2020, 1, 31, 10, 0, 0, 250000), None)
    >>> moment("31/1/2020", "date") is None
    True
    """
    found: dt.datetime | None = None
    if isinstance(value, dt.datetime):
        found = value
    elif isinstance(value, dt.date):
        found = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a calendar date has no zone
    elif isinstance(value, str) and (_DATE.fullmatch(value) or _TIMESTAMP.fullmatch(value)):
        try:
            found = dt.datetime.fromisoformat(value)
        except ValueError:
            return None
    if found is None:
        return None
    if kind == "timestamptz":
        try:
            return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
        except OverflowError:
            return None
    return None if found.tzinfo is not None else found


def is_of(type_: str, value: dt.datetime) -> bool:
    """Whether a column of a type can hold a moment; where it cannot, DuckDB refuses to compare the two.

    >>> is_of("TIMESTAMP", dt.datetime(9999, 12, 31)), is_of("TIMESTAMP_NS", dt.datetime(9999, 12, 31))
    (True, False)
    """
    return type_ != NANOSECONDS or _OF_NANOSECONDS[0] <= value <= _OF_NANOSECONDS[1]


def as_number(value: Any) -> Any:
    """A number, also where it is written as a text; None if it is none.

    >>> as_number("5"), as_number("1.5"), as_number("x"), as_number(2)
    (5, 1.5, None, 2)
    """
    if not isinstance(value, str):
        return value
    try:
        return float(value) if not value.strip().lstrip("-").isdigit() else int(value)
    except ValueError:
        return None


def number(value: object) -> int | Decimal | None:
    """A suite's number without rounding: an int, or the decimal that was written; None if it is none.

    >>> number(2.0), number(0.1), number(True), number("1"), number(float("inf"))
    (2, Decimal('0.1'), 1, None, None)
    """
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = Decimal(repr(value))
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else value
    return None


@lru_cache(maxsize=1024)
def _grid(type_: str) -> tuple[int, int, int] | None:
    """The digits behind the point of a type's values, and the least and greatest of them without a point.

    None for types that have no such values. Beside a number that is none of them DuckDB would compare both as floats.
    """
    bits = _BITS.get(type_.removeprefix("U"))
    if bits is not None:
        return (0, 0, 2**bits - 1) if type_.startswith("U") else (0, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    found = _DECIMAL.fullmatch(type_)
    if found is None:
        return None
    greatest = 10 ** int(found[1]) - 1
    return int(found[2]), -greatest, greatest


def can_hold(type_: str, value: int | Decimal) -> bool:
    """Whether a number can be a value of a type; where it cannot, DuckDB would change one of the two, or refuse.

    >>> [can_hold("DECIMAL(3,1)", each) for each in (Decimal("1.5"), Decimal("1.55"), 100)]
    [True, False, False]
    >>> can_hold("UTINYINT", 255), can_hold("TINYINT", 255)
    (True, False)
    """
    grid = _grid(type_)
    if grid is None:
        return True
    digits, least, greatest = grid
    whole = Fraction(value) * 10**digits
    return bool(whole.denominator == 1 and least <= whole <= greatest)


def nearest_bound(type_: str, bound: int | Decimal, strict: bool, *, up: bool) -> tuple[int | Decimal, bool]:
    """The bound that a type can hold and that allows the same of its values: a least one if ``up``, else a greatest.

    >>> nearest_bound("DECIMAL(3,1)", Decimal("1.55"), True, up=True)
    (Decimal('1.6'), False)
    >>> nearest_bound("DECIMAL(3,1)", 100, False, up=True), nearest_bound("DECIMAL(3,1)", 100, True, up=False)
    ((Decimal('99.9'), True), (Decimal('99.9'), False))
    """
    grid = _grid(type_)
    if grid is None:
        return bound, strict
    digits, least, greatest = grid
    exact = Fraction(bound) * 10**digits
    whole = math.ceil(exact) if up else math.floor(exact)
    strict = strict and exact == whole
    if not least <= whole <= greatest:  # beyond all values, which it allows or none of which it allows
        strict = (whole > greatest) == up
        whole = greatest if whole > greatest else least
    sign, figures = int(whole < 0), tuple(map(int, str(abs(whole))))
    return (Decimal((sign, figures, -digits)) if digits else whole), strict


def as_float(value: int | Decimal) -> float | None:
    """A number as a column of floats compares with it; None if it lies beyond all of them.

    >>> as_float(2), as_float(10**400)
    (2.0, None)
    """
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


@lru_cache(maxsize=4096)  # asked by each expectation on a column
def stored_bound(text: str | None, kind: Kind) -> Any:
    """A minimum or maximum as the catalog writes it, as a value that compares; None if it proves nothing.

    Only texts with one possible meaning are read, so DuckDB's own cast could read nothing else.

    >>> stored_bound("-3", "integer"), stored_bound("1", "boolean"), stored_bound("2.50", "decimal")
    (-3, 1, Decimal('2.50'))
    >>> stored_bound("infinity", "date"), stored_bound("1.5", "float")
    (None, None)
    """
    if text is None:
        return None
    if kind == "integer":
        return int(text) if _INTEGER.fullmatch(text) else None
    if kind == "boolean":
        return {"0": 0, "1": 1, "false": 0, "true": 1}.get(text)
    if kind == "decimal":
        try:
            value = Decimal(text)
        except InvalidOperation:
            return None
        return value if value.is_finite() else None
    if kind in MOMENTS:
        return moment(text, kind)
    if kind == "text":
        return text if len(text.encode()) <= LONGEST_EXACT_TEXT else None
    return None


def float_bound(text: str | None) -> float | None:
    """A minimum or maximum of a DOUBLE column as the catalog writes it, with every digit; None if it proves nothing.

    >>> float_bound("0.1"), float_bound("-inf"), float_bound("nan"), float_bound(None)
    (0.1, -inf, None, None)
    """
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return None if math.isnan(value) else value


def json_safe(value: Any) -> Any:
    """The same value as JSON knows it, without NaN and infinities, which are no JSON.

    >>> json_safe([Decimal("1.50"), dt.date(2020, 1, 2), float("nan")])
    [1.5, '2020-01-02', 'NaN']
    """
    if isinstance(value, str | bool | int | None):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, Decimal):
        return json_safe(float(value))
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): json_safe(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_safe(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
