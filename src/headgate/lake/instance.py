"""The shared instance of a process that runs again and again, kept from one run to the next if nothing is left in it.

DuckDB verifies the signature of an extension that it loads, once in every instance. What is kept is the engine with
its extensions and nothing else: what a run reads is read anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headgate.lake.engine import Connection, EngineSettings, hold

#: What is in an instance that is not in a new one. The secret of the lake is written anew when a run connects.
_LEFT = """
    SELECT database_name FROM duckdb_databases() WHERE NOT internal AND database_name <> current_database()
    UNION ALL SELECT schema_name FROM duckdb_schemas() WHERE NOT internal AND schema_name <> 'main'
    UNION ALL SELECT table_name FROM duckdb_tables() WHERE NOT internal
    UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal
    UNION ALL SELECT function_name FROM duckdb_functions() WHERE NOT internal
    UNION ALL SELECT sequence_name FROM duckdb_sequences()
    UNION ALL SELECT type_name FROM duckdb_types() WHERE NOT internal
    UNION ALL SELECT name FROM duckdb_secrets() WHERE NOT starts_with(name, 'headgate ')
"""
#: All settings but those that every run makes for itself (see ``connect``) and those that follow from them.
_SETTINGS = """
    SELECT name, value FROM duckdb_settings() WHERE name NOT IN
    ('memory_limit', 'max_memory', 'write_buffer_row_group_memory_limit', 'threads', 'worker_threads',
     'temp_directory', 'max_temp_directory_size')
"""
#: After so many runs the next one gets a new instance: DuckLake keeps what it knew of every catalog that was ever
#: attached for as long as the instance lives. Loading extensions so seldom costs next to nothing.
MOST_RUNS = 20

#: What a project says about the engine; with other words it gets another one.
_Asked = tuple[str | None, int | None, Path | None]


class KeptInstance:
    """Keeps the instance that connections share alive between runs."""

    def __init__(self) -> None:
        self._con: Connection | None = None
        self._asked: _Asked | None = None
        self._settings: dict[str, str] = {}
        self._runs = 0

    @contextmanager
    def for_run(self, settings: EngineSettings) -> Iterator[None]:
        """One run: it finds an instance in which there is nothing of another run, nor a setting that is not its own."""
        asked = (settings.memory_limit, settings.threads, settings.temp_directory)
        if asked != self._asked or self._runs >= MOST_RUNS:
            self.let_go()
        if self._con is None:
            self._con, self._asked, self._runs = hold(), asked, 0
            self._settings = dict(self._con.execute(_SETTINGS).fetchall())
        self._runs += 1
        try:
            yield
        finally:
            if self._is_as_before(self._con):
                self._forget_files(self._con)
            else:
                self.let_go()

    def let_go(self) -> None:
        """The next run gets a new instance."""
        if self._con is not None:
            self._con.close()
        self._con = None

    def _is_as_before(self, con: Connection) -> bool:
        now = dict(con.execute(_SETTINGS).fetchall())  # extensions bring settings of their own
        same = all(now.get(name) == value for name, value in self._settings.items())
        return same and not con.execute(_LEFT).fetchall()

    def _forget_files(self, con: Connection) -> None:
        """Files of a lake are written once and mostly read by one run: kept, they would only fill memory."""
        con.execute("SET enable_external_file_cache = false")
        con.execute("SET enable_external_file_cache = true")
