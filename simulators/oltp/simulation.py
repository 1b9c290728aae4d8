"""From what was asked on the command line to a running order system."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from headgate.errors import CouldNotRunError, UsageError, did_you_mean
from headgate.project.announced import announce, withdraw
from headgate.simulators import URL_VARIABLE, Asked, Outcome, State
from oltp import database, dump, synthetic
from oltp.happenings import NAMES, RESTART
from oltp.past import divide
from oltp.server import Server
from oltp.traffic import Traffic

SOURCE, WAREHOUSE = "totesys", "warehouse"
#: The variables that the project reads its addresses from.
VARIABLES = {SOURCE: "TOTESYS_URL", WAREHOUSE: "WAREHOUSE_URL"}
SECONDS_TO_BEGIN = 20


@dataclass(frozen=True, slots=True)
class World:
    """Where the databases are, and the server that holds them if it is ours."""

    urls: dict[str, str]
    server: Server | None


def simulate(asked: Asked, say: Callable[[str], None]) -> Outcome:
    """Do what was asked: stop, or start and make traffic.

    Raises:
        UsageError: something was asked for that there is not.
        CouldNotRunError: the server does not start, or cannot be reached.
    """
    _refuse_unknown(asked)
    if asked.stop:
        return _stop(asked)
    world = _open(asked, say)
    if asked.once is not None:
        traffic = _traffic(asked, world, say)
        traffic.once(asked.once)
        return _outcome(world, "idle", traffic.done)
    if asked.foreground:
        say(_addresses(world))
        return _in_the_foreground(asked, world, say)
    _leave_running(asked, world)
    return _outcome(world, "running", 0)


def _refuse_unknown(asked: Asked) -> None:
    for name in asked.happenings:
        if name not in NAMES:
            raise UsageError(f"there is nothing called {name!r} that could happen", hint=did_you_mean(name, NAMES))
    if RESTART in asked.happenings and asked.url:
        raise UsageError(
            "a server that is named with --url is not restarted", hint="without --url it is the simulator's"
        )


def _stop(asked: Asked) -> Outcome:
    if asked.url:
        with database.connected(asked.url) as con:
            ended = database.end_traffic(con)
        return Outcome({}, {}, "stopped" if ended else "was not running", 0)
    server = Server(asked.project)
    if server.exists and server.runs:
        server.start()
        with database.connected(server.url(SOURCE)) as con:
            database.end_traffic(con)
    ran = server.stop()
    withdraw(asked.project)
    if asked.fresh and server.exists:
        server.forget()
    return Outcome({}, {}, "stopped" if ran else "was not running", 0, str(server.folder) if server.exists else None)


def _open(asked: Asked, say: Callable[[str], None]) -> World:
    world = _reach(asked)
    with database.connected(world.urls[SOURCE]) as con:
        database.end_traffic(con)
        made = database.is_made(con)
        if made and asked.fresh:
            database.remove(con)
            made = False
        if not made:
            _make(con, asked, say)
    if world.server is not None:
        announce(asked.project, "oltp", {VARIABLES[name]: url for name, url in world.urls.items()})
    return world


def _reach(asked: Asked) -> World:
    """A server that answers, with both databases in it."""
    if asked.url is None:
        server = Server(asked.project)
        server.start()
        with database.connected(server.url("postgres")) as con:
            for name in VARIABLES:
                database.make_database(con, name)
        return World({name: server.url(name) for name in VARIABLES}, server)
    with database.connected(asked.url) as con:
        name = database.database_of(asked.url)
        database.make_database(con, f"{name}_{WAREHOUSE}")
    return World({SOURCE: asked.url, WAREHOUSE: database.beside(asked.url, f"{name}_{WAREHOUSE}")}, None)


def _make(con: database.Connection, asked: Asked, say: Callable[[str], None]) -> None:
    folder = Path(os.environ["HEADGATE_DATA"]) / SOURCE if os.environ.get("HEADGATE_DATA") else None
    real = folder is not None and folder.is_dir()
    say("loading the dump of HEADGATE_DATA …" if real else "making up a company and its past …")
    changes = dump.past(folder) if folder is not None and real else synthetic.past(asked.seed)
    catching_up = timedelta(0) if asked.once is not None else asked.replay / asked.speed
    beginning = divide(changes, end=database.now() + catching_up, replay=asked.replay)
    database.make(con, beginning, past="dump" if real else "synthetic", seed=asked.seed)


def _traffic(asked: Asked, world: World, say: Callable[[str], None]) -> Traffic:
    return Traffic(world.urls[SOURCE], asked.speed, asked.happenings, world.server, say)


def _in_the_foreground(asked: Asked, world: World, say: Callable[[str], None]) -> Outcome:
    """Make traffic until Ctrl-C, or until another process ends it."""
    traffic = _traffic(asked, world, say)
    try:
        traffic.go_on()
    except KeyboardInterrupt:
        if world.server is not None:
            world.server.stop()
            withdraw(asked.project)
    return Outcome({}, {}, "stopped", traffic.done, str(world.server.folder) if world.server else None)


def _leave_running(asked: Asked, world: World) -> None:
    """Leave the traffic to a process of its own, and see that it has begun."""
    command = [sys.executable, "-m", "headgate", "simulate", "oltp", "--foreground", "--project", str(asked.project)]
    command += ["--speed", str(asked.speed), *(word for name in asked.happenings for word in ("--with", name))]
    environment = {**os.environ, **({URL_VARIABLE: asked.url} if asked.url else {})}
    log = Server(asked.project).log
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # ourselves
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    until = time.monotonic() + SECONDS_TO_BEGIN
    with database.connected(world.urls[SOURCE]) as con:
        while not database.has_traffic(con):
            if process.poll() is not None or time.monotonic() > until:
                raise CouldNotRunError("the traffic did not begin", hint=f"what it said is in {log}")
            time.sleep(0.1)


def _addresses(world: World) -> str:
    return "\n".join(f"{VARIABLES[name]}={database.shown(url)}" for name, url in world.urls.items())


def _outcome(world: World, state: State, done: int) -> Outcome:
    with database.connected(world.urls[SOURCE]) as con:
        tables = database.counts(con)
    urls = {VARIABLES[name]: database.shown(url) for name, url in world.urls.items()}
    return Outcome(urls, tables, state, done, str(world.server.folder) if world.server else None)
