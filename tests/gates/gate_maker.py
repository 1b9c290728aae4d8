"""Small lakes, and gates on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headgate.gates import Forgetful, GateResult, compile_gate, evaluate
from headgate.gates.result import ExpectationResult
from headgate.lake.engine import Connection, attach
from headgate.project.declaration import Declared, GateFile, Place

PLACE = Place("gates/marts.yml", 3)
VALUES = "expect_column_values_to_"
#: Options of an entry that are no arguments of its expectation.
OPTIONS = ("id", "severity", "dimension", "on_fail")


def new_lake(con: Connection, folder: Path) -> Connection:
    """An empty lake, attached as ``lake``, set up as a run's branch is."""
    attach(con, str(folder / "work.ducklake"), str(folder / "data"), read_only=False, create=True)
    con.execute("CALL lake.set_option('data_inlining_row_limit', 0)")
    con.execute("CREATE SCHEMA lake.marts; CREATE SCHEMA lake.raw; CREATE SCHEMA lake.raw_log")
    return con


def attach_lake(con: Connection, folder: Path) -> Connection:
    """The lake in ``folder`` as ``lake``."""
    attach(con, str(folder / "work.ducklake"), str(folder / "data"), read_only=False)
    return con


def expect(type_: str, /, **kwargs: Any) -> Declared:
    """An expectation as an author declares it."""
    options = {key: kwargs.pop(key) for key in OPTIONS if key in kwargs}
    return Declared(type_, kwargs, PLACE, **options)


def gate(con: Connection, table: str, *declared: Declared, layer: str = "marts", **options: Any) -> GateResult:
    """Judge expectations of one table."""
    return evaluate(con, compile_gate(GateFile(layer, {table: declared})), **options)


def judge(con: Connection, table: str, declared: Declared, **options: Any) -> ExpectationResult:
    """Judge one expectation, without a memory unless one is given."""
    options.setdefault("memory", Forgetful())
    (result,) = gate(con, table, declared, **options).results
    return result


def counted(result: ExpectationResult) -> tuple[bool, int | None, int | None, int | None]:
    """Success, elements, missing and unexpected; fails if it could not be checked."""
    assert result.error is None, result.error
    return result.success, result.element_count, result.missing_count, result.unexpected_count
