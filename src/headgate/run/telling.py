"""Who is told what, and when: one message per incident, not per run.

An incident is open from the run that found it until a run finds it gone. It is told once to each channel; who
could not be reached is tried again by the next run. What a run says never depends on whether it could be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headgate.errors import ExitCode
from headgate.lake.release import Manifest
from headgate.ledger import IncidentRecord, Ledger, RunRecord
from headgate.notify import Message, deliver, without_values
from headgate.notify.channels import Tone
from headgate.project import Project
from headgate.project.durations import format_duration
from headgate.project.following_config import Channel
from headgate.run.verdict import Verdict, age_of
from headgate.serve import holding

RECOVERED = "recovered"
#: What may not be well: the runs, and how old the release is. Servers are told of by their names.
RUNS, AGE = "runs", "age"
_FAILURES_TOLD = 5
_TONES: dict[str, Tone] = {"blocked": "failure", "failed": "failure", "late": "warning", RECOVERED: "success"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not well: ``kind`` is a channel's word for it, ``cause`` tells one incident from the next."""

    kind: str
    cause: str
    message: Message


def tell_of_run(project: Project, ledger: Ledger, lake: str, verdict: Verdict, served: Manifest | None) -> list[str]:
    """Tell of what this run found; returns notes about those who could not be told."""
    troubles: dict[str, Trouble | None] = dict(_of_servers(project, verdict))
    if verdict.status in ("blocked", "failed") and verdict.exit_code is not ExitCode.INTERRUPTED:
        troubles[RUNS] = _of_run(project, verdict)
    elif verdict.status in ("published", "nothing_new"):
        troubles[RUNS] = None
    troubles |= _of_age(project, ledger, lake, served)
    return _told(project, ledger, lake, troubles, verdict.run)


def tell_of_age(project: Project, ledger: Ledger, lake: str, served: Manifest | None) -> list[str]:
    """Tell of a release that is late, between two runs."""
    return _told(project, ledger, lake, _of_age(project, ledger, lake, served), None)


def is_late(project: Project, since: str | None, now: datetime | None = None) -> bool:
    """Whether a release was due by now; ``since`` is when the last one came, or when the first was begun."""
    if project.expect_every is None or since is None:
        return False
    return (now or datetime.now(UTC)) - datetime.fromisoformat(since) > project.expect_every


def _of_run(project: Project, verdict: Verdict) -> Trouble:
    word, facts = verdict.line()
    failures = [failure for failure in verdict.failures if failure.get("severity") != "warn"]
    lines = [_failed(failure) for failure in failures[:_FAILURES_TOLD]]
    if len(failures) > _FAILURES_TOLD:
        lines.append(f"and {len(failures) - _FAILURES_TOLD} more")
    if not failures and verdict.error:
        lines.append(without_values(verdict.error))
    cause = "; ".join(sorted({f"{f['layer']}.{f['table']}.{f['expectation']}" for f in failures}))
    lines += [f"still {_serving(verdict)}", f"look closer: headgate why {verdict.run}{_target(project)}"]
    first = without_values(facts[0])
    return Trouble(verdict.status, cause or first, Message(f"{_name(project)}: {word} {first}", "\n".join(lines)))


def _of_servers(project: Project, verdict: Verdict) -> Iterator[tuple[str, Trouble | None]]:
    for name, result in verdict.served.items():
        about = f"serve:{name}"
        if result["status"] != "failed":
            yield about, None
            continue
        # without the first line's beginning, which says what it holds
        cause = without_values(str(result["error"]).partition(": ")[2])
        lines = [cause, f"{name} still holds {holding(result['before'])}; the next run tries again"]
        lines.append(f"look closer: headgate why {verdict.run}{_target(project)}")
        yield about, Trouble("failed", cause, Message(f"{_name(project)}: {name} NOT SERVED", "\n".join(lines)))


def _of_age(project: Project, ledger: Ledger, lake: str, served: Manifest | None) -> dict[str, Trouble | None]:
    if project.expect_every is None:
        return {}
    since = served.published_at if served else _first_run(ledger, lake)
    if not is_late(project, since) or since is None:
        return {AGE: None}
    every, age = format_duration(project.expect_every), age_of(since, datetime.now(UTC))
    what = f"release {served.release} is {age} old" if served else f"nothing was published for {age}"
    message = Message(
        f"{_name(project)}: LATE {what}", f"a release is expected every {every}\nlook closer: headgate runs"
    )
    return {AGE: Trouble("late", "age", message)}


def _first_run(ledger: Ledger, lake: str) -> str | None:
    runs: list[RunRecord] = [run for run in ledger.runs(1000) if run.lake == lake]
    return runs[-1].created_at if runs else None


def _told(
    project: Project, ledger: Ledger, lake: str, troubles: Mapping[str, Trouble | None], run: str | None
) -> list[str]:
    """Open and close incidents, and tell whoever was not told yet."""
    if not project.notify:
        return []
    well = _settle(project, ledger, lake, troubles, run)
    notes: list[str] = []
    for incident in ledger.incidents(lake):
        told = {name: list(kinds) for name, kinds in incident.told.items()}
        for name, channel in project.notify.items():
            kind = _owed(incident, channel, told.get(name, []), just_over=incident.id in well)
            if kind is None:
                continue
            if note := _send(project, ledger, name, channel, incident, kind, run):
                notes.append(note)
            else:
                told.setdefault(name, []).append(kind)
                ledger.change_incident(incident.id, told=told)
    return notes


def _settle(
    project: Project, ledger: Ledger, lake: str, troubles: Mapping[str, Trouble | None], run: str | None
) -> set[int]:
    """Open what is new, and close what is gone; returns the incidents after which all is well."""
    well: set[int] = set()
    current = [incident for incident in ledger.incidents(lake) if incident.closed_at is None]
    for about, trouble in troubles.items():
        open_ = [incident for incident in current if incident.about == about]
        cause = project.mask(trouble.cause) if trouble else None
        same = [i for i in open_ if trouble is not None and (i.kind, i.cause) == (trouble.kind, cause)]
        for incident in (i for i in open_ if i not in same):
            if trouble is None:
                ledger.change_incident(incident.id, closed=True)
                well.add(incident.id)
            else:  # it turned into other trouble: nobody is told that it is well
                told = {name: [*kinds, RECOVERED] for name, kinds in incident.told.items()}
                ledger.change_incident(incident.id, closed=True, told=told)
        if trouble is not None and cause is not None and not same:
            title, body = (project.mask(text) for text in (trouble.message.title, trouble.message.body))
            ledger.open_incident(lake, about, kind=trouble.kind, cause=cause, title=title, body=body, run=run)
    return well


def _owed(incident: IncidentRecord, channel: Channel, told: list[str], *, just_over: bool) -> str | None:
    """What a channel is still to be told of an incident: that it began, or that it is over."""
    if incident.closed_at is None:
        return incident.kind if incident.kind in channel.on and incident.kind not in told else None
    knows = incident.kind in told or (just_over and incident.kind not in channel.on)
    return RECOVERED if RECOVERED in channel.on and RECOVERED not in told and knows else None


def _send(
    project: Project, ledger: Ledger, name: str, channel: Channel, incident: IncidentRecord, kind: str, run: str | None
) -> str | None:
    """Tell one channel; returns a note if that failed, which is on record too."""
    message = Message(incident.title, incident.body)
    if kind == RECOVERED:
        what = incident.title.partition(": ")[2] or incident.title
        message = Message(f"{_name(project)}: RECOVERED", f"since {incident.opened_at[:16]}Z: {what}\nit is well again")
    done = deliver(channel, message, _TONES[kind])
    if done.ok:
        return None
    text = project.mask(f"{name} could not be told ({kind}): {done.text}; the next run tries again")
    ledger.alert("notify_failed", run, text)
    return text


def _failed(failure: Mapping[str, Any]) -> str:
    """A failed expectation, with the number of rows and without any of their values."""
    place = ".".join(part for part in (failure["layer"], failure["table"]) if part and part != "publish")
    kwargs = failure.get("kwargs") or {}
    columns = [str(kwargs[key]) for key in ("column", "column_A", "column_B", "column_list") if kwargs.get(key)]
    named = f" ({', '.join(columns)})" if columns else ""
    count = failure.get("unexpected_count")
    rows = "" if failure.get("unexpected_percent") is None else " rows"  # else values, or what a test of dbt says
    found = "" if count is None else f": {count:,} unexpected{rows}"
    return f"{place} {failure['expectation']}{named}{found}"


def _serving(verdict: Verdict) -> str:
    if verdict.serving is None:
        return "serving nothing yet"
    age = f" ({age_of(verdict.serving_since, datetime.now(UTC))} old)" if verdict.serving_since else ""
    return f"serving release {verdict.serving}{age}"


def _name(project: Project) -> str:
    return project.name if project.target is None else f"{project.name} ({project.target})"


def _target(project: Project) -> str:
    return "" if project.target is None else f" --target {project.target}"
