"""What databases that are files have in common: where the file is, and whether somebody wrote to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from headgate.project.database_config import DuckdbSource, SqliteSource
from headgate.sources.databases.dialect import Why

BUSY = Why("unavailable", again=True, hint="another program writes to the file: let it end, then run again")


def file_of(config: SqliteSource | DuckdbSource, folder: Path) -> Callable[[], Path]:
    """Finds the file; an engine would make an empty one, or say less, if it is not there."""

    def find() -> Path:
        path = folder / Path(config.path).expanduser()
        if not path.is_file():
            raise config.error(f"there is no file {config.path}", "path", hint=f"it is looked for at {path}")
        return path

    return find


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
