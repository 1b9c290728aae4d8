"""Is everything in order, before anything runs? Every finding stands alone, so one look shows them all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from headgate.errors import ConfigError, HeadgateError, printable
from headgate.exports import refuse_untold
from headgate.gates import Check, compile_gates
from headgate.gates.foreseeing import missing
from headgate.gates.values import MissingError
from headgate.lake.doctor import Finding
from headgate.lake.probing import probe
from headgate.lake.release import Releases
from headgate.ledger import Ledger
from headgate.notify import require_channels
from headgate.project import Declared, Project, read_gates
from headgate.run.build import refuse_strangers
from headgate.run.exporting import pii_of
from headgate.run.foresight import Foresight
from headgate.run.gating import view_cannot_lose_rows
from headgate.run.rehearsal import rehearse
from headgate.run.workshop import open_dbt, open_source, open_store, source_states
from headgate.serve import held_release
from headgate.sources.databases.source import DatabaseSource, described
from headgate.transform.models import Models
from headgate.words import counted


def check_project(project: Project) -> list[Finding]:
    """Check configuration, gates, sources, models, lake and ledger without running anything."""
    foresight = Foresight(project)
    sources = [_look(f"source {name}", partial(_source, project, name, foresight)) for name in project.sources]
    models = _look("models", partial(_models, project, foresight))
    return [
        Finding("headgate.yml", True, f"project {project.name}, {counted(len(project.layers), 'layer')}"),
        *_gates(project, foresight),
        *sources,
        models,
        *(_look(f"serve {name}", partial(_server, project, name)) for name in project.serve),
        *(_look(f"export {name}", partial(_export, project, name)) for name in project.export),
        *(_look(f"notify {name}", partial(_channel, project, name)) for name in project.notify),
        _look("lake", partial(_lake, project)),
        _look("ledger", partial(_ledger, project)),
    ]


def try_models(project: Project) -> None:
    """What `check_project` does with the models alone: a run that follows finds remembered what dbt makes of them.

    Raises:
        HeadgateError: something is wrong with them.
    """
    _models(project, Foresight(project))


def _look(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, True, look())
    except HeadgateError as error:
        return Finding(subject, False, f"{error.where}: {error.what}" if error.where else error.what, error.hint)


def _gates(project: Project, foresight: Foresight) -> list[Finding]:
    """What the gate files say; or each thing that they name and no run is going to find."""
    lacking: list[Finding] = []

    def understand() -> str:
        files = read_gates(project.folder, project.layers).values()
        gates = compile_gates(files)
        lacking.extend(_lacking(*found) for gate in gates for found in missing(gate, foresight.columns))
        count = sum(len(gate.checks) for gate in gates)
        return f"{counted(count, 'expectation')} in {counted(sum(1 for file in files if file.tables), 'gate file')}"

    understood = _look("gates", understand)
    return lacking or [understood]


def _lacking(check: Check, error: MissingError) -> Finding:
    place = check.declared.place
    where = ConfigError(error.what, file=place.file, line=place.line, key=place.key).where
    return Finding("gates", False, f"{where}: {error.what}", error.hint)


def _source(project: Project, name: str, foresight: Foresight) -> str:
    """Its tables: of a database how each is read, of files what is new in each."""
    source = open_source(project, name)
    if isinstance(source, DatabaseSource):
        chosen = foresight.chosen[name] = source.chosen()
        return printable("; ".join(f"{table} ({described(each)})" for table, each in chosen.items()))
    store = open_store(project)
    changes = source.changes(source_states(Releases(store).current(), name, None, store.location))
    return "; ".join(f"{change.table}: {change.why or 'nothing new'}" for change in changes.values())


def _server(project: Project, name: str) -> str:
    server = project.serve[name]
    held = held_release(server)
    holds = "holds nothing yet" if held is None else f"holds release {held}"
    tagged = pii_of(project, server.tables, Releases(open_store(project)).current())
    named = [f"{table}.{column}" for table, columns in tagged.items() for column in sorted(columns)]
    of_persons = f"; tagged pii, and served as they are: {', '.join(named)}" if named else ""
    return f"{counted(len(server.tables), 'table')}; schema {server.schema_} {holds}{of_persons}"


def _export(project: Project, name: str) -> str:
    wanted = project.export[name]
    tagged = pii_of(project, wanted.tables, Releases(open_store(project)).current())
    refuse_untold(name, wanted, tagged)
    count = sum(len(columns) for columns in tagged.values())
    words = {"include": "as they are", "mask": "masked", "leave_out": "left out", None: ""}
    of_persons = f"; {counted(count, 'column')} tagged pii, {words[wanted.pii]}" if count else ""
    return f"{counted(len(wanted.tables), 'table')} as {wanted.format}{of_persons}"


def _channel(project: Project, name: str) -> str:
    count = require_channels(project.notify[name])
    return counted(count, "address", "addresses")


def _models(project: Project, foresight: Foresight) -> str:
    dbt = open_dbt(project, open_store(project))
    if dbt is None:
        foresight.models = Models({}, {})
        return "no dbt project"
    models = dbt.models()
    _refuse_quarantine_of_views(project, models)
    counts = {kind: sum(1 for n in models.nodes.values() if n.kind == kind) for kind in ("model", "test")}
    refuse_strangers(models, project.layers)
    _refuse_table_macros(project)
    foresight.built = rehearse(project, dbt, models)
    foresight.models = models
    return f"{counted(counts['model'], 'model')}, {counted(counts['test'], 'dbt test')}"


def _refuse_quarantine_of_views(project: Project, models: Models) -> None:
    """A gate would refuse it too, but only once the view is there."""
    asked: dict[str, Declared] = {}
    for layer, file in read_gates(project.folder, project.layers).items():
        for table, declared in file.tables.items():
            asked |= {f"{layer}.{table}": each for each in declared if each.on_fail == "quarantine"}
    for node in models.nodes.values():
        if node.kind == "model" and node.materialized == "view" and node.relation in asked:
            raise view_cannot_lose_rows(node.relation, asked[node.relation].place)


def _refuse_table_macros(project: Project) -> None:
    """A table macro keeps the name under which the lake is attached and fails under any other."""
    for path in _sql_files(project):
        text = (project.folder / path).read_text(encoding="utf-8", errors="replace")
        if re.search(r"\bcreate\s+(or\s+replace\s+)?(temp(orary)?\s+)?(macro|function)\b", text, re.IGNORECASE):
            raise HeadgateError(
                "a SQL macro made in the lake works under one name of the lake only, so a release would be broken",
                where=path,
                hint="write it as a dbt macro, or make it TEMPORARY and outside the lake in a hook of its own",
            )


def _sql_files(project: Project) -> Iterator[str]:
    for folder in ("models", "macros", "snapshots"):
        for path in sorted((project.folder / folder).rglob("*.sql")):
            yield project.shown(path)


def _lake(project: Project) -> str:
    store = open_store(project)
    releases = Releases(store)
    pointer = releases.pointer()
    probe(store)
    if pointer.release is None:
        return f"{store.location}: nothing is published yet"
    releases.verify(pointer.release)
    return f"{store.location}: serves release {pointer.release}" + (" (held)" if pointer.held else "")


def _ledger(project: Project) -> str:
    with Ledger.open(project.ledger) as ledger:
        return f"{len(ledger.runs(1000)):,} runs"
