"""The project that a verb is about. The end of the process asks here whose secrets to hide, and where logs go."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

    from headgate.lake.release import Releases
    from headgate.project import Project


class Opened:
    """The project of this process, once it was read."""

    project: Project | None = None

    @classmethod
    def mask(cls, text: str) -> str:
        """``text`` without the project's secrets."""
        return cls.project.mask(text) if cls.project else text

    @classmethod
    def logs(cls) -> Path:
        """The folder for traces: the project's, or one for temporary files where there is no project."""
        return cls.project.folder / ".headgate" / "logs" if cls.project else Path(tempfile.gettempdir())


def open_project(folder: Path, target: str | None, var: list[str] | None = None, *, only_lake: bool = False) -> Project:
    """Read the project in ``folder`` as ``target`` and the variables of the command line make it.

    ``only_lake``: the verb asks the lake and the ledger and nothing else, and needs nobody's address or password.
    """
    from headgate.project import load, parse_variables

    Opened.project = None
    Opened.project = load(
        folder, target=target, variables=parse_variables(var or []), environ=os.environ, only_lake=only_lake
    )
    return Opened.project


def open_releases(folder: Path, target: str | None) -> Releases:
    """The releases of the project's lake, without loading the engine."""
    from headgate.lake.opening import open_store
    from headgate.lake.release import Releases

    project = open_project(folder, target, only_lake=True)
    return Releases(open_store(project.lake, project.folder))


def read_duration(option: str, text: str, example: str) -> timedelta:
    """A length of time of the command line; raises UsageError."""
    from headgate.errors import UsageError
    from headgate.project.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}", hint=f"for example {option} {example}") from error
