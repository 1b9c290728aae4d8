"""The build step: the models of one layer that are out of date, and those dbt tests that only dbt can run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from headgate.errors import ConfigError, TransformError
from headgate.lake.branch import INTERNAL_SCHEMA
from headgate.lake.compaction import compact
from headgate.lake.engine import LAKE, qualified, transaction
from headgate.plan import LOG
from headgate.run.making import Site, make
from headgate.run.workshop import Workshop
from headgate.sources.change_log import RAW, VERSIONS, ChangeLog
from headgate.transform.generic_tests import as_expectation, to_json
from headgate.transform.models import BUILT_KINDS, Models, Node, fingerprint, must_begin_anew, out_of_date
from headgate.transform.runner import GOOD, NodeOutcome


def build_layer(shop: Workshop, layer: str) -> dict[str, Any]:
    """Build what is out of date in ``layer``; returns what the gate and the manifest need to know.

    Raises:
        TransformError: a model failed, or something was built outside the lake.
    """
    models = shop.models()
    known: Mapping[str, Any] = shop.parent.models if shop.parent else {}
    if models is None:
        _drop_removed(shop, layer, (), known)
        return {"models": {}, "built": [], "skipped": []}
    refuse_strangers(models, shop.project.layers)
    nodes = [node for node in models.built_in(layer) if node.materialized != "ephemeral"]
    tests, judged_by_gate = _shared_out(models, layer, shop.project.layers)
    _drop_removed(shop, layer, models.relations.values(), known)
    stale = out_of_date([*nodes, *tests], known, shop.identity, models.relations, everything=shop.options.full)
    work = [node for node in [*nodes, *tests] if node.id in stale]
    if work:
        _show_versions(shop)
    there = set(shop.contents.tables)
    anew = _must_begin_anew(shop, work, models, known)
    outcomes = {outcome.id: outcome for outcome in _build(shop, work, models, anew=anew)} if work else {}
    shop.changed()
    _refuse_strays(shop)
    if compact(shop.con, shop.contents, [n.relation for n in nodes if n.id in outcomes and _in_place(n)]):
        shop.changed()
    state = {}
    for node in [*nodes, *tests]:
        state[node.id] = dict(known.get(node.id, {}))
        if node.id in outcomes:
            state[node.id] = fingerprint(node, shop.identity, shop.shape, models.relations)
        if node.kind == "test":
            state[node.id]["result"] = _judge(shop, node, models, outcomes.get(node.id), known.get(node.id))
    skipped = _skipped(outcomes)
    built = [node for node in nodes if node.id in outcomes and node.id not in skipped]
    return {
        "models": state,
        "built": [node.relation for node in built],
        "from_nothing": [n.relation for n in built if _is_from_nothing(n, there, anew=anew)],
        "tests": judged_by_gate,
        "skipped": skipped,
    }


def build_again(shop: Workshop, layer: str, built: Mapping[str, Any], moved: Iterable[str]) -> dict[str, Any]:
    """Build and test once more what ``layer`` has from tables (``moved``) of which rows left or came back since.

    Returns what ``build_layer`` returned (``built``), as it is now; ``again`` are the tables that were built.

    Raises:
        ConfigError: a model that keeps what it built before would have to forget some of it.
    """
    models = shop.models()
    if models is None or "models" not in built:  # nothing is built in raw
        return {**built, "again": []}
    reached = set(moved)
    work = []
    for node in models.nodes.values():  # inputs come first
        concerned = node.id in built["skipped"] or any(models.relations.get(i) in reached for i in node.inputs)
        if concerned and node.id in built["models"]:
            work.append(node)
            reached.add(node.relation)
    for node in work:
        if _in_place(node):
            raise ConfigError(
                f"{node.relation} keeps what it was built from, and reads rows of its own layer that went into"
                f" quarantine, or came back ({', '.join(sorted(moved))})",
                file=node.file,
                hint="put the model into a later layer: what is built there is built from good rows",
            )
    outcomes = {outcome.id: outcome for outcome in _build(shop, work, models, anew=False)} if work else {}
    shop.changed()
    _refuse_strays(shop)
    state = dict(built["models"])
    for node in work:
        state[node.id] = fingerprint(node, shop.identity, shop.shape, models.relations)
        if node.kind == "test":
            state[node.id]["result"] = _judge(shop, node, models, outcomes[node.id], None)
    again = [node.relation for node in work if node.kind != "test" and node.materialized != "view"]
    return {**built, "models": state, "again": again, "skipped": _skipped(outcomes)}


def _show_versions(shop: Workshop) -> None:
    """Give the change logs of a lake that was made before there were views of versions theirs."""
    logs = [name.partition(".")[2] for name in shop.contents.tables if name.startswith(f"{LOG}.")]
    lacking = [table for table in logs if f"{INTERNAL_SCHEMA}.{VERSIONS}{table}" not in shop.contents.views]
    if lacking:
        keys = shop.raw_keys()
        with transaction(shop.con):
            for table in lacking:
                ChangeLog(shop.con, table, keys[table]).show_versions()
        shop.changed()


def _skipped(outcomes: Mapping[str, NodeOutcome]) -> list[str]:
    """What dbt left out because a test before it failed, which may hold once bad rows are gone."""
    return sorted(outcome.id for outcome in outcomes.values() if outcome.status == "skipped")


def keys_of(shop: Workshop, relation: str) -> tuple[str, ...]:
    """The columns that name a row of a table that dbt builds; none if nobody said so."""
    models = shop.models()
    found = (node for node in models.nodes.values() if node.relation == relation) if models else iter(())
    return next((node.primary_key or node.unique_key for node in found), ())


def run_tests(shop: Workshop, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Let dbt judge these tests, in this order; they are results like those of a gate."""
    models = shop.models()
    if models is None or shop.dbt is None:
        raise TransformError("there is no dbt project any more", model=", ".join(ids))
    outcomes = {outcome.id: outcome for outcome in shop.dbt.build([models.nodes[id_] for id_ in ids])}
    return [_judge(shop, models.nodes[id_], models, outcomes[id_], None) for id_ in ids]


def _shared_out(models: Models, layer: str, layers: tuple[str, ...]) -> tuple[list[Node], list[dict[str, Any]]]:
    """The tests of a layer that dbt runs, and those that its gate can judge."""
    for_dbt, for_gate = [], []
    for test in models.tests_of(layer, layers):
        expectation = as_expectation(test, models)
        if expectation is None or models.nodes[test.attached or ""].schema != layer:
            for_dbt.append(test)
        else:
            for_gate.append(to_json(test, expectation, models))
    return for_dbt, for_gate


def _must_begin_anew(shop: Workshop, work: Sequence[Node], models: Models, known: Mapping[str, Any]) -> bool:
    """Whether a model of ``work`` must be built from the beginning.

    Also because rows that were published before went into quarantine, or came out of it: whoever looks only at what is
    new would not see that.
    """
    moved = {name for detail in shop.details().values() for name in detail.get("moved", [])}
    moved |= {f"{LOG}.{name.partition('.')[2]}" for name in moved if name.startswith(f"{RAW}.")}
    for node in models.nodes.values():  # inputs come first
        if any(models.relations.get(i) in moved for i in node.inputs):
            moved.add(node.relation)
    forgetting = any(node.materialized == "incremental" and node.relation in moved for node in work)
    return shop.options.full or forgetting or must_begin_anew(work, known, shop.shape, models.relations)


def _in_place(node: Node) -> bool:
    """Whether a build adds to what is there."""
    return node.materialized not in ("table", "view", "seed", "test", "ephemeral") and node.kind != "test"


def _is_from_nothing(node: Node, there: Collection[str], *, anew: bool) -> bool:
    """Whether a build made all rows of a table; dbt never makes a snapshot anew."""
    return not _in_place(node) or node.relation not in there or (anew and node.materialized == "incremental")


def needs_dbt(shop: Workshop, models: Models, changed: Collection[str]) -> bool:
    """Whether a run will probably have work that only dbt can do: then it had better wake up soon.

    ``changed`` are the tables of raw that will probably change.
    """
    assert shop.dbt is not None  # noqa: S101  # there are models
    known: Mapping[str, Any] = shop.parent.models if shop.parent else {}
    there: Collection[str] = shop.parent.tables if shop.parent else ()
    raw = shop.project.layers[0]
    moving = {f"{schema}.{table}" for schema in (raw, LOG) for table in changed}
    for node in models.nodes.values():
        if node.materialized == "ephemeral":
            continue
        same = known.get(node.id, {}).get("code") == node.code
        if same and not shop.options.full and not any(models.relations.get(i) in moving for i in node.inputs):
            continue
        moving.add(node.relation)
        by_gate = node.kind == "test" and as_expectation(node, models) is not None
        if not by_gate and not shop.dbt.memory.knows(node, there=node.relation in there):
            return True
    return False


def _build(shop: Workshop, work: Sequence[Node], models: Models, *, anew: bool) -> list[NodeOutcome]:
    dbt = shop.dbt
    assert dbt is not None  # noqa: S101  # the caller looked

    def tell(name: str) -> None:
        shop.tell("build", name)

    by_id = {node.id: node for node in work}
    outcomes = make(Site(shop.con, shop.inventory, dbt, models, tell), work, anew=anew)
    for outcome in outcomes:
        if by_id[outcome.id].kind != "test" and outcome.status not in (*GOOD, "skipped"):
            raise dbt.error_of(by_id[outcome.id], outcome)
    return outcomes


def _judge(
    shop: Workshop, node: Node, models: Models, outcome: NodeOutcome | None, before: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A dbt test as a gate's result; one that was not run again is remembered."""
    if outcome is None:
        return {**(before or {})["result"], "how": "remembered", "seconds": 0.0}
    tested = [i for i in (node.attached, *node.inputs) if i in models.relations]
    attached = models.relations[tested[0]] if tested else ""
    error = None if outcome.status in (*GOOD, "fail", "warn") else (outcome.message or outcome.status)
    return {
        "layer": attached.split(".")[0],
        "table": attached.partition(".")[2],
        "id": node.name,
        "type": f"dbt:{node.test or node.name}",
        "kwargs": dict(node.kwargs),
        "severity": "warn" if outcome.status == "warn" else node.severity,
        "dimension": "validity",
        "place": node.file,
        "success": outcome.status in GOOD,
        "error": shop.project.mask(error) if error else None,
        "observed_value": None,
        "unexpected_count": outcome.failures,
        "partial_unexpected_list": [],
        "how": "scanned",
        "seconds": round(outcome.seconds, 4),
    }


def refuse_strangers(models: Models, layers: Sequence[str]) -> None:
    """No step would build a model whose schema is no layer.

    Raises:
        ConfigError: there is one.
    """
    for node in models.nodes.values():
        if node.kind in BUILT_KINDS and node.materialized != "ephemeral" and node.schema not in layers:
            raise ConfigError(
                f"{node.relation} would be built into a schema that is no layer: the layers are {', '.join(layers)}",
                file=node.file,
                hint="dbt_project.yml gives models a schema (+schema: <layer>), and macro-paths in it must name"
                " .headgate/dbt/macros, else dbt puts its own schema before it",
            )


def _drop_removed(shop: Workshop, layer: str, kept: Iterable[str], known: Mapping[str, Any]) -> None:
    """A table whose model is gone from the project goes from the lake too."""
    gone = sorted({m["relation"] for m in known.values() if m.get("relation")} - set(kept))
    for relation in gone:
        if relation.split(".")[0] != layer:
            continue
        kind = "TABLE" if relation in shop.contents.tables else "VIEW" if relation in shop.contents.views else None
        if kind:
            shop.tell(f"build:{layer}", f"{relation} has no model any more and is dropped")
            shop.con.execute(f"DROP {kind} {qualified(LAKE, *relation.split('.', 1))}")
            shop.changed()


def _refuse_strays(shop: Workshop) -> None:
    strays = shop.con.execute(  # duckdb_tables() would also count the rows of every table of the lake
        "SELECT DISTINCT database_name, schema_name, table_name FROM duckdb_columns() "
        "WHERE database_name IN ('memory', 'headgate') AND NOT internal"
    ).fetchall()
    for stray in strays:
        shop.con.execute(f"DROP TABLE {qualified(*stray)}")
    if strays:
        name = ".".join(strays[0])
        raise TransformError(
            f"the table {name} was made outside the lake, where it would be lost",
            model=name,
            hint="a hook or model creates it without a database: name it {{ target.database }}.<schema>.<table>",
        )
