"""The nodes of a dbt project, read from dbt's manifest, and what makes each of them out of date.

Source of the artifact: https://schemas.getdbt.com/dbt/manifest/v12.json
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import Any

from headgate.errors import ConfigError
from headgate.lake.catalog import digest
from headgate.transform.package_tests import PACKAGES
from headgate.transform.steady import VENDOR_PACKAGES, begins_plain, is_plain, is_steady, rebuilds_dbt

BUILT_KINDS = ("model", "seed", "snapshot")
#: Settings of a node that change what is built; all others (docs, tags, groups …) do not.
MATERIAL_CONFIG = (
    "materialized",
    "incremental_strategy",
    "unique_key",
    "on_schema_change",
    "partitioned_by",
    "sorted_by",
    "pre-hook",
    "post-hook",
    "column_types",
    "strategy",
    "updated_at",
    "check_cols",
    "contract",
)
#: Settings of a node that change nothing about what is sent to the engine.
_IMMATERIAL_CONFIG = ("access", "docs", "enabled", "event_time", "group", "meta", "tags")
#: Settings of a test that say what a failure is.
_OF_TESTS = ("where", "limit", "fail_calc", "warn_if", "error_if", "store_failures")
#: Macros by which a project could change what every test means.
_BEHIND_TESTS = ("get_where_subquery", "get_test_sql")


@dataclass(frozen=True, slots=True)
class Node:
    """A model, seed, snapshot or test; ``inputs`` are the ids of nodes and sources that it reads.

    ``unique_key`` is what an incremental model or snapshot knows a row again by.
    Ephemeral models are part of what reads them, and their inputs are its inputs. ``code`` is a hash of everything but
    the data that decides what it builds. ``recipe`` is a hash of all that decides, beside the columns of tables, which
    statements dbt sends; None if those depend on more. ``plain`` says that it is one statement: a table of one query;
    ``begins_plain`` that it is one as long as there is no table.
    Of a test, ``attached`` is the id of what it is declared for, ``namespace`` is the package that it names, and
    ``own_macros`` says that it is neither dbt's own nor that of a package whose tests are known.
    """

    id: str
    kind: str
    name: str
    schema: str
    table: str
    file: str
    inputs: tuple[str, ...]
    code: str
    raw: str
    materialized: str
    deterministic: bool
    primary_key: tuple[str, ...]
    severity: str = "fail"
    test: str | None = None
    kwargs: tuple[tuple[str, Any], ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    attached: str | None = None
    namespace: str | None = None
    own_macros: bool = False
    unique_key: tuple[str, ...] = ()
    reads_ephemeral: bool = False
    recipe: str | None = None
    plain: bool = False
    begins_plain: bool = False

    @property
    def relation(self) -> str:
        """``schema.table``, as everywhere in Headgate."""
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class Models:
    """All nodes by id in an order in which inputs come first; ``relations`` maps ids to ``schema.table``."""

    nodes: dict[str, Node]
    relations: dict[str, str]

    def built_in(self, layer: str) -> list[Node]:
        """The nodes that are built into ``layer``, inputs first."""
        return [node for node in self.nodes.values() if node.kind in BUILT_KINDS and node.schema == layer]

    def tests_of(self, layer: str, layers: tuple[str, ...]) -> list[Node]:
        """The tests that can be judged when ``layer`` is built: all of their inputs are there by then.

        Tests of sources are judged with the first layer that is built.
        """
        position = {name: i for i, name in enumerate(layers)}

        def last_input(test: Node) -> int:
            schemas = (self.relations[i].split(".")[0] for i in test.inputs if i in self.relations)
            return max((position.get(schema, 0) for schema in schemas), default=0) or min(1, len(layers) - 1)

        return [n for n in self.nodes.values() if n.kind == "test" and last_input(n) == position[layer]]


def read_models(
    manifest: Mapping[str, Any], *, project_vars: Any, variables: Mapping[str, Any], environ: Mapping[str, str]
) -> Models:
    """Read dbt's manifest. ``project_vars`` is the ``vars:`` of dbt_project.yml, ``variables`` overrule it."""
    macros = manifest["macros"]
    version = manifest["metadata"]["dbt_version"]

    def code(raw: dict[str, Any]) -> str:
        texts = [raw.get("raw_code") or "", *_macro_texts(raw["depends_on"].get("macros", []), macros)]
        names = _names_called(texts)
        described = [manifest["sources"][i] for i in raw["depends_on"].get("nodes", ()) if i in manifest["sources"]]
        return digest(
            {
                "texts": texts,
                "sources": [(s.get("config") or {}).get("meta") or s.get("meta") for s in described],
                "checksum": raw.get("checksum", {}).get("checksum") if raw["resource_type"] == "seed" else None,
                "config": {k: raw["config"].get(k) for k in MATERIAL_CONFIG},
                "columns": raw.get("columns") if (raw["config"].get("contract") or {}).get("enforced") else None,
                "test": [raw.get("test_metadata"), raw.get("config") if raw["resource_type"] == "test" else None],
                "vars": _values(names["var"], dict(variables)),
                "project_vars": project_vars if names["var"] != set() else None,
                "env": _values(names["env_var"], dict(environ)),
                "dbt": version,
                "relation": [raw.get("schema"), raw.get("alias")],
            }
        )

    kept = {k: v for k, v in manifest["nodes"].items() if v["resource_type"] in (*BUILT_KINDS, "test")}
    defined = {(key.split(".")[1], key.rsplit(".", 1)[-1]) for key in macros}
    defined = {(package, name) for package, name in defined if package not in VENDOR_PACKAGES}
    rebuilt = rebuilds_dbt(manifest)
    nodes: dict[str, Node] = {}
    for key in _inputs_first(kept):
        node = _node(kept[key], code(kept[key]), defined)
        if not rebuilt and is_steady(kept[key], macros):
            raw = kept[key]
            node = replace(
                node,
                recipe=_recipe(raw, node.code),
                plain=is_plain(raw, macros),
                begins_plain=begins_plain(raw, macros),
            )
        nodes[key] = _with_ephemerals(node, nodes)
    relations = {key: node.relation for key, node in nodes.items() if node.kind in BUILT_KINDS}
    relations |= {key: f"{s['schema']}.{s['identifier']}" for key, s in manifest["sources"].items()}
    return Models(nodes, relations)


def out_of_date(
    nodes: Iterable[Node],
    known: Mapping[str, Mapping[str, Any]],
    identity: Callable[[str], str | None],
    relations: Mapping[str, str],
    *,
    everything: bool = False,
) -> dict[str, str]:
    """Which of ``nodes`` must be built or judged anew, and why.

    ``known`` is what the parent release was built from (`fingerprint`); ``identity`` gives the state of
    a table on the branch, None if it is not there. A node whose input in the same call must be built
    is out of date with it.
    """
    reasons: dict[str, str] = {}
    for node in nodes:
        before = known.get(node.id)
        if everything:
            reasons[node.id] = "everything was asked for"
        elif before is None:
            reasons[node.id] = "it is new"
        elif before["code"] != node.code:
            reasons[node.id] = "its code or variables changed"
        elif not node.deterministic:
            reasons[node.id] = "it is declared not deterministic"
        elif stale := [i for i in node.inputs if i in reasons]:
            reasons[node.id] = f"{relations[stale[0]]} is built anew"
        elif moved := [i for i in node.inputs if before["inputs"].get(i) != identity(relations.get(i, ""))]:
            reasons[node.id] = f"{relations.get(moved[0], moved[0])} changed"
        elif node.kind in BUILT_KINDS and node.materialized != "ephemeral" and identity(node.relation) is None:
            reasons[node.id] = "its table is not there"
    return reasons


def fingerprint(
    node: Node,
    identity: Callable[[str], str | None],
    shape: Callable[[str], str | None],
    relations: Mapping[str, str],
) -> dict[str, Any]:
    """What a node was built from, to be compared by the next run.

    ``identity`` is the state of a relation, ``shape`` that of its columns.
    """
    return {
        "code": node.code,
        "relation": node.relation if node.kind in BUILT_KINDS else None,
        "primary_key": list(node.primary_key),
        "deterministic": node.deterministic,
        "inputs": {i: identity(relations.get(i, "")) for i in node.inputs},
        "shapes": {i: shape(relations.get(i, "")) for i in node.inputs},
    }


def must_begin_anew(
    nodes: Iterable[Node],
    known: Mapping[str, Any],
    shape: Callable[[str], str | None],
    relations: Mapping[str, str],
) -> bool:
    """Whether an incremental model among ``nodes``, inputs first, must be built from the beginning.

    It must when its own code or variables changed, when the columns of an input did, and when those of an input that
    is built in the same call may: old rows would keep an old meaning.
    """
    moving: set[str] = set()
    for node in nodes:
        before = known.get(node.id)
        moved = (
            before is None
            or before["code"] != node.code
            or before.get("shapes") != {i: shape(relations.get(i, "")) for i in node.inputs}
            or any(i in moving for i in node.inputs)
        )
        if moved and before is not None and node.materialized == "incremental":
            return True
        if moved:
            moving.add(node.id)
    return False


def _node(raw: dict[str, Any], code: str, defined: Collection[tuple[str, str]]) -> Node:
    meta = {**raw.get("meta", {}), **(raw["config"].get("meta") or {})}
    key = meta.get("primary_key") or ()
    if isinstance(key, str):
        key = (key,)
    unique = raw["config"].get("unique_key") or ()
    if not all(isinstance(column, str) for column in key):
        raise ConfigError("primary_key is a column or a list of columns", file=raw["original_file_path"], key="meta")
    test = raw.get("test_metadata") or {}
    kwargs = {k: v for k, v in test.get("kwargs", {}).items() if k != "model"}
    return Node(
        id=raw["unique_id"],
        kind=raw["resource_type"],
        name=raw["name"],
        schema=raw["schema"],
        table=raw["alias"],
        file=raw["original_file_path"],
        inputs=tuple(raw["depends_on"].get("nodes", ())),
        code=code,
        raw=raw.get("raw_code") or "",
        materialized=raw["config"].get("materialized", "view"),
        deterministic=meta.get("deterministic", True) is not False,
        primary_key=tuple(key),
        severity="warn" if str(raw["config"].get("severity", "")).lower() == "warn" else "fail",
        test=test.get("name"),
        kwargs=tuple(sorted(kwargs.items())),
        config={name: raw["config"].get(name) for name in _OF_TESTS},
        attached=raw.get("attached_node"),
        unique_key=(unique,) if isinstance(unique, str) else tuple(unique),
        namespace=test.get("namespace"),
        own_macros=not test or _is_redefined(test["name"], test.get("namespace"), defined),
    )


def _recipe(raw: Mapping[str, Any], code: str) -> str:
    return digest([code, {k: v for k, v in raw["config"].items() if k not in _IMMATERIAL_CONFIG}])


def _with_ephemerals(node: Node, nodes: Mapping[str, Node]) -> Node:
    """The node with the ephemeral models that it reads: dbt writes them into its statement and names them as inputs."""
    within = [nodes[i] for i in node.inputs if i in nodes and nodes[i].materialized == "ephemeral"]
    if not within:
        return node
    inputs = [k for i in node.inputs for k in (nodes[i].inputs if i in nodes and nodes[i] in within else (i,))]
    recipes = [each.recipe for each in (node, *within)]
    return replace(
        node,
        inputs=tuple(dict.fromkeys(inputs)),
        code=digest([node.code, *(each.code for each in within)]),
        reads_ephemeral=True,
        plain=node.plain and None not in recipes,
        begins_plain=node.begins_plain and None not in recipes,
        recipe=None if None in recipes else digest(recipes),
    )


def _is_redefined(test: str, namespace: str | None, defined: Collection[tuple[str, str]]) -> bool:
    """Whether the project, or a package that nobody knows, has its own idea of a test, or of what all tests mean."""
    if namespace is not None and namespace not in PACKAGES:
        return True
    names = {f"{prefix}{name}" for name in (f"test_{test}", *_BEHIND_TESTS) for prefix in ("", "default__", "duckdb__")}
    return any(name in names and package != namespace for package, name in defined)


def _inputs_first(nodes: Mapping[str, Any]) -> list[str]:
    inputs = {key: sorted(i for i in nodes[key]["depends_on"].get("nodes", ()) if i in nodes) for key in sorted(nodes)}
    try:
        return list(TopologicalSorter(inputs).static_order())
    except CycleError as error:
        cycle = [nodes[key]["name"] for key in error.args[1]]
        file = nodes[error.args[1][0]]["original_file_path"]
        raise ConfigError(f"models read each other in a circle: {' → '.join(cycle)}", file=file) from error


def _macro_texts(names: Iterable[str], macros: Mapping[str, Any]) -> list[str]:
    seen: dict[str, str] = {}
    open_names = list(names)
    while open_names:
        name = open_names.pop()
        macro = macros.get(name)
        if macro is None or name in seen or macro["package_name"] in VENDOR_PACKAGES:
            continue
        seen[name] = macro["macro_sql"]
        open_names += macro["depends_on"].get("macros", [])
    return [seen[name] for name in sorted(seen)]


def _names_called(texts: Iterable[str]) -> dict[str, set[str | None]]:
    """The first arguments of ``var(…)`` and ``env_var(…)``; None stands for one that is computed."""
    found: dict[str, set[str | None]] = {"var": set(), "env_var": set()}
    for text in texts:
        for function, name in _calls(text):
            found[function].add(name)
    return found


@lru_cache(maxsize=4096)
def _calls(text: str) -> tuple[tuple[str, str | None], ...]:
    if "var" not in text:
        return ()
    from jinja2 import Environment, TemplateError, nodes

    try:
        tree = Environment(extensions=["jinja2.ext.do"]).parse(text)  # noqa: S701  # never rendered
    except TemplateError:  # a block of dbt's own (macro, materialization …): assume that it reads them all
        return (("var", None),)
    calls = []
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in ("var", "env_var"):
            first = call.args[0] if call.args else None
            calls.append((call.node.name, str(first.value) if isinstance(first, nodes.Const) else None))
    return tuple(calls)


def _values(names: set[str | None], values: dict[str, Any]) -> dict[str, Any]:
    return values if None in names else {name: values.get(name) for name in sorted(n for n in names if n)}
