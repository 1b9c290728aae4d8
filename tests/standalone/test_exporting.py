"""A gate file as a suite says the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import ConfigError, UsageError
from headgate.project.declaration import Place
from headgate.project.suite import suite_of
from headgate.standalone.declaring import declared_in, said_in
from headgate.standalone.exporting import to_gx

NOWHERE = Place("", None)
GATE = """
sales:
  - expect_column_values_to_be_between: {column: amount, min_value: 0, max_value: 1.5, mostly: 0.9}
    id: amounts
    severity: warn
    dimension: accuracy
    description: Nobody sells for less than nothing.
    meta: {owner: till}
  - expect_compound_columns_to_be_unique: {column_list: [id, day], timeout: 5s}
    id: 6f6b8f2e-3f0a-4b6e-9d50-0c6b8f0d8a11
    on_fail: quarantine
  - expect_column_to_exist: {column: day}
items: []
"""


def test_a_suite_that_was_written_is_read_as_what_it_was(tmp_path: Path) -> None:
    (tmp_path / "raw.yml").write_text(GATE)
    suite = to_gx(tmp_path / "raw.yml", table="sales", name="sales")
    before = declared_in(said_in(tmp_path / "raw.yml"), "sales", layer="", like="sales").tables["sales"]
    after = suite_of(suite, "suite.json").expectations
    assert [replace(each, place=NOWHERE) for each in after] == [replace(each, place=NOWHERE) for each in before]
    assert suite["expectations"][0]["severity"] == "warning"
    assert suite["expectations"][0]["meta"] == {"owner": "till", "headgate": {"dimension": "accuracy", "id": "amounts"}}
    assert [each.get("id") for each in suite["expectations"]] == [None, "6f6b8f2e-3f0a-4b6e-9d50-0c6b8f0d8a11", None]


def test_queries_are_great_expectations_own_and_tags_and_limits_go_where_it_does_not_look(tmp_path: Path) -> None:
    (tmp_path / "raw.yml").write_text(
        "- columns: {email: {pii: true}}\n"
        "- unexpected_rows_expectation: {unexpected_rows_query: 'select * from {batch}', timeout: 5s}\n"
    )
    suite = to_gx(tmp_path / "raw.yml", name="raw")
    assert suite["meta"] == {"headgate": {"pii": ["email"]}}
    assert suite["expectations"][0]["kwargs"] == {"unexpected_rows_query": "select * from {batch}"}
    assert suite["expectations"][0]["meta"] == {"headgate": {"timeout": "5s"}}
    read = suite_of(suite, "suite.json")
    assert read.pii == ("email",)
    assert read.expectations[0].kwargs["timeout"] == "5s"


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ({"dimensions": "validity"}, "did you mean 'dimension'"),
        ({"dimension": "accurate"}, "did you mean 'accuracy'"),
        ({"on_fail": "warn"}, r"meta\.headgate\.on_fail cannot be 'warn'"),
        ({"id": 1}, r"meta\.headgate\.id must be a text"),
        (["id"], "'headgate' must be an object"),
    ],
)
def test_what_is_said_where_great_expectations_does_not_look_is_looked_at_here(own: Any, why: str) -> None:
    entry = {"type": "expect_column_to_exist", "kwargs": {"column": "a"}, "meta": {"headgate": own}}
    with pytest.raises(ConfigError, match=why):
        suite_of({"expectations": [entry]}, "suite.json")


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("expect_column_to_exist: {column: a}\n- no_infinities: {}", "nothing that means the same as no_infinities"),
        ('expect_column_values_to_be_null: {column: a, row_condition: "b = 1"}', "this one is SQL"),
        (
            'expect_column_values_to_be_null: {column: a, row_condition: "b > 1", condition_parser: duckdb}',
            "this one is SQL",
        ),
        ('expect_column_values_to_match_like_pattern: {column: a, like_pattern: "!%", escape: "!"}', "no argument"),
        ("expect_table_row_count_to_equal_other_table: {other_table_name: raw.store}", "in the schema of this one"),
        (
            'unexpected_rows_expectation: {unexpected_rows_query: "SELECT * FROM {batch} JOIN raw.store USING (id)"}',
            "not raw.store",
        ),
    ],
)
def test_what_great_expectations_would_understand_otherwise_is_refused(tmp_path: Path, entry: str, why: str) -> None:
    (tmp_path / "raw.yml").write_text(f"- {entry}\n")
    with pytest.raises(ConfigError, match=why) as refused:
        to_gx(tmp_path / "raw.yml", name="raw")
    assert refused.value.line in (1, 2)


def test_what_is_wrong_is_not_passed_on(tmp_path: Path) -> None:
    (tmp_path / "raw.yml").write_text("- expect_column_to_exist: {colum: a}\n")
    with pytest.raises(ConfigError, match="colum"):
        to_gx(tmp_path / "raw.yml", name="raw")
    (tmp_path / "two.yml").write_text(GATE)
    with pytest.raises(UsageError, match="several tables"):
        to_gx(tmp_path / "two.yml", name="raw")
