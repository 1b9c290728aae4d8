"""dbt's generic tests are judged by the gate where it can, and then come out as dbt would have had them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from headgate.ledger import Ledger
from headgate.run import build
from headgate.transform.models import Node
from headgate.transform.runner import Dbt
from small_shop import Shop

#: Of each column: tests by dbt's names, with every setting that decides what a failure is.
TESTS = """
      - name: {table}
        columns:
          - name: id
            data_tests:
              - not_null: {{name: {table}_id_there}}
              - not_null: {{name: {table}_id_there_warn, config: {{severity: warn}}}}
              - not_null: {{name: {table}_id_there_if_many, config: {{error_if: ">3", warn_if: ">1"}}}}
              - not_null: {{name: {table}_id_there_among_flagged, config: {{where: "flag = 1"}}}}
              - unique: {{name: {table}_id_once}}
              - unique: {{name: {table}_id_once_limited, config: {{limit: 1}}}}
              - unique: {{name: {table}_id_once_among_flagged, config: {{where: "flag = 1"}}}}
              - not_null: {{name: {table}_id_never_zero, config: {{error_if: "=0"}}}}
          - name: item
            data_tests:
              - accepted_values: {{name: {table}_item_known, arguments: {{values: [a, b, C]}}}}
              - accepted_values:
                  name: {table}_item_known_unquoted
                  arguments: {{values: ["'a'", "'b'", "'C'"], quote: false}}
              - relationships:
                  {{name: {table}_item_has_parent, arguments: {{to: ref('parents'), field: item}}}}
          - name: flag
            data_tests:
              - accepted_values: {{name: {table}_flag_known, arguments: {{values: [0, 1]}}}}
              - accepted_values: {{name: {table}_flag_known_text, arguments: {{values: ['0', '1']}}}}
              - relationships: {{name: {table}_flag_has_parent, arguments: {{to: ref('parents'), field: flag}}}}
          - name: price
            data_tests:
              - not_null: {{name: {table}_price_there}}
              - unique: {{name: {table}_price_once}}
              - accepted_values: {{name: {table}_price_known, arguments: {{values: [1, 2], quote: false}}}}
"""
PARENTS = "select * from (values ('a', 0), ('b', 1), ('C', null), (null, 1)) as t(item, flag)"


def rows_of(dice: random.Random, *, clean: bool) -> str:
    """A table's rows; dirty ones have nulls, repeated keys, unknown values and NaN here and there."""

    strange = ["null", "'A'", "'it''s'", "''"]

    def one(number: int) -> str:
        odd = 0.0 if clean else dice.choice([0.0, 0.1, 0.5])
        chosen = [
            str(number) if dice.random() > odd else dice.choice(["null", "1"]),
            dice.choice(["'a'", "'b'", "'C'"]) if dice.random() > odd else dice.choice(strange),
            dice.choice(["0", "1"]) if dice.random() > odd else dice.choice(["null", "2"]),
            f"{number}::double" if dice.random() > odd else dice.choice(["null::double", "'nan'::double"]),
        ]
        return f"({', '.join(chosen)})"

    return ", ".join(one(number) for number in range(1, dice.choice([2, 12])))


def lay_out(shop: Shop, seed: int, tables: int) -> None:
    dice = random.Random(seed)
    named = [f"t{number}" for number in range(tables)]
    for number, table in enumerate(named):
        rows = rows_of(dice, clean=number == 0)
        values = f"(values {rows}) as t(id, item, flag, price)"
        shop.write(
            f"models/clean/{table}.sql", f"select id::bigint as id, item, flag::int as flag, price from {values}"
        )
    shop.write("models/clean/parents.sql", PARENTS)
    shop.write("models/clean/tests.yml", "models:" + "".join(TESTS.format(table=table) for table in named))
    shop.write("gates/clean.yml", "t0:\n  - expect_column_values_to_not_be_null: {column: id}\n")


def found(shop: Shop) -> dict[str, Any]:
    """What the ledger says of each test of the layer's tables."""
    run = shop.run().run
    with Ledger.open(shop.project().ledger) as ledger:
        results = [r for r in ledger.results(run) if r["expectation"].startswith("dbt:")]
    told = ("success", "severity", "unexpected_count", "error", "table")
    return {r["id"]: tuple(r[key] for key in told) for r in results if r["table"] != "sales_clean"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_every_test_comes_out_as_dbt_has_it(make_shop: Any, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    mine, dbts = make_shop("mine"), make_shop("dbts")
    for shop in (mine, dbts):
        lay_out(shop, seed, tables=6)
    ours = found(mine)
    monkeypatch.setattr(build, "as_expectation", lambda test, models: None)
    theirs = found(dbts)
    assert len(theirs) == 6 * 17
    assert ours == theirs
    assert {success for success, *_ in theirs.values()} == {True, False}


def test_a_test_that_holds_costs_no_query_of_dbt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Node] = []
    really = Dbt.build

    def spy(self: Dbt, nodes: list[Node], **options: Any) -> Any:
        asked.extend(nodes)
        return really(self, nodes, **options)

    monkeypatch.setattr(Dbt, "build", spy)
    verdict = shop.run()
    assert (verdict.status, verdict.expectations["total"]) == ("published", 6)
    assert {node.kind for node in asked} == {"model"}
    shop.write("data/sales_2.csv", "id,item,amount\n4,z,5\n")
    blocked = shop.run()
    (failure,) = blocked.failures
    assert (failure["expectation"], failure["unexpected_count"], failure["examples"]) == ("dbt:not_null", 1, [None])
    assert [node.name for node in asked if node.kind == "test"] == ["not_null_sales_clean_name"]


def test_a_project_that_has_its_own_idea_of_a_test_is_heard(shop: Shop) -> None:
    shop.write("macros/not_null.sql", "{% test not_null(model, column_name) %} select 1 as always {% endtest %}")
    verdict = shop.run()
    assert verdict.status == "blocked"
    assert [f["expectation"] for f in verdict.failures] == ["dbt:not_null"]


def test_step_by_step_the_gate_knows_of_the_tests_too(shop: Shop) -> None:
    from headgate.run import Options, perform_step

    shop.write("data/sales_2.csv", "id,item,amount\n4,z,5\n")
    for name in ("extract:till", "gate:raw", "build:clean"):
        assert perform_step(shop.project(), "r1", name, Options()).status == "running"
    verdict = perform_step(shop.project(), "r1", "gate:clean", Options())
    assert (verdict.status, [f["expectation"] for f in verdict.failures]) == ("blocked", ["dbt:not_null"])
