"""What expectations that something lies between two values have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.values import UnusableError


@dataclass(frozen=True)
class Bounded:
    """Has at least one of two bounds, which are allowed themselves unless ``strict``."""

    min_value: Any = argument(arguments.amount, default=None, kw_only=True)  # noqa: RUF009 - a field
    max_value: Any = argument(arguments.amount, default=None, kw_only=True)  # noqa: RUF009 - a field
    strict_min: bool = argument(arguments.flag, default=False, kw_only=True)
    strict_max: bool = argument(arguments.flag, default=False, kw_only=True)

    def __post_init__(self) -> None:
        if self.min_value is None and self.max_value is None:
            raise arguments.ArgumentError("min_value", "is required, or max_value")

    def require_room(self, low: Any, high: Any) -> None:
        """The bounds, as values that compare, must leave room.

        Raises:
            UnusableError: they do not.
        """
        if low is not None and high is not None and low > high:
            raise UnusableError(f"min_value {self.min_value} is greater than max_value {self.max_value}")

    def is_above(self, value: Any, low: Any) -> bool:
        """Whether the lower bound, if there is one, allows a value."""
        return bool(low is None or (value > low if self.strict_min else value >= low))

    def is_below(self, value: Any, high: Any) -> bool:
        """Whether the upper bound, if there is one, allows a value."""
        return bool(high is None or (value < high if self.strict_max else value <= high))
