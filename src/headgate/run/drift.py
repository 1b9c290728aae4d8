"""Schema drift of a whole project: what differs from ``schema.lock``, which models read it, and taking it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from headgate.project import Project
from headgate.project.files_config import FilesSource
from headgate.run.workshop import open_dbt, open_source, open_store
from headgate.sources.databases.choosing import Chosen
from headgate.sources.databases.drifting import drifts_of, policy_of
from headgate.sources.databases.source import DatabaseSource
from headgate.sources.drift import Drift
from headgate.sources.schema_lock import read_lock, write_lock
from headgate.transform.models import Models


@dataclass(frozen=True, slots=True)
class Found:
    """One drift, with the policy of its source and the models that read its table, directly or not."""

    source: str
    table: str
    drift: Drift
    policy: str
    models: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "source": self.source,
            "table": self.table,
            "kind": self.drift.kind,
            "column": self.drift.column,
            "before": self.drift.before,
            "after": self.drift.after,
            "renamed_from": self.drift.renamed_from,
            "policy": self.policy,
            "models": list(self.models),
        }


def find_drift(project: Project) -> list[Found]:
    """Everything in which the project's databases differ from ``schema.lock``. Files are compared when they are read.

    Raises:
        SourceUnavailableError, SourceRefusedError: a database cannot be looked at.
    """
    return _found(project, _schemas(project))


def accept_drift(project: Project) -> list[Found]:
    """Write what the databases have now into ``schema.lock``; returns what differed."""
    schemas = _schemas(project)
    found = _found(project, schemas)
    locked = read_lock(project.folder)
    for one in found:
        types = schemas[one.source][one.table].types
        locked[one.table] = replace(locked[one.table], columns=types)
    if found:
        write_lock(project.folder, locked)
    return found


def _schemas(project: Project) -> dict[str, Mapping[str, Chosen]]:
    schemas: dict[str, Mapping[str, Chosen]] = {}
    for name, config in project.sources.items():
        if not isinstance(config, FilesSource):
            source = open_source(project, name)
            assert isinstance(source, DatabaseSource)  # noqa: S101  # all other kinds are
            schemas[name] = source.schema()
    return schemas


def _found(project: Project, schemas: Mapping[str, Mapping[str, Chosen]]) -> list[Found]:
    locked = read_lock(project.folder)
    drifts = [
        (source, table, drift)
        for source, tables in schemas.items()
        for table, chosen in tables.items()
        if table in locked
        for drift in drifts_of(chosen, locked[table].columns)
    ]
    if not drifts:
        return []
    dbt = open_dbt(project, open_store(project))
    models = dbt.models() if dbt is not None else None
    found = []
    for source, table, drift in drifts:
        config = project.sources[source]
        assert not isinstance(config, FilesSource)  # noqa: S101  # only databases have schemas here
        found.append(Found(source, table, drift, policy_of(config, drift), _readers(models, f"raw.{table}")))
    return found


def _readers(models: Models | None, relation: str) -> tuple[str, ...]:
    """The models that read a relation, directly or through others, inputs first."""
    if models is None:
        return ()
    touched = {id_ for id_, each in models.relations.items() if each == relation}
    readers = []
    for node in models.nodes.values():
        if node.kind != "test" and touched & set(node.inputs):
            touched.add(node.id)
            readers.append(node.relation)
    return tuple(readers)
