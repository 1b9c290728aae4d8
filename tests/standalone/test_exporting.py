"""A gate file as a suite says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.errors import ConfigError, UsageError
from headgate.project.suite import suite_of
from headgate.standalone.declaring import declared_in, said_in
from headgate.standalone.exporting import to_gx

GATE = """
sales:
  - expect_column_values_to_be_between: {column: amount, min_value: 0, max_value: 1.5, mostly: 0.9}
    id: amounts
    severity: warn
    dimension: accuracy
    description: Nobody sells for less than nothing.
    meta: {owner: till}
  - expect_compound_columns_to_be_unique: {column_list: [id, day]}
items: []
"""


def test_a_suite_that_was_written_is_read_as_what_it_was(tmp_path: Path) -> None:
    (tmp_path / "raw.yml").write_text(GATE)
    suite = to_gx(tmp_path / "raw.yml", table="sales", name="sales")
    before = declared_in(said_in(tmp_path / "raw.yml"), "sales", layer="", like="sales").tables["sales"]
    after = suite_of(suite, "suite.json").expectations
    for attribute in ("type", "kwargs", "id", "severity", "description"):
        assert [getattr(each, attribute) for each in before] == [getattr(each, attribute) for each in after]
    assert suite["expectations"][0]["severity"] == "warning"
    assert after[0].meta == {"owner": "till", "headgate": {"dimension": "accuracy"}}


def test_what_great_expectations_has_not_is_refused_and_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "raw.yml").write_text("- expect_column_to_exist: {column: a}\n- no_infinities: {}\n")
    with pytest.raises(ConfigError, match="no_infinities") as refused:
        to_gx(tmp_path / "raw.yml", name="raw")
    assert refused.value.line == 2


def test_what_is_wrong_is_not_passed_on(tmp_path: Path) -> None:
    (tmp_path / "raw.yml").write_text("- expect_column_to_exist: {colum: a}\n")
    with pytest.raises(ConfigError, match="colum"):
        to_gx(tmp_path / "raw.yml", name="raw")
    (tmp_path / "two.yml").write_text(GATE)
    with pytest.raises(UsageError, match="several tables"):
        to_gx(tmp_path / "two.yml", name="raw")
