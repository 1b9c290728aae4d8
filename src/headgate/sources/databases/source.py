"""The source that is a database: looks with one cheap question a table, reads all tables in one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from headgate.errors import SourceDataError
from headgate.lake.engine import Connection, EngineSettings, connect
from headgate.sources.databases.choosing import Choosing, Chosen
from headgate.sources.databases.dialect import Dialect
from headgate.sources.databases.loading import TableLoading, digest, settings_of, window_of
from headgate.sources.databases.postgres import Postgres
from headgate.sources.databases.session import Session
from headgate.sources.schema_lock import LockedTable
from headgate.sources.source import Extracted, State, TableChange

if TYPE_CHECKING:
    from headgate.project.config import DatabaseSource as DatabaseConfig
    from headgate.project.config import Sample

#: A new kind of database is one dialect and one line here.
DIALECTS: dict[str, Callable[..., Dialect]] = {"postgres": Postgres}


class DatabaseSource:
    """A source whose tables are those of a database."""

    def __init__(self, name: str, config: DatabaseConfig, folder: Path, sample: Sample | None = None) -> None:
        self.name = name
        self.config = config
        self.sample = sample
        self.dialect = DIALECTS[config.type](config)
        self.session = Session(name, config, self.dialect)

    def changes(self, known: Mapping[str, State]) -> dict[str, TableChange]:
        """Ask the database, table by table, whether what it would give differs from what is known.

        Raises:
            SourceUnavailableError: it cannot be reached.
            SourceRefusedError: it lets us not in.
        """
        con = connect(EngineSettings(threads=1), extensions=())
        try:
            return self.session.visit(con, lambda: self._look(con, known))
        finally:
            con.close()

    def extract(
        self,
        con: Connection,
        run: str,
        known: Mapping[str, State],
        locked: Mapping[str, LockedTable],
        tell: Callable[[str], None],
    ) -> list[Extracted]:
        """Bring the changes of all tables into the branch attached to ``con``: one transaction, one snapshot."""
        return self.session.visit(con, lambda: self._extract(con, run, known, tell))

    def _look(self, con: Connection, known: Mapping[str, State]) -> dict[str, TableChange]:
        chosen = self._chosen(con, known)
        return {name: TableChange(name, self._why(con, table, known.get(name))) for name, table in chosen.items()}

    def _extract(
        self, con: Connection, run: str, known: Mapping[str, State], tell: Callable[[str], None]
    ) -> list[Extracted]:
        con.execute("SET TimeZone = 'UTC'")
        done = []
        for name, table in self._chosen(con, known).items():
            why = self._why(con, table, known.get(name))
            if why is None:
                continue
            tell(f"{name}: {why}")
            try:
                done.append(TableLoading(con, self.session, table, self.sample).load(run, known.get(name)))
            except duckdb.Error as error:
                raise self.session.error(error, table=name) from error
        return done

    def _chosen(self, con: Connection, known: Mapping[str, State]) -> dict[str, Chosen]:
        chosen = Choosing(self.name, self.config, self.dialect).choose(self.dialect.catalogue(con, self.session.alias))
        for name in known.keys() - chosen.keys():
            if Choosing.would_read(self.config, name):
                raise SourceDataError(
                    "the table was read before and is not in the database any more",
                    table=f"{self.name}.{name}",
                    rule="missing_table",
                    hint=f"if it was dropped or renamed on purpose, leave it out: exclude: [{name}]; "
                    "what raw has of it stays",
                )
        return chosen

    def _why(self, con: Connection, table: Chosen, known: State | None) -> str | None:
        if not known:
            return _described(table)
        if known.get("settings") != settings_of(table, self.sample):
            return "its columns or settings changed"
        window = window_of(self.session, table, known, self.sample)
        try:
            found = digest(con, self.session, table, window)
        except duckdb.Error as error:
            raise self.session.error(error, table=table.name) from error
        if found == known.get("digest"):
            return None
        if window.whole:
            return "its rows changed"
        return f"rows changed since {known['mark']}"


def _described(table: Chosen) -> str:
    """A table that is new to us: how it is going to be read."""
    key = ", ".join(table.primary_key)
    how = f"cursor {table.cursor.name}" if table.cursor else "no cursor, so it is compared whole"
    return f"not read yet (key {key}; {how})"
