"""What cannot be checked is a failure that says why, and stops nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from gate_maker import VALUES, expect, gate, judge
from headgate.errors import ConfigError
from headgate.gates import Forgetful, compile_gate, evaluate
from headgate.lake.engine import Connection
from headgate.project.declaration import GateFile

HELD = expect(VALUES + "be_between", column="number", min_value=0)


@pytest.fixture
def tables(branch: Connection) -> Connection:
    branch.execute(
        "BEGIN; CREATE TABLE lake.marts.customers AS SELECT 1 AS id;"
        "CREATE TABLE lake.marts.orders AS SELECT 1 AS number, 'x' AS word, DATE '2020-01-01' AS day,"
        " [1] AS list, 1.5::DOUBLE AS share, TIME '10:00:00' AS clock,"
        " TIMESTAMPTZ '2020-01-01' AS zoned; COMMIT"
    )
    return branch


@pytest.mark.parametrize(
    ("type_", "kwargs", "why"),
    [
        (VALUES + "not_be_null", {"column": "nummer"}, "has no column 'nummer': did you mean 'number'?"),
        (VALUES + "not_be_null", {"column": "Number"}, "has no column 'Number': did you mean 'number'?"),
        (VALUES + "be_between", {"column": "number", "min_value": 3, "max_value": 1}, "min_value 3 is greater than"),
        (VALUES + "be_between", {"column": "number", "min_value": "x"}, "holds INTEGER, which cannot be compared"),
        (VALUES + "be_between", {"column": "day", "min_value": 3}, "holds DATE, which cannot be compared with 3"),
        (VALUES + "be_between", {"column": "day", "min_value": "1/2/2020"}, "cannot be compared with '1/2/2020'"),
        (VALUES + "be_between", {"column": "day", "min_value": "2020-02-31"}, "cannot be compared with '2020-02-31'"),
        (
            VALUES + "be_between",
            {"column": "zoned", "min_value": "9999-12-31 23:00:00-12:00"},
            "cannot be compared with",
        ),
        (VALUES + "be_in_set", {"column": "zoned", "value_set": ["0001-01-01 00:00:00+12:00"]}, "is no timestamptz"),
        (
            VALUES + "not_be_null",
            {"column": "word", "row_condition": "not " * 400 + "number > 0", "condition_parser": "pandas"},
            "a condition, a query or a schema of it is nested too deeply",
        ),
        (VALUES + "be_between", {"column": "word", "min_value": "a"}, "only numbers, dates and times"),
        (VALUES + "be_between", {"column": "list", "min_value": 1}, "only numbers, dates and times"),
        (VALUES + "be_in_set", {"column": "day", "value_set": ["x"]}, "'x' is no date: write it as 2020-12-31"),
        (VALUES + "be_in_set", {"column": "list", "value_set": [1]}, "cannot be compared with a set"),
        (VALUES + "be_in_set", {"column": "clock", "value_set": [1]}, "cannot be compared with 1"),
        (VALUES + "be_in_set", {"column": "clock", "value_set": ["noon"]}, "noon"),
        (VALUES + "be_unique", {"column": "x"}, "has no column 'x'"),
        ("expect_table_row_count_to_be_between", {"min_value": 2, "max_value": 1}, "min_value 2 is greater than"),
        ("expect_table_row_count_to_equal_other_table", {"other_table_name": "order"}, "no table marts.order: did you"),
        ("references", {"columns": ["number"], "to": "x.y"}, "there is no table x.y: there are none"),
        ("references", {"columns": ["number"], "to": "customers"}, "customers has no column 'number'"),
        ("references", {"columns": "word", "to": "customers", "to_columns": "id"}, "word holds VARCHAR, but marts.cu"),
        (
            "references",
            {"columns": "word", "to": "customers", "to_columns": ["id", "b"]},
            "1 columns cannot refer to",
        ),
        ("implies", {"if": "nummer = 1", "then": "true"}, "has no column 'nummer'"),
        ("implies", {"if": "word::INTEGER = 1", "then": "true"}, "Could not convert string 'x' to INT32"),
        ("continuous", {"column": "word"}, "only whole numbers, dates and times can be continuous"),
        ("continuous", {"column": "number", "step": "1 day"}, "step must be one, not '1 day'"),
        ("continuous", {"column": "day", "step": "1 hour"}, "step must be whole days, not '1 hour'"),
        ("no_infinities", {"columns": ["word"]}, "only numbers can be infinite"),
    ],
)
def test_why_it_could_not_be_checked_is_told(tables: Connection, type_: str, kwargs: dict[str, Any], why: str) -> None:
    result, held = gate(tables, "orders", expect(type_, **kwargs), HELD, memory=Forgetful()).results
    assert not result.success
    assert result.error is not None
    assert result.error.startswith("could not be checked: ")
    assert why in result.error
    assert result.element_count is None
    assert held.success


def test_a_missing_table_says_what_exists_instead(tables: Connection) -> None:
    result = judge(tables, "custommers", HELD)
    assert result.error == ("could not be checked: there is no table marts.custommers: did you mean 'marts.customers'?")


def test_one_broken_expectation_does_not_spoil_the_scan_it_shares(tables: Connection) -> None:
    broken = expect("implies", **{"if": "word::INTEGER = 1", "then": "true"})
    fine = expect(VALUES + "be_in_set", column="share", value_set=[1.5])
    also = expect(VALUES + "be_in_set", column="share", value_set=[2.5])
    results = gate(tables, "orders", fine, broken, also, memory=Forgetful()).results
    assert [(each.success, each.error is None) for each in results] == [(True, True), (False, False), (False, True)]


def test_a_view_that_cannot_be_read_fails_and_names_the_reason(tables: Connection) -> None:
    tables.execute("CREATE VIEW lake.marts.broken AS SELECT id AS number FROM lake.marts.customers")
    tables.execute("DROP TABLE lake.marts.customers")
    result = judge(tables, "broken", HELD)
    assert result.error is not None
    assert "the view marts.broken cannot be read" in result.error
    assert "customers" in result.error


def test_a_view_whose_rows_cannot_be_computed_fails(tables: Connection) -> None:
    tables.execute("CREATE VIEW lake.marts.bad AS SELECT word::INTEGER AS number FROM lake.marts.orders")
    rows = judge(tables, "bad", expect("expect_table_row_count_to_equal", value=1))
    assert rows.how == "scanned"
    result = judge(tables, "bad", HELD)
    assert "Could not convert string 'x' to INT32" in (result.error or "")


def test_a_row_count_that_cannot_be_counted_is_an_error(tables: Connection) -> None:
    tables.execute("CREATE VIEW lake.marts.bad AS SELECT number FROM lake.marts.orders WHERE word::INTEGER = 1")
    result = judge(tables, "bad", expect("expect_table_row_count_to_equal", value=1))
    assert (result.error or "").startswith("could not be checked: marts.bad cannot be read: Conversion Error")


def test_rows_that_are_inlined_in_the_catalog_fail_the_gate(tables: Connection) -> None:
    tables.execute("CALL lake.set_option('data_inlining_row_limit', 10)")
    tables.execute("INSERT INTO lake.marts.customers VALUES (2)")
    tables.execute("DELETE FROM lake.marts.orders")
    exist = expect("expect_table_row_count_to_be_between", min_value=0)
    for name in ("customers", "orders"):
        assert "inlined in the catalog" in (judge(tables, name, exist).error or "")
    tables.execute("CALL lake.set_option('data_inlining_row_limit', 0)")
    assert "inlined in the catalog" in (judge(tables, "customers", exist).error or "")


def test_a_lake_that_may_inline_but_did_not_is_fine(tables: Connection) -> None:
    tables.execute("CALL lake.set_option('data_inlining_row_limit', 10)")
    assert judge(tables, "orders", HELD).success


def test_severity_decides_whether_a_failure_blocks(tables: Connection) -> None:
    failing = VALUES + "be_in_set"
    told = gate(tables, "orders", expect(failing, column="number", value_set=[], severity="warn"))
    assert (told.blocked, len(told.warnings), len(told.failures)) == (False, 1, 0)
    stopped = gate(tables, "orders", expect(failing, column="number", value_set=[]), HELD)
    assert (stopped.blocked, len(stopped.warnings), len(stopped.failures)) == (True, 0, 1)
    assert stopped.failures[0].title == ("marts.orders: expect_column_values_to_be_in_set(column=number, value_set=[])")
    judged = {key: stopped.counts[key] for key in ("total", "held", "failed", "warned")}
    assert judged == {"total": 2, "held": 1, "failed": 1, "warned": 0}


def test_results_come_in_the_order_of_the_declaration(tables: Connection) -> None:
    file = GateFile("marts", {"orders": (HELD, expect("no_infinities")), "customers": (expect("no_infinities"),)})
    result = evaluate(tables, compile_gate(file))
    assert [(each.table, each.type) for each in result.results] == [
        ("orders", VALUES + "be_between"),
        ("orders", "no_infinities"),
        ("customers", "no_infinities"),
    ]
    assert result.results[0].to_json()["place"] == "gates/marts.yml:3"
    assert result.seconds > 0


def test_what_version_018_says_of_comparing_is_met_or_refused_with_a_reason(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT DATE '2024-01-01' AS d, '2024-01-01' AS s, 1 AS n")
    told = {"min_value": "2020-01-01", "parse_strings_as_datetimes": True}
    assert judge(
        branch, "t", expect(VALUES + "be_between", column="d", allow_cross_type_comparisons=True, **told)
    ).success
    for column in ("s", "n"):
        error = judge(branch, "t", expect(VALUES + "be_between", column=column, **told)).error
        assert f"parse_strings_as_datetimes is true and {column} holds" in (error or "")
    unparsed = expect(VALUES + "be_in_set", column="s", value_set=["2024-01-01"], parse_strings_as_datetimes=False)
    assert judge(branch, "t", unparsed).success
    crossed = expect(VALUES + "be_between", column="d", min_value=1, allow_cross_type_comparisons=True)
    assert "cannot be compared with 1" in (judge(branch, "t", crossed).error or "")
    with pytest.raises(ConfigError, match="must be true or false, not 'yes'"):
        judge(branch, "t", expect(VALUES + "be_in_set", column="s", value_set=[], parse_strings_as_datetimes="yes"))


def test_what_could_not_be_checked_was_not_proven(tables: Connection) -> None:
    result = judge(tables, "orders", expect(VALUES + "not_be_null", column="nope"))
    assert (result.how, result.success) == ("scanned", False)
