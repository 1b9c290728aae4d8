"""From expectations on whole columns to verdicts: proven, remembered, or measured in one scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from headgate.gates.expectation import AggregateExpectation, Counts, Measured, ReportExpectation
from headgate.gates.memory import subject_of
from headgate.gates.outcome import Outcome
from headgate.gates.relation import told_apart
from headgate.gates.sight import Sight
from headgate.gates.statistics import Known, known_of_file
from headgate.lake.catalog import DataFile

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
        found = _recalled(counts)
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
        _learn(sight, outcome, outcome.relation.identity, measured)
        base = outcome.relation.base
        if base is not None and len(base.files) == 1 and _joins(outcome):
            _learn_of_file(sight, outcome, base.files[0], measured)  # others may come beside it


def adds_up(outcome: Outcome) -> bool:
    """Whether what is measured of the table follows from its files, of which there are several."""
    base = outcome.relation.base
    return base is not None and len(base.files) > 1 and _joins(outcome) and told_apart(base) is not None


def measure_by_file(sight: Sight, outcomes: Sequence[Outcome]) -> None:
    """Measure the files of which nothing is remembered, put all together, and judge it."""
    from headgate.gates.scan import measure_files

    on = outcomes[0].relation
    assert on.base is not None  # noqa: S101 - the caller asked whether it adds up
    files = told_apart(on.base) or {}
    known: list[dict[str, Measured]] = []
    for outcome in outcomes:
        facts = {name: sight.fact(subject_of(file), outcome.key) for name, file in files.items()}
        known.append({name: _recalled(counts) for name, counts in facts.items() if counts is not None})
    lacking = [name for name in files if any(name not in each for each in known)]
    wanted = [each.check.expectation for each in outcomes]
    aggregates = [each for each in wanted if isinstance(each, AggregateExpectation)]
    found = measure_files(sight.con, on, aggregates, lacking, all_files=len(lacking) == len(files)) if lacking else {}
    for i, (outcome, expectation) in enumerate(zip(outcomes, aggregates, strict=True)):
        outcome.came("remembered" if len(known[i]) == len(files) else "scanned")
        for name, measured in found.items():
            known[i][name] = measured[i]
            _learn_of_file(sight, outcome, files[name], measured[i])
        outcome.verdict = expectation.judge(outcome.relation, _joined(expectation, outcome, list(known[i].values())))


def _joins(outcome: Outcome) -> bool:
    on, expectation = outcome.relation, outcome.check.expectation
    return isinstance(expectation, AggregateExpectation) and on.is_whole_table and expectation.joining(on) is not None


def _joined(expectation: AggregateExpectation, outcome: Outcome, parts: Sequence[Measured]) -> Measured:
    join = expectation.joining(outcome.relation)
    assert join is not None  # noqa: S101 - the caller asked whether it adds up
    values = [part.value for part in parts if part.present]
    rows, missing = sum(part.rows for part in parts), sum(part.missing for part in parts)
    return Measured(rows, missing, join(values) if values else None)


def _recalled(counts: Counts) -> Measured:
    return Measured(counts.elements, counts.missing, counts.unexpected)


def _learn(sight: Sight, outcome: Outcome, subject: str | None, measured: Measured) -> None:
    """Remember a whole number: memory keeps nothing else."""
    if type(measured.value) is int and abs(measured.value) < MEMORABLE:
        sight.learn(subject, outcome.key, Counts(measured.rows, measured.missing, measured.value))


def _learn_of_file(sight: Sight, outcome: Outcome, file: DataFile, measured: Measured) -> None:
    """Remember what was measured of a file; where there is no value, that there is none."""
    _learn(sight, outcome, subject_of(file), measured if measured.present else replace(measured, value=0))


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
