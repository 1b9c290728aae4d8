"""Whether a release is one that a hook or an export waits for."""

from __future__ import annotations

from typing import Any

from headgate.lake.release import Manifest
from headgate.project.following_config import When


def waits_for(when: When, release: Manifest, before: Manifest | None) -> bool:
    """Whether all conditions of ``when`` hold for ``release``; ``before`` is its parent."""

    def state(manifest: Manifest | None, table: str, key: str) -> Any:
        return manifest.tables.get(table, {}).get(key) if manifest else None

    changed = [t for t in when.changed if state(release, t, "identity") != state(before, t, "identity")]
    if when.changed and not changed:
        return False
    if not when.min_new_rows:
        return True
    looked_at = changed or list(release.tables)
    new = sum((state(release, t, "rows") or 0) - (state(before, t, "rows") or 0) for t in looked_at)
    return bool(new >= when.min_new_rows)
