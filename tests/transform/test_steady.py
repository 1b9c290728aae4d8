"""Which models dbt sends the same statements for, as long as their code and the columns of tables stay."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.transform.steady import begins_plain, is_plain, is_steady, rebuilds_dbt


def macro(name: str, text: str = "1", *, calls: tuple[str, ...] = (), file: str = "macros/m.sql") -> dict[str, Any]:
    return {"name": name, "macro_sql": text, "depends_on": {"macros": list(calls)}, "original_file_path": file}


def model(code: str, *calls: str, **config: Any) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "language": "sql",
        "raw_code": code,
        "config": {"materialized": "table", **config},
        "depends_on": {"macros": list(calls)},
    }


@pytest.mark.parametrize(
    "code",
    [
        "select 1",
        "select * from {{ ref('a') }} where x > {{ var('x') }} and y = '{{ env_var('Y') }}' -- {{ this }} {{ target }}",
        "{% set n = [1, 2] %}{% for i in n %}{{ i }}{{ ',' if not loop.last }}{% endfor %}",
        "{{ adapter.get_columns_in_relation(ref('a')) | map(attribute='name') | join(', ') }}",
        "{% if execute %}{{ return('1') }}{% endif %}",
    ],
)
def test_what_reads_models_variables_and_columns_is_steady(code: str) -> None:
    assert is_steady(model(code), {})


@pytest.mark.parametrize(
    "code",
    [
        "{{ run_started_at }}",
        "{{ invocation_id }}",
        "{{ modules.datetime.datetime.now() }}",
        "{% set found = run_query('select 1') %}",
        "{% call statement('x', fetch_result=True) %}select 1{% endcall %}",
        "{{ adapter.get_relation('lake', 'raw', 't') }}",
        "{% set a = adapter %}{{ a.execute('select 1') }}",
        "{{ graph.nodes }}",
        "{{ model.created_at }}",
        "{{ unknown_thing }}",
        "{% broken",
    ],
)
def test_what_asks_for_data_time_or_the_run_is_not(code: str) -> None:
    assert not is_steady(model(code), {})


def test_a_macro_is_judged_wherever_it_is_called_from() -> None:
    macros = {
        "macro.p.outer": macro("outer", "{% macro outer() %}{{ inner() }}{% endmacro %}", calls=("macro.p.inner",)),
        "macro.p.inner": macro("inner", "{% macro inner() %}{{ run_started_at }}{% endmacro %}"),
        "macro.p.good": macro("good", "{% macro good(x) %}{{ x }}{% endmacro %}"),
    }
    assert is_steady(model("{{ good(1) }}", "macro.p.good"), macros)
    assert not is_steady(model("{{ outer() }}", "macro.p.outer"), macros)


def test_headgates_own_package_may_look_up_sources() -> None:
    text = "{% macro history(t) %}{% for n in graph.sources.values() %}{{ n.name }}{% endfor %}{% endmacro %}"
    macros = {f"macro.{package}.history": macro("history", text) for package in ("headgate", "other")}
    assert is_steady(model("{{ headgate.history('t') }}", "macro.headgate.history"), macros)
    assert not is_steady(model("{{ other.history('t') }}", "macro.other.history"), macros)


def test_of_dbts_own_macros_those_that_only_write_sql_are_steady() -> None:
    assert is_steady(model("{% if is_incremental() %}x{% endif %}", "macro.dbt.is_incremental"), {})
    assert is_steady(model("{{ dbt.dateadd('day', 1, 'd') }}", "macro.dbt.dateadd", "macro.dbt.default__dateadd"), {})
    assert not is_steady(model("{{ dbt.get_intervals_between() }}", "macro.dbt.get_intervals_between"), {})


@pytest.mark.parametrize(
    ("config", "steady"),
    [
        ({"materialized": "view"}, True),
        ({"materialized": "incremental"}, True),
        ({"materialized": "external"}, False),
        ({"post-hook": [{"sql": "delete from {{ this }} where x", "transaction": True}]}, True),
        ({"post-hook": [{"sql": "delete from {{ this }} where y = '{{ run_started_at }}'"}]}, False),
        ({"pre-hook": ["select setseed(0.5)"]}, False),
        ({"persist_docs": {"relation": True}}, False),
        ({"grants": {"select": ["somebody"]}}, False),
    ],
)
def test_hooks_and_materializations_have_a_say(config: dict[str, Any], steady: bool) -> None:
    assert is_steady(model("select 1", **config), {}) is steady


def test_a_python_model_and_a_seed_are_not_steady() -> None:
    assert not is_steady({**model("select 1"), "language": "python"}, {})
    assert not is_steady({**model("select 1"), "resource_type": "seed"}, {})


@pytest.mark.parametrize(
    ("macros", "nodes", "rebuilt"),
    [
        ([], [], False),
        ([macro("generate_schema_name")], [], False),
        ([macro("materialization_table_duckdb", file=".headgate/dbt/macros/headgate.sql")], [], False),
        ([macro("materialization_table_duckdb")], [], True),
        ([macro("statement")], [], True),
        ([], [{"resource_type": "operation"}], True),
    ],
)
def test_a_project_that_changes_how_dbt_works_is_noticed(
    macros: list[dict[str, Any]], nodes: list[dict[str, Any]], rebuilt: bool
) -> None:
    manifest = {
        "nodes": {str(n): node for n, node in enumerate(nodes)},
        "macros": {f"macro.p.{each['name']}": each for each in macros},
        "vendor_macros": ["statement", "materialization_table_duckdb", "generate_schema_name"],
    }
    assert rebuilds_dbt(manifest) is rebuilt


LATER = "{% if is_incremental() %}where x > (select max({{ adapter.quote('x') }}) from {{ this }}){% endif %}"


@pytest.mark.parametrize(
    ("code", "config", "begins"),
    [
        ("select 1", {}, True),
        (f"select 1 {LATER}", {}, True),
        ("select {% if is_incremental() %}1{% else %}{{ adapter.quote('x') }}{% endif %}", {}, False),
        ("select {% if not is_incremental() %}{{ adapter.quote('x') }}{% endif %}", {}, False),
        ("select {{ should_full_refresh() }}", {}, False),
        ("select 1", {"post-hook": ["  {% if is_incremental() %}delete from x{% endif %} "]}, True),
        ("select 1", {"post-hook": ["delete from {{ this }}"]}, False),
        ("select 1", {"post-hook": ["{% if is_incremental() %}a{% else %}b{% endif %}"]}, False),
        ("select 1", {"post-hook": ["{% if is_incremental() %}a{% endif %} b"]}, False),
        ("select 1", {"pre-hook": [{"sql": "{% broken"}]}, False),
        ("select 1", {"partitioned_by": ["x"]}, False),
        ("select 1", {"contract": {"enforced": True}}, False),
        ("select 1", {"sql_header": "set x = 1"}, False),
        ("select 1", {"materialized": "view"}, False),
    ],
)
def test_an_incremental_model_may_begin_as_a_table_of_one_query(
    code: str, config: dict[str, Any], begins: bool
) -> None:
    assert begins_plain(model(code, **{"materialized": "incremental", **config}), {}) is begins


def test_a_table_of_one_query_has_no_hooks_and_asks_for_no_columns() -> None:
    assert is_plain(model(f"select 1 {LATER}"), {})
    assert not is_plain(model("select 1", **{"post-hook": [LATER]}), {})
    assert not is_plain(model("select {{ adapter.quote('x') }}"), {})
