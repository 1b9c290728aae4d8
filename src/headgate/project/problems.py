"""What is wrong with a file, collected, so that one look at the error is enough to mend all of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from headgate.errors import ConfigError
from headgate.project.yaml_file import KeyPath, YamlFile, dotted

MOST_SHOWN = 10


class Problem(NamedTuple):
    """One thing that is wrong, by the key path of its setting."""

    path: KeyPath
    what: str
    hint: str | None = None


def as_error(problems: Iterable[Problem], source: YamlFile) -> ConfigError:
    """One error for all problems: the first in the file is the main one, the others are listed in its text."""
    first, *others = sorted(problems, key=lambda problem: source.line(problem.path) or 0)
    text, said = [first.what], {first.hint}
    for problem in others[:MOST_SHOWN]:
        line = source.line(problem.path)
        place = source.file if line is None else f"{source.file}:{line}"
        key = f" ({dotted(problem.path)})" if problem.path else ""
        hint = f"; {problem.hint}" if problem.hint and problem.hint not in said else ""
        said.add(problem.hint)
        text.append(f"  also {place}{key}: {problem.what}{hint}")
    if len(others) > MOST_SHOWN:
        text.append(f"  and {len(others) - MOST_SHOWN} more")
    return source.error("\n".join(text), first.path, hint=first.hint)
