"""Values of columns that are tagged ``pii`` are told nowhere, and what is not theirs is told as before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gate_maker import VALUES, expect
from headgate.gates import Forgetful, compile_gate, evaluate, masked_rows, unexpected_rows_sql
from headgate.gates.masking import HIDDEN
from headgate.gates.result import ExpectationResult
from headgate.lake.engine import Connection
from headgate.project.declaration import Declared, GateFile
from headgate.project.pii import Pii

SECRET = "ann@example.org"
BATCH = "unexpected_rows_query"
ON_EMAIL = [
    expect(VALUES + "match_regex", column="Email", regex="^x"),
    expect(VALUES + "be_unique", column="Email"),
    expect("expect_compound_columns_to_be_unique", column_list=["Email", "age"]),
    expect("expect_column_pair_values_to_be_equal", column_A="Email", column_B="town"),
    expect("expect_column_most_common_value_to_be_in_set", column="Email", value_set=["x"]),
    expect("expect_column_distinct_values_to_equal_set", column="Email", value_set=["x"]),
    expect("expect_column_distinct_values_to_be_in_set", column="Email", value_set=["x"]),
    expect("sums_match", column="age", to="other", group_by=["Email"], to_group_by=["id"]),
    expect("implies", **{"if": "id > 0", "then": "Email = 'x'"}),
    expect("references", columns=["Email"], to="towns", to_columns=["town"]),
    expect("unexpected_rows_expectation", **{BATCH: "select * from {batch}"}),
    expect("unexpected_rows_expectation", **{BATCH: "select email as e, id as n from {batch}"}),
    expect(
        "unexpected_rows_expectation",
        **{BATCH: "select town as age, id from {batch} union all select EMAIL, 1 from {batch}"},
    ),
    expect("unexpected_rows_expectation", **{BATCH: "select t as id from {batch} t"}),
    expect("unexpected_rows_expectation", **{BATCH: "select e as town from {batch} as t(i, e, a, w)"}),
    expect("unexpected_rows_expectation", **{BATCH: "select o.id from towns join people o on true"}),
    expect("unexpected_rows_expectation", **{BATCH: "with a as (select Email as id from {batch}) select id from a"}),
    expect("unexpected_rows_expectation", **{BATCH: "select cast(Email as integer) as id from {batch}"}),
]


@pytest.fixture
def people(branch: Connection) -> Connection:
    branch.execute(
        f"CREATE TABLE lake.marts.people AS SELECT * FROM (VALUES (1, '{SECRET}', 41, 'Bonn'),"
        f" (2, '{SECRET}', 41, 'Bonn'), (3, 'bob@example.org', 7777, 'Rome'), (4, NULL, 7, 'Rome'))"
        " t(id, Email, age, town)"
    )
    branch.execute("CREATE TABLE lake.marts.towns AS SELECT 'Paris' AS town")
    branch.execute("CREATE TABLE lake.marts.other AS SELECT 'nobody' AS id, 1 AS age")
    return branch


def judged(con: Connection, pii: Pii, *declared: Declared, table: str = "people") -> list[ExpectationResult]:
    gate = compile_gate(GateFile("marts", {table: declared}, pii))
    return list(evaluate(con, gate, memory=Forgetful()).results)


@pytest.mark.parametrize("declared", ON_EMAIL, ids=lambda each: each.type)
def test_no_result_holds_a_value_of_a_tagged_column(people: Connection, declared: Declared) -> None:
    (result,) = judged(people, Pii({"people": {"email": True}}), declared)
    told = json.dumps(result.to_json(), ensure_ascii=False)
    assert "example.org" not in told
    assert not result.success
    assert result.error is not None or HIDDEN in told or result.unexpected_count


@pytest.mark.parametrize(
    "type_", [f"expect_column_{each}_to_be_between" for each in ("min", "max", "mean", "median", "sum", "stdev")]
)
def test_what_sums_up_a_tagged_column_is_hidden_too(people: Connection, type_: str) -> None:
    (result,) = judged(people, Pii({"people": {"age": True}}), expect(type_, column="age", max_value=1))
    assert str(result.observed_value).startswith(HIDDEN)


def test_counts_and_shares_of_a_tagged_column_are_told(people: Connection) -> None:
    kinds = ["unique_value_count", "proportion_of_unique_values", "proportion_of_non_null_values"]
    declared = [expect(f"expect_column_{each}_to_be_between", column="Email", max_value=0) for each in kinds]
    declared[0] = expect("expect_column_unique_value_count_to_be_between", column="Email", max_value=1)
    found = judged(people, Pii({"people": {"Email": True}}), *declared)
    assert [each.observed_value for each in found] == [2, 2 / 3, 0.75]


def test_equal_values_have_equal_marks_in_one_report_and_others_in_the_next(people: Connection) -> None:
    declared = [
        expect(VALUES + "match_regex", column="Email", regex="^x"),
        expect(VALUES + "be_unique", column="Email"),
    ]
    pii = Pii({"people": {"Email": True}})
    first, second = judged(people, pii, *declared), judged(people, pii, *declared)
    one, two, other = first[0].partial_unexpected_list
    assert one == two != other
    assert first[1].partial_unexpected_list == (one, one)
    assert second[0].partial_unexpected_list[0] != one


def test_values_of_other_columns_are_told(people: Connection) -> None:
    declared = [
        expect(VALUES + "be_between", column="age", max_value=100),
        expect("unexpected_rows_expectation", **{BATCH: "select * from {batch} where EMAIL like 'bob%'"}),
    ]
    ages, rows = judged(people, Pii({"people": {"email": True}}), *declared)
    assert ages.partial_unexpected_list == (7777,)
    (row,) = rows.partial_unexpected_list
    assert (row["id"], row["age"], row["town"]) == (3, 7777, "Rome")
    assert row["Email"].startswith(HIDDEN)


def test_a_tag_of_a_layer_before_holds_for_the_name_unless_it_is_taken_back(people: Connection) -> None:
    declared = expect(VALUES + "match_regex", column="Email", regex="^x")

    def told(pii: Pii) -> Any:
        return judged(people, pii, declared)[0].partial_unexpected_list[0]

    assert told(Pii(everywhere=frozenset({"EMAIL"}))).startswith(HIDDEN)
    assert told(Pii({"people": {"Email": False}}, frozenset({"EMAIL"}))) == SECRET
    assert told(Pii({"others": {"Email": True}})) == SECRET


def test_a_tag_that_names_no_column_lets_nothing_be_told(people: Connection) -> None:
    declared = expect(VALUES + "match_regex", column="Email", regex="^x")
    (result,) = judged(people, Pii({"people": {"Emial": True}}), declared)
    assert result.error is not None
    assert "'Emial'" in result.error
    assert "did you mean 'Email'" in result.error
    assert SECRET not in json.dumps(result.to_json())


def test_an_error_that_could_quote_a_value_is_not_told(people: Connection) -> None:
    query = {BATCH: "select * from {batch} where cast(town as integer) > 0"}
    (shown,) = judged(people, Pii(), expect("unexpected_rows_expectation", **query))
    (hidden,) = judged(people, Pii({"people": {"town": True}}), expect("unexpected_rows_expectation", **query))
    assert "Bonn" in (shown.error or "")
    assert "Conversion error" in (hidden.error or "")
    assert "Bonn" not in (hidden.error or "")


def test_the_rows_that_a_person_is_shown_are_masked_by_name(people: Connection) -> None:
    declared, pii = expect(VALUES + "be_unique", column="Email"), Pii({"people": {"email": True}})
    sql = unexpected_rows_sql(people, declared, layer="marts", table="people")
    cursor = people.execute(f"SELECT * FROM ({sql})")
    names = [each[0] for each in cursor.description or []]
    rows = masked_rows(people, declared, names, cursor.fetchall(), layer="marts", table="people", pii=pii)
    assert [row[0] for row in rows] == [1, 2]
    assert all(str(row[1]).startswith(HIDDEN) for row in rows)
