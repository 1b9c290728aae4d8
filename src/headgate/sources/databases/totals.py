"""What whole tables come to, as the database itself counts and adds up: for gates that compare raw with its source."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from headgate.lake.engine import Connection
from headgate.sources.databases.choosing import Chosen
from headgate.sources.databases.dialect import SourceColumn
from headgate.sources.databases.session import Session
from headgate.sources.source import Totals

if TYPE_CHECKING:
    from headgate.project.config import Sample

#: What adds up, of the types that land in raw.
_NUMBERS = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT)|DECIMAL\(.*\)|FLOAT|DOUBLE")
#: So many tables share a statement: databases have limits to what one may hold.
_TOGETHER = 100


def ask_totals(
    con: Connection, session: Session, asked: Mapping[str, tuple[Chosen, Collection[str]]], sample: Sample | None
) -> dict[str, Totals]:
    """Ask, in the transaction that is open, for the rows of tables, and for the sums of columns of each.

    A table of which only a sample is read is left out, and a column that the source has not, or that does not land as
    a number. Each table is looked at once, and nothing but numbers comes back. Nothing is asked of a database whose
    answer would be of another state than what was read.
    """
    rows_of = session.dialect.total(None, "")
    if rows_of is None:
        return {}
    wanted = [
        (chosen, list(_added_up(session, chosen, columns)))
        for chosen, columns in asked.values()
        if not _is_sampled(chosen, sample)
    ]
    found = {}
    for together in (wanted[i : i + _TOGETHER] for i in range(0, len(wanted), _TOGETHER)):
        width = max(len(columns) for _, columns in together)
        parts = []
        for n, (chosen, columns) in enumerate(together):
            added = [session.dialect.total(column, value) or "NULL" for column, value in columns]
            totals = [rows_of, *added, *["NULL"] * (width - len(added))]
            named = ", ".join(f"{total} AS total{i}" for i, total in enumerate(totals))
            parts.append(f"SELECT {n} AS n, {named} FROM {session.dialect.table(session.alias, chosen.name)}")
        answer = session.dialect.relation(session.alias, " UNION ALL ".join(parts))
        for n, rows, *sums in con.execute(f"SELECT * FROM {answer}").fetchall():
            chosen, columns = together[int(n)]
            told = zip((column.name for column, _ in columns), sums, strict=False)
            found[chosen.name] = Totals(int(rows), {name: str(total) for name, total in told if total is not None})
    return found


def _added_up(session: Session, chosen: Chosen, columns: Collection[str]) -> Iterator[tuple[SourceColumn, str]]:
    """Those of the columns that the source has and that land as numbers, each with the SQL of what is read of it."""
    lenient = session.config.non_finite == "null"
    for column, value in chosen.pairs:
        if column.name in columns and not column.absent and _NUMBERS.fullmatch(value.type):
            yield column, (lenient and value.or_null) or value.sql


def _is_sampled(chosen: Chosen, sample: Sample | None) -> bool:
    """Whether rows of a table are left out by the sample, as ``TableLoading`` does."""
    return sample is not None and sample.by.lower() in (name.lower() for name in chosen.types)
