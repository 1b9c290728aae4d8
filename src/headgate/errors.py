"""Everything that can go wrong, as one tree.

::

    HeadgateError
    ├── UsageError               the author's mistake: exit code 2
    │   ├── ConfigError          a file of the project says something wrong (file, line, key)
    │   └── MissingExtraError    an optional library is not installed
    ├── DataError                the data is wrong: the run is blocked, exit code 1
    │   └── SourceDataError      a source holds something that cannot be loaded (file, row, column, rule)
    └── CouldNotRunError         neither: exit code 3
        ├── LockHeldError        another run works on this lake
        ├── SourceUnavailableError  a source cannot be reached; trying again may help
        ├── SourceRefusedError   a source lets us not in, or not do that; trying again does not help
        ├── LedgerUnavailableError  the ledger cannot be reached, or stays locked; trying again may help
        ├── TransformError       a model failed (file, line, the database's message)
        ├── LakeUnavailableError the lake's object store cannot be reached or does not answer; trying again may help
        ├── LakeError            the lake is not as it must be
        │   ├── NoReleaseError   asked for a release that does not exist
        │   └── CorruptError     a frozen file is not what its manifest says
        ├── ServeError           a release could not be served to a warehouse, which stays on its old one
        │   ├── WarehouseUnavailableError  it cannot be reached, is full or locked; trying again may help
        │   └── WarehouseDriftError  it is not as Headgate left it, or would have to lose something
        │       └── WarehouseTakenError  another project or lake keeps it
        ├── PublishRefusedError  the pointer moved while the run worked
        └── InterruptedRunError  Ctrl-C, or SIGTERM: exit code 130

An error says what is wrong, where, what exists instead, what to do next, and whether trying again
helps. Foreign exceptions are translated once, at their edge, with ``raise … from``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar

MESSAGE_LIMIT = 2_000


class ExitCode(IntEnum):
    """What the process tells its caller."""

    OK = 0
    BLOCKED = 1
    USAGE = 2
    COULD_NOT_RUN = 3
    INTERRUPTED = 130


def printable(text: str) -> str:
    """A text without control characters, and none that turns others around: they are written as they would be in code.

    >>> printable("tab\\tbell\\a, back to front \\u202e")
    'tab\\\\tbell\\\\x07, back to front \\\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\u00a0" else repr(c)[1:-1] for c in text)


def printable_lines(text: str) -> str:
    """The same of a text that may have several lines.

    >>> printable_lines("first\\nsecond\\x1b[2J")
    'first\\nsecond\\\\x1b[2J'
    """
    return "\n".join(map(printable, text.split("\n")))


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant.

    >>> closest("primary_kye", ["path", "primary_key"]), closest("zzz", ["path"])
    ('primary_key', None)
    """
    return next(iter(difflib.get_close_matches(word, sorted(set(known)), n=1, cutoff=0.6)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A half sentence that helps with a mistyped word.

    >>> did_you_mean("primary_kye", ["path", "primary_key"])
    "did you mean 'primary_key'?"
    >>> did_you_mean("zzz", ["path", "cursor"])
    'known: cursor, path'
    """
    names = sorted(set(known))
    if near := closest(word, names):
        return f"did you mean '{near}'?"
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f"known: {shown}" if names else "there are none"


class HeadgateError(Exception):
    """What went wrong (``what``), where, and what to do next."""

    exit_code: ClassVar[ExitCode] = ExitCode.COULD_NOT_RUN
    retryable: ClassVar[bool] = False

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.what = what if len(what) <= MESSAGE_LIMIT else what[: MESSAGE_LIMIT - 1] + "…"
        self.where = where
        self.hint = hint
        super().__init__(self.what)

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  → {self.hint}" if self.hint else head


class UsageError(HeadgateError):
    """The author of the project, or of the command, made a mistake."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """A file of the project says something wrong.

    ``file`` is relative to the project where possible, ``line`` counts from 1, ``key`` is the dotted
    path of the setting.
    """

    def __init__(
        self, what: str, *, file: str, line: int | None = None, key: str | None = None, hint: str | None = None
    ) -> None:
        self.file = file
        self.line = line
        self.key = key
        place = file if line is None else f"{file}:{line}"
        super().__init__(what, where=f"{place} ({key})" if key else place, hint=hint)


class MissingExtraError(UsageError):
    """An optional library is needed and not installed."""

    def __init__(self, library: str, extra: str) -> None:
        self.library = library
        self.extra = extra
        super().__init__(
            f"this needs the library {library}, which is not installed",
            hint=f"pip install 'headgate[{extra}]'",
        )


class DataError(HeadgateError):
    """The data is wrong: nothing is published, the old release is still served."""

    exit_code = ExitCode.BLOCKED


class SourceDataError(DataError):
    """A source holds something that cannot be loaded.

    ``table`` is ``source.table``; ``file``, ``row`` (1 is the first line after the header) and ``column``
    say where, ``rule`` which rule is broken.
    """

    def __init__(
        self,
        what: str,
        *,
        table: str,
        rule: str,
        file: str | None = None,
        row: int | None = None,
        column: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.table = table
        self.rule = rule
        self.file = file
        self.row = row
        self.column = column
        where = [f"source {table}"]
        if file:
            where.append(f"file {file}")
        if row is not None:
            where.append(f"row {row}")
        if column:
            where.append(f"column {column}")
        super().__init__(what, where=", ".join(where), hint=hint)


class CouldNotRunError(HeadgateError):
    """The run could not be carried out, for a reason that is neither the data's nor the author's."""


class LockHeldError(CouldNotRunError):
    """Another run (``run``) works on this lake, or rests between two steps ``until`` it is taken for dead."""

    retryable = True

    def __init__(self, run: str, since: str, until: str | None = None) -> None:
        self.run = run
        self.since = since
        rests = f", and rests between two steps: until {until} it may come back" if until else ""
        super().__init__(
            f"run {run} holds the lock of this lake since {since}{rests}",
            hint="wait for it, or let this run wait: headgate run --wait 10m"
            + (f"; to end it, do its next step: headgate run --run {run} --step NAME" if until else ""),
        )


class SourceUnavailableError(CouldNotRunError):
    """A source cannot be reached; trying again may help."""

    retryable = True


class SourceRefusedError(CouldNotRunError):
    """A source lets us not in, or not do what was asked: a password, a privilege, a time limit."""


class LedgerUnavailableError(CouldNotRunError):
    """The ledger cannot be reached, or another program keeps it locked; trying again may help."""

    retryable = True


class LakeUnavailableError(CouldNotRunError):
    """The object store in which a lake lies cannot be reached or does not answer; trying again may help."""

    retryable = True


class TransformError(CouldNotRunError):
    """A model failed: ``model`` is its name; file, line and the database's message are in the text.

    ``fault`` says whose: SQL that the database cannot read is the author's mistake (exit 2), a value that
    cannot be converted is the data's (exit 1), anything else could not run (exit 3).
    """

    def __init__(
        self,
        what: str,
        *,
        model: str,
        where: str | None = None,
        hint: str | None = None,
        fault: ExitCode = ExitCode.COULD_NOT_RUN,
    ) -> None:
        self.model = model
        self.exit_code = fault  # type: ignore[misc]  # the one error whose exit code depends on what happened
        super().__init__(what, where=where, hint=hint)


class LakeError(CouldNotRunError):
    """The lake is not as it must be."""


class NoReleaseError(LakeError):
    """Asked for a release that does not exist."""

    exit_code = ExitCode.USAGE


class CorruptError(LakeError):
    """A frozen file is not what its manifest says."""


class ServeError(CouldNotRunError):
    """A release could not be served to a warehouse, which stays on the release that it had."""


class WarehouseUnavailableError(ServeError):
    """The warehouse cannot be reached, is full, or somebody locks it; trying again may help."""

    retryable = True


class WarehouseDriftError(ServeError):
    """The warehouse is not as Headgate left it, or would have to lose something to become the release."""


class WarehouseTakenError(WarehouseDriftError):
    """Another project, target or lake keeps the schema: it holds nothing of this one."""


class PublishRefusedError(CouldNotRunError):
    """The pointer moved while the run worked: publishing would lose somebody's release."""

    def __init__(self, expected: int | None, found: int | None) -> None:
        self.expected = expected
        self.found = found
        super().__init__(
            f"the lake moved from release {expected} to {found} while this run worked; nothing was published",
            hint="run again: the next run starts from the new release",
        )


class InterruptedRunError(CouldNotRunError):
    """Somebody pressed Ctrl-C, or a scheduler ended the process."""

    exit_code = ExitCode.INTERRUPTED
    retryable = True

    def __init__(self) -> None:
        super().__init__("interrupted", hint="readers stay on what was served; run it again when you like")
