"""No row is ever lost or doubled: random data, random rules, many runs, and every decision that there is."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.lake.engine import ident, literal, transaction
from headgate.lake.release import NO_RELEASE
from headgate.ledger import Ledger
from headgate.run.gating import judge_layer
from headgate.run.workshop import Decision, Options, Workshop
from headgate.sources import Counts
from headgate.sources.change_log import ChangeLog, Incoming
from headgate.sources.row_hash import hash_of
from small_shop import Shop

CONFIG = """
name: shop
sources: {till: {type: files, tables: {t: {path: data/t.csv, primary_key: [id]}}}}
layers: [raw, clean]
publish: {max_quarantine: 100%}
"""
RULE = """
t:
  - expect_column_values_to_be_between: {{column: id, max_value: {most}}}
    id: small
    on_fail: quarantine
  - expect_column_values_to_not_be_in_set: {{column: n, value_set: [{word}]}}
    id: word
    on_fail: quarantine
"""
#: The table's own columns are called as unluckily as possible.
KINDS = {"id": "BIGINT", "n": "VARCHAR"}
Row = tuple[int | None, str | None]
rows = st.lists(st.tuples(st.sampled_from([None, 1, 2, 3, 4]), st.sampled_from([None, "a", "b"])), max_size=8)
rules = st.tuples(st.integers(1, 4), st.sampled_from("abc"))


class Lake:
    """The branch of one run after another, without publishing: what a run leaves is what the next one finds."""

    def __init__(self, shop: Shop, ledger: Ledger) -> None:
        self.shop = shop
        (shop.folder / "gates" / "marts.yml").unlink()
        self.workshop = Workshop(shop.project(), "r0", NO_RELEASE, None, Options(), ledger)
        self.workshop.open(fresh=True)
        self.runs = 0

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        return self.workshop.con.execute(text).fetchall()

    def begin(self, decision: Decision | None) -> None:
        self.runs += 1
        self.workshop.run = f"r{self.runs}"
        self.workshop.options = Options(decision=decision)
        self.workshop.changed()

    def judge(self, layer: str, rule: tuple[int, str]) -> dict[str, int]:
        most, word = rule
        self.shop.write(f"gates/{layer}.yml", RULE.format(most=most, word=word))
        for known in ("gate_files", "gates"):  # a run reads them once
            self.workshop.__dict__.pop(known, None)
        judged = judge_layer(self.workshop, layer)
        assert judged.failed == 0, judged.results
        account: dict[str, int] = judged.detail.get("quarantine", {}).get(f"{layer}.t", {})
        assert account["kept"] == sum(self.there(layer).values())
        return account

    def there(self, layer: str) -> Counter[Row]:
        return Counter(self.sql(f"SELECT id, n FROM lake.{layer}.t"))

    def away(self, layer: str, *statuses: str) -> Counter[Row]:
        if not self.sql(f"SELECT 1 FROM duckdb_tables() WHERE table_name = '{layer}_t' AND schema_name = 'quarantine'"):
            return Counter()
        among = ", ".join(map(literal, statuses))
        return Counter(self.sql(f"SELECT id, n FROM lake.quarantine.{layer}_t WHERE _quarantine_status IN ({among})"))


@contextmanager
def new_lake(folder: Path) -> Iterator[Lake]:
    shop = Shop(folder)
    (shop.folder / "dbt_project.yml").unlink()
    shutil.rmtree(shop.folder / "models")
    shop.write("headgate.yml", CONFIG)
    with Ledger.open(shop.project().ledger) as ledger:
        lake = Lake(shop, ledger)
        try:
            yield lake
        finally:
            lake.workshop.abandon()


def is_bad(row: Row, rule: tuple[int, str]) -> bool:
    return (row[0] is not None and row[0] > rule[0]) or row[1] == rule[1]


def values(of: list[Row]) -> str:
    listed = ", ".join(f"({literal(number)}, {literal(word)})" for number, word in of)
    columns = ", ".join(f"CAST({ident(c)} AS {kind}) AS {ident(c)}" for c, kind in KINDS.items())
    if not of:
        return f"SELECT {columns} FROM (SELECT NULL AS id, NULL AS n) WHERE false"
    return f"SELECT {columns} FROM (VALUES {listed}) AS rows(id, n)"


decisions = st.sampled_from(
    [
        None,
        Decision("replay"),
        Decision("replay", "clean.t", "id = 3"),
        Decision("replay", expectation="word"),
        Decision("drop", "clean.t", "n = 'a'", reason="a test"),
        Decision("drop", "clean.t", expectation="small", reason="a test"),
    ]
)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(runs=st.lists(st.tuples(st.none() | rows, rules, decisions), min_size=1, max_size=6))
def test_in_later_layers_what_was_built_is_there_or_in_quarantine(
    runs: list[tuple[list[Row] | None, tuple[int, str], Decision | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with new_lake(tmp_path_factory.mktemp("law") / "shop") as lake:
        built: list[Row] = []
        lake.sql(f"CREATE TABLE lake.clean.t AS {values(built)}")
        for fresh, rule, decision in runs:
            lake.begin(decision)
            detail: dict[str, Any] = {"models": {}, "from_nothing": [], "skipped": []}
            if fresh is not None:
                built, detail["from_nothing"] = fresh, ["clean.t"]
                lake.sql(f"CREATE OR REPLACE TABLE lake.clean.t AS {values(built)}")
            lake.workshop.ledger.step_started(lake.workshop.run, "build:clean")
            lake.workshop.ledger.step_finished(lake.workshop.run, "build:clean", "done", 0.0, detail)
            lake.judge("clean", rule)
            there, waiting = lake.there("clean"), lake.away("clean", "quarantined")
            given_up = lake.away("clean", "dropped") & Counter(built)
            assert there + waiting + given_up == Counter(built)
            assert not any(is_bad(row, rule) for row in there)


loads = st.dictionaries(st.integers(1, 4), st.sampled_from([None, "a", "b"]), max_size=4)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(runs=st.lists(st.tuples(st.none() | loads, st.booleans(), rules, decisions), min_size=1, max_size=6))
def test_in_raw_what_the_source_holds_is_shown_or_in_quarantine(
    runs: list[tuple[dict[int, str | None] | None, bool, tuple[int, str], Decision | None]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with new_lake(tmp_path_factory.mktemp("law") / "shop") as lake:
        log = ChangeLog(lake.workshop.con, "t", ("id",))
        source: dict[int, str | None] = {}
        waiting: dict[int, str | None] = {}
        given_up: set[Row] = set()
        appended = 0
        for number, (load, snapshot, rule, decision) in enumerate(runs):
            if decision is not None and decision.table:
                decision = Decision(decision.action, "raw.t", decision.where, decision.expectation, decision.reason)
            lake.begin(decision)
            if load is not None or number == 0:
                load = load or {}
                incoming = f"SELECT *, {hash_of(KINDS)} AS _hash FROM ({values(list(load.items()))})"
                lake.sql(f"CREATE OR REPLACE TEMP TABLE incoming AS {incoming}")
                with transaction(lake.workshop.con):
                    counts = log.append(
                        Incoming("temp.incoming", KINDS, read=len(load)), lake.workshop.run, snapshot=snapshot
                    )
                appended += counts.appended + counts.deleted
                source = {key: value for key, value in {**source, **load}.items() if key in load or not snapshot}
            read = {"till.t": {"primary_key": ["id"], "rows": Counts().to_dict()}}
            lake.workshop.ledger.step_started(lake.workshop.run, "extract:till")
            lake.workshop.ledger.step_finished(lake.workshop.run, "extract:till", "done", 0.0, {"sources": read})
            lake.judge("raw", rule)
            waiting = {k: v for k, v in waiting.items() if k in source and source[k] == v}
            if decision and decision.action == "drop":
                gone = {k: v for k, v in waiting.items() if v == "a" or not decision.where}
                if decision.expectation:
                    gone = {row[0]: row[1] for row in lake.away("raw", "dropped") if row[0] in waiting}
                given_up |= set(gone.items())
                waiting = {k: v for k, v in waiting.items() if k not in gone}
            if decision and decision.action == "replay":
                stay = {k: v for k, v in waiting.items() if (decision.where and k != 3) or decision.expectation}
                if decision.expectation:
                    stay = {k: v for k, v in waiting.items() if (k, v) in lake.away("raw", "quarantined")}
                waiting = stay
            present = {k: v for k, v in source.items() if (k, v) not in given_up}
            waiting |= {k: v for k, v in present.items() if is_bad((k, v), rule)}
            assert lake.away("raw", "quarantined") == Counter(waiting.items())
            assert lake.there("raw") == Counter({k: v for k, v in present.items() if k not in waiting}.items())
            assert log.live_rows() == sum(lake.there("raw").values()) + log.rows_away()
            assert lake.sql("SELECT count(*) FROM lake.raw_log.t") == [(appended,)]
