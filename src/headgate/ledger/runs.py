"""The part of the ledger that knows runs and their steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headgate.errors import CouldNotRunError
from headgate.ledger.records import DIED, RUN_STATUSES, RUNNING, RunRecord, StepRecord, bounded, encoded, utc
from headgate.ledger.section import Section, without_id

if TYPE_CHECKING:
    from sqlalchemy import Select, Table

_RUN_JSON = ("plan", "variables", "options", "summary")


class Runs(Section):
    """Every run that began, how it ended, and what its steps wrote down."""

    def start_run(
        self,
        run: str,
        *,
        target: str | None = None,
        lake: str | None = None,
        base_release: int | None = None,
        plan: Sequence[dict[str, Any]] = (),
        project_hash: str | None = None,
        variables: dict[str, Any] | None = None,
        options: Any = None,
        created_at: datetime | None = None,
    ) -> None:
        """Record that a run has begun.

        Raises:
            CouldNotRunError: the ledger knows a run of this name.
        """
        from sqlalchemy import insert, select

        runs: Table = self._tables.RUNS
        with self._database.writing() as con:
            if con.execute(select(runs.c.id).where(runs.c.run == run)).first() is not None:
                raise CouldNotRunError(f"the ledger has a run {run} already", hint="each run needs a name of its own")
            con.execute(
                insert(runs).values(
                    run=run,
                    status=RUNNING,
                    target=target,
                    lake=lake,
                    base_release=base_release,
                    plan=encoded(list(plan)),
                    project_hash=project_hash,
                    variables=encoded(variables or {}),
                    options=encoded(options),
                    created_at=utc(created_at),
                    summary="{}",
                )
            )

    def plan_run(self, run: str, plan: Sequence[dict[str, Any]]) -> None:
        """Record the steps that a run is going to take."""
        self._change_run(run, plan=encoded(list(plan)))

    def reopen_run(self, run: str) -> None:
        """Record that an ended run goes on, because one of its steps is done again."""
        self._change_run(run, status=RUNNING, release=None, serving=None, finished_at=None, seconds=None, error=None)

    def finish_run(
        self,
        run: str,
        status: str,
        *,
        release: int | None = None,
        serving: int | None = None,
        seconds: float | None = None,
        summary: dict[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """Record how a run ended; said twice, the later holds."""
        if status not in RUN_STATUSES or status == RUNNING:
            raise ValueError(f"a run cannot end as {status!r}")
        self._change_run(
            run,
            status=status,
            release=release,
            serving=serving,
            finished_at=utc(),
            seconds=seconds,
            summary=encoded(summary or {}),
            error=bounded(error),
        )

    def run(self, run: str) -> RunRecord | None:
        """One run, if the ledger knows it."""
        runs = self._tables.RUNS
        return next(iter(self._runs(lambda query: query.where(runs.c.run == run))), None)

    def runs(self, limit: int = 20) -> list[RunRecord]:
        """The latest runs, newest first."""
        return self._runs(lambda query: query.limit(limit))

    def last_run(
        self,
        statuses: Collection[str] | None = None,
        *,
        lake: str | None = None,
        serving: int | None = None,
        project_hash: str | None = None,
        variables: dict[str, Any] | None = None,
    ) -> RunRecord | None:
        """The newest run that has one of these statuses and whatever else is given."""
        runs = self._tables.RUNS

        def narrowed(query: Select[Any]) -> Select[Any]:
            if statuses is not None:
                query = query.where(runs.c.status.in_(list(statuses)))
            if lake is not None:
                query = query.where(runs.c.lake == lake)
            if serving is not None:
                query = query.where(runs.c.serving == serving)
            if project_hash is not None:
                query = query.where(runs.c.project_hash == project_hash)
            if variables is not None:
                query = query.where(runs.c.variables == encoded(variables))
            return query.limit(1)

        return next(iter(self._runs(narrowed)), None)

    def runs_to_explain(self, target: str | None, *, lake: str | None = None, limit: int = 5) -> list[RunRecord]:
        """The newest runs of a target that were stopped or have not ended, or whose release did not reach everybody."""
        from sqlalchemy import or_, select

        runs, steps = self._tables.RUNS, self._tables.STEPS
        to_others = or_(*(steps.c.name.startswith(prefix) for prefix in ("serve:", "export:")))
        unreached = select(steps.c.run).where(steps.c.status == "failed", to_others)

        def narrowed(query: Select[Any]) -> Select[Any]:
            query = query.where(or_(runs.c.status.in_(["blocked", "failed", RUNNING]), runs.c.run.in_(unreached)))
            query = query.where(runs.c.target.is_(None) if target is None else runs.c.target == target)
            return (query if lake is None else query.where(runs.c.lake == lake)).limit(limit)

        return self._runs(narrowed)

    def died(self, live: Collection[str]) -> list[RunRecord]:
        """The runs that never ended although they are not among the ``live`` ones, as died, newest first."""
        runs = self._tables.RUNS
        running = self._runs(lambda query: query.where(runs.c.status == RUNNING))
        return [replace(record, status=DIED) for record in running if record.run not in live]

    # Steps

    def step_started(self, run: str, step: str) -> None:
        """Record that a step has begun, perhaps not for the first time."""
        insert = self._upsert()
        steps: Table = self._tables.STEPS
        begun = {"status": RUNNING, "started_at": utc(), "finished_at": None, "seconds": None, "detail": "{}"}
        statement = insert(steps).values(run=run, name=step, attempts=1, **begun)
        with self._database.writing() as con:
            con.execute(
                statement.on_conflict_do_update(
                    index_elements=["run", "name"], set_={**begun, "attempts": steps.c.attempts + 1}
                )
            )

    def step_finished(
        self, run: str, step: str, status: str, seconds: float, detail: dict[str, Any] | None = None
    ) -> None:
        """Record how a step ended.

        Raises:
            CouldNotRunError: it never began.
        """
        from sqlalchemy import update

        steps: Table = self._tables.STEPS
        values = {"status": status, "finished_at": utc(), "seconds": seconds, "detail": encoded(detail or {})}
        with self._database.writing() as con:
            done = con.execute(update(steps).where(steps.c.run == run, steps.c.name == step).values(**values))
            if done.rowcount == 0:
                raise CouldNotRunError(f"the ledger has no step {step} of run {run}")

    def steps(self, run: str) -> list[StepRecord]:
        """The steps of a run that began, in the order in which they first did."""
        from sqlalchemy import select

        table: Table = self._tables.STEPS
        with self._database.reading() as con:
            rows = con.execute(select(table).where(table.c.run == run).order_by(table.c.id)).mappings().all()
        return [StepRecord(**without_id(row) | {"detail": self._decoded(row["detail"])}) for row in rows]

    def looked_at(self, lake: str, serving: int, step: str) -> list[dict[str, Any]]:
        """What a step wrote down in the runs that found nothing new on top of this release, the oldest first."""
        from sqlalchemy import select

        runs, steps = self._tables.RUNS, self._tables.STEPS
        query = (
            select(steps.c.detail)
            .join(runs, runs.c.run == steps.c.run)
            .where(runs.c.lake == lake, runs.c.serving == serving, runs.c.status == "nothing_new")
            .where(steps.c.name == step, steps.c.status == "done")
            .order_by(runs.c.id)  # by the steps' own SQLite would go through every step that was ever done
        )
        with self._database.reading() as con:
            details: Sequence[str] = con.execute(query).scalars().all()
        return [self._decoded(detail) for detail in details]

    def unfinished_steps(self, lake: str, prefix: str) -> list[tuple[RunRecord, str]]:
        """The steps named ``prefix…`` that failed or died in runs which published to ``lake``, the oldest first."""
        from sqlalchemy import select

        runs, steps = self._tables.RUNS, self._tables.STEPS
        wanted = (
            select(steps.c.run, steps.c.name)
            .join(runs, runs.c.run == steps.c.run)
            .where(runs.c.lake == lake, runs.c.status == "published", steps.c.status.in_(["failed", RUNNING]))
            .where(steps.c.name.startswith(prefix, autoescape=True))
            .order_by(steps.c.id)
        )
        with self._database.reading() as con:
            found = con.execute(wanted).all()
        named = [(str(run), str(name)) for run, name in found]
        records = {run: self.run(run) for run, _ in named}
        return [(record, name) for run, name in named if (record := records[run]) is not None]

    def _runs(self, narrowed: Callable[[Select[Any]], Select[Any]]) -> list[RunRecord]:
        from sqlalchemy import select

        table: Table = self._tables.RUNS
        with self._database.reading() as con:
            rows = con.execute(narrowed(select(table).order_by(table.c.id.desc()))).mappings().all()
        return [RunRecord(**without_id(row) | {name: self._decoded(row[name]) for name in _RUN_JSON}) for row in rows]

    def _change_run(self, run: str, **values: Any) -> None:
        from sqlalchemy import update

        table: Table = self._tables.RUNS
        with self._database.writing() as con:
            if con.execute(update(table).where(table.c.run == run).values(**values)).rowcount == 0:
                raise CouldNotRunError(f"the ledger has no run {run}")
