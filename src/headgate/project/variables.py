"""Variables of the command line: each must be of the kind of the one that it replaces.

dbt would only notice when it meets the variable in a model, and often not even then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headgate.errors import UsageError

#: What a kind is called: one of it, and several.
_WORDS = {
    "boolean": ("true or false", "true and false"),
    "number": ("a number", "numbers"),
    "text": ("a text", "texts"),
    "list": ("a list", "lists"),
    "mapping": ("a mapping", "mappings"),
    "null": ("nothing", "nothing"),
}
_EXAMPLES = {"boolean": "true", "number": "7", "text": "'\"7\"'", "list": "'[1, 7]'", "mapping": "'{a: 1}'"}


def require_kinds(declared: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Make sure that what replaces a variable is what the project has there. Others are new, and may be anything.

    No value is told: it could be a secret.

    Raises:
        UsageError: a variable is of another kind, has items of another kind, or is empty where it must not be.
    """
    for name, value in given.items():
        if name in declared:
            _require(name, declared[name], value)


def _require(name: str, declared: Any, given: Any) -> None:
    wanted = kind_of(declared)
    if wanted == "null":
        return
    if kind_of(given) != wanted:
        raise _wrong(name, declared, _WORDS[kind_of(given)][0])
    if isinstance(declared, Mapping):
        for key in declared.keys() & given.keys():
            _require(f"{name}.{key}", declared[key], given[key])
    if isinstance(declared, list) and declared:
        if not given:
            raise _wrong(name, declared, "an empty list")
        known = {kind_of(each) for each in declared}
        for number, each in enumerate(given, start=1):
            if "null" not in known and kind_of(each) not in known:
                raise _wrong(name, declared, f"one whose item {number} is {_WORDS[kind_of(each)][0]}")


def kind_of(value: Any) -> str:
    """What kind of value it is, as YAML has them; whole numbers and others are one kind.

    >>> [kind_of(each) for each in (True, 1, 0.5, "1", [], {}, None)]
    ['boolean', 'number', 'number', 'text', 'list', 'mapping', 'null']
    """
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, Mapping):
        return "mapping"
    return "null" if value is None else "list"


def _wrong(name: str, declared: Any, found: str) -> UsageError:
    kind = kind_of(declared)
    wanted = _WORDS[kind][0]
    if kind == "list" and declared:
        items = sorted({_WORDS[kind_of(each)][1] for each in declared})
        wanted = f"a list of {' or '.join(items)}" + ("" if found != "an empty list" else " that is not empty")
    top = name.partition(".")[0]
    hint = f"headgate.yml says so; write it as YAML, for example --var {top}={_EXAMPLES[kind]}"
    if top != name:
        hint = "headgate.yml says so"
    return UsageError(f"--var {name} must be {wanted}, not {found}", hint=hint)
