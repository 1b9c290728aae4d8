"""A lake in an object store: a prefix of a bucket at Amazon S3, or at anything that speaks as it does.

``create`` is a put with ``If-None-Match: *``, ``replace`` one with ``If-Match`` and the ETag of what was read and
compared: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html. An answer can get lost after
the object was written, so every object carries a nonce of its own, by which a writer knows its own work again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import CorruptError, CouldNotRunError, HeadgateError, LakeUnavailableError, MissingExtraError
from headgate.lake.s3_access import Access, find_access
from headgate.lake.store import ExistsError, MissingError, MovedError, StoredObject, checked_key, writing

if TYPE_CHECKING:
    from types import ModuleType

    from obstore import PutMode
    from obstore.store import S3Config, S3Credential
    from obstore.store import S3Store as ObjectStore

#: Metadata of an object: which put made it.
NONCE = "headgate-nonce"
#: S3 takes no longer keys, counted in bytes.
LONGEST_KEY = 1024
#: So many catalogs are kept in the local cache.
CACHED = 16
RETRIES = 5
PATIENCE = timedelta(seconds=60)
#: How long credentials of a role are used before they are asked for anew.
RENEWAL = timedelta(minutes=5)
UNKNOWN = "whether it was written is not known: headgate releases shows what is served, and the next run finds out"
KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed")


class S3Store:
    """A lake below ``s3://bucket/prefix``; branches are worked on, and catalogs cached, in a local folder."""

    shared = True

    def __init__(self, location: str, workdir: Path) -> None:
        self.location = location.rstrip("/")
        self.bucket, _, self.prefix = self.location.removeprefix("s3://").partition("/")
        self._workdir = workdir

    @property
    def workdir(self) -> Path:
        return self._workdir

    def url(self, key: str) -> str:
        return f"{self.location}/{self._key(key)}"

    def access(self) -> str | None:
        return find_access().secret_sql(self.bucket, self.prefix)

    def read(self, key: str) -> bytes:
        return self._get(key)[0]

    def recall(self, key: str, nonce: str) -> bytes:
        folder = self._cache / hashlib.sha256(nonce.encode()).hexdigest()[:16]
        cached = folder / self._key(key).replace("/", "_")
        with contextlib.suppress(FileNotFoundError):
            return cached.read_bytes()
        content = self.read(key)
        with writing(cached):
            if not folder.exists():
                self._forget_recalled()
            folder.mkdir(parents=True, exist_ok=True)
            _put_in_place(cached, content)
        return content

    def file(self, key: str, sha256: str | None) -> Path:
        self._key(key)
        if sha256 and re.fullmatch("[0-9a-f]{64}", sha256) and (known := self._cached(sha256)).exists():
            with writing(known):
                os.utime(known)
            return known
        content = self.read(key)
        found = hashlib.sha256(content).hexdigest()
        if sha256 is not None and found != sha256:
            raise CorruptError("the object is not the one that was published", where=self.url(key))
        path = self._cached(found)
        with writing(path):
            self._cache.mkdir(parents=True, exist_ok=True)
            _put_in_place(path, content)
            for old in sorted(self._cache.glob("*.ducklake"), key=_modified)[:-CACHED]:
                old.unlink(missing_ok=True)
        return path

    def create(self, key: str, content: bytes | Path) -> None:
        with writing(self.url(key)):
            body = content.read_bytes() if isinstance(content, Path) else content
        if not self._put(key, body, "create"):
            raise ExistsError("the object exists already", where=self.url(key))

    def replace(self, key: str, content: bytes, *, expected: bytes | None) -> None:
        mode: PutMode = "create"
        if expected is not None:
            try:
                found, tag = self._get(key)
            except MissingError:
                found, tag = None, None
            if found != expected:
                raise MovedError("the object changed meanwhile", where=self.url(key))
            mode = {"e_tag": tag}
        if not self._put(key, content, mode):
            raise MovedError("the object changed meanwhile", where=self.url(key))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        folder = self._key(prefix)
        with self._asking(prefix):
            for batch in self._obstore.list(self._objects, folder):
                for entry in batch:
                    yield StoredObject(entry["path"], entry["size"], entry["last_modified"].timestamp())

    def delete(self, key: str) -> None:
        with contextlib.suppress(MissingError), self._asking(key):
            self._obstore.delete(self._objects, self._key(key))

    def fetch(self, key: str, to: Path) -> None:
        content = self.read(key)
        with writing(to):
            to.parent.mkdir(parents=True, exist_ok=True)
            _put_in_place(to, content)

    def sweep(self, *, older_than_seconds: float) -> None:
        for path in [*self.workdir.glob(".*.tmp"), *self._cache.glob("**/.*.tmp")]:
            with writing(path), contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime >= older_than_seconds:
                    path.unlink()

    @property
    def _cache(self) -> Path:
        return self.workdir / "cache"

    def _cached(self, sha256: str) -> Path:
        return self._cache / f"{sha256}.ducklake"

    def _forget_recalled(self) -> None:
        """The pointer moved: what was read under its older nonces is read no more."""
        for path in self._cache.glob("*/*"):
            path.unlink(missing_ok=True)
        for folder in self._cache.glob("*/"):
            with contextlib.suppress(OSError):  # another process has just put something there
                folder.rmdir()

    def _key(self, key: str) -> str:
        checked_key(key)
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in key):
            raise CouldNotRunError(f"an object store takes no control characters in a key: {key!r}")
        if len(f"{self.prefix}/{key}".encode()) > LONGEST_KEY:
            raise CouldNotRunError(f"a key of more than {LONGEST_KEY} bytes: {key[:100]}…", where=self.location)
        return key

    def _get(self, key: str) -> tuple[bytes, str | None]:
        with self._asking(key):
            found = self._obstore.get(self._objects, self._key(key))
            return bytes(found.bytes()), found.meta["e_tag"]

    def _put(self, key: str, content: bytes, mode: PutMode) -> bool:
        """Write the object if the condition of ``mode`` holds; False if it did not hold."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        nonce = uuid.uuid4().hex
        attributes = {NONCE: nonce}
        try:
            with self._asking(key, but=(AlreadyExistsError, PreconditionError)):
                self._obstore.put(
                    self._objects, self._key(key), content, mode=mode, attributes=attributes, use_multipart=False
                )
        except (AlreadyExistsError, PreconditionError):
            return self._carries(key, nonce)  # a put that was tried again meets what it wrote at the first try
        except LakeUnavailableError as error:
            if not self._carries_after(error, key, nonce):
                raise
        return True

    def _carries_after(self, error: LakeUnavailableError, key: str, nonce: str) -> bool:
        """Whether a put that got no answer has written the object all the same."""
        try:
            return self._carries(key, nonce)
        except HeadgateError as silence:
            raise LakeUnavailableError(error.what, where=error.where, hint=UNKNOWN) from silence

    def _carries(self, key: str, nonce: str) -> bool:
        try:
            with self._asking(key):
                found = self._obstore.get(self._objects, self._key(key))
                return str(found.attributes.get(NONCE)) == nonce
        except MissingError:
            return False

    @property
    def _obstore(self) -> ModuleType:
        return _library()

    @cached_property
    def _objects(self) -> ObjectStore:
        from obstore.store import S3Store as ObjectStore

        access = find_access()
        config: S3Config = {"region": access.region}
        if access.endpoint:
            config["endpoint"] = access.endpoint
        return ObjectStore(
            self.bucket,
            prefix=self.prefix or None,
            config=config,
            client_options={
                "allow_http": bool(access.endpoint and access.endpoint.startswith("http://")),
                "connect_timeout": "10s",
                "read_timeout": "30s",
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": PATIENCE},
            credential_provider=_credential,
        )

    @contextlib.contextmanager
    def _asking(self, key: str, *, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
        """Translate what the object store says; ``but`` are answers that the caller understands."""
        from obstore.exceptions import BaseError

        _library()
        try:
            yield
        except but:
            raise
        except (BaseError, FileNotFoundError) as error:
            raise self._translated(key, error) from error

    def _translated(self, key: str, error: Exception) -> HeadgateError:
        """Only the status and S3's own word for it are taken over: the rest of an answer can hold what was signed."""
        text = str(error)
        where = f"{self.location}/{key}"
        status = next(iter(re.findall(r"status code: (\d+)", text)), "")
        code = next(iter(re.findall(r"<Code>(\w+)</Code>", text)), "")
        answer = " ".join(part for part in (status, code) if part)
        if code == "NoSuchBucket":
            hint = "create it, or name another place: the setting 'lake' in headgate.yml"
            return CouldNotRunError(f"there is no bucket {self.bucket}", where=where, hint=hint)
        if isinstance(error, FileNotFoundError):
            return MissingError("there is no such object in the lake", where=where)
        if status in {"401", "403"}:
            hint = (
                "the credentials are wrong or ran out: see AWS_ACCESS_KEY_ID, AWS_PROFILE and the clock of this machine"
                if code in KEYS
                else f"let these credentials list, read, write and delete below {self.location}/"
            )
            return CouldNotRunError(f"S3 refuses access ({answer})", where=where, hint=hint)
        if status.startswith(("1", "2", "3", "4")) and status not in {"408", "429"}:
            hint = "see the region, the endpoint (AWS_ENDPOINT_URL) and the name of the bucket"
            return CouldNotRunError(f"S3 does not accept the request ({answer})", where=where, hint=hint)
        what = f"S3 answers {answer}, {RETRIES + 1} times" if status else f"S3 cannot be reached at {self._host()}"
        return LakeUnavailableError(what, where=where, hint="what was served still is: try again later")

    def _host(self) -> str:
        access = find_access()
        return access.endpoint or f"the region {access.region}"


def _library() -> ModuleType:
    try:
        import obstore
    except ImportError as error:
        raise MissingExtraError("obstore", "s3") from error
    return obstore


def _credential() -> S3Credential:
    access: Access = find_access()
    return {
        "access_key_id": access.key_id,
        "secret_access_key": access.secret,
        "token": access.token,
        "expires_at": datetime.now(UTC) + RENEWAL if access.expires else None,
    }


def _put_in_place(path: Path, content: bytes) -> None:
    """A file is there whole or not at all, also for a process that looks at the same time."""
    temporary = path.parent / f".{path.name}.{uuid.uuid4().hex}.tmp"
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
