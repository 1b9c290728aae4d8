"""The expectation that a column is distributed as declared, by Kullback-Leibler divergence."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.distinct import comparable
from headgate.gates.expectation import Ask, ReportExpectation, Verdict, expectation
from headgate.gates.relation import Checked
from headgate.gates.values import NUMBERS, UnusableError, json_safe

#: More different values than this are no categories.
MOST_CATEGORIES = 10_000


@dataclass(frozen=True, slots=True)
class Partition:
    """What is expected: the weight of each value, or of each bin between two ends and, maybe, of both tails."""

    weights: tuple[float, ...]
    values: tuple[Any, ...] | None = None
    bins: tuple[float, ...] | None = None
    tail_weights: tuple[float, ...] | None = None


def partition(value: Any) -> Partition:
    """``weights`` that sum up to 1, with as many ``values``, or with ``bins`` that are one more and ascend."""
    if not isinstance(value, Mapping) or "weights" not in value or ("values" in value) == ("bins" in value):
        raise arguments.WrongValueError("must have weights, and either values or bins")
    if set(value) - {"weights", "values", "bins", "tail_weights"}:
        raise arguments.WrongValueError("may have the keys weights, values, bins and tail_weights only")
    weights, tails = _shares(value["weights"]), _shares(value.get("tail_weights") or [])
    if not math.isclose(math.fsum((*weights, *tails)), 1, rel_tol=1e-5, abs_tol=1e-8):
        raise arguments.WrongValueError("has weights that do not sum up to 1")
    if "values" in value:
        values = arguments.value_list(value["values"])
        if len(set(values)) != len(weights) or len(values) != len(weights) or tails:
            raise arguments.WrongValueError("must have as many different values as weights, and no tail_weights")
        return Partition(weights, values=values)
    bins = tuple(
        each if isinstance(each, float) else arguments.amount(each) for each in arguments.value_list(value["bins"])
    )
    if len(bins) != len(weights) + 1 or any(not low < high for low, high in pairwise(bins)):
        raise arguments.WrongValueError("must have one more of bins than of weights, in ascending order")
    if tails and (len(tails) != 2 or math.isinf(bins[0]) or math.isinf(bins[-1])):
        raise arguments.WrongValueError("may have two tail_weights where bins are finite, and none elsewhere")
    return Partition(weights, bins=bins, tail_weights=tails or None)


@expectation("expect_column_kl_divergence_to_be_less_than", dimension="accuracy")
@dataclass(frozen=True)
class DivergenceLessThan(ReportExpectation):
    """The divergence of the column's distribution from the declared one is at most a threshold.

    ``min_value`` and ``max_value`` are arguments of Great Expectations 1.24, which judges by ``threshold`` alone.
    """

    column: str = argument(arguments.name)
    partition_object: Partition = argument(partition)  # noqa: RUF009 - a field, as all
    threshold: float | None = argument(arguments.no_less_than_zero, default=None)
    tail_weight_holdout: float = argument(arguments.share, default=0.0)
    internal_weight_holdout: float = argument(arguments.share, default=0.0)
    bucketize_data: bool = argument(arguments.flag, default=True)
    min_value: float | str | dt.date | None = argument(arguments.bound, default=None)  # noqa: RUF009 - a field, as all
    max_value: float | str | dt.date | None = argument(arguments.bound, default=None)  # noqa: RUF009 - a field, as all

    def __post_init__(self) -> None:
        expected = self.partition_object
        if expected.values is not None and self.internal_weight_holdout:
            raise arguments.ArgumentError("internal_weight_holdout", "is of no use for values")
        if expected.bins is not None and not self.bucketize_data:
            raise arguments.ArgumentError("bucketize_data", "must be true for bins")
        if self.tail_weight_holdout + self.internal_weight_holdout > 1:
            raise arguments.ArgumentError("internal_weight_holdout", "and tail_weight_holdout are more than 1 together")
        endless = expected.bins is not None and math.isinf(expected.bins[0]) and math.isinf(expected.bins[-1])
        if self.tail_weight_holdout and (endless or expected.tail_weights):
            raise arguments.ArgumentError("tail_weight_holdout", "is of no use with infinite bins or tail_weights")

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    def require(self, on: Checked) -> None:
        """Only numbers fall into bins; limits that nobody looks at are no threshold."""
        super().require(on)
        if self.threshold is None and not (self.min_value is None and self.max_value is None):
            raise UnusableError(
                "without a threshold it would hold of everything, whatever its limits are: say threshold"
            )
        kind, type_ = on.kind(self.column), on.column(self.column).type
        if kind in ("other", "time") or (self.partition_object.bins is not None and kind not in NUMBERS):
            raise UnusableError(f"{self.column} holds {type_}, which fits no such partition_object")

    def report(self, on: Checked, ask: Ask) -> Verdict:
        """Measure the distribution."""
        expected = self.partition_object
        if expected.bins is not None:
            return self._binned(expected.bins, on, ask)
        return self._categorical(expected.values or (), on, ask)

    def _categorical(self, values: Sequence[Any], on: Checked, ask: Ask) -> Verdict:
        from headgate.gates import divergence_sql

        rows = ask(divergence_sql.frequencies(on, self.column).limit(MOST_CATEGORIES + 1))
        if len(rows) > MOST_CATEGORIES:
            raise UnusableError(f"{self.column} has more than {MOST_CATEGORIES:,} different values")
        kind, total = on.kind(self.column), sum(count for _, count in rows)
        counts = {comparable(value, kind): count for value, count in rows}
        expected = dict(zip((comparable(value, kind) for value in values), self.partition_object.weights, strict=True))
        others = [value for value, _ in rows if comparable(value, kind) not in expected]
        kept = 1 - self.tail_weight_holdout if others else 1
        weights = [weight * kept for weight in self.partition_object.weights]
        weights += [self.tail_weight_holdout / len(others) for _ in others]
        shown = [*values, *others]
        observed = [counts.get(comparable(value, kind), 0) / total if total else 0.0 for value in shown]
        details = {"observed_partition": {"values": json_safe(shown), "weights": observed}}
        details["expected_partition"] = {"values": json_safe(shown), "weights": weights}
        return self._judged(observed, weights, details)

    def _binned(self, bins: tuple[float, ...], on: Checked, ask: Ask) -> Verdict:
        from headgate.gates import divergence_sql

        (counts,) = ask(divergence_sql.up_to_ends(on, self.column, bins))
        *ends, present = counts
        within = [high - low for low, high in pairwise(ends)]
        seen = [count / present if present else None for count in (ends[0], *within, present - ends[-1])]
        held = 1 - self.tail_weight_holdout - self.internal_weight_holdout
        weights = [weight * held for weight in self.partition_object.weights]
        empty = sum(weight == 0 for weight in weights)
        if self.internal_weight_holdout:
            weights = [weight if weight else self.internal_weight_holdout / empty for weight in weights]
        below, above = self._tails(bins)
        wanted = [below, *weights, above]
        edges = list(bins)
        if math.isinf(bins[0]):  # the first bin is the tail
            wanted, seen, edges = wanted[1:], seen[1:], edges[1:]
        if math.isinf(bins[-1]):
            wanted, seen, edges = wanted[:-1], seen[:-1], edges[:-1]
        details = {
            name: {"bins": edges, "weights": each[1:-1], "tail_weights": [each[0], each[-1]]}
            for name, each in (("observed_partition", seen), ("expected_partition", wanted))
        }
        return self._judged([0.0 if each is None else each for each in seen], wanted, details)

    def _tails(self, bins: tuple[float, ...]) -> tuple[float, float]:
        """What is expected below and above the bins; what is held out goes to the tails that there are."""
        if self.partition_object.tail_weights is not None:
            low, high = self.partition_object.tail_weights
            return low, high
        one_sided = math.isinf(bins[0]) or math.isinf(bins[-1])
        share = self.tail_weight_holdout if one_sided else self.tail_weight_holdout / 2
        return share, share

    def _judged(self, observed: Sequence[float], expected: Sequence[float], details: Mapping[str, Any]) -> Verdict:
        found = divergence(observed, expected)
        success = self.threshold is None or (found is not None and found <= self.threshold)
        return Verdict(success, found, details=details)


def divergence(observed: Sequence[float], expected: Sequence[float]) -> float | None:
    """Of two distributions, each taken as shares of its sum; None if it is infinite, or one of them is empty.

    >>> divergence([0.5, 0.5], [0.5, 0.5]), divergence([1, 0], [0, 1]), divergence([0, 0], [1, 1])
    (0.0, None, None)
    """
    seen, wanted = math.fsum(observed), math.fsum(expected)
    if not seen or not wanted or any(p and not q for p, q in zip(observed, expected, strict=True)):
        return None
    pairs = [(p / seen, q / wanted) for p, q in zip(observed, expected, strict=True) if p]
    return math.fsum(p * math.log(p / q) for p, q in pairs)


def _shares(value: Any) -> tuple[float, ...]:
    return tuple(arguments.share(each) for each in arguments.value_list(value))
