"""From expectations on whole columns to verdicts: proven, remembered, or measured in one scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headgate.gates.expectation import AggregateExpectation, Counts, Measured, ReportExpectation
from headgate.gates.outcome import Outcome
from headgate.gates.sight import Sight
from headgate.gates.statistics import Known, known_of_file

#: Memory keeps whole numbers of 64 bits.
MEMORABLE = 2**63


def prove(sight: Sight, outcome: Outcome) -> None:
    """Judge from statistics alone, or from what is remembered of the relation, if either suffices."""
    on, expectation = outcome.relation, outcome.check.expectation
    files = _known(sight, outcome)
    if isinstance(expectation, ReportExpectation):
        outcome.verdict = expectation.proves(on, files) if files is not None else None
        return
    assert isinstance(expectation, AggregateExpectation)  # noqa: S101 - the caller chose it
    found = None
    if files is not None:
        found = expectation.proves(on, [(rows, known[expectation.column]) for rows, known in files])
    if found is None:
        counts = sight.fact(on.identity, outcome.key)
        if counts is None:
            return
        found = Measured(counts.elements, counts.missing, counts.unexpected)
        outcome.came("remembered")
    outcome.verdict = expectation.judge(on, found)


def runs_alone(outcome: Outcome) -> bool:
    """Whether its aggregate is quicker in a query of its own."""
    return isinstance(outcome.check.expectation, AggregateExpectation) and outcome.check.expectation.alone


def measure(sight: Sight, outcomes: Sequence[Outcome]) -> None:
    """Measure everything in one scan, and judge it."""
    from headgate.gates.scan import scan_aggregates

    expectations = [each.check.expectation for each in outcomes]
    wanted = [each for each in expectations if isinstance(each, AggregateExpectation)]
    found = scan_aggregates(sight.con, outcomes[0].relation, wanted)
    for outcome, expectation, measured in zip(outcomes, wanted, found, strict=True):
        outcome.came("scanned")
        outcome.verdict = expectation.judge(outcome.relation, measured)
        if type(measured.value) is int and abs(measured.value) < MEMORABLE:
            counts = Counts(measured.rows, measured.missing, measured.value)
            sight.learn(outcome.relation.identity, outcome.key, counts)


def report(sight: Sight, outcome: Outcome) -> None:
    """Ask what the expectation wants to know, and judge it."""
    from headgate.gates import sql

    expectation = outcome.check.expectation
    assert isinstance(expectation, ReportExpectation)  # noqa: S101 - the caller chose it

    def ask(query: Any) -> list[tuple[Any, ...]]:
        outcome.came("scanned")
        return sight.con.execute(sql.text_of(query)).fetchall()

    outcome.verdict = expectation.report(outcome.relation, ask)
    outcome.examples = outcome.verdict.examples


def _known(sight: Sight, outcome: Outcome) -> list[tuple[int, Mapping[str, Known]]] | None:
    """Of every file its rows and what is certain of the expectation's columns; None if something is not.

    A file of which rows were deleted has wider bounds than its rows, so it proves nothing here.
    """
    on = outcome.relation
    if on.base is None or not on.is_whole_table:
        return None
    names = outcome.check.expectation.columns()
    statistics = sight.statistics(on.base)
    files: list[tuple[int, Mapping[str, Known]]] = []
    for file in on.base.files:
        known = known_of_file(on, names, file, statistics) if file.deletes is None else None
        if known is None:
            return None
        files.append((file.rows, known))
    return files
