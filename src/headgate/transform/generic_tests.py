"""dbt's generic tests that the gate can judge together with its own expectations, instead of one query each.

The gate is only asked whether a test holds for the whole table, without any exception. If so it holds for
every part of it (``where``), and no threshold on the number of failures is reached. Whatever the gate does
not find to hold is run by dbt, which alone decides what a failure means.

Source: https://docs.getdbt.com/reference/resource-properties/data-tests
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from headgate.project.declaration import Declared, Place
from headgate.transform.models import Models, Node
from headgate.transform.package_tests import Meant, meant_by

#: Where an expectation says which test it stands for.
TEST = "headgate:dbt_test"
#: Thresholds that zero failures do not reach: ``!= 0`` is dbt's own.
_NOT_AT_ZERO = re.compile(r"\s*(!=\s*0|<>\s*0|>\s*\d+|>=\s*0*[1-9]\d*)\s*")
_WHOLE = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)")
_EXACT = re.compile(rf"{_WHOLE.pattern}|DECIMAL\(\d+,\d+\)")
#: What a test can be attached to for the gate to judge it.
MATERIALIZED = ("table", "incremental", "view")
NOT_NULL = "expect_column_values_to_not_be_null"
IN_SET = "expect_column_values_to_be_in_set"
_OF_TEXTS = frozenset(
    {f"expect_column_value_lengths_to_{each}" for each in ("equal", "be_between")}
    | {"expect_column_values_to_match_regex"}
)
_OF_NUMBERS = frozenset(f"expect_column_{each}_to_be_between" for each in ("values", "max", "min", "sum"))


def as_expectation(test: Node, models: Models) -> Declared | None:
    """The expectation that holds only if ``test`` passes; None if there is none."""
    table = models.nodes.get(test.attached or "")
    if table is None or table.materialized not in MATERIALIZED or test.own_macros or not _passes_at_zero(test.config):
        return None
    kwargs = dict(test.kwargs)
    column = kwargs.pop("column_name", None)
    if column is not None and not isinstance(column, str):
        return None
    column = None if column is None else column.strip('"')
    others = [models.relations[i] for i in test.inputs if i != test.attached and i in models.relations]
    whole = not test.config.get("where") and not test.config.get("limit")
    meant = (
        _meant_by_dbt(test.test, kwargs, column, others)
        if test.namespace is None
        else meant_by(test.namespace, test.test or "", kwargs, column, others, whole=whole)
    )
    return None if meant is None else Declared(meant[0], meant[1], Place(test.file))


def _meant_by_dbt(test: str | None, given: dict[str, Any], column: str | None, others: list[str]) -> Meant | None:
    """The same of dbt's own tests, which are about a column each."""
    if column is None:
        return None
    if test == "not_null":
        return NOT_NULL, {"column": column}
    if test == "unique":
        return "expect_column_values_to_be_unique", {"column": column}
    if test == "accepted_values" and _all_alike(given.get("values")):
        return IN_SET, {"column": column, "value_set": given["values"]}
    if test == "relationships" and len(others) == 1 and isinstance(given.get("field"), str):
        return "references", {"columns": [column], "to": others[0], "to_columns": [given["field"].strip('"')]}
    return None


def fits(expectation: Declared, kinds: Mapping[str, str]) -> bool:
    """Whether gate and dbt mean the same for columns of these types; ``kinds`` maps columns to DuckDB types.

    They do not for floats: for the gate, as for Great Expectations, NaN is no value at all.
    """
    types = {name.lower(): type_ for name, type_ in kinds.items()}
    given = expectation.kwargs
    named = [given["column"]] if "column" in given else given.get("columns", given.get("column_list", []))
    found = [types.get(name.lower()) for name in named]
    if expectation.type == NOT_NULL:
        return True
    if expectation.type in _OF_TEXTS:
        return found == ["VARCHAR"]
    if expectation.type == IN_SET and isinstance(given["value_set"][0], str):
        return found == ["VARCHAR"]
    if expectation.type == IN_SET:
        return bool(found[0] and _WHOLE.fullmatch(found[0]))
    if expectation.type in _OF_NUMBERS:
        return bool(found[0] and _EXACT.fullmatch(found[0]))
    return all(each is not None and each not in ("FLOAT", "DOUBLE") for each in found)


def to_json(test: Node, expectation: Declared, models: Models) -> dict[str, Any]:
    """As the build step hands it to the gate step, which may be another process."""
    return {
        "test": test.id,
        "name": test.name,
        "type": f"dbt:{test.test}",
        "kwargs": dict(test.kwargs),
        "severity": test.severity,
        "table": models.nodes[test.attached or ""].table,
        "expectation": expectation.type,
        "arguments": expectation.kwargs,
        "place": expectation.place.file,
    }


def from_json(entry: Mapping[str, Any]) -> Declared:
    """The expectation that the build step handed over; ``TEST`` in its ``meta`` is the id of the test."""
    return Declared(entry["expectation"], dict(entry["arguments"]), Place(entry["place"]), meta={TEST: entry["test"]})


def _all_alike(values: Any) -> bool:
    if not isinstance(values, list) or not values:
        return False
    return all(isinstance(v, str) for v in values) or all(type(v) is int for v in values)


def _passes_at_zero(config: Mapping[str, Any]) -> bool:
    thresholds = [str(config.get(name) or "!= 0") for name in ("warn_if", "error_if")]
    plain = (config.get("fail_calc") or "count(*)") == "count(*)" and not config.get("store_failures")
    return plain and all(_NOT_AT_ZERO.fullmatch(each) for each in thresholds)
