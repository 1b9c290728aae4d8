"""What is done about a table whose columns are not those of ``schema.lock``: the policies of its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from headgate.errors import SourceDataError
from headgate.project.config import DatabaseSource as DatabaseConfig
from headgate.project.database_config import DriftPolicy
from headgate.sources.databases.choosing import Choosing, Chosen, column_setting
from headgate.sources.databases.dialect import SourceColumn, Value
from headgate.sources.drift import Class, Drift, compare, widens

_SETTINGS: dict[Class, str] = {
    "new_column": "on_new_column",
    "dropped_column": "on_dropped_column",
    "renamed_column": "on_renamed_column",
    "widened_type": "on_widened_type",
    "narrowed_type": "on_narrowed_type",
}
#: Tables have no setting: include and exclude say which are read.
_OF_TABLES: dict[Class, DriftPolicy] = {"new_table": "evolve", "dropped_table": "block"}


def drifts_of(config: DatabaseConfig, chosen: Chosen, locked: Mapping[str, str]) -> list[Drift]:
    """How a table differs from what is held of it; what the project itself decided about a column is no drift.

    With ``on_renamed_column: evolve`` nothing is suspected: such columns are gone, and new ones.
    """
    if not locked:
        return []
    decided = {name.lower() for name in chosen.decided}
    held = {name: kind for name, kind in locked.items() if name.lower() not in decided}
    found = {name: kind for name, kind in chosen.types.items() if name.lower() not in decided}
    drifts = compare(held, found)
    if config.on_renamed_column == "evolve":
        return [part for drift in drifts for part in drift.apart()]
    return drifts


def policy_of(config: DatabaseConfig, drift: Drift) -> DriftPolicy:
    """What the source says shall be done about a drift."""
    policy: DriftPolicy = _OF_TABLES.get(drift.kind) or getattr(config, _SETTINGS[drift.kind])
    return policy


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
    drifts = drifts_of(config, chosen, locked)
    if blocked := [drift for drift in drifts if policy_of(config, drift) == "block"]:
        raise _refusal(source, chosen, blocked)
    for drift in drifts:
        if policy_of(config, drift) == "ignore":
            for part in drift.apart():
                chosen = _ignoring(source, chosen, part, locked)
    return chosen


def _ignoring(source: str, chosen: Chosen, drift: Drift, locked: Mapping[str, str]) -> Chosen:
    pairs = dict(zip(chosen.columns, chosen.values, strict=True))
    if drift.kind == "new_column":
        pairs = {column: value for column, value in pairs.items() if column.name != drift.column}
    elif drift.kind == "dropped_column":
        pairs[SourceColumn(str(drift.column), "", absent=True)] = Value("NULL", str(drift.before))
        order = {name.lower(): position for position, name in enumerate(locked)}
        pairs = dict(sorted(pairs.items(), key=lambda pair: order.get(pair[0].name.lower(), len(order))))
    else:
        column = next(column for column in pairs if column.name == drift.column)
        pairs[column] = _as_before(source, chosen, drift, pairs[column])
    return replace(chosen, columns=tuple(pairs), values=tuple(pairs.values()))


def _as_before(source: str, chosen: Chosen, drift: Drift, value: Value) -> Value:
    """A value as one of the type that is held: any where that is the wider one, else those that have a place in it."""
    before, after = str(drift.before), str(drift.after)
    landed = value.landed("{0}")
    if widens(after, before):
        return replace(value, type=before, landing=f"CAST({landed} AS {before})", doubt=None)
    if drift.kind != "widened_type":
        raise SourceDataError(
            f"{drift.text}, and on_narrowed_type: ignore cannot convert it back: neither type holds the other's values",
            table=f"{source}.{chosen.name}",
            rule=drift.kind,
            column=drift.column,
            hint="on_narrowed_type: evolve takes the new type, if all values in the change log survive it; "
            f"or read the column as text: {column_setting(chosen.name, 'as_text', str(drift.column))}",
        )
    kept = f"TRY_CAST({landed} AS {before})"
    lost = f"TRY_CAST({kept} AS {after}) IS DISTINCT FROM {landed}"
    return replace(value, type=before, landing=kept, doubt=None, lost=lost)


def _refusal(source: str, chosen: Chosen, drifts: Sequence[Drift]) -> SourceDataError:
    first = drifts[0]
    settings = dict.fromkeys(f"{_SETTINGS[drift.kind]}: evolve" for drift in drifts)
    return SourceDataError(
        f"the table is not as schema.lock holds it: {'; '.join(drift.text for drift in drifts)}",
        table=f"{source}.{chosen.name}",
        rule=first.kind,
        column=first.column,
        hint="headgate drift shows which models that touches, headgate drift accept takes it; "
        f"or {', '.join(settings)}",
    )
