"""The reference page and the code agree, and every example on it runs."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from headgate.gates import Forgetful, compile_gate, evaluate
from headgate.gates.expectation import registry
from headgate.lake.engine import Connection
from headgate.project.declaration import Declared, GateFile, Place

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "expectations.md"
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S))


def test_every_expectation_has_its_section_and_no_other_has() -> None:
    assert sorted(SECTIONS) == sorted(registry())


@pytest.mark.parametrize("name", sorted(registry()))
def test_a_section_lists_the_arguments_and_the_dimension(name: str) -> None:
    body, record = SECTIONS[name], registry()[name]
    written = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", body, re.M))
    known = {each.metadata.get("name", each.name): each for each in fields(record)}
    assert sorted(written) == sorted(known)
    always = {each.metadata.get("name", each.name) for each in fields(record.meant_by({}))}
    for key, each in known.items():
        required = key in always and each.default is MISSING and each.default_factory is MISSING
        assert written[key].startswith("required.") == required, key
    assert f"Dimension: {record.dimension}." in body
    assert "Nulls: " in body
    assert "Proof: " in body


@pytest.fixture
def rossmann(branch: Connection) -> Connection:
    branch.execute(
        "CREATE TABLE lake.raw.store AS SELECT * FROM (VALUES (1, 'a', 1270.0::DOUBLE), (2, 'b', NULL))"
        " v(Store, StoreType, CompetitionDistance);"
        "CREATE TABLE lake.raw.train AS SELECT * FROM (VALUES"
        " (1, DATE '2013-01-01', 0, 0, '0'), (1, DATE '2013-01-02', 5263, 1, 'a'), (2, DATE '2013-01-01', 99, 1, '0'))"
        " v(Store, Date, Sales, Open, StateHoliday)"
    )
    return branch


@pytest.mark.parametrize("name", sorted(registry()))
def test_the_example_of_a_section_is_about_it_and_holds(rossmann: Connection, name: str) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", SECTIONS[name], re.S)
    gates: dict[str, list[dict[str, Any]]] = yaml.safe_load(example)
    tables = {table: tuple(_declared(entry) for entry in entries) for table, entries in gates.items()}
    assert {declared.type for each in tables.values() for declared in each} == {name}
    results = evaluate(rossmann, compile_gate(GateFile("raw", tables)), memory=Forgetful()).results
    assert [(each.success, each.error) for each in results] == [(True, None)] * len(results)


def _declared(entry: dict[str, Any]) -> Declared:
    name = next(iter(entry))
    return Declared(name, entry[name], Place("example"))
