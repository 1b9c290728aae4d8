"""Variables of the environment in texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.project.database_url import mask
from headgate.project.interpolation import FromEnvironment, interpolate, unset

ENVIRONMENT = {"LAKE": "/data/lake", "EMPTY": "", "PASSWORD": "hunter2", "NESTED": "${LAKE}", "YAML": "a: [1]\nb: 2"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${LAKE}", "/data/lake"),
        ("${LAKE}/x/${LAKE}", "/data/lake/x//data/lake"),
        ("${NOTHING:-./lake}", "./lake"),
        ("${NOTHING:-}", ""),
        ("${EMPTY:-./lake}", "./lake"),
        ("${EMPTY}", ""),
        ("${LAKE:-./lake}", "/data/lake"),
        ("${NOTHING:-a:b-c d}", "a:b-c d"),
        ("$LAKE", "$LAKE"),
        ("$5 and $", "$5 and $"),
        ("^a$", "^a$"),
        ("$$", "$"),
        ("$${LAKE}", "${LAKE}"),
        ("$$$${LAKE}", "$${LAKE}"),
        ("$$${LAKE}", "$/data/lake"),
        ("${NESTED}", "${LAKE}"),
        ("${YAML}", "a: [1]\nb: 2"),
    ],
)
def test_variables_are_filled_in(text: str, filled: str) -> None:
    assert interpolate(text, ENVIRONMENT).data == filled


def test_only_texts_are_looked_at_and_keys_stay() -> None:
    data = {"${LAKE}": [1, None, True, {"a": "${LAKE}"}]}
    assert interpolate(data, ENVIRONMENT).data == {"${LAKE}": [1, None, True, {"a": "/data/lake"}]}


def test_what_came_from_the_environment_is_marked_and_nothing_else_is() -> None:
    found = interpolate(["${LAKE}", "plain", "$$5"], ENVIRONMENT).data
    assert [isinstance(each, FromEnvironment) for each in found] == [True, False, False]


def test_a_variable_that_is_not_set_is_named_with_its_key_and_a_way_out() -> None:
    found = interpolate({"a": [{"b": "${PASSWROD} ${OTHER}"}]}, ENVIRONMENT)
    first, second = unset(found.missing, ENVIRONMENT)
    assert first.path == ("a", 0, "b")
    assert first.what == "the environment variable PASSWROD is not set (did you mean 'PASSWORD'?)"
    assert first.hint is not None
    assert "${PASSWROD:-…}" in first.hint
    assert second.what == "the environment variable OTHER is not set"


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A", "${A-b}", "${A:b}", "x ${ A } y", "${A B}"])
def test_a_broken_reference_is_a_problem(text: str) -> None:
    (problem,) = interpolate({"lake": text}, {"A": "a"}).broken
    assert problem.path == ("lake",)
    assert "$${" in (problem.hint or "")


def test_secrets_are_remembered_and_places_are_not() -> None:
    data = {
        "lake": "${LAKE}",
        "vars": {"token": "x-${PASSWORD}", "short": "${SHORT}"},
        "ledger": "postgresql://me:s3cr3t%21@host/db",
    }
    found = interpolate(data, {**ENVIRONMENT, "SHORT": "abc"})
    assert found.secrets == {"hunter2", "s3cr3t%21", "s3cr3t!"}
    assert mask("postgresql://me:s3cr3t%21@host and hunter2 in /data/lake", found.secrets) == (
        "postgresql://me:***@host and *** in /data/lake"
    )


def test_the_longest_secret_is_hidden_first() -> None:
    assert mask("hunter2hunter2 hunter2", {"hunter2", "hunter2hunter2"}) == "*** ***"


values = st.recursive(
    st.none() | st.integers() | st.text("${}:-A_ab\n'\"[x", max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab${}", max_size=4), inner, max_size=3),
    max_leaves=8,
)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value) if not isinstance(value, str) else str


@given(values, st.dictionaries(st.text("Aab_", min_size=1, max_size=3), st.text(max_size=20), max_size=3))
def test_a_variable_never_changes_the_shape_of_the_data(data: Any, environ: dict[str, str]) -> None:
    assert shape(interpolate(data, environ).data) == shape(data)


@given(st.text(max_size=30))
def test_doubling_every_dollar_keeps_a_text_as_it_is(text: str) -> None:
    assert interpolate(text.replace("$", "$$"), {}).data == text


@given(st.text(max_size=30))
def test_a_variable_is_taken_literally(value: str) -> None:
    assert interpolate("<${A}>", {"A": value}).data == f"<{value}>"
