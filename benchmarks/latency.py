"""How long it takes from a commit in the order system until the change is visible in the warehouse.

    python benchmarks/latency.py [--seconds 600] [--every 5s] [--json] [--folder DIR]

`headgate schedule` runs as a process of its own while 20 changes a second are committed: orders with their transaction
and payment, and payments that are paid. A trigger writes every version into an audit table just before its commit, so
that what is measured is a little more than the truth. The warehouse is watched from outside: again and again one query
asks for the highest record of each fact table, and a version is visible when the first answer came that has its record.

No row changes twice, so that every version is still there when the next cycle reads it: each must arrive, once.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg

import order_system
from inputs import Input
from measuring import BenchmarkError, Spread, environment
from oltp import synthetic
from order_system import FACTS, Change, OrderSystem, Step, database

LIMIT_SECONDS = 15.0
SECONDS, EVERY = 600.0, "5s"
CHANGES_A_SECOND = 20
#: One change of so many is a payment that is paid; the others are orders.
PAYMENTS = 4
LOOK_SECONDS = 0.1
#: How long after the last change the last version may take, and a scheduler to begin.
PATIENCE = 300.0
WARM_UP, CHANGES_BEFORE = 2, 40

AUDIT = """
create schema if not exists audit;
create table audit.versions (
    number bigserial primary key, name text, key bigint, last_updated timestamp(3), at timestamptz);
create function audit.note() returns trigger language plpgsql as $$
begin
    insert into audit.versions (name, key, last_updated, at)
    values (tg_table_name, (to_jsonb(new) ->> (tg_table_name || '_id'))::bigint, new.last_updated, clock_timestamp());
    return null;
end $$;
"""
TRIGGER = "create trigger audit after insert or update on {table} for each row execute function audit.note()"


@dataclass(frozen=True, slots=True)
class Look:
    """What the warehouse showed ``at`` a time (seconds of the epoch): the highest record of each fact table."""

    at: float
    highest: dict[str, int]


def measure(cache: Path, data: Input, repetitions: int) -> dict[str, Any]:
    """For `run.py`: ten minutes of traffic."""
    return watch(cache / "work" / "latency", SECONDS, EVERY)


def watch(folder: Path, seconds: float, every: str) -> dict[str, Any]:
    """Traffic for so long while a scheduler runs ``every`` so often; what of it came when."""
    with order_system.running(folder) as system:
        _prepare(system)
        log = folder / "schedule.log"
        with log.open("wb") as output:
            command = [*order_system.HEADGATE, "schedule", "--every", every]
            scheduler = subprocess.Popen(command, cwd=folder, env=environment(), stdout=output, stderr=output)
        try:
            _await(scheduler, log, "NOTHING NEW")
            began = len(_lines(log, "PUBLISHED"))
            looks, changes = _traffic(system, scheduler, seconds)
        finally:
            scheduler.terminate()
            scheduler.wait(PATIENCE)
        return {
            "input": system.past,
            "limit": LIMIT_SECONDS,
            "seconds": seconds,
            "every": every,
            "changes": changes,
            "cycles": len(_lines(log, "PUBLISHED")) - began,
            **_compared(system, looks),
        }


def _prepare(system: OrderSystem) -> None:
    """A release, another for which the models' statements are remembered, and the audit."""
    system.cycle()
    for _ in range(WARM_UP):
        system.change(CHANGES_BEFORE)
        system.cycle()
    with psycopg.connect(system.source, autocommit=True) as con:
        con.execute(AUDIT)
        for _, table in FACTS.values():
            con.execute(TRIGGER.format(table=table).encode())


def _traffic(system: OrderSystem, scheduler: subprocess.Popen[bytes], seconds: float) -> tuple[list[Look], int]:
    """Commit changes, and look at the warehouse meanwhile, until everything is there or nothing more comes."""
    looks: list[Look] = []
    over = threading.Event()
    watcher = threading.Thread(target=_look, args=(system, looks, over), daemon=True)
    watcher.start()
    try:
        with database.connected(system.source) as con:
            changes = _commit_changes(con, seconds)
            wanted: dict[str, int] = dict(con.execute(_VERSIONS).fetchall())
        before = looks[0].highest
        until = time.monotonic() + PATIENCE
        while any(looks[-1].highest[f] - before[f] < wanted.get(t, 0) for f, (_, t) in FACTS.items()):
            if scheduler.poll() is not None:
                raise BenchmarkError("the scheduler ended")
            if time.monotonic() > until:
                break  # what is missing is in the result
            time.sleep(1)
    finally:
        over.set()
        watcher.join()
    return looks, changes


_VERSIONS = "select name, count(*) from audit.versions group by name"


def _commit_changes(con: database.Connection, seconds: float) -> int:
    """So many changes a second; returns how many there were."""
    changes = _changes(con)
    began, done = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        if (early := done / CHANGES_A_SECOND - passed) > 0:
            time.sleep(early)
        at = database.now()
        with con.transaction():
            for step in next(changes).steps:
                database.write(con, step, at)
        done += 1
    return done


def _changes(con: database.Connection) -> Iterator[Change]:
    """Orders, and now and then a payment of the past that is paid; each payment once."""
    chance = random.Random(7)
    known = database.known(con)
    unpaid = [row[0] for row in con.execute("select payment_id from payment where not paid order by 1").fetchall()]

    def number(table: str) -> int:
        return database.next_number(con, table)

    while True:
        for _ in range(PAYMENTS - 1):
            yield next(synthetic.order(chance, database.now(), known, number))
        if unpaid:
            paid = {"payment_id": unpaid.pop(0), "paid": True}
            yield Change(database.now(), (Step("update", "payment", paid),))


def _look(system: OrderSystem, looks: list[Look], over: threading.Event) -> None:
    columns = ", ".join(
        f"(select coalesce(max({record}), 0) from totesys.{fact})" for fact, (record, _) in FACTS.items()
    )
    with psycopg.connect(system.warehouse, autocommit=True) as con:
        while not over.is_set():
            row = con.execute(f"select {columns}".encode()).fetchone()
            assert row is not None  # a query without FROM
            looks.append(Look(time.time(), dict(zip(FACTS, row, strict=True))))
            over.wait(LOOK_SECONDS)


def _compared(system: OrderSystem, looks: Sequence[Look]) -> dict[str, Any]:
    """Every version of the audit beside the records of the warehouse."""
    seconds: list[float] = []
    missing = twice = surplus = 0
    for fact, (record, table) in FACTS.items():
        audit = system.ask(
            system.source,
            f"select key, last_updated, extract(epoch from at)::float8 from audit.versions where name = '{table}'",
        )
        rows = system.ask(
            system.warehouse,
            f"select {table}_id, last_updated_date + last_updated_time, {record} from totesys.{fact} "
            f"where {record} > {looks[0].highest[fact]}",
        )
        times = Counter((key, updated) for key, updated, _ in rows)
        records = {(key, updated): number for key, updated, number in rows}
        twice += sum(1 for count in times.values() if count > 1)
        surplus += len(times.keys() - {(key, updated) for key, updated, _ in audit})
        for key, updated, at in audit:
            if (key, updated) not in records:
                missing += 1
            else:
                seconds.append(_visible(looks, fact, records[key, updated]) - at)
    if not seconds:
        raise BenchmarkError("no change arrived in the warehouse")
    seconds.sort()
    return {
        "versions": len(seconds) + missing,
        "missing": missing,
        "twice": twice,
        "surplus": surplus,
        "latency": {share: _quantile(seconds, float(share)) for share in ("0.5", "0.9", "0.99", "1")},
        "between_looks": asdict(Spread.of(b.at - a.at for a, b in pairwise(looks))),
    }


def _visible(looks: Sequence[Look], fact: str, record: int) -> float:
    """When the record was first seen; records only come to be more."""
    low, high = 0, len(looks) - 1
    while low < high:
        middle = (low + high) // 2
        if looks[middle].highest[fact] >= record:
            high = middle
        else:
            low = middle + 1
    return looks[low].at


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The value that so large a share of the others does not exceed.

    >>> _quantile([1.0, 2.0, 3.0, 4.0], 0.5), _quantile([1.0, 2.0, 3.0, 4.0], 1.0)
    (2.0, 4.0)
    """
    return ordered[math.ceil(share * len(ordered)) - 1]


def _await(scheduler: subprocess.Popen[bytes], log: Path, word: str) -> None:
    until = time.monotonic() + PATIENCE
    while not _lines(log, word):
        if scheduler.poll() is not None or time.monotonic() > until:
            raise BenchmarkError(f"the scheduler does not come to {word}:\n{log.read_text()[-3000:]}")
        time.sleep(0.2)


def _lines(log: Path, word: str) -> list[str]:
    return [line for line in log.read_text(encoding="utf-8").splitlines() if f"  {word}  " in line]


def main() -> int:
    """Measure, print, and say whether the limit holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of traffic (default: %(default)s)")
    parser.add_argument("--every", default=EVERY, help="how often the scheduler runs (default: %(default)s)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path("~/.cache/headgate-bench/work/latency"))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended, too
    found = watch(options.folder.expanduser(), options.seconds, options.every)
    complete = not (found["missing"] or found["twice"] or found["surplus"])
    held = complete and found["latency"]["0.99"] <= LIMIT_SECONDS
    if options.json:
        print(json.dumps(found, indent=1))
        return 0 if held else 1
    shares = ", ".join(f"{float(share):.0%} {each:.1f} s" for share, each in found["latency"].items())
    print(f"  {found['changes']:,} changes, {found['versions']:,} versions of rows, {found['cycles']} releases")
    print(f"  {found['missing']} missing, {found['twice']} twice, {found['surplus']} that nobody made")
    print(f"  visible after: {shares}")
    print("the limit holds" if held else f"TOO SLOW, OR NOT COMPLETE: the limit is {LIMIT_SECONDS} s for 99 %")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
