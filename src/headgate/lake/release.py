"""Releases: frozen catalogs with a manifest, and the pointer that says which one is served."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headgate.errors import CorruptError, NoReleaseError, PublishRefusedError, did_you_mean
from headgate.lake.store import ExistsError, MissingError, MovedError, Store

POINTER = "current"
MANIFEST_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Hold:
    """Why the lake is held: runs end at once until somebody resumes it."""

    since: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """The one mutable object of a lake.

    ``nonce`` makes every content unique, since contents that come back would come back with the same
    ETag; ``highest`` is the highest number ever used, so that a pruned number is never used again;
    ``abandoned`` are numbers whose publisher died before the pointer moved: they were never published.
    """

    release: int | None
    nonce: str
    highest: int
    held: Hold | None = None
    abandoned: tuple[int, ...] = ()

    @classmethod
    def parse(cls, content: bytes) -> Pointer:
        """Read the pointer's JSON; raises CorruptError."""
        try:
            data = json.loads(content)
            held = Hold(**data["held"]) if data.get("held") else None
            return cls(data["release"], data["nonce"], data["highest"], held, tuple(data["abandoned"]))
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptError(
                "the pointer to the current release cannot be read",
                where=POINTER,
                hint="headgate doctor lists the releases; headgate rollback N points to one of them",
            ) from error

    def moved(self, release: int | None, *, held: Hold | None = None) -> Pointer:
        """The pointer's next state; numbers between the highest known and a new one were abandoned."""
        highest = max(self.highest, release or 0)
        skipped = range(self.highest + 1, highest)
        return Pointer(release, uuid.uuid4().hex, highest, held, (*self.abandoned, *skipped))

    def encode(self) -> bytes:
        """The JSON that is stored."""
        return json.dumps(asdict(self)).encode()


NO_RELEASE = Pointer(None, "", 0)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a release was made from and what it holds. Plain JSON values throughout.

    ``tables`` maps ``schema.table`` to its rows, columns with their profile, identity and data files;
    ``sources`` maps ``source.table`` to what was read; ``models`` maps models to their fingerprints.
    """

    release: int
    parent: int | None
    run: str
    project: str
    target: str | None
    published_at: str
    catalog_sha256: str
    snapshot: int
    project_hash: str
    project_files: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    git: dict[str, Any] = field(default_factory=dict)
    layers: list[str] = field(default_factory=list)
    sources: dict[str, Any] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)
    expectations: dict[str, Any] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    format: int = MANIFEST_FORMAT

    def rows(self) -> dict[str, int]:
        """Rows of each table of the last layer, which is what the pipeline is for."""
        last = self.layers[-1] if self.layers else None
        return {name: t["rows"] for name, t in self.tables.items() if t["schema"] == last}


class Releases:
    """The releases of one lake."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def pointer(self) -> Pointer:
        """What is served now."""
        content = self._pointer_content()
        return NO_RELEASE if content is None else Pointer.parse(content)

    def numbers(self) -> list[int]:
        """Every release that was published and is still kept, oldest first."""
        pointer = self.pointer()
        found = (n for n, kind in self.listed() if kind == "json")
        return sorted(n for n in found if n <= pointer.highest and n not in pointer.abandoned)

    def manifest(self, number: int) -> Manifest:
        """The manifest of one release; raises NoReleaseError, CorruptError."""
        key = manifest_key(number)
        try:
            data = json.loads(self.store.read(key))
            return Manifest(**data)
        except MissingError as error:
            known = [str(n) for n in self.numbers()]
            raise NoReleaseError(f"there is no release {number}", hint=did_you_mean(str(number), known)) from error
        except (ValueError, TypeError) as error:
            raise CorruptError(f"the manifest of release {number} cannot be read: {error}", where=key) from error

    def current(self) -> Manifest | None:
        """The manifest of the release that is served, if there is one."""
        number = self.pointer().release
        return None if number is None else self.manifest(number)

    def manifests(self) -> Iterator[Manifest]:
        """All manifests, oldest first."""
        return (self.manifest(n) for n in self.numbers())

    def verify(self, number: int) -> None:
        """Compare the frozen catalog with the hash in its manifest; raises CorruptError."""
        manifest = self.manifest(number)
        try:
            found = hashlib.sha256(self.store.read(catalog_key(number))).hexdigest()
        except MissingError as error:
            raise CorruptError(f"the catalog of release {number} is gone", where=catalog_key(number)) from error
        if found != manifest.catalog_sha256:
            raise CorruptError(
                f"the catalog of release {number} is not the one that was published",
                where=self.store.url(catalog_key(number)),
                hint="restore the file from a backup, or roll back to another release",
            )

    def publish(self, frozen: Path, draft: Manifest, base: Pointer) -> Manifest:
        """Make ``frozen`` a release and point to it, if the pointer still is ``base``.

        ``frozen`` is a finished copy of the branch's catalog that nobody writes to any more. Numbers
        are created exclusively, so two publishers can never share one; a number without a manifest
        belongs to a publisher that died and is skipped.

        Raises:
            PublishRefusedError: the pointer moved since the branch was made. Nothing is published.
        """
        if (found := self.pointer()).nonce != base.nonce:
            raise PublishRefusedError(base.release, found.release)
        manifest = self._create_numbered(frozen, draft, base)
        self._point(base, base.moved(manifest.release))
        return manifest

    def rollback(self, number: int, *, reason: str) -> Pointer:
        """Serve an older release again, and hold the lake; raises NoReleaseError, CorruptError."""
        self.verify(number)
        base = self.pointer()
        hold = Hold(datetime.now(UTC).isoformat(timespec="seconds"), reason)
        return self._point(base, base.moved(number, held=hold))

    def resume(self) -> bool:
        """Let runs go on; False if the lake was not held."""
        base = self.pointer()
        if base.held is None:
            return False
        self._point(base, base.moved(base.release))
        return True

    def _create_numbered(self, frozen: Path, draft: Manifest, base: Pointer) -> Manifest:
        number = max([base.highest, *(n for n, _ in self.listed())], default=0) + 1
        while True:
            try:
                self.store.create(catalog_key(number), frozen)
                break
            except ExistsError:
                number += 1
        manifest = replace(draft, release=number)
        self.store.create(manifest_key(number), json.dumps(asdict(manifest), indent=1).encode())
        return manifest

    def _point(self, base: Pointer, to: Pointer) -> Pointer:
        content = self._pointer_content()
        found = NO_RELEASE if content is None else Pointer.parse(content)
        if found.nonce != base.nonce:
            raise PublishRefusedError(base.release, found.release)
        try:
            self.store.replace(POINTER, to.encode(), expected=content)
        except MovedError as error:
            raise PublishRefusedError(base.release, self.pointer().release) from error
        return to

    def _pointer_content(self) -> bytes | None:
        try:
            return self.store.read(POINTER)
        except MissingError:
            return None

    def listed(self) -> Iterator[tuple[int, str]]:
        """Every (number, ``json`` or ``ducklake``) that lies in the store, published or not."""
        for entry in self.store.list("releases"):
            if match := re.fullmatch(r"releases/(\d{6,})\.(json|ducklake)", entry.key):
                yield int(match[1]), match[2]


def catalog_key(number: int) -> str:
    """Where the frozen catalog of a release lies.

    >>> catalog_key(42)
    'releases/000042.ducklake'
    """
    return f"releases/{number:06d}.ducklake"


def manifest_key(number: int) -> str:
    """Where the manifest of a release lies."""
    return f"releases/{number:06d}.json"
