"""Building models in the lake that is attached: what is remembered without dbt, the rest by dbt, remembered then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headgate.lake.engine import Connection
from headgate.lake.inventory import Inventory
from headgate.run.repeat import Circumstances, build_compiled, recordings, repeat
from headgate.transform.models import Models, Node
from headgate.transform.runner import GOOD, Dbt, NodeOutcome


@dataclass(frozen=True)
class Site:
    """Where models are built: a connection to the lake, what is in it, dbt, and what dbt knows of the project.

    ``tell`` is told the name of each node that is begun.
    """

    con: Connection
    inventory: Inventory
    dbt: Dbt
    models: Models
    tell: Callable[[str], None]


def make(site: Site, work: Sequence[Node], *, anew: bool) -> list[NodeOutcome]:
    """Build and test ``work``, inputs first; what fails is an outcome, not an exception.

    That a model begins anew is one switch for all of dbt's models, so others may pay for it too.
    """
    state = Circumstances(site.inventory.contents, site.models, anew, dict(site.inventory.shapes))
    itself = {node.id: state.itself(node) for node in work}
    outcomes = repeat(site.con, site.dbt.memory, work, state, site.tell)
    new = _make_anew(site, [n for n in work if n.id not in {o.id for o in outcomes}], state, anew=anew)
    if new:
        site.inventory.changed()
        after = Circumstances(site.inventory.contents, site.models, anew, site.inventory.shapes)
        good = [outcome for outcome in new if outcome.status in GOOD]
        by_id = {node.id: node for node in work}
        site.dbt.memory.keep(recordings(good, by_id, state.contents, itself, after), site.models)
    return [*outcomes, *new]


def _make_anew(site: Site, work: Sequence[Node], state: Circumstances, *, anew: bool) -> list[NodeOutcome]:
    """What nobody remembers: tables of one query together, the rest by dbt."""
    plain = [node for node in work if node.recipe and state.itself(node) is None]
    compiled = site.dbt.compile(plain) if plain else {}
    outcomes = build_compiled(site.con, compiled, work, state, site.tell) if compiled else []
    left = [node for node in work if node.id not in {outcome.id for outcome in outcomes}]
    return [*outcomes, *(site.dbt.build(left, full_refresh=anew, on_node=site.tell) if left else ())]
