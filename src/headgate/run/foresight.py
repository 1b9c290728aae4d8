"""Which columns the tables of a project are going to have, as far as that is certain before anything runs.

Raw tables have those that their database has now, after the policies for drift, or else those of ``schema.lock``,
unless a run may take in others. Models have those with which they came out when they were rehearsed on ``schema.lock``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property

from headgate.errors import did_you_mean
from headgate.gates.values import MissingError
from headgate.plan import LOG
from headgate.project import Project
from headgate.project.files_config import FilesSource, FilesTable
from headgate.project.loading import DBT_PROJECT_FILE
from headgate.project.rules import RAW
from headgate.sources.databases.choosing import Choosing, Chosen
from headgate.sources.schema_lock import LockedTable, read_lock
from headgate.transform.models import BUILT_KINDS, Models, Node

#: Where somebody can write down a hook that makes a table.
_FOLDERS = ("models", "macros", "seeds", "snapshots")


class Foresight:
    """What is known of tables that are going to be there.

    ``chosen`` are the tables of the databases that could be asked, by source and name; ``models`` is None as long as
    nobody understood the dbt project; ``built`` are the columns of what was rehearsed, by relation.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self.chosen: dict[str, dict[str, Chosen]] = {}
        self.models: Models | None = None
        self.built: Mapping[str, Mapping[str, str]] = {}
        self._certain: dict[str, bool] = {}

    def columns(self, layer: str, table: str) -> Mapping[str, str] | None:
        """Name and type of each column that a table is going to have; None if nobody can be certain.

        Raises:
            MissingError: there is going to be no such table.
            ConfigError: ``schema.lock`` cannot be understood.
        """
        if layer == RAW:
            return self._raw(table)
        return self._built(f"{layer}.{table}") if layer in self._project.layers else None

    @cached_property
    def _locked(self) -> Mapping[str, LockedTable]:
        return read_lock(self._project.folder)

    def _raw(self, table: str) -> Mapping[str, str] | None:
        known: list[str] = [*self._locked]
        for name, source in self._project.sources.items():
            if isinstance(source, FilesSource):
                known += source.tables
                if table in source.tables:
                    return self._of_files(source.tables[table], table)
            elif name in self.chosen:
                known += self.chosen[name]
                if table in self.chosen[name]:
                    return self.chosen[name][table].types
            elif Choosing.would_read(source, table):  # nobody could ask it, or a run would refuse what it has
                return self._held(table) if source.on_new_column != "evolve" else None
        if table in self._locked:  # it is of no source any more, and stays as it was
            return None
        raise _no_table(f"{RAW}.{table}", (f"{RAW}.{each}" for each in known))

    def _of_files(self, config: FilesTable, table: str) -> Mapping[str, str] | None:
        held = self._held(table)
        if held is None or config.on_new_column == "evolve" or not config.columns.keys() <= held.keys():
            return None
        return held

    def _held(self, table: str) -> Mapping[str, str] | None:
        return self._locked[table].columns or None if table in self._locked else None

    def _built(self, relation: str) -> Mapping[str, str] | None:
        if self.models is None:
            return None
        node = self._nodes.get(relation)
        if node is not None:
            return self.built.get(relation) if self._is_certain(node) else None
        if self._is_written_of(relation.split(".", 1)[1]):
            return None
        raise _no_table(relation, self._nodes)

    @cached_property
    def _nodes(self) -> dict[str, Node]:
        nodes = self.models.nodes.values() if self.models is not None else ()
        return {n.relation: n for n in nodes if n.kind in BUILT_KINDS and n.materialized != "ephemeral"}

    def _is_certain(self, node: Node) -> bool:
        """Whether a model, and all that it is made of, was rehearsed on columns that are going to be those."""
        if node.id not in self._certain:
            self._certain[node.id] = node.relation in self.built and all(map(self._is_certain_input, node.inputs))
        return self._certain[node.id]

    def _is_certain_input(self, key: str) -> bool:
        assert self.models is not None  # noqa: S101 - it is where the key is from
        if key in self.models.nodes:
            return self._is_certain(self.models.nodes[key])
        layer, _, table = self.models.relations.get(key, "").partition(".")
        if layer not in (RAW, LOG):
            return False
        try:
            columns = self._raw(table)
        except MissingError:
            return False
        return columns is not None and list(columns) == list(self._locked.get(table, LockedTable()).columns)

    def _is_written_of(self, table: str) -> bool:
        """Whether the name stands anywhere in the dbt project: a hook may make a table of which no model knows."""
        folder = self._project.folder
        files = [
            path for each in _FOLDERS for path in (folder / each).rglob("*") if path.suffix in {".sql", ".yml", ".py"}
        ]
        word = re.compile(rf"\b{re.escape(table)}\b", re.IGNORECASE)
        return any(
            word.search(path.read_text(encoding="utf-8", errors="replace"))
            for path in (*files, folder / DBT_PROJECT_FILE)
            if path.is_file()
        )


def _no_table(title: str, known: Iterable[str]) -> MissingError:
    """The error of a table that is not going to be there; tables of its own layer are what could be meant."""
    layer = title.split(".", 1)[0]
    names = sorted({each for each in known if each.startswith(f"{layer}.")})
    hint = did_you_mean(title, names) if names else f"nothing makes tables of {layer}"
    return MissingError(f"there is going to be no table {title}", hint)
