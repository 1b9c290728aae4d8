"""The verbs about rows in quarantine: quarantine list, show, replay, drop."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate.cli.app import JsonOption, ProjectOption, TargetOption, app
from headgate.words import counted

if TYPE_CHECKING:
    from headgate.run.workshop import Decision

quarantine = typer.Typer(
    name="quarantine",
    no_args_is_help=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
)
app.add_typer(quarantine)

WhereOption = Annotated[
    str | None, typer.Option("--where", metavar="SQL", help="Only rows that meet this condition on their columns.")
]
ExpectationOption = Annotated[
    str | None, typer.Option("--expectation", metavar="ID", help="Only rows that did not meet this expectation.")
]
WaitOption = Annotated[str, typer.Option("--wait", metavar="DURATION", help="Wait so long for another run to end.")]


def where_to_look(table: str, run: str, *, published: bool) -> str:
    """The command that shows what a run put into the quarantine of ``layer.table``.

    What was not published is on the run's branch only.
    """
    if published:
        return f"headgate quarantine show {shlex.quote(table)}"
    from headgate.lake.engine import ident
    from headgate.lake.quarantine import SCHEMA, table_name

    name = table_name(*table.split(".", 1))
    name = name if name.isidentifier() and name.islower() else ident(name)
    return f"headgate query --run {run} {shlex.quote(f'select * from {SCHEMA}.{name}')}"


@quarantine.callback(epilog="headgate quarantine VERB --help explains a verb, with an example.")
def about() -> None:
    """Look after rows that a gate took out of their table."""


@quarantine.command("list", epilog="Example: headgate quarantine list")
def list_(project: ProjectOption = Path(), target: TargetOption = None, as_json: JsonOption = False) -> None:
    """Count the rows in quarantine, by table and status.

    Of the release that is served. What waits is `quarantined`; the others have come to an end.
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import show, show_json
    from headgate.cli.tables import show_table
    from headgate.lake.quarantine import STATUSES
    from headgate.run.deciding import list_quarantine

    release, tables = list_quarantine(open_project(project, target, only_lake=True))
    if as_json:
        show_json({"release": release, "tables": tables})
    elif not tables:
        show("nothing was ever put into quarantine" if release else "nothing is published yet: headgate run")
    else:
        rows: list[list[Any]] = [[name, *counts.values()] for name, counts in tables.items()]
        show_table(["table", *STATUSES], rows, right=(1, 2, 3, 4))


@quarantine.command(epilog='Example: headgate quarantine show raw.sales --where "amount < -100"')
def show(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table, as layer.table.")],
    where: WhereOption = None,
    expectation: ExpectationOption = None,
    status: Annotated[
        str, typer.Option("--status", metavar="STATUS", help="Rows of another status, or `all`.", show_default=True)
    ] = "quarantined",
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="Rows to show; --json gives all.", show_default=True)
    ] = 20,
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show rows in quarantine, whole, with the run and the reason.

    Of the release that is served, and only those that wait, unless --status says otherwise.

    Values of columns that are tagged pii are shown, too.
    """
    from headgate.cli.opening import open_project
    from headgate.cli.output import show as tell
    from headgate.cli.output import stream_json
    from headgate.cli.tables import show_rows
    from headgate.run.deciding import show_quarantine

    wanted = None if status == "all" else status
    opened = open_project(project, target, only_lake=True)
    with show_quarantine(opened, table, where=where, expectation=expectation, status=wanted) as found:
        answer = found.answer
        if as_json:
            head = {"table": found.table, "release": found.release, "columns": answer.columns, "types": answer.types}
            stream_json(head, "rows", answer.batches, {"found": found.found})
            return
        show_rows(answer.columns, [row for batch in answer.batches for row in batch][:limit])
        hidden = f", the first {limit:,} shown (--limit)" if found.found > limit else ""
        tell(f"{counted(found.found, 'row')}{hidden} · {found.table} · release {found.release}", style="dim")


@quarantine.command(
    epilog="Examples:\n\n\b\n  headgate quarantine replay\n"
    "  headgate quarantine replay raw.sales --expectation not_negative"
)
def replay(
    table: Annotated[str | None, typer.Argument(metavar="TABLE", help="A table, as layer.table; else all.")] = None,
    where: WhereOption = None,
    expectation: ExpectationOption = None,
    wait: WaitOption = "0s",
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring rows that wait back into their table, in a run.

    They pass the gates like all others; those that still fail are in quarantine again. The exit codes are those of
    `run`.
    """
    from headgate.run.workshop import Decision

    _decide(Decision("replay", table, where, expectation), project, target, wait, as_json=as_json)


@quarantine.command(epilog='Example: headgate quarantine drop raw.sales --where "id = 4" --reason "a test sale"')
def drop(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table, as layer.table.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; the ledger and the row keep it.")],
    where: WhereOption = None,
    expectation: ExpectationOption = None,
    wait: WaitOption = "0s",
    project: ProjectOption = Path(),
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give up rows that wait, for a reason, in a run.

    They stay in the quarantine as `dropped`, and do not come back. The exit codes are those of `run`.
    """
    from headgate.errors import UsageError
    from headgate.run.workshop import Decision

    if not reason.strip():
        raise UsageError("--reason is empty", hint="say why these rows are given up: somebody will ask")
    _decide(Decision("drop", table, where, expectation, reason.strip()), project, target, wait, as_json=as_json)


def _decide(decision: Decision, project: Path, target: str | None, wait: str, *, as_json: bool) -> None:
    from headgate.cli.opening import open_project, read_duration
    from headgate.cli.output import show_json
    from headgate.cli.progress import Progress
    from headgate.cli.running import show_verdict
    from headgate.run.deciding import decide

    opened = open_project(project, target)
    with Progress(quiet=as_json) as tell:
        verdict = decide(opened, decision, read_duration("--wait", wait, "10m"), tell)
    if as_json:
        show_json(verdict.to_json())
    else:
        show_verdict(verdict)
    raise SystemExit(int(verdict.exit_code))
