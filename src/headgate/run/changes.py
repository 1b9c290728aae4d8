"""What is different from the release that is served, found without opening the lake."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.errors import UsageError
from headgate.lake.release import Manifest
from headgate.ledger import Ledger
from headgate.plan import Changes
from headgate.project import Project
from headgate.project.fingerprint import combined, fingerprint
from headgate.run.publish import tools
from headgate.run.serving import unserved
from headgate.run.workshop import Options, open_source, source_states
from headgate.words import counted


def find_changes(
    project: Project, parent: Manifest | None, ledger: Ledger | None, lake: str, options: Options
) -> Changes:
    """Compare sources, code and tools with what the served release was made from.

    Code that a later run looked at, and found to change nothing, counts as looked at: the ledger knows.
    """
    reasons: dict[str, str | None] = {}
    notes: list[str] = []
    for name in project.sources:
        known = source_states(parent, name, ledger, lake)
        changes = open_source(project, name).changes(known, options.compare.get(name, ()))
        reasons |= {f"{name}.{table}": change.why for table, change in changes.items()}
        notes += [f"{name}.{table}: {note}" for table, change in changes.items() for note in change.notes]
    _refuse_twins(reasons)
    always = tuple(m["relation"] for m in parent.models.values() if not m.get("deterministic", True)) if parent else ()
    late = unserved(project, parent, ledger, lake) if ledger else {}
    return Changes(reasons, _code_changed(project, parent, ledger, lake, options), always, late, tuple(notes))


def _refuse_twins(reasons: Mapping[str, str | None]) -> None:
    """Tables of two sources that would be one in raw; which a database has is known only now."""
    owners: dict[str, str] = {}
    for name in reasons:
        owner = owners.setdefault(name.split(".", 1)[1].lower(), name)
        if owner != name:
            raise UsageError(
                f"the table raw.{name.split('.', 1)[1]} would have two sources, {owner} and {name}",
                hint="leave it out of one of them (exclude), or rename it: names are unique over all sources",
            )


def _code_changed(
    project: Project, parent: Manifest | None, ledger: Ledger | None, lake: str, options: Options
) -> str | None:
    if parent is None:
        return "nothing is published yet"
    if options.full:
        return "everything was asked for"
    if options.decision is not None:
        return "somebody decided about rows in quarantine"
    if parent.tools != tools():
        return "another version of Headgate, DuckDB or dbt"
    files = fingerprint(project.folder)
    looked_at = ledger and ledger.last_run(
        ["nothing_new"],
        lake=lake,
        serving=parent.release,
        project_hash=combined(files),
        variables=project.vars,
    )
    if looked_at is not None:
        return None
    if parent.variables != project.vars:
        names = sorted(k for k in {*parent.variables, *project.vars} if parent.variables.get(k) != project.vars.get(k))
        return f"variables changed: {', '.join(names)}"
    edited = sorted(p for p in {*files, *parent.project_files} if files.get(p) != parent.project_files.get(p))
    if not edited:
        return None
    others = f" and {counted(len(edited) - 1, 'more file')}" if len(edited) > 1 else ""
    return f"{edited[0]}{others} changed"
