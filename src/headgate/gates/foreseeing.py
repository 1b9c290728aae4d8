"""What a gate names and will not find, told before anything runs: from the columns that tables are going to have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial

from headgate.gates.compilation import Check, Gate
from headgate.gates.expectation import Expectation
from headgate.gates.relation import Checked
from headgate.gates.sight import split
from headgate.gates.values import MissingError, UnusableError
from headgate.lake.catalog import Column

#: The columns, name to type, that a table of this layer and name is going to have; None if nobody knows them.
#: Raises MissingError if there is going to be no such table.
Foreseen = Callable[[str, str], Mapping[str, str] | None]


def missing(gate: Gate, foreseen: Foreseen) -> Iterator[tuple[Check, MissingError]]:
    """The expectations that name a table or column which is not going to be there, each thing once."""
    relation = cache(partial(_relation, foreseen))
    told = set()
    for check in gate.checks:
        try:
            _look(check.expectation, gate.layer, check.table, relation)
        except MissingError as error:
            if str(error) not in told:
                told.add(str(error))
                yield check, error
        except UnusableError:  # it may be right once there is data: a run says so
            continue


def _look(expectation: Expectation, layer: str, table: str, relation: Callable[[str, str], Checked | None]) -> None:
    """What a gate does before it judges, as far as columns go."""
    on = relation(layer, table)
    others = {".".join(name): relation(*split(name, layer)) for name in expectation.others()}
    if on is None:
        return
    for name in expectation.columns():
        on.column(name)
    known = {name: other for name, other in others.items() if other is not None}
    if len(known) == len(others):
        on = replace(on, others=known) if known else on
        expectation.require(on)
        expectation.narrowed(on)


def _relation(foreseen: Foreseen, layer: str, name: str) -> Checked | None:
    columns = foreseen(layer, name)
    if columns is None:
        return None
    found = tuple(Column(-1, each, type_, 0, None) for each, type_ in columns.items())
    return Checked(layer, name, found, None, exact=False, identity=None)
