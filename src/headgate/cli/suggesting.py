"""The verb that suggests what to expect: profile."""

from __future__ import annotations

from typing import Annotated

import typer

from headgate.cli.app import JsonOption, app


@app.command(
    epilog="Examples:\n\n\b\n  headgate profile data.parquet > gates/raw.yml\n"
    "  headgate profile 'sales/*.csv' --tight --json"
)
def profile(
    data: Annotated[str, typer.Argument(metavar="DATA", help="What it shall be for, as `gate` takes it.")],
    tight: Annotated[bool, typer.Option("--tight", help="Leave hardly any room.")] = False,
    loose: Annotated[bool, typer.Option("--loose", help="Expect only what hardly ever changes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Suggest expectations for data, each with its reason.

    Prints a gate file that holds on this data. It is a beginning: what is true today is not always meant.
    """
    from headgate.cli.output import show, show_json
    from headgate.cli.progress import Progress
    from headgate.errors import UsageError
    from headgate.standalone.suggesting import suggest

    if tight and loose:
        raise UsageError("--tight and --loose exclude each other")
    with Progress(quiet=as_json, doing=f"looking at {data}"):
        suggested = suggest(data, "tight" if tight else "loose" if loose else "usual")
    if as_json:
        expectations = [{"type": s.type, "kwargs": s.kwargs, "reason": s.reason} for s in suggested.suggestions]
        show_json({"table": suggested.table, "rows": suggested.rows, "expectations": expectations})
    else:
        show(suggested.gate_file.rstrip("\n"))
