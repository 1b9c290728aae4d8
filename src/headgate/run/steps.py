"""What each step does. A step reads the branch and the ledger, and writes to them and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from headgate.gates.scorecard import scorecard
from headgate.lake.compaction import compact
from headgate.lake.release import Manifest
from headgate.notify import run_hook
from headgate.plan import LOG, Kind, Step
from headgate.project.rules import RAW
from headgate.run.build import build_layer
from headgate.run.conditions import waits_for
from headgate.run.exporting import export_in_run
from headgate.run.gating import judge_layer
from headgate.run.publish import publish, published_before
from headgate.run.sampling import require_sample
from headgate.run.serving import serve_in_run
from headgate.run.source_totals import totals_asked
from headgate.run.verdict import Status
from headgate.run.workshop import Workshop, open_source, source_states
from headgate.sources.memory import Memory
from headgate.sources.schema_lock import read_lock


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended. ``ends`` is the status with which it ended the run, if it did."""

    status: Literal["done", "skipped", "blocked", "failed"]
    detail: dict[str, Any] = field(default_factory=dict)
    ends: Status | None = None
    manifest: Manifest | None = None


def perform_one(shop: Workshop, step: Step, *, alone: bool = False) -> Outcome:
    """Do one step and write down how it ended, whatever happens.

    ``alone``: the next step is another process's, which must find on the branch what the ledger says was done.
    """
    shop.tell(step.name, step.why)
    shop.ledger.step_started(shop.run, step.name)
    started = time.monotonic()
    status, detail = "failed", {}
    try:
        shop.renew_access()
        outcome = _DOERS[step.kind](shop, step)
        if alone:
            shop.fold()
        status, detail = outcome.status, outcome.detail
    finally:
        shop.ledger.step_finished(shop.run, step.name, status, time.monotonic() - started, detail)
    return outcome


def _extract(shop: Workshop, step: Step) -> Outcome:
    """Read what a source has new into raw."""
    source = open_source(shop.project, step.subject, shop.gate_files[RAW].pii)
    known = source_states(shop.parent, step.subject, shop.ledger, shop.store.location)
    locked = read_lock(shop.project.folder)
    compare = shop.options.compare.get(step.subject, ())
    totals = totals_asked(shop)
    found = source.extract(shop.con, shop.run, known, locked, lambda text: shop.tell(step.name, text), compare, totals)
    entries: dict[str, Any] = {}
    for extracted in found.tables:
        entries[f"{step.subject}.{extracted.table}"] = {
            "rows": extracted.counts.to_dict(),
            "state": extracted.state,
            "cursor": extracted.cursor,
            "columns": [list(column) for column in extracted.schema.columns.items()],  # JSON objects lose the order
            "delimiter": extracted.schema.delimiter,
            "primary_key": list(extracted.primary_key),
        }
        shop.notes.extend(f"{step.subject}.{extracted.table}: {note}" for note in extracted.notes)
    shop.changed()
    forgot = Memory(shop.con).tidy(shop.contents)
    if compact(shop.con, shop.contents, [f"{LOG}.{name.split('.', 1)[1]}" for name in entries]) or forgot:
        shop.changed()
    told = {"totals": {table: asdict(total) for table, total in found.totals.items()}} if found.totals else {}
    return Outcome("done" if entries else "skipped", {"sources": entries, **told})


def _build(shop: Workshop, step: Step) -> Outcome:
    detail = build_layer(shop, step.subject)
    return Outcome("done" if detail["built"] else "skipped", detail)


def _gate(shop: Workshop, step: Step) -> Outcome:
    if step.subject == RAW:
        require_sample(shop)
    judged = judge_layer(shop, step.subject)
    shop.ledger.record_results(shop.run, [as_record(r) for r in judged.results], step=step.name)
    if judged.failed:
        return Outcome("blocked", {**judged.detail, "failed": judged.failed}, ends="blocked")
    return Outcome("done", judged.detail)


def _publish(shop: Workshop, step: Step) -> Outcome:
    results = shop.ledger.results(shop.run)
    done = published_before(shop) or publish(shop, count_results(results), scorecard(results))
    guards = {"total": len(done.guards), "held": len(done.guards) - len(done.refused), "failed": len(done.refused)}
    detail = {"guards": guards, "refused": [g.to_failure() for g in done.refused], "changed": done.changed}
    if done.refused:
        return Outcome("blocked", detail, ends="blocked")
    if done.manifest is None:
        return Outcome("skipped", detail, ends="nothing_new")
    manifest = done.manifest
    shop.decided = time.monotonic()
    shop.ledger.record_release(
        manifest.release,
        lake=shop.store.location,
        run=shop.run,
        parent=manifest.parent,
        detail={"rows": manifest.rows()},
    )
    return Outcome("done", detail, ends="published", manifest=manifest)


def _serve(shop: Workshop, step: Step) -> Outcome:
    """Bring a warehouse to the release that the lake serves; its failure is told and tried again by the next run."""
    detail = serve_in_run(shop, step.subject)
    shop.notes.extend(f"{step.subject}: {note}" for note in detail["served"]["notes"])
    return Outcome(detail["served"]["status"], detail)


def _export(shop: Workshop, step: Step) -> Outcome:
    """Write tables of the release for others; its failure is told and tried again by the next run."""
    status, detail = export_in_run(shop, step.subject)
    return Outcome(status, detail)


def _after(shop: Workshop, step: Step) -> Outcome:
    """Run a hook if the release is one that it waits for; its failure is told, never more."""
    hook = shop.project.after[step.subject]
    release = shop.releases.current()
    before = shop.releases.manifest(release.parent) if release and release.parent else None
    if release is None or release.run != shop.run or not waits_for(hook.when, release, before):
        return Outcome("skipped")
    outcome = run_hook(
        hook.command,
        folder=shop.project.folder,
        environment={
            "HEADGATE_RELEASE": str(release.release),
            "HEADGATE_RUN": shop.run,
            "HEADGATE_LAKE": shop.store.location,
            "HEADGATE_PROJECT": str(shop.project.folder),
            "HEADGATE_TARGET": shop.project.target or "",
        },
        timeout_seconds=hook.timeout.total_seconds(),
        log=shop.project.folder / ".headgate" / "logs" / f"{shop.run}-{step.subject}.log",
    )
    text = f"after {step.subject}: {outcome.text} ({outcome.seconds:.1f} s)"
    if not outcome.ok:
        text += f"; release {release.release} stays published; its output: {shop.project.shown(outcome.log)}"
        shop.ledger.alert("hook_failed", shop.run, text)
    shop.notes.append(text)
    return Outcome("done" if outcome.ok else "failed", {"text": text})


def as_record(result: Mapping[str, Any]) -> dict[str, Any]:
    """A gate's result as the ledger keeps it."""
    return {**result, "expectation": result["type"]}


def count_results(results: list[dict[str, Any]]) -> dict[str, int]:
    """The counts of the verdict: all that was judged, and how."""
    failed = [r for r in results if not r["success"]]
    counts = {
        "total": len(results),
        "held": len(results) - len(failed),
        "failed": sum(1 for r in failed if r["severity"] == "fail"),
        "warned": sum(1 for r in failed if r["severity"] == "warn"),
    }
    return counts | {how: sum(1 for r in results if r["how"] == how) for how in ("proven", "remembered", "scanned")}


_DOERS: dict[Kind, Callable[[Workshop, Step], Outcome]] = {
    Kind.EXTRACT: _extract,
    Kind.BUILD: _build,
    Kind.GATE: _gate,
    Kind.PUBLISH: _publish,
    Kind.SERVE: _serve,
    Kind.EXPORT: _export,
    Kind.AFTER: _after,
}
