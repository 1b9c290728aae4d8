"""Pydantic's complaints, as problems that a person understands."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headgate.errors import closest, did_you_mean
from headgate.project.config import ProjectFile
from headgate.project.interpolation import FromEnvironment
from headgate.project.problems import Problem
from headgate.project.values import (
    COLUMN_PATTERN,
    ENCODING_PATTERN,
    MEMORY_PATTERN,
    NAME_PATTERN,
    POSTGRES_PATTERN,
    PROJECT_PATTERN,
    REFERENCE_PATTERN,
    SOURCE_PATTERN,
    TABLE_PATTERN,
    TYPE_PATTERN,
    suggested_name,
)
from headgate.project.yaml_file import KeyPath

_WANTED = {
    "string": "a text",
    "string_sub": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "time_delta": "a length of time such as 10m",
}
_NAMES = (NAME_PATTERN, SOURCE_PATTERN, PROJECT_PATTERN)
_PATTERNS: dict[str, tuple[str, str | None]] = {
    **dict.fromkeys(_NAMES, ("a name", None)),
    MEMORY_PATTERN: ("a memory limit", "write it like 4GB or 512MB"),
    TYPE_PATTERN: ("a type", "write it as DuckDB does: VARCHAR, DECIMAL(10,2), DATE"),
    TABLE_PATTERN: ("a table", "write it as layer.table"),
    COLUMN_PATTERN: ("a column", "write it as layer.table.column"),
    REFERENCE_PATTERN: ("a reference", "write it as table.column, with the table's name in the warehouse"),
    POSTGRES_PATTERN: ("a PostgreSQL database", "write it as postgresql://user:password@host/database"),
    ENCODING_PATTERN: ("an encoding", "write it like utf-8 or latin-1"),
}
#: Settings that there were once, and those that there are instead.
_SUCCESSORS = {"on_type_change": ("on_widened_type", "on_narrowed_type")}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def validate(data: dict[str, Any]) -> ProjectFile | list[Problem]:
    """The settings, or everything that is wrong with them."""
    try:
        return ProjectFile.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        mistyped = {_meant(each["loc"]) for each in details if each["type"] == "extra_forbidden"}
        told = [each for each in details if each["type"] != "missing" or each["loc"] not in mistyped]
        return list({(p.path, p.what): p for p in (_problem(each, data) for each in told)}.values())


def _problem(error: ErrorDetails, data: dict[str, Any]) -> Problem:
    kind, loc = error["type"], tuple(part for part in error["loc"] if part != "[key]")
    path = _in_file(loc)
    value = error.get("input")
    last = str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        known = _settings_at(loc[:-1])
        return Problem(path, f"there is no setting {last!r} here", _instead(last, known) or did_you_mean(last, known))
    if kind == "missing":
        return Problem(path, f"the setting {last!r} is required", _example(loc))
    if kind.startswith("union_tag_"):
        return _kind_of_source(path, error)
    if kind == "string_pattern_mismatch":
        return _misshapen(value, error["ctx"]["pattern"])._replace(path=path)
    return Problem(path, _sentence(kind, error, value), getattr(error.get("ctx", {}).get("error"), "hint", None))


def _instead(name: str, known: Collection[str]) -> str | None:
    """What to write for a setting that there was once, where its successors are."""
    successors = _SUCCESSORS.get(name, ())
    return f"write {' and '.join(successors)}" if successors and set(successors) <= set(known) else None


def _in_file(loc: KeyPath) -> KeyPath:
    """The key path of what pydantic found: without the kind of source, which it puts behind the source's name."""
    return (*loc[:2], *loc[3:]) if loc[:1] == ("sources",) and len(loc) > 2 else loc


def _kind_of_source(path: KeyPath, error: ErrorDetails) -> Problem:
    expected = str(error["ctx"].get("expected_tags", ""))
    if not expected:
        return Problem((*path, "type"), "the setting 'type' is required", "for example type: files")
    tag = error["ctx"]["tag"]
    known = [each.strip("' ") for each in expected.split(",")]
    what = f"this must be {', '.join(known[:-1])} or {known[-1]}, not {shown(tag)}"
    return Problem((*path, "type"), what, did_you_mean(str(tag), known))


def _meant(path: KeyPath) -> KeyPath | None:
    """The setting that a mistyped one stands for: that it is missing need not be told as well."""
    near = closest(str(path[-1]), _settings_at(path[:-1]))
    return (*path[:-1], near) if near else None


def _sentence(kind: str, error: ErrorDetails, value: Any) -> str:
    context = error.get("ctx", {})
    if kind == "value_error":
        return str(context.get("error", error["msg"]))
    if kind == "literal_error":
        return f"this must be {context['expected']}, not {shown(value)}"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"this must be {words} {context[key]:g}, not {shown(value)}"
    if kind in {"too_short", "string_too_short"}:
        return "this must not be empty"
    if kind in {"too_long", "string_too_long"}:
        return f"this is too long: at most {context['max_length']} are allowed"
    if kind == "finite_number":
        return "this must be a finite number"
    wanted = _WANTED.get(kind.removesuffix("_type").removesuffix("_parsing"))
    return f"this must be {wanted}, not {shown(value)}" if wanted else f"{error['msg']}, found {shown(value)}"


def shown(value: Any) -> str:
    """A value in an error message; never one that came from the environment.

    >>> shown("yes"), shown(3), shown([1]), shown(None), shown(FromEnvironment("hunter2"))
    ("the text 'yes'", 'the number 3', 'a list', 'null', "the environment's value")
    """
    if value is None:
        return "null"
    if isinstance(value, FromEnvironment):
        return "the environment's value"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    if isinstance(value, int | float):
        return f"the number {value:g}" if isinstance(value, float) else f"the number {str(value)[:30]}"
    return "a list" if isinstance(value, list | tuple) else "a mapping"


def _misshapen(value: Any, pattern: str) -> Problem:
    what, hint = _PATTERNS.get(pattern, ("this", None))
    if hint is None and pattern in _NAMES and isinstance(value, str):
        hint = "names are letters, digits and _ and begin with a letter"
        if not isinstance(value, FromEnvironment):
            hint += f", for example {suggested_name(value)}"
    return Problem((), f"{what} cannot be {shown(value).removeprefix('the text ')}", hint)


def _settings_at(path: KeyPath) -> list[str]:
    model = _model_at(path)
    return [] if model is None else [field.alias or name for name, field in model.model_fields.items()]


def _example(path: KeyPath) -> str | None:
    model = _model_at(path[:-1])
    field = None if model is None else model.model_fields.get(str(path[-1]))
    if field is None or not field.examples:
        return None
    example = field.examples[0]
    text = f"[{', '.join(map(str, example))}]" if isinstance(example, list) else example
    return f"for example {path[-1]}: {text}" if not isinstance(example, dict) else None


def _model_at(path: KeyPath) -> type[BaseModel] | None:
    """The model that describes the mapping at ``path``, in which a source's kind stands behind its name."""
    kind: Any = ProjectFile
    for part in path:
        if chosen := _of_kind(kind, part):
            kind = chosen
            continue
        model = _model_in(kind)
        if model is not None and part in model.model_fields:
            kind = model.model_fields[str(part)].annotation
        elif model is not None:
            return None
        else:
            kind = _element(kind)
    return _model_in(kind)


def _of_kind(kind: Any, tag: Any) -> type[BaseModel] | None:
    """Of a union of sources, the one whose ``type`` is ``tag``."""
    for union in (kind, *get_args(kind)):
        for each in get_args(union):
            model = each if isinstance(each, type) and issubclass(each, BaseModel) else None
            if model and "type" in model.model_fields and tag in get_args(model.model_fields["type"].annotation):
                return model
    return None


def _model_in(kind: Any) -> type[BaseModel] | None:
    for candidate in (kind, *get_args(kind)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate if kind is candidate or not _is_container(kind) else None
    return None


def _is_container(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) in (dict, tuple, list)


def _element(kind: Any) -> Any:
    arguments = [each for each in get_args(kind) if each is not Ellipsis]
    return arguments[-1] if arguments else None
