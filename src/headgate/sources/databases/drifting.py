"""What is done about a table whose columns are not those of ``schema.lock``: the policies of its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from headgate.errors import SourceDataError
from headgate.project.config import DatabaseSource as DatabaseConfig
from headgate.project.database_config import DriftPolicy
from headgate.sources.databases.choosing import Choosing, Chosen
from headgate.sources.databases.dialect import SourceColumn, Value
from headgate.sources.drift import Drift, compare, widens

_RULES = {"new_column": "new_column", "dropped_column": "dropped_column", "type_change": "type_changed"}


def drifts_of(chosen: Chosen, locked: Mapping[str, str]) -> list[Drift]:
    """How a table differs from what is held of it; what the project itself decided about a column is no drift."""
    if not locked:
        return []
    return [drift for drift in compare(locked, chosen.types) if drift.column not in chosen.decided]


def policy_of(config: DatabaseConfig, drift: Drift) -> DriftPolicy:
    """What the source says shall be done about a drift."""
    policies: dict[str, DriftPolicy] = {
        "new_column": config.on_new_column,
        "dropped_column": config.on_dropped_column,
        "type_change": config.on_type_change,
        "new_table": "evolve",
        "dropped_table": "block",
    }
    return policies[drift.kind]


def tables_that_drifted(
    config: DatabaseConfig, chosen: Iterable[str], locked: Iterable[str], known: Iterable[str]
) -> dict[str, Drift]:
    """Tables that are read and not held yet, and tables that were read before (``known``) and are gone."""
    there, held = set(chosen), set(locked)
    gone = sorted(name for name in set(known) - there if Choosing.would_read(config, name))
    return {name: Drift("new_table") for name in chosen if name not in held} | {
        name: Drift("dropped_table") for name in gone
    }


def settled(source: str, config: DatabaseConfig, chosen: Chosen, locked: Mapping[str, str]) -> Chosen:
    """The table as it is read after the policies: columns taken in, left out, kept empty, converted.

    Raises:
        SourceDataError: a policy says that this stops the run.
    """
    drifts = drifts_of(chosen, locked)
    blocked = [drift for drift in drifts if policy_of(config, drift) == "block"]
    if blocked:
        raise _refusal(source, chosen, blocked)
    for drift in drifts:
        if policy_of(config, drift) == "ignore":
            chosen = _ignoring(source, chosen, drift, locked)
    return chosen


def _ignoring(source: str, chosen: Chosen, drift: Drift, locked: Mapping[str, str]) -> Chosen:
    pairs = dict(zip(chosen.columns, chosen.values, strict=True))
    if drift.kind == "new_column":
        pairs = {column: value for column, value in pairs.items() if column.name != drift.column}
    elif drift.kind == "dropped_column":
        pairs[SourceColumn(str(drift.column), "", absent=True)] = Value("NULL", str(drift.before))
        order = {name: position for position, name in enumerate(locked)}
        pairs = dict(sorted(pairs.items(), key=lambda pair: order.get(pair[0].name, len(order))))
    else:
        before, after = str(drift.before), str(drift.after)
        if not widens(after, before):
            raise _refusal(source, chosen, [drift])
        column = next(column for column in pairs if column.name == drift.column)
        inner = pairs[column].landed("{}")
        pairs[column] = replace(pairs[column], type=before, landing=f"CAST({inner} AS {before})", doubt=None)
    return replace(chosen, columns=tuple(pairs), values=tuple(pairs.values()))


def _refusal(source: str, chosen: Chosen, drifts: Sequence[Drift]) -> SourceDataError:
    first = drifts[0]
    setting = {"new_column": "on_new_column", "dropped_column": "on_dropped_column"}.get(first.kind, "on_type_change")
    return SourceDataError(
        f"the table is not as schema.lock holds it: {'; '.join(drift.text for drift in drifts)}",
        table=f"{source}.{chosen.name}",
        rule=_RULES[first.kind],
        column=first.column,
        hint=f"headgate drift shows which models that touches, headgate drift accept takes it; or {setting}: evolve",
    )
