"""What makes a node of a dbt project out of date, from hand-made manifests."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.errors import ConfigError, ExitCode
from headgate.transform.complaints import fault_of, line_of, unframed
from headgate.transform.models import Models, fingerprint, must_begin_anew, out_of_date, read_models


def node(name: str, code: str = "select 1", inputs: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    kind = more.pop("kind", "model")
    config = {"materialized": more.pop("materialized", "table"), "meta": more.pop("meta", {})}
    return {
        "unique_id": f"{kind}.p.{name}",
        "resource_type": kind,
        "name": name,
        "schema": more.pop("schema", "clean"),
        "alias": name,
        "original_file_path": f"models/clean/{name}.sql",
        "raw_code": code,
        "checksum": {"checksum": code},
        "config": config,
        "depends_on": {"nodes": list(inputs), "macros": more.pop("macros", [])},
        **more,
    }


def models(*nodes: dict[str, Any], variables: dict[str, Any] | None = None, **more: Any) -> Models:
    macros = {
        name: {
            "macro_sql": sql,
            "package_name": "p",
            "name": name.rsplit(".", 1)[-1],
            "original_file_path": "macros/m.sql",
            "depends_on": {"macros": []},
        }
        for name, sql in more.pop("macros", {}).items()
    }
    manifest = {
        "metadata": {"dbt_version": "1.11"},
        "nodes": {n["unique_id"]: n for n in nodes},
        "sources": {"source.p.raw.t": {"schema": "raw", "identifier": "t"}},
        "macros": macros,
    }
    return read_models(manifest, project_vars=None, variables=variables or {}, environ=more.pop("environ", {}))


def code_of(found: Models, name: str) -> str:
    return found.nodes[f"model.p.{name}"].code


def test_nodes_come_with_their_inputs_first() -> None:
    found = models(node("a", inputs=("model.p.b",)), node("b", inputs=("model.p.c",)), node("c"))
    assert [n.name for n in found.built_in("clean")] == ["c", "b", "a"]


def test_models_that_read_each_other_in_a_circle_are_named() -> None:
    with pytest.raises(ConfigError, match=r"in a circle: . → . → ."):
        models(node("a", inputs=("model.p.b",)), node("b", inputs=("model.p.a",)))


def test_a_variable_changes_the_models_that_read_it_and_no_others() -> None:
    nodes = node("a", "select {{ var('rate') }}"), node("b", "select 1"), node("c", "{{ m() }}", macros=["macro.p.m"])
    macros = {"macro.p.m": "{% macro m() %}{{ var('rate', 1) }}{% endmacro %}"}
    one, two = (models(*nodes, variables={"rate": r, "other": r}, macros=macros) for r in (1, 2))
    assert {name: code_of(one, name) != code_of(two, name) for name in "abc"} == {"a": True, "b": False, "c": True}


def test_a_variable_with_a_computed_name_depends_on_all_of_them() -> None:
    one, two = (models(node("a", "{{ var('x' ~ 1) }}"), variables={"y": y}) for y in (1, 2))
    assert code_of(one, "a") != code_of(two, "a")


def test_the_environment_that_a_model_reads_is_part_of_it() -> None:
    nodes = node("a", "select '{{ env_var('ZONE') }}'"), node("b")
    one, two = (models(*nodes, environ={"ZONE": zone}) for zone in ("x", "y"))
    assert {name: code_of(one, name) != code_of(two, name) for name in "ab"} == {"a": True, "b": False}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"code": "select 2"}, "its code or variables changed"),
        ({"meta": {"deterministic": False}}, "its code or variables changed"),
    ],
)
def test_a_node_is_out_of_date_for_a_reason(changes: dict[str, Any], reason: str | None) -> None:
    states = {"raw.t": "one", "clean.a": "built"}
    before = models(node("a", inputs=("source.p.raw.t",)))
    known = {n.id: fingerprint(n, states.get, states.get, before.relations) for n in before.nodes.values()}
    after = models(node("a", changes.pop("code", "select 1"), inputs=("source.p.raw.t",), **changes))
    found = out_of_date(after.nodes.values(), known, states.get, after.relations)
    expected = "it is declared not deterministic" if changes else reason
    assert found == ({} if expected is None else {"model.p.a": expected})


def test_a_changed_input_makes_everything_behind_it_out_of_date() -> None:
    found = models(node("a", inputs=("source.p.raw.t",)), node("b", inputs=("model.p.a",)), node("c"))
    states = {"raw.t": "one", "clean.a": "x", "clean.b": "y", "clean.c": "z"}
    known = {n.id: fingerprint(n, states.get, states.get, found.relations) for n in found.nodes.values()}
    moved = {**states, "raw.t": "two"}
    assert out_of_date(found.nodes.values(), known, moved.get, found.relations) == {
        "model.p.a": "raw.t changed",
        "model.p.b": "clean.a is built anew",
    }
    lost = {k: v for k, v in states.items() if k != "clean.c"}
    assert out_of_date(found.nodes.values(), known, lost.get, found.relations) == {
        "model.p.c": "its table is not there"
    }


def test_an_incremental_model_begins_anew_when_its_code_or_an_inputs_columns_change() -> None:
    found = models(node("a", inputs=("source.p.raw.t",), materialized="incremental"))
    (model,) = found.nodes.values()
    known = {model.id: fingerprint(model, {"raw.t": "1"}.get, {"raw.t": "int"}.get, found.relations)}
    assert not must_begin_anew([model], known, {"raw.t": "int"}.get, found.relations)
    assert must_begin_anew([model], known, {"raw.t": "text"}.get, found.relations)
    changed = models(node("a", "select 2", inputs=("source.p.raw.t",), materialized="incremental"))
    assert must_begin_anew([changed.nodes[model.id]], known, {"raw.t": "int"}.get, changed.relations)
    assert not must_begin_anew([model], {}, {"raw.t": "int"}.get, found.relations)


def test_an_incremental_model_begins_anew_when_the_code_of_an_input_in_the_same_call_changes() -> None:
    def both(code: str) -> Models:
        nodes = node("a", code), node("b", inputs=("model.p.a",), materialized="incremental")
        return models(*nodes)

    old, new = both("select 1"), both("select 2")
    known = {n.id: fingerprint(n, {"t": "1"}.get, {"t": "1"}.get, old.relations) for n in old.nodes.values()}
    assert not must_begin_anew(old.built_in("clean"), known, {"t": "1"}.get, old.relations)
    assert must_begin_anew(new.built_in("clean"), known, {"t": "1"}.get, new.relations)


def test_tests_are_judged_with_the_layer_that_has_the_last_of_their_inputs() -> None:
    found = models(
        node("a", inputs=("source.p.raw.t",)),
        node("b", inputs=("model.p.a",), schema="marts"),
        node("of_source", inputs=("source.p.raw.t",), kind="test"),
        node("of_both", inputs=("model.p.a", "model.p.b"), kind="test"),
    )
    layers = ("raw", "clean", "marts")
    assert [t.name for t in found.tests_of("clean", layers)] == ["of_source"]
    assert [t.name for t in found.tests_of("marts", layers)] == ["of_both"]


def test_dbts_framing_is_taken_off_the_databases_message() -> None:
    framed = (
        'Runtime Error in model a (models/clean/a.sql)\n  Binder Error: Referenced column "x" not found\n  \n'
        "  LINE 3:   x\n            ^\n  compiled code at target/run/a.sql"
    )
    message = unframed(framed)
    assert message.splitlines()[0] == 'Binder Error: Referenced column "x" not found'
    assert line_of(message, "select\n  x\nfrom t", None) == 2
    assert fault_of(message) is ExitCode.USAGE
    assert fault_of("Conversion Error: Could not convert") is ExitCode.BLOCKED
    assert fault_of("IO Error: No space left on device") is ExitCode.COULD_NOT_RUN
