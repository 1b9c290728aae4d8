"""All models that can be, built twice in an empty lake of their own, before anything runs.

What dbt sends for a steady model follows from its code and from the columns of tables, and those of raw tables stand in
``schema.lock``. So dbt can be asked in advance for everything that it would send in a first run, and in the next one,
which finds the tables of the first: neither needs it then. A statement that DuckDB cannot make sense of is found on the
way. Hooks run too, as in any run, but DuckDB is shut off: it reaches no file, no network and no lake but this one.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from headgate.errors import ConfigError, TransformError
from headgate.lake import engine
from headgate.lake.branch import lay_out_empty, make_schemas
from headgate.lake.catalog import Contents, digest
from headgate.lake.inventory import Inventory
from headgate.project import Project
from headgate.run.making import Site, make
from headgate.run.repeat import Circumstances, table_of
from headgate.sources.change_log import ChangeLog
from headgate.sources.schema_lock import NAME, read_lock
from headgate.transform.memory import Recording
from headgate.transform.models import Models, Node
from headgate.transform.runner import GOOD, Dbt, NodeOutcome

#: A statement whose columns are values: DuckDB's only one.
_PIVOT = re.compile(r"\bpivot(_wider)?\b", re.IGNORECASE)


def rehearse(project: Project, dbt: Dbt, models: Models) -> Mapping[str, Mapping[str, str]]:
    """Build in an empty lake what can be built there, and remember what dbt sent.

    Returns:
        The columns, name to type, of what was built, by relation; without what has a column for each value of its data.

    Raises:
        TransformError: DuckDB cannot make sense of a statement.
        ConfigError: a type in ``schema.lock`` is none.
    """
    columns = {table: locked.columns for table, locked in read_lock(project.folder).items() if locked.columns}
    steady = [node for node in models.nodes.values() if node.recipe and node.materialized != "ephemeral"]
    key = digest([columns, [[node.id, node.recipe, node.relation, node.inputs] for node in steady]])
    known = dbt.memory.rehearsed(key) if steady else {}
    if known is not None:
        return known
    try:
        with _empty_lake(project, columns) as con:
            inventory = Inventory(con)
            site = Site(con, inventory, dbt, models, lambda name: None)
            work = _buildable(steady, models, inventory.contents)
            built = _tried(site, work) if work else {}
            again = _tried(site, [node for node in work if node.id in built and not node.plain])
            _foresee(site, [node for node in steady if node not in work])
            lasting = [node for node in work if node.id in built and (node.plain or node.id in again)]
            found = {node.relation: _columns(con, node) for node in lasting if not _pivots(node, built[node.id])}
    finally:
        dbt.close()
    dbt.memory.keep_rehearsed(key, found)
    return found


@contextmanager
def _empty_lake(project: Project, columns: Mapping[str, Mapping[str, str]]) -> Iterator[engine.Connection]:
    """The process's shared instance with an empty lake, in which are the raw tables of ``schema.lock``, shut off."""
    keys = {name: table.primary_key for source in project.sources.values() for name, table in source.tables.items()}
    with tempfile.TemporaryDirectory(prefix="headgate-") as folder, engine.connect(shared=True) as con:
        lay_out_empty(con, Path(folder) / "rehearsal.ducklake", folder)
        engine.shut_off(con, folder)
        make_schemas(con, project.layers)
        for table, types in columns.items():
            log = ChangeLog(con, table, keys.get(table) or tuple(types)[:1])
            nulls = ", ".join(f"CAST(NULL AS {kind}) AS {engine.ident(name)}" for name, kind in types.items())
            try:
                with engine.transaction(con):
                    log.fill(f"SELECT {nulls}, 0::UBIGINT AS _hash WHERE FALSE", types, "rehearsal", bad="FALSE")
            except duckdb.Error as error:
                raise ConfigError(
                    f"DuckDB cannot make a table of these columns: {error}", file=NAME, key=f"tables.{table}.columns"
                ) from error
        yield con


def _buildable(nodes: Sequence[Node], models: Models, contents: Contents) -> list[Node]:
    """Those of ``nodes``, inputs first, of which everything that they read is there or will be."""
    there = {*contents.tables, *contents.views}
    found = []
    for node in nodes:
        if all(models.relations.get(i) in there for i in node.inputs):
            there.add(node.relation)
            found.append(node)
    return found


def _columns(con: engine.Connection, node: Node) -> dict[str, str]:
    rows = con.execute(f"DESCRIBE {engine.qualified(engine.LAKE, *node.relation.split('.', 1))}").fetchall()
    return {row[0]: row[1] for row in rows}


def _pivots(node: Node, outcome: NodeOutcome) -> bool:
    """Whether a model may have a column for each value of its data, of which there is none here."""
    return not outcome.statements or any(_PIVOT.search(text) for text in (node.raw, *outcome.statements))


def _tried(site: Site, work: Sequence[Node]) -> dict[str, NodeOutcome]:
    """Build ``work``; returns what could be built, by id.

    What fails for want of what DuckDB was shut off from, or of data, is left to a run.
    """
    outcomes = make(site, work, anew=False)
    by_id = {node.id: node for node in work}
    for outcome in outcomes:
        if _makes_no_sense(outcome):
            error = site.dbt.error_of(by_id[outcome.id], outcome)
            hint = f"it was tried on empty tables with the columns of {NAME}"
            raise TransformError(
                error.what, model=error.model, where=error.where, hint=f"{hint}; {error.hint}" if error.hint else hint
            )
    return {outcome.id: outcome for outcome in outcomes if outcome.status in GOOD}


def _makes_no_sense(outcome: NodeOutcome) -> bool:
    """Whether a model failed for what it says, wherever it is built: but not for a database that is not attached."""
    message = outcome.message or ""
    kind = re.search(r"\b(Parser|Binder) Error: (?!Catalog )", message)
    return outcome.status not in (*GOOD, "skipped") and kind is not None


def _foresee(site: Site, rest: Sequence[Node]) -> None:
    """Remember of nodes that read what is not there yet what a first run builds as a table of one query."""
    nothing = Circumstances(Contents({}, {}), site.models, anew=False, columns={})
    memory = site.dbt.memory
    plain = {node.id: node for node in rest if nothing.itself(node) is None}
    new = [node for node in plain.values() if not memory.recording(node, nothing.of(node, None))]
    found = {}
    for key, query in (site.dbt.compile(new) if new else {}).items():
        node = plain[key]
        statements = (table_of(node, query),)
        found[key] = Recording(node.recipe or "", nothing.of(node, None), statements, None, there=False)
    if found:
        memory.keep(found, site.models)
