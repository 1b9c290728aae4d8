"""Where the objects of a lake are kept: create once, list, delete, and one pointer that is replaced.

``LocalStore`` is a folder, ``S3Store`` (in ``s3``) a prefix of a bucket. Everything but the pointer is written once and
never again, so the whole of the lake's consistency rests on two operations: ``create`` is exclusive, ``replace``
compares first.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from headgate.errors import CouldNotRunError, LakeError


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a listing tells of one object; ``modified`` is seconds since the epoch."""

    key: str
    bytes: int
    modified: float


class ExistsError(LakeError):
    """``create`` found the key taken."""


class MissingError(LakeError):
    """The key does not exist."""


class MovedError(LakeError):
    """``replace`` found another content than the one that was expected."""


class Store(Protocol):
    """The objects of one lake, by key: ``releases/000001.json``, ``data/raw_log/train/….parquet``.

    ``shared``: machines that work on the lake see its objects, but not each other's work folder.
    """

    location: str
    shared: bool

    @property
    def workdir(self) -> Path:
        """A local folder in which branches are worked on."""
        ...

    def url(self, key: str) -> str:
        """What DuckDB reads the object by."""
        ...

    def access(self) -> str | None:
        """The SQL that lets DuckDB read and write the objects, which holds credentials: never show it."""
        ...

    def read(self, key: str) -> bytes:
        """The whole content of a small object; raises MissingError."""
        ...

    def recall(self, key: str, nonce: str) -> bytes:
        """As `read`, of an object that is never replaced: what was read under the same ``nonce`` may be the answer."""
        ...

    def file(self, key: str, sha256: str | None) -> Path:
        """A local file, only to be read, that holds an object which is never replaced.

        With ``sha256`` a copy that was compared with it may be the answer; without, the object is looked at.
        Raises MissingError where a copy is needed and there is none to be had, CorruptError if it has another hash.
        """
        ...

    def create(self, key: str, content: bytes | Path) -> None:
        """Write a new object durably, all or nothing; raises ExistsError.

        A file given as ``content`` is finished: it may become the object itself, so nobody writes to it again.
        """
        ...

    def replace(self, key: str, content: bytes, *, expected: bytes | None) -> None:
        """Replace the object if it still holds ``expected`` (None: is not there); raises MovedError."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key starts with the folder ``prefix``, in no promised order."""
        ...

    def delete(self, key: str) -> None:
        """Delete the object; one that is not there is as good as deleted."""
        ...

    def fetch(self, key: str, to: Path) -> None:
        """Copy the object to a new local file; raises MissingError."""
        ...

    def sweep(self, *, older_than_seconds: float) -> None:
        """Remove what killed processes left half written; none of it was ever an object."""
        ...


def checked_key(key: str) -> PurePosixPath:
    """Refuse a key that would leave the lake, mean two things, or be hidden from listings; raises LakeError.

    >>> checked_key("releases/000001.json")
    PurePosixPath('releases/000001.json')
    """
    path = PurePosixPath(key)
    hidden = any(part.startswith(".") or part.endswith(".tmp") for part in path.parts)
    if not path.parts or path.is_absolute() or str(path) != key or hidden or "\x00" in key:
        raise LakeError(f"not a key of an object inside the lake: {key!r}")
    return path


@contextlib.contextmanager
def writing(where: str | Path) -> Iterator[None]:
    """Translate what the operating system says while something of the lake is written."""
    try:
        yield
    except OSError as error:
        text = error.strerror or str(error)
        raise CouldNotRunError(f"the lake cannot be written: {text}", where=str(where), hint=_hint(error)) from error


class LocalStore:
    """A lake in a folder of this machine."""

    shared = False

    def __init__(self, folder: Path) -> None:
        self._root = folder.absolute()
        self.location = str(self._root)

    @property
    def workdir(self) -> Path:
        return self._root / "work"

    def url(self, key: str) -> str:
        return str(self._path(key))

    def access(self) -> str | None:
        return None

    def recall(self, key: str, nonce: str) -> bytes:
        return self.read(key)

    def file(self, key: str, sha256: str | None) -> Path:
        return self._path(key)

    def read(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError as error:
            raise MissingError("there is no such object in the lake", where=self.url(key)) from error
        except OSError as error:
            raise CouldNotRunError(f"the lake cannot be read: {error}", where=self.url(key)) from error

    def create(self, key: str, content: bytes | Path) -> None:
        path = self._path(key)
        with writing(path):
            _make_folder(path.parent)
            temporary = self._temporary(path)
            try:
                if isinstance(content, Path):
                    _link_or_copy(content, temporary)
                    sync(temporary)
                else:
                    _write(temporary, content)
                temporary.chmod(0o444)
                os.link(temporary, path)  # exclusive and atomic, which a rename is not
            except FileExistsError as error:
                raise ExistsError("the object exists already", where=self.url(key)) from error
            finally:
                temporary.unlink(missing_ok=True)
            sync(path.parent)

    def replace(self, key: str, content: bytes, *, expected: bytes | None) -> None:
        path = self._path(key)
        with writing(path):
            _make_folder(path.parent)
            with (path.parent / f".{path.name}.lock").open("a") as guard:
                fcntl.flock(guard, fcntl.LOCK_EX)
                found = path.read_bytes() if path.exists() else None
                if found != expected:
                    raise MovedError("the object changed meanwhile", where=self.url(key))
                temporary = self._temporary(path)
                try:
                    _write(temporary, content)
                    temporary.replace(path)
                finally:
                    temporary.unlink(missing_ok=True)
                sync(path.parent)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        top = self._path(prefix)
        for folder, folders, names in os.walk(top, onerror=_unreadable):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                if name.startswith(".") or name.endswith(".tmp"):
                    continue
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):  # deleted between the listing and the look
                    status = path.stat()
                    key = path.relative_to(self._root).as_posix()
                    yield StoredObject(key, status.st_size, status.st_mtime)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with writing(path):
            path.unlink(missing_ok=True)

    def fetch(self, key: str, to: Path) -> None:
        source = self._path(key)
        with writing(to):
            if not source.exists():
                raise MissingError("there is no such object in the lake", where=str(source))
            to.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._temporary(to)
            try:
                shutil.copyfile(source, temporary)
                temporary.replace(to)
            finally:
                temporary.unlink(missing_ok=True)

    def sweep(self, *, older_than_seconds: float) -> None:
        for folder in (self._root, self._root / "releases", self.workdir):
            for path in folder.glob(".*.tmp"):
                with writing(path), contextlib.suppress(FileNotFoundError):
                    if time.time() - path.stat().st_mtime >= older_than_seconds:
                        path.unlink()

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)

    @staticmethod
    def _temporary(path: Path) -> Path:
        return path.parent / f".{path.name}.{uuid.uuid4().hex}.tmp"


#: ENOSPC, EDQUOT, EFBIG: three ways in which a disk is full.
_FULL = (28, 122, 27)
#: EPERM, EACCES, EROFS: three ways in which somebody may not.
_FORBIDDEN = (1, 13, 30)


def _hint(error: OSError) -> str | None:
    if error.errno in _FULL:
        return "free some space, then run again; nothing was published"
    if error.errno in _FORBIDDEN:
        return "let this user write there, or name another place: the setting 'lake' in headgate.yml"
    return None


def _make_folder(path: Path) -> None:
    """Make a folder so that it survives a power cut, as the objects in it must."""
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def _unreadable(error: OSError) -> None:
    """A folder that is not there lists nothing; one that cannot be read must not look empty."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise CouldNotRunError(f"the lake cannot be read: {error}", where=str(error.filename)) from error


def _link_or_copy(source: Path, to: Path) -> None:
    try:
        to.hardlink_to(source)  # no second copy of a large catalog, and nothing more to wait for at publish
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, to)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        _sync_content(file.fileno())


def sync(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor) if path.is_dir() else _sync_content(descriptor)
    finally:
        os.close(descriptor)


#: Without times and the number of links, which for a file that was synced before are all there is to wait for.
_sync_content = getattr(os, "fdatasync", os.fsync)
