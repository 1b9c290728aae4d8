"""The source that is a database: looks with one cheap question a table, reads all tables in one snapshot."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from glob import escape
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from headgate.errors import HeadgateError, SourceDataError, UsageError, did_you_mean
from headgate.lake.engine import Connection, EngineSettings, beside, connect
from headgate.project.yaml_file import written
from headgate.sources.databases.choosing import Choosing, Chosen, column_setting
from headgate.sources.databases.dialect import Dialect
from headgate.sources.databases.drifting import settled
from headgate.sources.databases.loading import TableLoading, digest, settings_of, window_of
from headgate.sources.databases.session import Session
from headgate.sources.databases.totals import ask_totals
from headgate.sources.schema_lock import LockedTable, read_lock
from headgate.sources.source import EVERY_TABLE, NOTHING_ASKED, Extraction, State, TableChange

if TYPE_CHECKING:
    from headgate.project.config import DatabaseSource as DatabaseConfig
    from headgate.project.config import Sample

#: A new kind of database is one dialect and one line here.
DIALECTS = {
    "postgres": ("headgate.sources.databases.postgres", "Postgres"),
    "mysql": ("headgate.sources.databases.mysql", "Mysql"),
    "sqlite": ("headgate.sources.databases.sqlite", "Sqlite"),
    "duckdb": ("headgate.sources.databases.duckdb_file", "DuckdbFile"),
}

#: What is said of a table without a cursor where somebody asks for a comparison.
COMPARED_ANYWAY = "it has no cursor, so every run compares it with the source"


class DatabaseSource:
    """A source whose tables are those of a database."""

    def __init__(self, name: str, config: DatabaseConfig, folder: Path, sample: Sample | None = None) -> None:
        self.name = name
        self.config = config
        self.folder = folder
        self.sample = sample
        module, kind = DIALECTS[config.type]
        self.dialect: Dialect = getattr(import_module(module), kind)(config, folder)
        self.session = Session(name, config, self.dialect)

    def changes(self, known: Mapping[str, State], compare: Collection[str] = ()) -> dict[str, TableChange]:
        """Ask the database, table by table, whether what it would give differs from what is known.

        Raises:
            UsageError: a table that shall be compared is not there.
            SourceUnavailableError: it cannot be reached.
            SourceRefusedError: it lets us not in.
        """
        con = connect(EngineSettings(threads=1), shared=True, extensions=())  # so a run loads its scanner once
        try:
            return self.session.visit(con, lambda: self._look(con, known, compare))
        finally:
            con.close()

    def extract(
        self,
        con: Connection,
        run: str,
        known: Mapping[str, State],
        locked: Mapping[str, LockedTable],
        tell: Callable[[str], None],
        compare: Collection[str] = (),
        totals: Mapping[str, Collection[str]] = NOTHING_ASKED,
    ) -> Extraction:
        """Bring the changes of all tables into the branch attached to ``con``: one transaction, one snapshot."""
        return self.session.visit(con, lambda: self._extract(con, run, known, tell, compare, totals))

    def chosen(self) -> dict[str, Chosen]:
        """The tables that are read, as a run would; raises what a run would, as for columns that drifted."""
        con = connect(EngineSettings(threads=1), extensions=())
        try:
            return self.session.visit(con, lambda: self._chosen(con, {}, ()))
        finally:
            con.close()

    def schema(self) -> dict[str, Chosen]:
        """The tables as the database has them now, whatever ``schema.lock`` says."""
        con = connect(EngineSettings(threads=1), extensions=())
        choosing = Choosing(self.name, self.config, self.dialect)
        try:
            return self.session.visit(con, lambda: choosing.choose(self.dialect.catalogue(con, self.session.alias)))
        finally:
            con.close()

    def _look(self, con: Connection, known: Mapping[str, State], compare: Collection[str]) -> dict[str, TableChange]:
        chosen = self._chosen(con, known, compare)
        return {
            name: TableChange(
                name,
                self._whole(table, known.get(name), compare) or self._why(con, table, known.get(name)),
                (COMPARED_ANYWAY,) if table.cursor is None and {EVERY_TABLE, name} & set(compare) else (),
            )
            for name, table in chosen.items()
        }

    def _extract(
        self,
        con: Connection,
        run: str,
        known: Mapping[str, State],
        tell: Callable[[str], None],
        compare: Collection[str],
        totals: Mapping[str, Collection[str]],
    ) -> Extraction:
        con.execute("SET TimeZone = 'UTC'")
        stamp = self.dialect.stamp()
        done = []
        chosen = self._chosen(con, known, compare)
        for name, table in chosen.items():
            whole = self._whole(table, known.get(name), compare)
            why = whole or self._why(con, table, known.get(name))
            if why is None:
                continue
            tell(f"{name}: {why}")
            try:
                loading = TableLoading(con, self.session, table, self.sample)
                done.append(loading.load(run, known.get(name), stamp=stamp, compare=whole is not None))
            except duckdb.Error as error:
                raise self._error(con, table, error) from error
        asked = {name: (chosen[name], columns) for name, columns in totals.items() if name in chosen}
        return Extraction(done, ask_totals(con, self.session, asked, self.sample))

    def _whole(self, table: Chosen, known: State | None, compare: Collection[str]) -> str | None:
        """Why a table that has a cursor is to be compared whole all the same, if it is."""
        if not known or table.cursor is None:
            return None
        if EVERY_TABLE in compare or table.name in compare:
            return "it is compared with raw, as asked"
        every, last = self.config.reconcile.every, known.get("reconciled_at")
        if every is None:
            return None
        if last is not None and datetime.now(UTC) - datetime.fromisoformat(last) < every:
            return None
        return f"it was last compared with raw {'never' if last is None else f'at {last}'}"

    def _chosen(self, con: Connection, known: Mapping[str, State], compare: Collection[str]) -> dict[str, Chosen]:
        chosen = Choosing(self.name, self.config, self.dialect).choose(self.dialect.catalogue(con, self.session.alias))
        locked = read_lock(self.folder)
        chosen = {
            name: settled(self.name, self.config, table, locked[name].columns) if name in locked else table
            for name, table in chosen.items()
        }
        for name in sorted(set(compare) - {EVERY_TABLE} - chosen.keys()):
            raise UsageError(f"source {self.name} has no table {name}", hint=did_you_mean(name, chosen))
        for name in known.keys() - chosen.keys():
            if Choosing.would_read(self.config, name):
                raise SourceDataError(
                    "the table was read before and is not in the database any more",
                    table=f"{self.name}.{name}",
                    rule="missing_table",
                    hint=f"if it was dropped or renamed on purpose, leave it out: exclude: [{written(escape(name))}]; "
                    "what raw has of it stays",
                )
        return chosen

    def _why(self, con: Connection, table: Chosen, known: State | None) -> str | None:
        if not known:
            return f"not read yet ({described(table)})"
        if known.get("settings") != settings_of(table, self.sample):
            return "its columns or settings changed"
        stamp = self.dialect.stamp()
        if stamp is not None and stamp == known.get("stamp"):
            return None
        window = window_of(self.session, table, known, self.sample)
        try:
            found = digest(con, self.session, table, window)
        except duckdb.Error as error:
            raise self._error(con, table, error) from error
        if found == known.get("digest"):
            return None
        if window.whole:
            return "its rows changed"
        return f"rows changed since {known['mark']}"

    def _error(self, con: Connection, table: Chosen, error: duckdb.Error) -> HeadgateError:
        """What went wrong with a table; of a text that is not UTF-8, in which column it stands."""
        if not (isinstance(error, duckdb.InvalidInputException) and "invalid unicode" in str(error).lower()):
            return self.session.error(error, table=table.name)
        place, alias = self.dialect.table(self.session.alias, table.name), self.session.alias
        with contextlib.closing(beside(con)) as aside:
            for column, value in table.pairs:
                try:
                    aside.execute(
                        f"SELECT max(c) FROM {self.dialect.relation(alias, f'SELECT {value.sql} AS c FROM {place}')}"
                    ).fetchall()
                except duckdb.InvalidInputException:
                    return SourceDataError(
                        "a row has a text that is not UTF-8",
                        table=f"{self.name}.{table.name}",
                        rule="encoding",
                        column=column.name,
                        hint="correct it in the source, or leave the column out: "
                        f"{column_setting(table.name, 'exclude', column.name)}",
                    )
        return self.session.error(error, table=table.name)


def described(table: Chosen) -> str:
    """The key of a table, and how what is new in it is found."""
    how = f"cursor {table.cursor.name}" if table.cursor else "no cursor, so it is compared whole"
    return f"key {', '.join(table.primary_key)}; {how}"
