"""The README's session, performed as it is written there: a stranger's first quarter of an hour."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
#: What differs from time to time and from machine to machine.
VARIES = [(r"\d+\.\d s\b", "T s"), (r"\(\d+ (s|min|h|d) old\)", "(T old)"), (r"\d{8}-\d{6}", "RUN")]


def session() -> list[tuple[str, str]]:
    """The commands of the chapter, each with the line that it is said to end with."""
    chapters = re.split(r"^## ", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    chapter = next(text for text in chapters if text.startswith("Your first pipeline"))
    steps: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", chapter, flags=re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], ""))
            else:
                steps[-1] = (steps[-1][0], line)
    return steps


def comparable(line: str) -> str:
    for pattern, word in VARIES:
        line = re.sub(pattern, word, line)
    return line


def test_the_session_shows_the_whole_way() -> None:
    ends = [end.split("  ")[0] for _, end in session() if end]
    assert ends == ["PUBLISHED", "NOTHING NEW", "BLOCKED", "PUBLISHED", "HELD"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_readme_does_what_it_says(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    folder = tmp_path
    for command, end in session():
        if command.startswith("source "):
            continue
        if command.startswith("cd "):
            folder = folder / command.removeprefix("cd ")
            continue
        ended = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        told = f"{command}\n{ended.stdout}\n{ended.stderr}"
        assert ended.returncode == (1 if end.startswith("BLOCKED") else 0), told
        if end:
            assert comparable(ended.stdout.splitlines()[-1]) == comparable(end), told
