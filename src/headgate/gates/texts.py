"""Expectations on values as texts: regular expressions, LIKE patterns and lengths."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import duckdb

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.bounds import Bounded
from headgate.gates.columns import ColumnExpectation
from headgate.gates.expectation import expectation
from headgate.gates.relation import Checked, first_line
from headgate.gates.statistics import Known
from headgate.gates.values import Kind, UnusableError
from headgate.lake.engine import literal

if TYPE_CHECKING:
    from sqlglot import exp

#: Their values have one text each, the one that Great Expectations gives them too. A date with a time has several.
_WRITTEN: frozenset[Kind] = frozenset({"text", "uuid", "integer", "decimal", "float", "boolean", "date"})


def patterns(value: Any) -> tuple[str, ...]:
    """At least one regular expression or LIKE pattern."""
    if not isinstance(value, list | tuple | set | frozenset) or not value:
        raise arguments.WrongValueError(f"must be a list of at least one text, not {arguments.shown(value)}")
    return tuple(pattern(each) for each in value)


def pattern(value: Any) -> str:
    """A regular expression or LIKE pattern; it may be empty."""
    if not isinstance(value, str) or "\x00" in value:
        raise arguments.WrongValueError(f"must be a text, not {arguments.shown(value)}")
    return str(value)


def escape(value: Any) -> str:
    """One character."""
    if not isinstance(value, str) or len(value) != 1 or value in "%_":  # DuckDB would not let these escape
        raise arguments.WrongValueError(f"must be one character, other than % and _, not {arguments.shown(value)}")
    return str(value)


@dataclass(frozen=True)
class TextExpectation(ColumnExpectation):
    """Looks at each value as it is written."""

    def holds_within(self, on: Checked, known: Known) -> bool:
        """Bounds say nothing about what a text looks like."""
        return False

    def text(self, on: Checked) -> exp.Expr:
        """The value as a text."""
        from sqlglot import exp

        from headgate.gates import sql

        column, kind = sql.column(self.column), on.kind(self.column)
        if kind == "text":
            return column
        if kind == "boolean":  # as Python writes it
            words = [exp.If(this=column, true=exp.Literal.string("True"))]
            words.append(exp.If(this=sql.negated(column.copy()), true=exp.Literal.string("False")))
            return exp.Case(ifs=words)
        return sql.cast(column, "VARCHAR")

    def require(self, on: Checked) -> None:
        """There must be one way to write the values."""
        super().require(on)
        if on.kind(self.column) not in _WRITTEN:
            raise UnusableError(f"values of type {on.column(self.column).type} are written as text in several ways")


@dataclass(frozen=True)
class RegexExpectation(TextExpectation):
    """Searches each value for regular expressions."""

    @abstractmethod
    def regexes(self) -> tuple[str, ...]:
        """What to search for."""

    def require(self, on: Checked) -> None:
        """The engine must understand the regular expressions, also where there is nothing to search in."""
        super().require(on)
        for regex in self.regexes():
            problem = _problem_with(regex)
            if problem is not None:
                raise _unusable(regex, problem)

    def found(self, on: Checked) -> list[exp.Expr]:
        """For each regular expression, the condition that it is found."""
        from sqlglot import exp

        text = self.text(on)
        return [
            exp.Anonymous(this=_search(regex), expressions=[text.copy(), exp.Literal.string(regex)])
            for regex in self.regexes()
        ]


@dataclass(frozen=True)
class LikeExpectation(TextExpectation):
    """Compares each value with LIKE patterns."""

    @abstractmethod
    def likes(self) -> tuple[tuple[str, ...], str | None]:
        """What to compare with, and the character that takes the meaning from ``%`` and ``_``."""

    def require(self, on: Checked) -> None:
        """As in SQL, only texts are like a pattern, and an escape character stands before what it escapes."""
        super().require(on)
        if on.kind(self.column) != "text":
            raise UnusableError(f"{self.column} holds {on.column(self.column).type}: only texts are like a pattern")
        given, character = self.likes()
        for like in given:
            if character is not None and (len(like) - len(like.rstrip(character))) % 2:
                raise UnusableError(f"the pattern {arguments.shown(like)} ends with its escape character")

    def found(self, on: Checked) -> list[exp.Expr]:
        """For each pattern, the condition that the value is like it."""
        from sqlglot import exp

        given, character = self.likes()
        text = self.text(on)
        same = [exp.Like(this=text.copy(), expression=exp.Literal.string(like)) for like in given]
        if character is None:
            return list(same)
        return [exp.Escape(this=each, expression=exp.Literal.string(character)) for each in same]


@expectation("expect_column_values_to_match_regex", dimension="validity")
@dataclass(frozen=True)
class MatchRegex(RegexExpectation):
    """A regular expression is found in every value."""

    regex: str = argument(pattern)

    def regexes(self) -> tuple[str, ...]:
        """The one."""
        return (self.regex,)

    def unexpected(self, on: Checked) -> exp.Expr:
        """It is not found."""
        from headgate.gates import sql

        return sql.present_and(self.column, on.kind(self.column), sql.negated(self.found(on)[0]))


@expectation("expect_column_values_to_not_match_regex", dimension="validity")
@dataclass(frozen=True)
class NotMatchRegex(RegexExpectation):
    """A regular expression is found in no value."""

    regex: str = argument(pattern)

    def regexes(self) -> tuple[str, ...]:
        """The one."""
        return (self.regex,)

    def unexpected(self, on: Checked) -> exp.Expr:
        """It is found."""
        from headgate.gates import sql

        return sql.present_and(self.column, on.kind(self.column), self.found(on)[0])


@expectation("expect_column_values_to_match_regex_list", dimension="validity")
@dataclass(frozen=True)
class MatchRegexList(RegexExpectation):
    """Any, or all, of several regular expressions are found in every value."""

    regex_list: tuple[str, ...] = argument(patterns)
    match_on: str = argument(arguments.one_of("any", "all"), default="any")

    def regexes(self) -> tuple[str, ...]:
        """All of them."""
        return self.regex_list

    def unexpected(self, on: Checked) -> exp.Expr:
        """None is found, or not all are."""
        return _not_as_told(self, on, self.found(on), self.match_on)


@expectation("expect_column_values_to_not_match_regex_list", dimension="validity")
@dataclass(frozen=True)
class NotMatchRegexList(RegexExpectation):
    """None of several regular expressions is found in any value."""

    regex_list: tuple[str, ...] = argument(patterns)

    def regexes(self) -> tuple[str, ...]:
        """All of them."""
        return self.regex_list

    def unexpected(self, on: Checked) -> exp.Expr:
        """At least one is found."""
        from headgate.gates import sql

        return sql.present_and(self.column, on.kind(self.column), sql.any_of(self.found(on)))


@expectation("expect_column_values_to_match_like_pattern", dimension="validity")
@dataclass(frozen=True)
class MatchLike(LikeExpectation):
    """Every value is like a pattern."""

    like_pattern: str = argument(pattern)
    escape: str | None = argument(escape, default=None)

    def likes(self) -> tuple[tuple[str, ...], str | None]:
        """The one."""
        return (self.like_pattern,), self.escape

    def unexpected(self, on: Checked) -> exp.Expr:
        """It is not."""
        from headgate.gates import sql

        return sql.negated(self.found(on)[0])


@expectation("expect_column_values_to_not_match_like_pattern", dimension="validity")
@dataclass(frozen=True)
class NotMatchLike(LikeExpectation):
    """No value is like a pattern."""

    like_pattern: str = argument(pattern)
    escape: str | None = argument(escape, default=None)

    def likes(self) -> tuple[tuple[str, ...], str | None]:
        """The one."""
        return (self.like_pattern,), self.escape

    def unexpected(self, on: Checked) -> exp.Expr:
        """It is."""
        return self.found(on)[0]


@expectation("expect_column_values_to_match_like_pattern_list", dimension="validity")
@dataclass(frozen=True)
class MatchLikeList(LikeExpectation):
    """Every value is like any, or all, of several patterns."""

    like_pattern_list: tuple[str, ...] = argument(patterns)
    match_on: str = argument(arguments.one_of("any", "all"), default="any")
    escape: str | None = argument(escape, default=None)

    def likes(self) -> tuple[tuple[str, ...], str | None]:
        """All of them."""
        return self.like_pattern_list, self.escape

    def unexpected(self, on: Checked) -> exp.Expr:
        """It is like none, or not like all."""
        return _not_as_told(self, on, self.found(on), self.match_on)


@expectation("expect_column_values_to_not_match_like_pattern_list", dimension="validity")
@dataclass(frozen=True)
class NotMatchLikeList(LikeExpectation):
    """No value is like any of several patterns."""

    like_pattern_list: tuple[str, ...] = argument(patterns)
    escape: str | None = argument(escape, default=None)

    def likes(self) -> tuple[tuple[str, ...], str | None]:
        """All of them."""
        return self.like_pattern_list, self.escape

    def unexpected(self, on: Checked) -> exp.Expr:
        """It is like at least one."""
        from headgate.gates import sql

        return sql.any_of(self.found(on))


@dataclass(frozen=True)
class LengthExpectation(TextExpectation):
    """Counts the characters of each value."""

    @abstractmethod
    def allows(self, length: int) -> bool:
        """Whether a text may be so long."""

    def length(self, on: Checked) -> exp.Expr:
        """How many characters (code points) the value has."""
        from sqlglot import exp

        return exp.Length(this=self.text(on))

    def holds_within(self, on: Checked, known: Known) -> bool:
        """There is one text only, and it is as long as it may be."""
        return known.kind == "text" and bool(known.low == known.high) and self.allows(len(known.low))


@expectation("expect_column_value_lengths_to_be_between", dimension="validity")
@dataclass(frozen=True)
class LengthsBetween(Bounded, LengthExpectation):
    """Every value has a number of characters between two, which are allowed themselves unless ``strict``."""

    def require(self, on: Checked) -> None:
        """The bounds must leave room."""
        super().require(on)
        self.require_room(self.min_value, self.max_value)

    def allows(self, length: int) -> bool:
        """It lies between."""
        return self.is_above(length, self.min_value) and self.is_below(length, self.max_value)

    def unexpected(self, on: Checked) -> exp.Expr:
        """It is shorter or longer."""
        from sqlglot import exp

        from headgate.gates import sql

        sides: list[exp.Expr] = []
        if self.min_value is not None:
            shorter = exp.LTE if self.strict_min else exp.LT
            sides.append(shorter(this=self.length(on), expression=sql.float_constant(self.min_value)))
        if self.max_value is not None:
            longer = exp.GTE if self.strict_max else exp.GT
            sides.append(longer(this=self.length(on), expression=sql.float_constant(self.max_value)))
        return sql.present_and(self.column, on.kind(self.column), sql.any_of(sides))


@expectation("expect_column_value_lengths_to_equal", dimension="validity")
@dataclass(frozen=True)
class LengthsEqual(LengthExpectation):
    """Every value has so many characters."""

    value: float = argument(arguments.amount)

    def allows(self, length: int) -> bool:
        """It is the number."""
        return length == self.value

    def unexpected(self, on: Checked) -> exp.Expr:
        """It is another number."""
        from sqlglot import exp

        from headgate.gates import sql

        other = exp.NEQ(this=self.length(on), expression=sql.float_constant(self.value))
        return sql.present_and(self.column, on.kind(self.column), other)


def _not_as_told(this: TextExpectation, on: Checked, found: list[exp.Expr], match_on: str) -> exp.Expr:
    from headgate.gates import sql

    told = sql.every(found) if match_on == "all" else sql.any_of(found)
    return sql.present_and(this.column, on.kind(this.column), sql.negated(told))


def _search(regex: str) -> str:
    """The function that finds a regular expression.

    Where it can only be found as the whole text, both functions find the same; of a dictionary DuckDB asks
    ``regexp_full_match`` once per entry, and ``regexp_matches`` once per row. What may mean alternatives, quoting or
    other flags is left to the latter.

    >>> _search("^[a-z]+$"), _search("^a|b$"), _search(r"^a\\$"), _search("b$"), _search("^(?i)a$"), _search("^")
    ('regexp_full_match', 'regexp_matches', 'regexp_matches', 'regexp_matches', 'regexp_matches', 'regexp_matches')
    """
    inner = regex.removeprefix("^").removesuffix("$")
    whole = len(regex) - len(inner) == 2 and (len(inner) - len(inner.rstrip("\\"))) % 2 == 0
    plain = not any(sign in inner.replace("(?:", "(") for sign in ("|", "(?", "\\Q", "\\E"))
    return "regexp_full_match" if whole and plain else "regexp_matches"


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """An engine beside the lake's, which holds nothing: only it knows which regular expressions it understands."""
    return duckdb.connect(config={"threads": 1})


def is_found(regex: str, text: str) -> bool:
    """Whether a regular expression is found in a text, in which half of a character is one that none names.

    Raises:
        UnusableError: the engine does not understand it.
    """
    problem = _problem_with(regex)
    if problem is not None:
        raise _unusable(regex, problem)
    whole = arguments.HALF.sub("\ufffd", text)
    found = _engine().cursor().execute("SELECT regexp_matches(?, ?)", [whole, regex]).fetchall()
    return bool(found[0][0])


@lru_cache(maxsize=4096)
def _problem_with(regex: str) -> str | None:
    try:
        _engine().execute(f"SELECT regexp_matches('', {literal(regex)})").fetchall()
    except duckdb.Error as error:
        return first_line(error)
    return None


def _unusable(regex: str, problem: str) -> UnusableError:
    lacking = any(each in problem for each in ("perl operator", "escape sequence"))
    why = "; RE2, which no text can make hang, looks neither ahead nor behind, and has no back-references"
    return UnusableError(
        f"the regular expression {arguments.shown(regex)} cannot be used: {problem}{why if lacking else ''}"
    )
