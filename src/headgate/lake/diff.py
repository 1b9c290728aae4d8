"""What changed between two releases, table by table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from headgate.lake.engine import Connection, attach, ident, qualified, translated
from headgate.lake.release import Manifest, Releases
from headgate.lake.store import Store


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column that one release has and the other has not, or has with another type."""

    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class TableDiff:
    """Rows added, removed and changed from one release to the other.

    ``by`` says how rows were matched: ``primary key``, ``whole row`` (then a changed row counts as one
    removed and one added), or ``files`` where both releases hold the very same ones and nothing was read.
    """

    table: str
    added: int
    removed: int
    changed: int
    schema: tuple[ColumnChange, ...]
    by: str


def diff(store: Store, con: Connection, before: Manifest, after: Manifest) -> list[TableDiff]:
    """Compare all tables of the layers of two releases, in the order of their names."""
    names = sorted(before.tables.keys() | after.tables.keys())
    keys = primary_keys(after) | {k: v for k, v in primary_keys(before).items() if k not in primary_keys(after)}
    with _attached(store, con, {"before": before.release, "after": after.release}):
        try:
            return [_diff_table(con, name, before, after, keys.get(name, ())) for name in names]
        except duckdb.Error as error:
            raise translated(error, doing=f"comparing release {before.release} with {after.release}") from error


def primary_keys(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """The primary key of each table that has one, as its source or its model declares it."""
    keys = {f"raw.{name.split('.', 1)[1]}": tuple(s["primary_key"]) for name, s in manifest.sources.items()}
    keys |= {m["relation"]: tuple(m["primary_key"]) for m in manifest.models.values() if m.get("relation")}
    return {name: key for name, key in keys.items() if key}


@contextmanager
def _attached(store: Store, con: Connection, releases: dict[str, int]) -> Iterator[None]:
    done: list[str] = []
    try:
        for alias, number in releases.items():
            catalog = str(Releases(store).catalog(number))
            attach(con, catalog, store.url("data"), alias=alias, read_only=True)
            done.append(alias)
        yield
    finally:
        for alias in done:
            con.execute(f"DETACH {ident(alias)}")


def _diff_table(con: Connection, name: str, before: Manifest, after: Manifest, key: tuple[str, ...]) -> TableDiff:
    old, new = before.tables.get(name), after.tables.get(name)
    changes = tuple(_column_changes(old, new))
    if old is None or new is None:
        rows = _count(con, f"SELECT count(*) FROM {_relation('after' if new else 'before', name)}")
        return TableDiff(name, rows if new else 0, 0 if new else rows, 0, changes, "whole row")
    if old["identity"] == new["identity"]:
        return TableDiff(name, 0, 0, 0, changes, "files")
    moved = {change.column for change in changes}
    common = [c["name"] for c in new["columns"] if c["name"] not in moved]
    if key and set(key) <= set(common) and all(_unique(con, side, name, key) for side in ("before", "after")):
        return TableDiff(name, *_by_key(con, name, key, common), changes, "primary key")
    return TableDiff(name, *_by_row(con, name, common), 0, changes, "whole row")


def _column_changes(
    old: dict[str, list[dict[str, str]]] | None, new: dict[str, list[dict[str, str]]] | None
) -> Iterator[ColumnChange]:
    was = {c["name"]: c["type"] for c in old["columns"]} if old else {}
    now = {c["name"]: c["type"] for c in new["columns"]} if new else {}
    for column in [*was, *(c for c in now if c not in was)]:
        if was.get(column) != now.get(column):
            yield ColumnChange(column, was.get(column), now.get(column))


def _unique(con: Connection, side: str, name: str, key: tuple[str, ...]) -> bool:
    columns = _columns(key)
    sql = f"SELECT count(*) FROM (SELECT {columns} FROM {_relation(side, name)} GROUP BY ALL HAVING count(*) > 1)"
    return _count(con, sql) == 0


def _by_key(con: Connection, name: str, key: tuple[str, ...], common: list[str]) -> tuple[int, int, int]:
    same = " AND ".join(f"a.{ident(k)} IS NOT DISTINCT FROM b.{ident(k)}" for k in key)
    values = [c for c in common if c not in key]
    row_a, row_b = (f"row({', '.join(f'{side}.{ident(c)}' for c in values) or 'NULL'})" for side in "ab")
    here = "here"
    while here in {c.lower() for c in common}:
        here += "_"
    added, removed, changed = con.execute(
        f"""SELECT count(*) FILTER (WHERE a.{here} IS NULL), count(*) FILTER (WHERE b.{here} IS NULL),
                   count(*) FILTER (WHERE a.{here} AND b.{here} AND {row_a} IS DISTINCT FROM {row_b})
            FROM (SELECT true AS {here}, {_columns(common)} FROM {_relation("before", name)}) a
            FULL JOIN (SELECT true AS {here}, {_columns(common)} FROM {_relation("after", name)}) b ON {same}"""
    ).fetchall()[0]
    return added, removed, changed


def _by_row(con: Connection, name: str, common: list[str]) -> tuple[int, int]:
    columns = _columns(common) if common else "1"
    old, new = (f"SELECT {columns} FROM {_relation(side, name)}" for side in ("before", "after"))
    return (
        _count(con, f"SELECT count(*) FROM ({new} EXCEPT ALL {old})"),
        _count(con, f"SELECT count(*) FROM ({old} EXCEPT ALL {new})"),
    )


def _columns(names: Iterable[str]) -> str:
    return ", ".join(ident(name) for name in names)


def _relation(side: str, name: str) -> str:
    return qualified(side, *name.split(".", 1))


def _count(con: Connection, sql: str) -> int:
    return int(con.execute(sql).fetchall()[0][0])
