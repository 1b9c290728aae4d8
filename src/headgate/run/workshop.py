"""What the steps of one run have in common: the project, the lake, the branch, the ledger.

Nothing in here outlives a process: what one step hands to the next lies in the branch and the ledger.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal

import duckdb

from headgate import ledger as ledgers
from headgate.errors import ConfigError, HeadgateError
from headgate.gates import Gate, compile_gates
from headgate.lake import branch as branches
from headgate.lake import engine, opening, stowing
from headgate.lake.catalog import Contents, digest
from headgate.lake.inventory import Inventory
from headgate.lake.profile import identity_of
from headgate.lake.quarantine import SCHEMA, table_name
from headgate.lake.release import Manifest, Pointer, Releases
from headgate.lake.store import Store
from headgate.project import GateFile, Pii, Project, read_gates
from headgate.project.gate_file import has_pii
from headgate.project.loading import DBT_PROJECT_FILE
from headgate.project.pii import NO_PII
from headgate.sources import source as sources
from headgate.sources.change_log import RAW, RAW_LOG
from headgate.sources.source import Source
from headgate.transform.models import Models, Node
from headgate.transform.runner import Dbt
from headgate.transform.workspace import SCRATCH, prepare

DONE = ("done", "skipped")


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided about rows that wait in quarantine: which of them, and what becomes of them.

    Without ``table`` (``layer.table``), ``where`` (a condition in SQL) and ``expectation`` (an id), all of them.
    """

    action: Literal["replay", "drop"]
    table: str | None = None
    where: str | None = None
    expectation: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked of this run beyond the project file.

    ``compare`` names, by source, tables that are compared whole although their cursor shows no change.
    """

    full: bool = False
    allow_shrink: bool = False
    resume: bool = False
    wait: timedelta = timedelta(0)
    decision: Decision | None = None
    compare: Mapping[str, Collection[str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        compare = (
            {"compare": {source: sorted(tables) for source, tables in self.compare.items()}} if self.compare else {}
        )
        decision = {"decision": asdict(self.decision)} if self.decision else {}
        return {"full": self.full, "allow_shrink": self.allow_shrink, **compare, **decision}


#: Told what happens: the step, and a few words. Silence is the default.
Listener = Callable[[str, str], None]


def silent(step: str, text: str) -> None:
    """Tell nobody."""


def never() -> bool:
    """Nobody asks the run to stop."""
    return False


@dataclass
class Workshop:
    """One run at work. Connections are opened when a step first needs them.

    ``decided`` is when readers got the new release (monotonic): what hooks do afterwards is not the run's time.
    """

    project: Project
    run: str
    base: Pointer
    parent: Manifest | None
    options: Options
    ledger: ledgers.Ledger
    tell: Listener = silent
    notes: list[str] = field(default_factory=list)
    decided: float | None = None
    stopping: Callable[[], bool] = never
    _attached: bool = False

    @cached_property
    def store(self) -> Store:
        return open_store(self.project)

    @cached_property
    def releases(self) -> Releases:
        return Releases(self.store)

    @cached_property
    def con(self) -> engine.Connection:
        return engine.connect(engine_settings(self.project, self.store), shared=True)

    @cached_property
    def branch(self) -> branches.Branch:
        return branches.branch_of(self.store, self.run)

    @cached_property
    def tagged(self) -> bool:
        """Whether errors must not quote what the database says of data."""
        return has_pii(self.project)

    @cached_property
    def dbt(self) -> Dbt | None:
        """dbt on the project, or None where there is no dbt project."""
        return open_dbt(self.project, self.store)

    @cached_property
    def gate_files(self) -> dict[str, GateFile]:
        """The gate file of each layer."""
        return read_gates(self.project.folder, self.project.layers)

    @cached_property
    def gates(self) -> dict[str, Gate]:
        """What they say, by layer."""
        return dict(zip(self.gate_files, compile_gates(self.gate_files.values()), strict=True))

    def require_gates(self) -> None:
        """A mistake in the last gate file is better told before the first step. DuckDB is opened beside it.

        Raises:
            ConfigError: there is one.
        """
        with ThreadPoolExecutor(1) as beside:
            opening = beside.submit(lambda: self.con)  # loading DuckLake leaves Python to the gates
            _ = self.gates
        opening.result()

    @cached_property
    def inventory(self) -> Inventory:
        return Inventory(self.con)

    @property
    def contents(self) -> Contents:
        """What is on the branch now."""
        return self.inventory.contents

    def renew_access(self) -> None:
        """Let DuckDB in with the credentials of this moment: those of a role run out while a long run works."""
        if "con" in self.__dict__:
            engine.admit(self.con, self.store.access())

    def changed(self) -> None:
        """A step wrote to the branch: look again."""
        self.inventory.changed()

    def warm_up(self) -> None:
        """Let dbt wake up while data is extracted. One core is left to it: the run waits for whichever is later."""
        if self.dbt is None:
            return
        threads = int(self.con.execute("SELECT current_setting('threads')").fetchall()[0][0])
        self.con.execute(f"SET threads = {max(threads - 1, 1)}")
        self.dbt.warm_up(self._foreseen, lambda: self.con.execute(f"SET threads = {threads}"))

    def _foreseen(self, models: Models) -> list[Node]:
        """Of which models the queries will be needed: where nothing is built yet, of all tables of one query.

        To compile, dbt wants a lake; without a branch it would lay out one of its own.
        """
        nodes = models.nodes.values() if self.parent is None and self._attached else ()
        return [node for node in nodes if node.recipe and (node.plain or node.begins_plain)]

    def models(self) -> Models | None:
        """What dbt knows of the project; None where there is no dbt project."""
        return self.dbt.models() if self.dbt is not None else None

    def identity(self, relation: str) -> str | None:
        """The state of a table or view on the branch; None if it is not there.

        A change log is read together with what is known of its versions in quarantine.
        """
        contents = self.contents
        if relation not in contents.tables and relation not in contents.views:
            return None
        schema, table = relation.split(".", 1)
        kept_apart = f"{SCHEMA}.{table_name(RAW, table)}"
        if schema == RAW_LOG and kept_apart in contents.tables:
            return digest([identity_of(contents, relation), identity_of(contents, kept_apart)])
        return identity_of(contents, relation)

    def shape(self, relation: str) -> str | None:
        """The columns of a table or view on the branch; None if it is not there."""
        return self.inventory.shapes.get(relation)

    def open(self, *, fresh: bool) -> None:
        """Attach the branch: made now from the base, or as the step before left it."""
        if fresh:
            branches.create(self.store, self.run, self.base, self.con, self.project.layers)
        else:
            if self.store.shared:
                branches.discard(self.branch)
                stowing.take(self.store, self.run, self._steps_done(), self.branch.path)
            on_record = all(step.status in DONE for step in self.ledger.steps(self.run))
            branches.open_branch(self.branch, self.con, on_record=on_record)
        self._attached = True
        self.changed()
        if fresh:
            self._drop_removed_layers()

    def _drop_removed_layers(self) -> None:
        """What was published of a layer that the project has no more would be in every release, judged by nobody."""
        for relation in self.parent.tables if self.parent else ():
            schema, _, name = relation.partition(".")
            if schema in self.project.layers:
                continue
            self.tell("branch", f"{relation} is of a layer that the project has not any more, and is dropped")
            kind = "TABLE" if relation in self.contents.tables else "VIEW"
            self.con.execute(f"DROP {kind} {engine.qualified(engine.LAKE, schema, name)}")
            self.changed()

    def close(self) -> None:
        """Fold the branch into its file, where the next step, or somebody curious, finds it."""
        if self._attached:
            self._attached = False
            self.changed()
            branches.close_branch(self.branch, self.con)
        self.branch.before.unlink(missing_ok=True)

    def fold(self) -> None:
        """As `close`, but a process that dies before it is on record that the step is done has done nothing."""
        if self._attached:
            self._attached = False
            self.changed()
            branches.fold(self.branch, self.con)
            self.stow(self._steps_done() + 1)

    def stow(self, steps: int) -> None:
        """Put the branch away where other machines find it; there is nothing to do where they share this one's."""
        if self.store.shared and self.branch.path.exists():
            stowing.stow(self.store, self.run, self.branch.path, steps)

    def _steps_done(self) -> int:
        return sum(1 for step in self.ledger.steps(self.run) if step.status in DONE)

    def abandon(self) -> None:
        """Let go of everything after a failure; the branch stays as its last transaction left it."""
        if "con" in self.__dict__:
            with contextlib.suppress(HeadgateError, duckdb.Error):  # what led here is to be told, not what follows
                if self._attached:
                    self._attached = False
                    engine.detach(self.con)
            self.con.close()

    def end(self) -> None:
        """Let go of the engine, so that the next run of this process finds nothing of this one."""
        if "dbt" in self.__dict__ and self.dbt is not None:
            self.dbt.close()
        if "con" in self.__dict__:
            self.con.close()

    def loaded(self) -> dict[str, Mapping[str, Any]]:
        """What is known of every raw table that was loaded, by ``source.table``."""
        known: dict[str, Mapping[str, Any]] = dict(self.parent.sources) if self.parent else {}
        for detail in self.details().values():
            known |= detail.get("sources", {})
        return known

    def raw_keys(self) -> dict[str, tuple[str, ...]]:
        """The primary key of every raw table that was loaded, by the table's name."""
        return {name.split(".", 1)[1]: tuple(entry["primary_key"]) for name, entry in self.loaded().items()}

    def details(self) -> dict[str, Mapping[str, Any]]:
        """What each finished step of this run wrote down."""
        return {step.name: step.detail or {} for step in self.ledger.steps(self.run)}


def open_store(project: Project) -> Store:
    """The store of the project's lake."""
    return opening.open_store(project.lake, project.folder)


def engine_settings(project: Project, store: Store) -> engine.EngineSettings:
    """What the project says about DuckDB."""
    return engine.EngineSettings(project.memory_limit, project.threads, store.workdir / "spill", store.access)


def open_dbt(project: Project, store: Store) -> Dbt | None:
    """dbt on the project's folder, with the files that it needs laid out; None without a dbt project."""
    if not (project.folder / DBT_PROJECT_FILE).exists():
        models = sorted((project.folder / "models").rglob("*.sql"))
        if models:
            raise ConfigError(
                f"there is no {DBT_PROJECT_FILE}, so nothing would build this model",
                file=project.shown(models[0]),
                hint=f"put {DBT_PROJECT_FILE} back beside headgate.yml, or take the models away",
            )
        return None
    workspace = prepare(
        project.folder,
        scratch=store.workdir / f"{SCRATCH}.scratch",
        lake=store.location,
        data=store.url("data"),
    )
    return Dbt(project.folder, workspace, project.vars, target=project.target, pii=has_pii(project))


def open_source(project: Project, name: str, pii: Pii = NO_PII) -> Source:
    """One of the project's sources; what else is tagged ``pii`` in it is not shown either."""
    config = project.sources[name]
    tables = {
        table: each.model_copy(update={"pii": (*each.pii, *pii.tagged(table))}) for table, each in config.tables.items()
    }
    return sources.open_source(name, config.model_copy(update={"tables": tables}), project.folder, project.sample)


def source_states(
    parent: Manifest | None, name: str, ledger: ledgers.Ledger | None, lake: str
) -> dict[str, Mapping[str, Any]]:
    """What is known of each table of a source: from the parent release, and from later runs that found nothing new.

    Such a run published nothing, so what it learned (a file was only touched, a comparison found no
    difference) is in the ledger alone. It is as true of the release: the run left the tables as they are.
    """
    if parent is None:
        return {}
    entries = dict(parent.sources)
    if ledger is not None:
        for detail in ledger.looked_at(lake, parent.release, f"extract:{name}"):
            entries |= detail.get("sources", {})
    prefix = f"{name}."
    return {key.removeprefix(prefix): entry["state"] for key, entry in entries.items() if key.startswith(prefix)}
