"""The steps of a run, as a list of plain records.

Performing the list (``run``), explaining it (``headgate plan``) and printing it as tasks of an
orchestrator are three readers of the same list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from headgate.lake.release import Manifest
from headgate.project import Project
from headgate.project.following_config import When
from headgate.transform.models import Models, out_of_date
from headgate.words import counted

#: The schema of the change logs, which models may read beside raw.
LOG = "raw_log"


class Kind(StrEnum):
    """What a step does."""

    EXTRACT = "extract"
    GATE = "gate"
    BUILD = "build"
    PUBLISH = "publish"
    SERVE = "serve"
    EXPORT = "export"
    AFTER = "after"


#: Why no step is needed where somebody rolled back.
HELD = "the lake is held since it was rolled back: headgate resume lets runs go on"

#: What comes after the release, and cannot take it back. Each of these steps is done on its own.
FOLLOWING = (Kind.SERVE, Kind.EXPORT, Kind.AFTER)


def follows(name: str) -> bool:
    """Whether a step, by its name, is one that comes after the release."""
    return name.partition(":")[0] in FOLLOWING


class Need(StrEnum):
    """Whether a step is needed; ``maybe`` is decided by what the steps before it find."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: ``subject`` is the source, layer, server, export or hook it is about, ``why`` what makes it needed.

    ``models`` gives, for a build, each model that will or may be built, with the reason.
    """

    name: str
    kind: Kind
    subject: str
    need: Need
    why: str
    models: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different from the release that is served.

    ``sources`` maps ``source.table`` to why it must be read, or to None if it has not changed.
    ``code`` says why models and gates must be looked at again, or is None. ``unserved`` says of each server that
    is not known to hold that release what it holds. ``notes`` are sentences that a person should see.
    """

    sources: Mapping[str, str | None]
    code: str | None
    always_built: tuple[str, ...] = ()
    unserved: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        return bool(self.code or self.always_built or any(self.sources.values()))


def make_plan(
    project: Project, parent: Manifest | None, changes: Changes, models: Models | None, *, full: bool = False
) -> list[Step]:
    """The steps that a run would take now.

    ``models`` is None where nobody parsed the dbt project; then builds are explained by layer only. ``full``: every
    model is built, whether it is out of date or not.
    """
    changed = {name.split(".", 1)[1]: why for name, why in changes.sources.items() if why}
    steps = [_extract(source, changes) for source in project.sources]
    steps.append(_gate("raw", changes, f"if {_list(changed)} changed" if changed else None))
    stale: dict[str, str] = {}
    for layer in project.layers[1:]:
        builds = _stale_models(project, layer, parent, changed, models, stale, full=full)
        stale |= builds
        steps.append(_build(layer, changes, changed, builds, known=models is not None))
        steps.append(_gate(layer, changes, _if_built(builds, changes, known=models is not None)))
    moves = changes.any and (models is None or bool(changes.code or changed or stale))
    steps.append(
        Step(
            "publish",
            Kind.PUBLISH,
            "",
            Need.MAYBE if moves else Need.NO,
            "if a table or a gate changed and every gate holds" if moves else "nothing changed",
        )
    )
    steps += [_serve(server, changes, moves=moves) for server in project.serve]
    for name, wanted in project.export.items():
        steps.append(_following(Kind.EXPORT, name, wanted.when, moves=moves))
    for name, hook in project.after.items():
        steps.append(_following(Kind.AFTER, name, hook.when, moves=moves))
    return steps


def _following(kind: Kind, name: str, when: When, *, moves: bool) -> Step:
    conditions = [f"{table} changed" for table in when.changed]
    if when.min_new_rows:
        conditions.append(f"at least {when.min_new_rows:,} rows are new")
    why = "after a release" + (f", if {' and '.join(conditions)}" if conditions else "")
    return Step(f"{kind}:{name}", kind, name, Need.MAYBE if moves else Need.NO, why)


def step_names(project: Project) -> list[str]:
    """The names of all steps in order; they depend on the project file alone."""
    no_changes = Changes({}, None)
    return [step.name for step in make_plan(project, None, no_changes, None)]


def _extract(source: str, changes: Changes) -> Step:
    reasons = {name: why for name, why in changes.sources.items() if why and name.split(".", 1)[0] == source}
    if reasons:
        why = "; ".join(f"{name.split('.', 1)[1]}: {reason}" for name, reason in reasons.items())
        return Step(f"extract:{source}", Kind.EXTRACT, source, Need.YES, why)
    tables = sum(1 for name in changes.sources if name.split(".", 1)[0] == source)
    why = "its table did not change" if tables == 1 else f"none of its {tables} tables changed"
    return Step(f"extract:{source}", Kind.EXTRACT, source, Need.NO, why)


def _serve(server: str, changes: Changes, *, moves: bool) -> Step:
    why = changes.unserved.get(server)
    if why:
        return Step(f"serve:{server}", Kind.SERVE, server, Need.YES, why)
    need = Need.MAYBE if moves else Need.NO
    return Step(f"serve:{server}", Kind.SERVE, server, need, "after a release" if moves else "it has the release")


def _gate(layer: str, changes: Changes, condition: str | None) -> Step:
    if changes.code:
        return Step(f"gate:{layer}", Kind.GATE, layer, Need.YES, changes.code)
    if condition:
        return Step(f"gate:{layer}", Kind.GATE, layer, Need.MAYBE, condition)
    return Step(f"gate:{layer}", Kind.GATE, layer, Need.NO, "neither its tables nor its expectations changed")


def _build(layer: str, changes: Changes, changed: Mapping[str, str], builds: dict[str, str], *, known: bool) -> Step:
    name = f"build:{layer}"
    if known:
        if not builds:
            return Step(name, Kind.BUILD, layer, Need.NO, "no model's code, variables or inputs changed")
        sure = any(not why.startswith("if ") for why in builds.values())
        need = Need.YES if sure else Need.MAYBE
        return Step(name, Kind.BUILD, layer, need, counted(len(builds), "model"), builds)
    if changes.code:
        return Step(name, Kind.BUILD, layer, Need.MAYBE, f"models whose code or inputs changed ({changes.code})")
    if changed:
        return Step(name, Kind.BUILD, layer, Need.MAYBE, f"models that read {_list(changed)}, if it changed")
    if changes.always_built:
        return Step(name, Kind.BUILD, layer, Need.MAYBE, f"not deterministic: {', '.join(changes.always_built)}")
    return Step(name, Kind.BUILD, layer, Need.NO, "no model's code, variables or inputs changed")


def _stale_models(
    project: Project,
    layer: str,
    parent: Manifest | None,
    changed: Mapping[str, str],
    models: Models | None,
    stale: Mapping[str, str],
    *,
    full: bool,
) -> dict[str, str]:
    """The models of a layer that will or may be built, by relation."""
    if models is None:
        return {}
    raw = project.layers[0]
    moving = {f"{schema}.{table}" for table in changed for schema in (raw, LOG)} | set(stale)
    tables: Mapping[str, Any] = parent.tables if parent else {}
    known: Mapping[str, Any] = parent.models if parent else {}
    # The manifest does not list change logs: the models that read one say what it was.
    logs = {models.relations.get(i): state for m in known.values() for i, state in m["inputs"].items()}

    def identity(relation: str) -> str | None:
        if relation in moving:
            return "moving"
        if relation.startswith(f"{LOG}."):
            return logs.get(relation)
        return tables[relation]["identity"] if relation in tables else None

    nodes = models.built_in(layer)
    reasons = out_of_date(nodes, known, identity, models.relations, everything=full)
    return {
        node.relation: _conditional(reasons[node.id], models, node.inputs, moving)
        for node in nodes
        if node.id in reasons
    }


def _conditional(reason: str, models: Models, inputs: tuple[str, ...], moving: set[str]) -> str:
    """An input that only may change makes a build that only may be needed."""
    if reason.endswith((" changed", " is built anew")) and not reason.startswith("its "):
        moved = [models.relations[i] for i in inputs if models.relations.get(i) in moving]
        if moved:
            return f"if {_list(dict.fromkeys(moved))} changed"
    return reason


def _if_built(builds: dict[str, str], changes: Changes, *, known: bool) -> str | None:
    if builds or (not known and changes.any):
        return "if a table of the layer changed"
    return None


def _list(names: Mapping[str, Any]) -> str:
    words = list(names)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]
