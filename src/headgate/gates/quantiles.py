"""The expectation on quantiles of a column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import Ask, ReportExpectation, Verdict, expectation
from headgate.gates.relation import Checked
from headgate.gates.values import NUMBERS, UnusableError

#: How a quantile between two values is chosen, as pandas calls it.
WAYS = ("linear", "lower", "higher", "midpoint", "nearest")


@dataclass(frozen=True, slots=True)
class QuantileRanges:
    """For each quantile the least and the greatest value allowed, None where there is no bound."""

    quantiles: tuple[float, ...]
    value_ranges: tuple[tuple[float | None, float | None], ...]


def read_ranges(value: Any) -> QuantileRanges:
    """``quantiles``, from 0 to 1, and as many ``value_ranges``."""
    if not isinstance(value, Mapping) or set(value) != {"quantiles", "value_ranges"}:
        raise arguments.WrongValueError("must have the keys quantiles and value_ranges")
    quantiles, ranges = value["quantiles"], value["value_ranges"]
    if not isinstance(quantiles, Sequence) or not isinstance(ranges, Sequence) or len(quantiles) != len(ranges):
        raise arguments.WrongValueError("must have as many value_ranges as quantiles")
    for each in ranges:
        if not isinstance(each, Sequence) or isinstance(each, str) or len(each) != 2:
            raise arguments.WrongValueError(
                f"each of value_ranges must be [least, greatest], not {arguments.shown(each)}"
            )
    pairs = tuple((_end(low), _end(high)) for low, high in ranges)
    return QuantileRanges(tuple(arguments.share(each) for each in quantiles), pairs)


def way(value: Any) -> str:
    """How a quantile between two values is chosen: the nearest value if true or false."""
    return "nearest" if isinstance(value, bool) else str(arguments.one_of(*WAYS)(value))


@expectation("expect_column_quantile_values_to_be_between", dimension="accuracy")
@dataclass(frozen=True)
class QuantilesBetween(ReportExpectation):
    """Each quantile lies in its range, or within a ten-thousandth of one of its ends."""

    column: str = argument(arguments.name)
    quantile_ranges: QuantileRanges = argument(read_ranges)  # noqa: RUF009 - a field, as all
    allow_relative_error: str = argument(way, default="nearest")

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def require(self, on: Checked) -> None:
        """Only numbers have quantiles that compare with numbers, two-valued ones nothing between; ranges leave room."""
        super().require(on)
        kind, type_ = on.kind(self.column), on.column(self.column).type
        if kind not in NUMBERS:
            raise UnusableError(f"{self.column} holds {type_}: only numbers have quantiles")
        for low, high in self.quantile_ranges.value_ranges:
            if low is not None and high is not None and low > high:
                raise UnusableError(f"quantile_ranges has a range that leaves no room, {low} to {high}")
        if kind == "boolean" and self.allow_relative_error in ("linear", "midpoint"):
            raise UnusableError(f"{self.column} holds {type_}, which has nothing between two values")

    def report(self, on: Checked, ask: Ask) -> Verdict:
        """Look for each."""
        ranges = self.quantile_ranges
        values = quantiles_of(on, self.column, ranges.quantiles, self.allow_relative_error, ask)
        details = [_is_in(value, *each) for value, each in zip(values, ranges.value_ranges, strict=True)]
        observed = {"quantiles": list(ranges.quantiles), "values": values}
        return Verdict(all(details), observed, details={"success_details": details})


def quantiles_of(on: Checked, column: str, quantiles: Sequence[float], way_: str, ask: Ask) -> list[Any]:
    """Quantiles of a column's values, each chosen in this way as pandas does; None where there are no values.

    The values are counted, so that each quantile is a place in their order, and then asked for by their places.
    """
    from sqlglot import exp

    from headgate.gates import sql

    present = exp.Where(this=sql.is_present(column, on.kind(column)))
    counted = exp.Filter(this=exp.Count(this=exp.Star()), expression=present)
    ((count,),) = ask(exp.select(counted).from_(sql.relation(on)))
    if not count:
        return [None] * len(quantiles)
    parts = [_parts(each, count, way_) for each in quantiles]
    places = sorted({place for low, high, _ in parts for place in (low, high)})
    # the engine takes the value at place ceil(share * count) - 1, which half a place more names safely
    shares = [exp.Literal.number(repr((place + 0.5) / count)) for place in places]
    wanted = exp.Anonymous(this="quantile_disc", expressions=[sql.column(column), exp.Array(expressions=shares)])
    filtered = exp.Filter(this=wanted, expression=present.copy())
    ((found,),) = ask(exp.select(filtered).from_(sql.relation(on)))
    at = dict(zip(places, found, strict=True))
    return [_between(at[low], at[high], share) for low, high, share in parts]


def _end(value: Any) -> float | None:
    return None if value is None else arguments.amount(value)


def _parts(quantile: float, count: int, way_: str) -> tuple[int, int, float]:
    """The places of two values, from 0, and how far from the first to the second the quantile lies.

    >>> _parts(0.5, 4, "nearest"), _parts(0.5, 4, "linear"), _parts(0.25, 4, "midpoint")
    ((2, 2, 0.0), (1, 2, 0.5), (0, 1, 0.5))
    """
    place = (count - 1) * quantile
    low, high = math.floor(place), math.ceil(place)
    if way_ == "lower":
        return low, low, 0.0
    if way_ == "higher":
        return high, high, 0.0
    if way_ == "nearest":  # of two that are equally near the even one, as in pandas
        return round(place), round(place), 0.0
    return low, high, 0.5 if way_ == "midpoint" and low != high else place - low


def _between(low: Any, high: Any, share: float) -> Any:
    if share == 0:
        return low
    span = float(high) - float(low)
    found = float(low) + span * share if share < 0.5 else float(high) - span * (1 - share)  # as numpy does
    return None if math.isnan(found) else found


def _is_in(value: Any, low: float | None, high: float | None) -> bool:
    """Within the range, or as close to an end as Great Expectations allows."""
    if value is None:
        return False
    ends = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
    near = any(
        end == float(value) or (math.isfinite(end) and abs(float(value) - end) <= 1e-8 + 1e-4 * abs(end))
        for end in ends
    )
    return near or ends[0] <= float(value) <= ends[1]
