"""The types of columns, found by looking at every value of every file.

The head of a file is not enough: StateHoliday of Rossmann's train.csv looks like a number for 63,556
lines. A sample of the head only rules types out, then all rows are asked about what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headgate.lake.engine import Connection, ident, literal
from headgate.sources.casting import Formats

#: In the order in which they are tried; what fits none of them is text.
CANDIDATES = ("BOOLEAN", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIME")
HEAD = 2_048
#: What is asked of so many columns is one statement: of hundreds it would take the engine minutes to plan.
AT_ONCE = 32
_TEXTS = "_headgate_texts"

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_NUMBER = r"\s*-?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][+-]?[0-9]+)?\s*"


def infer_types(
    con: Connection, relation: str, columns: Iterable[str], formats: Formats, allowed: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    """The type of each of ``columns``, which are texts in ``relation`` (SQL of a query).

    ``allowed`` narrows the candidates of a column, where the format already tells numbers from texts.
    A column without any value is text.
    """
    names = list(columns)
    if len(names) > AT_ONCE:  # else the files would be read once for each statement
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_TEXTS} AS {relation}")
        try:
            return _inferred(con, f"SELECT * FROM temp.{_TEXTS}", names, formats, allowed)
        finally:
            con.execute(f"DROP TABLE temp.{_TEXTS}")
    return _inferred(con, relation, names, formats, allowed)


def _inferred(
    con: Connection, relation: str, names: list[str], formats: Formats, allowed: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    live = {name: list(allowed.get(name, CANDIDATES)) for name in names}
    head = f"SELECT * FROM ({relation}) AS rows LIMIT {HEAD}"
    filled, holding = _holding(con, head, live, formats)
    live = {name: [kind for kind in live[name] if (name, kind) in holding] for name in names}
    filled, holding = _holding(con, relation, {name: kinds[:1] for name, kinds in live.items()}, formats)
    doubtful = {n: kinds[1:] for n, kinds in live.items() if kinds and n in filled and (n, kinds[0]) not in holding}
    if any(doubtful.values()):
        holding |= _holding(con, relation, doubtful, formats)[1]
    found = {}
    for name in names:
        fitting = [kind for kind in live[name] if (name, kind) in holding]
        found[name] = fitting[0] if fitting and name in filled else "VARCHAR"
    return found


def fits(text: str, kind: str, formats: Formats) -> str:
    """SQL that says whether ``text`` can only be meant as ``kind``, and is not changed by being read so.

    Identifiers such as ``00123`` and ``+4477`` are not numbers, nor are numbers with more digits than
    the type holds.
    """
    cast = f"TRY_CAST({text} AS {kind})"
    whole = f"coalesce(CAST(TRY_CAST({text} AS BIGINT) AS VARCHAR) = {text}, FALSE)"
    if kind == "BIGINT":
        return whole
    if kind == "JSON":
        return f"json_valid({text})"
    if kind == "BOOLEAN":
        return f"lower({text}) IN ('true', 'false')"
    if kind == "DOUBLE":
        named = f"lower(trim({text})) IN ('nan', 'inf', '-inf', 'infinity', '-infinity')"
        number = f"regexp_full_match({text}, {literal(_NUMBER)}) AND {cast} IS NOT NULL"
        few_digits = f"(length({text}) <= 15 OR regexp_matches({text}, '[.eE]'))"
        return f"({named} OR ({number} AND {few_digits}))"
    if kind == "DATE" and formats.date:
        return f"try_strptime({text}, {literal(formats.date)}) IS NOT NULL"
    if kind == "TIMESTAMP" and formats.timestamp:
        return f"try_strptime({text}, {literal(formats.timestamp)}) IS NOT NULL"
    if kind == "DATE":
        return f"coalesce(CAST({cast} AS VARCHAR) = {text}, FALSE)"
    pattern = {
        "TIMESTAMP": f"{_DAY}[ T]{_TIME}",
        "TIMESTAMP WITH TIME ZONE": rf"{_DAY}[ T]{_TIME}\s?(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)",
        "TIME": _TIME,
    }[kind]
    return f"(regexp_full_match({text}, {literal(pattern)}) AND {cast} IS NOT NULL)"


def _holding(
    con: Connection, relation: str, candidates: Mapping[str, list[str]], formats: Formats
) -> tuple[set[str], set[tuple[str, str]]]:
    """The columns that have a value at all, and the (column, type) that no value contradicts."""
    filled, holding = set[str](), set[tuple[str, str]]()
    for start in range(0, len(candidates), AT_ONCE):
        some = dict(list(candidates.items())[start : start + AT_ONCE])
        found = _holding_at_once(con, relation, some, formats)
        filled |= found[0]
        holding |= found[1]
    return filled, holding


def _holding_at_once(
    con: Connection, relation: str, candidates: Mapping[str, list[str]], formats: Formats
) -> tuple[set[str], set[tuple[str, str]]]:
    asked = [(name, kind) for name, kinds in candidates.items() for kind in kinds]
    tests = [
        f"coalesce(bool_and({fits(ident(name), kind, formats)}) FILTER ({ident(name)} IS NOT NULL), TRUE)"
        for name, kind in asked
    ]
    counts = [f"count({ident(name)}) > 0" for name in candidates]
    row = con.execute(f"SELECT {', '.join(counts + tests)} FROM ({relation}) AS rows").fetchall()[0]
    filled = {name for name, has in zip(candidates, row, strict=False) if has}
    holding = {pair for pair, holds in zip(asked, row[len(counts) :], strict=True) if holds}
    return filled, holding
