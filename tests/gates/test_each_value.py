"""Formats, dates and JSON schemas: what Python judges, each distinct text once."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate_maker import VALUES, counted, expect, gate, judge
from headgate.gates import compile_gate, each_value, numbers_of_bad_rows, unexpected_rows_sql
from headgate.gates.formats import sure_regex
from headgate.lake.engine import Connection
from headgate.project.declaration import Declared, GateFile

DAYS = "('2020-01-02'), ('2020-1-2'), ('2020-02-30'), ('x'), (NULL), ('x')"
DOCUMENTS = """('{"a": 1}'), ('{"a": "x"}'), ('nothing'), (NULL), ('[1]')"""
DRAFT = "https://json-schema.org/draft/2020-12/schema"
#: For Python's regular expressions each further "a" of a text takes twice as long.
RUNAWAY = "(a+)+$"
STRFTIME = VALUES + "match_strftime_format"
SCHEMA = VALUES + "match_json_schema"


def strftime(format_: str, **kwargs: Any) -> Declared:
    return expect(STRFTIME, column="t", strftime_format=format_, **kwargs)


def schema(written: dict[str, Any], **kwargs: Any) -> Declared:
    return expect(SCHEMA, column="t", json_schema=written, **kwargs)


@pytest.fixture
def days(branch: Connection) -> Connection:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT * FROM (VALUES {DAYS}) v(t)")
    return branch


@pytest.fixture
def documents(branch: Connection) -> Connection:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT * FROM (VALUES {DOCUMENTS}) v(t)")
    return branch


@pytest.mark.parametrize(
    ("declared", "elements", "missing", "unexpected"),
    [
        (strftime("%Y-%m-%d"), 6, 1, ("2020-02-30", "x", "x")),
        (strftime("x"), 6, 1, ("2020-01-02", "2020-1-2", "2020-02-30")),
        (strftime("%Y-%m-%d", row_condition="t <> 'x'"), 3, 0, ("2020-02-30",)),
        (expect(VALUES + "be_dateutil_parseable", column="t"), 6, 1, ("2020-02-30", "x", "x")),
    ],
)
def test_texts_that_cannot_be_read_as_dates_are_unexpected(
    days: Connection, declared: Declared, elements: int, missing: int, unexpected: tuple[str, ...]
) -> None:
    result = judge(days, "t", declared)
    assert counted(result) == (False, elements, missing, len(unexpected))
    assert result.partial_unexpected_list == unexpected
    rows = days.execute(unexpected_rows_sql(days, declared, layer="marts", table="t") or "").fetchall()
    assert rows == [(value,) for value in unexpected]


@pytest.mark.parametrize(
    ("written", "unexpected"),
    [
        ({}, ("nothing",)),
        ({"type": "array"}, ('{"a": 1}', '{"a": "x"}', "nothing")),
        ({"properties": {"a": {"type": "integer"}}}, ('{"a": "x"}', "nothing")),
        ({"properties": {"a": {"pattern": "^y"}}}, ('{"a": "x"}', "nothing")),
    ],
)
def test_documents_that_a_schema_does_not_allow_are_unexpected(
    documents: Connection, written: dict[str, Any], unexpected: tuple[str, ...]
) -> None:
    result = judge(documents, "t", schema(written))
    assert counted(result) == (False, 5, 1, len(unexpected))
    assert result.partial_unexpected_list == unexpected


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        (strftime("%Y-%Q"), "the format '%Y-%Q' cannot be read: 'Q' is a bad directive"),
        (strftime("%Y %Y"), "cannot be read: redefinition of group name 'Y'"),
        (schema({"type": "text"}), "this is no JSON schema: 'text' is not valid"),
        (schema({"$ref": "http://localhost/other"}), "refers to 'http://localhost/other', which is not in it"),
        (schema({"properties": {"a": {"pattern": "(?=x)"}}}), "the regular expression '(?=x)' cannot be used"),
        (schema({"patternProperties": {"^a": {}}}), "name the properties one by one"),
        (schema({"$schema": 5}), "this is no JSON schema: $schema must be a text"),
        (schema({"allOf": [{"$schema": DRAFT, "pattern": "a"}]}), "$schema within a JSON schema is not judged here"),
    ],
)
def test_what_nobody_can_read_could_not_be_checked(documents: Connection, declared: Declared, why: str) -> None:
    assert why in (judge(documents, "t", declared).error or "")


@pytest.mark.parametrize(
    "written",
    [
        {"pattern": RUNAWAY},
        {"$schema": DRAFT, "items": {"$ref": "#"}, "pattern": RUNAWAY},
        {"propertyNames": {"pattern": RUNAWAY}},
        {"$ref": "#/$defs/word", "$defs": {"word": {"items": {"pattern": RUNAWAY}, "pattern": RUNAWAY}}},
    ],
)
def test_no_pattern_of_a_schema_makes_a_gate_hang(branch: Connection, written: dict[str, Any]) -> None:
    long = "a" * 60 + "!"
    texts = [json.dumps(each) for each in (long, [long], {long: 1})]
    branch.execute("CREATE TABLE lake.marts.t AS SELECT unnest(?) AS t", [texts])
    result = judge(branch, "t", schema(written))
    assert (result.error, result.element_count) == (None, 3)
    assert not result.success


def test_half_of_a_character_in_a_document_is_none_that_a_pattern_names(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT unnest(?) AS t", [[r'"\ud800"', r'"a\udfffb"']])
    assert counted(judge(branch, "t", schema({"pattern": "^a.b$"}))) == (False, 2, 0, 1)


def test_a_schema_may_be_of_any_draft_and_name_a_property_schema(documents: Connection) -> None:
    named = {"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"$schema": {"type": "string"}}}
    assert counted(judge(documents, "t", schema(named))) == (False, 5, 1, 1)
    of_draft_4 = {"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": True, "minimum": 1}
    assert judge(documents, "t", schema(of_draft_4)).error is None  # which no later draft understands


def test_what_asks_python_keeps_its_time_limit(branch: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def loads(text: str) -> Any:
        asked.append(text)
        time.sleep(0.02)

    monkeypatch.setattr(json, "loads", loads)
    branch.execute("CREATE TABLE lake.marts.t AS SELECT range || '' AS t FROM range(3000)")
    slow, held = gate(branch, "t", schema({}, timeout="0.3s"), strftime("%d", mostly=0)).results
    assert (slow.success, slow.error) == (False, "could not be checked: it was stopped after its timeout of 0.3 s")
    assert 0 < len(asked) < 100
    assert (held.success, held.error) == (True, None)


@pytest.mark.parametrize("number", ["1e400", "NaN"])
def test_a_number_that_the_library_fails_at_could_not_be_checked(branch: Connection, number: str) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT ? AS t", [number])
    assert "the library fails at one of the documents" in (judge(branch, "t", schema({"multipleOf": 0.5})).error or "")


def test_documents_that_are_nested_too_deeply_could_not_be_checked(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT repeat('[', 100000) AS t")
    assert "nested too deeply" in (judge(branch, "t", schema({})).error or "")


def test_only_texts_are_read(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT DATE '2020-01-01' AS t, '1'::JSON AS j")
    assert "t holds DATE: only texts are read" in (judge(branch, "t", strftime("%Y")).error or "")
    assert counted(judge(branch, "t", expect(SCHEMA, column="j", json_schema={"type": "integer"}))) == (True, 1, 0, 0)


@pytest.mark.parametrize(
    ("library", "declared"),
    [
        ("dateutil.parser", expect(VALUES + "be_dateutil_parseable", column="t")),
        ("jsonschema", schema({})),
    ],
)
def test_a_missing_library_is_named_with_what_brings_it(
    days: Connection, monkeypatch: pytest.MonkeyPatch, library: str, declared: Declared
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    assert "pip install 'headgate[texts]'" in (judge(days, "t", declared).error or "")


def test_a_verdict_is_remembered_unless_it_depends_on_the_day(days: Connection) -> None:
    declared = strftime("%Y-%m-%d"), expect(VALUES + "be_dateutil_parseable", column="t")
    first, again = gate(days, "t", *declared), gate(days, "t", *declared)
    assert [each.how for each in first.results] == ["scanned", "scanned"]
    assert [each.how for each in again.results] == ["remembered", "scanned"]
    assert again.results[0].partial_unexpected_list == first.results[0].partial_unexpected_list


def test_of_very_many_wrong_values_rows_are_counted_and_some_shown(
    branch: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(each_value, "NAMED", 1500)
    branch.execute("CREATE TABLE lake.marts.t AS SELECT 'no ' || range % 2000 AS t FROM range(4000)")
    result = judge(branch, "t", strftime("%Y"))
    assert counted(result) == (False, 4000, 0, 4000)
    assert len(result.partial_unexpected_list) == 20
    assert unexpected_rows_sql(branch, strftime("%Y"), layer="marts", table="t") is None


def test_any_text_can_be_unexpected(branch: Connection) -> None:
    odd = ["a\0b", "\0", "'", "\\", "é\n"]
    branch.execute("CREATE TABLE lake.marts.t (t VARCHAR)")
    branch.executemany("INSERT INTO lake.marts.t VALUES (?)", [[each] for each in odd])
    result = judge(branch, "t", strftime("%Y"))
    assert counted(result) == (False, 5, 0, 5)
    assert sorted(result.partial_unexpected_list) == sorted(odd)


@pytest.mark.slow
@given(data=st.data())
def test_what_sql_is_sure_about_python_reads(data: st.DataObject) -> None:
    parts = data.draw(st.permutations(["%Y", "%m", "%d", "%H", "%M", "%S", "%f"]))[: data.draw(st.integers(1, 7))]
    format_ = data.draw(st.sampled_from(["", "-", "T", " ", ".", "/"])).join(parts)
    regex = sure_regex(format_)
    if regex is not None:
        text = data.draw(st.from_regex(f"\\A{regex}\\Z"))
        assert isinstance(dt.datetime.strptime(text, format_), dt.datetime)  # noqa: DTZ007 - as the gate reads it


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The documents of texts that are read from now on."""
    read: list[str] = []

    def loads(text: str) -> Any:
        if text.startswith('"'):  # the library reads schemas of its own
            read.append(text)
        return json.JSONDecoder().decode(text)

    monkeypatch.setattr(json, "loads", loads)
    return read


def insert_documents(con: Connection, *numbers: int) -> None:
    con.execute(f"INSERT INTO lake.marts.t SELECT '\"' || unnest({[*numbers]}) || '\"'")


def test_each_distinct_text_is_judged_once_however_many_files_hold_it(branch: Connection, asked: list[str]) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT '\"' || range % 9 || '\"' AS t FROM range(900)")
    insert_documents(branch, *range(5))
    assert counted(judge(branch, "t", schema({"type": "string"}))) == (True, 905, 0, 0)
    assert sorted(asked) == [f'"{i}"' for i in range(9)]


def test_only_the_texts_of_a_new_file_are_judged(branch: Connection, asked: list[str]) -> None:
    branch.execute("CREATE TABLE lake.marts.t (t VARCHAR)")
    declared = schema({"pattern": "[0-4]"}, mostly=0.5)
    insert_documents(branch, 1, 7)
    gate(branch, "t", declared)
    insert_documents(branch, 2, 2, 8)
    first_two = gate(branch, "t", declared).results[0]
    assert (first_two.how, counted(first_two)) == ("scanned", (True, 5, 0, 2))
    branch.execute("DELETE FROM lake.marts.t WHERE t = '\"7\"'")
    insert_documents(branch, 3)
    asked.clear()
    (third,) = gate(branch, "t", schema({"pattern": "[0-4]"}, mostly=0.9)).results
    assert (counted(third), third.partial_unexpected_list) == ((False, 5, 0, 1), ('"8"',))
    assert sorted(asked) == ['"1"', '"2"', '"3"', '"8"'], "what changed is judged, and then where the example is"
    asked.clear()
    insert_documents(branch, 4)
    assert counted(gate(branch, "t", declared).results[0]) == (True, 6, 0, 1)
    assert gate(branch, "t", declared).results[0].how == "remembered"


def test_the_rows_that_go_into_quarantine_are_those_that_were_refused(days: Connection) -> None:
    (check,) = compile_gate(GateFile("marts", {"t": (strftime("%Y-%m-%d", row_condition="t <> '2020-02-30'"),)})).checks
    days.execute("CREATE TEMP VIEW numbered AS SELECT *, row_number() OVER () AS number FROM lake.marts.t")
    numbers = numbers_of_bad_rows(days, check, layer="marts", named="numbered", number="number")
    assert sorted(days.execute(numbers).fetchall()) == [(4,), (6,)]
