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

#: Where an expectation says which test it stands for.
TEST = "headgate:dbt_test"
#: Thresholds that zero failures do not reach: ``!= 0`` is dbt's own.
_NOT_AT_ZERO = re.compile(r"\s*(!=\s*0|<>\s*0|>\s*\d+|>=\s*0*[1-9]\d*)\s*")
_WHOLE = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)")


def as_expectation(test: Node, models: Models) -> Declared | None:
    """The expectation that holds only if ``test`` passes; None if there is none."""
    table = models.nodes.get(test.attached or "")
    if table is None or table.materialized not in ("table", "incremental") or not _passes_at_zero(test.config):
        return None
    kwargs = dict(test.kwargs)
    column = kwargs.pop("column_name", None)
    if not isinstance(column, str) or test.own_macros or test.reads_ephemeral:
        return None
    column = column.strip('"')
    if test.test == "not_null":
        return _declared(test, "expect_column_values_to_not_be_null", column=column)
    if test.test == "unique":
        return _declared(test, "expect_column_values_to_be_unique", column=column)
    if test.test == "accepted_values" and _all_alike(kwargs.get("values")):
        return _declared(test, "expect_column_values_to_be_in_set", column=column, value_set=kwargs["values"])
    others = [models.relations[i] for i in test.inputs if i != test.attached and i in models.relations]
    if test.test == "relationships" and len(others) == 1 and isinstance(kwargs.get("field"), str):
        field = kwargs["field"].strip('"')
        return _declared(test, "references", columns=[column], to=others[0], to_columns=[field])
    return None


def fits(expectation: Declared, kinds: Mapping[str, str]) -> bool:
    """Whether gate and dbt mean the same for a column of this type; ``kinds`` maps columns to DuckDB types.

    They do not for floats: for the gate, as for Great Expectations, NaN is no value at all.
    """
    column = expectation.kwargs.get("column") or expectation.kwargs["columns"][0]
    kind = next((each for name, each in kinds.items() if name.lower() == column.lower()), None)
    if expectation.type == "expect_column_values_to_not_be_null":
        return True
    if expectation.type == "expect_column_values_to_be_in_set":
        texts = isinstance(expectation.kwargs["value_set"][0], str)
        return kind == "VARCHAR" if texts else bool(kind and _WHOLE.fullmatch(kind))
    return kind is not None and kind not in ("FLOAT", "DOUBLE")


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


def _declared(test: Node, kind: str, **kwargs: Any) -> Declared:
    return Declared(kind, kwargs, Place(test.file))


def _all_alike(values: Any) -> bool:
    if not isinstance(values, list) or not values:
        return False
    return all(isinstance(v, str) for v in values) or all(type(v) is int for v in values)


def _passes_at_zero(config: Mapping[str, Any]) -> bool:
    thresholds = [str(config.get(name) or "!= 0") for name in ("warn_if", "error_if")]
    plain = (config.get("fail_calc") or "count(*)") == "count(*)" and not config.get("store_failures")
    return plain and all(_NOT_AT_ZERO.fullmatch(each) for each in thresholds)
