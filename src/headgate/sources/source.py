"""What a source is to a run: a small protocol, the records it speaks in, and the list of kinds.

Nothing here imports the engine, so that a run which finds nothing new never loads it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from headgate.lake.engine import Connection
    from headgate.project.config import Sample, SourceConfig
    from headgate.sources.counts import Counts
    from headgate.sources.schema_lock import LockedTable

#: What a source remembers of one table: plain JSON values, kept in the lake and in the manifest.
State = Mapping[str, Any]

#: Stands for all tables where some can be named.
EVERY_TABLE = "*"
#: Where nobody wants to know what tables add up to.
NOTHING_ASKED: Mapping[str, Collection[str]] = MappingProxyType({})

#: A new kind of source is one module and one line here: the ``type`` in headgate.yml, module and class.
KINDS = {
    "files": ("headgate.sources.files", "FilesSource"),
    "postgres": ("headgate.sources.databases.source", "DatabaseSource"),
    "mysql": ("headgate.sources.databases.source", "DatabaseSource"),
    "sqlite": ("headgate.sources.databases.source", "DatabaseSource"),
    "duckdb": ("headgate.sources.databases.source", "DatabaseSource"),
}


@dataclass(frozen=True, slots=True)
class TableChange:
    """Whether a table must be read, and why (``2 new files: a.csv, b.csv``); None if nothing changed.

    ``notes`` are sentences that a person should see.
    """

    table: str
    why: str | None
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return self.why is not None


@dataclass(frozen=True, slots=True)
class Extracted:
    """What reading a table came to.

    ``state`` is what the next ``changes`` wants to be given for this table; ``schema`` what
    ``schema.lock`` shall hold; ``cursor`` the range of the cursor column in what was read; ``notes``
    are sentences that a person should see; ``read`` the files.
    """

    table: str
    counts: Counts
    state: dict[str, Any]
    schema: LockedTable
    primary_key: tuple[str, ...]
    notes: tuple[str, ...] = ()
    cursor: dict[str, Any] | None = None
    read: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Totals:
    """What a source says of a whole table: how many rows it has, and what columns add up to.

    ``sums`` are texts that lose nothing, by column; a column of which the source cannot say it is not in it.
    """

    rows: int
    sums: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a visit to a source came to: the tables that changed, and totals of those for which somebody asked.

    The totals are of the snapshot that the tables were read in. They are the source's own: of every row that it has,
    with the values that raw is given.
    """

    tables: list[Extracted]
    totals: Mapping[str, Totals] = field(default_factory=dict)


@runtime_checkable
class Source(Protocol):
    """Where data comes from: looks for changes cheaply, and reads what changed into change logs."""

    name: str

    def changes(self, known: Mapping[str, State], compare: Collection[str] = ()) -> dict[str, TableChange]:
        """Look at every table as cheaply as can be. ``known`` is the last release's state by table.

        ``compare`` names tables that shall be compared whole, although a cursor shows no change;
        ``EVERY_TABLE`` stands for all. A source that has no cursors has nothing to do about it.
        """
        ...

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
        """Bring what changed into the branch attached to ``con``; tables that did not change are not in the answer.

        A table without a state in ``known`` is read as far as the lake itself does not remember it. What
        fails leaves nothing of the table it failed in. ``tell`` is told which table is read, and why.
        ``totals`` names tables of which the number of rows is wanted, whether they changed or not, and columns of
        each that are to be added up; a source that cannot say it in the snapshot that it reads leaves them out.

        Raises:
            SourceDataError: the source holds something that cannot be loaded.
            SourceUnavailableError: the source cannot be reached.
        """
        ...


def open_source(name: str, config: SourceConfig, folder: Path, sample: Sample | None = None) -> Source:
    """The source ``name`` of the project in ``folder``, of the kind that its configuration says.

    With ``sample``, only that part of the rows is taken, in every table that has the sample's column.
    """
    module, kind = KINDS[config.type]
    source: Source = getattr(import_module(module), kind)(name, config, folder, sample)
    return source
