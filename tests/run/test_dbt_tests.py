"""dbt's generic tests are judged by the gate where it can, and then come out as dbt would have had them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from headgate.ledger import Ledger
from headgate.run import build
from headgate.transform.generic_tests import as_expectation
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


@pytest.mark.slow
def test_a_test_that_holds_costs_no_query_of_dbt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Node] = []
    really = Dbt.build

    def spy(self: Dbt, nodes: list[Node], **options: Any) -> Any:
        asked.extend(nodes)
        return really(self, nodes, **options)

    monkeypatch.setattr(Dbt, "build", spy)
    verdict = shop.run()
    assert (verdict.status, verdict.expectations["total"]) == ("published", 6)
    assert asked == []  # the tables are sent as dbt compiled them, and the gate judges the tests
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


@pytest.mark.slow
def test_step_by_step_the_gate_knows_of_the_tests_too(shop: Shop) -> None:
    from headgate.run import Options, perform_step

    shop.write("data/sales_2.csv", "id,item,amount\n4,z,5\n")
    for name in ("extract:till", "gate:raw", "build:clean"):
        assert perform_step(shop.project(), "r1", name, Options()).status == "running"
    verdict = perform_step(shop.project(), "r1", "gate:clean", Options())
    assert (verdict.status, [f["expectation"] for f in verdict.failures]) == ("blocked", ["dbt:not_null"])


#: What dbt_utils 1.3 and dbt_expectations 0.10 mean, in DuckDB's words, as packages that a test can install.
PACKAGES = {
    "dbt_utils": {
        "accepted_range(model, column_name, min_value=none, max_value=none, inclusive=true)": """
            select * from {{ model }} where 1 = 2
            {% if min_value is not none %} or not {{ column_name }} >{{ '=' if inclusive }} {{ min_value }}{% endif %}
            {% if max_value is not none %} or not {{ column_name }} <{{ '=' if inclusive }} {{ max_value }}{% endif %}
        """,
        "not_null_proportion(model, column_name, at_least, at_most=1.0)": """
            with p as (select sum(case when {{ column_name }} is null then 0 else 1 end)
                / cast(count(*) as numeric) as found from {{ model }})
            select * from p where found < {{ at_least }} or found > {{ at_most }}
        """,
        "unique_combination_of_columns(model, combination_of_columns, quote_columns=false)": """
            select {{ combination_of_columns | join(', ') }} from {{ model }}
            group by {{ combination_of_columns | join(', ') }} having count(*) > 1
        """,
        "not_empty_string(model, column_name, trim_whitespace=true)": """
            select * from {{ model }}
            where {% if trim_whitespace %} trim({{ column_name }}) {% else %} {{ column_name }} {% endif %} = ''
        """,
        "at_least_one(model, column_name)": """
            select count({{ column_name }}) as filler from {{ model }} having count({{ column_name }}) = 0
        """,
        "not_constant(model, column_name)": """
            select count(distinct {{ column_name }}) as filler from {{ model }}
            having count(distinct {{ column_name }}) = 1
        """,
        "equal_rowcount(model, compare_model)": """
            with a as (select count(*) as n from {{ model }}), b as (select count(*) as n from {{ compare_model }})
            select * from (select abs(a.n - b.n) as apart from a, b) where apart <> 0
        """,
    },
    "dbt_expectations": {
        "expect_column_values_to_be_between(model, column_name, min_value=none, max_value=none, row_condition=none,"
        " strictly=false)": """
            select * from {{ model }} where not (1 = 1
            {% set equal = '' if strictly else '=' %}
            {% if min_value is not none %} and {{ column_name }} >{{ equal }} {{ min_value }}{% endif %}
            {% if max_value is not none %} and {{ column_name }} <{{ equal }} {{ max_value }}{% endif %})
            {% if row_condition %} and {{ row_condition }} {% endif %}
        """,
        "expect_column_value_lengths_to_equal(model, column_name, value, row_condition=none)": """
            select * from {{ model }} where not length({{ column_name }}) = {{ value }}
        """,
        "expect_table_row_count_to_be_between(model, min_value=none, max_value=none, group_by=none,"
        " row_condition=none, strictly=false)": """
            with n as (select count(*) as n from {{ model }}
                {% if row_condition %} where {{ row_condition }} {% endif %})
            select * from n where not (n >= {{ min_value or 0 }} and n <= {{ max_value or 1e9 }})
        """,
        "expect_column_max_to_be_between(model, column_name, min_value=none, max_value=none, group_by=none,"
        " row_condition=none, strictly=false)": """
            with n as (select max({{ column_name }}) as n from {{ model }}
                {% if row_condition %} where {{ row_condition }} {% endif %})
            select * from n where not (n <= {{ max_value }})
        """,
    },
}
OF_PACKAGES = """
      - name: {table}
        data_tests:
          - dbt_utils.unique_combination_of_columns:
              {{name: {table}_pairs, arguments: {{combination_of_columns: [item, flag]}}}}
          - dbt_utils.equal_rowcount: {{name: {table}_as_many, arguments: {{compare_model: ref('parents')}}}}
          - dbt_expectations.expect_table_row_count_to_be_between:
              {{name: {table}_rows, arguments: {{min_value: 1, max_value: 6}}}}
          - dbt_expectations.expect_table_row_count_to_be_between:
              {{name: {table}_flagged_rows, arguments: {{min_value: 1, row_condition: "flag = 1"}}}}
        columns:
          - name: id
            data_tests:
              - dbt_utils.accepted_range: {{name: {table}_range, arguments: {{min_value: 1, max_value: 9}}}}
              - dbt_utils.accepted_range:
                  name: {table}_range_open
                  arguments: {{min_value: 1, inclusive: false}}
                  config: {{where: "id > 1"}}
              - dbt_utils.accepted_range: {{name: {table}_range_of_sql, arguments: {{max_value: "2 + 7"}}}}
              - dbt_utils.not_constant: {{name: {table}_varies}}
              - dbt_utils.at_least_one: {{name: {table}_some_flagged, config: {{where: "flag = 1"}}}}
              - dbt_expectations.expect_column_values_to_be_between:
                  {{name: {table}_between, arguments: {{min_value: 0, max_value: 9, strictly: true}}}}
              - dbt_expectations.expect_column_max_to_be_between: {{name: {table}_max, arguments: {{max_value: 5}}}}
              - dbt_expectations.expect_column_max_to_be_between:
                  {{name: {table}_max_flagged, arguments: {{max_value: 5, row_condition: "flag = 1"}}}}
          - name: item
            data_tests:
              - dbt_utils.not_empty_string: {{name: {table}_not_empty}}
              - dbt_utils.not_null_proportion: {{name: {table}_mostly_there, arguments: {{at_least: 0.8}}}}
              - dbt_utils.not_null_proportion: {{name: {table}_some_gone, arguments: {{at_least: 0, at_most: 0.9}}}}
              - dbt_expectations.expect_column_value_lengths_to_equal:
                  {{name: {table}_length, arguments: {{value: 1}}}}
          - name: price
            data_tests:
              - dbt_utils.accepted_range: {{name: {table}_price, arguments: {{max_value: 100}}}}
              - dbt_utils.at_least_one: {{name: {table}_some_price}}
"""


def install(shop: Shop) -> None:
    for package, tests in PACKAGES.items():
        folder = f"dbt_packages/{package}"
        shop.write(f"{folder}/dbt_project.yml", f"name: {package}\nversion: 1.0.0\nmacro-paths: [macros]\n")
        macros = (f"{{% test {head} %}}{text}{{% endtest %}}" for head, text in tests.items())
        shop.write(f"{folder}/macros/tests.sql", "\n".join(macros))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", ["table", "view"])
def test_tests_of_packages_come_out_as_dbt_has_them(
    make_shop: Any, monkeypatch: pytest.MonkeyPatch, seed: int, kind: str
) -> None:
    mine, dbts = make_shop("mine"), make_shop("dbts")
    for shop in (mine, dbts):
        lay_out(shop, seed, tables=4)
        install(shop)
        shop.write(
            "models/clean/of_packages.yml", "models:" + "".join(OF_PACKAGES.format(table=f"t{n}") for n in range(4))
        )
        (shop.folder / "models/clean/tests.yml").unlink()
        for number in range(4):
            path = f"models/clean/t{number}.sql"
            shop.write(path, f"{{{{ config(materialized='{kind}') }}}}" + (shop.folder / path).read_text())
    judged: list[str] = []

    def spy(test: Node, models: Any) -> Any:
        found = as_expectation(test, models)
        if found is not None:
            judged.append(test.name)
        return found

    monkeypatch.setattr(build, "as_expectation", spy)
    ours = found(mine)
    monkeypatch.setattr(build, "as_expectation", lambda test, models: None)
    theirs = found(dbts)
    assert len(theirs) == 4 * 18
    assert ours == theirs
    assert {success for success, *_ in theirs.values()} == {True, False}
    conditional = {"t0_flagged_rows", "t0_some_flagged", "t0_max_flagged", "t0_range_of_sql", "t0_some_gone"}
    assert conditional.isdisjoint(judged)
    assert {"t0_pairs", "t0_as_many", "t0_rows", "t0_range", "t0_between", "t0_max", "t0_length"} <= set(judged)
