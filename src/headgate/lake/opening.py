"""From the place of a lake, as a project names it, to the store of its objects."""

from __future__ import annotations

import hashlib
from pathlib import Path

from headgate.lake.store import LocalStore, Store

S3 = "s3://"


def open_store(lake: str, folder: Path) -> Store:
    """The store of the lake at ``lake``, a path or an ``s3://`` URL.

    A lake in an object store is worked on below ``.headgate`` in the project's ``folder``.
    """
    if not lake.startswith(S3):
        return LocalStore(Path(lake))
    from headgate.lake.s3 import S3Store

    digest = hashlib.sha256(lake.rstrip("/").encode()).hexdigest()[:12]
    return S3Store(lake, folder / ".headgate" / "work" / digest)
