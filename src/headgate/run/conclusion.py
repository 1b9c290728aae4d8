"""The end of a run: whatever happened becomes a verdict and a record in the ledger."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import duckdb

from headgate.errors import ExitCode, HeadgateError, InterruptedRunError, LakeUnavailableError, SourceDataError
from headgate.lake.engine import translated, was_interrupted
from headgate.lake.release import Manifest
from headgate.run.steps import Outcome, count_results
from headgate.run.telling import tell_of_run
from headgate.run.verdict import EXIT_CODES, Status, Verdict, decided, failure_of
from headgate.run.workshop import Workshop


def concluded(shop: Workshop, work: Callable[[], Outcome], started: float) -> Verdict:
    """Do ``work`` and say how it ended. The one place where an exception becomes a status."""
    try:
        return _concluded(shop, work, started)
    finally:
        shop.end()


def _concluded(shop: Workshop, work: Callable[[], Outcome], started: float) -> Verdict:
    try:
        outcome = work()
        shop.close()
        return _finish(shop, outcome.ends or "running", started)
    except HeadgateError as error:
        return _stopped(shop, "blocked" if error.exit_code is ExitCode.BLOCKED else "failed", error, started)
    except duckdb.Error as error:
        return _stopped(shop, "failed", translated(error, doing="the database refused", pii=shop.tagged), started)
    except KeyboardInterrupt:
        return _stopped(shop, "failed", InterruptedRunError(), started)
    except Exception as error:  # noqa: BLE001  # the edge of a run: anything unexpected ends as exit 3, with a trace
        if was_interrupted(error):
            return _stopped(shop, "failed", InterruptedRunError(), started)
        log = _write_trace(shop, error)
        cause = str(error).splitlines()[0] if str(error) else "no text"
        wrapped = HeadgateError(f"unexpected {type(error).__name__}: {cause}", hint=f"the traceback is in {log}")
        return _stopped(shop, "failed", wrapped, started)


def remembered(shop: Workshop, started: float) -> Verdict:
    """The verdict of a run that is over, or of a step that was done before, from the ledger alone."""
    record = shop.ledger.run(shop.run)
    status: Any = record.status if record else "failed"
    return _verdict(shop, status, started, _served(shop), error=record.error if record else None)


def _stopped(shop: Workshop, status: Status, error: HeadgateError, started: float) -> Verdict:
    shop.abandon()
    text = shop.project.mask(str(error))
    if shop.decided is not None:  # readers have the release: what goes wrong after it does not take it back
        status = "published"
    return _finish(shop, status, started, error=text, cause=error)


def _finish(
    shop: Workshop, status: Status, started: float, *, error: str | None = None, cause: HeadgateError | None = None
) -> Verdict:
    serving = _served(shop)
    verdict = _verdict(shop, status, started, serving, error=error, cause=cause)
    if status == "running":
        return verdict
    if status == "blocked":
        _keep_branch(shop)
    shop.ledger.finish_run(
        shop.run,
        status,
        release=verdict.release,
        serving=verdict.serving,
        seconds=verdict.seconds,
        summary={k: v for k, v in verdict.to_json().items() if k not in ("steps", "failures")},
        error=error,
    )
    if status in ("blocked", "failed", "held"):
        word, facts = verdict.line()
        shop.ledger.alert(status, shop.run, f"{word}  {' · '.join(facts)}")
    verdict.notes.extend(tell_of_run(shop.project, shop.ledger, shop.store.location, verdict, serving))
    return verdict


def _verdict(
    shop: Workshop,
    status: Status,
    started: float,
    serving: Manifest | None,
    *,
    error: str | None,
    cause: HeadgateError | None = None,
) -> Verdict:
    results = shop.ledger.results(shop.run)
    steps = shop.ledger.steps(shop.run)
    details = {step.name: step.detail for step in steps}
    published = serving is not None and serving.run == shop.run
    failures = [failure_of(r) for r in results if not r["success"]]
    failures += [g for d in details.values() for g in d.get("refused", [])]
    if isinstance(cause, SourceDataError):
        failures.append(_bad_source(cause, shop.project.mask(cause.what)))
    sources = {n: e["rows"] for d in details.values() for n, e in d.get("sources", {}).items()}
    served = {n.partition(":")[2]: d["served"] for n, d in details.items() if "served" in d}
    return Verdict(
        status=status,
        run=shop.run,
        seconds=(shop.decided or time.monotonic()) - started,
        release=serving.release if serving and published else None,
        serving=serving.release if serving else None,
        serving_since=serving.published_at if serving else None,
        rows=serving.rows() if serving and published else {},
        expectations=count_results(results),
        guards=next((d["guards"] for d in details.values() if "guards" in d), {"total": 0, "held": 0, "failed": 0}),
        failures=failures,
        steps=[{"name": s.name, "status": s.status, "seconds": round(s.seconds or 0.0, 4)} for s in steps],
        sources=sources,
        served=served,
        quarantine=decided(details),
        notes=shop.notes,
        error=error,
        exit_code=cause.exit_code if cause else _code_of(status, served),
    )


def _code_of(status: Status, served: Mapping[str, Mapping[str, Any]]) -> ExitCode:
    """What was published stays so; that a server did not get it is told by the code."""
    code = EXIT_CODES[status]
    failed = [each["exit_code"] for each in served.values() if each["status"] == "failed"]
    return ExitCode(failed[0]) if failed and code is ExitCode.OK else code


def _served(shop: Workshop) -> Manifest | None:
    """What readers have now. A run that failed because the lake is away ends all the same, with what they had."""
    try:
        return shop.releases.current()
    except LakeUnavailableError as error:
        shop.notes.append(f"what is served now could not be looked at, only what was when the run began: {error.what}")
        return shop.parent


def _keep_branch(shop: Workshop) -> None:
    """Let other machines look at the branch of a run that was stopped."""
    try:
        shop.stow(len(shop.ledger.steps(shop.run)))
    except HeadgateError as error:
        shop.notes.append(f"the branch is on this machine only: {error.what}")


def _bad_source(error: SourceDataError, text: str) -> dict[str, Any]:
    """A source that cannot be loaded is a failure of raw like any other."""
    return failure_of(
        {
            "layer": "raw",
            "table": error.table.partition(".")[2] or error.table,
            "type": error.rule,
            "kwargs": {k: v for k, v in {"file": error.file, "row": error.row, "column": error.column}.items() if v},
            "severity": "fail",
            "error": text,
            "hint": error.hint,
        }
    )


def _write_trace(shop: Workshop, error: Exception) -> str:
    log = shop.project.folder / ".headgate" / "logs" / f"{shop.run}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(shop.project.mask("".join(traceback.format_exception(error))))
    return shop.project.shown(log)
