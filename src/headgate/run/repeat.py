"""Sending again what dbt sent: models whose statements are known are built without dbt, in one transaction.

The statements are dbt's own, recorded when it last built the model while its code, the columns of what it reads and
its own table were as they are now; or, for what is no more than a table of one query, that query as dbt compiles it.
Anything unforeseen, and dbt builds everything from where the run stood before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from headgate.errors import InterruptedRunError
from headgate.lake import engine
from headgate.lake.catalog import Contents, digest
from headgate.transform.memory import Memory, Recording
from headgate.transform.models import Models, Node
from headgate.transform.runner import NodeOutcome

#: What dbt's log puts in place of a secret.
_SECRET = "*****"  # noqa: S105


@dataclass
class Circumstances:
    """What the statements for a model depend on beside its code: what is there, and with which columns.

    ``columns`` maps ``schema.table`` to a hash, and ``anew`` says that incremental models begin anew.
    """

    contents: Contents
    models: Models
    anew: bool
    columns: dict[str, str]

    def itself(self, node: Node) -> str | None:
        """What there is of the node's own table before it is built; None if one query makes the table, whatever it is.

        That of a plain node replaces any table.
        """
        there = node.relation in self.columns
        if (node.plain and node.relation not in self.contents.views) or (node.begins_plain and not there):
            return None
        return digest([node.relation, node.relation in self.contents.views, self.columns.get(node.relation), self.anew])

    def of(self, node: Node, itself: str | None) -> str:
        """All of it, once everything that the node reads is built."""
        read = [self.models.relations.get(i, i) for i in node.inputs]
        if itself is None:
            return digest([node.relation, read])
        return digest([itself, [(relation, self.columns.get(relation)) for relation in read]])


def repeat(
    con: engine.Connection, memory: Memory, work: Sequence[Node], state: Circumstances, on_node: Callable[[str], None]
) -> list[NodeOutcome]:
    """Build those nodes of ``work``, inputs first, whose statements are known; all or nothing.

    ``state`` is brought up to date with what was built.
    """

    def known() -> Iterator[_Sending]:
        for node in _ready(work, lambda node: found(node) is not None):
            recording = found(node)
            assert recording is not None  # noqa: S101  # what makes it ready
            yield node, recording.statements, recording.columns

    def found(node: Node) -> Recording | None:
        return memory.recording(node, state.of(node, state.itself(node))) if node.recipe else None

    return _send_all(con, known(), state, on_node) if any(memory.knows(node) for node in work) else []


def build_compiled(
    con: engine.Connection,
    compiled: Mapping[str, str],
    work: Sequence[Node],
    state: Circumstances,
    on_node: Callable[[str], None],
) -> list[NodeOutcome]:
    """Build those nodes of ``work``, inputs first, that are no more than a table of one query; all or nothing."""

    def plain() -> Iterator[_Sending]:
        for node in _ready(work, lambda node: node.id in compiled):
            yield node, (table_of(node, compiled[node.id]),), None

    return _send_all(con, plain(), state, on_node)


def table_of(node: Node, query: str) -> str:
    """The statement that makes the table of a compiled query: that of the materialization in ``transform/macros``."""
    return f"create or replace table {engine.qualified(engine.LAKE, *node.relation.split('.', 1))} as (\n{query}\n)"


def recordings(
    outcomes: Sequence[NodeOutcome],
    nodes: Mapping[str, Node],
    before: Contents,
    itself: Mapping[str, str | None],
    after: Circumstances,
) -> dict[str, Recording]:
    """What is worth remembering of what was just built. ``itself`` is what there was of each node ``before``."""
    found = {}
    for outcome in outcomes:
        node = nodes[outcome.id]
        if node.recipe and outcome.statements and not any(_SECRET in each for each in outcome.statements):
            columns = after.columns.get(node.relation, "") if itself[node.id] else None
            there = node.relation in before.tables or node.relation in before.views
            circumstances = after.of(node, itself[node.id])
            found[node.id] = Recording(node.recipe, circumstances, outcome.statements, columns, there)
    return found


#: A node, its statements, and a hash of the columns that they must leave, if that is known.
_Sending = tuple[Node, tuple[str, ...], str | None]


class _UnforeseenError(Exception):
    """A table came out with other columns than the last time."""


def _ready(work: Sequence[Node], can: Callable[[Node], bool]) -> Iterator[Node]:
    """The nodes that can be built without those that cannot."""
    left: set[str] = set()
    for node in work:
        if any(i in left for i in node.inputs) or not can(node):
            left.add(node.id)
        else:
            yield node


def _send_all(
    con: engine.Connection, sendings: Iterator[_Sending], state: Circumstances, on_node: Callable[[str], None]
) -> list[NodeOutcome]:
    outcomes: list[NodeOutcome] = []
    columns = dict(state.columns)
    own = engine.beside(con)  # where dbt's temporary tables live and die, as they do when dbt makes them
    try:
        with engine.transaction(own):
            for node, statements, expected in sendings:
                on_node(node.name)
                started = time.monotonic()
                state.columns[node.relation] = _send(own, node, statements, expected)
                outcomes.append(NodeOutcome(node.id, "success", None, None, time.monotonic() - started, statements))
    except (duckdb.Error, _UnforeseenError) as error:
        if isinstance(error, duckdb.Error) and engine.was_interrupted(error):
            raise InterruptedRunError from error
        state.columns = columns
        return []
    finally:
        own.close()
    return outcomes


def _send(con: engine.Connection, node: Node, statements: Sequence[str], expected: str | None) -> str:
    for statement in statements:
        con.execute(statement)
    described = con.execute(f"DESCRIBE {engine.qualified(engine.LAKE, *node.relation.split('.', 1))}").fetchall()
    columns = digest([[row[0], row[1]] for row in described])
    if expected is not None and columns != expected:
        raise _UnforeseenError(node.name)
    return columns
