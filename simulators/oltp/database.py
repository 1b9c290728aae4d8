"""The order system's database: made, filled, and changed one transaction at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from headgate.errors import CouldNotRunError, MissingExtraError, UsageError
from headgate.project.database_url import UnclearUrlError, said_without, take_apart
from oltp.past import Beginning
from oltp.synthetic import Known
from oltp.world import TABLES, Change, Step

try:
    import psycopg
    from psycopg import sql
    from psycopg.conninfo import conninfo_to_dict
except ImportError as error:
    raise MissingExtraError("psycopg", "simulate") from error

Connection = psycopg.Connection[tuple[Any, ...]]

#: How the process that makes traffic is known to the server, so that another can end it.
TRAFFIC = "headgate simulator: traffic"
SECONDS_TO_CONNECT = 10
#: What a connection says when another process ends it, or the server stops.
Lost = psycopg.OperationalError


@dataclass(frozen=True, slots=True)
class Due:
    """The next change of the backlog; a live one happens at its time, others were moved there."""

    id: int
    change: Change
    live: bool


@contextmanager
def connected(url: str, *, name: str = "headgate simulator") -> Iterator[Connection]:
    """A connection on which each statement commits by itself, in UTC.

    Raises:
        UsageError: the address cannot be read.
        CouldNotRunError: the server cannot be reached, or refuses something.
    """
    try:
        take_apart(url)
        conninfo_to_dict(url)
    except UnclearUrlError as error:
        raise UsageError(f"--url: {error}", hint=error.hint) from error
    except psycopg.ProgrammingError as error:
        raise UsageError(
            f"--url is no address of a PostgreSQL: {said_without(_first_line(error), url)}",
            hint="postgresql://user:password@host/database",
        ) from error
    try:
        with psycopg.connect(
            url, autocommit=True, application_name=name, connect_timeout=SECONDS_TO_CONNECT, options="-c timezone=UTC"
        ) as con:
            yield con
    except psycopg.Error as error:
        raise CouldNotRunError(
            f"PostgreSQL says: {said_without(_first_line(error), url)}",
            where=_place(url),
            hint="is the server up, and may you do this?",
        ) from error


def make_database(con: Connection, name: str) -> None:
    """Create the database ``name`` beside the one that is connected, unless it is there."""
    if not con.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
        con.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def database_of(url: str) -> str:
    """The database that an address names."""
    parts = conninfo_to_dict(url)
    return str(parts.get("dbname") or parts.get("user") or "")


def beside(url: str, database: str) -> str:
    """The address of another database of the same server."""
    return take_apart(url).beside(database)


def shown(url: str) -> str:
    """An address as it may be shown: without the password."""
    return take_apart(url).shown()


def is_made(con: Connection) -> bool:
    """Whether the order system is there.

    Raises:
        UsageError: tables of its names are there that the simulator did not make.
    """
    if con.execute("select to_regclass('simulator.world')").fetchone() != (None,):
        return True
    found = con.execute(
        "select tablename from pg_tables where schemaname = 'public' and tablename = any(%s)", [list(TABLES)]
    ).fetchall()
    if found:
        raise UsageError(
            f"the database has a table {found[0][0]} that the simulator did not make, and must not touch",
            hint="name an empty database with --url",
        )
    return False


def make(con: Connection, beginning: Beginning, *, past: str, seed: int) -> None:
    """Create the tables and load the past, all of it or nothing."""
    with con.transaction():
        script = files("oltp").joinpath("order_system.sql").read_text(encoding="utf-8")
        con.execute(script)
        for table, columns in TABLES.items():
            names = (*columns, "created_at", "last_updated")
            copy = sql.SQL("copy {} ({}) from stdin").format(
                sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
            )
            with con.cursor().copy(copy) as stream:
                for row in beginning.rows[table]:
                    stream.write_row([row[name] for name in names])
        add(con, beginning.backlog, live=False)
        for table in TABLES:
            _count_on(con, table, beginning)
        newest = max((r["last_updated"] for rows in beginning.rows.values() for r in rows), default=beginning.began)
        con.execute(
            "insert into simulator.world (past, seed, began, clock) values (%s, %s, %s, %s)",
            [past, seed, beginning.began, newest],
        )


def add(con: Connection, changes: Iterable[Change], *, live: bool) -> None:
    """Put changes into the backlog."""
    with con.cursor() as cursor:
        cursor.executemany(
            "insert into simulator.backlog (at, live, steps) values (%s, %s, %s)",
            [(change.at, live, _to_json(change.steps)) for change in changes],
        )


def next_due(con: Connection) -> Due | None:
    """The next change that is to happen."""
    row = con.execute("select id, at, live, steps from simulator.backlog order by at, id limit 1").fetchone()
    if row is None:
        return None
    steps = tuple(Step(each["op"], each["table"], each["row"]) for each in row[3])
    return Due(row[0], Change(row[1], steps), row[2])


def lacks_orders(con: Connection) -> bool:
    """Whether nobody is going to order anything more."""
    found = con.execute(
        "select not exists (select from simulator.backlog where steps -> 0 ->> 'op' = 'insert')"
    ).fetchone()
    return bool(found and found[0])


def catch_up(con: Connection) -> None:
    """What waits for its hour does not wait for one that is past: let all of it happen from now on."""
    con.execute(
        "update simulator.backlog set at = backlog.at + (localtimestamp - first.at) "
        "from (select min(at) as at, bool_and(live) as live from simulator.backlog) as first "
        "where first.live and first.at < localtimestamp"
    )


def carry_out(con: Connection, due: Due) -> datetime:
    """Let a change happen in one transaction, at its time or now; returns the time that it got.

    The application's clock never goes back, and is never ahead of the world's.
    """
    with con.transaction():
        at = max(clock(con), min(due.change.at, now()))
        for step in due.change.steps:
            write(con, step, at)
        con.execute("delete from simulator.backlog where id = %s", [due.id])
        set_clock(con, at)
    return at


def write(con: Connection, step: Step, at: datetime) -> None:
    """Insert or update one row as of ``at``."""
    row = {**step.row, "last_updated": at} | ({"created_at": at} if step.op == "insert" else {})
    table = sql.Identifier(step.table)
    if step.op == "insert":
        names = sql.SQL(", ").join(map(sql.Identifier, row))
        places = sql.SQL(", ").join(sql.Placeholder() * len(row))
        con.execute(sql.SQL("insert into {} ({}) values ({})").format(table, names, places), list(row.values()))
    else:
        key = row.pop(step.key)
        sets = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in row)
        where = sql.Identifier(step.key)
        con.execute(sql.SQL("update {} set {} where {} = %s").format(table, sets, where), [*row.values(), key])


def known(con: Connection) -> Known:
    """The keys that there are."""

    def keys(table: str) -> list[int]:
        key, name = sql.Identifier(f"{table}_id"), sql.Identifier(table)
        return [row[0] for row in con.execute(sql.SQL("select {} from {} order by 1").format(key, name)).fetchall()]

    return Known(keys("design"), keys("staff"), keys("counterparty"), keys("currency"), keys("address"))


def next_number(con: Connection, table: str) -> int:
    """The next key of a table."""
    row = con.execute("select nextval(pg_get_serial_sequence(%s, %s))", [table, f"{table}_id"]).fetchone()
    return int(row[0]) if row else 0


def seed_of(con: Connection) -> int:
    """What chance begins with: another one after each order."""
    row = con.execute("select seed + (select last_value from transaction_transaction_id_seq) from simulator.world")
    found = row.fetchone()
    return int(found[0]) if found else 0


def clock(con: Connection) -> datetime:
    """The time of the newest change."""
    row = con.execute("select clock from simulator.world").fetchone()
    if row is None:
        raise CouldNotRunError("the simulator's own tables were emptied", hint="headgate simulate oltp --fresh")
    time: datetime = row[0]
    return time


def set_clock(con: Connection, at: datetime) -> None:
    """Remember the time of the newest change."""
    con.execute("update simulator.world set clock = greatest(clock, %s)", [at])


def counts(con: Connection) -> dict[str, int]:
    """How many rows each table has."""
    found = {}
    for table in TABLES:
        row = con.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
        found[table] = int(row[0]) if row else 0
    return found


def has_traffic(con: Connection) -> bool:
    """Whether a process makes traffic in this database."""
    found = con.execute(
        "select exists (select from pg_stat_activity where datname = current_database() and application_name = %s)",
        [TRAFFIC],
    ).fetchone()
    return bool(found and found[0])


def end_traffic(con: Connection) -> int:
    """End the processes that make traffic in this database; returns how many there were."""
    ended = con.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where datname = current_database() and application_name = %s and pid <> pg_backend_pid()",
        [TRAFFIC],
    ).fetchall()
    return len(ended)


def remove(con: Connection) -> None:
    """Take away everything that `make` made."""
    with con.transaction():
        con.execute("drop schema simulator cascade")
        for table in (*reversed(TABLES), "_prisma_migrations"):
            con.execute(sql.SQL("drop table {}").format(sql.Identifier(table)))
        con.execute("drop type transaction_type, payment_type_name")


def now() -> datetime:
    """The time as the order system writes it: UTC, without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)


def _count_on(con: Connection, table: str, beginning: Beginning) -> None:
    """Let the next key be one that neither a row nor the backlog has."""
    key = f"{table}_id"
    used = [row[key] for row in beginning.rows[table]]
    used += [step.row[key] for change in beginning.backlog for step in change.steps if step.table == table]
    highest = max((int(number) for number in used), default=0)
    con.execute("select setval(pg_get_serial_sequence(%s, %s), %s, false)", [table, key, highest + 1])


def _to_json(steps: Iterable[Step]) -> str:
    return json.dumps([{"op": s.op, "table": s.table, "row": s.row} for s in steps], default=str)


def _first_line(error: psycopg.Error) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _place(url: str) -> str:
    parts = conninfo_to_dict(url)
    return f"{parts.get('host') or 'localhost'}, database {parts.get('dbname')}"
