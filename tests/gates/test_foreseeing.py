"""What a gate names and will not find is told before anything runs, and never anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from headgate.gates import Forgetful, Gate, compile_gate, evaluate
from headgate.gates.expectation import registry
from headgate.gates.foreseeing import missing
from headgate.gates.values import MissingError
from headgate.lake.engine import Connection, ident
from headgate.project.declaration import Declared, GateFile, Place

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "expectations.md"
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S))
TABLES: dict[str, dict[str, str]] = {
    "store": {"Store": "INTEGER", "StoreType": "VARCHAR", "CompetitionDistance": "DOUBLE"},
    "train": {"Store": "INTEGER", "Date": "DATE", "Sales": "INTEGER", "Open": "INTEGER", "StateHoliday": "VARCHAR"},
}


def gate(declared: Mapping[str, list[dict[str, Any]]]) -> Gate:
    tables = {
        table: tuple(Declared(name := next(iter(e)), e[name], Place("gates/raw.yml", 1)) for e in entries)
        for table, entries in declared.items()
    }
    return compile_gate(GateFile("raw", tables))


def foreseen(tables: Mapping[str, Mapping[str, str]], gate: Gate) -> list[str]:
    def columns(layer: str, table: str) -> Mapping[str, str] | None:
        if layer == "raw" and table not in tables:
            raise MissingError(f"there is no table {layer}.{table}", "known: others")
        return tables[table] if layer == "raw" else None

    return [str(error) for _, error in missing(gate, columns)]


@pytest.mark.parametrize("name", sorted(registry()))
def test_what_is_told_is_told_by_the_gate_too(branch: Connection, name: str) -> None:
    """The law, on the example of each expectation: with all columns, and without each of them."""
    (example,) = re.findall(r"```yaml\n(.*?)```", SECTIONS[name], re.S)
    gate_ = gate(yaml.safe_load(example))
    assert foreseen(TABLES, gate_) == []
    for table, columns in TABLES.items():
        branch.execute(f"CREATE TABLE lake.raw.{table} ({defined(columns)})")
    for table, gone in ((t, c) for t, columns in TABLES.items() for c in columns if c in example):
        left = {column: type_ for column, type_ in TABLES[table].items() if column != gone}
        branch.execute(f"CREATE OR REPLACE TABLE lake.raw.{table} ({defined(left)})")
        errors = [result.error for result in evaluate(branch, gate_, memory=Forgetful()).results if result.error]
        told = foreseen({**TABLES, table: left}, gate_)
        assert all(any(text in error for error in errors) for text in told), (told, errors)
        assert bool(told) == any("has no column" in error for error in errors), (told, errors)
        branch.execute(f"CREATE OR REPLACE TABLE lake.raw.{table} ({defined(TABLES[table])})")


def defined(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{ident(column)} {type_}" for column, type_ in columns.items())


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"expect_column_values_to_not_be_null": {"column": "Sale"}}, "raw.train has no column 'Sale': did you mean"),
        ({"implies": {"if": "Open = 0", "then": "Sale = 0"}}, "raw.train has no column 'Sale': did you mean"),
        (
            {"expect_column_values_to_be_unique": {"column": "Store", "row_condition": "Sale > 0"}},
            "raw.train has no column 'Sale'",
        ),
        ({"references": {"columns": ["Store"], "to": "store", "to_columns": ["Stor"]}}, "raw.store has no column"),
        ({"references": {"columns": ["Store"], "to": "stor", "to_columns": ["Store"]}}, "there is no table raw.stor"),
        ({"sums_match": {"to": "source", "column": "Sale"}}, "raw.train has no column 'Sale'"),
        (
            {"unexpected_rows_expectation": {"unexpected_rows_query": "SELECT * FROM {batch} JOIN raw.stor USING (a)"}},
            "there is no table raw.stor",
        ),
    ],
)
def test_each_name_is_looked_for_wherever_it_stands(declared: dict[str, Any], told: str) -> None:
    (text,) = foreseen(TABLES, gate({"train": [declared]}))
    assert told in text


def test_of_what_nobody_knows_nothing_is_said() -> None:
    other = {"references": {"columns": ["Store"], "to": "marts.nowhere", "to_columns": ["what"]}}
    assert foreseen(TABLES, gate({"train": [other]})) == []
    types = {"expect_column_mean_to_be_between": {"column": "StateHoliday", "min_value": 0}}
    assert foreseen(TABLES, gate({"train": [types]})) == [], "that a type does not fit is for the run to say"


def test_a_thing_that_is_named_often_is_told_once() -> None:
    often = [
        {"expect_column_values_to_not_be_null": {"column": "Sale"}},
        {"expect_column_max_to_be_between": {"column": "Sale"}},
    ]
    assert len(foreseen(TABLES, gate({"train": often}))) == 1
