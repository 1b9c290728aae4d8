"""Rows on their way in: typed and hashed in one pass, then looked over before anything is appended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headgate.lake.engine import Connection, ident, literal
from headgate.sources.formats.format import FILE
from headgate.sources.row_hash import canonical_text, number_of
from headgate.sources.shape import BAD

MODULUS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Findings:
    """What the look over a stage found; ``doubtful`` are rows of which only the source can say whether they are bad."""

    rows: int
    bad: int
    doubtful: int
    null_keys: int
    distinct_keys: int


class Stage:
    """A temporary table of the rows that were read for ``table``."""

    def __init__(self, con: Connection, table: str, primary_key: Sequence[str]) -> None:
        self.con = con
        self.relation = f"temp.{ident(f'headgate_stage_{table}')}"
        self._latest = f"temp.{ident(f'headgate_latest_{table}')}"
        self._keys = ", ".join(map(ident, primary_key))
        self._primary_key = tuple(primary_key)

    def fill(self, rows: str) -> None:
        """Read ``rows``, the SQL of a query (see ``Shape.rows``)."""
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {self.relation} AS {rows}")

    def look(self, *, doubt: str = "FALSE", unique: bool = False) -> Findings:
        """Count the rows, and what must not be among them (see ``look_over``)."""
        return look_over(self.con, self.relation, self._primary_key, BAD, doubt, unique=unique)

    def rows_by_file(self) -> dict[str, int]:
        """How many rows each place gave; a place without rows is not in it."""
        return dict(self.con.execute(f"SELECT {FILE}, count(*) FROM {self.relation} GROUP BY 1").fetchall())

    def places_of(self, condition: str) -> list[str]:
        """The places that have a row for which ``condition`` holds."""
        found = self.con.execute(f"SELECT DISTINCT {FILE} FROM {self.relation} WHERE {condition}").fetchall()
        return [place for (place,) in found]

    def places_with_repeated_keys(self) -> dict[str, int]:
        """The places that hold a key more than once, and how many such keys each."""
        return dict(
            self.con.execute(
                f"SELECT {FILE}, count(*) FROM (SELECT {FILE} FROM {self.relation} "
                f"GROUP BY {FILE}, {self._keys} HAVING count(*) > 1) GROUP BY 1"
            ).fetchall()
        )

    def keep_latest(self, places: Sequence[str]) -> int:
        """Of rows with the same key keep that of the last place in ``places``; returns how many went."""
        order = ", ".join(f"({literal(place)}, {rank})" for rank, place in enumerate(places))
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {self._latest} AS SELECT rows.* FROM {self.relation} AS rows "
            f"JOIN (VALUES {order}) AS places(place, rank) ON place = {FILE} "
            f"QUALIFY row_number() OVER (PARTITION BY {self._keys} ORDER BY rank DESC) = 1"
        )
        count = f"SELECT (SELECT count(*) FROM {self.relation}), (SELECT count(*) FROM {self._latest})"
        before, after = self.con.execute(count).fetchall()[0]
        self.drop()
        self.relation = self._latest
        return int(before - after)

    def drop(self) -> None:
        """Let go of the rows."""
        self.con.execute(f"DROP TABLE IF EXISTS {self.relation}")


def look_over(
    con: Connection, relation: str, primary_key: Sequence[str], bad: str, doubt: str, *, unique: bool
) -> Findings:
    """Count the rows of a table, those for which ``bad`` or ``doubt`` holds, and what is wrong with their keys.

    ``unique``: the source has seen to it that no key is there twice, so nobody need look, which takes longest.
    """
    empty = " OR ".join(f"{ident(key)} IS NULL" for key in primary_key)
    keys = "count(*)" if unique else f"count(DISTINCT ({', '.join(map(ident, primary_key))}))"
    row = con.execute(
        f"SELECT count(*), count(*) FILTER ({bad}), count(*) FILTER ({doubt}), count(*) FILTER ({empty}), {keys} "
        f"FROM {relation}"
    ).fetchall()[0]
    return Findings(*row)


def in_sample(value: str, kind: str, fraction: float) -> str:
    """SQL that chooses rows by the value of a column, the same ones each time; nulls belong to every sample."""
    number = f"{number_of(canonical_text(value, kind))} % {MODULUS}"
    return f"({value} IS NULL OR {number} < {round(fraction * MODULUS)})"
