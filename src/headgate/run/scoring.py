"""The scores of releases, as each holds them."""

from __future__ import annotations

from typing import Any

from headgate.errors import NoReleaseError, UsageError, did_you_mean
from headgate.lake.release import Manifest, Releases
from headgate.project import Project
from headgate.run.workshop import open_store


def scores_of(project: Project, subject: str | None, *, release: int | None, history: bool) -> list[dict[str, Any]]:
    """The scores of one release, the served one unless said otherwise; or of all, newest first.

    ``subject`` is a table, ``layer.table``, or a layer: then only what belongs to it is there.

    Raises:
        NoReleaseError: there is no such release, or none at all.
        UsageError: no release has scores of ``subject``.
    """
    releases = Releases(open_store(project))
    if history:
        found = sorted(releases.manifests(), key=lambda each: each.release, reverse=True)
    elif release is not None:
        found = [releases.manifest(release)]
    else:
        served = releases.current()
        found = [served] if served else []
    if not found:
        raise NoReleaseError("nothing is published yet, so nothing has scores", hint="headgate run")
    if subject is not None:
        known = {name for each in found for part in ("layers", "tables") for name in each.scores.get(part, {})}
        if subject not in known:
            raise UsageError(f"there are no scores of {subject}", hint=did_you_mean(subject, known))
    return [_entry(each, subject) for each in found]


def _entry(manifest: Manifest, subject: str | None) -> dict[str, Any]:
    scores = manifest.scores or {"release": {}, "layers": {}, "tables": {}}
    if subject is not None:
        layers = {name: each for name, each in scores["layers"].items() if name == subject}
        tables = {name: each for name, each in scores["tables"].items() if subject in (name, name.partition(".")[0])}
        scores = {**scores, "layers": layers, "tables": tables}
    return {
        "release": manifest.release,
        "published_at": manifest.published_at,
        "run": manifest.run,
        "scores": scores,
    }
