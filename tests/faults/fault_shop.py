"""A project of a few thousand rows, of which every part can be made to fail, and `headgate` processes to work on it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.lake.engine import Connection, EngineSettings, connect
from headgate.lake.prune import files_of
from headgate.lake.reading import query, reader
from headgate.lake.release import Pointer, Releases, catalog_key
from headgate.lake.store import LocalStore

HERE = Path(__file__).parent
SECONDS = 120.0
STEPS = ["extract:till", "gate:raw", "build:clean", "gate:clean", "build:marts", "gate:marts", "publish"]
FILES = {
    "headgate.yml": """
        name: shop
        sources:
          till:
            type: files
            tables:
              sales: {path: data/sales*.csv, primary_key: [id]}
              items: {path: data/items.csv, primary_key: [item], snapshot: true}
        layers: [raw, clean, marts]
        vars: {rate: 2}
    """,
    "dbt_project.yml": """
        name: shop
        profile: headgate
        model-paths: [models]
        macro-paths: [macros, .headgate/dbt/macros]
        target-path: .headgate/dbt/target
        log-path: .headgate/dbt/logs
        flags: {send_anonymous_usage_stats: false}
        models:
          shop:
            clean: {+schema: clean, +materialized: table}
            marts: {+schema: marts, +materialized: table}
    """,
    "models/sources.yml": "sources: [{name: raw, tables: [{name: sales}, {name: items}]}]\n",
    "models/clean/sales_clean.sql": """
        select s.id, s.item, s.amount, s.day, i.name, i.price * s.amount as worth
        from {{ source('raw', 'sales') }} s left join {{ source('raw', 'items') }} i on i.item = s.item
    """,
    "models/clean/schema.yml": """
        models:
          - name: sales_clean
            columns: [{name: id, data_tests: [unique]}]
    """,
    "models/marts/by_item.sql": """
        select item, count(*) as n, sum(amount) * {{ var('rate') }} as total, avg(worth) as mean,
            stddev(worth) as spread
        from {{ ref('sales_clean') }} group by item
    """,
    "models/marts/every_sale.sql": """
        {{ config(materialized='incremental', incremental_strategy='append') }}
        select id, amount from {{ ref('sales_clean') }}
        {% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}
    """,
    "models/marts/dear.sql": """
        {{ config(materialized='view') }}
        select * from {{ ref('by_item') }} where mean > 100
    """,
    "gates/raw.yml": """
        sales:
          - expect_column_values_to_not_be_null: {column: amount}
          - expect_column_values_to_be_between: {column: amount, min_value: 0, max_value: 1000}
          - expect_column_values_to_be_unique: {column: id}
        items:
          - expect_column_values_to_be_unique: {column: item}
    """,
    "gates/clean.yml": """
        sales_clean:
          - expect_column_values_to_not_be_null: {column: name}
    """,
    "gates/marts.yml": """
        by_item:
          - expect_column_values_to_be_unique: {column: item}
        every_sale:
          - expect_column_values_to_be_unique: {column: id}
    """,
}
Rows = dict[str, tuple[int, int]]
TELLS_RUNS_APART = {"_run", "_loaded_at", "_quarantine_id", "_quarantine_run", "_quarantine_since"}


@dataclass(frozen=True)
class Ended:
    """How a process ended; minus the signal's number if it was killed."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> Any:
        """The one JSON object on standard output."""
        assert self.out.count("\n") == 1, f"not one line of JSON: {self.out!r} {self.err!r}"
        return json.loads(self.out)


class Server:
    """The process that starts all others (`fault_server`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started = 0
        command = [sys.executable, str(HERE / "fault_server.py")]
        # Nor coverage: a process that may not write files, or is killed, is no place to measure in.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEADGATE_", "COVERAGE_"))}
        with (folder / "server.err").open("w") as err:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
                env=environment,
                start_new_session=True,
            )
        assert self._answer() == {"ready": True}

    def start(
        self, folder: Path, arguments: list[str], fault: dict[str, Any] | None, environment: dict[str, str]
    ) -> Process:
        self.started += 1
        out, err = (self.folder / f"{self.started}.{name}" for name in ("out", "err"))
        request = {"folder": str(folder), "arguments": arguments, "fault": fault, "environment": environment}
        answer = self.ask({**request, "out": str(out), "err": str(err)})
        return Process(self, answer["pid"], out, err)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            told = (self.folder / "server.err").read_text()
            raise AssertionError(f"the server ended with {self.process.wait(5)}: {told}")
        return dict(json.loads(line))

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


class Process:
    """One `headgate` process at work."""

    def __init__(self, server: Server, pid: int, out: Path, err: Path) -> None:
        self.server = server
        self.pid = pid
        self._out = out
        self._err = err

    def ended_after(self, seconds: float) -> Ended | None:
        """How it ended, if it does so in time."""
        code = self.server.ask({"wait": self.pid, "seconds": seconds})["code"]
        return None if code is None else Ended(code, self._out.read_text(), self._err.read_text())

    def end(self, seconds: float = SECONDS) -> Ended:
        """Wait for its end."""
        ended = self.ended_after(seconds)
        if ended is None:
            self.kill()
            raise AssertionError(f"still at work after {seconds} s: {self._err.read_text()}")
        return ended

    def kill(self) -> Ended:
        """SIGKILL."""
        os.kill(self.pid, 9)
        return self.end()


class Shop:
    """The project in a folder that stays the same, so that dbt's cache stays good, while its contents are put back."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    @property
    def releases(self) -> Releases:
        return Releases(LocalStore(self.lake))

    @property
    def pointer(self) -> Pointer:
        return self.releases.pointer()

    def lay_out(self) -> None:
        """The project with its first data, and nothing run."""
        for name, text in FILES.items():
            self.write(name, textwrap.dedent(text).lstrip("\n"))
        self.write("data/sales_1.csv", sales(1, 3000))
        self.write("data/items.csv", items(41))

    def bring_new_data(self) -> None:
        """More sales, some of them corrections; one item gone, one new, one dearer."""
        self.write("data/sales_2.csv", sales(2901, 6000, seed=2))
        kept = [line for line in items(42).splitlines() if not line.startswith("i40,")]
        self.write("data/items.csv", "\n".join(kept).replace("i8,Item 8,", "i8,Item 8 (new),1") + "\n")

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def start(self, *arguments: object, fault: dict[str, Any] | None = None, **environment: str) -> Process:
        return self.server.start(self.folder, [str(a) for a in arguments], fault, environment)

    def headgate(self, *arguments: object, fault: dict[str, Any] | None = None, **environment: str) -> Ended:
        """One command, to its end."""
        return self.start(*arguments, fault=fault, **environment).end()

    def run(self, *arguments: object, fault: dict[str, Any] | None = None) -> Any:
        """`headgate run` to an end with exit code 0; what it told."""
        ended = self.headgate("run", "--json", *arguments, fault=fault)
        assert ended.code == 0, ended
        return ended.told

    def step(self, run: str, name: str, fault: dict[str, Any] | None = None) -> Ended:
        return self.headgate("run", "--json", "--run", run, "--step", name, fault=fault)

    def statuses(self) -> dict[str, str]:
        """Each run with its status, newest first, as `headgate runs` tells it."""
        ended = self.headgate("runs", "--json")
        assert ended.code == 0, ended
        return {run["run"]: run["status"] for run in ended.told["runs"]}

    @contextmanager
    def reading(self, release: int | None) -> Iterator[Connection]:
        with reader(LocalStore(self.lake), EngineSettings(), release=release, run=None) as con:
            yield con

    def contents(self, release: int | None = None) -> Rows:
        """Each relation of a release, change logs too: how many rows, and a sum over all that is in them.

        Floats count to 12 digits, and what tells runs apart not at all.
        """
        release = release or self.pointer.release
        with self.reading(release) as con:
            columns = query(
                con,
                """SELECT table_schema || '.' || table_name, column_name, data_type FROM information_schema.columns
                   WHERE table_catalog = 'lake' AND table_schema <> '_headgate' ORDER BY ALL""",
            )[1]
            relations: dict[str, list[str]] = {}
            for relation, column, kind in columns:
                if column not in TELLS_RUNS_APART:
                    shown = f"printf('%.11e', \"{column}\")" if kind in ("DOUBLE", "FLOAT") else f'"{column}"'
                    relations.setdefault(relation, []).append(shown)
            return {
                relation: query(con, f"SELECT count(*), sum(hash({', '.join(shown)})) FROM {relation}")[1][0]
                for relation, shown in relations.items()
            }

    def hashes(self) -> dict[str, str]:
        """The hash of every release's files."""
        files = sorted((self.lake / "releases").iterdir())
        return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files if not f.name.startswith(".")}

    def orphans(self) -> set[str]:
        """Data files that no release names, and what else lies about and belongs to nobody."""
        con = connect()
        try:
            store = LocalStore(self.lake)
            needed = {f for n in self.releases.numbers() for f in files_of(con, store.url(catalog_key(n)))}
        finally:
            con.close()
        there = {entry.key.removeprefix("data/") for entry in store.list("data")}
        assert needed <= there, f"a release lacks {needed - there}"
        known = {".lock", "prune.json", "spill", "dbt.ducklake"}
        left = {f"work/{path.name}" for path in (self.lake / "work").iterdir() if path.name not in known}
        numbers = {f"{n:06}.{kind}" for n in self.releases.numbers() for kind in ("json", "ducklake")}
        odd = {f"releases/{path.name}" for path in (self.lake / "releases").iterdir() if path.name not in numbers}
        hidden = {path.name for path in self.lake.iterdir()} - {"current", ".current.lock", "data", "releases", "work"}
        return (there - needed) | left | odd | hidden


class Bench:
    """Shops that are put back to a state in which they were once, by copying."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Server(folder)
        self.shop = Shop(folder / "shop", self.server)

    def keep(self, name: str) -> None:
        """Remember the shop as it is now."""
        shutil.copytree(self.shop.folder, self.folder / "kept" / name)

    def knows(self, name: str) -> bool:
        return (self.folder / "kept" / name).exists()

    def put_back(self, name: str) -> Shop:
        """The shop as it was when it was kept."""
        shutil.rmtree(self.shop.folder, ignore_errors=True)
        shutil.copytree(self.folder / "kept" / name, self.shop.folder)
        return self.shop


def sales(first: int, last: int, *, seed: int = 1) -> str:
    """A file of sales with these ids; another seed makes other amounts."""
    dice = random.Random(seed)
    lines = (
        f"{number},i{number % 40},{dice.uniform(1, 900):.3f},2024-{number % 12 + 1:02}-{number % 28 + 1:02}"
        for number in range(first, last + 1)
    )
    return "\n".join(["id,item,amount,day", *lines]) + "\n"


def items(count: int) -> str:
    return "\n".join(["item,name,price", *(f"i{n},Item {n},{n * 7 % 13 + 0.1:.2f}" for n in range(count))]) + "\n"
