"""``${NAME}`` and ``${NAME:-default}`` in texts of headgate.yml.

Done on the parsed values, never on the file's text, so that what a variable holds is always one text and
can never become YAML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headgate.errors import UsageError, did_you_mean
from headgate.project.announced import SIMULATED
from headgate.project.database_url import is_telling, secrets_of
from headgate.project.problems import Problem
from headgate.project.yaml_file import KeyPath, dotted, read_value

_REFERENCE = re.compile(
    r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|(?P<broken>\{))"
)
#: Settings that name places. Errors must be able to show them, so they are no secrets.
_PLACES = frozenset({"lake", "path"})
_SHORTEST_SECRET = 4


class FromEnvironment(str):
    """A text in which an environment variable was filled in.

    It may stand where a number or a yes-or-no is wanted, since the environment knows only texts.
    """

    __slots__ = ()

    def scalar(self) -> Any:
        """What the text would be if it stood in the file; itself if that is nothing.

        >>> FromEnvironment("4").scalar()
        4
        """
        try:
            return read_value(str(self), name="the environment's value")
        except UsageError:
            return self


@dataclass(slots=True)
class Interpolated:
    """Data with variables filled in; ``missing`` says for each key path which variables were not set."""

    data: Any
    secrets: set[str] = field(default_factory=set)
    missing: dict[KeyPath, list[str]] = field(default_factory=dict)
    broken: list[Problem] = field(default_factory=list)


def interpolate(data: Any, environ: Mapping[str, str]) -> Interpolated:
    """Fill in variables in every text of ``data``. ``$$`` stands for a dollar sign.

    >>> interpolate({"lake": "${LAKE:-./lake}", "price": "$$5"}, {}).data
    {'lake': './lake', 'price': '$5'}
    """
    result = Interpolated(None)
    result.data = _walk(data, (), environ, result)
    return result


def unset(missing: dict[KeyPath, list[str]], environ: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong where variables are not set."""
    for path, names in missing.items():
        for name in names:
            near = did_you_mean(name, environ)
            guess = f" ({near})" if near.startswith("did you mean") else ""
            hint = f"set it, give a default, ${{{name}:-…}}, or write $${{{name}}} for the characters themselves"
            if name in SIMULATED:
                hint = f"set it, or start the simulator that knows it: headgate simulate {SIMULATED[name]}"
            yield Problem(path, f"the environment variable {name} is not set{guess}", hint)


def _walk(value: Any, path: KeyPath, environ: Mapping[str, str], result: Interpolated) -> Any:
    if isinstance(value, dict):
        return {key: _walk(each, (*path, key), environ, result) for key, each in value.items()}
    if isinstance(value, list):
        return [_walk(each, (*path, index), environ, result) for index, each in enumerate(value)]
    if not isinstance(value, str):
        return value
    filled = _fill(value, path, environ, result) if "$" in value else value
    if "://" in filled:
        result.secrets |= secrets_of(filled)
    return filled


def _fill(text: str, path: KeyPath, environ: Mapping[str, str], result: Interpolated) -> str:
    used: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        if match["broken"]:
            result.broken.append(
                Problem(
                    path,
                    f"'${{' starts no variable: {dotted(path)} must hold ${{NAME}} or ${{NAME:-default}}",
                    "write $${ for the characters themselves",
                )
            )
            return match[0]
        name, default = match["name"], match["default"]
        value = environ.get(name)
        if value or (value is not None and default is None):
            used.append(value)
            return value
        if default is not None:
            return default
        result.missing.setdefault(path, []).append(name)
        return match[0]

    filled = _REFERENCE.sub(replace, text)
    if path[-1:] and path[-1] not in _PLACES:
        url = "://" in filled  # in which a plain word is hidden with what is around it: see secrets_of
        result.secrets |= {value for value in used if (is_telling(value) if url else len(value) >= _SHORTEST_SECRET)}
    return FromEnvironment(filled) if any(match["name"] for match in _REFERENCE.finditer(text)) else filled
