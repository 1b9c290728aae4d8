"""Many small data files become one, so that a table does not get slower with every run that adds a few rows.

Ordinary statements in one transaction of a branch: the rows of the small files are inserted again and deleted where
they were, which ends those files without a file of deleted rows. Older releases go on reading the files that they
name; ``prune`` deletes them when no kept release does. DuckLake's own merge functions are never used: they rewrite
what older snapshots of a catalog say.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

import duckdb

from headgate.errors import CorruptError
from headgate.lake.catalog import Contents, DataFile, Table
from headgate.lake.engine import LAKE, Connection, literal, qualified, transaction, translated

#: Files of the same tier are merged when there are so many, so that a row is written again once a tier.
MANY_FILES = 16
#: Everything smaller is one tier; each one above it holds files that are up to so many times larger.
SMALL_BYTES = 4 * 2**20


def compact(con: Connection, contents: Contents, names: Iterable[str], alias: str = LAKE) -> list[str]:
    """Merge the files of those tables ``names`` that have many of one size; returns the tables that were rewritten.

    ``names`` are ``schema.table``; what is no table is left alone. A table is in the same state as before for whoever
    reads it, and in another one for whoever compares its files: only tables that a run wrote to anyway are worth it.

    Raises:
        CorruptError: what was written is not what was there. Nothing was changed.
        CouldNotRunError: DuckDB refuses, as on a full disk. Nothing was changed.
    """
    done = []
    for name in names:
        table = contents.tables.get(name)
        files = crowded(table.files) if table is not None and _can_name_files(table) else []
        if table is not None and files:
            _merge(con, table, files, alias)
            done.append(name)
    return done


def crowded(files: Iterable[DataFile]) -> list[DataFile]:
    """The files of the smallest tier of which there are many; none if no tier has.

    >>> small, large = (DataFile(1, "a", 1, size, 0, None, 0) for size in (2_000, 50_000_000))
    >>> len(crowded([small] * 16 + [large] * 2)), len(crowded([small] * 15 + [large] * 15))
    (16, 0)
    """
    tiers: dict[int, list[DataFile]] = defaultdict(list)
    for file in files:
        tiers[_tier(file)].append(file)
    return next((tiers[tier] for tier in sorted(tiers) if len(tiers[tier]) >= MANY_FILES), [])


def _tier(file: DataFile) -> int:
    if file.bytes < SMALL_BYTES:
        return 0
    return 1 + int(math.log(file.bytes / SMALL_BYTES, MANY_FILES))


def _can_name_files(table: Table) -> bool:
    """Whether ``filename`` is the file of a row, and not a column of the user's."""
    return not any(column.name.lower() == "filename" for column in table.columns)


def _merge(con: Connection, table: Table, files: list[DataFile], alias: str) -> None:
    relation = qualified(alias, table.schema, table.name)
    names = ", ".join(literal(file.path.rsplit("/", 1)[-1]) for file in files)
    among = f"parse_filename(filename) IN ({names})"
    expected = sum(file.rows - file.deleted for file in files)
    try:
        with transaction(con):
            (inserted,) = con.execute(f"INSERT INTO {relation} SELECT * FROM {relation} WHERE {among}").fetchall()[0]
            (deleted,) = con.execute(f"DELETE FROM {relation} WHERE {among}").fetchall()[0]
            if (inserted, deleted) != (expected, expected):
                raise CorruptError(
                    f"{len(files)} files have {expected:,} rows by the catalog, and {inserted:,} were read in them",
                    where=f"{table.schema}.{table.name}",
                    hint="headgate doctor says which files are not as they were published",
                )
    except duckdb.Error as error:
        raise translated(error, doing=f"merging small files of {table.schema}.{table.name}") from error
