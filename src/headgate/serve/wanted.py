"""What the tables of a warehouse must be: the release's columns, and the keys that the project declares."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headgate.errors import UsageError, did_you_mean
from headgate.lake.catalog import digest
from headgate.lake.release import Manifest
from headgate.project.following_config import PostgresServer, ServedTable
from headgate.project.rules import LONGEST_SERVED
from headgate.serve.types import Mapped, mapped


@dataclass(frozen=True, slots=True)
class Wanted:
    """One table as it must become. ``columns`` keeps the lake's order; ``lake_types`` are DuckDB's."""

    relation: str
    name: str
    appends: bool
    columns: dict[str, Mapped]
    lake_types: dict[str, str]
    primary_key: tuple[str, ...]
    foreign_keys: dict[str, tuple[str, str]]
    not_null: frozenset[str]
    rows: int
    identity: str

    @property
    def types(self) -> dict[str, str]:
        """PostgreSQL's type of each column."""
        return {column: each.type for column, each in self.columns.items()}

    @property
    def values(self) -> list[str]:
        """The columns that are not of the key."""
        return [column for column in self.columns if column not in self.primary_key]


def name_of(relation: str, declared: ServedTable) -> str:
    """What a table of the lake is called in the warehouse."""
    return declared.name or relation.partition(".")[2]


def wanted_tables(server: PostgresServer, manifest: Manifest, only: Container[str] | None = None) -> list[Wanted]:
    """Every table that is to be served, or of those the ones that the warehouse calls ``only``, as the release has it.

    Raises:
        UsageError: the release lacks a table or column, or has one that PostgreSQL cannot hold without loss.
    """
    return [
        _wanted(relation, declared, manifest)
        for relation, declared in server.tables.items()
        if only is None or name_of(relation, declared) in only
    ]


def reference_name(table: Wanted, column: str) -> str:
    """The name of a foreign key. It says what the key is, so that one that is declared differently is another key."""
    other, key = table.foreign_keys[column]
    return f"headgate_{digest([table.name, column, other, key])[:16]}"


def digest_of(server: PostgresServer) -> str:
    """A digest of what is declared, apart from where the database is and how long to wait."""
    return digest(server.model_dump(mode="json", exclude={"url", "lock_timeout"}))


def _wanted(relation: str, declared: ServedTable, manifest: Manifest) -> Wanted:
    entry: Mapping[str, Any] | None = manifest.tables.get(relation)
    if entry is None:
        known = did_you_mean(relation, manifest.tables)
        raise UsageError(f"release {manifest.release} has no table {relation}", where="serve", hint=known)
    lake_types = {column["name"]: column["type"] for column in entry["columns"]}
    _require(relation, lake_types, declared.primary_key, "primary_key")
    _require(relation, lake_types, declared.foreign_keys, "foreign_keys")
    _require(relation, lake_types, declared.not_null.columns, "not_null")
    _require(relation, lake_types, declared.not_null.all_but or (), "not_null")
    return Wanted(
        relation=relation,
        name=name_of(relation, declared),
        appends=declared.mode == "append",
        columns={column: _type_of(relation, column, type_) for column, type_ in lake_types.items()},
        lake_types=lake_types,
        primary_key=declared.primary_key,
        foreign_keys={c: _reference(reference) for c, reference in declared.foreign_keys.items()},
        not_null=frozenset(_not_null(declared, lake_types)),
        rows=entry["rows"],
        identity=entry["identity"],
    )


def _require(relation: str, columns: Mapping[str, str], named: Iterable[str], setting: str) -> None:
    for column in named:
        if column not in columns:
            where = f"serve ({relation}, {setting})"
            raise UsageError(f"there is no column {column!r}", where=where, hint=did_you_mean(column, columns))


def _type_of(relation: str, column: str, type_: str) -> Mapped:
    where = f"serve ({relation})"
    if len(column.encode()) > LONGEST_SERVED:
        raise UsageError(f"the column {column} has a name that PostgreSQL would cut", where=where, hint="shorten it")
    found = mapped(type_)
    if found is None:
        hint = "cast it in the model, for example to TIMESTAMP or VARCHAR"
        raise UsageError(f"PostgreSQL cannot hold {column} of type {type_} without loss", where=where, hint=hint)
    return found


def _reference(text: str) -> tuple[str, str]:
    table, _, column = text.partition(".")
    return table, column


def _not_null(declared: ServedTable, columns: Mapping[str, str]) -> Iterable[str]:
    yield from declared.primary_key
    if declared.not_null.all_but is None:
        yield from declared.not_null.columns
    else:
        yield from (column for column in columns if column not in declared.not_null.all_but)
