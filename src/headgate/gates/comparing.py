"""Arguments of Great Expectations 0.18 about how values are compared: met where they can be, else refused.

``parse_strings_as_datetimes``: which texts are dates, and which day ``1/2/2020`` is, was pandas' own guess for each
value. In columns of dates and times there is nothing to be read, so it is met. ``allow_cross_type_comparisons``
changes nothing: a column has one type, and bounds that do not fit it are told by the expectation itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headgate.gates.arguments import flag
from headgate.gates.relation import Checked
from headgate.gates.values import MOMENTS, UnusableError

PARSING = "parse_strings_as_datetimes"
#: What may be written, and how it is read.
READERS = {PARSING: flag, "allow_cross_type_comparisons": flag}


def refuse_guessing(kwargs: Mapping[str, Any], columns: Sequence[str], on: Checked) -> None:
    """Refuse to read texts as dates.

    Raises:
        UnusableError: a column does not hold dates or times.
    """
    if not kwargs.get(PARSING):
        return
    for name in columns:
        if on.kind(name) not in MOMENTS:
            raise UnusableError(
                f"{PARSING} is true and {name} holds {on.column(name).type}: it is not guessed what would be a date;"
                " make it a column of dates or timestamps, or leave the argument out"
            )
