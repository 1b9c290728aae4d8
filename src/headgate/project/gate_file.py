"""Gate files: which expectations a layer must meet.

``gates/<layer>.yml`` maps tables to lists of entries; an entry is one expectation or one suite, or says of columns that
they hold personal data. Whether an expectation exists and what its arguments mean is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from headgate.errors import ConfigError, did_you_mean
from headgate.project.declaration import DIMENSIONS, ON_FAIL, SEVERITIES, Bound, Declared, GateFile, Place
from headgate.project.loading import Project
from headgate.project.pandera_schema import is_pandera, read_schema
from headgate.project.pii import Pii
from headgate.project.rules import RAW
from headgate.project.suite import read_suite
from headgate.project.suite_folder import exists, find_suite
from headgate.project.yaml_file import KeyPath, YamlFile, read_yaml

FOLDER = "gates"
SUITE = "suite"
LIMIT = "max_quarantine"
COLUMNS = "columns"
PII = "pii"
#: So many characters a table's name has at most.
LONGEST = 255
_CHOICES = {"severity": SEVERITIES, "dimension": DIMENSIONS, "on_fail": ON_FAIL}
_TEXTS = ("id", "description")
OPTIONS = (*_TEXTS, *_CHOICES, "meta")


def read_gates(folder: Path, layers: Sequence[str]) -> dict[str, GateFile]:
    """The gate file of every layer, by layer. Refuses a gate file that belongs to no layer.

    Raises:
        ConfigError: a gate file or suite is missing or broken, or has the name of no layer.
    """
    gates = folder / FOLDER
    found = sorted(gates.iterdir()) if gates.is_dir() else []
    for path in found:
        if path.suffix in {".yml", ".yaml"} and path.stem not in layers and not path.name.startswith("."):
            raise ConfigError(
                f"this gate file would never be used: there is no layer {path.stem!r}",
                file=f"{FOLDER}/{path.name}",
                hint=did_you_mean(path.stem, layers),
            )
    return {layer: read_gate(folder, layer) for layer in layers}


def read_gate(folder: Path, layer: str) -> GateFile:
    """The expectations of one layer.

    Raises:
        ConfigError: there is no gate file, or it or one of its suites is broken.
    """
    file = f"{FOLDER}/{layer}.yml"
    path = folder / FOLDER / f"{layer}.yml"
    if not path.exists() and not path.is_symlink():
        if path.with_suffix(".yaml").exists():
            raise ConfigError(
                "a gate file must end in .yml",
                file=f"{FOLDER}/{layer}.yaml",
                hint=f"rename it to {file}: it would not be used otherwise",
            )
        raise ConfigError(
            f"the layer {layer!r} has no gate file, so nobody would say what it must meet",
            file=file,
            hint=f"write one; if it shall expect nothing: echo '{{}}' > {file}",
        )
    source = read_yaml(path, file, if_empty="a gate that expects nothing is written {}")
    return _GateReader(source, folder / FOLDER, folder).gate(layer)


def read_tagged_gate(project: Project, layer: str) -> GateFile:
    """The same, with what else is tagged ``pii``: in the settings of sources, and by name in the layers before.

    Raises:
        ConfigError: this gate file, or one of a layer before, is missing or broken.
    """
    layers = (*_before(project.layers, layer), layer)
    return with_tags(project, {each: read_gate(project.folder, each) for each in layers}, layer)


def with_tags(project: Project, files: Mapping[str, GateFile], layer: str) -> GateFile:
    """A layer's gate file among ``files``, which hold those of the layers before, with all that is tagged."""
    found = _with_sources(project, files[layer])
    before = [_with_sources(project, files[each]) for each in _before(project.layers, layer)]
    everywhere = frozenset(name for each in before for name in each.pii.names)
    return replace(found, pii=replace(found.pii, everywhere=everywhere))


def has_pii(project: Project) -> bool:
    """Whether anything in the project is tagged; also where that cannot be told, since a gate file is broken."""
    try:
        files = read_gates(project.folder, project.layers)
        return any(with_tags(project, files, layer).pii.names for layer in project.layers)
    except ConfigError:
        return True


def _before(layers: Sequence[str], layer: str) -> Sequence[str]:
    return layers[: layers.index(layer)] if layer in layers else ()


def _with_sources(project: Project, gate: GateFile) -> GateFile:
    """The tags of a source's settings hold for raw, where its tables come first."""
    pii = gate.pii
    if gate.layer == RAW:
        for source in project.sources.values():
            for table, declared in source.tables.items():
                pii = pii.with_more(table, declared.pii)
    return replace(gate, pii=pii)


def read_tables(path: Path, *, one: str) -> GateFile:
    """A gate file that belongs to no project, or a schema of pandera, which is about one table.

    A file that is a list says what a single table must meet, which is then called ``one``.

    Raises:
        ConfigError: it, or one of its suites, is broken.
    """
    source = read_yaml(path, str(path), if_empty="a gate that expects nothing is written {}", list_of=one)
    if is_pandera(source):
        return GateFile(one, {one: read_schema(source)})
    return _GateReader(source, path.parent, path.parent).gate(one)


def tables_of(data: dict[str, Any], name: str) -> GateFile:
    """The same of what a program declares in the shape of a gate file; ``name`` is what errors call it.

    Raises:
        ConfigError: it is no gate file, or one of its suites is broken.
    """
    return _GateReader(YamlFile(name, data, {}), Path(), Path()).gate(name)


class _GateReader:
    """Reads one gate file."""

    def __init__(self, source: YamlFile, folder: Path, root: Path) -> None:
        self.source = source
        self.folder = folder
        self.root = root
        self.limits: dict[str, Bound] = {}
        self.tagged: dict[str, dict[str, bool]] = {}
        self.tagged_by_suites: list[tuple[str, tuple[str, ...]]] = []

    def gate(self, layer: str) -> GateFile:
        tables = self.tables()
        pii = Pii(self.tagged)
        for table, columns in self.tagged_by_suites:
            pii = pii.with_more(table, columns)
        return GateFile(layer, tables, pii, self.limits)

    def tables(self) -> dict[str, tuple[Declared, ...]]:
        result: dict[str, tuple[Declared, ...]] = {}
        twins: dict[str, str] = {}
        for table, entries in self.source.data.items():
            if not table or "\x00" in table or len(table) > LONGEST:
                raise self.source.error(f"{table[:60]!r} is not the name of a table", (table,))
            twin = twins.setdefault(table.lower(), table)
            if twin != table:
                raise self.source.error(f"{table!r} and {twin!r} are one table: case does not matter", (table,))
            if entries is None:  # every entry is commented out
                entries = []
            if not isinstance(entries, list):
                hint = "write each entry on a line of its own that begins with '- '"
                raise self.source.error("a table has a list of expectations", (table,), hint=hint)
            declared: list[Declared] = []
            for index, entry in enumerate(entries):
                if isinstance(entry, dict) and COLUMNS in entry:
                    self.columns(table, entry, (table, index))
                elif isinstance(entry, dict) and set(entry) == {LIMIT}:
                    self.limit(table, entry[LIMIT], (table, index, LIMIT))
                else:
                    declared += self.entry(entry, table, (table, index))
            result[table] = _unique(declared)
        return result

    def limit(self, table: str, value: Any, path: KeyPath) -> None:
        """How many rows of a table may be in quarantine."""
        if table in self.limits:
            raise self.source.error(f"{LIMIT} stands twice for this table", path)
        try:
            self.limits[table] = Bound.parse(value)
        except ValueError as error:
            raise self.source.error(f"{LIMIT} cannot be {str(value)[:60]!r}", path, hint=str(error)) from error

    def columns(self, table: str, entry: dict[str, Any], path: KeyPath) -> None:
        """What is said of columns themselves: ``columns: {email: {pii: true}}``."""
        said, example = entry[COLUMNS], "columns: {email: {pii: true}}"
        if len(entry) > 1:
            raise self.source.error(
                "an entry about columns says nothing else", path, hint="begin each with its own '- '"
            )
        if not isinstance(said, dict):
            raise self.source.error("columns must be a mapping of columns", (*path, COLUMNS), hint=example)
        for name, tags in said.items():
            place = (*path, COLUMNS, name)
            if not name or not isinstance(tags, dict):
                raise self.source.error("a column has a mapping of what is said of it", place, hint=example)
            for tag, value in tags.items():
                if tag != PII:
                    raise self.source.error(
                        f"nothing called {tag[:60]!r} can be said of a column", (*place, tag), hint=example
                    )
                if not isinstance(value, bool):
                    raise self.source.error("pii must be true or false", (*place, tag))
                known = self.tagged.setdefault(table, {})
                if name.casefold() in {each.casefold() for each in known}:
                    raise self.source.error(f"the column {name[:60]!r} is named twice for this table", place)
                known[name] = value

    def entry(self, entry: Any, table: str, path: KeyPath) -> Iterable[Declared]:
        if isinstance(entry, str):
            raise self.source.error("an entry must be a mapping", path, hint=f"write '{entry[:60]}: {{}}'")
        if not isinstance(entry, dict):
            raise self.source.error("an entry must be a mapping of one expectation and its arguments", path)
        options = self.options(entry, path)
        name = self.name(entry, path)
        if name == SUITE:
            return self.suite(entry[SUITE], options, table, path)
        kwargs = entry[name] if entry[name] is not None else {}
        if not isinstance(kwargs, dict):
            raise self.source.error(
                f"the arguments of {name} must be a mapping", (*path, name), hint=f"write '{name}: {{argument: value}}'"
            )
        place = Place(self.source.file, self.source.line((*path, name)))
        return [Declared(type=name, kwargs=kwargs, place=place, **options)]

    def name(self, entry: dict[str, Any], path: KeyPath) -> str:
        """The one key that is no option."""
        names = [key for key in entry if key not in OPTIONS]
        if len(names) == 1 and names[0]:
            return names[0]
        if not names:
            raise self.source.error("the entry names no expectation and no suite", path)
        for name in names:
            near = did_you_mean(name, OPTIONS)
            if near.startswith("did you mean"):
                raise self.source.error(f"there is no option {name!r}", (*path, name), hint=near)
        raise self.source.error(
            f"the entry names {len(names)} expectations: {', '.join(names)[:200]}",
            path,
            hint=f"begin each with its own '- '; the options are {', '.join(OPTIONS)}",
        )

    def options(self, entry: dict[str, Any], path: KeyPath) -> dict[str, Any]:
        options = {key: entry[key] for key in OPTIONS if key in entry}
        for key, value in options.items():
            choices = _CHOICES.get(key, ())
            if key == "meta" and not isinstance(value, dict):
                raise self.source.error("meta must be a mapping", (*path, key))
            if key in _TEXTS and (not isinstance(value, str) or not value.strip() or len(value) > 2_000):
                raise self.source.error(f"{key} must be a text", (*path, key))
            if choices and value not in choices:
                hint = did_you_mean(value, choices) if isinstance(value, str) else f"known: {', '.join(choices)}"
                raise self.source.error(f"{key} cannot be {str(value)[:60]!r}", (*path, key), hint=hint)
        return options

    def suite(self, name: Any, options: dict[str, Any], table: str, path: KeyPath) -> Iterable[Declared]:
        for key in ("id", "description", "meta"):
            if key in options:
                raise self.source.error(f"a suite takes no {key}: its expectations have their own", (*path, key))
        if not isinstance(name, str) or not name:
            raise self.source.error("a suite is named by its path", (*path, SUITE), hint="suite: suites/raw_train.json")
        try:
            file = (self.folder / name).resolve()
            found = exists(file)
        except (OSError, ValueError, RuntimeError) as error:
            raise self.source.error(f"the path {name[:200]!r} cannot be used: {error}", (*path, SUITE)) from error
        if not found:
            raise self.source.error(f"there is no suite {name[:200]}", (*path, SUITE), hint=_others(file))
        root = self.root.resolve()
        file = find_suite(file, _shown(file, root)).resolve()
        if file.suffix in {".yml", ".yaml"}:
            return (replace(declared, **options) for declared in self.schema(file, _shown(file, root), path))
        suite = read_suite(file, _shown(file, root))
        self.tagged_by_suites.append((table, suite.pii))
        return (replace(declared, **options) for declared in suite.expectations)

    def schema(self, file: Path, shown: str, path: KeyPath) -> tuple[Declared, ...]:
        source = read_yaml(file, shown)
        if not is_pandera(source):
            hint = "a suite is Great Expectations' JSON, or pandera's YAML with a schema_type"
            raise self.source.error(f"{shown} is no suite", (*path, SUITE), hint=hint)
        return read_schema(source)


def _unique(declared: list[Declared]) -> tuple[Declared, ...]:
    seen: dict[str, Declared] = {}
    for each in declared:
        if each.id is None:
            continue
        first = seen.setdefault(each.id, each)
        if first is not each:
            raise ConfigError(
                f"the id {each.id[:100]!r} is used twice for this table, first at {first.place}",
                file=each.place.file,
                line=each.place.line,
                key=each.place.key,
            )
    return tuple(declared)


def _shown(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _others(missing: Path) -> str:
    """What is there instead of a missing suite."""
    folder = missing.parent
    if not folder.is_dir():
        return f"there is no folder {folder.name} either; the path is relative to the gate file"
    others = [each.name for each in folder.glob("*.json")]
    return did_you_mean(missing.name, others) if others else f"there is no .json file in {folder.name}/"
