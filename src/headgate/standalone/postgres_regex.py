r"""Regular expressions of RE2 in PostgreSQL's words, where both are known to mean the same.

What is understood is written anew: every literal as itself, every class by its characters, so that neither the
database's locale nor an escape that only one side knows has a say. The rest is refused: flags, classes of Unicode,
back-references, anchors that are repeated or in the middle. Both find a match somewhere in the text, in both ``^`` and
``$`` are the text's ends; lazy quantifiers find shorter matches, and find one where the others do. Words are of ASCII
for RE2, and for PostgreSQL where a text is collated as ``"C"``, which whoever asks sees to.

Source: https://github.com/google/re2/wiki/Syntax and
https://www.postgresql.org/docs/current/functions-matching.html#POSIX-SYNTAX-DETAILS
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

from headgate.gates.values import UnusableError

#: PostgreSQL repeats no more often, RE2 a thousand times.
MOST_REPEATED = 255
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "a": 7}
_DIGITS, _WORDS = "0-9", "0-9A-Za-z_"
_SPACES = r"\t\n\f\r "
_PERL = {"d": f"[{_DIGITS}]", "w": f"[{_WORDS}]", "s": f"[{_SPACES}]"} | {
    "D": f"[^{_DIGITS}]",
    "W": f"[^{_WORDS}]",
    "S": f"[^{_SPACES}]",
}
_NAMED = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "digit": _DIGITS,
    "lower": "a-z",
    "upper": "A-Z",
    "space": r"\t\n\v\f\r ",
    "xdigit": "0-9A-Fa-f",
}
_WORD_EDGE = r"\y"
_PLAIN = frozenset(string.ascii_letters + string.digits + " _")
_ENDS = frozenset({"", "|", ")"})
_QUANTIFIERS = frozenset("*+?{")


def in_postgres(regex: str) -> str:
    r"""The same regular expression for PostgreSQL.

    >>> in_postgres(r"^\d{3}-(?:a|b.)+$")
    '^[0-9]{3}\\-(?:a|b[^\\n])+$'

    Raises:
        UnusableError: it has a part that PostgreSQL may understand in another way.
    """
    reader = _Reader(regex)
    found = reader.alternatives()
    if not reader.at_end:
        raise reader.refused(reader.rest[:1])
    return found.text


@dataclass(frozen=True, slots=True)
class _Part:
    """A part as PostgreSQL reads it, and whether an anchor of the text's begin or end is in it."""

    text: str
    begins: bool = False
    ends: bool = False


class _Reader:
    """Reads a regular expression that RE2 has already understood, from left to right."""

    def __init__(self, regex: str) -> None:
        self._regex = regex
        self._at = 0

    @property
    def rest(self) -> str:
        return self._regex[self._at :]

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._regex)

    def refused(self, part: str) -> UnusableError:
        return UnusableError(
            f"PostgreSQL has nothing that is known to mean the same as {part!r} in the regular expression"
        )

    def alternatives(self) -> _Part:
        branches = [self._branch()]
        while self._takes("|"):
            branches.append(self._branch())
        if len(branches) > 1 and not all(each.text for each in branches):
            raise self.refused("an empty alternative")
        return _joined("|", branches)

    def _branch(self) -> _Part:
        parts: list[_Part] = []
        while self.rest[:1] not in _ENDS:
            parts.append(self._piece())
        if any(each.begins for each in parts[1:]) or any(each.ends for each in parts[:-1]):
            raise self.refused("an anchor in the middle")
        return _joined("", parts)

    def _piece(self) -> _Part:
        atom = self._atom()
        if self.rest[:1] not in _QUANTIFIERS:
            return atom
        quantifier = self._quantifier()
        if atom.begins or atom.ends or atom.text == _WORD_EDGE:
            raise self.refused(f"an anchor before {quantifier}")
        self._takes("?")
        if self.rest[:1] in _QUANTIFIERS:
            raise self.refused(quantifier + self.rest[0])
        return _Part(atom.text + quantifier)

    def _quantifier(self) -> str:
        sign = self._next()
        if sign != "{":
            return sign
        inside, brace, _ = self.rest.partition("}")
        low, _, high = inside.partition(",")
        numbers = [low, high] if high else [low]
        if not brace or not all(each.isascii() and each.isdigit() and int(each) <= MOST_REPEATED for each in numbers):
            raise self.refused(f"{{{inside}}}")
        self._at += len(inside) + 1
        return f"{{{inside}}}"

    def _atom(self) -> _Part:
        char = self._next()
        if char in "^$":
            return _Part(char, begins=char == "^", ends=char == "$")
        if char == ".":
            return _Part(r"[^\n]")
        if char == "(":
            return self._group()
        if char == "[":
            return _Part(self._bracket())
        if char == "\\":
            return self._escape()
        if char in _QUANTIFIERS:
            raise self.refused(char)
        return _Part(_written(ord(char)))

    def _group(self) -> _Part:
        if self.rest.startswith("?"):
            if not self.rest.startswith("?:"):
                raise self.refused(f"({self.rest[:3]}")
            self._at += 2
        inner = self.alternatives()
        if not self._takes(")") or not inner.text:
            raise self.refused("()")
        return _Part(f"(?:{inner.text})", inner.begins, inner.ends)

    def _escape(self) -> _Part:
        char = self._next()
        if char in _PERL:
            return _Part(_PERL[char])
        if char == "b":
            return _Part(_WORD_EDGE)
        if char in "Az":
            return _Part("^" if char == "A" else "$", begins=char == "A", ends=char == "z")
        return _Part(_written(self._character(char)))

    def _character(self, char: str) -> int:
        """The code point that stands behind a backslash."""
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "x" and len(digits := self.rest[:2]) == 2 and all(each in string.hexdigits for each in digits):
            self._at += 2
            if int(digits, 16):
                return int(digits, 16)
        if char.isascii() and not char.isalnum():
            return ord(char)
        raise self.refused(f"\\{char}")

    def _bracket(self) -> str:
        negated = "^" if self._takes("^") else ""
        items = [self._range(ord("]"))] if self._takes("]") else []
        while not self._takes("]"):
            items.append(self._item())
        return f"[{negated}{''.join(items)}]"

    def _item(self) -> str:
        if self.rest.startswith("[:"):
            name, end, _ = self.rest[2:].partition(":]")
            if not end or name not in _NAMED:
                raise self.refused(self.rest[: len(name) + 4])
            self._at += len(name) + 4
            return _NAMED[name]
        char = self._next()
        if char != "\\":
            return self._range(ord(char))
        escaped = self._next()
        if escaped in "dws":
            return _PERL[escaped][1:-1]
        return self._range(self._character(escaped))

    def _range(self, low: int) -> str:
        """A character, or all from it to another."""
        if not self.rest.startswith("-") or self.rest.startswith("-]"):
            return _written(low)
        self._at += 1
        char = self._next()
        high = self._character(self._next()) if char == "\\" else ord(char)
        if char == "[" or high < low:
            raise self.refused(f"-{char}")
        return f"{_written(low)}-{_written(high)}"

    def _takes(self, text: str) -> bool:
        if not self.rest.startswith(text):
            return False
        self._at += len(text)
        return True

    def _next(self) -> str:
        if self.at_end:
            raise self.refused("an end that is missing")
        self._at += 1
        return self._regex[self._at - 1]


def _joined(between: str, parts: Sequence[_Part]) -> _Part:
    begins, ends = any(each.begins for each in parts), any(each.ends for each in parts)
    return _Part(between.join(each.text for each in parts), begins, ends)


def _written(code: int) -> str:
    r"""A character as itself, within brackets and without.

    >>> _written(ord("a")), _written(ord(".")), _written(10), _written(ord("é"))
    ('a', '\\.', '\\u000A', 'é')
    """
    char = chr(code)
    if char in _PLAIN or (code > 0xA0 and char.isprintable()):
        return char
    if char.isascii() and char.isprintable():
        return f"\\{char}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
