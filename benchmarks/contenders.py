"""Who does the Rossmann job: Headgate, its peers, and the bare script. How each is prepared, run and read."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from environments import PEERS, Environment, of_peer, own
from inputs import PROJECT

SUITES = PROJECT / "gates" / "suites"
TABLES = ("raw.train", "processed.train_clean", "features.train_features")


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the job.

    The commands are run in the project's folder, which holds the input in ``data``: ``check`` looks whether the
    project is in order and runs nothing (what a tool remembers of that, it has in all later commands), ``first`` loads
    everything into a lake or database that does not exist yet, ``again`` when nothing changed, ``reload`` when a file
    came. ``relations`` says how a reader names each table in a query, ``reader`` is the command that answers a query,
    with ``{query}`` in it.
    """

    name: str
    title: str
    project: Path | None
    first: tuple[str, ...]
    reader: tuple[str, ...]
    relations: Mapping[str, str]
    check: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    reload: tuple[str, ...] = ()
    platform: bool = True
    checks: str = ""
    left_out: Iterable[str] = field(default=("data", "lake", ".headgate", "__pycache__"))

    def prepare(self, folder: Path) -> None:
        """Make a new folder with the project, without anything that a run leaves."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if self.project is not None:
            shutil.copytree(self.project, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*self.left_out))
        config = folder / "headgate.yml"
        if config.exists():  # what runs after a release is no part of the job
            settings = yaml.safe_load(config.read_text(encoding="utf-8"))
            settings.pop("after", None)
            config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    def command(self, what: str) -> tuple[str, ...]:
        """The command for ``check``, ``first``, ``again`` or ``reload``."""
        return {
            "check": self.check,
            "first": self.first,
            "again": self.again or self.first,
            "reload": self.reload or self.first,
        }[what]

    def query(self, table: str, condition: str) -> tuple[str, ...]:
        """The command that counts the rows of a table for which the condition holds, as a reader would."""
        query = f"select count(*) from {self.relations[table]} where {condition}"
        return tuple(part.replace("{query}", query) for part in self.reader)


def contenders(cache: Path, names: Iterable[str] = ()) -> list[Contender]:
    """Those with the given names, or all; environments of peers are made if they are not there."""
    makers = {
        "bare": _bare,
        "headgate": _headgate,
        "headgate_unchecked": _headgate_unchecked,
        "dbt": _dbt,
        "sqlmesh": _sqlmesh,
        "dbt_gx": _dbt_gx,
        "polars_pandera": _polars_pandera,
    }
    return [maker(cache) for name, maker in makers.items() if not names or name in names]


def _duckdb_reader(database: str | None) -> tuple[str, ...]:
    return (own().tool("python"), str(Path(__file__).parent / "reader.py"), database or "", "{query}")


def _bare(_: Path) -> Contender:
    script = str(Path(__file__).parent / "rossmann_bare.py")
    return Contender(
        name="bare",
        title="bare DuckDB script",
        project=None,
        first=(own().tool("python"), script, "data", "features.parquet"),
        reader=_duckdb_reader(None),
        relations={"features.train_features": "'features.parquet'"},
        platform=False,
        checks="none",
    )


def _headgate(_: Path) -> Contender:
    headgate = own().tool("headgate")
    return Contender(
        name="headgate",
        title="**Headgate**",
        project=PROJECT,
        check=(headgate, "check", "--json"),
        first=(headgate, "run", "--json"),
        reader=(headgate, "query", "--json", "{query}"),
        relations={table: table for table in TABLES},
        checks="56 + 15",
    )


def _headgate_unchecked(cache: Path) -> Contender:
    """A project that came neither by ``headgate init`` nor was ever checked: its first run wakes dbt."""
    return replace(_headgate(cache), name="headgate_unchecked", title="Headgate, never checked", check=())


def _dbt(cache: Path) -> Contender:
    return Contender(
        name="dbt",
        title="dbt-duckdb",
        project=PEERS / "dbt" / "project",
        check=(of_peer("dbt", cache).tool("dbt"), "parse", "--quiet"),
        first=(of_peer("dbt", cache).tool("dbt"), "build", "--quiet"),
        reader=_duckdb_reader("rossmann.duckdb"),
        relations={table: table for table in TABLES},
        checks="56 + 15, as tests",
    )


def _sqlmesh(cache: Path) -> Contender:
    sqlmesh = of_peer("sqlmesh", cache).tool("sqlmesh")
    plan = (sqlmesh, "plan", "--auto-apply", "--no-prompts")
    return Contender(
        name="sqlmesh",
        title="SQLMesh",
        project=PEERS / "sqlmesh" / "project",
        check=(sqlmesh, "info", "--skip-connection"),
        first=plan,
        again=(sqlmesh, "run"),
        reload=(*plan, "--restate-model", "raw.train"),
        reader=_duckdb_reader("rossmann.duckdb"),
        relations={table: table for table in TABLES},
        checks="56 + 15, as audits",
    )


def _dbt_gx(cache: Path) -> Contender:
    environment: Environment = of_peer("dbt_gx", cache)
    script = str(PEERS / "dbt_gx" / "dbt_gx_pipeline.py")
    return Contender(
        name="dbt_gx",
        title="dbt + Great Expectations",
        project=PEERS / "dbt" / "project",
        check=(environment.tool("dbt"), "parse", "--quiet"),
        first=(environment.tool("python"), script, ".", str(SUITES)),
        reader=_duckdb_reader("rossmann.duckdb"),
        relations={table: table for table in TABLES},
        checks="56 as suites + 15 as tests",
    )


def _polars_pandera(cache: Path) -> Contender:
    script = str(PEERS / "polars_pandera" / "polars_pipeline.py")
    return Contender(
        name="polars_pandera",
        title="polars + pandera script",
        project=None,
        first=(of_peer("polars_pandera", cache).tool("python"), script, "data", "out"),
        reader=_duckdb_reader(None),
        relations={table: f"'out/{table.split('.')[1]}.parquet'" for table in TABLES},
        platform=False,
        checks="56 + 15, as schemas",
    )
