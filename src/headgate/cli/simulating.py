"""The verb that starts a world to try things on: simulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headgate.cli.app import JsonOption, ProjectOption, app
from headgate.words import counted

if TYPE_CHECKING:
    from headgate.simulators import Outcome


@app.command(
    epilog="Examples:\n\n\b\n  headgate simulate oltp --speed 1000x\n"
    "  headgate simulate oltp --once 10 --with late-commits --with deletes\n  headgate simulate oltp --stop"
)
def simulate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The world: `oltp`, an order system in PostgreSQL.")],
    speed: Annotated[str, typer.Option("--speed", metavar="N", help="How many times faster than in real life.")] = "1x",
    replay: Annotated[
        str, typer.Option("--replay", metavar="DURATION", help="How much of the end of the past is played again.")
    ] = "7d",
    once: Annotated[
        int | None, typer.Option("--once", metavar="N", min=0, help="Make so many changes at once, and no more.")
    ] = None,
    happening: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="WHAT",
            help="What else shall happen: late-commits, silent-edits, deletes, staff-moves, address-edits, "
            "department-renames, new-column or restarts; repeatable.",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            envvar="HEADGATE_SIMULATE_URL",
            show_envvar=False,
            help="A PostgreSQL database to use instead of starting a server, or HEADGATE_SIMULATE_URL.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another number makes another past.")] = 7,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Show the traffic until Ctrl-C, which ends everything.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what happened before; with --stop, for good.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the traffic, and the server; its data stays.")] = False,
    project: ProjectOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Start a world with a past, to try a pipeline on.

    It goes on in the background until `--stop`. While it runs, the project finds it without setting any variable.
    """
    from headgate.cli.opening import read_duration
    from headgate.cli.output import show_json, tell
    from headgate.simulators import Asked, open_simulator

    asked = Asked(
        project=_folder(project),
        url=url,
        speed=_speed(speed),
        replay=read_duration("--replay", replay, "7d"),
        once=once,
        happenings=tuple(happening or ()),
        seed=seed,
        foreground=foreground,
        fresh=fresh,
        stop=stop,
    )
    outcome = open_simulator(name)(asked, tell)
    if as_json:
        shown = {"urls": outcome.urls, "tables": outcome.tables, "data": outcome.data}
        show_json({"simulator": name, "state": outcome.state, "changes": outcome.changes, **shown})
    else:
        _show(name, asked.once, outcome)


def _folder(project: Path) -> Path:
    from headgate.errors import UsageError

    if not project.is_dir():
        raise UsageError(f"there is no folder {project}", hint="name the project's folder with --project DIR")
    return project.absolute()


def _speed(text: str) -> float:
    """How many times faster; raises UsageError.

    >>> _speed("1000x"), _speed("0.5")
    (1000.0, 0.5)
    """
    from headgate.errors import UsageError

    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1_000_000:
        raise UsageError(f"--speed {text[:100]!r} is not between 0 and 1000000x", hint="for example --speed 1000x")
    return speed


def _show(name: str, once: int | None, outcome: Outcome) -> None:
    from headgate.cli.output import show, verdict_line

    for variable, url in outcome.urls.items():
        show(f"{variable}={url}")
    if outcome.state == "was not running":
        verdict_line("NOT RUNNING", [f"there was no {name} to stop"], good=True)
        return
    facts = [counted(outcome.changes, "change")] if once is not None or outcome.changes else []
    if outcome.tables:
        facts.append(f"{counted(sum(outcome.tables.values()), 'row')} in {counted(len(outcome.tables), 'table')}")
    if ending := _ending(name, outcome):
        facts.append(ending)
    verdict_line(outcome.state.upper(), facts, good=True)


def _ending(name: str, outcome: Outcome) -> str | None:
    """What is said of how to end what goes on; None where nothing does, as on somebody's server without traffic.

    >>> from headgate.simulators import Outcome
    >>> _ending("oltp", Outcome({}, {}, "idle", 3, "data")), _ending("oltp", Outcome({}, {}, "idle", 3))
    ('headgate simulate oltp --stop ends it', None)
    >>> _ending("oltp", Outcome({}, {}, "running", 0))
    'headgate simulate oltp --stop with the same --url ends it'
    >>> _ending("oltp", Outcome({}, {}, "stopped", 0, "data"))
    'its data stays in data'
    """
    if outcome.state == "stopped":
        return f"its data stays in {outcome.data}" if outcome.data else None
    if outcome.data:
        return f"headgate simulate {name} --stop ends it"
    return f"headgate simulate {name} --stop with the same --url ends it" if outcome.state == "running" else None
