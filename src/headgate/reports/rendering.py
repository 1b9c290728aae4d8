"""Which document, and where it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from headgate.errors import CouldNotRunError, UsageError
from headgate.gates import ExpectationResult
from headgate.ledger import JudgedRecord

#: What so many of the last runs found of a table, the oldest first.
Past = Callable[[int], Sequence[JudgedRecord]]
Format = Literal["html", "xml", "md", "json"]


class Reported(Protocol):
    """What a report is about."""

    @property
    def data(self) -> str:
        """What was judged."""
        ...

    @property
    def rows(self) -> int | None:
        """How many rows it has."""
        ...

    @property
    def seconds(self) -> float:
        """How long it took."""
        ...

    @property
    def status(self) -> Literal["held", "warned", "failed"]:
        """The verdict."""
        ...

    @property
    def results(self) -> Sequence[ExpectationResult]:
        """What each expectation came to."""
        ...

    @property
    def history(self) -> Past | None:
        """Says what earlier runs found, if it is a table of a project."""
        ...

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        ...


def render(reported: Reported, format_: Format) -> str:
    """The text of the document."""
    if format_ == "html":
        from headgate.reports.html import page

        return page(reported)
    if format_ == "xml":
        from headgate.reports.junit import testsuites

        return testsuites(reported)
    if format_ == "md":
        from headgate.reports.markdown import summary

        return summary(reported)
    return json.dumps(reported.to_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def write(reported: Reported, file: Path) -> str:
    """Write the document that the file's ending names.

    Raises:
        UsageError: no report ends like this.
        CouldNotRunError: the file cannot be written.
    """
    text = render(reported, format_of(file))
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CouldNotRunError(f"the report cannot be written: {error.strerror}", where=str(file)) from error
    return text


def format_of(file: Path) -> Format:
    """The format that a file's ending names.

    Raises:
        UsageError: it names none.
    """
    for format_ in get_args(Format):
        if file.suffix.lower() == f".{format_}":
            return format_  # type: ignore[no-any-return]  # one of the literal's values
    known = ", ".join(f".{each}" for each in get_args(Format))
    raise UsageError(f"no report ends in {file.suffix or 'nothing'}: {file}", hint=f"known: {known}")
