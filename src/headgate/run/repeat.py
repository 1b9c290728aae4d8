"""Sending again what dbt sent: models whose statements are known are built without dbt, in one transaction.

The statements are dbt's own, recorded when it last built the model while its code, the columns of what it reads and
its own table were as they are now. Anything unforeseen, and dbt builds everything from where the run stood before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
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

    def itself(self, node: Node) -> str:
        """What there is of the node's own table before it is built."""
        is_view = node.relation in self.contents.views
        return digest([node.relation, is_view, self.columns.get(node.relation), self.anew])

    def of(self, node: Node, itself: str) -> str:
        """All of it, once everything that the node reads is built."""
        read = [self.models.relations.get(i, i) for i in node.inputs]
        return digest([itself, [(relation, self.columns.get(relation)) for relation in read]])


def repeat(
    con: engine.Connection,
    memory: Memory,
    work: Sequence[Node],
    before: Circumstances,
    on_node: Callable[[str], None],
) -> list[NodeOutcome]:
    """Build the first nodes of ``work``, as many as are known; all or nothing.

    ``before`` is brought up to date with what was built.
    """
    outcomes: list[NodeOutcome] = []
    if not work or not memory.knows(work[0]):
        return outcomes
    columns = dict(before.columns)
    own = engine.beside(con)  # where dbt's temporary tables live and die, as they do when dbt makes them
    try:
        with engine.transaction(own):
            for node in work:
                known = memory.recording(node, before.of(node, before.itself(node))) if node.recipe else None
                if known is None:
                    break
                on_node(node.name)
                outcomes.append(_send(own, node, known))
                before.columns[node.relation] = known.columns
    except (duckdb.Error, _UnforeseenError) as error:
        if isinstance(error, duckdb.Error) and engine.was_interrupted(error):
            raise InterruptedRunError from error
        before.columns = columns
        return []
    finally:
        own.close()
    return outcomes


def recordings(
    outcomes: Sequence[NodeOutcome], nodes: Mapping[str, Node], itself: Mapping[str, str], after: Circumstances
) -> dict[str, Recording]:
    """What is worth remembering of what dbt just did. ``itself`` is what there was of each node before."""
    found = {}
    for outcome in outcomes:
        node = nodes[outcome.id]
        if node.recipe and outcome.statements and not any(_SECRET in each for each in outcome.statements):
            columns = after.columns.get(node.relation, "")
            found[node.id] = Recording(node.recipe, after.of(node, itself[node.id]), outcome.statements, columns)
    return found


class _UnforeseenError(Exception):
    """A table came out with other columns than the last time."""


def _send(con: engine.Connection, node: Node, known: Recording) -> NodeOutcome:
    started = time.monotonic()
    for statement in known.statements:
        con.execute(statement)
    described = con.execute(f"DESCRIBE {engine.qualified(engine.LAKE, *node.relation.split('.', 1))}").fetchall()
    if digest([[row[0], row[1]] for row in described]) != known.columns:
        raise _UnforeseenError(node.name)
    return NodeOutcome(node.id, "success", None, None, time.monotonic() - started)
