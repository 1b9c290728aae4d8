"""What databases that are files have in common: where the file is, and whether somebody wrote to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from headgate.lake.engine import Connection
from headgate.project.database_config import DuckdbSource, SqliteSource
from headgate.sources.databases.dialect import Part, SourceColumn, Why

BUSY = Why("unavailable", again=True, hint="another program writes to the file: let it end, then run again")


class DatabaseFile:
    """What files of all kinds answer alike: there are no sessions, one reader is enough, and nothing is far away."""

    one_snapshot = True
    #: What the name of the file beside it ends with, in which lies what was written last.
    log: ClassVar[str]

    def __init__(self, config: SqliteSource | DuckdbSource, folder: Path) -> None:
        self._config = config
        self._folder = folder

    def path(self) -> Path:
        """Where the file is; an engine would make an empty one, or say less, if it is not there."""
        path = self._folder / Path(self._config.path).expanduser()
        if not path.is_file():
            raise self._config.error(
                f"there is no file {self._config.path}", "path", hint=f"it is looked for at {path}"
            )
        return path

    def begin(self, con: Connection, alias: str, timeout: timedelta | None) -> None:
        """Nothing is to be said: there are no sessions."""

    def cancel(self) -> None:
        """Nothing: DuckDB reads the file itself, and hears of Ctrl-C."""

    def stamp(self) -> str | None:
        """What tells that nothing was written to the file."""
        return stamp_of(self.path(), self.log)

    def parts(self, con: Connection, alias: str, name: str, timeout: timedelta | None) -> list[Part]:
        """The whole table: DuckDB reads its own files with all threads, and SQLite's with one."""
        return [Part(alias)]

    def digest(self, columns: Sequence[SourceColumn]) -> str | None:
        """Nothing is nearer to the rows than we are."""
        return None

    def block(self, key: Sequence[SourceColumn], size: int | None) -> str | None:
        """A file is near: it is compared whole."""
        return None


def stamp_of(path: Path, log: str) -> str | None:
    """Sizes and times of a database file and of the log beside it, or None if they cannot be had."""
    parts = []
    for each in (path, path.with_name(path.name + log)):
        try:
            found = each.stat()
        except FileNotFoundError:
            continue
        except OSError:
            return None
        parts.append(f"{found.st_size}.{found.st_mtime_ns}")
    return "/".join(parts)
