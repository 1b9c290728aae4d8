"""What dbt made of a project, kept so that a run whose code did not change needs no dbt.

What is remembered lies under ``.headgate/dbt`` and is made again whenever it is missing: what the project's
files parse to, by the content of every file, variable and setting that has a say in it; and the statements that dbt
sent for a steady model (`headgate.transform.steady`), by the model's code and the columns of what it reads and writes.
One of the files is the profile, which names the lake: so each target of the project is remembered apart.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from headgate.lake.catalog import digest
from headgate.project.yaml_file import safe_load
from headgate.transform.models import Models, Node

_PACKAGES = ("headgate", "dbt-core", "dbt-adapters", "dbt-common", "dbt-duckdb", "duckdb")
#: The folder in which each target has one for what is remembered of it.
TARGETS = "targets"
#: Of each model so many statements are kept: for other variables and columns.
_KEPT = 8
_FILES = ("dbt_project.yml", "packages.yml", "dependencies.yml", "package-lock.yml", "selectors.yml", ".dbtignore")
_FOLDERS = ("analyses", "macros", "models", "seeds", "snapshots", "tests")
#: What Headgate lays out for dbt.
_OURS = (".headgate/dbt/macros", ".headgate/dbt/profiles.yml")
#: What makes the project's files mean something else each time.
_UNSTEADY = re.compile(r"\b(run_started_at|invocation_id|modules\.)")
_ENVIRONMENT = re.compile(r"\benv_var\s*\(\s*(?:(['\"])(?P<name>[^'\"]+)\1\s*[,)])?")


@dataclass(frozen=True, slots=True)
class Recording:
    """The statements for a node when all was as ``circumstances`` says, and a hash of the columns that they left.

    ``columns`` is None where they follow from what is read. ``there`` says whether its table was there before.
    """

    recipe: str
    circumstances: str
    statements: tuple[str, ...]
    columns: str | None
    there: bool


class Memory:
    """What is remembered, in the folder ``place``, of one project folder. Not for several threads at once."""

    def __init__(self, folder: Path, place: Path, variables: Mapping[str, Any]) -> None:
        self._folder = folder
        self._place = place
        self._variables = variables
        self._recordings: dict[str, list[Recording]] | None = None

    def models(self) -> Models | None:
        """What the project parses to, if that is known for the files as they are now."""
        found = _read(self._place / "models.json")
        key = self._key() if found else None
        if key is None or found.get("key") != key:
            return None
        nodes = [Node(**{**node, **{name: _frozen(node[name]) for name in _TUPLES}}) for node in found["nodes"]]
        return Models({node.id: node for node in nodes}, found["relations"])

    def keep_models(self, models: Models) -> None:
        """Remember what the project parses to."""
        key = self._key()
        if key is None:
            return
        nodes = [asdict(node) for node in models.nodes.values()]
        with contextlib.suppress(TypeError):  # a value in somebody's test that JSON has no word for: parse again then
            _write(self._place / "models.json", {"key": key, "nodes": nodes, "relations": models.relations})

    def knows(self, node: Node, *, there: bool | None = None) -> bool:
        """Whether there are statements for the node as its code is now, whatever the columns are.

        With ``there``: for when its table is there already, or is not.
        """
        found = [each for each in self._all().get(node.id, ()) if each.recipe == node.recipe]
        return any(there is None or node.plain or each.there == there for each in found)

    def recording(self, node: Node, circumstances: str) -> Recording | None:
        """The statements that dbt sent for this node in just these circumstances."""
        wanted = (node.recipe, circumstances)
        return next((r for r in self._all().get(node.id, ()) if (r.recipe, r.circumstances) == wanted), None)

    def keep(self, recordings: Mapping[str, Recording], models: Models) -> None:
        """Remember statements by the id of their node, and forget those of nodes that are gone."""
        known = {key: each for key, each in self._all().items() if key in models.nodes}
        for key, new in recordings.items():
            others = [r for r in known.get(key, ()) if (r.recipe, r.circumstances) != (new.recipe, new.circumstances)]
            known[key] = [new, *others][:_KEPT]
        self._recordings = known
        _write(
            self._place / "statements.json",
            {"base": self._base(), "nodes": {k: [asdict(r) for r in each] for k, each in known.items()}},
        )

    def rehearsed(self, key: str) -> dict[str, dict[str, str]] | None:
        """What `keep_rehearsed` was given with this key, if what has a say in every statement is as it was then."""
        found = _read(self._place / "rehearsed.json")
        columns: dict[str, dict[str, str]] | None = found.get("columns")
        return columns if (found.get("base"), found.get("key")) == (self._base(), key) else None

    def keep_rehearsed(self, key: str, columns: Mapping[str, Mapping[str, str]]) -> None:
        """Remember for what statements were asked in advance: a hash of the models and the columns that they read.

        ``columns`` are the columns, name to type, of what was built then, by relation.
        """
        _write(self._place / "rehearsed.json", {"base": self._base(), "key": key, "columns": columns})

    def _all(self) -> dict[str, list[Recording]]:
        if self._recordings is None:
            found = _read(self._place / "statements.json")
            nodes = found.get("nodes", {}) if found.get("base") == self._base() else {}
            self._recordings = {
                key: [Recording(**{**r, "statements": tuple(r["statements"])}) for r in each]
                for key, each in nodes.items()
            }
        return self._recordings

    def _base(self) -> str:
        """What has a say in every model's statements: dbt, its settings, Headgate's macros."""
        shape = [field.name for field in fields(Recording)]
        return digest([_versions(), _settings(), shape, _hashed(dict(self._files("dbt_project.yml", *_OURS)))])

    def _key(self) -> str | None:
        """A hash of all that decides what the project parses to; None if it may be something else each time."""
        try:
            settings = safe_load((self._folder / "dbt_project.yml").read_text(encoding="utf-8"))
            paths = {str(path) for name, each in settings.items() if name.endswith("-paths") for path in each}
        except (yaml.YAMLError, AttributeError, TypeError):  # dbt says what is wrong with it
            return None
        if not all(path.split("/")[0] in _FOLDERS or path == _OURS[0] for path in paths):
            return None
        files = dict(self._files(*_FILES, *_FOLDERS, settings.get("packages-install-path", "dbt_packages"), *_OURS))
        names: set[str] = set()
        for path, content in files.items():
            text = "" if path.endswith(".csv") else content.decode("utf-8", errors="replace")
            names |= {match["name"] or "" for match in _ENVIRONMENT.finditer(text)}
            if path.endswith((".yml", ".yaml")) and _UNSTEADY.search(text):
                return None
        if "" in names:
            return None
        environment = {name: os.environ.get(name) for name in sorted(names)}
        return digest([_versions(), _settings(), _FIELDS, _hashed(files), self._variables, environment])

    def _files(self, *names: str) -> Iterator[tuple[str, bytes]]:
        for name in names:
            top = self._folder / name
            for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
                if path.is_file():
                    yield path.relative_to(self._folder).as_posix(), path.read_bytes()


_FIELDS = [field.name for field in fields(Node)]
_TUPLES = ("inputs", "primary_key", "kwargs")


def _frozen(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _settings() -> dict[str, str]:
    """dbt's settings by environment."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith("DBT_")}


def _hashed(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}


def _read(path: Path) -> dict[str, Any]:
    """What was written; nothing if it is missing or was cut short: then it is made again."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(content), encoding="utf-8")
    temporary.replace(path)
