"""What somebody changed in the warehouse by hand, as far as its catalogue shows it: a look that reads no rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headgate.errors import WarehouseDriftError
from headgate.lake.engine import ident, qualified
from headgate.serve.record import Record
from headgate.serve.wanted import Wanted, reference_name
from headgate.serve.warehouse import Found

_REPAIR = "headgate serve --repair makes it as it should be"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was served. ``shape``: rows cannot be compared with it."""

    table: str
    what: str
    hint: str
    shape: bool = False

    @property
    def where(self) -> str:
        return f"{self.table} in the warehouse"


def changes_by_hand(
    schema: str, wanted: Iterable[Wanted], found: Mapping[str, Found], record: Record, *, keys: bool
) -> list[Change]:
    """What is different from what was served, of the tables that were.

    What the release to serve asks for is no such change, since people are told to make it. ``keys`` says that keys and
    NOT NULL are declared as they were then: otherwise they are about to change.
    """
    changes: list[Change] = []
    for table in wanted:
        if (served := record.tables.get(table.name)) is None:
            continue
        there = found.get(table.name)
        if there is None:
            hint = "headgate serve --repair makes it anew"
            changes.append(Change(table.name, "somebody dropped the table", hint, shape=True))
            continue
        changes += _of_columns(qualified(schema, table.name), table, there, served["columns"])
        changes += _of_keys(table, there, served["columns"]) if keys else ()
    return changes


def refuse(changes: list[Change], schema: str) -> None:
    """Raise WarehouseDriftError if there are any, naming all."""
    if not changes:
        return
    hint = "; ".join(dict.fromkeys(change.hint for change in changes))
    if len(changes) == 1:
        raise WarehouseDriftError(changes[0].what, where=changes[0].where, hint=hint)
    text = "; ".join(f"{change.table}: {change.what}" for change in changes)
    raise WarehouseDriftError(text, where=f"schema {schema}", hint=hint)


def _of_columns(relation: str, table: Wanted, there: Found, was: Mapping[str, str]) -> Iterator[Change]:
    others = {name: type_ for name, type_ in there.columns.items() if name not in was and name not in table.columns}
    for column, type_ in was.items():
        now, asked = there.columns.get(column), table.types.get(column)
        if now is None and asked is not None:
            renamed = [name for name, other in others.items() if other == type_]
            what, hint = f"somebody dropped the column {column}", "headgate serve --repair fills it again"
            if len(renamed) == 1:
                what += f", or renamed it to {renamed[0]}"
                hint += f"; if it was renamed: ALTER TABLE {relation} RENAME COLUMN {ident(renamed[0])} TO "
                hint += ident(column)
            yield Change(table.name, what, hint, shape=True)
        elif now is not None and now not in (type_, asked):
            what = f"somebody changed the type of {column}: it is {now} there, and {type_} was served"
            hint = f"ALTER TABLE {relation} ALTER COLUMN {ident(column)} TYPE {asked or type_}; then headgate serve"
            yield Change(table.name, what, hint, shape=True)


def _of_keys(table: Wanted, there: Found, was: Mapping[str, Any]) -> Iterator[Change]:
    common = [column for column in table.columns if column in was and column in there.columns]
    if there.primary_key is None:
        yield Change(table.name, "somebody dropped the primary key", _REPAIR)
    elif there.primary_key[1] != table.primary_key:
        key = ", ".join(there.primary_key[1])
        yield Change(table.name, f"somebody changed the primary key: it is ({key}) there", _REPAIR)
    for column in common:
        if column in table.primary_key or (column in table.not_null) == (column in there.not_null):
            continue
        what = "let {} be null" if column in table.not_null else "made {} NOT NULL"
        yield Change(table.name, f"somebody {what.format(column)}", _REPAIR)
    for column in table.foreign_keys:
        if column in common and reference_name(table, column) not in there.foreign_keys:
            yield Change(table.name, f"somebody dropped the foreign key of {column}", _REPAIR)
