"""One folder, lent to one test after the other: what dbt keeps of a project is good only for the folder it was in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Place:
    """The folder. dbt's profile names it, and where the profile is another one, dbt reads all of its macros anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def lent(self, *, until: Path) -> Iterator[Path]:
        """The folder, empty; in the end what is in it is ``until``."""
        self.folder.mkdir()
        try:
            yield self.folder
        finally:
            self.folder.rename(until)
