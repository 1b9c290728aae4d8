"""What dbt and the database say when something is wrong, as an error of ours: whose fault, which file, which line."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from headgate.errors import ConfigError, ExitCode


def fault_of(message: str) -> ExitCode:
    """Whose fault a failed model is, by the kind of error that DuckDB names at the start of its message."""
    if re.search(r"\b(Parser|Binder|Catalog|Compilation) Error", message):
        return ExitCode.USAGE
    if re.search(r"\b(Conversion|Constraint|Out of Range|Invalid Input) Error", message):
        return ExitCode.BLOCKED
    return ExitCode.COULD_NOT_RUN


def parse_error(text: str) -> ConfigError:
    """What dbt says of a project that it cannot parse, with the file and the line if it names them."""
    place = re.search(r"((?:models|macros|seeds|snapshots|tests|analyses)/[^\s:'\"()]+|dbt_project\.yml)", text)
    line = re.search(r"\bline (\d+)", text)
    return ConfigError(
        unframed(text),
        file=place[1] if place else "dbt_project.yml",
        line=int(line[1]) if line and place else None,
        hint="headgate check parses the project without running it",
    )


def unframed(text: str) -> str:
    """Without dbt's framing, its colours and blank lines."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [line.rstrip() for line in text.strip().splitlines()]
    framing = re.compile(
        r"^\s*((Runtime|Database|Compilation) Error( in .*\))?$|> in macro |> called by |compiled code at )"
    )
    return textwrap.dedent("\n".join(line for line in lines if line.strip() and not framing.match(line)))


def line_of(message: str, raw: str, compiled: Path | None) -> int | None:
    """The line of the model's own file that DuckDB complained of.

    DuckDB counts lines of the whole statement and shows the offending one, which is looked up in the
    compiled text and then, if a macro did not write it, in the file as the author knows it.
    """
    shown = re.search(r"^LINE \d+:\s?(.*)$", message, flags=re.MULTILINE)
    if not shown:
        return None
    fragment = shown[1].strip(" .…")
    for text in (raw, compiled.read_text(encoding="utf-8") if compiled else ""):
        for number, line in enumerate(text.splitlines(), start=1):
            if fragment and fragment in line:
                return number
    return None
