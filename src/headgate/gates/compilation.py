"""From what is declared to what can be evaluated: names and arguments are checked, no data is touched."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from headgate.errors import ConfigError, did_you_mean
from headgate.gates.arguments import HALF, ArgumentError, WrongValueError, read_arguments, shown
from headgate.gates.comparing import READERS
from headgate.gates.expectation import ConditionalExpectation, CountedExpectation, Expectation, registry
from headgate.gates.relation import RAW
from headgate.gates.values import json_safe
from headgate.lake.catalog import digest
from headgate.lake.quarantine import SCHEMA, table_name
from headgate.project.declaration import DIMENSIONS, Declared, GateFile
from headgate.project.pii import NO_PII, Pii

_TESTED = "take out this one; expect_column_kl_divergence_to_be_less_than and distribution_change compare distributions"
#: Names in Great Expectations' core list that have no equal here, and what comes near; it can judge the last alone.
ONLY_THERE = {
    "expect_column_bootstrapped_ks_test_p_value_to_be_greater_than": _TESTED,
    "expect_column_chisquare_test_p_value_to_be_greater_than": _TESTED,
    "expect_column_pair_cramers_phi_value_to_be_less_than": "take out this one",
    "expect_column_parameterized_distribution_ks_test_p_value_to_be_greater_than": _TESTED,
    "expect_multicolumn_values_to_be_unique": "its new name: expect_select_column_values_to_be_unique_within_record",
    "expect_query_results_to_match_comparison": (
        "it asks a second data source: bring its table into the lake as a source, and give both queries to one"
        " unexpected_rows_expectation: (A EXCEPT ALL B) UNION ALL (B EXCEPT ALL A); sums_match compares sums and counts"
    ),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation of one table, ready to be evaluated."""

    table: str
    id: str
    dimension: str
    expectation: Expectation
    declared: Declared


@dataclass(frozen=True, slots=True)
class Gate:
    """All expectations of a layer, in the order in which they were declared, and whose values are not told."""

    layer: str
    checks: tuple[Check, ...]
    pii: Pii = NO_PII

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it checks."""
        return tuple(dict.fromkeys(check.table for check in self.checks))


def compile_gate(file: GateFile) -> Gate:
    """Check every name and argument of a gate file.

    Raises:
        ConfigError: an expectation is unknown, an argument is unknown, missing or wrong, or an id occurs twice.
    """
    checks = (check for table, each in file.tables.items() for check in _table(table, each))
    return Gate(file.layer, tuple(checks), file.pii)


def compile_gates(files: Iterable[GateFile]) -> list[Gate]:
    """Check every name and argument of all gate files of a project, and what they mean for one another.

    Raises:
        ConfigError: as ``compile_gate``; or the rows of two tables would go into one quarantine, or one that comes from
            no source is compared with it.
    """
    gates = [compile_gate(file) for file in files]
    owners: dict[str, str] = {}
    for gate in gates:
        for check in gate.checks:
            title = f"{gate.layer}.{check.table}"
            if check.expectation.asks_source and gate.layer != RAW:
                hint = f"a table of this name is {gate.layer}.source"
                raise _error(check.declared, f"{title} comes from no source: only tables of {RAW} do", hint=hint)
            if check.declared.on_fail == "quarantine":
                name = table_name(gate.layer, check.table)
                owner = owners.setdefault(name.lower(), title)
                if owner != title:
                    what = f"rows of {title} and of {owner} would go into one quarantine, {SCHEMA}.{name}"
                    raise _error(check.declared, what, hint="rename one of the tables, or one of the layers")
    return gates


def _table(table: str, declared: Iterable[Declared]) -> Iterable[Check]:
    ids: set[str] = set()
    for each in declared:
        if each.id is not None and HALF.search(each.id):
            raise _error(each, f"the id {shown(each.id)} holds half of a character", hint="no report could show it")
        if each.id is not None and each.id in ids:
            raise _error(each, f"the id {each.id!r} occurs twice for table {table}", hint="give each its own id")
        expectation = build(each)
        id_ = _identified(each, ids)
        ids.add(id_)
        yield Check(table, id_, each.dimension or expectation.dimension, expectation, each)


def build(declared: Declared) -> Expectation:
    """The expectation that is declared.

    Raises:
        ConfigError: its name or one of its arguments is wrong.
    """
    known = registry()
    cls = known.get(declared.type)
    if cls is None and declared.type in ONLY_THERE:
        what = f"Headgate has no {declared.type}, which is one of Great Expectations' own"
        raise _error(declared, what, hint=ONLY_THERE[declared.type])
    if cls is None:
        hint = did_you_mean(declared.type, known)
        raise _error(declared, f"there is no expectation {declared.type!r}", hint=hint)
    if declared.dimension is not None and declared.dimension not in DIMENSIONS:
        raise _error(declared, f"there is no dimension {declared.dimension!r}", hint=", ".join(DIMENSIONS))
    try:
        meant = cls.meant_by(declared.kwargs)
        expectation = _understood(meant(**read_arguments(meant, _without_comparing(declared.kwargs))))
    except ArgumentError as error:
        what = f"{declared.type}: the argument {error.key} {error.what}"
        raise _error(declared, what, key=error.key, hint=error.hint) from error
    if declared.on_fail == "quarantine":
        _require_rows(declared, expectation)
    return expectation


def _require_rows(declared: Declared, expectation: Expectation) -> None:
    """Only rows can go into quarantine, and only where a failure would have stopped the run."""
    if not (isinstance(expectation, CountedExpectation) and expectation.names_rows):
        hint = "use on_fail: block; quarantine is for expectations that say of each row whether it is as expected"
        if declared.type == "unexpected_rows_expectation":
            hint = "let the query give whole rows: SELECT * FROM {batch} WHERE …"
        raise _error(
            declared, f"{declared.type} does not say which rows are bad, so none can go into quarantine", hint=hint
        )
    if declared.severity == "warn":
        what = "a warning lets bad rows through, and quarantine takes them out: it can only be one of them"
        raise _error(declared, what, hint="leave out severity: warn, or on_fail: quarantine")


def _without_comparing(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments without those that any expectation may have and none knows."""
    for key in READERS.keys() & kwargs.keys():
        try:
            if kwargs[key] is not None:
                READERS[key](kwargs[key])
        except WrongValueError as error:
            raise ArgumentError(key, str(error)) from error
    return {key: value for key, value in kwargs.items() if key not in READERS}


def _understood(expectation: Expectation) -> Expectation:
    """The same, if the condition of its rows is understood."""
    try:
        if isinstance(expectation, ConditionalExpectation):
            expectation.understand()
    except WrongValueError as error:
        raise ArgumentError("row_condition", str(error)) from error
    return expectation


def _identified(declared: Declared, taken: set[str]) -> str:
    """The declared id, or one that stays the same as long as the expectation does."""
    if declared.id is not None:
        return declared.id
    written = json.dumps(json_safe(declared.kwargs), sort_keys=True)
    base = f"{declared.type}-{digest([declared.type, written])[:8]}"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def _error(declared: Declared, what: str, *, key: str | None = None, hint: str | None = None) -> ConfigError:
    keys = [each for each in (declared.place.key, key) if each]
    place = declared.place
    return ConfigError(what, file=place.file, line=place.line, key=".".join(keys) or None, hint=hint)
