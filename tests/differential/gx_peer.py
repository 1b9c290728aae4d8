"""Great Expectations as a partner: asked over a pipe, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gx_environment import python_of_gx
from gx_tables import Table
from headgate.project.declaration import Declared

Engine = Literal["pandas", "sql"]


@dataclass(frozen=True, slots=True)
class Theirs:
    """What Great Expectations says: the verdict, its numbers, and why it could not be checked if it could not."""

    success: bool
    result: Mapping[str, Any]
    error: str | None


class GreatExpectations:
    """The server; ``url`` is a PostgreSQL database for its SQL engine."""

    def __init__(self) -> None:
        self.url: str | None = None
        command = [str(python_of_gx()), str(Path(__file__).parent / "gx_server.py")]
        # a pipe that nobody reads would stop it
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed with the server
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True, encoding="utf-8"
        )

    def judge(self, table: Table, declared: Sequence[Declared], *, engine: Engine = "pandas") -> list[Theirs]:
        """Its verdicts on expectations of a table."""
        return self._ask({"engine": engine, **_told(table), "expectations": _listed(declared)})

    def judge_suite(self, table: Table, suite: Mapping[str, Any], *, engine: Engine = "pandas") -> list[Theirs]:
        """Its verdicts on a suite as a file has it."""
        return self._ask({"engine": engine, **_told(table), "suite": suite})

    def judge_csv(self, path: Path, declared: Sequence[Declared], *, texts: Sequence[str]) -> list[Theirs]:
        """Its verdicts on a file, in which some columns are texts whatever they look like."""
        csv = {"csv": str(path), "texts": texts}
        return self._ask({"engine": "pandas", **csv, "expectations": _listed(declared)})

    def written(self, suite: Mapping[str, Any]) -> dict[str, Any]:
        """A suite as it writes it to a file itself."""
        return dict(self._answer({"written": suite}))

    def stored(self, suite: Mapping[str, Any]) -> dict[str, Any]:
        """A suite after it was a file of a project's store, was read from there and saved."""
        return dict(self._answer({"stored": suite}))

    def _ask(self, asked: Mapping[str, Any]) -> list[Theirs]:
        return [Theirs(**each) for each in self._answer({"url": self.url, **asked})]

    def _answer(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            self._process.wait(timeout=60)
            self._said.seek(0)
            raise RuntimeError(f"Great Expectations ended: {self._said.read()[-2000:]}")
        return json.loads(answer)

    def close(self) -> None:
        """End the server."""
        self._process.communicate(timeout=60)
        self._said.close()


def _told(table: Table) -> dict[str, Any]:
    tables = {name: {"columns": list(each.columns), "rows": each.rows} for name, each in table.all_by_name().items()}
    return {"table": table.name, "tables": tables}


def _listed(declared: Sequence[Declared]) -> list[dict[str, Any]]:
    return [{"type": each.type, "kwargs": each.kwargs} for each in declared]
