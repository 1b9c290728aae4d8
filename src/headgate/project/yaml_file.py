"""The one place that reads YAML: plain data, and the line on which each value stands.

The dialect is YAML 1.2's core schema, so that ``no`` and ``on`` are words and ``2024-01-01`` is a text;
keys are texts whatever they look like. Anchors and ``<<`` work; tags, duplicate keys and files that
expand into too much are refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from headgate.errors import ConfigError, UsageError

#: Where a value stands inside a document: keys and list positions, from the top.
KeyPath = tuple[str | int, ...]

MAX_BYTES = 5_000_000
MAX_VALUES = 200_000
MAX_DEPTH = 50

_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_BOOL = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_INT = re.compile(r"^(?:[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(
    r"^(?:[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)

if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the parser in C is ten times as quick


class _Loader(_Base):
    """Resolves plain scalars as YAML 1.2 does."""


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver(f"{_TAG}bool", _BOOL, list("tTfF"))
_Loader.add_implicit_resolver(f"{_TAG}null", _NULL, ["~", "n", "N", ""])
_Loader.add_implicit_resolver(f"{_TAG}int", _INT, list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_TAG}float", _FLOAT, list("-+.0123456789"))


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A file's data and where in it everything stands; ``file`` is the name to show."""

    file: str
    data: dict[str, Any]
    lines: dict[KeyPath, int]

    def line(self, path: KeyPath) -> int | None:
        """The line of a value, or of the closest thing around it that was written down."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def error(self, what: str, path: KeyPath, *, hint: str | None = None) -> ConfigError:
        """An error about the value at ``path``."""
        return ConfigError(what, file=self.file, line=self.line(path), key=dotted(path) or None, hint=hint)


def dotted(path: KeyPath) -> str:
    """A key path as people write it.

    >>> dotted(("sources", "kaggle", "primary_key", 1))
    'sources.kaggle.primary_key[1]'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read_yaml(path: Path, file: str, *, if_empty: str | None = None, list_of: str | None = None) -> YamlFile:
    """Read a file whose top level is a mapping; ``file`` is the name under which errors speak of it.

    A list is read as the value of the key ``list_of``, if there is one.

    Raises:
        ConfigError: unreadable, too large, not UTF-8, not YAML, empty, or not a mapping.
    """
    text = read_text(path, file, limit=MAX_BYTES)
    node = _compose(text, file)
    if node is None or node.tag == f"{_TAG}null":
        raise ConfigError("the file is empty", file=file, line=1, hint=if_empty)
    builder = _Builder(file)
    if list_of is not None and isinstance(node, yaml.SequenceNode):
        return YamlFile(file, {list_of: builder.value(node, (list_of,))}, builder.lines)
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(
            f"the file must be a mapping (lines of 'key: value'), not {_kind(node)}",
            file=file,
            line=node.start_mark.line + 1,
        )
    return YamlFile(file, builder.value(node, ()), builder.lines)


def read_value(text: str, *, name: str) -> Any:
    """Read one YAML value, such as the right side of ``--var name=value``.

    Raises:
        UsageError: it is not one.
    """
    try:
        node = _compose(text, name)
        return None if node is None else _Builder(name).value(node, ())
    except ConfigError as error:
        raise UsageError(f"the value of {name} cannot be read: {error.what}", hint=error.hint) from error


def written(value: Any) -> str:
    """A value as YAML inside a line: whatever it is, it reads back as the same.

    >>> written("Order Lines"), written(["id", "a, b"]), written("1e3"), written("two\\nlines")
    ('Order Lines', "[id, 'a, b']", '"1e3"', '"two\\\\nlines"')
    """
    text = yaml.safe_dump([value], default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    text = text.strip()[1:-1]
    if text.isprintable() and read_value(f"[{text}]", name="YAML") == [value]:
        return text
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def safe_load(text: str) -> Any:
    """As ``yaml.safe_load``, and quicker: for files that are in PyYAML's dialect, because it or dbt reads them so.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    return yaml.load(text, Loader=_Base)  # noqa: S506  # it is the safe one


def read_text(path: Path, file: str, *, limit: int) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Raises:
        ConfigError: it cannot be read, is larger than ``limit`` bytes, or is not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror or error}", file=file) from error
    if len(content) > limit:
        raise ConfigError(f"the file is larger than {limit / 1e6:g} MB", file=file)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError("the file is not UTF-8 text", file=file, line=line, hint="save it as UTF-8") from error


def _compose(text: str, file: str) -> Any:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        what = " ".join(part for part in (error.context, error.problem) if part) or "broken"
        raise ConfigError(f"this is not YAML: {what}", file=file, line=line, hint=_tab_hint(text, line)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else None
        raise ConfigError(f"this is not YAML: {error.reason}", file=file, line=line) from error
    except RecursionError as error:
        raise ConfigError("the values are nested too deeply", file=file) from error


def _tab_hint(text: str, line: int | None) -> str | None:
    lines = text.splitlines()
    if line is not None and any("\t" in candidate for candidate in lines[max(line - 2, 0) : line]):
        return "there is a tab here: YAML is indented with spaces"
    return None


class _Builder:
    """Turns nodes into plain data, noting lines."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.seen = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        self.seen += 1
        if self.seen > MAX_VALUES:
            raise self.error(f"the file expands into more than {MAX_VALUES:,} values", node, path)
        if len(path) > MAX_DEPTH:
            raise self.error("the values are nested too deeply", node, path)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag.startswith(_TAG):
            return self.scalar(node, path)
        raise self.error(f"the tag {node.tag} is not understood", node, path)

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[dict[str, Any]] = []
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.error("a key must be a plain text", key_node, path)
            key = str(key_node.value)
            if key == "<<" and not key_node.style:
                merged += self.merged(value_node, path)
                continue
            place = (*path, key)
            if key in result:
                before = self.lines[place]
                raise self.error(f"{key!r} stands here twice, first on line {before}", key_node, place)
            self.lines[place] = key_node.start_mark.line + 1
            result[key] = self.value(value_node, place)
        for other in merged:
            for key, value in other.items():
                result.setdefault(key, value)
        return result

    def merged(self, node: yaml.Node, path: KeyPath) -> list[dict[str, Any]]:
        value = self.value(node, (*path, "<<"))
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(each, dict) for each in values):
            raise self.error("'<<' takes a mapping, or a list of them", node, path)
        return values

    def scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        text, kind = node.value, node.tag.removeprefix(_TAG)
        if kind == "str":
            return text
        if kind == "null" and _NULL.match(text):
            return None
        if kind == "bool" and _BOOL.match(text):
            return text.lower() == "true"
        try:
            if kind == "int" and _INT.match(text):
                return int(text, 10 if text[:2] not in ("0o", "0x") else 0)
            if kind == "float" and (_FLOAT.match(text) or _INT.match(text)):
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError as error:
            raise self.error("this number is too long", node, path) from error
        raise self.error(f"{text[:50]!r} is not of the tagged type {kind}", node, path)

    def error(self, what: str, node: yaml.Node, path: KeyPath) -> ConfigError:
        return ConfigError(what, file=self.file, line=node.start_mark.line + 1, key=dotted(path)[:200] or None)


def _kind(node: yaml.Node) -> str:
    return "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
