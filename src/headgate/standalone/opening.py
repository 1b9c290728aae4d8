"""Which kind of data it is, and how it is opened. Nothing that is opened can be written to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.lake.engine import connect
from headgate.project.database_url import is_database_url
from headgate.sources.listing import shown
from headgate.standalone import postgres, s3
from headgate.standalone.csv_form import AS_FOUND, CsvForm
from headgate.standalone.data import Data
from headgate.standalone.databases import open_database, open_release
from headgate.standalone.files import open_files
from headgate.standalone.frames import open_frame

#: Between a database, or a project's folder, and the table in it.
WITHIN = "::"
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@contextmanager
def opened(data: Any, pii: Collection[str] = (), form: CsvForm = AS_FOUND) -> Iterator[Data]:
    """The data as a relation of a connection of its own; of the columns ``pii`` no error tells a value.

    ``form`` says how CSV files are written.

    Raises:
        UsageError: there is no such data, or it is of no kind that can be opened, or is no CSV and a form is said.
        DataError: the data is there and cannot be read.
    """
    place = str(data) if isinstance(data, Path) else data
    if not isinstance(place, str) or WITHIN in place:
        form.refuse(_named(place) if isinstance(place, str) else "a data frame")
    if isinstance(place, str) and not is_database_url(place) and _is_of_project(place):
        with open_release(*_parts(place)) as release:
            yield release
        return
    con = connect(extensions=())
    try:
        if not isinstance(place, str):
            with open_frame(con, place, pii=bool(pii)) as frame:
                yield frame
        elif place.lower().startswith(postgres.SCHEMES):
            with postgres.open_table(*_of_database(place)) as table:
                yield table
        elif place.lower().startswith(s3.SCHEME):
            yield s3.open_objects(con, place, pii, form)
        elif remote := _REMOTE.match(place):
            raise _unreachable(remote[0])
        elif WITHIN in place and not Path(place).exists():
            yield open_database(con, *_parts(place))
        else:
            yield open_files(con, place, pii, form)
    finally:
        con.close()


def _named(place: str) -> str:
    """A place as an error speaks of it: the URL of a database may hold a password."""
    return "a table of a database" if is_database_url(place) else shown(place)


def _is_of_project(place: str) -> bool:
    try:
        return (Path(place.partition(WITHIN)[0]) / "headgate.yml").is_file()
    except OSError as error:  # a name that is too long, a folder that nobody may look into
        raise UsageError(f"{shown(place)} cannot be looked at: {error.strerror}") from error


def _parts(place: str) -> tuple[Path, str]:
    """A place and the table in it."""
    folder, _, table = place.partition(WITHIN)
    if not table:
        raise UsageError(f"{place} has many tables", hint=f"name one: {place}{WITHIN}layer.table")
    return Path(folder), table


def _of_database(place: str) -> tuple[str, str]:
    """A database's URL, which may hold ``::`` itself and a password, and the table in it."""
    url, _, table = place.rpartition(WITHIN)
    if not url or not table or "/" in table:
        raise UsageError(
            "a database has many tables", hint=f"name one: postgresql://user@host/database{WITHIN}schema.table"
        )
    return url, table


def _unreachable(scheme: str) -> UsageError:
    """Refused before anything is asked of a server: what cannot be judged must not look as if it could."""
    return UsageError(f"data at {scheme} cannot be judged: it must lie on this machine", hint="download it first")
