"""Great Expectations suites: JSON as versions 0.18 and 1.x write it, loaded as it is.

Source: https://docs.greatexpectations.io/docs/reference/api/expectationsuite_class and
https://legacy.017.docs.greatexpectations.io. Nothing is skipped: what is not understood is an error.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.errors import ConfigError, did_you_mean
from headgate.project.declaration import DIMENSIONS, ON_FAIL, Declared, Place, Severity
from headgate.project.yaml_file import read_text

MAX_BYTES = 100_000_000
#: The key of a suite's ``meta`` under which lies what Great Expectations has no place for.
OWN = "headgate"
#: Arguments with which GX controls itself; they say nothing about the data.
BOOKKEEPING = frozenset({"batch_id", "catch_exceptions", "include_config", "result_format"})
_TYPE = ("type", "expectation_type")
_IGNORED = frozenset(
    {"expectation_context", "ge_cloud_id", "notes", "rendered_content", "success_on_last_run", "windows"}
)
_KNOWN = frozenset({*_TYPE, "kwargs", "meta", "id", "severity", "description"}) | _IGNORED
#: What versions 1.x and 0.x write at the top of a suite, the name of the data of the latter's first ones among it.
_TOP = frozenset(
    {
        *("name", "id", "expectations", "suite_parameters", "meta", "notes"),
        *("expectation_suite_name", "ge_cloud_id", "evaluation_parameters", "data_asset_name", "data_asset_type"),
    }
)
_TIMEOUT = "timeout"
#: What an expectation's ``meta`` may hold under ``headgate``, and which values.
_OWN_CHOICES = {"dimension": DIMENSIONS, "on_fail": ON_FAIL}
_OWN_KEYS = ("id", *_OWN_CHOICES, _TIMEOUT)
_SEVERITIES: dict[str, Severity] = {
    "critical": "fail",
    "warning": "warn",
    "info": "warn",
    "fail": "fail",
    "warn": "warn",
}
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]*")
_WORD_BEGIN, _WORD_END = re.compile(r"(.)([A-Z][a-z]+)"), re.compile(r"([a-z0-9])([A-Z])")
_PARAMETER = "$PARAMETER"
_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite's expectations, and the columns that it tags as holding personal data."""

    expectations: tuple[Declared, ...]
    pii: tuple[str, ...] = ()


def read_suite(path: Path, file: str) -> Suite:
    """A suite that is a file; ``file`` is the name under which errors speak of it.

    Raises:
        ConfigError: it is not JSON, not a suite, or says something that is not understood.
    """
    text = read_text(path, file, limit=MAX_BYTES)
    suite = _parse(text, file)
    return suite_of(suite, file, _lines(text))


def suite_of(suite: Any, file: str, lines: Iterable[int | None] | None = None) -> Suite:
    """The same of a suite that was read; ``lines`` are those on which its expectations stand.

    Raises:
        ConfigError: it is not a suite, or says something that is not understood.
    """
    expectations = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(expectations, list):
        raise ConfigError(
            "this is not a Great Expectations suite: it has no list 'expectations'",
            file=file,
            line=1,
            hint="a suite is a JSON object with 'name' (or 'expectation_suite_name') and 'expectations'",
        )
    for key in map(str, suite):
        if key not in _TOP:
            raise ConfigError(f"a suite has no key {key[:60]!r}", file=file, key=key[:60], hint=did_you_mean(key, _TOP))
    parameters = suite.get("suite_parameters") or suite.get("evaluation_parameters") or {}
    known = [None] * len(expectations) if lines is None else lines
    places = (Place(file, line, index) for index, line in enumerate(known))
    declared = (_declared(each, place, parameters) for each, place in zip(expectations, places, strict=True))
    return Suite(tuple(declared), _tagged(suite.get("meta"), file))


def _tagged(meta: Any, file: str) -> tuple[str, ...]:
    """``meta: {headgate: {pii: [email]}}``."""
    own = meta.get(OWN) if isinstance(meta, dict) else None
    tagged = own.get("pii", []) if isinstance(own, dict) else []
    if not isinstance(tagged, list) or not all(isinstance(each, str) and each for each in tagged):
        raise ConfigError("pii must be a list of columns", file=file, key=f"meta.{OWN}.pii", hint='"pii": ["email"]')
    return tuple(dict.fromkeys(tagged))


def _parse(text: str, file: str) -> Any:
    if not text.strip():
        raise ConfigError("the file is empty", file=file, line=1)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):  # Python takes the last, and what stands under the others would be lost
            counted = Counter(key for key, _ in pairs)
            key, times = counted.most_common(1)[0]
            raise ConfigError(f"{key[:60]!r} stands {times} times in one object", file=file, hint="leave it there once")
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"this is not JSON: {error.msg} (column {error.colno})", file=file, line=error.lineno
        ) from error
    except (RecursionError, ValueError) as error:
        raise ConfigError("the suite is nested too deeply, or a number is too long", file=file) from error


def _declared(entry: Any, place: Place, parameters: Any) -> Declared:
    if not isinstance(entry, dict):
        raise _error("an expectation must be an object", place)
    for key in entry:
        if key not in _KNOWN:
            raise _error(f"an expectation has no key {key[:60]!r}", place, did_you_mean(key, _KNOWN))
    kinds = [entry[key] for key in _TYPE if key in entry]
    if len(kinds) != 1 or not isinstance(kinds[0], str) or not kinds[0]:
        raise _error("an expectation has one 'type' (or 'expectation_type'), a text", place)
    kind = type_of(kinds[0])
    kwargs = _mapping(entry, "kwargs", place)
    resolved = {key: _resolved(value, parameters, place) for key, value in kwargs.items() if key not in BOOKKEEPING}
    severity = "critical" if entry.get("severity") is None else entry["severity"]
    if not isinstance(severity, str) or severity not in _SEVERITIES:
        raise _error(f"there is no severity {str(severity)[:60]!r}", place, "known: critical, info, warning")
    meta = _mapping(entry, "meta", place)
    own = _own(meta, place)
    return Declared(
        type=kind,
        kwargs={key: own.pop(key) for key in (_TIMEOUT,) if key in own} | resolved,
        place=place,
        severity=_SEVERITIES[severity],
        description=_text(entry, "description", place),
        meta={key: value for key, value in meta.items() if key != OWN},
        **{"id": _text(entry, "id", place), **own},
    )


def _own(meta: dict[str, Any], place: Place) -> dict[str, Any]:
    """What ``headgate gate --to gx`` put into an expectation's ``meta``: all that Great Expectations cannot hold.

    An ``id`` there was the expectation's own one, before Great Expectations' store gave it a UUID.
    """
    own = _mapping(meta, OWN, place)
    for key, value in own.items():
        if key not in _OWN_KEYS:
            raise _error(f"meta.{OWN} has no key {key[:60]!r}", place, did_you_mean(key, _OWN_KEYS))
        if not isinstance(value, str) or not value:
            raise _error(f"meta.{OWN}.{key} must be a text", place)
        choices = _OWN_CHOICES.get(key)
        if choices is not None and value not in choices:
            raise _error(f"meta.{OWN}.{key} cannot be {value[:60]!r}", place, did_you_mean(value, choices))
    return dict(own)


def type_of(name: str) -> str:
    """An expectation's type, also where its class is named, as Great Expectations takes both.

    >>> type_of("UnexpectedRowsExpectation"), type_of("ExpectColumnValueZScoresToBeLessThan")
    ('unexpected_rows_expectation', 'expect_column_value_z_scores_to_be_less_than')
    >>> type_of("ExpectColumnKLDivergenceToBeLessThan"), type_of("expect_column_to_exist")
    ('expect_column_kl_divergence_to_be_less_than', 'expect_column_to_exist')
    """
    if not _CLASS.fullmatch(name):
        return name
    return _WORD_END.sub(r"\1_\2", _WORD_BEGIN.sub(r"\1_\2", name)).lower()


def _resolved(value: Any, parameters: Any, place: Place) -> Any:
    """Fill in a suite parameter: ``{"$PARAMETER": "name"}``, whose value the suite itself must hold."""
    if not isinstance(value, dict) or _PARAMETER not in value:
        return value
    name = value[_PARAMETER]
    default = value.get(f"{_PARAMETER}.{name}")
    if isinstance(parameters, dict) and isinstance(name, str) and name in parameters:
        return parameters[name]
    if default is not None:
        return default
    raise _error(
        f"the parameter {str(name)[:60]!r} has no value in this suite",
        place,
        "write the value itself, or give it under 'suite_parameters'; expressions are not evaluated",
    )


def _mapping(entry: dict[str, Any], key: str, place: Place) -> dict[str, Any]:
    value = entry.get(key)
    if value is not None and not isinstance(value, dict):
        raise _error(f"{key!r} must be an object", place)
    return value or {}


def _text(entry: dict[str, Any], key: str, place: Place) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise _error(f"{key!r} must be a text", place)
    return value or None


def _error(what: str, place: Place, hint: str | None = None) -> ConfigError:
    return ConfigError(what, file=place.file, line=place.line, key=place.key, hint=hint)


def _lines(text: str) -> Iterator[int]:
    """The line on which each element of the top-level list ``expectations`` begins; ``text`` is valid."""
    line, counted = 1, 0
    for offset in _offsets(text):
        line += text.count("\n", counted, offset)
        counted = offset
        yield line


def _offsets(text: str) -> list[int]:
    at = _skip(text, _skip(text, 0) + 1)
    found: list[int] = []
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if key == "expectations":
            found = _elements(text, at) if text[at] == "[" else []
        _, at = _DECODER.raw_decode(text, at)
        at = _after_comma(text, at)
    return found


def _elements(text: str, at: int) -> list[int]:
    found = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        found.append(at)
        _, at = _DECODER.raw_decode(text, at)
        at = _after_comma(text, at)
    return found


def _after_comma(text: str, at: int) -> int:
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()
