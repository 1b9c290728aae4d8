"""From a stopped run to the cause: what failed, which rows, since when, and what changed before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from headgate.errors import ConfigError, UsageError, did_you_mean
from headgate.gates import masked_rows, unexpected_rows_sql
from headgate.gates.values import UnusableError
from headgate.lake.branch import branch_of
from headgate.lake.engine import Connection
from headgate.lake.reading import query, reader
from headgate.lake.release import Manifest, Releases
from headgate.lake.store import Store
from headgate.ledger import Ledger, RunRecord
from headgate.ledger.records import RUNNING
from headgate.plan import Kind
from headgate.project import Declared, Pii, Project, read_gate, read_tagged_gate
from headgate.project.fingerprint import fingerprint
from headgate.run.history import as_it_is
from headgate.run.verdict import EXAMPLES, decided
from headgate.run.workshop import engine_settings, open_store

ROWS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Cause:
    """One failed expectation: ``sql`` finds its rows on the branch, ``rows`` are the first of ``found``.

    ``in_base`` says how many the same question finds in the release that the run started from; None where
    it has no answer.
    """

    failure: dict[str, Any]
    sql: str | None
    columns: list[str]
    rows: list[tuple[Any, ...]]
    found: int | None
    in_base: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a run ended as it did, and what was different from the last good release.

    ``quarantine`` says of how many rows of each table it decided, ``quarantined`` which expectations put some in,
    ``served`` what became of each server, ``unexported`` why exports failed.
    """

    run: RunRecord
    causes: list[Cause]
    refused: list[dict[str, Any]]
    sources: dict[str, dict[str, int]]
    quarantine: dict[str, dict[str, int]]
    quarantined: list[dict[str, Any]]
    code: list[str]
    schema: list[str]
    served: dict[str, dict[str, Any]]
    unexported: list[str]
    branch: bool


@dataclass(frozen=True, slots=True)
class _Found:
    sql: str | None
    columns: list[str]
    rows: list[tuple[Any, ...]]
    count: int | None


_NOT_ASKED = _Found(None, [], [], None)


def explain_run(project: Project, run: str | None) -> Explanation:
    """Explain ``run``, or the newest run that did not end well: stopped, died, or published and not served.

    Raises:
        UsageError: there is no such run, or all ended well.
    """
    store = open_store(project)
    with Ledger.open(project.ledger) as ledger:
        record = _record(ledger, run, project) if run is not None else _newest(ledger, project, store)
        results = ledger.results(record.run)
        failed = [result for result in results if not result["success"]]
        steps = ledger.steps(record.run)
    details = {step.name: step.detail for step in steps}
    failed_steps = {step.name for step in steps if step.status == "failed" and step.name.startswith(f"{Kind.EXPORT}:")}
    releases = Releases(store)
    parent = releases.manifest(record.base_release) if record.base_release in releases.numbers() else None
    branch = branch_of(store, record.run).exists
    causes = _causes(project, record, failed, branch=branch, base=parent.release if parent else None)
    sources = {n: e["rows"] for d in details.values() for n, e in d.get("sources", {}).items()}
    return Explanation(
        run=record,
        causes=causes,
        refused=[g for d in details.values() for g in d.get("refused", [])],
        sources=sources,
        quarantine=decided(details),
        quarantined=[_put_in(result) for result in results if result.get("quarantined_count")],
        code=_code(project, parent),
        schema=_schema(details, parent),
        served={name.partition(":")[2]: d["served"] for name, d in details.items() if "served" in d},
        unexported=[detail["text"] for name, detail in details.items() if name in failed_steps and "text" in detail],
        branch=branch,
    )


def _record(ledger: Ledger, run: str, project: Project) -> RunRecord:
    record = ledger.run(run)
    if record is None:
        raise UsageError(f"there is no run {run}", hint=did_you_mean(run, [r.run for r in ledger.runs(50)]))
    if record.target != project.target:
        target = f" --target {record.target}" if record.target else ", without --target"
        raise UsageError(f"run {run} worked on the lake of another target", hint=f"headgate why {run}{target}")
    return as_it_is(record, project)


def _newest(ledger: Ledger, project: Project, store: Store) -> RunRecord:
    """A ledger in a file is the project's own, and its runs are known wherever the lake lies now.

    On a server, several projects may share one: there the lake tells whose a run is.
    """
    lake = None if project.ledger.startswith("sqlite:") else store.location
    records = [as_it_is(record, project) for record in ledger.runs_to_explain(project.target, lake=lake)]
    found = next((record for record in records if record.status != RUNNING), None)
    if found is None:
        raise UsageError("no run of this lake was ever stopped", hint="headgate runs lists them all")
    return found


def _causes(
    project: Project, record: RunRecord, failed: list[dict[str, Any]], *, branch: bool, base: int | None
) -> list[Cause]:
    """Every failed expectation with its rows on the branch and, for comparison, in the release before."""
    declared = [_declared(project, result) for result in failed]
    pii = _tagged(project, failed)
    here, before = [_NOT_ASKED] * len(failed), [_NOT_ASKED] * len(failed)
    if branch:
        with _reading(project, run=record.run) as con:
            here = [_find(con, d, r, pii, rows=ROWS_SHOWN) for d, r in zip(declared, failed, strict=True)]
    if base is not None:
        with _reading(project, release=base) as con:
            before = [_find(con, d, r, pii, rows=0) for d, r in zip(declared, failed, strict=True)]
    return [Cause(r, h.sql, h.columns, h.rows, h.count, b.count) for r, h, b in zip(failed, here, before, strict=True)]


def _declared(project: Project, result: Mapping[str, Any]) -> Declared | None:
    """The expectation as it stands in the gate file now; None if it was changed or is dbt's."""
    try:
        gate = read_gate(project.folder, result["layer"])
    except ConfigError:  # it was deleted or broken since
        return None
    for declared in gate.tables.get(result["table"], ()):
        if declared.type == result["type"] and _same(declared.kwargs, result["kwargs"]):
            return declared
    return None


def _tagged(project: Project, failed: list[dict[str, Any]]) -> dict[str, Pii]:
    """By layer, what is not shown; a layer whose gate files cannot be read now is left out, and so are its rows."""
    found = {}
    for layer in {result["layer"] for result in failed}:
        with suppress(ConfigError):
            found[layer] = read_tagged_gate(project, layer).pii
    return found


def _find(
    con: Connection, declared: Declared | None, result: Mapping[str, Any], pii: Mapping[str, Pii], *, rows: int
) -> _Found:
    """The offending rows in what ``con`` reads; nothing where that cannot be asked (the table is not there, say)."""
    if declared is None or result["layer"] not in pii:
        return _NOT_ASKED
    where = {"layer": result["layer"], "table": result["table"]}
    sql = unexpected_rows_sql(con, declared, **where)
    if sql is None:
        return _NOT_ASKED
    try:
        count = query(con, f"SELECT count(*) FROM ({sql})")[1][0][0]
        columns, shown = query(con, f"SELECT * FROM ({sql}) LIMIT {rows}")
        shown = masked_rows(con, declared, columns, shown, pii=pii[result["layer"]], **where)
    except (UsageError, UnusableError):
        return _NOT_ASKED
    return _Found(sql, columns, shown, count)


@contextmanager
def _reading(project: Project, *, run: str | None = None, release: int | None = None) -> Iterator[Connection]:
    store = open_store(project)
    with reader(store, engine_settings(project, store), release=release, run=run) as con:
        yield con


def _put_in(result: Mapping[str, Any]) -> dict[str, Any]:
    """An expectation that put rows into quarantine, and how many."""
    told = {key: result[key] for key in ("layer", "table", "id", "kwargs", "place")}
    return {
        **told,
        "expectation": result["type"],
        "rows": result["quarantined_count"],
        "examples": result["partial_unexpected_list"][:EXAMPLES],
    }


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return {k: str(v) for k, v in a.items()} == {k: str(v) for k, v in b.items()}


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
            now = [column for column, _ in entry["columns"]]
            before = [column for column, _ in parent.sources.get(name, {}).get("columns", [])]
            changes += [f"{name}: column {c} is new" for c in now if c not in before]
            changes += [f"{name}: column {c} is gone" for c in before if c not in now]
    return changes
