"""Blocks of a table: which part of it differs from the last comparison, without reading the rest.

A row's block follows from its key alone, and is computed alike in the source and in the lake: by ranges
where the key is one whole number, else by the first letters of the key's MD5. The source digests each
block; what it said at the last comparison is remembered, and only blocks that differ are read. A block
into which raw got rows since then is read as well: a row may have gone there and back again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from headgate.lake.engine import Connection, ident, literal, on_one_thread
from headgate.sources.change_log import ChangeLog
from headgate.sources.databases.choosing import Chosen
from headgate.sources.databases.session import Session

#: Tables with fewer rows are compared whole: that costs less than to digest them first.
FEWEST_ROWS = 20_000
#: How many blocks a key of one whole number is divided into. Two letters of an MD5 give 256.
RANGES = 512
#: If a larger share of the blocks differs, the whole table is read.
TOO_MANY = 0.5
_WHOLE = frozenset({"SMALLINT", "INTEGER", "BIGINT"})
_TEXTS = _WHOLE | {"VARCHAR", "UUID"}


@dataclass(frozen=True, slots=True)
class Division:
    """How the rows of a table are divided: into ranges of so many numbers, or, with None, by MD5."""

    size: int | None

    def in_lake(self, chosen: Chosen) -> str:
        """The SQL of a row's block in the lake."""
        keys = [ident(key) for key in chosen.primary_key]
        if self.size is not None:
            return f"CAST({keys[0]} // {self.size} AS VARCHAR)"
        return f"left(md5(concat_ws(chr(31), {', '.join(f'CAST({key} AS VARCHAR)' for key in keys)})), 2)"


def divide(con: Connection, session: Session, chosen: Chosen, relation: str) -> Division | None:
    """How to divide a table, all of whose rows are in ``relation``; None if it is better compared whole."""
    kinds = [chosen.types[key] for key in chosen.primary_key]
    division = Division(None)
    if len(kinds) == 1 and kinds[0] in _WHOLE:
        key = ident(chosen.primary_key[0])
        span = con.execute(f"SELECT CAST(max({key}) AS HUGEINT) - min({key}) FROM {relation}").fetchall()[0][0]
        division = Division(int(span or 0) // RANGES + 1)
    elif not set(kinds) <= _TEXTS:
        return None
    return division if session.dialect.block(chosen.key_columns, division.size) is not None else None


def digests(con: Connection, session: Session, chosen: Chosen, division: Division) -> dict[str, str]:
    """What the source says of each block now."""
    dialect = session.dialect
    table = dialect.table(session.alias, chosen.name)
    block = dialect.block(chosen.key_columns, division.size)
    asked = f"SELECT {block} AS block, {dialect.digest(chosen.present)} AS digest FROM {table} GROUP BY 1"
    relation = dialect.relation(session.alias, asked)
    with on_one_thread(con):
        return dict(con.execute(f"SELECT block, left(md5(digest), 16) FROM {relation}").fetchall())


def remembered(division: Division, found: Mapping[str, str], log: ChangeLog) -> dict[str, Any]:
    """What the next comparison wants to know, as plain JSON."""
    return {"size": division.size, "digests": dict(found), "until": log.state().last_us}


def differing(
    con: Connection,
    log: ChangeLog,
    chosen: Chosen,
    division: Division,
    before: Mapping[str, Any],
    now: Mapping[str, str],
) -> set[str]:
    """The blocks to read: those of which the source says something else, and those that raw got rows into."""
    then = before["digests"]
    changed = {block for block in then.keys() | now.keys() if then.get(block) != now.get(block)}
    touched = con.execute(
        f"SELECT DISTINCT {division.in_lake(chosen)} FROM {log.log} "
        f"WHERE _loaded_at > make_timestamptz({int(before['until'] or 0)})"
    ).fetchall()
    return changed | {block for (block,) in touched}


def one_of(block: str, blocks: Collection[str]) -> str:
    """A condition that is true for rows of these blocks; ``block`` is the SQL of a row's block."""
    return f"{block} IN ({', '.join(literal(each) for each in sorted(blocks))})" if blocks else "1 = 0"
