"""How good data is, in the six dimensions: of each table, each layer, and all of a release.

The score of an expectation that looks at rows is the share of the rows with a value that were as expected; of any
other it is 1 if it held and 0 if it did not. What could not be checked scores 0. A dimension's score is the mean over
its expectations, each counting once, whatever its severity.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headgate.project.declaration import DIMENSIONS

#: The name of what takes all dimensions together.
ALL = "all"


@dataclass(frozen=True, slots=True)
class Score:
    """A score from 0 to 1 over ``total`` expectations, ``held`` of which held."""

    score: float
    held: int
    total: int

    def to_json(self) -> dict[str, Any]:
        """All of it, rounded down, so that only what is perfect looks so."""
        return {"score": int(self.score * 1_000_000) / 1_000_000, "held": self.held, "total": self.total}


def score_of(result: Mapping[str, Any]) -> float:
    """The score of one expectation's result, as JSON has it.

    >>> score_of({"success": True, "error": None, "element_count": 10, "missing_count": 2, "unexpected_count": 2})
    0.75
    >>> score_of({"success": False, "error": "could not be checked", "element_count": None, "unexpected_count": None})
    0.0
    """
    elements, unexpected = result.get("element_count"), result.get("unexpected_count")
    if result.get("error") is not None or elements is None or unexpected is None:
        return float(bool(result["success"]))
    considered = elements - (result.get("missing_count") or 0)
    if considered <= 0:
        return float(bool(result["success"]))
    return max(0.0, 1 - float(unexpected) / float(considered))


def dimensions(results: Iterable[Mapping[str, Any]]) -> dict[str, Score]:
    """The score of each dimension that has an expectation, and of all."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for result in results:
        found[result["dimension"]].append(result)
        found[ALL].append(result)
    return {name: _mean(found[name]) for name in (*DIMENSIONS, ALL) if name in found}


def scorecard(results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The scores of a run's results: of ``tables`` by ``layer.table``, of ``layers``, and of the ``release``."""
    every = list(results)
    tables: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    layers: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for result in every:
        tables[f"{result['layer']}.{result['table']}"].append(result)
        layers[result["layer"]].append(result)
    return {
        "release": _json(every),
        "layers": {name: _json(each) for name, each in layers.items()},
        "tables": {name: _json(each) for name, each in tables.items()},
    }


def _json(results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: score.to_json() for name, score in dimensions(results).items()}


def _mean(results: list[Mapping[str, Any]]) -> Score:
    scores = [score_of(each) for each in results]
    return Score(sum(scores) / len(scores), sum(bool(each["success"]) for each in results), len(results))
