"""What else happens in an order system, and makes those who copy it miss something. Each on request only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from oltp import database
from oltp.database import Connection
from oltp.synthetic import order

#: How long ago a transaction began that is committed only now.
LATE = timedelta(minutes=5)
TICK = timedelta(milliseconds=1)


def late_commit(con: Connection, at: datetime) -> None:
    """An order whose transaction began five minutes ago becomes visible: newer ones were seen before it."""
    chance = Random(database.seed_of(con))  # noqa: S311  # no secret
    change = next(order(chance, at, database.known(con), lambda table: database.next_number(con, table)))
    for step in change.steps:
        database.write(con, step, at - LATE)


def silent_edit(con: Connection, at: datetime) -> None:
    """Somebody repairs an order and a design by hand, and last_updated does not move."""
    con.execute(
        "update sales_order set agreed_delivery_location_id = 1 + agreed_delivery_location_id %% "
        "(select max(address_id) from address) where sales_order_id = "
        "(select sales_order_id from sales_order order by md5(sales_order_id || %s::text) limit 1)",
        [str(at)],
    )
    con.execute(
        "update design set file_name = 'repaired-' || file_name where design_id = "
        "(select design_id from design order by md5(design_id || %s::text) limit 1)",
        [str(at)],
    )


def delete(con: Connection, at: datetime) -> None:
    """An old sales order goes, with its transaction and its payment."""
    chosen = con.execute(
        "select transaction_id, sales_order_id from transaction where sales_order_id is not null "
        "order by md5(transaction_id || %s::text) limit 1",
        [str(at)],
    ).fetchone()
    if chosen:
        con.execute("delete from payment where transaction_id = %s", [chosen[0]])
        con.execute("delete from transaction where transaction_id = %s", [chosen[0]])
        con.execute("delete from sales_order where sales_order_id = %s", [chosen[1]])


def staff_move(con: Connection, at: datetime) -> None:
    """Somebody moves to the next department."""
    con.execute(
        "update staff set department_id = 1 + department_id %% (select max(department_id) from department), "
        "last_updated = %s where staff_id = (select staff_id from staff order by md5(staff_id || %s::text) limit 1)",
        [at, str(at)],
    )


def address_edit(con: Connection, at: datetime) -> None:
    """A counterparty moves to another house of its street."""
    con.execute(
        "update address set address_line_1 = %s, last_updated = %s where address_id = "
        "(select legal_address_id from counterparty order by md5(counterparty_id || %s::text) limit 1)",
        [f"{at:%S} New Canal Street", at, str(at)],
    )


def department_rename(con: Connection, at: datetime) -> None:
    """A department is called otherwise."""
    con.execute(
        "update department set department_name = split_part(department_name, ' (', 1) || ' (' || %s || ')', "
        "last_updated = %s where department_id = 1",
        [f"since {at:%Y-%m-%d %H:%M:%S}", at],
    )


def new_column(con: Connection, at: datetime) -> None:
    """The application's next version has a column more, and fills it where somebody looks."""
    con.execute("alter table design add column if not exists colour text")
    con.execute(
        "update design set colour = 'natural', last_updated = %s where design_id = (select max(design_id) from design)",
        [at],
    )


#: By the name on the command line. ``restart`` is the server's, and not in here.
HAPPENINGS: dict[str, Callable[[Connection, datetime], None]] = {
    "late-commits": late_commit,
    "silent-edits": silent_edit,
    "deletes": delete,
    "staff-moves": staff_move,
    "address-edits": address_edit,
    "department-renames": department_rename,
    "new-column": new_column,
}
RESTART = "restarts"
NAMES = (*HAPPENINGS, RESTART)


def let_happen(con: Connection, name: str) -> None:
    """Let one of `HAPPENINGS` happen, in a transaction, a moment after the newest change."""
    with con.transaction():
        at = min(database.clock(con) + TICK, max(database.now(), database.clock(con)))
        HAPPENINGS[name](con, at)
        database.set_clock(con, at)
