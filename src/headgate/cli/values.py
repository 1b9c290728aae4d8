"""Values of a database, as JSON and as text.

JSON has no dates, decimals or NaN. What it has no word for becomes a text that loses nothing; the rules
are in ``docs/reference/json.md``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, time
from typing import Any

from headgate.errors import printable


def plain(value: Any) -> Any:
    """The nearest value that JSON knows.

    >>> from datetime import datetime, timedelta
    >>> from decimal import Decimal
    >>> plain([Decimal("1.50"), datetime(2024, 2, 29, 12), float("nan"), b"\\x00\\xff", timedelta(days=1)])
    ['1.50', '2024-02-29T12:00:00', 'NaN', '00ff', '1 day, 0:00:00']
    >>> plain({date(2024, 1, 1): {"a": (1, None)}})
    {'2024-01-01': {'a': [1, None]}}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, Mapping):
        return {_key(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return str(value)


def json_text(value: Any, *, ascii_only: bool = False) -> str:
    """One JSON text on one line.

    >>> json_text({"a": [float("inf"), "é"]})
    '{"a": ["Infinity", "é"]}'
    """
    return json.dumps(plain(value), ensure_ascii=ascii_only, allow_nan=False)


def exact(value: Any) -> str:
    """A cell of a query's result: digits without separators, and no character that moves the cursor.

    >>> [exact(v) for v in (1017209, 0.1, True, None, "", "a\\nb", "\\x1b[31m", [1, None], "é")]
    ['1017209', '0.1', 'true', 'NULL', '', 'a\\\\nb', '\\\\x1b[31m', '[1, null]', 'é']
    """
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list | tuple):
        return printable(json_text(value))
    if isinstance(value, date):
        return value.isoformat().replace("T", " ")
    return str(value) if isinstance(value, float) else str(plain(value))


def grouped(value: Any) -> str:
    """A cell of Headgate's own tables: whole numbers in groups of three digits, nothing for nothing.

    >>> [grouped(v) for v in (1017209, None, "2024-01-01")]
    ['1,017,209', '', '2024-01-01']
    """
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else printable(str(value))


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(plain(key))
