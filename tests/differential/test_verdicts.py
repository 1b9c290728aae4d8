"""Every verdict and every number is Great Expectations', on tables and arguments that hypothesis makes.

``HEADGATE_DIFFERENTIAL_CASES`` says how many cases an expectation is asked of, 200 unless told otherwise;
with ``HYPOTHESIS_PROFILE=default`` they are others in every run.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from gx_agreement import disagreements, judge
from gx_cases import CASES, Asked
from gx_conditions import CONDITIONAL
from gx_peer import Engine, GreatExpectations
from gx_tables import Table
from headgate.gates.expectation import registry
from headgate.lake.engine import Connection
from headgate.project.declaration import Declared

#: One table is asked about with so many lists of arguments.
AT_ONCE = 5
CASES_EACH = int(os.environ.get("HEADGATE_DIFFERENTIAL_CASES", "200"))
#: Great Expectations itself; its SQL engine is slow, and asked less where pandas is asked, too.
SHARE_OF_SQL = 0.25
#: Tables are small, so that it is not worth the minutes to look for a smaller one.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
quietly = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("type_", [type_ for type_, asked in CASES.items() if asked.pandas])
def test_verdicts_are_those_on_pandas(type_: str, con: Connection, peer: GreatExpectations) -> None:
    compare(type_, CASES[type_], "pandas", con, peer, cases=CASES_EACH)


@pytest.mark.parametrize("type_", [type_ for type_, asked in CASES.items() if asked.sql])
def test_verdicts_are_those_of_sql(type_: str, con: Connection, sql_peer: GreatExpectations) -> None:
    cases = int(CASES_EACH * SHARE_OF_SQL) if CASES[type_].pandas else CASES_EACH
    compare(type_, CASES[type_], "sql", con, sql_peer, cases=cases)


@pytest.mark.parametrize("type_", CONDITIONAL)
def test_verdicts_on_some_rows_are_those_on_pandas(type_: str, con: Connection, peer: GreatExpectations) -> None:
    compare(type_, CONDITIONAL[type_], "pandas", con, peer, cases=CASES_EACH)


def compare(type_: str, asked: Asked, engine: Engine, con: Connection, peer: GreatExpectations, *, cases: int) -> None:
    compared = judged = 0

    @settings(max_examples=max(cases // AT_ONCE, 1), phases=PHASES, deadline=None, suppress_health_check=quietly)
    @given(case=asked.cases(type_, engine, at_once=AT_ONCE))
    def both_say_the_same(case: tuple[Table, list[Declared]]) -> None:
        nonlocal compared, judged
        table, declared = case
        theirs = peer.judge(table, declared, engine=engine)
        for each, ours, other in zip(declared, judge(con, table, declared), theirs, strict=True):
            assert disagreements(ours, other) == [], (each.kwargs, table.columns, table.rows)
            compared += 1
            judged += ours.error is None

    both_say_the_same()
    assert compared >= cases // AT_ONCE * AT_ONCE
    assert judged > compared / 2, "both could not check most of what they were asked"


def test_every_expectation_that_both_have_is_compared() -> None:
    common = {type_ for type_ in registry() if type_.startswith("expect_")}
    assert set(CASES) == common
