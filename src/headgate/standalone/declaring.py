"""What the data must meet: a suite or a gate file, or the same as plain data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from headgate.errors import ConfigError, UsageError, did_you_mean
from headgate.project.declaration import GateFile
from headgate.project.gate_file import read_tables, tables_of
from headgate.project.pii import Pii
from headgate.project.suite import Suite as GxSuite
from headgate.project.suite import read_suite, suite_of
from headgate.project.suite_folder import find_suite

#: A path, a Great Expectations suite or a gate file as a mapping, or a list of either's expectations.
Suite = str | Path | Mapping[str, Any] | Sequence[Any]
#: What the one table of a file that is a list is called.
ONE = "data"
#: What errors call a suite that a program hands over.
GIVEN = "the suite"


def said_in(suite: object) -> GateFile:
    """All that a suite or gate file says.

    Raises:
        ConfigError: it cannot be read, or is wrong.
        UsageError: it is nothing that could be a suite.
    """
    if isinstance(suite, str | Path):
        return _read(Path(suite))
    if isinstance(suite, Mapping):
        return _one(suite_of(suite, GIVEN)) if "expectations" in suite else tables_of(dict(suite), GIVEN)
    if not isinstance(suite, Sequence):
        hint = "a path, a suite or gate file as a mapping, or a list of expectations"
        raise UsageError(f"a suite cannot be of the type {type(suite).__name__}", hint=hint)
    return _listed(list(suite))


def declared_in(said: GateFile, table: str | None, *, layer: str, like: str) -> GateFile:
    """What is said of one table: the one that is named, or called as the data, ``like``, or the only one.

    The result says it of the table ``like`` in ``layer``.

    Raises:
        UsageError: it does not say which table is meant.
    """
    return said.only(_chosen(said.tables, table, like), layer=layer, called=like)


def _chosen(tables: Collection[str], table: str | None, like: str) -> str:
    if table is not None and set(tables) != {ONE}:
        if table not in tables:
            raise UsageError(f"the gate file says nothing of a table {table!r}", hint=did_you_mean(table, tables))
        return table
    if len(tables) == 1:
        return next(iter(tables))
    if like in tables or not tables:
        return like
    raise UsageError("the gate file has several tables", hint=f"name one: --table, one of {', '.join(sorted(tables))}")


def _one(suite: GxSuite) -> GateFile:
    return GateFile(ONE, {ONE: suite.expectations}, Pii().with_more(ONE, suite.pii))


def _read(path: Path) -> GateFile:
    path = find_suite(path, str(path))
    ending = path.suffix.lower()
    if ending == ".json":
        return _one(read_suite(path, str(path)))
    if ending in (".yml", ".yaml"):
        return read_tables(path, one=ONE)
    raise ConfigError(
        "this is neither a suite nor a gate file" if path.exists() else "there is no such file",
        file=str(path),
        hint="a suite of Great Expectations ends in .json, or is FOLDER::NAME; a gate file ends in .yml",
    )


def _listed(entries: list[Any]) -> GateFile:
    """Expectations as a suite has them, which name their type, or as a gate file has them."""
    if any(isinstance(entry, Mapping) and entry.keys() & {"type", "expectation_type"} for entry in entries):
        return _one(suite_of({"expectations": entries}, GIVEN))
    return tables_of({ONE: entries}, GIVEN)
