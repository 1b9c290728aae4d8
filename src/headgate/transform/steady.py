"""Whether what dbt sends for a model follows from its code and from the columns of tables, and from nothing else.

Of such a *steady* model the statements can be kept and sent again without dbt. Most models are; a macro that
queries data, asks for the time or for the run is what makes one that is not. Whatever is not known to be harmless
is taken to be harmful.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

#: Packages whose macros come with dbt itself.
VENDOR_PACKAGES = ("dbt", "dbt_duckdb")
#: How a steady model may be materialized: these ask for no more than which columns there are.
MATERIALIZED = ("table", "view", "incremental")
#: What templates may name, beside macros and what they set themselves.
# fmt: off
NAMES = frozenset({
    "ref", "source", "config", "var", "env_var", "this", "target", "return", "is_incremental", "execute",
    "exceptions", "log", "print", "range", "dict", "namespace", "cycler", "joiner", "zip", "set", "fromjson",
    "tojson", "fromyaml", "toyaml", "local_md5", "dbt_version", "true", "false", "none", "True", "False",
    "None", "caller", "varargs", "kwargs", "loop",
})
# fmt: on
#: Objects of which templates may use these attributes only.
ATTRIBUTES = {
    "adapter": frozenset({"dispatch", "get_columns_in_relation", "quote"}),
    "api": frozenset({"Column", "Relation"}),
}
#: dbt's own macros that write SQL and do nothing else, without the prefix of their dialect.
# fmt: off
MACROS = frozenset({
    "is_incremental", "should_full_refresh", "any_value", "array_append", "array_concat", "array_construct",
    "bool_or", "cast", "cast_bool_to_text", "concat", "current_timestamp", "date", "date_trunc", "dateadd",
    "datediff", "escape_single_quotes", "except", "hash", "intersect", "last_day", "length", "listagg",
    "position", "replace", "right", "safe_cast", "split_part", "string_literal", "type_bigint", "type_boolean",
    "type_float", "type_int", "type_numeric", "type_string", "type_timestamp",
})
# fmt: on
#: What a query must not ask if it is to follow from its code alone.
_MORE_THAN_CODE = ("adapter", "should_full_refresh")
#: Settings by which a new table is more than its query, if it is an incremental model's.
_LAYOUT = ("partitioned_by", "partition_by", "sorted_by", "sort_by", "indexes")
#: Where a model's schema and name come from: dbt asks them while it parses, so their answers are part of the model.
_WHILE_PARSING = frozenset({"generate_schema_name", "generate_alias_name", "generate_database_name"})
_PREFIXES = ("duckdb__", "default__")
#: The materialization that Headgate brings.
_OURS = ".headgate/"
#: The package that Headgate brings. It looks up what sources.yml says of a source, which is part of a model's code.
_OWN_PACKAGE = "headgate"
_OWN_NAMES = frozenset({"graph"})


def rebuilds_dbt(manifest: Mapping[str, Any]) -> bool:
    """Whether a project runs hooks around each call of dbt, or has its own idea of something that dbt does."""
    if any(node["resource_type"] == "operation" for node in manifest["nodes"].values()):
        return True
    vendor = set(manifest.get("vendor_macros", ()))
    return any(
        macro["name"] in vendor and _plain(macro["name"]) not in _WHILE_PARSING
        for macro in manifest["macros"].values()
        if not macro["original_file_path"].startswith(_OURS)
    )


def is_steady(raw: Mapping[str, Any], macros: Mapping[str, Any]) -> bool:
    """Whether the statements for one node follow from its code and the columns of what it reads and writes.

    ``raw`` is the node and ``macros`` the project's and its packages' macros, as dbt's manifest has them.
    """
    config = raw["config"]
    if raw["resource_type"] != "model" or raw.get("language", "sql") != "sql":
        return False
    if config.get("materialized") not in (*MATERIALIZED, "ephemeral"):
        return False
    if any(config.get("persist_docs") or {}) or config.get("grants"):
        return False
    hooks = _statements(config)
    if any(hook.lstrip().lower().startswith("select") for hook in hooks):
        return False  # answers are thrown away, and with them the statements that only ask
    called = list(_called(raw, macros))
    known = {name for key in macros for name in (key.rsplit(".", 1)[-1], key.split(".")[1])} | {"dbt"}
    vendor = (key for key in called if key not in macros)
    own = (key for key in called if key.split(".")[1] == _OWN_PACKAGE)
    return (
        all(_plain(key.rsplit(".", 1)[-1]) in MACROS for key in vendor)
        and all(_names_in(text) <= NAMES | known for text in (*hooks, *_texts(raw, macros, without=_OWN_PACKAGE)))
        and all(_names_in(macros[key]["macro_sql"]) <= NAMES | known | _OWN_NAMES for key in own)
    )


def _texts(raw: Mapping[str, Any], macros: Mapping[str, Any], *, without: str | None = None) -> Iterator[str]:
    """The templates of a node: its own, and those of the macros that it calls, but for one package's."""
    yield raw.get("raw_code") or ""
    for key in _called(raw, macros):
        if key in macros and key.split(".")[1] != without:
            yield macros[key]["macro_sql"]


def is_plain(raw: Mapping[str, Any], macros: Mapping[str, Any]) -> bool:
    """Whether a steady model is a table of one query, which follows from its code alone."""
    return raw["config"].get("materialized") == "table" and not _hooks(raw["config"]) and _is_query(raw, macros)


def begins_plain(raw: Mapping[str, Any], macros: Mapping[str, Any]) -> bool:
    """Whether a steady incremental model is such a table when there is none yet."""
    config = raw["config"]
    return (
        config.get("materialized") == "incremental"
        and not any(config.get(name) for name in _LAYOUT)
        and all(_is_for_later(hook) for hook in _statements(config))
        and _is_query(raw, macros)
    )


def _is_query(raw: Mapping[str, Any], macros: Mapping[str, Any]) -> bool:
    config = raw["config"]
    if raw.get("database", "lake") != "lake" or config.get("sql_header"):
        return False
    if (config.get("contract") or {}).get("enforced"):
        return False
    return not any(_asks_more(text) for text in _texts(raw, macros))


@lru_cache(maxsize=4096)
def _is_for_later(hook: str) -> bool:
    """Whether a hook says nothing when a model is built for the first time."""
    tree = _tree(hook.strip())
    return tree is not None and len(tree.body) == 1 and _is_if_incremental(tree.body[0]) and not tree.body[0].else_


@lru_cache(maxsize=4096)
def _asks_more(text: str) -> bool:
    """Whether a query needs more than code where a model is not incremental, or built for the first time."""
    from jinja2 import nodes

    tree = _tree(text)
    if tree is None:
        return True
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, nodes.Name) and node.name in _MORE_THAN_CODE:
            return True
        left += node.else_ if _is_if_incremental(node) else node.iter_child_nodes()
    return False


def _is_if_incremental(node: Any) -> bool:
    from jinja2 import nodes

    called = node.test.node if isinstance(node, nodes.If) and isinstance(node.test, nodes.Call) else None
    return called == nodes.Name("is_incremental", "load") and not node.elif_


def _tree(text: str) -> Any:
    """A template as Jinja reads it; None if it has words of dbt's own: a materialization, a test."""
    from jinja2 import Environment, TemplateError

    try:
        return Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"]).parse(text)  # noqa: S701  # never rendered
    except TemplateError:
        return None


def _statements(config: Mapping[str, Any]) -> list[str]:
    return [hook["sql"] if isinstance(hook, Mapping) else str(hook) for hook in _hooks(config)]


def _hooks(config: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = []
    for when in ("pre-hook", "post-hook"):
        hooks = config.get(when) or []
        found += hooks if isinstance(hooks, list) else [hooks]
    return found


def _called(raw: Mapping[str, Any], macros: Mapping[str, Any]) -> Iterator[str]:
    """Every macro that a node may call, directly or not."""
    seen: set[str] = set()
    left = list(raw["depends_on"].get("macros", []))
    while left:
        key = left.pop()
        if key not in seen:
            seen.add(key)
            left += macros[key]["depends_on"].get("macros", []) if key in macros else []
            yield key


def _plain(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


@lru_cache(maxsize=4096)
def _names_in(text: str) -> frozenset[str]:
    """What a template takes from outside; ``object.attribute`` where an object may only be used in part."""
    from jinja2 import meta, nodes

    tree = _tree(text)
    if tree is None:
        return frozenset({"?"})
    names = set(meta.find_undeclared_variables(tree))
    for name, allowed in ATTRIBUTES.items():
        if name in names:
            uses = [n for n in tree.find_all(nodes.Name) if n.name == name]
            good = [
                n for n in tree.find_all(nodes.Getattr)
                if isinstance(n.node, nodes.Name) and n.node.name == name and n.attr in allowed
            ]  # fmt: skip
            if len(uses) == len(good):
                names.discard(name)
    return frozenset(names)
