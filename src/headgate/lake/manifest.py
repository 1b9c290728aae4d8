"""What a release was made from and what it holds, as the JSON that lies beside its catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import UnionType
from typing import Any

from pydantic_core import from_json, to_json

from headgate.errors import CorruptError

MANIFEST_FORMAT = 1


def catalog_key(number: int) -> str:
    """Where the frozen catalog of a release lies.

    >>> catalog_key(42)
    'releases/000042.ducklake'
    """
    return f"releases/{number:06d}.ducklake"


def manifest_key(number: int) -> str:
    """Where the manifest of a release lies."""
    return f"releases/{number:06d}.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a release was made from and what it holds. Plain JSON values throughout.

    ``tables`` maps ``schema.table`` to its rows, columns with their profile, identity and data files;
    ``quarantine`` maps those of which rows are, or were, in quarantine to how many, by status;
    ``sources`` maps ``source.table`` to what was read; ``models`` maps models to their fingerprints; ``scores`` is the
    scorecard of tables, layers and the whole.
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
    scores: dict[str, Any] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    quarantine: dict[str, Any] = field(default_factory=dict)
    format: int = MANIFEST_FORMAT

    @classmethod
    def parse(cls, content: bytes, number: int) -> Manifest:
        """Read a manifest's JSON; raises CorruptError if it is none, or that of another release."""
        key = manifest_key(number)
        try:
            data = dict(from_json(content))
            if (format_ := data.get("format")) != MANIFEST_FORMAT:
                hint = "a newer headgate wrote it: use that one"
                raise CorruptError(f"the manifest has format {format_!r}, not {MANIFEST_FORMAT}", where=key, hint=hint)
            manifest = cls(**data)
        except (ValueError, TypeError) as error:
            raise CorruptError(f"the manifest of release {number} cannot be read: {error}", where=key) from error
        wrong = [f.name for f in fields(cls) if not isinstance(getattr(manifest, f.name), _SHAPES[f.name])]
        if wrong or manifest.release != number:
            what = f"{wrong[0]} has the wrong shape" if wrong else f"it says that it is of {manifest.release}"
            raise CorruptError(f"the manifest of release {number} cannot be right: {what}", where=key)
        return manifest

    def encode(self) -> bytes:
        """The JSON that is stored.

        By pydantic's encoder, without a deep copy and in one line: with 10,000 data files 2 ms instead of 100.
        """
        return to_json({f.name: getattr(self, f.name) for f in fields(self)})

    def rows(self) -> dict[str, int]:
        """Rows of each table of the last layer, which is what the pipeline is for."""
        last = self.layers[-1] if self.layers else None
        return {name: t["rows"] for name, t in self.tables.items() if t["schema"] == last}


_TEXTS = ("run", "project", "published_at", "catalog_sha256", "project_hash")
_SHAPES: Mapping[str, type | UnionType] = (
    {f.name: dict for f in fields(Manifest)}
    | dict.fromkeys(("release", "snapshot", "format"), int)
    | dict.fromkeys(_TEXTS, str)
    | {"parent": int | None, "target": str | None, "layers": list}
)
