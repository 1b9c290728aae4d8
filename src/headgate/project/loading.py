"""From a folder with a headgate.yml to a project."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from headgate.errors import ConfigError, UsageError, did_you_mean
from headgate.project.announced import announced
from headgate.project.config import ProjectFile, PruneConfig, PublishConfig, Sample, SourceConfig, Target
from headgate.project.database_url import mask
from headgate.project.files_config import FilesSource
from headgate.project.following_config import AfterHook, Channel, ExportConfig, ServerConfig
from headgate.project.interpolation import Interpolated, interpolate, unset
from headgate.project.problems import Problem, as_error
from headgate.project.rules import broken_rules
from headgate.project.validation import validate
from headgate.project.variables import require_kinds
from headgate.project.yaml_file import KeyPath, YamlFile, read_value, read_yaml

PROJECT_FILE = "headgate.yml"
DBT_PROJECT_FILE = "dbt_project.yml"
SQLITE = "sqlite:///"
#: Where headgate.yml says how those are reached who get releases, or are told of them.
_OTHERS = frozenset({"serve", "export", "notify", "after"})


@dataclass(frozen=True, slots=True, repr=False)
class Project:
    """A project as one target sees it: variables filled in, paths resolved, overrides applied.

    ``lake`` is an absolute path or an s3:// URL, ``ledger`` a SQLAlchemy URL. ``secrets`` are texts that must
    not be shown; ``mask`` hides them.
    """

    folder: Path
    name: str
    target: str | None
    lake: str
    ledger: str
    sources: dict[str, SourceConfig]
    layers: tuple[str, ...]
    vars: dict[str, Any]
    publish: PublishConfig
    prune: PruneConfig
    serve: dict[str, ServerConfig]
    notify: dict[str, Channel]
    expect_every: timedelta | None
    export: dict[str, ExportConfig]
    after: dict[str, AfterHook]
    sample: Sample | None
    memory_limit: str | None
    threads: int | None
    targets: tuple[str, ...]
    secrets: frozenset[str]

    def __repr__(self) -> str:
        """Says which project, and none of its settings: they may hold secrets."""
        return f"Project({self.name!r}, target={self.target!r}, folder={str(self.folder)!r})"

    def mask(self, text: str) -> str:
        """``text`` without the project's secrets."""
        return mask(text, self.secrets)

    def shown(self, path: Path) -> str:
        """A path as errors speak of it: relative to the project where it lies inside."""
        return shown_path(self.folder, path)


def load(
    folder: Path,
    *,
    target: str | None = None,
    variables: Mapping[str, Any] | None = None,
    environ: Mapping[str, str],
    only_lake: bool = False,
) -> Project:
    """Read the project in exactly this folder.

    ``variables`` replace the project's and the target's ``vars`` one by one, each by one of its kind. What
    ``environ`` does not hold, a simulator that runs beside the project may. With ``only_lake``, for who asks the lake
    and the ledger and nothing else, a variable that is not set does not matter where it says how others are reached.

    Raises:
        ConfigError: headgate.yml says something wrong; the text lists everything that is.
        UsageError: there is no project here, or no such target; or a variable is of another kind.
    """
    folder = folder.absolute()
    source = read_yaml(_project_file(folder), PROJECT_FILE)
    environ = {**announced(folder), **environ}
    filled = interpolate(source.data, environ)
    settings = _settings(source, filled, target, environ, only_lake=only_lake)
    if len(settings.layers) == 1 and (folder / DBT_PROJECT_FILE).exists():
        what = f"there is a {DBT_PROJECT_FILE}, and no layer that its models could be built into"
        raise source.error(what, ("layers",), hint=f"layers: [{settings.layers[0]}, staging, marts]")
    for name, config in settings.sources.items():
        if not isinstance(config, FilesSource):
            config.written_at(source, ("sources", name))
            continue
        for table, declared in config.tables.items():
            declared.written_at(source, ("sources", name, "tables", table))
    chosen = Target() if target is None else settings.targets[target]
    place = ("export",) if chosen.export is None else ("targets", str(target), "export")
    for name, export in (settings.export if chosen.export is None else chosen.export).items():
        export.written_at(source, (*place, name))
    if chosen.sample is not None:
        chosen.sample.written_at(source, ("targets", str(target), "sample"))
    own_vars = {**settings.vars, **chosen.vars}
    require_kinds(own_vars, variables or {})
    default_lake = settings.lake if target is None else f"./lake/{target}"
    return Project(
        folder=folder,
        name=settings.name,
        target=target,
        lake=_lake(folder, chosen.lake or default_lake),
        ledger=_ledger(folder, chosen.ledger or settings.ledger),
        sources=settings.sources,
        layers=settings.layers,
        vars={**own_vars, **(variables or {})},
        publish=settings.publish,
        prune=settings.prune,
        serve=settings.serve if chosen.serve is None else chosen.serve,
        notify=settings.notify,
        expect_every=settings.expect_every,
        export=settings.export if chosen.export is None else chosen.export,
        after=settings.after,
        sample=chosen.sample,
        memory_limit=chosen.memory_limit or settings.memory_limit,
        threads=chosen.threads or settings.threads,
        targets=tuple(_target_names(source)),
        secrets=frozenset(filled.secrets),
    )


def parse_variables(assignments: Iterable[str]) -> dict[str, Any]:
    """Read ``name=value`` arguments; values are YAML, so that numbers, lists and mappings can be given.

    >>> parse_variables(["lags=[1, 7]", "row_shift_compat=true", "day=2024-01-01"])
    {'lags': [1, 7], 'row_shift_compat': True, 'day': '2024-01-01'}

    Raises:
        UsageError: an argument is not of this form.
    """
    result: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name):
            raise UsageError(
                f"--var {assignment[:100]!r} is not of the form name=value", hint="for example --var lags='[1, 7]'"
            )
        result[name] = read_value(text, name=f"--var {name}")
    return result


def shown_path(folder: Path, path: Path) -> str:
    """``path`` relative to ``folder`` where it lies inside, with forward slashes."""
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return str(path)


def _project_file(folder: Path) -> Path:
    path = folder / PROJECT_FILE
    if path.is_file():
        return path
    if path.exists():
        raise ConfigError("this is not a file", file=PROJECT_FILE)
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="name the project's folder with --project DIR")
    if (folder / "headgate.yaml").is_file():
        raise UsageError(
            f"the project file in {folder} has another ending", hint="rename headgate.yaml to headgate.yml"
        )
    raise UsageError(
        f"there is no {PROJECT_FILE} in {folder}",
        hint="name the project's folder with --project DIR, or begin one: headgate init my-project",
    )


def _target_names(source: YamlFile) -> list[str]:
    targets = source.data.get("targets")
    return list(targets) if isinstance(targets, dict) else []


def _settings(
    source: YamlFile, filled: Interpolated, target: str | None, environ: Mapping[str, str], *, only_lake: bool
) -> ProjectFile:
    data, missing = _without_idle_targets(filled, target)
    if only_lake:
        data, missing = _without_others(data, missing)
    problems = [*filled.broken, *unset(missing, environ)]
    settings = validate(data)
    if isinstance(settings, ProjectFile):
        problems += broken_rules(settings)
    else:
        problems += [problem for problem in settings if problem.path not in missing]
    if problems or isinstance(settings, list):
        hide = filled.secrets
        raise as_error((Problem(p.path, mask(p.what, hide), p.hint and mask(p.hint, hide)) for p in problems), source)
    if target is not None and target not in settings.targets:
        raise UsageError(f"there is no target {target!r}", hint=did_you_mean(target, _target_names(source)))
    return settings


def _without_idle_targets(filled: Interpolated, target: str | None) -> tuple[dict[str, Any], dict[KeyPath, list[str]]]:
    """Leave out the targets that are not chosen and need a variable which is not set.

    Who works with ``dev`` need not have the secrets of ``prod``.
    """

    def is_idle(path: KeyPath) -> bool:
        return path[0] == "targets" and len(path) > 1 and path[1] != target

    idle = {path[1] for path in filled.missing if is_idle(path)}
    missing = {path: names for path, names in filled.missing.items() if not is_idle(path)}
    if not idle:
        return filled.data, missing
    kept = {name: each for name, each in filled.data["targets"].items() if name not in idle}
    return {**filled.data, "targets": kept}, missing


def _without_others(
    data: dict[str, Any], missing: dict[KeyPath, list[str]]
) -> tuple[dict[str, Any], dict[KeyPath, list[str]]]:
    """Leave out servers, channels and the like for which a variable is not set.

    Sources stay, with the variable's name in them: what is personal in their tables matters to who reads the lake.
    """

    def place_of(path: KeyPath) -> KeyPath | None:
        depth = 2 if path[0] == "targets" else 0
        return path[: depth + 2] if len(path) > depth + 1 and path[depth] in _OTHERS else None

    places = {place for path in missing if (place := place_of(path))}
    left = {path: names for path, names in missing.items() if path[0] != "sources" and place_of(path) is None}
    return _without(data, places), left


def _without(data: Any, places: Iterable[KeyPath]) -> Any:
    """A copy of ``data`` in which what lies at ``places`` is missing."""
    if not isinstance(data, dict):
        return data
    inside: dict[Any, list[KeyPath]] = {}
    for first, *rest in places:
        inside.setdefault(first, []).append(tuple(rest))
    return {key: _without(each, inside.get(key, ())) for key, each in data.items() if () not in inside.get(key, ())}


def _lake(folder: Path, lake: str) -> str:
    scheme, separator, rest = lake.partition("://")
    if separator:
        return f"{scheme.lower()}://{rest.rstrip('/')}"
    return _absolute(folder, lake)


def _ledger(folder: Path, ledger: str | None) -> str:
    if ledger is None:
        return f"{SQLITE}{folder / '.headgate' / 'ledger.db'}"
    if ledger.startswith(SQLITE):
        return f"{SQLITE}{_absolute(folder, ledger.removeprefix(SQLITE))}"
    scheme, _, rest = ledger.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else ledger


def _absolute(folder: Path, path: str) -> str:
    """An absolute path without ``.`` and ``..``, taken by their letters, so that a link keeps its name."""
    if path == "~" or path.startswith("~/"):
        path = str(Path.home()) + path[1:]
    return os.path.normpath(folder / path)
