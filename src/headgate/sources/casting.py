"""From text to type, without loss: what DuckDB's casts would round, cut or drop is found, not loaded.

DuckDB reads ``1.5`` into a BIGINT as 2, ``2014-01-01 10:00`` and ``2014-01-01x`` into a DATE as
2014-01-01, and drops ``+02`` from a TIMESTAMP. Here each value must come back from its type as the
text it was, or match the few other spellings that lose nothing (`` 5 ``, ``2.0``, ``007``). The first
test is nearly free, since the hash needs that text anyway.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from headgate.lake.engine import literal

WHOLE = frozenset(f"{sign}{n}INT" for sign in ("", "U") for n in ("TINY", "SMALL", "BIG", "HUGE")) | {
    "INTEGER",
    "UINTEGER",
}
FLOATS = frozenset(["FLOAT", "DOUBLE"])
NonFinite = Literal["refuse", "null"]

_DAY = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_UTC = r"\s*(Z|UTC|[+-]00(:?00)?)?"
_TIME = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{0,%d}0*)?)?"
_DIGITS = {"TIMESTAMP_S": 0, "TIMESTAMP_MS": 3, "TIMESTAMP_NS": 9}


@dataclass(frozen=True, slots=True)
class Formats:
    """How dates and timestamps are written, in strptime's letters; None means ISO 8601."""

    date: str | None = None
    timestamp: str | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """SQL over a raw value: the typed value, and whether it is what was written."""

    value: str
    faithful: str


def cast_text(raw: str, typed: str, kind: str, formats: Formats, non_finite: NonFinite = "refuse") -> Cast:
    """How to read the text ``raw`` as ``kind``. ``typed`` is the SQL name that the value will get.

    ``faithful`` is never null; a null is faithful. With ``non_finite`` ``null``, NaN and infinities
    become null, numbers beyond the type's range do not.
    """
    if kind == "VARCHAR":
        return Cast(raw, "TRUE")
    form = formats.date if kind == "DATE" else formats.timestamp if kind.startswith("TIMESTAMP") else None
    if form:
        return Cast(f"CAST(try_strptime({raw}, {literal(form)}) AS {kind})", f"({raw} IS NULL OR {typed} IS NOT NULL)")
    value = f"TRY_CAST({raw} AS {kind})"
    if kind in FLOATS:
        return _float(raw, typed, value, non_finite)
    pattern = other_spellings(kind)
    if pattern is None:
        return Cast(value, f"({raw} IS NULL OR {typed} IS NOT NULL)")
    # A CASE, since in a projection DuckDB would run the pattern of an OR on every row
    endless = f"WHEN NOT isfinite({typed}) THEN FALSE " if kind.startswith(("DATE", "TIMESTAMP")) else ""
    return Cast(
        value,
        f"CASE {endless}WHEN CAST({typed} AS VARCHAR) = {raw} THEN TRUE WHEN {raw} IS NULL THEN TRUE "
        f"ELSE {typed} IS NOT NULL AND regexp_full_match({raw}, {literal(pattern)}) END",
    )


def cast_native(raw: str, typed: str, kind: str, native: str, non_finite: NonFinite = "refuse") -> Cast:
    """How to bring a value that already is of the type ``native`` to ``kind``."""
    if kind in FLOATS and (native in FLOATS or native in WHOLE or native.startswith("DECIMAL")):
        cast = raw if kind == native else f"CAST({raw} AS {kind})"
        back = f"({raw} IS NULL OR isnan({typed}) OR CAST({typed} AS {native}) = {raw})"
        kept = "TRUE" if kind == native or native not in FLOATS | WHOLE else back
        if non_finite == "null":
            return Cast(f"CASE WHEN isfinite({cast}) THEN {cast} END", "TRUE" if native in FLOATS else kept)
        return Cast(cast, f"({raw} IS NULL OR (isfinite({typed}) AND {kept}))")
    if kind == native:
        return Cast(raw, "TRUE")
    value = f"TRY_CAST({raw} AS {kind})"
    return Cast(value, f"({raw} IS NULL OR coalesce(TRY_CAST({typed} AS {native}) = {raw}, FALSE))")


def other_spellings(kind: str) -> str | None:
    """A pattern of texts that mean a value of ``kind`` without loss although it would be written otherwise.

    >>> bool(re.fullmatch(other_spellings("BIGINT"), "2.0")), bool(re.fullmatch(other_spellings("BIGINT"), "2.5"))
    (True, False)
    >>> bool(re.fullmatch(other_spellings("DECIMAL(10,2)"), "1.250"))
    True
    """
    if kind in WHOLE:
        return r"\s*[+-]?[0-9]+(\.0*)?\s*"
    if found := re.fullmatch(r"DECIMAL\(\d+,(\d+)\)", kind):
        digits = int(found[1])
        below_one = rf"|\.[0-9]{{1,{digits}}}0*" if digits else ""  # never no digit at all: DuckDB reads - as 0
        return rf"\s*[+-]?([0-9]+(\.[0-9]{{0,{digits}}}0*)?{below_one})\s*"
    if kind == "DATE":
        return rf"\s*{_DAY}([ T]00:00(:00(\.0*)?)?{_UTC})?\s*"
    if kind == "TIME":
        return rf"\s*{_TIME % 6}\s*"
    if kind in ("TIMESTAMP", *_DIGITS):
        return rf"\s*{_DAY}([ T]{_TIME % _DIGITS.get(kind, 6)}{_UTC})?\s*"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return rf"\s*{_DAY}([ T]{_TIME % 6}\s*(Z|[A-Za-z_/]+|[+-][0-9]{{2}}(:?[0-9]{{2}})?)?)?\s*"
    return None


def all_faithful(casts: Sequence[Cast]) -> str:
    """SQL that is true for a row all of whose values are what was written."""
    tests = [cast.faithful for cast in casts if cast.faithful != "TRUE"]
    return " AND ".join(tests) or "TRUE"


def _float(raw: str, typed: str, value: str, non_finite: NonFinite) -> Cast:
    number = f"({typed} IS NOT NULL AND isfinite({typed}) AND NOT contains({raw}, '_'))"
    if non_finite == "refuse":
        return Cast(value, f"({raw} IS NULL OR {number})")
    named = f"(TRY_CAST({raw} AS DOUBLE) IS NOT NULL AND NOT regexp_matches({raw}, '[0-9]'))"
    return Cast(f"CASE WHEN isfinite({value}) THEN {value} END", f"({raw} IS NULL OR {named} OR {number})")
