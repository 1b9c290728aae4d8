"""A gate file as a suite of Great Expectations 1.x."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from headgate.errors import ConfigError
from headgate.gates import compile_gate
from headgate.project.declaration import Declared, Severity
from headgate.project.suite import OWN
from headgate.standalone.declaring import ONE, Suite, declared_in, said_in

#: What all expectations of Great Expectations begin with, and none of our own; but for one.
_GX = "expect_"
_QUERY = "unexpected_rows_expectation"
#: An argument of ours, which its LIKE expectations do not have.
_ESCAPE = "escape"
#: An argument that only we know.
_TIMEOUT = "timeout"
_SEVERITIES: dict[Severity, str] = {"fail": "critical", "warn": "warning"}


def to_gx(suite: Suite, *, table: str | None = None, name: str) -> dict[str, Any]:
    """The expectations of one table as a suite called ``name``.

    Raises:
        ConfigError: one of them is wrong, or Great Expectations has nothing that would mean the same.
        UsageError: the gate file does not say which table is meant.
    """
    gate = declared_in(said_in(suite), table, layer=ONE, like=ONE)
    compile_gate(gate)  # what is wrong is not passed on
    declared = gate.tables[ONE]
    _refuse_own(declared)
    for each in declared:
        _refuse_other_meaning(each)
    meta = {OWN: {"pii": sorted(gate.pii.names)}} if gate.pii.names else {}
    return {"name": name, "expectations": [_expectation(each) for each in declared], "meta": meta}


def _refuse_own(declared: Iterable[Declared]) -> None:
    own = [each for each in declared if not each.type.startswith(_GX) and each.type != _QUERY]
    if own:
        types = ", ".join(sorted({each.type for each in own}))
        raise ConfigError(
            f"Great Expectations has nothing that means the same as {types}",
            file=own[0].place.file,
            line=own[0].place.line,
            key=own[0].place.key,
            hint="keep these in a gate file of their own",
        )


def _refuse_other_meaning(declared: Declared) -> None:
    """What Great Expectations would take, and understand otherwise."""
    given = declared.kwargs
    parser = given.get("condition_parser")
    if given.get("row_condition") is not None and (
        parser == "duckdb" or (parser is None and isinstance(given["row_condition"], str))
    ):
        what = "reads a row_condition as pandas does, and this one is SQL"
        raise _no_peer(declared, what, "write it in that language, with condition_parser: pandas")
    if given.get(_ESCAPE) is not None:
        raise _no_peer(declared, "knows no argument 'escape'", "keep it in a gate file of its own")
    if "." in str(given.get("other_table_name", "")):
        what = "looks for the other table in the schema of this one"
        raise _no_peer(declared, what, "name the table alone, or keep it in a gate file of its own")
    if declared.type == _QUERY and _other_tables(given):
        what = f"knows only the table that is judged, not {', '.join(_other_tables(given))}"
        raise _no_peer(declared, what, "keep it in a gate file of its own")


def _other_tables(given: dict[str, Any]) -> list[str]:
    from headgate.gates.own_queries import tables_of

    return [".".join(each) for each in tables_of(given["unexpected_rows_query"])]


def _no_peer(declared: Declared, what: str, hint: str) -> ConfigError:
    place = declared.place
    return ConfigError(
        f"{declared.type}: Great Expectations {what}", file=place.file, line=place.line, key=place.key, hint=hint
    )


def _expectation(declared: Declared) -> dict[str, Any]:
    ours = {"dimension": declared.dimension} if declared.dimension else {}
    ours |= {"on_fail": declared.on_fail} if declared.on_fail != "block" else {}
    ours |= {_TIMEOUT: declared.kwargs[_TIMEOUT]} if _TIMEOUT in declared.kwargs else {}
    id_ = {"id": declared.id} if declared.id else {}
    theirs = _is_uuid(declared.id or "")
    ours |= {} if theirs else id_
    kwargs = {name: value for name, value in declared.kwargs.items() if name != _TIMEOUT}
    found: dict[str, Any] = {"type": declared.type, "kwargs": kwargs}
    found |= {"severity": _SEVERITIES[declared.severity], "meta": declared.meta | ({OWN: ours} if ours else {})}
    found |= id_ if theirs else {}
    found |= {"description": declared.description} if declared.description else {}
    try:
        json.dumps(found, allow_nan=False)
    except ValueError as error:
        what = f"{declared.type} has a number that JSON cannot hold"
        raise ConfigError(what, file=declared.place.file, line=declared.place.line) from error
    return found


def _is_uuid(name: str) -> bool:
    """Whether Great Expectations' store would take it as an id, and give it back as it is.

    >>> _is_uuid("6f6b8f2e-3f0a-4b6e-9d50-0c6b8f0d8a11"), _is_uuid("6F6B8F2E3F0A4B6E9D500C6B8F0D8A11"), _is_uuid("one")
    (True, False, False)
    """
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
