"""What the settings mean for one another: names that must exist, be free, or be unique."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from headgate.errors import did_you_mean
from headgate.project.config import ProjectFile
from headgate.project.export_path import ExportPath
from headgate.project.files_config import FilesSource
from headgate.project.following_config import ExportConfig, ServerConfig
from headgate.project.problems import Problem
from headgate.project.yaml_file import KeyPath

RAW = "raw"
#: Schemas that Headgate or the engine keeps for itself.
RESERVED_LAYERS = frozenset(
    {"raw_log", "quarantine", "main", "lake", "memory", "system", "temp", "information_schema", "pg_catalog"}
)
#: What Headgate keeps for itself in a warehouse.
RESERVED_SERVED = frozenset({"headgate_release"})
#: So many bytes PostgreSQL keeps of a name; of a longer one it cuts the rest in silence.
LONGEST_SERVED = 63
#: What lies in a lake's folder, in which the targets' own lakes are nested by default.
RESERVED_TARGETS = frozenset({"current", "data", "releases", "work"})
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/(?!\.)[^/\s?#{}%\\]+)*/?")


def broken_rules(settings: ProjectFile) -> Iterator[Problem]:
    """Everything that is wrong between settings which are each right by themselves."""
    yield from _layers(settings)
    yield from _tables(settings)
    yield from _targets(settings)
    yield from _hooks(settings)
    yield from _servers(settings)
    yield from _exports(settings)
    yield from _allowed_nan(settings)
    yield from _places(settings)


def _layers(settings: ProjectFile) -> Iterator[Problem]:
    if settings.layers[0] != RAW:
        yield Problem(
            ("layers", 0),
            f"the first layer must be raw, not {settings.layers[0]!r}",
            f"layers: [raw, {', '.join(layer for layer in settings.layers if layer != RAW)}]",
        )
    seen: set[str] = set()
    for index, layer in enumerate(settings.layers):
        if layer.lower() in RESERVED_LAYERS:
            yield Problem(("layers", index), f"the name {layer} is reserved", "choose another name")
        if layer.lower() in seen:
            yield Problem(("layers", index), f"the layer {layer} is named twice (case does not matter)")
        seen.add(layer.lower())


def _tables(settings: ProjectFile) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for source, config in settings.sources.items():
        for table, declared in config.tables.items():
            path = ("sources", source, "tables", table)
            owner = owners.setdefault(table.lower(), f"{source}.{table}")
            if owner != f"{source}.{table}":
                yield Problem(
                    path,
                    f"the table raw.{table} would have two sources, this and {owner}",
                    "rename one of them: names are unique over all sources, and case does not matter",
                )
            key = declared.primary_key or ()
            for index, column in enumerate(key):
                if column.lower() in {each.lower() for each in key[:index]}:
                    yield Problem((*path, "primary_key", index), f"the column {column} is named twice")


def _targets(settings: ProjectFile) -> Iterator[Problem]:
    for target in settings.targets:
        if target.lower() in RESERVED_TARGETS:
            yield Problem(
                ("targets", target),
                f"the name {target} is reserved: it is a part of every lake's folder",
                "choose another name",
            )


def _hooks(settings: ProjectFile) -> Iterator[Problem]:
    for hook, config in settings.after.items():
        yield from _tables_named(settings, config.when.changed, ("after", hook, "when", "changed"))


def _exports(settings: ProjectFile) -> Iterator[Problem]:
    declared: list[tuple[KeyPath, dict[str, ExportConfig]]] = [(("export",), settings.export)]
    declared += [(("targets", name, "export"), target.export or {}) for name, target in settings.targets.items()]
    for path, exports in declared:
        for name, config in exports.items():
            yield from _tables_named(settings, config.tables, (*path, name, "tables"))
            yield from _tables_named(settings, config.when.changed, (*path, name, "when", "changed"))
            if complaint := ExportPath.parse(config.to).complaint(config.tables):
                yield Problem((*path, name, "to"), *complaint)


def _tables_named(settings: ProjectFile, names: tuple[str, ...], setting: KeyPath) -> Iterator[Problem]:
    tables = {table for source in settings.sources.values() for table in source.tables}
    only_files = all(isinstance(source, FilesSource) for source in settings.sources.values())
    for index, name in enumerate(names):
        path = (*setting, index)
        layer, _, table = name.partition(".")
        if layer not in settings.layers:
            yield Problem(path, f"there is no layer {layer!r}", did_you_mean(layer, settings.layers))
        elif layer == RAW and table not in tables and only_files:
            yield Problem(path, f"no source has a table {table!r}", did_you_mean(table, tables))


def _servers(settings: ProjectFile) -> Iterator[Problem]:
    groups: list[tuple[KeyPath, Mapping[str, ServerConfig]]] = [(("serve",), settings.serve)]
    groups += [(("targets", name, "serve"), target.serve or {}) for name, target in settings.targets.items()]
    for path, servers in groups:
        for name, server in servers.items():
            yield from _served_tables((*path, name, "tables"), server, settings.layers)


def _served_tables(path: KeyPath, server: ServerConfig, layers: tuple[str, ...]) -> Iterator[Problem]:
    keys: dict[str, tuple[str, ...]] = {}
    for relation, table in server.tables.items():
        layer, _, own = relation.partition(".")
        name = table.name or own
        if layer not in layers:
            yield Problem((*path, relation), f"there is no layer {layer!r}", did_you_mean(layer, layers))
        if len(name.encode()) > LONGEST_SERVED:
            what = f"PostgreSQL would cut the name {name}: it keeps {LONGEST_SERVED} bytes"
            yield Problem((*path, relation), what, "give the table another `name`")
        if name in RESERVED_SERVED:
            yield Problem((*path, relation), f"the name {name} is reserved", "give the table another `name`")
        if name in keys:
            yield Problem((*path, relation), f"two tables would be called {name} there", "give one another `name`")
        keys[name] = table.primary_key
    for relation, table in server.tables.items():
        for column, reference in table.foreign_keys.items():
            here: KeyPath = (*path, relation, "foreign_keys", column)
            other, _, key = reference.partition(".")
            if other not in keys:
                yield Problem(here, f"no table {other!r} is served", _referable(reference, keys))
            elif keys[other] != (key,):
                whole = ", ".join(keys[other])
                yield Problem(here, f"{key} is not the primary key of {other}", f"its primary key is {whole}")


def _referable(reference: str, names: Collection[str]) -> str:
    """What to write for a reference to a table that is not there; of a name with a dot the rest looks like a column."""
    if meant := next((name for name in names if "." in name and reference.startswith(f"{name}.")), None):
        return f"give {meant} another `name`, without a dot, and refer to that"
    return did_you_mean(reference.partition(".")[0], names)


def _allowed_nan(settings: ProjectFile) -> Iterator[Problem]:
    for index, column in enumerate(settings.publish.allow_nan):
        layer = column.partition(".")[0]
        if layer not in settings.layers:
            yield Problem(
                ("publish", "allow_nan", index),
                f"there is no layer {layer!r}",
                did_you_mean(layer, settings.layers),
            )


def _places(settings: ProjectFile) -> Iterator[Problem]:
    places: list[tuple[KeyPath, str | None]] = [(("lake",), settings.lake), (("ledger",), settings.ledger)]
    for name, target in settings.targets.items():
        places += [(("targets", name, "lake"), target.lake), (("targets", name, "ledger"), target.ledger)]
    for path, place in places:
        if place is None:
            continue
        scheme = place.partition("://")[0].lower() if "://" in place else ""
        if path[-1] == "lake" and scheme not in {"", "s3"}:
            yield Problem(path, f"a lake cannot be at {scheme}://", "write a folder, or s3://bucket/prefix")
        if path[-1] == "lake" and scheme == "s3":
            if not place[5:].strip("/"):
                yield Problem(path, "the lake's URL names no bucket", "write s3://bucket/prefix")
            elif not _BUCKET.fullmatch(place[5:]):
                hint = "write s3://bucket/prefix; keys and endpoint come from the environment, see AWS_PROFILE"
                yield Problem(path, "the lake's URL is not that of a bucket and a prefix", hint)
        if path[-1] == "ledger" and scheme.partition("+")[0] not in {"sqlite", "postgresql", "postgres"}:
            yield Problem(
                path,
                "the ledger must be a database's URL",
                "write sqlite:///ledger.db or postgresql://user@host/database",
            )
