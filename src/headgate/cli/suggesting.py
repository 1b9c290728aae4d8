"""The verb that suggests what to expect: profile."""

from __future__ import annotations

from typing import Annotated

import typer

from headgate.cli.app import JsonOption, app
from headgate.cli.csv_options import DelimiterOption, EncodingOption, NullOption, as_typed


@app.command(
    epilog="Examples:\n\n\b\n  headgate profile data.parquet > gates/raw.yml\n"
    "  headgate profile 'sales/*.csv' --tight --json"
)
def profile(
    data: Annotated[str, typer.Argument(metavar="DATA", help="What it shall be for, as `gate` takes it.")],
    tight: Annotated[bool, typer.Option("--tight", help="Leave hardly any room.")] = False,
    loose: Annotated[bool, typer.Option("--loose", help="Expect only what hardly ever changes.")] = False,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    null: NullOption = None,
    as_json: JsonOption = False,
) -> None:
    """Suggest expectations for data, each with its reason.

    Prints a gate file that holds on this data. It is a beginning: what is true today is not always meant.
    """
    from headgate.cli.output import show, show_json
    from headgate.cli.progress import Progress
    from headgate.errors import UsageError
    from headgate.standalone.csv_form import CsvForm
    from headgate.standalone.suggesting import suggest

    if tight and loose:
        raise UsageError("--tight and --loose exclude each other")
    form = CsvForm(encoding, as_typed(delimiter), tuple(null or ()))
    with Progress(quiet=as_json, doing=f"looking at {data}"):
        suggested = suggest(data, "tight" if tight else "loose" if loose else "usual", form)
    if as_json:
        expectations = [{"type": s.type, "kwargs": s.kwargs, "reason": s.reason} for s in suggested.suggestions]
        show_json({"table": suggested.table, "rows": suggested.rows, "expectations": expectations})
    else:
        show(suggested.gate_file.rstrip("\n"))
