"""Publishing and rolling back: numbered releases, and the pointer that says which one is served."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from headgate.errors import CorruptError, NoReleaseError, PublishRefusedError, did_you_mean
from headgate.lake.manifest import Manifest, catalog_key, manifest_key
from headgate.lake.probing import probe
from headgate.lake.store import ExistsError, MissingError, MovedError, Store

__all__ = ["NO_RELEASE", "POINTER", "Hold", "Manifest", "Pointer", "Releases", "catalog_key", "manifest_key"]

POINTER = "current"
LOST = "headgate doctor lists the releases; headgate rollback N points to one of them"


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
    ``abandoned`` are numbers that are no releases although objects of them may exist: their publisher
    died before the pointer moved, or they are being pruned.
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
            data = dict(json.loads(content))
            held = Hold(**data["held"]) if data["held"] else None
            abandoned = tuple(int(n) for n in data["abandoned"])
            release = None if data["release"] is None else int(data["release"])
            return cls(release, str(data["nonce"]), int(data["highest"]), held, abandoned)
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptError("the pointer to the current release cannot be read", where=POINTER, hint=LOST) from error

    def moved(self, release: int | None, *, held: Hold | None = None) -> Pointer:
        """The pointer's next state; numbers between the highest known and a new one were abandoned."""
        highest = max(self.highest, release or 0)
        skipped = range(self.highest + 1, highest)
        return Pointer(release, uuid.uuid4().hex, highest, held, (*self.abandoned, *skipped))

    def published(self, number: int) -> bool:
        """Whether the number may be a release: others were left by publishers that died, or are being pruned."""
        return 0 < number <= self.highest and number not in self.abandoned

    def encode(self) -> bytes:
        """The JSON that is stored."""
        return json.dumps(asdict(self)).encode()


NO_RELEASE = Pointer(None, "", 0)


class Releases:
    """The releases of one lake."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def pointer(self) -> Pointer:
        """What is served now; raises CorruptError."""
        return self._read_pointer()[0]

    def rescued(self) -> Pointer:
        """What is known of a lake whose pointer is lost: it serves nothing, but its releases are there.

        The only thing that cannot be told any more is which numbers were left by publishers that died
        just before the pointer moved; they passed all their gates and count as published.
        """
        found = list(self.listed())
        highest = max((n for n, _ in found), default=0)
        whole = {n for n, kind in found if kind == "json"}
        return Pointer(None, "", highest, None, tuple(n for n in range(1, highest) if n not in whole))

    def numbers(self) -> list[int]:
        """Every release that was published and is still kept, oldest first."""
        return self._numbers(self.pointer())

    def manifest(self, number: int) -> Manifest:
        """The manifest of one release; raises NoReleaseError, CorruptError."""
        return self._manifest(number, self.pointer())

    def current(self) -> Manifest | None:
        """The manifest of the release that is served, if there is one."""
        pointer = self.pointer()
        return None if pointer.release is None else self._manifest(pointer.release, pointer)

    def manifests(self) -> Iterator[Manifest]:
        """All manifests, oldest first."""
        pointer = self.pointer()
        return (self._manifest(n, pointer) for n in self._numbers(pointer))

    def catalog(self, number: int, pointer: Pointer | None = None) -> Path:
        """A local file, only to be read, with the frozen catalog; raises NoReleaseError, CorruptError.

        ``pointer`` is what was read just now, so that it is not read again.
        """
        manifest = self._manifest(number, pointer or self.pointer())
        try:
            return self.store.file(catalog_key(number), manifest.catalog_sha256)
        except MissingError as error:
            raise CorruptError(f"the catalog of release {number} is gone", where=catalog_key(number)) from error

    def verify(self, number: int) -> None:
        """Compare the frozen catalog with the hash in its manifest; raises NoReleaseError, CorruptError."""
        self._verify(number, self.pointer())

    def _verify(self, number: int, pointer: Pointer) -> None:
        manifest = self._manifest(number, pointer, fresh=True)
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
        found, content = self._read_pointer()
        if found.nonce != base.nonce:
            raise PublishRefusedError(base.release, found.release)
        if content is None:
            content = self._lay_out()
        manifest = self._create_numbered(frozen, draft, base)
        self._point(base, base.moved(manifest.release), content)
        return manifest

    def rollback(self, number: int, *, reason: str) -> Pointer:
        """Serve an older release again, and hold the lake; also the way back from a lost pointer.

        Raises:
            NoReleaseError: there is no such release.
            CorruptError: the release is not what was published.
            PublishRefusedError: somebody moved the pointer at the same time.
        """
        try:
            base, content = self._read_pointer()
        except CorruptError:
            base, content = self.rescued(), self._pointer_content()
        self._verify(number, base)
        hold = Hold(datetime.now(UTC).isoformat(timespec="seconds"), reason)
        return self._point(base, base.moved(number, held=hold), content)

    def resume(self) -> bool:
        """Let runs go on; False if the lake was not held."""
        base, content = self._read_pointer()
        if base.held is None:
            return False
        self._point(base, base.moved(base.release), content)
        return True

    def fence(self) -> None:
        """Give the pointer a new nonce, so that a run which branched before this publishes nothing."""
        base, content = self._read_pointer()
        if content is not None:
            self._point(base, replace(base, nonce=uuid.uuid4().hex), content)

    def withdraw(self, numbers: Iterable[int], base: Pointer) -> None:
        """Make ``numbers`` no releases, before they are deleted: nobody can roll back to one meanwhile.

        Together with those that are kept they must be all that `listed` gives. Raises PublishRefusedError
        if the pointer is not ``base`` any more.
        """
        found, content = self._read_pointer()
        if found.nonce != base.nonce:
            raise PublishRefusedError(base.release, found.release)
        gone = tuple(sorted(numbers))
        highest = max(base.highest, *gone, 0)
        if (highest, gone) != (base.highest, base.abandoned):
            to = Pointer(base.release, uuid.uuid4().hex, highest, base.held, gone)
            self._point(base, to, content)

    def _create_numbered(self, frozen: Path, draft: Manifest, base: Pointer) -> Manifest:
        number = max([base.highest, *(n for n, _ in self.listed())], default=0) + 1
        while True:
            try:
                self.store.create(catalog_key(number), frozen)
                break
            except ExistsError:
                number += 1
        manifest = replace(draft, release=number)
        self.store.create(manifest_key(number), manifest.encode())
        return manifest

    def _lay_out(self) -> bytes:
        """Write the first pointer, so that one that is missing later is known to be lost."""
        probe(self.store)
        content = NO_RELEASE.encode()
        with contextlib.suppress(MovedError):  # another first publisher was here; only one will get past it
            self.store.replace(POINTER, content, expected=None)
        return content

    def _point(self, base: Pointer, to: Pointer, content: bytes | None) -> Pointer:
        try:
            self.store.replace(POINTER, to.encode(), expected=content)
        except MovedError as error:
            raise PublishRefusedError(base.release, self.pointer().release) from error
        return to

    def _numbers(self, pointer: Pointer) -> list[int]:
        return sorted(n for n, kind in self.listed() if kind == "json" and pointer.published(n))

    def _manifest(self, number: int, pointer: Pointer, *, fresh: bool = False) -> Manifest:
        key = manifest_key(number)
        try:
            if pointer.published(number):
                content = self.store.read(key) if fresh else self.store.recall(key, pointer.nonce)
                return Manifest.parse(content, number)
        except MissingError:
            pass
        known = [str(n) for n in self._numbers(pointer)]
        raise NoReleaseError(f"there is no release {number}", hint=did_you_mean(str(number), known))

    def _read_pointer(self) -> tuple[Pointer, bytes | None]:
        content = self._pointer_content()
        if content is not None:
            return Pointer.parse(content), content
        if not any(True for _ in self.listed()):
            return NO_RELEASE, None
        if (content := self._pointer_content()) is None:  # the first publisher may have been here between the two
            raise CorruptError("the pointer to the current release is gone", where=POINTER, hint=LOST)
        return Pointer.parse(content), content

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
