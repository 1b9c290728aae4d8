"""What is always checked before publishing, whatever the gates say.

No NaN where nobody allowed it, no whole number that was rounded on its way into the lake, no table that suddenly
shrank, and no row lost between a source and raw.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.lake.engine import LAKE, Connection, ident, qualified
from headgate.run.verdict import failure_of
from headgate.run.workshop import Workshop
from headgate.sources.change_log import RAW, ChangeLog

FLOATS = ("FLOAT", "DOUBLE")
WIDE = ("HUGEINT", "UHUGEINT")
#: From here on a DOUBLE does not hold every whole number.
_EXACT = 2**53
#: So many tables are looked at by one statement: each costs DuckLake a millisecond or two.
_TOGETHER = 50
#: What can become of a row that was read.
FATES = ("appended", "unchanged", "superseded", "quarantined", "sampled_out")


_DEFECT = "this is a defect of Headgate, please report it; nothing was published"


@dataclass(frozen=True, slots=True)
class GuardResult:
    """One guard on one table; shaped as a failed expectation is, so that people read both the same way."""

    table: str
    expectation: str
    success: bool
    kwargs: dict[str, Any]
    observed: Any
    unexpected_count: int | None = None
    hint: str | None = None

    def to_failure(self) -> dict[str, Any]:
        """As an entry of the verdict's ``failures``."""
        return failure_of(
            {
                "layer": "publish",
                "table": self.table,
                "type": self.expectation,
                "kwargs": self.kwargs,
                "severity": "fail",
                "observed_value": self.observed,
                "unexpected_count": self.unexpected_count,
                "hint": self.hint,
            }
        )


def no_nan(
    con: Connection, tables: Mapping[str, Any], unchanged: set[str], allowed: Iterable[str]
) -> list[GuardResult]:
    """No float column of a published table holds NaN, which the engine's filters would miss."""
    permitted = set(allowed)
    floats = {
        name: [c["name"] for c in table["columns"] if c["type"] in FLOATS and f"{name}.{c['name']}" not in permitted]
        for name, table in tables.items()
        if name not in unchanged
    }
    results = []
    for name, column, count in _counted(con, floats, "isnan({})"):
        hint = f"let the model write null, or allow it: publish.allow_nan: [{name}.{column}]"
        results.append(GuardResult(name, "no_nan", count == 0, {"column": column}, count, count, hint))
    return results


def no_rounding(
    con: Connection, tables: Mapping[str, Any], unchanged: set[str], in_files: Collection[str], project: Path
) -> list[GuardResult]:
    """No value of a table is a whole number that Parquet cannot hold: it has no 128 bits, and DuckLake writes a DOUBLE.

    ``sum()`` of whole numbers is a HUGEINT. Below 2^53 it comes back as it was; beyond, nobody can tell any more what
    it was. ``in_files`` are the tables whose rows are: a view adds up when it is read, and is exact. Inside lists
    and structs nothing is looked at, and so nothing is let through.
    """
    wide: dict[str, list[str]] = {}
    results = []
    for name in sorted(tables.keys() & set(in_files) - unchanged):
        for column in tables[name]["columns"]:
            if column["type"] in WIDE:
                wide.setdefault(name, []).append(column["name"])
            elif any(word in column["type"] for word in WIDE):
                observed = f"{column['type']}: what is inside is not looked at"
                bigints = column["type"].replace("UHUGEINT", "HUGEINT").replace("HUGEINT", "BIGINT")
                hint = _cast_hint(project, name, f"cast({ident(column['name'])} as {bigints})")
                results.append(GuardResult(name, "no_rounding", False, {"column": column["name"]}, observed, hint=hint))
    beyond = f"({{0}} >= {_EXACT} OR {{0}} <= -{_EXACT})"
    for name, column, count in _counted(con, wide, beyond):
        hint = _cast_hint(project, name, f"cast({ident(column)} as decimal(38, 0))")
        results.append(GuardResult(name, "no_rounding", count == 0, {"column": column}, count, count, hint))
    return results


def _cast_hint(project: Path, table: str, cast: str) -> str:
    """Where to write what."""
    layer, name = table.split(".", 1)
    models = [path.relative_to(project).as_posix() for path in sorted(project.glob(f"models/**/{name}.*"))]
    here = [path for path in models if path.startswith(f"models/{layer}/")] or models or [f"the model {name}"]
    return f"Parquet has no whole numbers of 128 bits and rounds them from 2^53 on; in {here[0]}: {cast}"


def _counted(con: Connection, columns: Mapping[str, Sequence[str]], condition: str) -> Iterator[tuple[str, str, int]]:
    """Of these columns of tables, in how many rows the condition is true; ``{}`` in it is the column."""
    asked = [(name, names) for name, names in columns.items() if names]
    for some in (asked[i : i + _TOGETHER] for i in range(0, len(asked), _TOGETHER)):
        queries = [
            f"SELECT {number}, [{', '.join(f'count(*) FILTER ({condition.format(ident(c))})' for c in names)}] "
            f"FROM {qualified(LAKE, *name.split('.', 1))}"
            for number, (name, names) in enumerate(some)
        ]
        counts = dict(con.execute(" UNION ALL ".join(queries)).fetchall())
        for number, (name, names) in enumerate(some):
            yield from ((name, column, count) for column, count in zip(names, counts[number], strict=True))


def no_shrink(
    tables: Mapping[str, Any], parent: Mapping[str, Any], max_shrink: float, *, allowed: bool
) -> list[GuardResult]:
    """No published table lost more than ``max_shrink`` of its rows against the last release."""
    results = []
    for name, before in parent.items():
        if not before["rows"]:
            continue
        now = tables[name]["rows"] if name in tables else 0
        lost = 1 - now / before["rows"]
        results.append(
            GuardResult(
                table=name,
                expectation="no_shrink",
                success=allowed or lost <= max_shrink,
                kwargs={"max_shrink": max_shrink},
                observed=f"{before['rows']:,} rows became {now:,} ({-lost:+.0%})"
                + ("" if name in tables else ", the table is gone"),
                hint="if this is meant: headgate run --allow-shrink",
            )
        )
    return results


def nothing_lost(
    shop: Workshop, tables: Mapping[str, Any], details: Mapping[str, Mapping[str, Any]]
) -> list[GuardResult]:
    """Every row of a table that has a quarantine is in the one or in the other, and in one only.

    Of later layers: the rows that were built, and those that came back, are those that are there and those that were
    taken out in this run. Of raw: what the source holds is what is shown and what is in quarantine.
    """
    accounts = {n: account for detail in details.values() for n, account in detail.get("quarantine", {}).items()}
    keys = shop.raw_keys() if accounts else {}
    results = []
    for name, account in accounts.items():
        layer, table = name.split(".", 1)
        now = tables[name]["rows"] if name in tables else 0
        observed = {**account, "rows": now}
        success = account["kept"] == now
        if layer == RAW:
            log = ChangeLog(shop.con, table, keys[table])
            observed |= {"in_source": log.live_rows(), "away": log.rows_away()}
            success = success and observed["in_source"] == now + observed["away"]
        results.append(GuardResult(name, "conservation", success, {}, observed, hint=_DEFECT))
    return results


def conservation(counts: Mapping[str, Mapping[str, int]]) -> list[GuardResult]:
    """Every row that was read has exactly one fate, per source table."""
    return [
        GuardResult(
            table=name,
            expectation="conservation",
            success=c["read"] == sum(c[fate] for fate in FATES),
            kwargs={},
            observed=dict(c),
            hint=_DEFECT,
        )
        for name, c in counts.items()
    ]
