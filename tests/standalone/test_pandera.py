"""Schemas of pandera judge as pandera does, and what they say that nothing here means is refused with its place.

What is expected in ``pandera_reported.jsonl`` was reported by pandera 0.35.0 on pandas 3.1.1: the columns of which a
check failed, or ``table``, for ``ROWS`` as a data frame; each schema as ``to_yaml`` wrote it, short and long.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headgate import gate
from headgate.errors import ConfigError

ROWS = """SELECT * FROM (VALUES
 (1::BIGINT, 'xa', 1.5::DOUBLE, TIMESTAMP '2020-01-01 00:00:00', true, NULL::VARCHAR),
 (2, 'xb', -0.0, TIMESTAMP '2021-06-01 12:30:00', false, 'é'),
 (5, 'y.c', NULL, TIMESTAMP '2022-01-01 00:00:00', true, 'ab'),
 (5, '', 'inf', TIMESTAMP '2022-01-01 00:00:00', true, 'abc')) v(a, s, f, d, b, n)"""
REPORTED = [
    json.loads(line)
    for line in (Path(__file__).parent / "pandera_reported.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pandera") / "rows.parquet"
    with duckdb.connect() as con:
        con.execute(f"COPY ({ROWS}) TO '{file}'")
    return file


@pytest.mark.parametrize("reported", REPORTED, ids=lambda each: each["case"])
def test_the_columns_that_fail_are_panderas(rows: Path, tmp_path: Path, reported: dict[str, Any]) -> None:
    (tmp_path / "schema.yaml").write_text(reported["schema"], encoding="utf-8")
    result = gate(rows, tmp_path / "schema.yaml")
    failed = {each.kwargs.get("column", "table") for each in result.failures}
    assert sorted(failed) == reported["failed"]
    unchecked = [each.error for each in result.failures if each.error and "has no column 'zz'" not in each.error]
    assert unchecked == []
    assert all(each.place.line is not None for each in result.results)


def test_a_check_that_only_warns_does_so_here(rows: Path, tmp_path: Path) -> None:
    text = "schema_type: dataframe\ncolumns:\n  a:\n    less_than:\n      value: 5\n      raise_warning: true\n"
    (tmp_path / "schema.yaml").write_text(text)
    assert gate(rows, tmp_path / "schema.yaml").status == "warned"


@pytest.mark.parametrize("version", ["mapping", "list"])
def test_checks_as_older_versions_wrote_them_are_read(rows: Path, tmp_path: Path, version: str) -> None:
    checks = {
        "mapping": "{less_than: 5, in_range: {min_value: 0, max_value: 9}}",
        "list": "[{value: 5, options: {check_name: less_than, raise_warning: false, ignore_na: true}},"
        " {min_value: 0, max_value: 9, options: {check_name: in_range}}]",
    }
    text = f"schema_type: dataframe\nversion: 0.20.4\ncolumns:\n  a:\n    dtype: int64\n    checks: {checks[version]}\n"
    (tmp_path / "schema.yaml").write_text(text)
    (failure,) = gate(rows, tmp_path / "schema.yaml").failures
    assert failure.kwargs == {"column": "a", "max_value": 5, "strict_max": True}


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("schema_type: series\n", "schema_type", "known: dataframe"),
        ("schema_type: dataframe\napi: polars\n", "api", "'polars' means something else"),
        ("schema_type: dataframe\nindex: [{dtype: int64}]\n", "index", "reset_index"),
        ("schema_type: dataframe\ngreater_than: 0\n", "greater_than", "whole frame"),
        ("schema_type: dataframe\nchecks: {my_check: 1}\n", "checks", "whole frame"),
        ("schema_type: dataframe\nstrict: filter\n", "strict", "changes data"),
        ("schema_type: dataframe\nordered: true\n", "ordered", "strict: true as well"),
        ("schema_type: dataframe\nunique: 7\n", "unique", "list of columns"),
        ("schema_type: dataframe\nparsers: [x]\n", "parsers", "nothing called 'parsers'"),
        ("schema_type: dataframe\ncolumns: [a]\n", "columns", "must be a mapping"),
        ("schema_type: dataframe\ncolumns: {a: {dtype: category}}\n", "columns.a.dtype", "'category' has no equal"),
        ("schema_type: dataframe\ncolumns: {a: {required: false}}\n", "columns.a.required", "may be absent"),
        ("schema_type: dataframe\ncolumns: {a: {regex: true}}\n", "columns.a.regex", "pattern of names"),
        ("schema_type: dataframe\ncolumns: {a: {default: 1}}\n", "columns.a.default", "changes no data"),
        ("schema_type: dataframe\ncolumns: {a: {unique: true, nullable: true}}\n", "columns.a.unique", "second null"),
        ("schema_type: dataframe\ncolumns: {a: {is_prime: true}}\n", "columns.a.is_prime", "'is_prime'"),
        (
            "schema_type: dataframe\ncolumns: {a: {checks: {is_prime: 1}}}\n",
            "columns.a.checks.is_prime",
            "no expectation",
        ),
        ("schema_type: dataframe\ncolumns: {a: {checks: [5]}}\n", "columns.a.checks[0]", "check_name"),
        ("schema_type: dataframe\ncolumns: {a: {in_range: {min_value: 1}}}\n", "columns.a.in_range", "max_value"),
        ("schema_type: dataframe\ncolumns: {a: {gt: 1}}\n", "columns.a.gt", "nothing called 'gt'"),
        (
            "schema_type: dataframe\ncolumns: {a: {nullable: true, equal_to: {value: 1, ignore_na: false}}}\n",
            "columns.a.equal_to",
            "nulls",
        ),
        (
            "schema_type: dataframe\ncolumns: {a: {equal_to: {value: 1, groupby: b}}}\n",
            "columns.a.equal_to.groupby",
            "'groupby'",
        ),
    ],
)
def test_what_nothing_here_means_is_refused_with_its_place(tmp_path: Path, text: str, place: str, what: str) -> None:
    (tmp_path / "schema.yaml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        gate(tmp_path, tmp_path / "schema.yaml")
    assert (refused.value.key, what in str(refused.value)) == (place, True), str(refused.value)
    assert refused.value.line is not None


def test_a_gate_file_takes_a_schema_as_a_suite(rows: Path, tmp_path: Path) -> None:
    (tmp_path / "schema.yaml").write_text("schema_type: dataframe\ncolumns: {n: {}}\n")
    (tmp_path / "gates.yml").write_text("rows:\n  - suite: schema.yaml\n    severity: warn\n")
    assert gate(rows, tmp_path / "gates.yml").status == "warned"
    (tmp_path / "schema.yaml").write_text("n: []\n")
    with pytest.raises(ConfigError, match=r"schema\.yaml is no suite"):
        gate(rows, tmp_path / "gates.yml")
