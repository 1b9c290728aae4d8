"""Releases whose catalogs are any bytes: what publishing does, without DuckDB."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from headgate.lake.release import Manifest, Pointer, Releases
from headgate.lake.store import LocalStore

LAYERS = ("raw", "marts")
DRAFT = Manifest(
    release=0,
    parent=None,
    run="run",
    project="tested",
    target=None,
    published_at="2026-11-21T10:00:00+00:00",
    catalog_sha256="",
    snapshot=0,
    project_hash="",
    layers=list(LAYERS),
)


class Publisher:
    """Publishes files with any content as catalogs."""

    def __init__(self, store: LocalStore) -> None:
        self.store = store
        self.releases = Releases(store)

    def publish(self, content: bytes = b"catalog", base: Pointer | None = None, **manifest: Any) -> int:
        base = base or self.releases.pointer()
        frozen = Path(self.store.location) / "work" / "run.frozen"
        frozen.parent.mkdir(parents=True, exist_ok=True)
        frozen.unlink(missing_ok=True)
        frozen.write_bytes(content)
        draft = replace(DRAFT, parent=base.release, catalog_sha256=hashlib.sha256(content).hexdigest())
        return self.releases.publish(frozen, replace(draft, **manifest), base).release

    def point_with(self, content: bytes) -> None:
        """Overwrite the pointer, as a mishap would."""
        Path(self.store.url("current")).write_bytes(content)

    def overwrite(self, key: str, content: bytes) -> None:
        path = Path(self.store.url(key))
        path.chmod(0o644)
        path.write_bytes(content)
