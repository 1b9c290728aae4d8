"""Schema drift of a whole project: what differs from ``schema.lock``, which models read it, and taking it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from headgate.lake.release import Releases
from headgate.plan import LOG
from headgate.project import Project
from headgate.project.config import DatabaseSource as DatabaseConfig
from headgate.project.files_config import FilesSource
from headgate.run.workshop import open_dbt, open_source, open_store, source_states
from headgate.sources.databases.choosing import Chosen
from headgate.sources.databases.drifting import drifts_of, policy_of, tables_that_drifted
from headgate.sources.databases.source import DatabaseSource
from headgate.sources.drift import Drift
from headgate.sources.schema_lock import LockedTable, read_lock, write_lock
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
    """Write what the databases have now into ``schema.lock``; returns what differed.

    A table that is gone stays in it: only the project can say that it is not to be read any more.
    """
    schemas = _schemas(project)
    found = _found(project, schemas)
    locked = read_lock(project.folder)
    taken = [one for one in found if one.drift.kind != "dropped_table"]
    for one in taken:
        types = schemas[one.source][one.table].types
        locked[one.table] = replace(locked.get(one.table, LockedTable()), columns=types)
    if taken:
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
    store = open_store(project)
    parent = Releases(store).current() if schemas else None
    drifts: list[tuple[str, str, Drift]] = []
    for source, tables in schemas.items():
        known = source_states(parent, source, None, store.location)
        moved = tables_that_drifted(_config(project, source), tables, locked, known)
        drifts += [(source, table, drift) for table, drift in moved.items()]
        drifts += [
            (source, table, drift)
            for table, chosen in tables.items()
            if table in locked
            for drift in drifts_of(_config(project, source), chosen, locked[table].columns)
        ]
    if not drifts:
        return []
    dbt = open_dbt(project, store)
    models = dbt.models() if dbt is not None else None
    return [
        Found(source, table, drift, policy_of(_config(project, source), drift), readers_of(models, table))
        for source, table, drift in drifts
    ]


def _config(project: Project, source: str) -> DatabaseConfig:
    config = project.sources[source]
    assert not isinstance(config, FilesSource)  # noqa: S101  # only databases have schemas here
    return config


def readers_of(models: Models | None, table: str) -> tuple[str, ...]:
    """The models that read a table or its change log, directly or through others, inputs first."""
    if models is None:
        return ()
    touched = {id_ for id_, each in models.relations.items() if each in (f"raw.{table}", f"{LOG}.{table}")}
    readers = []
    for node in models.nodes.values():
        if node.kind != "test" and touched & set(node.inputs):
            touched.add(node.id)
            readers.append(node.relation)
    return tuple(readers)
