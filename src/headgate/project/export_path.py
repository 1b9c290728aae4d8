"""Where an export's objects go: a text with placeholders, such as ``s3://ingest/{table}/{year}/{release}.csv``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

PLACEHOLDERS = ("table", "layer", "release", "run", "year", "month", "day", "hour")
#: Below the root of an export: what says that one is complete.
MANIFESTS = "_exports"
#: What makes a table's name no part of a path: it would lead elsewhere, be hidden, reserved or a pattern.
_NO_PART = re.compile(r"[/\\*?\[\x00-\x1f]|^\.|^_exports|\.tmp$")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class ExportPath:
    """``root`` is the folder or URL up to the first part with a placeholder, ``pattern`` the rest.

    >>> ExportPath.parse("s3://ingest/sales/{table}/{release}.csv")
    ExportPath(root='s3://ingest/sales', pattern='{table}/{release}.csv')
    >>> ExportPath.parse("{release}.csv").root
    '.'
    """

    root: str
    pattern: str

    @classmethod
    def parse(cls, to: str) -> ExportPath:
        """Cut the text in two."""
        cut = to.partition("{")[0].rfind("/") + 1
        return cls(to[:cut].rstrip("/") or ("/" if cut else "."), to[cut:])

    @property
    def placeholders(self) -> list[str]:
        """The names in braces, in their order."""
        return _PLACEHOLDER.findall(self.pattern)

    def fill(self, values: Mapping[str, str]) -> str:
        """The key of one object below the root.

        >>> ExportPath.parse("out/{table}/{release}.csv").fill({"table": "t", "release": "000042"})
        't/000042.csv'
        """
        return _PLACEHOLDER.sub(lambda match: values[match[1]], self.pattern)

    def complaint(self, tables: tuple[str, ...]) -> tuple[str, str] | None:
        """What is wrong with it for these tables, and what to write instead."""
        example = "for example s3://ingest/{table}/{year}/{month}/{day}/{release}.csv"
        unknown = [name for name in self.placeholders if name not in PLACEHOLDERS]
        if unknown:
            return f"there is no placeholder {{{unknown[0]}}}", f"known: {', '.join(PLACEHOLDERS)}"
        if re.search(r"[{}]", _PLACEHOLDER.sub("", self.pattern)):
            return "a brace is not closed, or not opened", example
        if self.root.startswith("s3:") and not re.match(r"s3://[^/{}]+(/|$)", self.root):
            return "the URL names no bucket, or one with a placeholder in it", example
        if "://" in self.root and not self.root.startswith("s3://"):
            return f"an export cannot go to {self.root.partition('://')[0]}://", "write a folder, or s3://bucket/prefix"
        parts = self.pattern.split("/")
        if any(part.startswith((".", "_exports")) or not part or part.endswith(".tmp") for part in parts):
            return "a part of the path after the first placeholder is empty, hidden or reserved", example
        odd = [table for table in tables if _NO_PART.search(table.split(".", 1)[1])]
        if odd and "table" in self.placeholders:
            return f"the name of {odd[0]} can be no part of a path", "give it an export of its own, without {table}"
        return self._ambiguous(tables, example)

    def _ambiguous(self, tables: tuple[str, ...], example: str) -> tuple[str, str] | None:
        if "release" not in self.placeholders and "run" not in self.placeholders:
            return "each release would overwrite the one before: {release} is missing", example
        values = dict.fromkeys(PLACEHOLDERS, "")
        keys = [
            self.fill({**values, "layer": layer, "table": name})
            for layer, name in (table.split(".", 1) for table in tables)
        ]
        if len(set(keys)) < len(keys):
            return "two tables would have the same path: {table} or {layer} is missing", example
        return None
