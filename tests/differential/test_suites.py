"""What ``headgate gate --to gx`` writes is loaded by Great Expectations and means the same there, and the other way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gx_agreement import disagreements, judge
from gx_cases import CASES, VALUES
from gx_conditions import CONDITIONAL
from gx_peer import GreatExpectations
from gx_tables import Table
from headgate.lake.engine import Connection
from headgate.project.declaration import Declared
from headgate.project.suite import read_suite, suite_of
from headgate.standalone.exporting import to_gx

pytestmark = pytest.mark.slow
quietly = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]
ON_PANDAS = [(type_, asked) for type_, asked in CASES.items() if asked.pandas] + list(CONDITIONAL.items())
cases = st.sampled_from(ON_PANDAS).flatmap(lambda each: each[1].cases(each[0], "pandas", at_once=4))


@settings(max_examples=60, phases=[Phase.generate], deadline=None, suppress_health_check=quietly)
@given(case=cases)
def test_a_gate_file_gives_the_same_verdicts_there(
    con: Connection, peer: GreatExpectations, tmp_path: Path, case: tuple[Table, list[Declared]]
) -> None:
    table, declared = case
    file = tmp_path / "judged.yml"
    file.write_text(yaml.safe_dump([{each.type: each.kwargs} for each in declared], allow_unicode=True))
    suite = json.loads(json.dumps(to_gx(file, name="judged")))
    theirs = peer.judge_suite(table, suite)
    for mine, other in zip(judge(con, table, suite_of(suite, "suite.json").expectations), theirs, strict=True):
        assert disagreements(mine, other) == [], (mine.kwargs, table.columns, table.rows)


@settings(max_examples=60, phases=[Phase.generate], deadline=None, suppress_health_check=quietly)
@given(case=cases)
def test_a_suite_that_it_wrote_itself_is_read_as_it_is(
    con: Connection, peer: GreatExpectations, tmp_path: Path, case: tuple[Table, list[Declared]]
) -> None:
    table, declared = case
    given = [{"type": each.type, "kwargs": each.kwargs, "severity": "warning"} for each in declared]
    file = tmp_path / "suite.json"
    file.write_text(json.dumps(peer.written({"name": "s", "expectations": given})))
    read = read_suite(file, "suite.json").expectations
    assert [(each.type, each.severity) for each in read] == [(each.type, "warn") for each in declared]
    for mine, other in zip(judge(con, table, read), peer.judge(table, declared), strict=True):
        assert disagreements(mine, other) == [], (mine.kwargs, table.columns, table.rows)


def test_everything_that_a_gate_file_says_arrives(tmp_path: Path, peer: GreatExpectations) -> None:
    entry: dict[str, Any] = {
        VALUES + "not_be_null": {"column": "c"},
        "id": "c is there",
        "severity": "warn",
        "description": "Nobody is without a c.",
        "dimension": "validity",
        "meta": {"owner": "till"},
    }
    (tmp_path / "g.yml").write_text(yaml.safe_dump({"judged": [entry]}))
    suite = to_gx(tmp_path / "g.yml", name="judged")
    (theirs,) = peer.judge_suite(Table((("c", "INTEGER"),), ((None,),)), suite)
    assert (theirs.success, theirs.error, theirs.result["unexpected_count"]) == (False, None, 1)


def test_its_own_store_takes_what_is_written_and_gives_back_all_that_was_said(
    tmp_path: Path, peer: GreatExpectations
) -> None:
    entries: list[dict[str, Any]] = [
        {VALUES + "not_be_null": {"column": "c"}, "id": "c_is_there", "dimension": "validity", "on_fail": "quarantine"},
        {VALUES + "be_unique": {"column": "c"}, "id": "6f6b8f2e-3f0a-4b6e-9d50-0c6b8f0d8a11"},
        {"expect_compound_columns_to_be_unique": {"column_list": ["c", "d"], "timeout": "5s"}, "meta": {"by": "me"}},
    ]
    (tmp_path / "g.yml").write_text(yaml.safe_dump({"judged": entries}))
    suite = to_gx(tmp_path / "g.yml", name="judged")
    back = suite_of(peer.stored(suite), "judged.json").expectations
    written = suite_of(suite, "judged.json").expectations
    assert [each.id for each in back[:2]] == ["c_is_there", "6f6b8f2e-3f0a-4b6e-9d50-0c6b8f0d8a11"]
    assert [replace(each, id=None) for each in back] == [replace(each, id=None) for each in written]


def test_a_query_is_judged_there_too(con: Connection, sql_peer: GreatExpectations, tmp_path: Path) -> None:
    table = Table((("c", "INTEGER"),), (("1",), ("2",), ("3",)))
    entry = {"unexpected_rows_expectation": {"unexpected_rows_query": "SELECT * FROM {batch} WHERE c > 1"}}
    (tmp_path / "g.yml").write_text(yaml.safe_dump({"judged": [entry]}))
    suite = to_gx(tmp_path / "g.yml", name="judged")
    (theirs,) = sql_peer.judge_suite(table, suite, engine="sql")
    (ours,) = judge(con, table, suite_of(suite, "suite.json").expectations)
    assert (theirs.success, theirs.error, theirs.result["observed_value"]) == (False, None, 2)
    assert (ours.success, ours.error, ours.observed_value) == (False, None, 2)
