"""From a stopped run to the cause: what failed, which rows, since when, and what changed before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from headgate.errors import UsageError, did_you_mean
from headgate.gates import unexpected_rows_sql
from headgate.lake.branch import branch_of
from headgate.lake.reading import query, reader
from headgate.lake.release import Manifest, Releases
from headgate.ledger import Ledger, RunRecord
from headgate.project import Project, read_gate
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
    causes = [_cause(project, record, result, branch=branch) for result in failed]
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


def _cause(project: Project, record: RunRecord, result: dict[str, Any], *, branch: bool) -> Cause:
    sql = None
    if not result["type"].startswith("dbt:") and (branch or record.base_release is not None):
        run, release = (record.run, None) if branch else (None, record.base_release)
        sql = _rows_sql(project, result, run=run, release=release)
    columns: list[str] = []
    rows: list[tuple[Any, ...]] = []
    before = None
    if sql and branch:
        columns, rows = _ask(project, f"SELECT * FROM ({sql}) LIMIT {ROWS_SHOWN}", run=record.run)
    if sql and record.base_release is not None:
        found = _ask(project, f"SELECT count(*) FROM ({sql})", release=record.base_release)[1]
        before = found[0][0] if found else None
    return Cause(result, sql, columns, rows, before)


def _rows_sql(project: Project, result: dict[str, Any], *, run: str | None, release: int | None) -> str | None:
    store = open_store(project)
    gate = read_gate(project.folder, result["layer"])
    for declared in gate.tables.get(result["table"], ()):
        if declared.type == result["type"] and _same(declared.kwargs, result["kwargs"]):
            with reader(store, engine_settings(project, store), release=release, run=run) as con:
                return unexpected_rows_sql(con, declared, layer=result["layer"], table=result["table"])
    return None


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return {k: str(v) for k, v in a.items()} == {k: str(v) for k, v in b.items()}


def _ask(
    project: Project, sql: str, *, run: str | None = None, release: int | None = None
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Rows of a query, or none where the question has no answer (a table that is not there, say)."""
    store = open_store(project)
    try:
        with reader(store, engine_settings(project, store), release=release, run=run) as con:
            return query(con, sql)
    except (UsageError, duckdb.Error):
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
