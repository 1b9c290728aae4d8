"""The part of the ledger that knows what lies outside of the lake: servers, incidents, and what people were told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.ledger.records import AlertRecord, IncidentRecord, ServedRecord, bounded, encoded, utc
from headgate.ledger.section import Section, without_id

if TYPE_CHECKING:
    from sqlalchemy import Table


class Affairs(Section):
    """What each server holds, what is not well since when, and who was told of it."""

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
            return [AlertRecord(**without_id(row)) for row in con.execute(query).mappings()]

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
        """Record that a server holds ``release``, as far as is known; ``error`` says why it could not get another."""
        insert = self._upsert()
        values: dict[str, Any] = {"release": release, "declared": declared, "run": run}
        values |= {"error": bounded(error), "at": utc()}
        statement = insert(self._tables.SERVED).values(lake=lake, server=server, **values)
        with self._database.writing() as con:
            con.execute(statement.on_conflict_do_update(index_elements=["lake", "server"], set_=values))

    def served(self, lake: str) -> dict[str, ServedRecord]:
        """What is known of each server of a lake."""
        from sqlalchemy import select

        table: Table = self._tables.SERVED
        with self._database.reading() as con:
            rows = con.execute(select(table).where(table.c.lake == lake)).mappings().all()
        return {row["server"]: ServedRecord(**without_id(row)) for row in rows}

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
