"""A gate at work: prove, remember, then scan. Every expectation is judged before anything is decided."""

from __future__ import annotations

from time import perf_counter

import duckdb

from headgate.gates.compilation import Check, Gate
from headgate.gates.masking import Masking
from headgate.gates.memory import LakeMemory, Memory
from headgate.gates.outcome import Outcome
from headgate.gates.relation import IsPlain, never_plain
from headgate.gates.result import ExpectationResult, GateResult
from headgate.gates.sight import AtSource, Earlier, Sight, Since, no_source, nobody_knows, nothing_earlier
from headgate.gates.table_gate import TableGate
from headgate.lake.catalog import Contents, read_contents
from headgate.lake.engine import LAKE, Connection, translated


def evaluate(
    con: Connection,
    gate: Gate,
    *,
    contents: Contents | None = None,
    alias: str = LAKE,
    memory: Memory | None = None,
    plain: IsPlain = never_plain,
    scale: float | None = None,
    earlier: Earlier = nothing_earlier,
    since: Since = nobody_knows,
    at_source: AtSource = no_source,
    called: str | None = None,
) -> GateResult:
    """Judge every expectation of a gate on the lake attached as ``alias``.

    Call it outside a transaction: the catalog does not see what is not committed.

    Args:
        con: the connection; queries run on a cursor of it.
        gate: what to judge.
        contents: the lake's contents, if they were just read.
        alias: the lake's name on the connection.
        memory: where results on unchanged files are kept; in the lake itself unless said otherwise.
        plain: says of a raw view that it shows every row of its change log.
        scale: the fraction of a sample, by which bounds on row counts are scaled.
        called: what errors call the tables of the gate, where that is not their name.
        earlier: attaches a release that expectations which look back compare with, when one first asks.
        since: says when the data of a table became what it is.
        at_source: says what the source of a raw table came to when it was read.

    Returns:
        One result per expectation, in the order in which they were declared. What could not be checked is
        among them as a failure with the reason.

    Raises:
        CouldNotRunError: the lake itself cannot be read, or what was found cannot be kept.
    """
    start = perf_counter()
    contents = contents if contents is not None else read_contents(con, alias)
    memory = memory if memory is not None else LakeMemory(con, contents, alias)
    cursor = con.cursor()
    try:
        sight = Sight(cursor, contents, alias, plain, memory, gate, earlier, since, called, at_source)
        outcomes: dict[str, list[Outcome]] = {}
        for table in gate.tables:
            checks = [check for check in gate.checks if check.table == table]
            outcomes[table] = TableGate(sight, gate.layer, table, scale).judge(checks)
        memory.learn(sight.learned)
    except duckdb.Error as error:
        raise translated(error, doing=f"judging the gate of {gate.layer}", pii=bool(gate.pii.names)) from error
    finally:
        cursor.close()
    ordered = {table: iter(each) for table, each in outcomes.items()}
    results = tuple(_result(gate.layer, check, next(ordered[check.table]), sight.masking) for check in gate.checks)
    return GateResult(gate.layer, results, perf_counter() - start)


def _result(layer: str, check: Check, outcome: Outcome, masking: Masking) -> ExpectationResult:
    declared, verdict, examples = check.declared, outcome.verdict, outcome.examples
    if outcome.on is not None and verdict is not None:
        verdict = masking.verdict(check.expectation, outcome.on, verdict)
        examples = masking.examples(check.expectation, outcome.on, examples)
    return ExpectationResult(
        layer=layer,
        table=check.table,
        id=check.id,
        type=declared.type,
        kwargs=declared.kwargs,
        severity=declared.severity,
        dimension=check.dimension,
        on_fail=declared.on_fail,
        place=declared.place,
        success=verdict is not None and verdict.success,
        error=outcome.error,
        observed_value=verdict.observed_value if verdict else None,
        element_count=verdict.element_count if verdict else None,
        missing_count=verdict.missing_count if verdict else None,
        unexpected_count=verdict.unexpected_count if verdict else None,
        unexpected_percent=verdict.unexpected_percent if verdict else None,
        partial_unexpected_list=examples,
        details=dict(verdict.details) if verdict else {},
        how=outcome.how if outcome.error is None else "scanned",  # nothing was proven, and nothing is remembered
        seconds=outcome.seconds,
        meta=declared.meta,
    )
