"""Lengths of time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.project.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("1h", 3600),
        ("2d", 172_800),
        ("1h30m", 5400),
        (" 1h ", 3600),
        ("1d1h1m1s", 90_061),
        ("0s", 0),
    ],
)
def test_lengths_of_time_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", " ", "10", "1.5h", "-1h", "1m1h", "1h 30m", "1w", "h", "1H", "٣h", "PT1H", "9" * 30 + "s"]
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 30s, 10m, 1h"):
        parse_duration(text)


@given(st.integers(0, 10**9))
def test_what_is_written_reads_back(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@given(st.text("0123456789dhms", max_size=40))
def test_any_text_is_a_length_of_time_or_a_value_error(text: str) -> None:
    try:
        assert parse_duration(text) >= timedelta()
    except ValueError as error:
        assert "length of time" in str(error)  # noqa: PT017 - either outcome is right
