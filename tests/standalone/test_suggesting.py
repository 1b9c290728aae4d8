"""What is suggested can be loaded, and holds on the data that it was suggested for."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate import gate
from headgate.lake.engine import ident, literal
from headgate.standalone.suggesting import Room, suggest

VALUES = {
    "BIGINT": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3),
    "DOUBLE": st.floats(),
    "DECIMAL(38,10)": st.decimals(-(10**27), 10**27, places=10),
    "VARCHAR": st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=5)
    | st.sampled_from(["no", "1", "#", "a: b", "\u0085", "{"]),
    "DATE": st.dates(),
    "TIMESTAMP": st.datetimes(),
    "BOOLEAN": st.booleans(),
}
NAMES = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=8)


@st.composite
def tables(draw: st.DrawFn) -> str:
    """The SQL of a query that gives a table of any types, names and values, each row several times."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=str.lower))
    types = [draw(st.sampled_from(sorted(VALUES))) for _ in names]
    row = st.tuples(*(st.none() | VALUES[type_] for type_ in types))
    rows = draw(st.lists(row, min_size=1, max_size=5))
    cells = [
        [f"CAST({literal(None if v is None else str(v))} AS {t})" for v, t in zip(row, types, strict=True)]
        for row in rows
    ]
    selects = [", ".join(f"{cell} AS {ident(n)}" for cell, n in zip(row, names, strict=True)) for row in cells]
    times = draw(st.sampled_from([0, 1, 30]))
    return f"SELECT t.* FROM ({' UNION ALL '.join(f'SELECT {each}' for each in selects)}) t, range({times})"


@pytest.mark.parametrize("room", get_args(Room))
@given(query=tables())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_suggested_loads_and_holds_on_the_same_data(room: Room, tmp_path: Path, query: str) -> None:
    data = tmp_path / "data.parquet"
    with duckdb.connect() as con:
        con.execute(f"COPY ({query}) TO {literal(str(data))}")
    suggested = suggest(data, room)
    (tmp_path / "gate.yml").write_text(suggested.gate_file, encoding="utf-8")
    result = gate(data, tmp_path / "gate.yml")
    assert [each.kwargs for each in result.results] == [each.kwargs for each in suggested.suggestions]
    assert [(each.title, each.error) for each in result.results if not each.success] == []


def test_the_reason_stands_beside_each(forms: Path) -> None:
    lines = suggest(forms / "orders.csv").gate_file.splitlines()
    assert lines[1] == "orders:"
    assert "  - expect_column_values_to_be_unique: {column: id}  # no value of 1,000 comes twice" in lines
    assert (
        "  - expect_column_values_to_be_in_set: {column: kind, value_set: [0, 1, 2, 3, 4, 5, 6]}"
        "  # there are no others among 1,000" in lines
    )
    assert all("  # " in line for line in lines[2:])


def test_tight_leaves_no_room_and_loose_the_most(forms: Path) -> None:
    found = {
        room: {(s.type, s.kwargs.get("column")): s.kwargs for s in suggest(forms / "orders.parquet", room).suggestions}
        for room in get_args(Room)
    }
    key = ("expect_column_values_to_be_between", "id")
    assert found["tight"][key] == {"column": "id", "min_value": 0, "max_value": 999}
    assert found["usual"][key] == {"column": "id", "min_value": 0, "max_value": 1499}
    assert found["loose"][key] == {"column": "id", "min_value": 0}


def test_what_it_prints_is_a_gate_file_of_one_table(tmp_path: Path) -> None:
    (tmp_path / "2024.csv").write_text("id\n1\n")
    assert suggest(tmp_path / "2024.csv").gate_file.splitlines()[1] == "'2024':"
    (tmp_path / "empty.csv").write_text("id\n")
    assert suggest(tmp_path / "empty.csv").suggestions == ()
