"""A gate file as a suite of Great Expectations 1.x."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from headgate.errors import ConfigError
from headgate.gates import compile_gate
from headgate.project.declaration import Declared, Severity
from headgate.project.suite import OWN
from headgate.standalone.declaring import ONE, Suite, declared_in, said_in

#: What all expectations of Great Expectations begin with, and none of our own.
_GX = "expect_"
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
    meta = {OWN: {"pii": sorted(gate.pii.names)}} if gate.pii.names else {}
    return {"name": name, "expectations": [_expectation(each) for each in declared], "meta": meta}


def _refuse_own(declared: Iterable[Declared]) -> None:
    own = [each for each in declared if not each.type.startswith(_GX)]
    if own:
        types = ", ".join(sorted({each.type for each in own}))
        raise ConfigError(
            f"Great Expectations has nothing that means the same as {types}",
            file=own[0].place.file,
            line=own[0].place.line,
            key=own[0].place.key,
            hint="keep these in a gate file of their own",
        )


def _expectation(declared: Declared) -> dict[str, Any]:
    ours = {"dimension": declared.dimension} if declared.dimension else {}
    ours |= {"on_fail": declared.on_fail} if declared.on_fail != "block" else {}
    found: dict[str, Any] = {"type": declared.type, "kwargs": declared.kwargs}
    found |= {"severity": _SEVERITIES[declared.severity], "meta": declared.meta | ({OWN: ours} if ours else {})}
    found |= {"id": declared.id} if declared.id else {}
    found |= {"description": declared.description} if declared.description else {}
    try:
        json.dumps(found, allow_nan=False)
    except ValueError as error:
        what = f"{declared.type} has a number that JSON cannot hold"
        raise ConfigError(what, file=declared.place.file, line=declared.place.line) from error
    return found
