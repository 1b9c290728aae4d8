"""The settings of headgate.yml, as models without I/O.

Types are strict: ``"yes"`` is no boolean and ``1`` no name. Only what came from the environment, where
everything is a text, may stand for a number. What one setting means for another is checked in ``rules``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from headgate.project.database_config import DuckdbSource, MysqlSource, PostgresSource, SqliteSource
from headgate.project.files_config import FilesSource
from headgate.project.following_config import AfterHook, Channel, ExportConfig, ServerConfig
from headgate.project.values import (
    COLUMN_PATTERN,
    PROJECT_PATTERN,
    ColumnName,
    Duration,
    MemoryLimit,
    Name,
    PathText,
    PlacedSettings,
    Settings,
    SourceName,
    Threads,
    UrlText,
    Variables,
    as_bound,
    as_tuple,
    from_environment,
)

#: A source that is a database, of whatever kind.
DatabaseSource = PostgresSource | MysqlSource | SqliteSource | DuckdbSource
#: Any source: ``type`` says which.
SourceConfig = FilesSource | DatabaseSource


class PublishConfig(Settings):
    """What must hold for a release, whatever the gates say."""

    max_shrink: Annotated[float, BeforeValidator(from_environment)] = Field(
        default=0.5,
        ge=0,
        le=1,
        description="The largest share of its rows that a table may lose against the last release.",
        examples=[0.2],
    )
    allow_nan: Annotated[tuple[Annotated[str, Field(pattern=COLUMN_PATTERN)], ...], BeforeValidator(as_tuple)] = Field(
        default=(),
        description="The float columns, as layer.table.column, in which NaN may be published.",
        examples=[["features.scores.ratio"]],
    )

    max_quarantine: Annotated[int | float | str, BeforeValidator(from_environment), AfterValidator(as_bound)] = Field(
        default="1%",
        description="How many rows of a table may be in quarantine: a number of rows, or a share of the table "
        "(`0.01`, `1%`). A gate file can say otherwise for a table.",
        examples=["0.5%"],
    )


class PruneConfig(Settings):
    """Which releases stay when a lake is pruned. The served one always does."""

    every: Duration | None = Field(
        default=None,
        description="How often `headgate schedule` prunes, between two runs. Null: only `headgate prune` does.",
        examples=["24h"],
    )
    keep: Annotated[int, BeforeValidator(from_environment)] = Field(
        default=10, ge=0, description="How many of the newest releases stay.", examples=[100]
    )
    keep_daily: Annotated[int, BeforeValidator(from_environment)] = Field(
        default=0,
        ge=0,
        description="Of how many days the last release stays, too. Days (in UTC) without a release do not count.",
        examples=[30],
    )
    grace: Duration = Field(
        default=timedelta(hours=1),
        description="How long data files of a pruned release stay for those who are reading it.",
        examples=["2h"],
    )


class Sample(PlacedSettings):
    """A part of the data, the same each time and referentially whole."""

    fraction: Annotated[float, BeforeValidator(from_environment)] = Field(
        gt=0, lt=1, description="The share of the values of `by` that is kept.", examples=[0.1]
    )
    by: ColumnName = Field(
        description="The column whose values are chosen, in every table that has it; one must.", examples=["Store"]
    )


class Target(Settings):
    """Settings of one target, in place of the project's own. Each target has its own lake."""

    lake: PathText | None = Field(
        default=None,
        description="Where this target's lake is. Null: `./lake/` and the target's name.",
        examples=["./lake"],
    )
    sample: Sample | None = Field(
        default=None, description="Work on a part of the data only.", examples=[{"fraction": 0.1, "by": "Store"}]
    )
    vars: Variables = Field(
        default_factory=dict,
        description="Variables that are added to the project's, or replace them.",
        examples=[{"lags": [7]}],
    )
    memory_limit: MemoryLimit | None = Field(
        default=None, description="As the project's `memory_limit`.", examples=["16GB"]
    )
    threads: Threads | None = Field(default=None, description="As the project's `threads`.", examples=[8])
    export: dict[Name, ExportConfig] | None = Field(
        default=None,
        description="What is exported of this target's releases, in place of the project's `export`; {} is nothing.",
        examples=[{}],
    )
    ledger: UrlText | None = Field(
        default=None, description="As the project's `ledger`.", examples=["postgresql://headgate@db/ledger"]
    )
    serve: dict[Name, ServerConfig] | None = Field(
        default=None,
        description="Where this target's releases are served, in place of the project's `serve`; {} is nowhere.",
        examples=[{}],
    )


class ProjectFile(Settings):
    """A headgate.yml."""

    name: Annotated[str, Field(pattern=PROJECT_PATTERN, max_length=63)] = Field(
        description="The project's name.", examples=["rossmann"]
    )
    lake: PathText = Field(
        default="./lake",
        description="Where the lake is: a folder, relative to the project folder or absolute, or s3://bucket/prefix.",
        examples=["./lake"],
    )
    sources: dict[SourceName, Annotated[SourceConfig, Field(discriminator="type")]] = Field(
        default_factory=dict,
        description="Where data comes from, by name.",
        examples=[
            {"kaggle": {"type": "files", "tables": {"store": {"path": "data/store.csv", "primary_key": ["Store"]}}}}
        ],
    )
    layers: Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(as_tuple)] = Field(
        default=("raw",),
        description="The layers in the order in which they are built. The first is raw.",
        examples=[["raw", "processed", "features"]],
    )
    vars: Variables = Field(
        default_factory=dict,
        description="Variables for the dbt models. `--var name=value` replaces one.",
        examples=[{"lags": [1, 7, 14, 28]}],
    )
    targets: dict[Name, Target] = Field(
        default_factory=dict,
        description="Named sets of other settings, chosen by `--target`.",
        examples=[{"prod": {"lake": "${HEADGATE_LAKE:-./lake}"}}],
    )
    publish: PublishConfig = Field(
        default_factory=PublishConfig,
        description="The bounds of a release.",
        examples=[{"max_shrink": 0.2}],
    )
    prune: PruneConfig = Field(
        default_factory=PruneConfig,
        description="Which releases stay, and how often the others go.",
        examples=[{"every": "24h", "keep": 100, "keep_daily": 30}],
    )
    serve: dict[Name, ServerConfig] = Field(
        default_factory=dict,
        description="Where tables of each release are served, by name, right after publishing.",
        examples=[
            {
                "warehouse": {
                    "type": "postgres",
                    "url": "postgresql://headgate@db/warehouse",
                    "schema": "totesys",
                    "tables": {"marts.dim_staff": {"primary_key": ["staff_id"]}},
                }
            }
        ],
    )
    notify: dict[Name, Channel] = Field(
        default_factory=dict,
        description="Who is told when a run is blocked or failed, a release is late, or all is well again.",
        examples=[{"ops": {"urls": ["${OPS_URL}"], "on": ["blocked", "failed", "late", "recovered"]}}],
    )
    expect_every: Duration | None = Field(
        default=None,
        description="How often a release is expected. Without one for longer, people are told that it is late.",
        examples=["1h"],
    )
    export: dict[Name, ExportConfig] = Field(
        default_factory=dict,
        description="Tables of each release that are written as files for others, by name, after publishing.",
        examples=[
            {"orders": {"tables": ["marts.orders"], "to": "s3://ingest/{table}/{release}.csv", "format": "csv"}},
        ],
    )
    after: dict[Name, AfterHook] = Field(
        default_factory=dict,
        description="Commands that run after publishing, by name, in this order.",
        examples=[{"retrain": {"command": "python retrain.py"}}],
    )
    ledger: UrlText | None = Field(
        default=None,
        description="Where runs are recorded: sqlite:///path or postgresql://user:password@host/database. "
        "Null: `.headgate/ledger.db`.",
        examples=["postgresql://headgate:${LEDGER_PASSWORD}@db/ledger"],
    )
    memory_limit: MemoryLimit | None = Field(
        default=None, description="How much memory DuckDB may use. Null: most of the machine's.", examples=["4GB"]
    )
    threads: Threads | None = Field(
        default=None, description="How many threads DuckDB may use. Null: one a core.", examples=[4]
    )
