"""Which files there are, and which of them must be read: by size and time, else by content.

Works without the engine.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from headgate.errors import SourceDataError

MANY = 5


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file: ``path`` is relative to the project where it lies inside, ``place`` is where to read it.

    ``mtime_ns`` of a file whose content is known is the time at which that content was first seen: a
    file that was merely touched keeps its place among the others. ``seen_ns`` is what it is now.
    """

    path: str
    place: str
    size: int
    mtime_ns: int
    sha256: str | None = None
    rows: int | None = None
    seen_ns: int = 0

    @property
    def rank(self) -> tuple[int, str]:
        """Of two files with a row of the same key, the one that ranks higher wins."""
        return (self.mtime_ns, self.path)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON, for the manifest."""
        return {key: value for key, value in asdict(self).items() if key not in ("place", "seen_ns")}


@dataclass(frozen=True, slots=True)
class Difference:
    """The files of a table (``present``, in their order), compared with what is known of them."""

    present: tuple[SourceFile, ...]
    new: tuple[SourceFile, ...]
    changed: tuple[SourceFile, ...]
    gone: tuple[str, ...]

    @property
    def why(self) -> str | None:
        """In words, or None if nothing changed."""
        parts = [
            _counted(len(paths), word, paths)
            for word, paths in (
                ("new", [f.path for f in self.new]),
                ("changed", [f.path for f in self.changed]),
                ("gone", list(self.gone)),
            )
            if paths
        ]
        return "; ".join(parts) or None

    def to_read(self, *, all_of_them: bool) -> tuple[SourceFile, ...]:
        """The files to read so that the result equals reading all of them in their order at once.

        That is what is new or changed, and every file that ranks after one of these: it was read
        before, but its rows must win again.
        """
        if all_of_them:
            return self.present
        fresh = [file.rank for file in (*self.new, *self.changed)]
        return tuple(file for file in self.present if fresh and file.rank >= min(fresh))


def list_files(pattern: str, folder: Path, *, table: str) -> tuple[SourceFile, ...]:
    """The files that match ``pattern``, in their order (time of change, then name).

    Raises:
        SourceDataError: nothing matches, or something that matches cannot be read as a file.
    """
    root = os.path.abspath(folder)  # noqa: PTH100 - symbolic links stay as they are
    exact = os.path.lexists(os.path.join(root, pattern))  # noqa: PTH118 - a pattern is no path
    names = [pattern] if exact else glob.glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207
    places = {os.path.normpath(os.path.join(root, name)) for name in names}  # noqa: PTH118
    files = [file for place in sorted(places) if (file := _look(place, root, table=table, exact=exact))]
    if not files:
        raise SourceDataError(
            f"no file matches {shown(pattern)}",
            table=table,
            rule="missing_file",
            hint="put the file there, or correct the path",
        )
    return tuple(sorted(files, key=lambda file: file.rank))


def compare(present: Iterable[SourceFile], known: Iterable[Mapping[str, Any]]) -> Difference:
    """What is new, changed and gone. Reads a file only where size or time leave a doubt."""
    before = {str(each["path"]): each for each in known}
    files, new, changed = [], [], []
    for file in present:
        old = before.pop(file.path, None)
        if old is None:
            new.append(file)
        elif _same(file, old):
            file = replace(file, mtime_ns=old["mtime_ns"], sha256=old["sha256"], rows=old.get("rows"))
        else:
            changed.append(file)
        files.append(file)
    files.sort(key=lambda file: file.rank)
    return Difference(tuple(files), tuple(new), tuple(changed), tuple(sorted(before)))


def sha256_of(place: str) -> str:
    """The hash of a file's bytes."""
    with Path(place).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def shown(path: str, limit: int = 200) -> str:
    """A path as it can be printed in one line.

    >>> shown("a\\nb.csv")
    "'a\\\\nb.csv'"
    """
    text = path if path.isprintable() else repr(path)
    return text if len(text) <= limit else "…" + text[1 - limit :]


def _same(file: SourceFile, old: Mapping[str, Any]) -> bool:
    if file.size != old["size"]:
        return False
    if file.mtime_ns == old["mtime_ns"]:
        return True
    try:
        return bool(sha256_of(file.place) == old["sha256"])
    except OSError:  # it went away just now: reading it will say so
        return False


def _look(place: str, root: str, *, table: str, exact: bool) -> SourceFile | None:
    """What lies at ``place``; None for a folder that a glob happens to match."""
    path = place.removeprefix(root.rstrip(os.sep) + os.sep)
    try:
        path.encode()
        found = os.stat(place)  # noqa: PTH116 - the place may hold what Path would normalise
        if stat.S_ISDIR(found.st_mode) and not exact:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise _unreadable("is not a file" if exact else "is not a regular file", path, table, rule="not_a_file")
        with open(place, "rb"):  # noqa: PTH123
            pass
    except UnicodeEncodeError as error:
        raise _unreadable("has a name that is not UTF-8", ascii(path), table, rule="file_name") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _unreadable("is a symbolic link that leads to itself", path, table) from error
        if error.errno == errno.ENOENT:
            raise _unreadable("is a symbolic link to a file that does not exist", path, table) from error
        raise _unreadable(f"cannot be read: {error.strerror}", path, table) from error
    return SourceFile(path, place, found.st_size, found.st_mtime_ns, seen_ns=found.st_mtime_ns)


def _unreadable(what: str, path: str, table: str, rule: str = "unreadable") -> SourceDataError:
    return SourceDataError(f"the file {what}", table=table, rule=rule, file=shown(path))


def _counted(count: int, word: str, paths: list[str]) -> str:
    names = ", ".join(shown(path) for path in paths[:MANY]) + (", …" if len(paths) > MANY else "")
    return f"{count} {word} file{'s' if count > 1 else ''}: {names}"
