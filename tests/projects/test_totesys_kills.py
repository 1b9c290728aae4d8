"""The totesys pipeline, cycle after cycle, most of them killed at a random instant.

``HEADGATE_KILL_CYCLES`` says how many cycles there are; a few by default.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headgate.lake.engine import EngineSettings
from headgate.lake.reading import query, reader
from headgate.lake.release import Releases
from headgate.lake.store import LocalStore
from headgate.project.templates import copy_template
from order_system import OrderSystem

CYCLES = int(os.environ.get("HEADGATE_KILL_CYCLES", "8"))
#: Of so many cycles one is left alone.
SPARED = 5
KILLED = -signal.SIGKILL
HAPPENINGS = (None, None, "late-commits", "address-edits", "department-renames", "staff-moves")
FACTS = {"sales_order": "sales_record_id", "purchase_order": "purchase_record_id", "payment": "payment_record_id"}
Versions = Counter[tuple[str, Any, Any]]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + 60 * CYCLES)]


class Pipeline:
    """The project, the order system, and what was there to be seen whenever a release was made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copy_template("totesys", folder)
        self.source = OrderSystem(folder)
        self.source.simulate("--once", "0")
        self.store = LocalStore(folder / "lake")
        self.releases = Releases(self.store)
        self.expected: set[tuple[str, Any, Any]] = set()
        self.whole = 0.0

    def cycle(self, *, killed_after: float | None = None) -> int:
        """Run once, killed after so many seconds if it still runs then; returns its exit code."""
        before, there = self.releases.pointer().release, self.there()
        started = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "headgate", "run", "--json"],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            try:
                out, err = process.communicate(timeout=killed_after)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
        if process.returncode == 0:
            self.whole = min(self.whole or float("inf"), time.monotonic() - started)
        else:
            assert process.returncode == KILLED, (out, err)
        if self.releases.pointer().release != before:
            self.expected |= there
        return int(process.returncode)

    def there(self) -> set[tuple[str, Any, Any]]:
        """The versions that the source holds now."""
        found = set()
        for table in FACTS:
            rows = self.source.ask(f"SELECT {table}_id, last_updated FROM {table}")
            found |= {(table, key, moment) for key, moment in rows}
        return found

    def in_lake(self) -> Versions:
        with reader(self.store, EngineSettings(), release=None, run=None) as con:
            asked = {table: query(con, f"{self._version(table)} FROM marts.fact_{table}")[1] for table in FACTS}
        return Counter((table, *row) for table, rows in asked.items() for row in rows)

    def in_warehouse(self) -> Versions:
        asked = {t: self.source.ask(f"{self._version(t)} FROM totesys.fact_{t}", warehouse=True) for t in FACTS}
        return Counter((table, *row) for table, rows in asked.items() for row in rows)

    def check_lake(self) -> None:
        """Readers see every version that was there when a release was made, once, whatever became of the last run."""
        assert self.in_lake() == Counter(self.expected)

    def check_warehouse(self) -> None:
        """It holds one release, whole, whatever became of the run that served it."""
        if self.source.ask("SELECT to_regclass('totesys.headgate_release')", warehouse=True) == [(None,)]:
            return
        counts = ", ".join(f"(SELECT count(*) FROM totesys.fact_{table})" for table in FACTS)
        ((release, *rows),) = self.source.ask(f"SELECT release, {counts} FROM totesys.headgate_release", warehouse=True)
        tables = self.releases.manifest(release).tables
        assert rows == [tables[f"marts.fact_{table}"]["rows"] for table in FACTS]

    def check_end(self) -> None:
        """After a run that nobody killed all is well, and the warehouse is as the lake."""
        assert self.in_warehouse() == self.in_lake()
        doctor = subprocess.run(
            [sys.executable, "-m", "headgate", "doctor", "--json"],
            cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert doctor.returncode == 0, doctor.stdout

    @staticmethod
    def _version(table: str) -> str:
        return f"SELECT {table}_id, last_updated_date + last_updated_time"


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    pipeline = Pipeline(tmp_path / "totes")
    yield pipeline
    pipeline.source.simulate("--stop", "--fresh")


def test_every_version_that_was_seen_is_there_once_whatever_was_killed(pipeline: Pipeline) -> None:
    dice = random.Random(CYCLES)
    assert pipeline.cycle() == 0
    ended = []
    for number in range(1, CYCLES + 1):
        happening = dice.choice(HAPPENINGS)
        pipeline.source.simulate("--once", str(dice.randint(1, 12)), *(("--with", happening) if happening else ()))
        spared = number % SPARED == 0
        ended.append(pipeline.cycle(killed_after=None if spared else dice.uniform(0, 1.1 * pipeline.whole)))
        pipeline.check_lake()
        pipeline.check_warehouse()
    assert KILLED in ended
    assert pipeline.cycle() == 0
    pipeline.check_lake()
    assert pipeline.there() <= pipeline.expected
    pipeline.check_end()


#: Writes down every version of what becomes a fact, for the source to say afterwards what ever was there.
AUDIT = """
CREATE SCHEMA audit;
CREATE TABLE audit.versions (name text, key bigint, last_updated timestamp(3));
CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit.versions
    VALUES (tg_table_name, (to_jsonb(new) ->> (tg_table_name || '_id'))::bigint, new.last_updated);
    RETURN NULL;
END $$;
"""


def _say_nothing(_: str) -> None:
    """What somebody does is not told."""


@contextmanager
def written_to(source: OrderSystem) -> Iterator[None]:
    """Somebody writes to the order system, change after change, now and then one that commits late."""
    from oltp.traffic import Traffic

    enough, failed = threading.Event(), list[BaseException]()

    def write() -> None:
        traffic = Traffic(source.url, 1.0, (), None, _say_nothing)
        late = Traffic(source.url, 1.0, ("late-commits",), None, _say_nothing)
        try:
            while not enough.wait(0.02):
                (late if random.random() < 0.02 else traffic).once(1)
        except BaseException as error:
            failed.append(error)
            raise

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        enough.set()
        writer.join()
    assert not failed


def test_what_is_written_meanwhile_is_there_once_whatever_was_killed(pipeline: Pipeline) -> None:
    dice = random.Random(CYCLES)
    assert pipeline.cycle() == 0
    at_first, surely = pipeline.there(), set[tuple[str, Any, Any]]()
    pipeline.source.do(AUDIT)
    for table in FACTS:
        event = f"AFTER INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION audit.note()"
        pipeline.source.do(f"CREATE TRIGGER noted {event}")
    ended = []
    with written_to(pipeline.source):
        for number in range(1, CYCLES + 1):
            spared = number % SPARED == 0
            release, before = pipeline.releases.pointer().release, pipeline.there()
            ended.append(pipeline.cycle(killed_after=None if spared else dice.uniform(0, 1.1 * pipeline.whole)))
            if pipeline.releases.pointer().release != release:
                surely |= before & pipeline.there()  # all the time while the run read
            seen = pipeline.in_lake()
            ever = at_first | set(pipeline.source.ask("SELECT name, key, last_updated FROM audit.versions"))
            assert set(seen.values()) == {1}
            assert surely <= seen.keys() <= ever
            pipeline.check_warehouse()
    assert KILLED in ended
    assert len(ever) > len(at_first) + CYCLES
    assert pipeline.cycle() == 0
    assert pipeline.there() <= pipeline.in_lake().keys()
    pipeline.check_end()
