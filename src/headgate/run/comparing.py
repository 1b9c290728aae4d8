"""Which tables a comparison with the whole source is about."""

from __future__ import annotations

from collections.abc import Collection

from headgate.errors import UsageError, did_you_mean
from headgate.project import Project
from headgate.project.files_config import FilesSource
from headgate.sources.source import EVERY_TABLE


def to_compare(project: Project, source: str | None, tables: Collection[str]) -> dict[str, Collection[str]]:
    """The tables to compare, by source: those that are named, or all of every database.

    Raises:
        UsageError: there is no such source, or it is no database, or there is no database at all.
    """
    databases = [name for name, config in project.sources.items() if not isinstance(config, FilesSource)]
    if source is not None and source not in project.sources:
        raise UsageError(f"there is no source {source}", hint=did_you_mean(source, project.sources))
    if source is not None and source not in databases:
        raise UsageError(
            f"the source {source} is files, and a file that changed is read whole anyway",
            hint=f"databases: {', '.join(databases)}" if databases else "the project has no database",
        )
    if not databases:
        raise UsageError("the project has no database to compare with", hint="headgate run reads files that changed")
    if tables and source is None:
        if len(databases) > 1:
            raise UsageError("--table needs --source", hint=f"one of {', '.join(databases)}")
        source = databases[0]
    wanted = databases if source is None else [source]
    return {name: tuple(tables) or (EVERY_TABLE,) for name in wanted}
