"""Make the reference pages that come from the code: ``make docs``.

A test compares what lies here with what this would write.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from headgate.cli.app import all_verbs
from headgate.project import reference

REFERENCE = Path(__file__).parent / "reference"
INTRODUCTION = """\
# The command line

<!-- Made by docs/generate.py from the commands themselves: change them, then `make docs`. -->

    headgate VERB [OPTIONS]

Every verb has `--help` with an example, `--project DIR` (this folder, unless said otherwise; not `init`, `gate` and
`profile`) and `--json`: one object on standard output, described in [JSON output](json.md), and everything else on
standard error.
`headgate --version` prints the version.

| exit code | means |
|---|---|
| 0 | published, nothing new, held, warned, or done |
| 1 | blocked: bad data, stopped by a gate, a guard or a source; an expectation that failed |
| 2 | a mistake in the command, the configuration or a model |
| 3 | could not run: the disk, the lake, the ledger, another run, or something that nobody foresaw |
| 130 | interrupted with Ctrl-C, or by SIGTERM |

On a terminal there are colours, and progress while something works; with `NO_COLOR` or `TERM=dumb` no escape codes at
all; into a pipe or file neither colours nor progress, and tables as wide as they need. The verdict is the last line of
standard output. If whoever reads the output goes away, as `head` does, the verb does its work all the same.

What nobody foresaw ends with exit code 3, one line that says what, and a file in `.headgate/logs/` that says where.
"""


def pages() -> dict[Path, str]:
    """Every generated page with its text."""
    configuration = REFERENCE / reference.PAGE_FILE
    return {
        configuration: reference.with_settings(configuration.read_text(encoding="utf-8")),
        REFERENCE / reference.SCHEMA_FILE: reference.schema_text(),
        REFERENCE / "cli.md": command_line(),
    }


def command_line() -> str:
    """The page about the command line."""
    commands = all_verbs()
    summary = "\n".join(
        f"| [`{name}`](#{name.replace(' ', '-')}) | {_paragraphs(c)[0]} |" for name, c in commands.items()
    )
    verbs = "\n".join(_verb(name, command) for name, command in commands.items())
    return f"{INTRODUCTION}\n| verb | what it does |\n|---|---|\n{summary}\n\n{verbs}"


def _verb(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join(p.metavar if p.required else f"[{p.metavar}]" for p in arguments)
    lines = [f"## {name}", "", f"    headgate {name} {usage}".rstrip() + " [OPTIONS]", ""]
    for paragraph in _paragraphs(command):
        lines += [paragraph, ""]
    lines += ["| | | default |", "|---|---|---|"]
    lines += [f"| `{_name(p)}` | {p.help} | {_default(p)} |" for p in command.params]
    lines += ["", *(f"    {line}" for line in _examples(command)), ""]
    return "\n".join(lines)


def _paragraphs(command: Any) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in inspect.cleandoc(command.help).split("\n\n")]


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar)
    names = ", ".join([*sorted(parameter.opts, key=len, reverse=True), *parameter.secondary_opts])
    return f"{names} {parameter.metavar}" if parameter.metavar else names


def _default(parameter: Any) -> str:
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    if parameter.required:
        return "**required**"
    return f"`{parameter.default}`" if isinstance(parameter.default, int | str) and parameter.default else ""


def _examples(command: Any) -> list[str]:
    text = command.epilog.replace("\b", "").replace("Examples:", "").replace("Example:", "")
    return [line.strip() for line in text.splitlines() if line.strip()]


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
