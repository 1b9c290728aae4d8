"""The gate step: a layer is judged, rows that go into quarantine leave, and what is left is judged again.

Until nothing leaves any more: rows that refer to one that left may have to leave with it, and what was built in the
same layer from a table that lost rows is built once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from headgate.errors import ConfigError
from headgate.gates import Check, ExpectationResult, Gate, GateResult, compile_gate, evaluate
from headgate.gates.past import earlier_releases, since_publishing
from headgate.gates.sight import no_source
from headgate.gates.sums import SOURCE
from headgate.lake.engine import LAKE, qualified
from headgate.lake.quarantine import REPLAYED, SCHEMA, table_name
from headgate.project import Bound, GateFile, Place, with_tags
from headgate.run.build import build_again, keys_of, run_tests
from headgate.run.quarantining import StayError, TablePass
from headgate.run.row_keeping import RawRows
from headgate.run.source_totals import SourceTotals, with_cursor
from headgate.run.workshop import Workshop
from headgate.sources.change_log import RAW, shows_every_row
from headgate.transform.generic_tests import TEST, fits, from_json

#: Where the source has the rows that others refer to, and raw has not.
BEHIND_CURSOR = "if the source has the rows, they came behind their cursor: headgate reconcile reads what is missing"

#: What it means that raw, as it was just read, does not come to what its source came to.
NOT_THE_SOURCE = (
    "rows were deleted at the source, changed without moving their cursor, or committed later than the overlap: "
    "headgate reconcile finds them"
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a gate found, as the ledger keeps it, and what the steps after it need to know."""

    results: list[dict[str, Any]]
    detail: dict[str, Any]

    @property
    def failed(self) -> int:
        """How many expectations block."""
        return sum(1 for result in self.results if not result["success"] and result["severity"] == "fail")


def judge_layer(shop: Workshop, layer: str) -> Judged:
    """Judge a layer: the gate file's expectations and dbt's generic tests at once, and what else dbt tested.

    Raises:
        ConfigError: rows of a view are to go into quarantine.
    """
    gating = _Gating(shop, layer)
    gating.begin()
    judged = gating.judge()
    while gating.take_out(judged):
        judged = gating.judge()
    return gating.end(judged)


@dataclass
class _Look:
    """What one expectation put into quarantine: what it found when it first did, and how many rows in all."""

    first: ExpectationResult
    rows: int = 0


@dataclass
class _Gating:
    """One gate at work."""

    shop: Workshop
    layer: str
    passes: dict[str, TablePass] = field(default_factory=dict)
    looks: dict[tuple[str, str], _Look] = field(default_factory=dict)
    stays: dict[str, StayError] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.built: Mapping[str, Any] = self.shop.details().get(f"build:{self.layer}", {})
        self.file = with_tags(self.shop.project, self.shop.gate_files, self.layer)
        self.gate = replace(self.shop.gates[self.layer], pii=self.file.pii)
        self.rebuilt = False

    def begin(self) -> None:
        """Open a pass over every table of which rows go into quarantine, or wait there."""
        _refuse_views(self.shop, self.gate)
        for table in _tables(self.shop, self.gate):
            self.passes[table] = _open(self.shop, self.file, table, self.built)
        self._build_again({each.title for each in self.passes.values() if each.begin()})

    def judge(self) -> GateResult:
        """Judge every expectation on what is there now."""
        tests = _fitting(self.shop, self.layer, self.built.get("tests", []))
        gate = self.gate
        if tests:
            gate = compile_gate(self.file.with_more((entry["table"], from_json(entry)) for entry in tests))
        with earlier_releases(self.shop.con, self.shop.releases, self.shop.base.release) as earlier:
            return evaluate(
                self.shop.con,
                gate,
                contents=self.shop.contents,
                plain=lambda view: shows_every_row(view.sql),
                earlier=earlier,
                since=since_publishing(self.shop.parent),
                at_source=SourceTotals(self.shop, self.file.pii).of if self.layer == RAW else no_source,
                scale=self.shop.project.sample.fraction if self.shop.project.sample else None,
            )

    def take_out(self, judged: GateResult) -> bool:
        """Let the bad rows leave; whether any did."""
        moved = set()
        for table, bad in _to_quarantine(self.gate, judged):
            if table in self.stays:
                continue
            try:
                taken = self._pass_of(table).take_out(bad)
            except StayError as error:
                self.stays[table] = error
                continue
            moved.add(f"{self.layer}.{table}")
            for check, result in bad:
                look = self.looks.setdefault((table, check.id), _Look(result))
                look.rows += taken[check.id]
        self._build_again(moved)
        return bool(moved)

    def end(self, judged: GateResult) -> Judged:
        """Put down what became of the rows, and what every expectation came to."""
        accounts = {each.title: each.end() for each in self.passes.values()}
        results = [self._result(result) for result in judged.results if TEST not in result.meta]
        results += [state["result"] for state in self.built.get("models", {}).values() if "result" in state]
        results += _tested(self.shop, self.built.get("tests", []), [r for r in judged.results if TEST in r.meta])
        detail: dict[str, Any] = {"quarantine": accounts, "moved": self._moved(accounts)}
        detail["sources"] = dict(self._sources())
        if self.rebuilt:
            detail["models"] = self.built.get("models")
        return Judged(results, {key: value for key, value in detail.items() if value})

    def _begin_again(self, table: str) -> bool:
        """A table was built once more, or only now; whether it is another one after what happens to it then."""
        if table in self.passes:
            return self.passes[table].begin_again()
        if table not in _tables(self.shop, self.gate):
            return False
        self.passes[table] = _open(self.shop, self.file, table, self.built)
        return self.passes[table].begin_again()

    def _pass_of(self, table: str) -> TablePass:
        if table not in self.passes:
            raise StayError("nobody knows by what its rows are named", where=table)
        return self.passes[table]

    def _build_again(self, moved: set[str]) -> None:
        """Build what the layer has that reads a table which is another one now."""
        while moved:
            self.built, self.rebuilt = build_again(self.shop, self.layer, self.built, moved), True
            again = [name.split(".", 1)[1] for name in self.built["again"]]
            moved = {f"{self.layer}.{table}" for table in again if self._begin_again(table)}
            for key in [key for key in self.looks if key[0] in again]:
                del self.looks[key]
            for table in again:
                self.stays.pop(table, None)

    def _result(self, result: ExpectationResult) -> dict[str, Any]:
        """What an expectation came to: of the rows that were there at first, if it put some into quarantine."""
        if result.on_fail != "quarantine":
            return result.to_json() | self._helps(result)
        look = self.looks.get((result.table, result.id))
        seen = replace(look.first, success=True) if look and result.success else result
        told = replace(seen, quarantined_count=look.rows if look else 0).to_json() | self._helps(result)
        stays = self.stays.get(result.table)
        if not result.success and result.error is None and stays is not None:
            hint = "repair the source or the expectation; or raise max_quarantine" if stays.where is None else None
            told |= {"hint": f"nothing was put into quarantine: {stays.what}" + (f"; {hint}" if hint else "")}
        return told

    def _helps(self, result: ExpectationResult) -> dict[str, str]:
        """What to do where raw may not be what its source is, since a cursor does not show all that changes there."""
        if self.layer != RAW or result.success or result.error is not None:
            return {}
        if result.type == "references" and any(map(with_cursor, self.shop.project.sources.values())):
            return {"hint": BEHIND_CURSOR}
        if result.type == "sums_match" and result.kwargs.get("to") == SOURCE:
            return {"hint": NOT_THE_SOURCE}
        return {}

    def _moved(self, accounts: Mapping[str, Mapping[str, int]]) -> list[str]:
        """The tables of which rows that were published before are not there any more, or that are there again."""
        titles = {each.title for each in self.passes.values() if each.released or each.returned}
        return sorted(titles | {title for title, account in accounts.items() if account[REPLAYED]})

    def _sources(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What was read, with what the gate made of its rows."""
        for detail in self.shop.details().values():
            for name, entry in detail.get("sources", {}).items():
                kept = self.passes.get(name.split(".", 1)[1])
                if self.layer == RAW and kept is not None and isinstance(kept.rows, RawRows):
                    shown, away = kept.rows.log.fates(self.shop.run)
                    rows = {**entry["rows"], "appended": shown, "quarantined": entry["rows"]["quarantined"] + away}
                    yield name, {**entry, "rows": rows}


def _tables(shop: Workshop, gate: Gate) -> list[str]:
    """The tables of a layer that are there, and of which rows may go into quarantine, or are there."""
    contents = shop.contents
    known = shop.raw_keys() if gate.layer == RAW else {}
    there = [name.split(".", 1)[1] for name in (*contents.tables, *contents.views) if name.startswith(f"{gate.layer}.")]
    asking = {check.table for check in gate.checks if check.declared.on_fail == "quarantine"}
    return [
        table
        for table in there
        if (table in asking or f"{SCHEMA}.{table_name(gate.layer, table)}" in contents.tables)
        and (table in known if gate.layer == RAW else f"{gate.layer}.{table}" in contents.tables)
    ]


def _open(shop: Workshop, file: GateFile, table: str, built: Mapping[str, Any]) -> TablePass:
    title = f"{file.layer}.{table}"
    limit = file.max_quarantine.get(table) or Bound.parse(shop.project.publish.max_quarantine)
    keys = shop.raw_keys()[table] if file.layer == RAW else keys_of(shop, title)
    return TablePass(shop, file.layer, table, limit, keys, from_nothing=title in built.get("from_nothing", []))


def _refuse_views(shop: Workshop, gate: Gate) -> None:
    """A view of a later layer shows what is behind it, and cannot lose rows."""
    for check in gate.checks:
        title = f"{gate.layer}.{check.table}"
        if check.declared.on_fail == "quarantine" and gate.layer != RAW and title in shop.contents.views:
            raise view_cannot_lose_rows(title, check.declared.place)


def view_cannot_lose_rows(title: str, place: Place) -> ConfigError:
    """The mistake of an author who wants rows of a view to go into quarantine."""
    return ConfigError(
        f"{title} is a view, and a view cannot lose rows: none can go into quarantine",
        file=place.file,
        line=place.line,
        key=place.key,
        hint="let dbt build it as a table (materialized: table), or use on_fail: block",
    )


def _to_quarantine(gate: Gate, judged: GateResult) -> Iterator[tuple[str, list[tuple[Check, ExpectationResult]]]]:
    """What failed and puts its rows into quarantine, by table."""
    own = [result for result in judged.results if TEST not in result.meta]
    failed = [
        (check, result)
        for check, result in zip(gate.checks, own, strict=True)
        if check.declared.on_fail == "quarantine" and not result.success and result.error is None
    ]
    for table in dict.fromkeys(check.table for check, _ in failed):
        yield table, [(check, result) for check, result in failed if check.table == table]


def _fitting(shop: Workshop, layer: str, tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tests that the gate understands as dbt does, now that the types of columns are known."""
    kinds = {name: _kinds(shop, f"{layer}.{name}") for name in {entry["table"] for entry in tests}}
    return [entry for entry in tests if fits(from_json(entry), kinds.get(entry["table"], {}))]


def _kinds(shop: Workshop, name: str) -> dict[str, str]:
    """The type of each column of a table or view; none if it is not there, or a view that cannot be read."""
    if name in shop.contents.tables:
        return {column.name: column.type for column in shop.contents.tables[name].columns}
    if name not in shop.contents.views:
        return {}
    try:
        rows = shop.con.execute(f"DESCRIBE {qualified(LAKE, *name.split('.', 1))}").fetchall()
    except duckdb.Error:  # dbt runs its tests, and says what is wrong
        return {}
    return {row[0]: row[1] for row in rows}


def _tested(shop: Workshop, tests: Iterable[dict[str, Any]], found: list[ExpectationResult]) -> list[dict[str, Any]]:
    """The results of dbt's tests: what the gate found to hold does; what it did not, dbt judges."""
    by_test = {result.meta[TEST]: result for result in found}
    doubtful = [entry["test"] for entry in tests if not (entry["test"] in by_test and by_test[entry["test"]].success)]
    judged = dict(zip(doubtful, run_tests(shop, doubtful), strict=True)) if doubtful else {}
    if judged:
        shop.changed()  # a test may keep what it found
    results = []
    for entry in tests:
        seen = by_test[entry["test"]].to_json() if entry["test"] in by_test else {}
        if entry["test"] in judged:
            examples = seen.get("partial_unexpected_list", [])
            results.append({**judged[entry["test"]], "partial_unexpected_list": examples})
        else:
            named = {"id": entry["name"], "type": entry["type"], "kwargs": entry["kwargs"]}
            results.append({**seen, **named, "unexpected_count": 0, "severity": entry["severity"]})
    return results
