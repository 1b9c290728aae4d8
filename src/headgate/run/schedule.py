"""Runs again and again, in one process: a library says when, and the story of a run does the rest.

The project is read anew for each run. A run that is still at work when the next is due goes on, and that one is left
out; times stay on their grid. After runs that failed the next ones come less often. A signal lets the step in hand end.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate.errors import HeadgateError, LockHeldError, MissingExtraError, UsageError
from headgate.lake import engine
from headgate.lake.instance import KeptInstance
from headgate.lake.release import Releases
from headgate.ledger import Ledger
from headgate.project import Project
from headgate.project.durations import format_duration
from headgate.run.health import BEAT_SECONDS, Health, Pulse, State
from headgate.run.keeping import prune_lake
from headgate.run.story import perform
from headgate.run.telling import tell_of_age
from headgate.run.verdict import Verdict
from headgate.run.workshop import Options, engine_settings, open_store

#: After failures nothing is put off for longer than this, or than one interval if that is longer.
LONGEST_BACKOFF = timedelta(hours=1)
SHORTEST_BACKOFF = timedelta(minutes=1)
AGE_SECONDS = 60.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Timing:
    """When runs are due: ``every`` so often, or as ``cron`` says (five fields, in UTC)."""

    every: timedelta | None = None
    cron: str | None = None

    def __str__(self) -> str:
        return f"every {format_duration(self.every)}" if self.every else f"cron {self.cron}"


#: Told of each line that a person should read: a word, facts, and whether that is good.
Reporter = Callable[[str, list[str], bool], None]


class Schedule:
    """One scheduler. ``load`` reads the project; ``report`` is told what happens."""

    def __init__(self, load: Callable[[], Project], timing: Timing, options: Options, report: Reporter) -> None:
        self._load = load
        self._timing = timing
        self._options = options
        self._report = report
        self._project = load()
        self._trigger = _trigger(timing)
        self._instance = KeptInstance()
        self._pulse = Pulse(self._project.folder, self._project.target, str(timing))
        self._stop = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._began: datetime | None = None
        self._not_before: datetime | None = None
        self._pruned: datetime | None = None

    def serve(self) -> Health:
        """Run until a signal comes; then let the step in hand end. A second signal ends it at once."""
        scheduler = self._scheduler()
        with _signals() as heard:
            scheduler.start()
            self._report("SCHEDULED", [str(self._timing), self._next_text(scheduler)], True)
            heard()
            self._stop.set()
            self._pulse.change("stopping")
            self._report("STOPPING", ["the step in hand ends first; again to stop at once"], True)
            ender = threading.Thread(target=_interrupt_on, args=(heard,), name="second-signal", daemon=True)
            ender.start()
            self._idle.wait()
            scheduler.shutdown(wait=False)  # waiting for jobs it holds locks that they may want
        self._pulse.change("stopped")
        self._pulse.end()
        return self._pulse.health

    def _scheduler(self) -> Any:
        from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES
        from apscheduler.schedulers.background import BackgroundScheduler

        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # what it warns of is told here
        scheduler = BackgroundScheduler(timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None})
        first = {"next_run_time": datetime.now(UTC)} if self._timing.every else {}
        scheduler.add_job(self._due, self._trigger, args=[scheduler], id="run", max_instances=1, **first)
        scheduler.add_job(self._pulse.beat, "interval", seconds=BEAT_SECONDS, id="beat")
        scheduler.add_job(self._look_at_age, "interval", seconds=self._age_seconds(), id="age", max_instances=1)
        scheduler.add_listener(lambda event: self._left_out(event.job_id), EVENT_JOB_MAX_INSTANCES)
        scheduler.add_listener(self._unforeseen, EVENT_JOB_ERROR)
        return scheduler

    def _due(self, scheduler: Any) -> None:
        """The time of a run has come."""
        began = datetime.now(UTC)
        if self._not_before is not None and began < self._not_before:
            return
        self._idle.clear()
        try:
            if not self._stop.is_set():  # asked after it was cleared: whoever stops waits for what is at work
                self._run(began, scheduler)
        finally:
            self._idle.set()

    def _run(self, began: datetime, scheduler: Any) -> None:
        """One run, whatever comes of it: a scheduler ends only when it is told to."""
        self._began = began
        self._pulse.change("working")
        failed = True
        try:
            self._project = self._load()
            with self._instance.for_run(engine_settings(self._project, open_store(self._project))):
                verdict = perform(self._project, self._options, stopping=self._stop.is_set)
            failed = verdict.status == "failed" and not self._stop.is_set()
            self._tell(verdict, scheduler)
            self._prune(began)
        except LockHeldError as error:
            failed = False
            self._say("WAITING", [error.what, self._next_text(scheduler)], good=True)
        except HeadgateError as error:
            self._say("FAILED", [*self._project.mask(str(error)).splitlines(), self._next_text(scheduler)], good=False)
        finally:
            self._began = None
            failures = self._pulse.health.failures + 1 if failed else 0
            self._put_off(began, failures)
            state: State = "stopping" if self._stop.is_set() else "waiting"
            runs = self._pulse.health.runs + 1
            self._pulse.change(state, runs=runs, failures=failures, next_=self._next(scheduler))

    def _prune(self, began: datetime) -> None:
        """Let go of old releases, as often as the project says; what goes wrong with it is no failure of the run."""
        every = self._project.prune.every
        if every is None or self._stop.is_set() or (self._pruned is not None and began - self._pruned < every):
            return
        try:
            done = prune_lake(self._project)
        except HeadgateError as error:
            self._report("NOT PRUNED", self._project.mask(str(error)).splitlines(), False)
            return
        self._pruned = began
        self._report("PRUNED", done.facts(), True)

    def _put_off(self, began: datetime, failures: int) -> None:
        """After the second failure in a row one run is left out, after the third three, up to an hour."""
        if failures < 2:
            self._not_before = None
            return
        interval = self._timing.every or SHORTEST_BACKOFF
        delay = min(interval * 2 ** min(failures - 1, 20), max(LONGEST_BACKOFF, interval))
        self._not_before = began + delay - timedelta(seconds=1)  # the grid's own time is late enough
        self._say("PUT OFF", [f"{failures} runs failed in a row", f"not before {_clock(self._not_before)}"], good=False)

    def _look_at_age(self) -> None:
        """Whether a release is late, between two runs, or while one hangs."""
        project, began = self._project, self._began
        if project.expect_every is None or (began and datetime.now(UTC) - began < project.expect_every):
            return
        store = open_store(project)
        try:
            with Ledger.open(project.ledger) as ledger:
                notes = tell_of_age(project, ledger, store.location, Releases(store).current())
        except HeadgateError as error:  # the next run says so too; the scheduler goes on
            notes = [project.mask(str(error))]
        for note in notes:
            self._say("NOTE", [note], good=False)

    def _left_out(self, job: str) -> None:
        if job == "run":
            self._say("LEFT OUT", ["the run before is still at work"], good=True)

    def _unforeseen(self, event: Any) -> None:
        """What nobody foresaw is told with a trace, as everywhere; the next run is due all the same."""
        log = self._project.folder / ".headgate" / "logs" / f"schedule-{datetime.now(UTC):%Y%m%d-%H%M%S}.log"
        text = self._project.mask(f"unexpected {type(event.exception).__name__}: {event.exception}")
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(self._project.mask(str(event.traceback)), encoding="utf-8")
            trace = f"the traceback is in {self._project.shown(log)}"
        except OSError as error:
            trace = f"the traceback cannot be written: {error.strerror}"
        self._report("FAILED", [text.splitlines()[0], trace], False)

    def _tell(self, verdict: Verdict, scheduler: Any) -> None:
        word, facts = verdict.line()
        self._say(word, [*facts, *verdict.notes, self._next_text(scheduler)], good=int(verdict.exit_code) == 0)

    def _say(self, word: str, facts: list[str], *, good: bool) -> None:
        self._pulse.change(self._pulse.health.state, last=f"{word}  {' · '.join(facts)}")
        self._report(word, facts, good)

    def _next(self, scheduler: Any) -> str | None:
        due = getattr(scheduler.get_job("run"), "next_run_time", None)
        return due.astimezone(UTC).isoformat(timespec="seconds") if due else None

    def _next_text(self, scheduler: Any) -> str:
        due = self._next(scheduler)
        return f"next {_clock(datetime.fromisoformat(due))}" if due and not self._stop.is_set() else "no next"

    def _age_seconds(self) -> float:
        every = self._project.expect_every
        return AGE_SECONDS if every is None else max(1.0, min(AGE_SECONDS, every.total_seconds() / 4))


def _trigger(timing: Timing) -> Any:
    """The library's own arithmetic; raises UsageError for what is no cron line."""
    try:
        from apscheduler.triggers.cron import CronTrigger
        from apscheduler.triggers.interval import IntervalTrigger
    except ImportError as error:
        raise MissingExtraError("apscheduler", "schedule") from error
    if timing.every is not None:
        if timing.every < timedelta(seconds=1):
            raise UsageError("--every must be at least a second", hint="for example --every 15m")
        return IntervalTrigger(seconds=timing.every.total_seconds(), timezone=UTC)
    try:
        return CronTrigger.from_crontab(timing.cron, timezone=UTC)
    except ValueError as error:
        hint = "five fields: minute hour day month weekday, for example '*/15 6-22 * * mon-fri'"
        raise UsageError(f"--cron {timing.cron!r}: {error}", hint=hint) from error


@contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """While the block runs SIGINT and SIGTERM end nothing by themselves.

    What it gives waits for the next of them; false if the block ended before one came.
    """
    ear, mouth = os.pipe()
    os.set_blocking(mouth, False)
    wakeup = signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
    before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}

    def heard() -> bool:
        while number := os.read(ear, 1):
            if number[0] in _SIGNALS:
                return True
        os.close(ear)
        return False

    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        os.close(mouth)


def _interrupt_on(heard: Callable[[], bool]) -> None:
    if heard():
        engine.interrupt_all()


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S} UTC"
