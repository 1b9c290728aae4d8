"""What is checked: a table of the lake, a raw view over its change log, any other view, or what lies in no lake."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePosixPath

import duckdb

from headgate.errors import did_you_mean
from headgate.gates.values import Kind, MissingError, UnusableError, kind_of
from headgate.lake.catalog import Column, Contents, DataFile, Table, View
from headgate.lake.engine import LAKE, Connection, qualified
from headgate.lake.profile import identity_of

#: The layer whose tables are views over their change logs, and where those logs are.
RAW = "raw"
LOG = "raw_log"
#: The list of a SELECT that names columns and nothing else, and one name in it, after its table's if it has one.
_ITEM = r'(?:(?:"(?:[^"]|"")+"|\w+)\.)?(?:"(?:[^"]|"")+"|\w+)'
_NAMES_ALONE = re.compile(rf"SELECT ({_ITEM}(?:, {_ITEM})*) FROM ")
_NAME = re.compile(r'(?:(?:"(?:[^"]|"")+"|\w+)\.)?(?:"((?:[^"]|"")+)"|(\w+))(?:, |$)')
#: What makes a view's data depend on more than the lake; a column of that name only costs a scan.
_UNSTEADY = re.compile(
    r"\b(current_\w+|localtime\w*|now|today|transaction_timestamp|get_current_\w+|random|setseed|uuid\w*|gen_random_uuid"
    r"|nextval|currval|getvariable|getenv|tablesample|sample|read_\w+|glob|\w+_scan|\w+_query|query\w*)\b|\.\w*(parquet|csv|json)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SourceTotal:
    """What a raw table comes to, its number of rows or the sum of a column, in the snapshot in which raw was read.

    ``told`` is the source's own answer, ``hidden`` is what the rows come to that raw holds and quarantine hides.
    """

    told: str
    hidden: int | Decimal | float


#: Says of a raw view that it shows every row of its log: no key has two versions, none is deleted.
IsPlain = Callable[[View], bool]


def told_apart(base: Table) -> dict[str, DataFile] | None:
    """The files of a table by the names by which DuckLake's virtual column ``filename`` tells them apart.

    None if it cannot: a column of the table has that name, or two files have the same.
    """
    files = {PurePosixPath(file.path).name: file for file in base.files}
    hidden = any(column.name.lower() == "filename" for column in base.columns)
    return None if hidden or len(files) < len(base.files) else files


def never_plain(_: View) -> bool:
    """The answer that is right for every view: it may hide rows of its log."""
    return False


@dataclass(frozen=True, slots=True)
class Checked:
    """A relation as a gate sees it.

    ``base`` is the table whose files hold its rows. If ``exact``, the relation's rows are exactly the
    table's; otherwise the table is a change log, the relation shows some of its rows, and what holds for
    every upserted row of the log holds for the relation. ``identity`` is equal for two states that hold
    the same data, and None for what can show other data at another time: a view, a file. ``alias`` is the name
    under which the lake, or other database, is attached, ``others`` are the relations that an expectation
    names, by the name it uses. ``where`` is the condition, in SQL over the columns of ``checked``, of the rows
    that are seen; ``before`` is the relation as it was in an earlier release, for expectations that look back;
    ``changed`` is when its data became what it is, None if just now, for expectations that ask its age;
    ``at_source`` is the total that its source told, for expectations that ask for it;
    ``called`` is its name in errors, where that is not its own; ``outside`` says that it lies in no lake; ``found`` is
    what an expectation looked up in it before it could write its queries.
    """

    layer: str
    name: str
    columns: tuple[Column, ...]
    base: Table | None
    exact: bool
    identity: str | None
    alias: str = LAKE
    others: Mapping[str, Checked] = field(default_factory=dict)
    where: str | None = None
    before: Checked | None = None
    changed: dt.datetime | None = None
    at_source: SourceTotal | None = None
    called: str | None = None
    outside: bool = False
    found: object = None
    _by_name: dict[str, Column] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def title(self) -> str:
        """Its name as users write it."""
        return self.called or f"{self.layer}.{self.name}"

    @property
    def is_whole_table(self) -> bool:
        """Whether its rows are all rows of ``base``, of which the catalog knows."""
        return self.base is not None and self.exact and self.where is None

    @property
    def names(self) -> list[str]:
        """The columns in order."""
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column:
        """The column called exactly ``name``.

        Raises:
            MissingError: there is none; the text says what exists instead.
        """
        if not self._by_name:
            self._by_name.update({column.name: column for column in reversed(self.columns)})
        found = self._by_name.get(name)
        if found is not None:
            return found
        raise MissingError(f"{self.title} has no column {name!r}", did_you_mean(name, self.names))

    def kind(self, name: str) -> Kind:
        """What kind of values a column holds."""
        return kind_of(self.column(name).type)


def read_relation(con: Connection, contents: Contents, layer: str, name: str, alias: str, plain: IsPlain) -> Checked:
    """Describe ``layer.name`` of the lake attached as ``alias``.

    Raises:
        MissingError: there is no such table or view.
        UnusableError: it is a view that cannot be read.
    """
    title = f"{layer}.{name}"
    table = contents.tables.get(title)
    if table is not None:
        return Checked(layer, name, table.columns, table, True, table.identity, alias)
    if title in contents.outside:
        return Checked(layer, name, _described(con, layer, name, alias), None, False, None, alias, outside=True)
    view = contents.views.get(title)
    if view is None:
        names = [*contents.tables, *contents.views, *contents.outside]
        known = [known for known in names if known.startswith(f"{layer}.")]
        raise MissingError(f"there is no table {title}", did_you_mean(title, known))
    log = contents.tables.get(f"{LOG}.{name}")
    if layer == RAW and log is not None:
        shown = _shown_of(log, view)
        if shown is not None:
            exact = plain(view)
            identity = log.identity if exact else identity_of(contents, title)
            return Checked(layer, name, shown, log, exact, identity, alias)
    steady = identity_of(contents, title) if _is_steady(contents, view, frozenset()) else None
    return Checked(layer, name, _described(con, layer, name, alias), None, False, steady, alias)


def _is_steady(contents: Contents, view: View, above: frozenset[str]) -> bool:
    """Whether a view always shows the same of the same data: it, and every view whose name occurs in it."""
    if _UNSTEADY.search(view.sql):
        return False
    above |= {f"{view.schema}.{view.name}"}
    text = view.sql.lower()
    inputs = [each for name, each in contents.views.items() if name not in above and each.name.lower() in text]
    return all(_is_steady(contents, each, above) for each in inputs)


def _shown_of(log: Table, view: View) -> tuple[Column, ...] | None:
    """The columns of a view that only names columns of its log, and so shows them as they are; else None."""
    match = _NAMES_ALONE.match(view.sql)
    if match is None:
        return None
    names = [quoted.replace('""', '"') or bare for quoted, bare in _NAME.findall(match[1])]
    known = {column.name: column for column in log.columns}
    return tuple(known[each] for each in names) if all(each in known for each in names) else None


def _described(con: Connection, layer: str, name: str, alias: str) -> tuple[Column, ...]:
    try:
        rows = con.execute(f"DESCRIBE {qualified(alias, layer, name)}").fetchall()
    except duckdb.Error as error:
        raise UnusableError(f"the view {layer}.{name} cannot be read: {first_line(error)}") from error
    return tuple(Column(-1, row[0], row[1], 0, None) for row in rows)


def first_line(error: duckdb.Error) -> str:
    """What DuckDB says, without the excerpt of the statement."""
    return str(error).strip().split("\n\n")[0].replace("\n", " ")[:500]
