"""What somebody sees of the quarantine, and what somebody decides about the rows that wait there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from headgate.errors import NoReleaseError, UsageError, did_you_mean
from headgate.lake.engine import Connection, ident, qualified
from headgate.lake.quarantine import LAST_SHOWN, OWN_COLUMNS, SCHEMA, STATUSES, WAITING, chosen_rows, table_name
from headgate.lake.reading import Answer, ask, query, reader
from headgate.lake.release import Releases
from headgate.project import Project
from headgate.run.story import perform
from headgate.run.verdict import Verdict
from headgate.run.workshop import Decision, Listener, Options, engine_settings, open_store, silent


@dataclass(frozen=True, slots=True)
class Shown:
    """Rows of the quarantine of ``table`` in a release: ``found`` in all, which come while they are read."""

    table: str
    release: int
    found: int
    answer: Answer


def list_quarantine(project: Project) -> tuple[int | None, dict[str, dict[str, int]]]:
    """The release that is served, and how many rows of each status are in quarantine, by table. Loads no engine."""
    served = Releases(open_store(project)).current()
    if served is None:
        return None, {}
    return served.release, {
        name: {status: entry[status] for status in STATUSES} for name, entry in sorted(served.quarantine.items())
    }


@contextmanager
def show_quarantine(
    project: Project, table: str, *, where: str | None, expectation: str | None, status: str | None = WAITING
) -> Iterator[Shown]:
    """The rows in quarantine of ``table`` in the release that is served; of every status if ``status`` is None.

    Raises:
        UsageError: there is no quarantine of such a table, no such status, or the condition cannot be understood.
    """
    if status is not None and status not in STATUSES:
        raise UsageError(f"there is no status {status!r}", hint=did_you_mean(status, STATUSES))
    release, name = _named(project, table)
    with _reading(project, release) as con:
        columns = _columns(con, name)
        condition = chosen_rows(where=_condition(where, name, columns), expectation=expectation, status=status)
        relation = f"{qualified(SCHEMA, _relation(name))} WHERE {condition}"
        ((found,),) = query(con, f"SELECT count(*) FROM {relation}")[1]
        order = [c for c in OWN_COLUMNS if c not in LAST_SHOWN] + [c for c in columns if c not in OWN_COLUMNS]
        listed = ", ".join(map(ident, [*order, *LAST_SHOWN]))
        yield Shown(name, release, found, ask(con, f"SELECT {listed} FROM {relation} ORDER BY {ident(order[0])}"))


def decide(project: Project, decision: Decision, wait: timedelta = timedelta(0), tell: Listener = silent) -> Verdict:
    """Replay or drop rows that wait, in a run of its own.

    Raises:
        UsageError: no row that waits was chosen, or the choice cannot be understood.
    """
    if decision.table is None:
        if decision.where:
            raise UsageError(
                "--where is about the columns of one table", hint="name the table: headgate quarantine list"
            )
        release, tables = list_quarantine(project)
        names = [name for name, counts in tables.items() if counts[WAITING]]
    else:
        release, name = _named(project, decision.table)
        _require_table(project, name)
        names = [name]
        decision = replace(decision, table=name)
    number = 0
    if release is not None:
        with _reading(project, release) as con:
            for name in names:
                if decision.where:
                    where = _condition(decision.where, name, _columns(con, name))
                    decision = replace(decision, where=where)
                condition = chosen_rows(where=decision.where, expectation=decision.expectation, status=WAITING)
                relation = f"{qualified(SCHEMA, _relation(name))} WHERE {condition}"
                number += query(con, f"SELECT count(*) FROM {relation}")[1][0][0]
    if number == 0:
        raise UsageError("no row that waits in quarantine was chosen", hint="headgate quarantine list shows what waits")
    return perform(project, Options(decision=decision, wait=wait), tell)


def _named(project: Project, table: str) -> tuple[int, str]:
    """The release that is served, and the table as it is called there."""
    release, tables = list_quarantine(project)
    if release is None:
        raise NoReleaseError("nothing is published yet, so nothing is in quarantine", hint="headgate run")
    by_name: Mapping[str, str] = {name: name for name in tables} | {_relation(name): name for name in tables}
    if table not in by_name:
        hint = did_you_mean(table, tables) if tables else "nothing was ever put into quarantine"
        raise UsageError(f"no row of {table} is, or was, in quarantine", hint=hint)
    return release, by_name[table]


def _require_table(project: Project, name: str) -> None:
    """Rows of a table that is gone can be looked at, and that is all."""
    served = Releases(open_store(project)).current()
    if served is None or name not in served.tables:
        raise UsageError(f"the table of {name} is gone", hint=f"headgate quarantine show {shlex.quote(name)}")


def _relation(name: str) -> str:
    """What the quarantine of ``layer.table`` is called."""
    return table_name(*name.split(".", 1)) if "." in name else name


def _columns(con: Connection, name: str) -> list[str]:
    return query(con, f"SELECT * FROM {qualified(SCHEMA, _relation(name))} LIMIT 0")[0]


def _condition(text: str | None, name: str, columns: list[str]) -> str | None:
    """A condition as the engine reads it, on columns that there are, and with nothing in it but them."""
    if text is None:
        return None
    from sqlglot import exp

    from headgate.gates import sql
    from headgate.gates.arguments import WrongValueError
    from headgate.gates.conditions import parse_condition

    try:
        tree = parse_condition(text).copy()
    except WrongValueError as error:
        raise UsageError(f"--where {error}") from error
    by_lower = {column.lower(): column for column in columns}

    def bind(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column):
            return node
        found = by_lower.get(node.name.lower())
        if found is None:
            hint = did_you_mean(node.name, columns)
            raise UsageError(f"the quarantine of {name} has no column {node.name!r}", hint=hint)
        return sql.column(found, None)

    return sql.text_of(tree.transform(bind))


@contextmanager
def _reading(project: Project, release: int) -> Iterator[Connection]:
    store = open_store(project)
    with reader(store, engine_settings(project, store), release=release, run=None) as con:
        yield con
