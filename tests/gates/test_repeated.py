"""What repeats is counted alike in whichever way, and its examples are found alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate_maker import VALUES, counted, expect, judge
from headgate.gates import repeated
from headgate.gates.relation import never_plain, read_relation
from headgate.gates.several import Unique
from headgate.gates.sql import text_of
from headgate.lake.catalog import read_contents
from headgate.lake.engine import Connection

#: Values of many types, those among them that are hard to tell apart.
KINDS = {
    "INTEGER": ["0", "1", "-1", "2147483647"],
    "HUGEINT": ["0", "-18446744073709551616", "99"],
    "DECIMAL(5,2)": ["0", "0.10", "-0.10", "999.99"],
    "DOUBLE": ["0.0", "-0.0", "'nan'", "'-nan'", "'inf'", "'-inf'", "5e-324", "0.1"],
    "FLOAT": ["0.0", "-0.0", "'nan'", "'inf'", "0.1"],
    "DATE": ["'1970-01-01'", "'0044-03-15 (BC)'", "'infinity'", "'9999-12-31'"],
    "TIMESTAMP": ["'1970-01-01'", "'1970-01-01 00:00:00.000001'", "'-infinity'"],
    "VARCHAR": ["''", "'a'", "'A'"],
    "TIMESTAMPTZ": ["'1970-01-01 00:00:00+00'", "'1970-01-01 01:00:00+01'", "'2020-01-01 00:00:00+00'"],
}


#: By groups; in order; by the number of different values, where a longer and a shorter beginning lets one hope.
WAYS = (
    {"MANY_ROWS": 10**9},
    {"MANY_ROWS": 0, "MANY_DIFFERENT": 0},
    {"MANY_ROWS": 0},
    {"MANY_ROWS": 0, "BEGINNING": 4},
)


@st.composite
def columns(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A type, and values of it as SQL."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    value = st.sampled_from(["NULL", *KINDS[kind]])
    return kind, draw(st.lists(value, max_size=12))


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(column=columns(), conditional=st.booleans())
def test_all_ways_of_counting_what_repeats_agree(
    branch: Connection, column: tuple[str, list[str]], conditional: bool
) -> None:
    kind, values = column
    branch.execute(f"CREATE OR REPLACE TABLE lake.marts.t (after {kind}, k0 INTEGER)")
    if values:
        rows = ", ".join(f"({value}, {n})" for n, value in enumerate(values))
        branch.execute(f"INSERT INTO lake.marts.t VALUES {rows}")
    chosen = {"row_condition": "k0 % 3 > 0"} if conditional else {}
    declared = expect(VALUES + "be_unique", column="after", **chosen)
    found: list[Any] = []
    for way in WAYS:
        with pytest.MonkeyPatch.context() as patch:
            for name, number in way.items():
                patch.setattr(repeated, name, number)
            result = judge(branch, "t", declared)
            found.append((counted(result), result.partial_unexpected_list))
    assert found == [found[0]] * len(WAYS)


@pytest.mark.parametrize(
    ("value", "rows", "sorted_"),
    [
        ("i * 19 // 20", 60_000, True),
        ("sin(i)", 60_000, True),
        ("i * 19 // 20", 40_000, False),
        ("i * 18 // 20", 60_000, False),
        ("i::VARCHAR", 60_000, False),
    ],
)
def test_many_numbers_that_hardly_repeat_are_sorted_and_everything_else_is_not(
    branch: Connection, monkeypatch: pytest.MonkeyPatch, value: str, rows: int, sorted_: bool
) -> None:
    monkeypatch.setattr(repeated, "MANY_ROWS", 50_000)
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {value} AS a FROM range({rows}) r(i)")
    branch.execute("CREATE VIEW lake.marts.v AS SELECT * FROM lake.marts.t")

    def query(table: str) -> str:
        on = read_relation(branch, read_contents(branch), "marts", table, "lake", never_plain)
        ask = lambda query: branch.execute(text_of(query)).fetchall()  # noqa: E731 - as a gate asks
        return text_of(Unique(column="a").quickest(on, ask))

    assert ("LAG(" in query("t")) is sorted_
    assert "GROUP BY" in query("v")  # its beginning may take as long as all of it


def test_a_value_that_comes_late_and_once_is_not_overlooked(
    branch: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeated, "MANY_ROWS", 0)
    branch.execute("CREATE TABLE lake.marts.t AS SELECT least(i // 2, 30_000)::DOUBLE AS a FROM range(70_000) r(i)")
    unique = expect(VALUES + "be_unique", column="a")
    assert counted(judge(branch, "t", unique)) == (False, 70_000, 0, 70_000)
    branch.execute("INSERT INTO lake.marts.t VALUES ('nan'), (NULL), (40_000)")
    assert counted(judge(branch, "t", unique)) == (False, 70_003, 2, 70_000)


def test_where_no_value_occurs_once_the_examples_are_the_first_rows(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT if(i = 5, NULL, i % 40) AS a FROM range(400) r(i)")
    result = judge(branch, "t", expect(VALUES + "be_unique", column="a"))
    assert counted(result) == (False, 400, 1, 399)
    assert result.partial_unexpected_list == (*range(5), *range(6, 21))
