"""What a table of the warehouse lacks, written by DuckDB in bulk, as the CSV that COPY reads.

Between two releases only data files that not both have are read: rows of common files are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from headgate.lake import release
from headgate.lake.catalog import Contents, lake_id, read_contents
from headgate.lake.engine import Connection, attach, ident, literal, qualified, translated
from headgate.lake.release import Manifest
from headgate.lake.store import Store
from headgate.serve.wanted import Wanted

_BEFORE, _AFTER = "served", "toserve"
#: What both have of one table, while it is compared.
_OLD, _NEW = "temp.headgate_served", "temp.headgate_to_serve"


@dataclass(frozen=True, slots=True)
class Files:
    """Rows that are new or different, and the keys of rows that are gone; None: whatever is not among the rows."""

    rows: Path
    gone: Path | None


class Releases:
    """The release to serve, and the one that the warehouse holds (None if nobody knows), attached to read.

    ``lake`` tells their lake apart from others.
    """

    def __init__(
        self, con: Connection, folder: Path, lake: str, after: Contents, before: tuple[Manifest, Contents] | None
    ) -> None:
        self._con = con
        self.lake = lake
        self._folder = folder
        self._after = after
        self._earlier: Manifest | None = before[0] if before else None
        self._before = before[1] if before else Contents({}, {})

    def whole(self, table: Wanted) -> Files:
        """Every row."""
        return Files(self._write("rows", table, f"SELECT * FROM {_relation(_AFTER, table)}"), None)

    def delta(self, table: Wanted) -> Files:
        """What is different from the release before; everything if that is not known, or had no such table."""
        if self._earlier is None or table.relation not in self._earlier.tables:
            return self.whole(table)
        columns = self._earlier.tables[table.relation]["columns"]
        new, old = self._sides(table, {column["name"]: column["type"] for column in columns})
        if old is None:
            return Files(self._write("rows", table, new), self._empty("gone"))
        keys = ", ".join(ident(column) for column in table.primary_key)
        try:
            for name, side in ((_NEW, new), (_OLD, old)):  # each side is read once, which matters where it is a view
                self._con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {side}")
            rows = f"FROM {_NEW} EXCEPT ALL FROM {_OLD}"
            gone = f"SELECT {keys} FROM {_OLD} ANTI JOIN {_NEW} USING ({keys})"
            return Files(self._write("rows", table, rows), self._write("gone", table, gone, table.primary_key))
        except duckdb.Error as error:
            raise translated(error, doing=f"reading {table.relation} to serve it") from error
        finally:
            for name in (_NEW, _OLD):
                self._con.execute(f"DROP TABLE IF EXISTS {name}")

    def _sides(self, table: Wanted, had: dict[str, str]) -> tuple[str, str | None]:
        """Both states of a table with the same columns; a column that the older one lacks is null in it.

        Without files that both have. The older state is None if it has no others: the newer one only added some.
        """
        old = ", ".join(
            ident(c) if had.get(c) == type_ else f"NULL::{type_} AS {ident(c)}" for c, type_ in table.lake_types.items()
        )
        new = ", ".join(ident(c) for c in table.lake_types)
        only_new, only_old = self._own_files(table)
        after = f"SELECT {new} FROM {_relation(_AFTER, table)}{only_new}"
        return after, None if only_old is None else f"SELECT {old} FROM {_relation(_BEFORE, table)}{only_old}"

    def _own_files(self, table: Wanted) -> tuple[str, str | None]:
        """Conditions that leave out the files which both releases have, with the same rows deleted in them.

        None instead of a condition that would leave out all files of the older one.
        """
        old = self._before.tables.get(table.relation)
        new = self._after.tables.get(table.relation)
        if old is None or new is None or "filename" in {column.lower() for column in table.columns}:
            return "", ""
        if [(c.name, c.type, c.default) for c in old.columns] != [(c.name, c.type, c.default) for c in new.columns]:
            return "", ""
        olds, news = ({(f.path, f.deletes) for f in each.files} for each in (old, new))
        return _among(news - olds) or " WHERE false", _among(olds - news)

    def _empty(self, name: str) -> Path:
        path = self._folder / f"{name}.csv"
        path.write_bytes(b"")
        return path

    def _write(self, name: str, table: Wanted, query: str, columns: tuple[str, ...] | None = None) -> Path:
        path = self._folder / f"{name}.csv"
        names = columns or tuple(table.columns)
        texts = ", ".join(f"{table.columns[c].text.format(ident(c))} AS {ident(c)}" for c in names)
        options = "FORMAT csv, HEADER false, FORCE_QUOTE *, NULLSTR ''"
        try:
            self._con.execute(f"COPY (SELECT {texts} FROM ({query})) TO {literal(str(path))} ({options})")
        except duckdb.Error as error:
            raise translated(error, doing=f"reading {table.relation} to serve it") from error
        return path


@contextmanager
def attached(
    store: Store, con: Connection, folder: Path, after: Manifest, before: Manifest | None
) -> Iterator[Releases]:
    """Both releases, read-only; ``folder`` is for the files, which go with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    aliases = {_AFTER: after} | ({_BEFORE: before} if before is not None else {})
    done: list[str] = []
    try:
        for alias, manifest in aliases.items():
            catalog = str(release.Releases(store).catalog(manifest.release))
            attach(con, catalog, store.url("data"), alias=alias, read_only=True)
            done.append(alias)
        earlier = (before, read_contents(con, _BEFORE)) if before is not None else None
        yield Releases(con, folder, lake_id(con, _AFTER), read_contents(con, _AFTER), earlier)
    finally:
        for alias in done:
            con.execute(f"DETACH {ident(alias)}")
        for file in folder.glob("*.csv"):
            file.unlink(missing_ok=True)


def _relation(alias: str, table: Wanted) -> str:
    return qualified(alias, *table.relation.split(".", 1))


def _among(files: set[tuple[str, str | None]]) -> str | None:
    names = sorted({path.rsplit("/", 1)[-1] for path, _ in files})
    return f" WHERE parse_filename(filename) IN ({', '.join(map(literal, names))})" if names else None
