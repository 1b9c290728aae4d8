"""What takes longer than it may is stopped and could not be checked; suites may be large, and names odd."""

from __future__ import annotations

import time

import pytest

from gate_maker import VALUES, expect, gate, judge
from headgate.errors import ConfigError
from headgate.gates import Forgetful
from headgate.lake.engine import Connection

ENDLESS = {"unexpected_rows_query": "select a.id from {batch} a, {batch} b, {batch} c where a.id + b.id + c.id < 0"}
ODD_NAMES = [
    *("a b", 'a"b', "a'b", "a;b --", '"; DROP TABLE lake.marts.t; --', "select", "ünïcödé 数", "{batch}", "%s", "a\\b"),
    *("a.b", "a/*b*/", "count(*)", "checked", "$1", "?", " lead", "x" * 250, "\U0001f600", "a\nb"),
]


@pytest.fixture
def many(branch: Connection) -> Connection:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS id FROM range(20000) r(i)")
    return branch


def test_a_query_that_takes_too_long_is_stopped_and_the_others_are_judged(many: Connection) -> None:
    start = time.monotonic()
    endless = expect("unexpected_rows_expectation", **ENDLESS, timeout="0.2s")
    slow, held, again = gate(
        many, "t", endless, expect(VALUES + "be_unique", column="id", timeout="1h"), endless
    ).results
    assert time.monotonic() - start < 20
    for each in (slow, again):
        assert (each.success, each.error) == (False, "could not be checked: it was stopped after its timeout of 0.2 s")
        assert str(each.place) == "gates/marts.yml:3"
    assert (held.success, held.error) == (True, None)


def test_what_is_quick_enough_is_not_told_of_its_limit(many: Connection) -> None:
    with_limit = judge(many, "t", expect("sums_match", to="t", column="id", timeout="10m"))
    assert (with_limit.success, with_limit.error) == (True, None)
    for_ever = judge(many, "t", expect("sums_match", to="t", column="id", timeout="999999d"))
    assert (for_ever.success, for_ever.error) == (True, None)
    for wrong in ("soon", "0s", 5, "9999999999d", "9" * 400 + "d"):
        with pytest.raises(ConfigError, match="timeout"):
            judge(many, "t", expect("sums_match", to="t", timeout=wrong))
    with pytest.raises(ConfigError, match="timeout is unknown"):
        judge(many, "t", expect(VALUES + "not_be_null", column="id", timeout="1s"))


@pytest.mark.parametrize("name", ODD_NAMES, ids=range(len(ODD_NAMES)))
def test_any_name_is_a_name_and_nothing_else(branch: Connection, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT 1 AS {quoted}, 2 AS other UNION ALL SELECT 1, NULL")
    declared = [
        expect(VALUES + "not_be_null", column=name),
        expect(VALUES + "be_unique", column=name),
        expect(VALUES + "be_between", column=name, max_value=0),
        expect("expect_column_max_to_be_between", column=name, max_value=1),
        expect("expect_column_unique_value_count_to_be_between", column=name, max_value=1),
        expect("expect_column_distinct_values_to_be_in_set", column=name, value_set=[1]),
        expect("expect_column_most_common_value_to_be_in_set", column=name, value_set=[1]),
        expect("expect_compound_columns_to_be_unique", column_list=[name, "other"]),
        expect("expect_column_value_z_scores_to_be_less_than", column=name, threshold=3, double_sided=False),
        expect("sums_match", to="t", column=name, group_by=["other"]),
        expect("implies", **{"if": quoted + " = 1", "then": "other = 2"}),
    ]
    results = gate(branch, "t", *declared, memory=Forgetful()).results
    assert [each.error for each in results] == [None] * len(declared)
    assert [each.success for each in results] == [True, False, False, True, True, True, True, True, True, True, False]
    assert results[1].partial_unexpected_list == (1, 1)
    assert results[10].partial_unexpected_list == ({name: 1, "other": None},)


@pytest.mark.slow
def test_ten_thousand_expectations_are_judged_in_one_scan(many: Connection) -> None:
    limits = [19_990 + n for n in range(10_000)]
    declared = [expect(VALUES + "be_between", column="id", min_value=0, max_value=limit) for limit in limits]
    start = time.monotonic()
    results = gate(many, "t", *declared, memory=Forgetful()).results
    assert time.monotonic() - start < 60
    assert [each.unexpected_count for each in results[:10]] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert {(each.success, each.error) for each in results[9:]} == {(True, None)}
