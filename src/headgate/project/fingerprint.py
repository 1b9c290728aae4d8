"""Which files make up a project, and what is in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from headgate.errors import ConfigError

FILES = (
    "headgate.yml",
    "schema.lock",
    "dbt_project.yml",
    "packages.yml",
    "dependencies.yml",
    "package-lock.yml",
)
FOLDERS = ("analyses", "gates", "macros", "models", "seeds", "snapshots", "tests")


def fingerprint(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file that says what a run does, by its path in the project, sorted.

    Data, the lake and what tools leave behind are not part of it; neither are hidden files.

    Raises:
        ConfigError: one of them cannot be read.
    """
    paths = [name for name in FILES if (folder / name).is_file()]
    for name in FOLDERS:
        paths += _files(str(folder), name)
    return {path: _sha256(folder, path) for path in sorted(paths)}


def project_hash(folder: Path) -> str:
    """One hash over all of ``fingerprint``."""
    return combined(fingerprint(folder))


def combined(hashes: dict[str, str]) -> str:
    """One hash over a fingerprint."""
    lines = "".join(f"{digest} {len(path)} {path}\n" for path, digest in sorted(hashes.items()))
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def _files(root: str, relative: str) -> Iterator[str]:
    try:
        entries = [
            (entry.name, entry.is_dir(follow_symlinks=False), entry.is_file()) for entry in _entries(root, relative)
        ]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise ConfigError(f"this cannot be read: {error.strerror}", file=error.filename or relative) from error
    for name, is_folder, is_file in entries:
        if name.startswith(".") or name == "__pycache__":
            continue
        path = f"{relative}/{name}"
        if is_folder:
            yield from _files(root, path)
        elif is_file:
            yield path


def _entries(root: str, relative: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(f"{root}/{relative}") as entries:
        yield from entries


def _sha256(folder: Path, path: str) -> str:
    try:
        with open(f"{folder}/{path}", "rb") as stream:  # noqa: PTH123 - measurably faster over thousands of files
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", file=path) from error
