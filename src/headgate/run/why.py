"""From a stopped run to the cause: what failed, which rows, since when, and what changed before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from headgate.errors import UsageError, did_you_mean
from headgate.gates import unexpected_rows_sql
from headgate.lake.branch import branch_of
from headgate.lake.engine import Connection
from headgate.lake.reading import query, reader
from headgate.lake.release import Manifest, Releases
from headgate.ledger import Ledger, RunRecord
from headgate.project import Declared, Project, read_gate
from headgate.project.fingerprint import fingerprint
from headgate.run.workshop import engine_settings, open_store

ROWS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Cause:
    """One failed expectation: ``sql`` finds its rows on the branch, ``rows`` are the first of them.

    ``same_in_served`` says how many rows of the served release it would fail on, where that can be asked.
    """

    failure: dict[str, Any]
    sql: str | None
    columns: list[str]
    rows: list[tuple[Any, ...]]
    same_in_served: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a run ended as it did, and what was different from the last good release."""

    run: RunRecord
    causes: list[Cause]
    refused: list[dict[str, Any]]
    sources: dict[str, dict[str, int]]
    code: list[str]
    schema: list[str]
    branch: bool


def explain_run(project: Project, run: str | None) -> Explanation:
    """Explain ``run``, or the last run that was stopped.

    Raises:
        UsageError: there is no such run, or none was stopped.
    """
    store = open_store(project)
    with Ledger.open(project.ledger) as ledger:
        record = _record(ledger, run, store.location)
        failed = ledger.results(record.run, only_failed=True)
        details = {step.name: step.detail for step in ledger.steps(record.run)}
    releases = Releases(store)
    parent = releases.manifest(record.base_release) if record.base_release in releases.numbers() else None
    branch = branch_of(store, record.run).exists
    causes = _causes(project, record, failed, branch=branch)
    sources = {n: e["rows"] for d in details.values() for n, e in d.get("sources", {}).items()}
    return Explanation(
        run=record,
        causes=causes,
        refused=[g for d in details.values() for g in d.get("refused", [])],
        sources=sources,
        code=_code(project, parent),
        schema=_schema(details, parent),
        branch=branch,
    )


def _record(ledger: Ledger, run: str | None, lake: str) -> RunRecord:
    if run is not None:
        record = ledger.run(run)
        if record is None:
            raise UsageError(f"there is no run {run}", hint=did_you_mean(run, [r.run for r in ledger.runs(50)]))
        return record
    record = ledger.last_run(["blocked", "failed"], lake=lake)
    if record is None:
        raise UsageError("no run of this lake was ever stopped", hint="headgate runs lists them all")
    return record


def _causes(project: Project, record: RunRecord, failed: list[dict[str, Any]], *, branch: bool) -> list[Cause]:
    """Every failed expectation with its rows on the branch and, for comparison, in the release before."""
    declared = {id(result): _declared(project, result) for result in failed}
    on_branch, sqls = {}, {}
    if branch:
        with _reading(project, run=record.run) as con:
            for result in failed:
                sqls[id(result)] = _rows_sql(con, declared[id(result)], result)
                on_branch[id(result)] = _ask(con, sqls[id(result)], "SELECT * FROM ({}) LIMIT " + str(ROWS_SHOWN))
    before = {}
    if record.base_release is not None:
        with _reading(project, release=record.base_release) as con:
            for result in failed:
                sql = _rows_sql(con, declared[id(result)], result)
                rows = _ask(con, sql, "SELECT count(*) FROM ({})")[1]
                before[id(result)] = rows[0][0] if rows else None
    return [Cause(r, sqls.get(id(r)), *on_branch.get(id(r), ([], [])), before.get(id(r))) for r in failed]


def _declared(project: Project, result: Mapping[str, Any]) -> Declared | None:
    """The expectation as it stands in the gate file now; None if it was changed or is dbt's."""
    for declared in read_gate(project.folder, result["layer"]).tables.get(result["table"], ()):
        if declared.type == result["type"] and _same(declared.kwargs, result["kwargs"]):
            return declared
    return None


def _rows_sql(con: Connection, declared: Declared | None, result: Mapping[str, Any]) -> str | None:
    if declared is None:
        return None
    return unexpected_rows_sql(con, declared, layer=result["layer"], table=result["table"])


@contextmanager
def _reading(project: Project, *, run: str | None = None, release: int | None = None) -> Iterator[Connection]:
    store = open_store(project)
    with reader(store, engine_settings(project, store), release=release, run=run) as con:
        yield con


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return {k: str(v) for k, v in a.items()} == {k: str(v) for k, v in b.items()}


def _ask(con: Connection, sql: str | None, question: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Rows of a question about the offending rows, or none where it has no answer (a table that is not there, say)."""
    if sql is None:
        return [], []
    try:
        return query(con, question.replace("{}", sql))
    except UsageError:
        return [], []


def _code(project: Project, parent: Manifest | None) -> list[str]:
    if parent is None:
        return []
    now = fingerprint(project.folder)
    return sorted(p for p in {*now, *parent.project_files} if now.get(p) != parent.project_files.get(p))


def _schema(details: Mapping[str, Mapping[str, Any]], parent: Manifest | None) -> list[str]:
    """Columns of source tables that came or went against the last good release."""
    if parent is None:
        return []
    changes = []
    for detail in details.values():
        for name, entry in detail.get("sources", {}).items():
            now, before = entry.get("columns", {}), parent.sources.get(name, {}).get("columns", {})
            changes += [f"{name}: column {c} is new" for c in now if c not in before]
            changes += [f"{name}: column {c} is gone" for c in before if c not in now]
    return changes
