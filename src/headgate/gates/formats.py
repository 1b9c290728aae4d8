"""Expectations on texts that hold dates and times, as Python and its libraries read them."""

from __future__ import annotations

import datetime as dt
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.gates.arguments import argument, shown
from headgate.gates.each_value import Accepts, EachValueExpectation, not_installed
from headgate.gates.expectation import expectation
from headgate.gates.relation import Checked
from headgate.gates.texts import pattern
from headgate.gates.values import UnusableError

if TYPE_CHECKING:
    from sqlglot import exp

#: Every format that can be read at all reads how it writes this moment.
_ANY = dt.datetime(2001, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
#: What is surely read: a year of four digits, days that every month has. Everything else is Python's to decide.
_SURE = {
    "%Y": "[1-9][0-9]{3}",
    "%m": "(?:0[1-9]|1[0-2])",
    "%d": "(?:0[1-9]|1[0-9]|2[0-8])",
    "%H": "(?:[01][0-9]|2[0-3])",
    "%M": "[0-5][0-9]",
    "%S": "[0-5][0-9]",
    "%f": "[0-9]{1,6}",
}
_PARTS = re.compile("%.|[A-Za-z/:,_ -]|[.]", re.DOTALL)


@expectation("expect_column_values_to_match_strftime_format", dimension="validity")
@dataclass(frozen=True)
class MatchStrftime(EachValueExpectation):
    """Every text is a date or time in a format, as Python's ``strptime`` reads it."""

    strftime_format: str = argument(pattern)

    def acceptor(self) -> Accepts:
        """Python's own reader."""
        format_ = self.strftime_format
        try:
            _read(_ANY.strftime(format_), format_)
        except (ValueError, re.error) as error:  # a part that is there twice is a bad regular expression
            raise UnusableError(f"the format {shown(format_)} cannot be read: {error}") from error

        def accepts(text: str) -> bool:
            try:
                _read(text, format_)
            except ValueError:
                return False
            return True

        return accepts

    def sure_of(self, on: Checked) -> exp.Expr | None:
        """Written with all digits, where the format has such parts alone."""
        from sqlglot import exp

        regex = sure_regex(self.strftime_format)
        if regex is None:
            return None
        return exp.Anonymous(this="regexp_full_match", expressions=[self.text(on), exp.Literal.string(regex)])


@expectation("expect_column_values_to_be_dateutil_parseable", dimension="validity")
@dataclass(frozen=True)
class DateutilParseable(EachValueExpectation):
    """Every text is something that the library dateutil takes for a date or time."""

    def key(self, on: Checked) -> str | None:
        """None: what a text leaves out is today's, and so whether ``31`` is a date depends on the month."""
        return None

    def acceptor(self) -> Accepts:
        """The library's own reader."""
        try:
            from dateutil.parser import UnknownTimezoneWarning, parse
        except ImportError as error:
            raise not_installed("python-dateutil") from error

        def accepts(text: str) -> bool:
            try:
                with warnings.catch_warnings(action="ignore", category=UnknownTimezoneWarning):
                    parse(text)
            except (ValueError, OverflowError):
                return False
            except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
                raise UnusableError(f"dateutil fails at one of the values: {type(error).__name__}") from error
            return True

        return accepts


def _read(text: str, format_: str) -> dt.datetime:
    return dt.datetime.strptime(text, format_)  # noqa: DTZ007 - only whether it can be read matters


def sure_regex(format_: str) -> str | None:
    """A regular expression that only texts match which ``strptime`` reads; None for a format with other parts.

    >>> sure_regex("%Y%m"), sure_regex("%d %B"), sure_regex("%f%d"), sure_regex("%d.%d")
    ('[1-9][0-9]{3}(?:0[1-9]|1[0-2])', None, None, None)
    """
    parts = _PARTS.findall(format_)
    told = [part for part in parts if part.startswith("%")]
    if "".join(parts) != format_ or len(set(told)) < len(told) or any(part not in _SURE for part in told):
        return None
    if re.search("%f%", format_):  # as many digits as there are, also those of the next part
        return None
    return "".join(_SURE.get(part, "[.]" if part == "." else part) for part in parts)
