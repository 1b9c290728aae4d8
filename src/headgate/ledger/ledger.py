"""The ledger: the record of runs, steps, results, releases and alerts.

Each method is one transaction, so that a process which is killed leaves whole records. SQLAlchemy is imported
when a ledger is opened.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from headgate.errors import CouldNotRunError, LakeError
from headgate.ledger.records import (
    DIED,
    RUN_STATUSES,
    RUNNING,
    AlertRecord,
    IncidentRecord,
    JudgedRecord,
    ReleaseRecord,
    RunRecord,
    ServedRecord,
    StepRecord,
    bounded,
    encoded,
    utc,
)

if TYPE_CHECKING:
    from sqlalchemy import RowMapping, Select, Table

    from headgate.ledger.database import Database

_RUN_JSON = ("plan", "variables", "options", "summary")
_RESULT_COLUMNS = ("layer", "table", "expectation", "severity", "how")


class Ledger:
    """An open ledger. Use ``Ledger.open``; as a context manager it closes itself."""

    def __init__(self, database: Database, tables: ModuleType) -> None:
        self._database = database
        self._tables = tables

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Ledger:
        """Open the ledger at ``sqlite:///path`` or ``postgresql://…``; make it if there is none.

        Raises:
            UsageError: the URL is none of a ledger; or there is no ledger and ``create`` is false.
            CouldNotRunError: it cannot be read or written, or a newer Headgate made it.
            LedgerUnavailableError: it cannot be reached now, or another program keeps it locked.
            LakeError: the file is broken.
            MissingExtraError: PostgreSQL's driver is not installed.
        """
        from headgate.ledger import tables
        from headgate.ledger.database import open_database

        return cls(open_database(url, create=create), tables)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Runs

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

    # Steps and results

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
        return [StepRecord(**_without_id(row) | {"detail": self._decoded(row["detail"])}) for row in rows]

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

    def record_results(self, run: str, results: Sequence[dict[str, Any]], *, step: str = "") -> None:
        """Record what the gates found. Done again for the same step, the later results replace the earlier.

        ``layer``, ``table``, ``expectation``, ``success``, ``severity`` and ``how`` can be queried as columns.
        """
        from sqlalchemy import delete, insert

        table: Table = self._tables.RESULTS
        rows = [
            {"run": run, "step": step, "success": _truth(result.get("success")), "body": encoded(result)}
            | {name: _text(result.get(name)) for name in _RESULT_COLUMNS}
            for result in results
        ]
        with self._database.writing() as con:
            con.execute(delete(table).where(table.c.run == run, table.c.step == step))
            if rows:
                con.execute(insert(table), rows)

    def results(self, run: str, *, only_failed: bool = False) -> list[dict[str, Any]]:
        """What the gates found in a run, in the order in which it was recorded."""
        from sqlalchemy import select

        table: Table = self._tables.RESULTS
        query = select(table.c.body).where(table.c.run == run).order_by(table.c.id)
        if only_failed:
            query = query.where(table.c.success.is_not(True))
        with self._database.reading() as con:
            bodies: Sequence[str] = con.execute(query).scalars().all()
        return [self._decoded(body) for body in bodies]

    def judged(self, lake: str, layer: str, table: str, *, limit: int = 30) -> list[JudgedRecord]:
        """What the last runs on ``lake`` that judged a table found of it, the oldest first."""
        from sqlalchemy import or_, select

        runs, results, forgotten = self._tables.RUNS, self._tables.RESULTS, self._tables.FORGOTTEN
        kept, gone = (
            select(each.c.id).where(each.c.run == runs.c.run, each.c.layer == layer, each.c.table == table).exists()
            for each in (results, forgotten)
        )
        last = select(runs).where(runs.c.lake == lake, or_(kept, gone)).order_by(runs.c.id.desc()).limit(limit)
        with self._database.reading() as con:
            found = con.execute(last).mappings().all()
            names = [row["run"] for row in found]
            of_results, of_forgotten = (
                (each.c.run.in_(names), each.c.layer == layer, each.c.table == table) for each in (results, forgotten)
            )
            bodies = con.execute(select(results.c.run, results.c.body).where(*of_results).order_by(results.c.id)).all()
            counts = con.execute(select(forgotten.c.run, forgotten.c.held).where(*of_forgotten)).all()
        judged: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for run, body in bodies:
            judged[str(run)].append(self._decoded(str(body)))
        held = {str(row.run): row.held for row in counts}
        return [
            JudgedRecord(
                row["run"],
                row["created_at"],
                row["status"],
                row["release"],
                judged[row["run"]],
                held.get(row["run"], 0),
            )
            for row in reversed(found)
        ]

    def forget(self, lake: str, releases: Collection[int]) -> None:
        """Forget what held, and what steps wrote down, in the runs that left another release served than these.

        The runs themselves stay, and so does everything that failed; what held is counted table by table. ``releases``
        are those that ``lake`` still has.
        """
        from sqlalchemy import delete, func, insert, select, update

        runs, steps, results = self._tables.RUNS, self._tables.STEPS, self._tables.RESULTS
        gone = (
            select(runs.c.run)
            .where(runs.c.lake == lake, runs.c.status != RUNNING)
            .where(runs.c.serving.is_not(None), runs.c.serving.not_in(list(releases)))
        )
        of_table = (results.c.run, results.c.layer, results.c.table)
        held = results.c.success.is_(True) & results.c.run.in_(gone)
        named = results.c.layer.is_not(None) & results.c.table.is_not(None)
        counted = select(*of_table, func.count()).where(held, named).group_by(*of_table)
        done = steps.c.status.in_(["done", "skipped"])
        with self._database.writing() as con:
            con.execute(insert(self._tables.FORGOTTEN).from_select(["run", "layer", "table", "held"], counted))
            con.execute(delete(results).where(held))
            con.execute(update(steps).where(done, steps.c.detail != "{}", steps.c.run.in_(gone)).values(detail="{}"))

    # Releases and alerts

    def record_release(
        self,
        release: int,
        *,
        lake: str,
        run: str | None = None,
        parent: int | None = None,
        published_at: datetime | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Record a release; said twice, the later holds."""
        insert = self._upsert()
        values = {"parent": parent, "run": run, "published_at": utc(published_at), "detail": encoded(detail or {})}
        statement = insert(self._tables.RELEASES).values(lake=lake, release=release, **values)
        with self._database.writing() as con:
            con.execute(statement.on_conflict_do_update(index_elements=["lake", "release"], set_=values))

    def releases(self, lake: str, limit: int = 100) -> list[ReleaseRecord]:
        """The releases of a lake, newest first."""
        from sqlalchemy import select

        table: Table = self._tables.RELEASES
        query = select(table).where(table.c.lake == lake).order_by(table.c.release.desc()).limit(limit)
        with self._database.reading() as con:
            rows = con.execute(query).mappings().all()
        return [ReleaseRecord(**_without_id(row) | {"detail": self._decoded(row["detail"])}) for row in rows]

    def alert(self, kind: str, run: str | None, text: str) -> None:
        """Record that people are to be told something."""
        from sqlalchemy import insert

        values = {"kind": kind, "run": run, "text": bounded(text), "created_at": utc()}
        with self._database.writing() as con:
            con.execute(insert(self._tables.ALERTS).values(**values))

    def alerts(self, limit: int = 100, *, run: str | None = None) -> list[AlertRecord]:
        """The latest alerts, newest first."""
        from sqlalchemy import select

        table: Table = self._tables.ALERTS
        query = select(table).order_by(table.c.id.desc()).limit(limit)
        if run is not None:
            query = query.where(table.c.run == run)
        with self._database.reading() as con:
            return [AlertRecord(**_without_id(row)) for row in con.execute(query).mappings()]

    # Servers and incidents

    def record_served(
        self,
        lake: str,
        server: str,
        *,
        release: int | None,
        declared: str | None,
        run: str | None,
        error: str | None = None,
    ) -> None:
        """Record that a server holds ``release``; with an error, that it could not get it and holds what it held."""
        insert = self._upsert()
        values: dict[str, Any] = {"run": run, "error": bounded(error), "at": utc()}
        if error is None:
            values |= {"release": release, "declared": declared}
        statement = insert(self._tables.SERVED).values(lake=lake, server=server, **values)
        with self._database.writing() as con:
            con.execute(statement.on_conflict_do_update(index_elements=["lake", "server"], set_=values))

    def served(self, lake: str) -> dict[str, ServedRecord]:
        """What is known of each server of a lake."""
        from sqlalchemy import select

        table: Table = self._tables.SERVED
        with self._database.reading() as con:
            rows = con.execute(select(table).where(table.c.lake == lake)).mappings().all()
        return {row["server"]: ServedRecord(**_without_id(row)) for row in rows}

    def open_incident(
        self, lake: str, about: str, *, kind: str, cause: str, title: str, body: str, run: str | None
    ) -> None:
        """Record that something is not well from now on."""
        from sqlalchemy import insert

        texts = {"kind": kind, "cause": bounded(cause), "title": bounded(title), "body": bounded(body)}
        values = {"lake": lake, "about": about, "run": run, "opened_at": utc(), "told": "{}", **texts}
        with self._database.writing() as con:
            con.execute(insert(self._tables.INCIDENTS).values(**values))

    def change_incident(self, incident: int, *, closed: bool = False, told: dict[str, list[str]] | None = None) -> None:
        """Record that an incident is over, or who was told of it."""
        from sqlalchemy import update

        table: Table = self._tables.INCIDENTS
        values = {"closed_at": utc()} if closed else {}
        if told is not None:
            values["told"] = encoded(told)
        with self._database.writing() as con:
            con.execute(update(table).where(table.c.id == incident).values(**values))

    def incidents(self, lake: str, limit: int = 50) -> list[IncidentRecord]:
        """The latest incidents of a lake, oldest first."""
        from sqlalchemy import select

        table: Table = self._tables.INCIDENTS
        query = select(table).where(table.c.lake == lake).order_by(table.c.id.desc()).limit(limit)
        with self._database.reading() as con:
            rows = con.execute(query).mappings().all()
        decoded = [{str(k): v for k, v in row.items()} | {"told": self._decoded(row["told"])} for row in rows]
        return [IncidentRecord(**row) for row in reversed(decoded)]

    # The common ways of reading and writing

    def _runs(self, narrowed: Callable[[Select[Any]], Select[Any]]) -> list[RunRecord]:
        from sqlalchemy import select

        table: Table = self._tables.RUNS
        with self._database.reading() as con:
            rows = con.execute(narrowed(select(table).order_by(table.c.id.desc()))).mappings().all()
        return [RunRecord(**_without_id(row) | {name: self._decoded(row[name]) for name in _RUN_JSON}) for row in rows]

    def _change_run(self, run: str, **values: Any) -> None:
        from sqlalchemy import update

        table: Table = self._tables.RUNS
        with self._database.writing() as con:
            if con.execute(update(table).where(table.c.run == run).values(**values)).rowcount == 0:
                raise CouldNotRunError(f"the ledger has no run {run}")

    def _upsert(self) -> Callable[[Table], Any]:
        """INSERT as this database's dialect extends it."""
        if self._database.engine.dialect.name == "sqlite":
            from sqlalchemy.dialects import sqlite

            return sqlite.insert
        from sqlalchemy.dialects import postgresql

        return postgresql.insert

    def _decoded(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            raise LakeError("a record of the ledger cannot be read", where=self._database.shown) from error


def _without_id(row: RowMapping) -> dict[str, Any]:
    return {str(key): value for key, value in row.items() if key != "id"}


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return None if value is None else bounded(str(value))
