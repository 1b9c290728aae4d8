"""The story of a run, on one page.

Look what changed. If nothing did, say so. Otherwise take the lock, make a branch, do the steps of the
plan one after the other, and stop at the first that ends the run: a gate that fails, or the release.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, datetime

from headgate.errors import InterruptedRunError, UsageError, did_you_mean
from headgate.lake.branch import branch_of
from headgate.lake.engine import hold
from headgate.lake.lease import locked, release
from headgate.lake.release import Hold, Pointer, Releases
from headgate.ledger import Ledger, RunRecord
from headgate.plan import FOLLOWING, HELD, Changes, Kind, Need, Step, follows, make_plan, step_names
from headgate.project import Project
from headgate.project.fingerprint import combined, fingerprint
from headgate.run.build import needs_dbt
from headgate.run.changes import find_changes
from headgate.run.conclusion import concluded, remembered
from headgate.run.exporting import make_up
from headgate.run.publish import published_before
from headgate.run.serving import must_be_served
from headgate.run.steps import Outcome, perform_one
from headgate.run.verdict import Verdict
from headgate.run.workshop import Listener, Options, Workshop, never, open_dbt, open_store, silent


def perform(
    project: Project, options: Options, tell: Listener = silent, *, stopping: Callable[[], bool] = never
) -> Verdict:
    """Run the whole pipeline in this process. As soon as ``stopping`` no step is begun any more.

    What goes wrong once the run has a name is in the verdict; LockHeldError and errors of the ledger
    are raised.
    """
    started = time.monotonic()
    store, waiting = open_store(project), options.wait.total_seconds()
    with (
        Ledger.open(project.ledger) as ledger,
        locked(store, lambda: new_run_id(ledger), wait_seconds=waiting) as run,
    ):
        _finish_killed(project, options, ledger, tell)
        shop = _begin(project, run, options, ledger, tell)
        shop.stopping = stopping
        with closing(hold()):  # what the look at the sources loaded need not be loaded again
            return concluded(shop, lambda: _whole(shop), started)


def perform_step(project: Project, run: str, name: str, options: Options, tell: Listener = silent) -> Verdict:
    """Do one step of a run that several processes share, as an orchestrator does.

    The first step begins the run. A step that was done is not done again; one that died or failed
    starts from the branch as it was before. ``status`` is ``running`` until the last step has ended.
    """
    started = time.monotonic()
    store = open_store(project)
    branch_of(store, run)  # refuses a text that is no run's id: it becomes the name of files
    if name not in step_names(project):
        raise UsageError(f"there is no step {name!r}", hint=did_you_mean(name, step_names(project)))
    with Ledger.open(project.ledger) as ledger:
        _require_begin(project, ledger.run(run), run, name)
        with locked(store, run, mode="steps", wait_seconds=options.wait.total_seconds()):
            record = ledger.run(run)
            if record is None:
                _finish_killed(project, options, ledger, tell)
                shop = _begin(project, run, options, ledger, tell)
            else:
                shop = _rejoin(project, record, options, ledger, tell)
            if _is_over(ledger, record, name):
                verdict = remembered(shop, started)
            else:
                steps = _planned(record)
                _require_earlier(ledger, run, steps, name)
                if record is not None and record.status == "failed":
                    ledger.reopen_run(run)
                verdict = concluded(shop, lambda: _one(shop, steps, name), started)
        if verdict.status != "running":
            release(store, run)
        return verdict


def explain(project: Project, options: Options) -> tuple[int | None, list[Step]]:
    """The current release, and the steps that a run would take now. Looks, and changes nothing."""
    store = open_store(project)
    releases = Releases(store)
    with Ledger.open(project.ledger) as ledger:
        parent = releases.current()
        changes = find_changes(project, parent, ledger, store.location, options)
    dbt = open_dbt(project, store) if changes.any else None
    models = dbt.models() if dbt else None
    steps, pointer = make_plan(project, parent, changes, models, full=options.full), releases.pointer()
    if pointer.held is not None and not options.resume:
        steps = [replace(step, need=Need.NO, why=HELD, models={}) for step in steps]
    return pointer.release, steps


def new_run_id(ledger: Ledger) -> str:
    """The name of a new run: when it began, in UTC, to the second, made unique."""
    stem = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    number = 1
    while ledger.run(stem if number == 1 else f"{stem}-{number}") is not None:
        number += 1
    return stem if number == 1 else f"{stem}-{number}"


def _begin(project: Project, run: str, options: Options, ledger: Ledger, tell: Listener) -> Workshop:
    """Look what is served, and write down that a run begins there."""
    releases = Releases(open_store(project))
    if options.resume:
        releases.resume()
    base = releases.pointer()
    shop = Workshop(project, run, base, releases.current(), options, ledger, tell)
    ledger.start_run(
        run,
        target=project.target,
        lake=shop.store.location,
        base_release=base.release,
        project_hash=combined(fingerprint(project.folder)),
        variables=project.vars,
        options={**options.to_json(), "base": asdict(base)},
    )
    return shop


def _finish_killed(project: Project, options: Options, ledger: Ledger, tell: Listener) -> None:
    """Put on record the run that published what is served and was killed before it said so; do what comes after."""
    served = Releases(open_store(project)).current()
    record = ledger.run(served.run) if served else None
    if record is None or record.status not in ("running", "failed"):
        return
    tell("publish", f"run {record.run} was ended after it had published: it is put on record")
    shop = _rejoin(project, record, options, ledger, tell)
    done = {step.name for step in ledger.steps(record.run) if step.status in ("done", "skipped")}
    left = [s for s in _planned(record) if s.kind in (Kind.PUBLISH, *FOLLOWING) and s.name not in done]

    def finish() -> Outcome:
        for step in left:
            perform_one(shop, step)
        return Outcome("done", ends="published")

    concluded(shop, finish, time.monotonic())


def _rejoin(project: Project, record: RunRecord, options: Options, ledger: Ledger, tell: Listener) -> Workshop:
    """Go on with a run that another process began: what it branched from is what it wrote down."""
    written = record.options["base"]
    held = Hold(**written["held"]) if written["held"] else None
    base = Pointer(written["release"], written["nonce"], written["highest"], held, tuple(written["abandoned"]))
    parent = Releases(open_store(project)).manifest(base.release) if base.release is not None else None
    return Workshop(project, record.run, base, parent, options, ledger, tell)


def _planned(record: RunRecord | None) -> list[Step]:
    """The steps as the first one wrote them down; none if it did not come so far."""
    return [Step(**{**s, "kind": Kind(s["kind"])}) for s in record.plan] if record else []


def _look(shop: Workshop) -> tuple[Changes, list[Step]]:
    """Look what changed, write down what this run is going to do, and do what the last ones left undone."""
    changes = find_changes(shop.project, shop.parent, shop.ledger, shop.store.location, shop.options)
    steps = make_plan(shop.project, shop.parent, changes, None)
    shop.notes.extend(changes.notes)
    shop.ledger.plan_run(shop.run, [asdict(step) for step in steps])
    shop.notes.extend(_orphans(shop, changes))
    make_up(shop)
    return changes, steps


def _orphans(shop: Workshop, changes: Changes) -> Iterator[str]:
    """A change log forgets nothing, so a table that was taken out of the project stays; who reads it should know."""
    known = {name.partition(".")[2] for name in changes.sources}
    for relation in shop.parent.tables if shop.parent else ():
        layer, _, table = relation.partition(".")
        if layer == shop.project.layers[0] and table not in known:
            yield f"{relation} is of no source any more, and stays as it was: models that read it see nothing new"


def _whole(shop: Workshop) -> Outcome:
    """Every step in order; what comes after the release still runs, what comes after a failure does not."""
    changes, steps = _look(shop)
    if early := _not_at_all(shop, changes):
        return _caught_up(shop, steps, early)
    if any(step.kind is Kind.BUILD and step.need is not Need.NO for step in steps):
        models = shop.dbt.remembered() if shop.dbt is not None else None
        changed = [table.split(".", 1)[1] for table, why in changes.sources.items() if why]
        if models is None or needs_dbt(shop, models, changed):
            shop.warm_up()
    shop.require_gates()
    shop.open(fresh=True)
    end = Outcome("done")
    for step in steps:
        if shop.stopping() and step.kind not in FOLLOWING:  # what follows a release belongs to it
            raise InterruptedRunError
        outcome = perform_one(shop, step)
        if outcome.ends:
            end = outcome
            if outcome.ends != "published":
                break
    return _caught_up(shop, steps, end) if end.ends == "nothing_new" else end


def _caught_up(shop: Workshop, steps: list[Step], end: Outcome) -> Outcome:
    """Nothing was published: serve what a run before this one could not serve, or somebody changed there since."""
    for step in steps:
        if step.kind is Kind.SERVE and (step.need is Need.YES or must_be_served(shop, step.subject)):
            perform_one(shop, step)
    return end


def _one(shop: Workshop, steps: list[Step], name: str) -> Outcome:
    """One step, on the branch as the step before left it. The first one looks what is to be done."""
    first = name == step_names(shop.project)[0]
    if first:
        changes, steps = _look(shop)
        if early := _not_at_all(shop, changes):
            return _caught_up(shop, steps, early)
        shop.require_gates()
    step = next(step for step in steps if step.name == name)
    if step.kind in FOLLOWING:
        outcome = perform_one(shop, step)
        return Outcome(outcome.status, outcome.detail, ends="published")
    if step.kind is not Kind.PUBLISH or published_before(shop) is None:
        shop.open(fresh=first)
    return perform_one(shop, step, alone=True)


def _not_at_all(shop: Workshop, changes: Changes) -> Outcome | None:
    if shop.base.held is not None:
        return Outcome("skipped", ends="held")
    if not changes.any:
        if shop.parent is not None:  # what is said to be served is there
            shop.releases.verify(shop.parent.release)
        return Outcome("skipped", ends="nothing_new")
    return None


def _is_over(ledger: Ledger, record: RunRecord | None, name: str) -> bool:
    """Whether there is nothing left for this step to do."""
    if record is None:
        return False
    if any(step.name == name and step.status in ("done", "skipped") for step in ledger.steps(record.run)):
        return name != "publish" or record.status != "running"  # else it died before it said how the run ended
    return record.status not in ("running", "failed") and not (follows(name) and record.status == "published")


def _require_begin(project: Project, record: RunRecord | None, run: str, name: str) -> None:
    """A run begins with its first step; a mistyped run or step must not begin one."""
    first = step_names(project)[0]
    if (record is None or not record.plan) and name != first:
        raise UsageError(
            f"step {name} of run {run} cannot be done before {first}",
            hint=f"headgate run --run {run} --step {first} begins a run; headgate runs lists those that there are",
        )


def _require_earlier(ledger: Ledger, run: str, steps: list[Step], name: str) -> None:
    done = {step.name for step in ledger.steps(run) if step.status in ("done", "skipped")}
    for step in steps:
        if step.name == name or (step.kind in FOLLOWING and follows(name)):
            return
        if step.name not in done:
            raise UsageError(
                f"step {name} of run {run} cannot be done before {step.name}",
                hint=f"headgate run --run {run} --step {step.name}",
            )
