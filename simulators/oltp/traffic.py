"""What makes the order system move: its backlog is carried out, and when nothing is left, people order more."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from oltp import database
from oltp.database import TRAFFIC, Connection, Due, connected
from oltp.happenings import RESTART, let_happen
from oltp.server import Server
from oltp.synthetic import orders

#: What was asked to happen happens after so many changes.
EVERY = 20
ORDERS_AHEAD = 20


@dataclass
class Traffic:
    """Traffic in the database at ``url``; ``server`` is the one to restart, if it is ours."""

    url: str
    speed: float
    happenings: Sequence[str]
    server: Server | None
    say: Callable[[str], None]
    done: int = 0

    def once(self, changes: int) -> None:
        """Carry out so many changes without waiting, then let everything happen that was asked for."""
        with connected(self.url) as con:
            for _ in range(changes):
                self._carry_out(con, self._next(con))
            self._happen(con)
        self._restart_if_asked()

    def go_on(self) -> None:
        """Carry out changes at their pace until somebody ends it. A restart costs the connection, and so a new one."""
        ended = False
        while not ended:
            with connected(self.url, name=TRAFFIC) as con:
                try:
                    database.catch_up(con)
                    self._until_a_restart(con)
                except database.Lost:
                    ended = con.closed  # another process ended it, or the server was stopped
                    if not ended:
                        raise
            if not ended:
                self._restart_if_asked()

    def _until_a_restart(self, con: Connection) -> None:
        before: Due | None = None
        while True:
            due = self._next(con)
            _wait(con, self._pause(before, due))
            self._carry_out(con, due)
            before = due
            if self.done % EVERY == 0:
                self._happen(con)
                if RESTART in self.happenings:
                    return

    def _next(self, con: Connection) -> Due:
        if database.lacks_orders(con):
            chance = Random(database.seed_of(con))  # noqa: S311  # no secret
            known, start = database.known(con), database.now()

            def number(table: str) -> int:
                return database.next_number(con, table)

            more = list(orders(chance, start, ORDERS_AHEAD, known, number, self.speed))
            with con.transaction():
                database.add(con, more, live=True)
        due = database.next_due(con)
        assert due is not None  # noqa: S101  # there is an order at least
        return due

    def _pause(self, before: Due | None, due: Due) -> timedelta:
        if due.live:
            return due.change.at - database.now()
        return (due.change.at - before.change.at) / self.speed if before else timedelta(0)

    def _carry_out(self, con: Connection, due: Due) -> None:
        at = database.carry_out(con, due)
        self.done += 1
        for step in due.change.steps:
            self.say(f"{at:%Y-%m-%d %H:%M:%S}  {step.op} {step.table} {step.row[step.key]}")

    def _happen(self, con: Connection) -> None:
        for name in self.happenings:
            if name != RESTART:
                let_happen(con, name)
                self.say(f"{database.clock(con):%Y-%m-%d %H:%M:%S}  {name}")

    def _restart_if_asked(self) -> None:
        if RESTART in self.happenings and self.server is not None:
            self.server.restart()
            self.say("the server was restarted")


def _wait(con: Connection, pause: timedelta) -> None:
    """Wait, and notice at once when the server ends the connection."""
    until = time.monotonic() + pause.total_seconds()
    while (left := until - time.monotonic()) > 0:
        for _ in con.notifies(timeout=left):
            break
