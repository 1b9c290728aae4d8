"""What dbt and the database say when something is wrong, as an error of ours: whose fault, which file, which line."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from headgate.errors import ConfigError, ExitCode

#: Where files of a dbt project lie, as it lays them out itself.
_FOLDERS = ("models", "macros", "seeds", "snapshots", "tests", "analyses")


def fault_of(message: str) -> ExitCode:
    """Whose fault a failed model is, by the kind of error that DuckDB names at the start of its message."""
    if re.search(r"\b(Parser|Binder|Catalog|Compilation) Error", message):
        return ExitCode.USAGE
    if re.search(r"\b(Conversion|Constraint|Out of Range|Invalid Input) Error", message):
        return ExitCode.BLOCKED
    return ExitCode.COULD_NOT_RUN


def parse_error(text: str, folder: Path) -> ConfigError:
    """What dbt says of a project that it cannot parse, with the file and the line if it names them."""
    if yaml := re.search(r"Error reading [^:\n]+: (\S+) - .*?Syntax error near line (\d+)", text, flags=re.DOTALL):
        found = [path.relative_to(folder) for path in folder.glob(f"*/{yaml[1]}")]
        raw = text.partition("Raw Error:")[2].replace(' in "<unicode string>",', "").strip("-\n ")
        return ConfigError(
            f"this is not YAML: {' '.join(raw.split())}",
            file=found[0].as_posix() if found else yaml[1],
            line=int(yaml[2]),
        )
    if "codec can't decode" in text and (undecodable := _undecodable(folder)):
        return ConfigError("this is not a text in UTF-8", file=undecodable, hint="save it in UTF-8")
    place = re.search(rf"((?:{'|'.join(_FOLDERS)})/[^\s:'\"()]+|dbt_project\.yml)", text)
    line = re.search(r"\bline (\d+)", text)
    missing = re.search(r"(?:node|source) named '([^']+)' which was not found", text)
    if place and missing:
        name = missing[1].rpartition(".")[2]
        return ConfigError(
            unframed(text),
            file=place[1],
            line=_line_with(folder / place[1], name),
            hint=f"ref() takes the name of a model's file, source() what a .yml file says under sources: is {name} so?",
        )
    return ConfigError(
        unframed(text),
        file=place[1] if place else "dbt_project.yml",
        line=int(line[1]) if line and place else None,
    )


def _undecodable(folder: Path) -> str | None:
    for kind in _FOLDERS:
        for path in sorted((folder / kind).rglob("*.*")):
            if path.suffix in (".sql", ".yml", ".yaml", ".py", ".md") and path.is_file():
                try:
                    path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    return path.relative_to(folder).as_posix()
    return None


def _line_with(path: Path, name: str) -> int | None:
    """The first line in which a name stands as a text."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    quoted = re.compile(rf"['\"]{re.escape(name)}['\"]")
    return next((number for number, line in enumerate(lines, start=1) if quoted.search(line)), None)


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
