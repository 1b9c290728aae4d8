"""The expectation on what is in JSON documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from headgate.gates.arguments import WrongValueError, argument, shown
from headgate.gates.each_value import Accepts, EachValueExpectation, not_installed
from headgate.gates.expectation import expectation
from headgate.gates.texts import is_found
from headgate.gates.values import UnusableError

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

#: Judged by Python's regular expressions, which can take for ever, and which nothing can be put in the place of.
_REFUSED = "patternProperties"
#: Where a schema says of which draft it is, the library takes the draft's own validator, with Python's expressions.
_DRAFT = "$schema"


def schema(value: Any) -> dict[str, Any]:
    """A JSON schema."""
    if not isinstance(value, Mapping):
        raise WrongValueError(f"must be a mapping, a JSON schema, not {shown(value)}")
    return dict(value)


@expectation("expect_column_values_to_match_json_schema", dimension="validity")
@dataclass(frozen=True)
class MatchJsonSchema(EachValueExpectation):
    """Every text is a JSON document that a JSON schema allows."""

    json_schema: dict[str, Any] = argument(schema)  # noqa: RUF009 - a field, as all

    def acceptor(self) -> Accepts:
        """The library's own validator."""
        validator = _validator(self.json_schema)

        def accepts(text: str) -> bool:
            try:
                document = json.loads(text)
            except ValueError:
                return False
            except RecursionError as error:
                raise UnusableError("one of the documents is nested too deeply") from error
            return _is_valid(validator, document)

        return accepts


def _is_valid(validator: Validator, document: Any) -> bool:
    from referencing.exceptions import Unresolvable

    try:
        return bool(validator.is_valid(document))
    except Unresolvable as error:
        raise UnusableError(f"the schema refers to {shown(error.ref)}, which is not in it") from error
    except RecursionError as error:
        raise UnusableError("the schema, or one of the documents, is nested too deeply") from error
    except UnusableError:
        raise
    except (ArithmeticError, ValueError) as error:  # of NaN, an infinity, or a number that no float holds
        raise UnusableError(f"the library fails at one of the documents: {type(error).__name__}") from error


def _validator(given: dict[str, Any]) -> Validator:
    """What checks documents; it knows the schemas that the standard itself names, and fetches none.

    Raises:
        UnusableError: this is no JSON schema, or one that is not judged here, or the library is missing.
    """
    try:
        from jsonschema import SchemaError, validators
        from jsonschema_specifications import REGISTRY
    except ImportError as error:
        raise not_installed("jsonschema") from error
    if not isinstance(given.get(_DRAFT, ""), str):
        raise UnusableError(f"this is no JSON schema: {_DRAFT} must be a text")
    bare = {key: value for key, value in given.items() if key != _DRAFT}
    for part in _mappings(bare):
        if _REFUSED in part:
            raise UnusableError(f"{_REFUSED} of a JSON schema are not judged here: name the properties one by one")
        if isinstance(part.get(_DRAFT), str):
            raise UnusableError(f"{_DRAFT} within a JSON schema is not judged here: write it at the top alone")
    of_draft = validators.validator_for(given)
    try:
        of_draft.check_schema(given)
    except SchemaError as error:
        raise UnusableError(f"this is no JSON schema: {error.message[:200]}") from error
    extended: type[Validator] = validators.extend(of_draft, {"pattern": _pattern})  # type: ignore[no-untyped-call]
    return extended(bare, registry=REGISTRY)


def _pattern(validator: Any, regex: str, instance: Any, _: Any) -> Iterator[Any]:
    """As for all regular expressions here, RE2 decides: no text can make it hang."""
    from jsonschema import ValidationError

    if validator.is_type(instance, "string") and not _is_found(regex, instance):
        yield ValidationError(f"{instance!r} does not match {regex!r}")


_is_found = lru_cache(maxsize=4096)(is_found)


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """A mapping, and all that are in it."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, Mapping):
            yield each
            left.extend(each.values())
        elif isinstance(each, Sequence) and not isinstance(each, str):
            left.extend(each)
