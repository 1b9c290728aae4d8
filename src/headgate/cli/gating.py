"""The verb for data that belongs to no project: gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headgate.cli.app import JsonOption, app
from headgate.cli.csv_options import DelimiterOption, EncodingOption, NullOption, as_typed
from headgate.errors import ExitCode
from headgate.words import counted

if TYPE_CHECKING:
    from headgate.standalone import Judged


@app.command(
    epilog="Examples:\n\n\b\n  headgate gate suite.json data.parquet\n"
    "  headgate gate gates.yml 'sales/*.csv.gz' --table sales --report report.html\n"
    "  headgate gate suite.json shop.duckdb::orders --json\n"
    "  headgate gate gx::orders orders.parquet\n"
    "  headgate gate --to gx gates.yml --table sales > suite.json"
)
def gate(
    suite: Annotated[
        Path,
        typer.Argument(
            metavar="SUITE",
            help="A Great Expectations suite (.json) or folder, FOLDER::NAME of a suite in it, a gate file (.yml), "
            "or pandera's.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="A file (.parquet, .csv, .csv.gz, .json, .jsonl), a glob, a folder of Parquet files, "
            "FILE::TABLE of a DuckDB or SQLite file, PROJECT::LAYER.TABLE of the release that a project serves, "
            "postgresql://USER@HOST/DATABASE::SCHEMA.TABLE, s3://BUCKET/FILE.parquet.",
            show_default=False,
        ),
    ] = None,
    table: Annotated[
        str | None, typer.Option("--table", metavar="NAME", help="Which table of a gate file is meant.")
    ] = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    null: NullOption = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write a report too: .html, .xml (JUnit), .md or .json."),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="gx", help="Write SUITE as a Great Expectations suite; takes no DATA.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Judge data by a suite, without a project.

    Exit code 0 if everything that must hold holds, 1 if something does not or could not be checked.
    """
    from headgate.cli.output import show_json
    from headgate.cli.progress import Progress
    from headgate.errors import UsageError
    from headgate.standalone import gate as judged_by

    if to is not None:
        if to != "gx" or data is not None or report is not None:
            raise UsageError(
                "--to knows only gx, and takes neither DATA nor --report", hint=f"headgate gate --to gx {suite}"
            )
        _export(suite, table)
        return
    if data is None:
        raise UsageError("Missing argument 'DATA'", hint="headgate gate --help")
    if report is not None:
        from headgate.reports import format_of

        format_of(report)  # before anything is looked at
    with Progress(quiet=as_json, doing="judging"):
        judged = judged_by(
            data, suite, table=table, encoding=encoding, delimiter=as_typed(delimiter), null_values=null or ()
        )
    if report is not None:
        judged.report(report)
    if as_json:
        show_json(judged.to_json())
    else:
        _show(judged)
    raise typer.Exit(ExitCode.OK if judged.ok else ExitCode.BLOCKED)


def _export(suite: Path, table: str | None) -> None:
    import json

    from headgate.cli.output import show
    from headgate.project.suite_folder import WITHIN
    from headgate.standalone.exporting import to_gx

    _, within, named = str(suite).rpartition(WITHIN)
    name = table or (named if within else suite.stem)
    show(json.dumps(to_gx(suite, table=table, name=name), allow_nan=False))


def _show(judged: Judged) -> None:
    from headgate.cli.failures import show_failure
    from headgate.cli.output import verdict_line

    for result in (*judged.failures, *judged.warnings):
        found = result.to_json()
        show_failure(
            {
                **found,
                "layer": "",
                "table": judged.data,
                "expectation": found["type"],
                "observed": found["observed_value"],
                "examples": found["partial_unexpected_list"],
            }
        )
    counts = judged.gate.counts
    held = f"{counts['held']:,} of {counts['total']:,} expectations held"
    held += f", {counts['warned']:,} warned" if counts["warned"] else ""
    rows = [] if judged.rows is None else [counted(judged.rows, "row")]
    verdict_line(judged.status.upper(), [held, *rows, f"{judged.seconds:.2f} s"], good=judged.ok)
