"""Serving from a run, from a verb, and after a rollback.

Each attempt is on record, so that the next run knows what to try again without asking the server.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from headgate.errors import HeadgateError, ServeError, UsageError, WarehouseTakenError, did_you_mean
from headgate.lake.engine import Connection, connect
from headgate.lake.release import Manifest, Releases
from headgate.ledger import Ledger
from headgate.project import Project
from headgate.project.following_config import ServerConfig
from headgate.run.workshop import Workshop, engine_settings, open_store
from headgate.serve import Compared, Served, compare, holding, is_as_served, serve
from headgate.serve.wanted import digest_of


def unserved(project: Project, current: Manifest | None, ledger: Ledger, lake: str) -> dict[str, str]:
    """Each server that is not known to hold the current release, and what is known of it. Asks no server."""
    if current is None:
        return {}
    known = ledger.served(lake)
    found = {}
    for name, server in project.serve.items():
        record = known.get(name)
        if record is None:
            found[name] = "nothing was served there yet"
        elif record.error is not None:
            found[name] = f"serving failed the last time; it holds {holding(record.release)}"
        elif record.release != current.release:
            found[name] = f"it holds {holding(record.release)}"
        elif record.declared != digest_of(server):
            found[name] = "`serve` was changed"
    return found


def serve_in_run(shop: Workshop, name: str) -> dict[str, Any]:
    """Serve what the lake serves now to one server; returns the step's detail. A failure is told, not raised."""
    try:
        return {"served": _attempt(shop.project, shop.ledger, name, lambda: shop.con, run=shop.run)}
    except HeadgateError as error:
        detail = _failed(shop.project, shop.ledger, name, error, shop.run)
        shop.notes.append(detail["error"])
        return {"served": detail}


def must_be_served(shop: Workshop, name: str) -> bool:
    """Whether a server that is known to hold the release has to be looked at closely: somebody changed something.

    Or it could not be asked, which the close look then tells. Nothing is put on record if all is well.
    """
    try:
        return not is_as_served(server_of(shop.project, name), Releases(shop.store))
    except ServeError:
        return True


def serve_now(
    project: Project, name: str, *, release: int | None = None, repair: bool = False, take_over: bool = False
) -> dict[str, Any]:
    """Serve a release outside of a run.

    Raises:
        ServeError: the warehouse stays on the release that it had.
        UsageError: the project asks for what the release does not have.
    """
    server_of(project, name)  # what does not exist cannot fail, and is not put on record
    with Ledger.open(project.ledger) as ledger, _lazily(project) as reading:
        try:
            return _attempt(project, ledger, name, reading, release=release, repair=repair, take_over=take_over)
        except HeadgateError as error:
            _failed(project, ledger, name, error, None)
            raise


def serve_after_rollback(project: Project) -> dict[str, dict[str, Any]]:
    """Serve the release that the lake was rolled back to, everywhere; a failure is told, not raised."""
    results = {}
    with Ledger.open(project.ledger) as ledger, _lazily(project) as reading:
        for name in project.serve:
            try:
                results[name] = _attempt(project, ledger, name, reading)
            except HeadgateError as error:
                results[name] = _failed(project, ledger, name, error, None)
    return results


def compare_server(project: Project, name: str) -> Compared:
    """How a server differs from the release that it says it holds."""
    store = open_store(project)
    with _lazily(project) as reading:
        return compare(server_of(project, name), Releases(store), reading, store.workdir / "serve" / name)


def server_of(project: Project, name: str) -> ServerConfig:
    """One of the project's servers; raises UsageError."""
    if name not in project.serve:
        raise UsageError(f"there is no server {name!r}", hint=did_you_mean(name, project.serve))
    return project.serve[name]


def _attempt(
    project: Project,
    ledger: Ledger,
    name: str,
    reading: Callable[[], Connection],
    *,
    run: str | None = None,
    release: int | None = None,
    repair: bool = False,
    take_over: bool = False,
) -> dict[str, Any]:
    """Serve, and put on record what the server holds now."""
    started = time.monotonic()
    server, store = server_of(project, name), open_store(project)
    folder = store.workdir / "serve" / name
    done = serve(server, Releases(store), reading, folder, release=release, run=run, repair=repair, take_over=take_over)
    ledger.record_served(store.location, name, release=done.release, declared=digest_of(server), run=run)
    return _told(done, time.monotonic() - started)


def _told(done: Served, seconds: float) -> dict[str, Any]:
    status = "done" if done.moved else "skipped"
    return nothing_done(status, release=done.release, before=done.before) | {
        **asdict(done.rows),
        "seconds": round(seconds, 3),
        "notes": done.notes,
    }


def _failed(project: Project, ledger: Ledger, name: str, error: HeadgateError, run: str | None) -> dict[str, Any]:
    """Put a failure on record, and tell of it."""
    lake = open_store(project).location
    held = None if isinstance(error, WarehouseTakenError) else ledger.served(lake).get(name)
    release, declared = (held.release, held.declared) if held else (None, None)
    result = _failure(project, name, error, release)
    ledger.record_served(lake, name, release=release, declared=declared, run=run, error=project.mask(str(error)))
    ledger.alert("serve_failed", run, result["error"])
    return result


def failed_result(project: Project, name: str, error: HeadgateError) -> dict[str, Any]:
    """What is told of a server that could not be served, which is on record already."""
    with Ledger.open(project.ledger) as ledger:
        held = ledger.served(open_store(project).location).get(name)
    return _failure(project, name, error, held.release if held else None)


def _failure(project: Project, name: str, error: HeadgateError, before: int | None) -> dict[str, Any]:
    text = f"{name} was not served and holds {holding(before)}: {project.mask(str(error))}"
    return nothing_done("failed", before=before, exit_code=int(error.exit_code)) | {"error": text}


def nothing_done(
    status: str, *, release: int | None = None, before: int | None = None, exit_code: int = 0
) -> dict[str, Any]:
    """What is told of a server to which nothing was written."""
    return {
        "status": status,
        "release": release,
        "before": before,
        "inserted": 0,
        "updated": 0,
        "deleted": 0,
        "seconds": 0.0,
        "notes": [],
        "error": None,
        "exit_code": exit_code,
    }


@contextlib.contextmanager
def _lazily(project: Project) -> Iterator[Callable[[], Connection]]:
    """A DuckDB of our own, made when somebody first wants one."""
    opened: list[Connection] = []

    def reading() -> Connection:
        if not opened:
            opened.append(connect(engine_settings(project, open_store(project))))
        return opened[0]

    try:
        yield reading
    finally:
        for con in opened:
            con.close()
