"""The part of the ledger that knows what gates found, and which releases there were."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headgate.ledger.records import RUNNING, JudgedRecord, ReleaseRecord, bounded, encoded, utc
from headgate.ledger.section import Section, without_id

if TYPE_CHECKING:
    from sqlalchemy import Table

_RESULT_COLUMNS = ("layer", "table", "expectation", "severity", "how")


class Results(Section):
    """Every expectation's result in every run, until its release is pruned; and the releases."""

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
        return [ReleaseRecord(**without_id(row) | {"detail": self._decoded(row["detail"])}) for row in rows]


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return None if value is None else bounded(str(value))
