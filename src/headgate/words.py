"""Numbers of things, in words."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """So many of something; ``many`` is what several are called, if that is not ``one`` with an s.

    >>> counted(1, "row"), counted(1200, "row"), counted(0, "branch", "branches")
    ('1 row', '1,200 rows', '0 branches')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
