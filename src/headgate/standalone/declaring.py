"""What the data must meet: a suite or a gate file, or the same as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headgate.errors import ConfigError, UsageError, did_you_mean
from headgate.project.declaration import Declared
from headgate.project.gate_file import read_tables, tables_of
from headgate.project.suite import read_suite, suite_of

#: A path, a Great Expectations suite or a gate file as a mapping, or a list of either's expectations.
Suite = str | Path | Mapping[str, Any] | Sequence[Any]
#: What the one table of a file that is a list is called.
ONE = "data"
#: What errors call a suite that a program hands over.
GIVEN = "the suite"


def declared_in(suite: Suite, table: str | None, like: str) -> tuple[Declared, ...]:
    """The expectations of one table: the one that is named, or called as the data, ``like``, or the only one.

    Raises:
        ConfigError: the suite cannot be read, or is wrong.
        UsageError: it does not say which table is meant.
    """
    if isinstance(suite, str | Path):
        tables = _read(Path(suite))
    elif isinstance(suite, Mapping):
        tables = {ONE: tuple(suite_of(suite, GIVEN))} if "expectations" in suite else tables_of(dict(suite), GIVEN)
    else:
        tables = _listed(list(suite))
    if table is not None and tables.keys() != {ONE}:
        if table not in tables:
            raise UsageError(f"the gate file says nothing of a table {table!r}", hint=did_you_mean(table, tables))
        return tables[table]
    if len(tables) == 1:
        return next(iter(tables.values()))
    if like in tables:
        return tables[like]
    if not tables:
        return ()
    raise UsageError("the gate file has several tables", hint=f"name one: --table, one of {', '.join(sorted(tables))}")


def _read(path: Path) -> dict[str, tuple[Declared, ...]]:
    ending = path.suffix.lower()
    if ending == ".json":
        return {ONE: tuple(read_suite(path, str(path)))}
    if ending in (".yml", ".yaml"):
        return read_tables(path, one=ONE)
    raise ConfigError(
        "this is neither a suite nor a gate file",
        file=str(path),
        hint="a suite of Great Expectations ends in .json, a gate file in .yml",
    )


def _listed(entries: list[Any]) -> dict[str, tuple[Declared, ...]]:
    """Expectations as a suite has them, which name their type, or as a gate file has them."""
    if any(isinstance(entry, Mapping) and entry.keys() & {"type", "expectation_type"} for entry in entries):
        return {ONE: tuple(suite_of({"expectations": entries}, GIVEN))}
    return tables_of({ONE: entries}, GIVEN)
