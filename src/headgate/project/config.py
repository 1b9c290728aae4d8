"""The settings of headgate.yml, as models without I/O.

Types are strict: ``"yes"`` is no boolean and ``1`` no name. Only what came from the environment, where
everything is a text, may stand for a number. What one setting means for another is checked in ``rules``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from headgate.project.database_config import DuckdbSource, MysqlSource, PostgresSource, SqliteSource
from headgate.project.values import (
    COLUMN_PATTERN,
    ENCODING_PATTERN,
    POSTGRES_PATTERN,
    PROJECT_PATTERN,
    REFERENCE_PATTERN,
    SOURCE_PATTERN,
    TYPE_PATTERN,
    ColumnName,
    Duration,
    Flag,
    MemoryLimit,
    Name,
    NonFinite,
    PathText,
    PlacedSettings,
    Settings,
    SourceName,
    TableName,
    Threads,
    Variables,
    as_bound,
    as_command,
    as_tuple,
    from_environment,
)


@dataclass(frozen=True, slots=True)
class NotNull:
    """The columns that must hold a value: these, or all but those."""

    columns: tuple[str, ...] = ()
    all_but: tuple[str, ...] | None = None


def _not_null(value: Any) -> Any:
    if isinstance(value, NotNull):
        return value
    inverse = isinstance(value, dict) and set(value) == {"all_but"}
    names = value["all_but"] if inverse else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name for name in names):
        raise ValueError("it must be a list of columns, or all_but: and a list of columns")
    return NotNull(all_but=tuple(names)) if inverse else NotNull(tuple(names))


_NAMES_SCHEMA = {"type": "array", "items": {"type": "string"}}
_NOT_NULL_SCHEMA = {
    "anyOf": [
        _NAMES_SCHEMA,
        {"type": "object", "properties": {"all_but": _NAMES_SCHEMA}, "additionalProperties": False},
    ]
}


class FilesTable(PlacedSettings):
    """A table that is read from files."""

    path: PathText = Field(
        description="The file or files, as a path or glob, relative to the project folder or absolute.",
        examples=["data/train*.csv*"],
    )
    primary_key: Annotated[tuple[ColumnName, ...], Field(min_length=1), BeforeValidator(as_tuple)] = Field(
        description="The columns that together name a row. A later row with the same key replaces an earlier one.",
        examples=[["Store", "Date"]],
    )
    cursor: ColumnName | None = Field(
        default=None,
        description="A column that grows when a row changes, so that only newer rows are looked at. Null: read all.",
        examples=["last_updated"],
    )
    snapshot: Flag = Field(
        default=False,
        description="Whether the files always hold the whole table, so that a row which is gone was deleted.",
        examples=[True],
    )
    columns: dict[ColumnName, Annotated[str, Field(pattern=TYPE_PATTERN, max_length=100)]] = Field(
        default_factory=dict,
        description="The types of columns, as DuckDB spells them. Others are inferred once and held in schema.lock.",
        examples=[{"StateHoliday": "VARCHAR"}],
    )
    pii: Annotated[tuple[ColumnName, ...], BeforeValidator(as_tuple)] = Field(
        default=(),
        description="The columns that hold personal data: their values are shown in no error, report, log or ledger.",
        examples=[["email", "phone"]],
    )
    format: Literal["csv", "json", "parquet"] | None = Field(
        default=None,
        description="What the files are. Null: by their names (.csv, .tsv, .txt, .json, .jsonl, .ndjson, .parquet).",
        examples=["csv"],
    )
    delimiter: Annotated[str, Field(min_length=1, max_length=4)] | None = Field(
        default=None, description="What separates the columns of a CSV file. Null: found by looking.", examples=[";"]
    )
    quote: Annotated[str, Field(max_length=1)] | None = Field(
        default=None,
        description="What surrounds values of a CSV file; '' is nothing. Null: found by looking.",
        examples=["'"],
    )
    encoding: Annotated[str, Field(pattern=ENCODING_PATTERN)] | None = Field(
        default=None, description="The character encoding of a CSV file. Null: UTF-8.", examples=["latin-1"]
    )
    header: Flag | None = Field(
        default=None,
        description="Whether the first line of a CSV file holds the column names. Null: yes.",
        examples=[False],
    )
    date_format: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="How dates are written, in strptime's letters. Null: 2024-12-31.",
        examples=["%d.%m.%Y"],
    )
    timestamp_format: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="How timestamps are written, in strptime's letters. Null: ISO 8601.",
        examples=["%d.%m.%Y %H:%M"],
    )
    null_values: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="Texts that mean null, besides the empty one.", examples=[["NA", "n/a"]]
    )
    on_new_column: Literal["block", "evolve"] = Field(
        default="block",
        description="What to do about a column that schema.lock does not know: stop the run, or take it in.",
        examples=["evolve"],
    )
    non_finite: NonFinite = Field(
        default="refuse",
        description="What to do about NaN and infinities in number columns: stop the run, or load null.",
        examples=["null"],
    )


class FilesSource(Settings):
    """A source of files: CSV, JSON or Parquet."""

    type: Literal["files"] = Field(description="The kind of source.", examples=["files"])
    tables: Annotated[dict[Name, FilesTable], Field(min_length=1)] = Field(
        description="The tables of this source, by name. `train` becomes `raw.train`; no two sources share a name.",
        examples=[{"store": {"path": "data/store.csv", "primary_key": ["Store"]}}],
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


class When(Settings):
    """When an after-hook runs, or an export is made. All conditions must hold."""

    changed: Annotated[tuple[TableName, ...], BeforeValidator(as_tuple)] = Field(
        default=(),
        description="Run only if one of these tables differs from the release before.",
        examples=[["features.train_features"]],
    )
    min_new_rows: Annotated[int, BeforeValidator(from_environment)] = Field(
        default=0, ge=0, description="Run only if the release has at least so many new rows.", examples=[1000]
    )


class ExportConfig(PlacedSettings):
    """Tables of each release as files for others. A failed export is tried again by the next run."""

    tables: Annotated[tuple[TableName, ...], Field(min_length=1), BeforeValidator(as_tuple)] = Field(
        description="The tables to write, as layer.table.", examples=[["marts.fact_sales_order"]]
    )
    to: PathText = Field(
        description="The path of each file: s3://bucket/…, or a folder relative to the project folder or absolute, "
        "with {table}, {layer}, {release}, {run}, {year}, {month}, {day}, {hour} (of publishing, in UTC).",
        examples=["s3://ingest/{table}/{year}/{month}/{day}/{release}.csv"],
    )
    format: Literal["csv", "parquet"] = Field(description="What the files are.", examples=["csv"])
    pii: Literal["include", "mask", "leave_out"] | None = Field(
        default=None,
        description="What becomes of columns that are tagged `pii`: written as they are, as marks that are equal for "
        "equal values of one export, or not at all. Required if a table has any.",
        examples=["mask"],
    )
    when: When = Field(
        default_factory=When,
        description="Conditions on the release. Without any each is exported.",
        examples=[{"changed": ["marts.fact_sales_order"]}],
    )


class AfterHook(Settings):
    """A command that runs after publishing. Its failure is told and never un-publishes."""

    command: Annotated[str, BeforeValidator(as_command)] = Field(
        min_length=1,
        description="The program and its arguments. No shell is involved; HEADGATE_RELEASE etc. are set for it.",
        examples=["python retrain.py"],
    )
    when: When = Field(
        default_factory=When,
        description="Conditions on the release. Without any it runs after each.",
        examples=[{"changed": ["features.train_features"], "min_new_rows": 1000}],
    )
    timeout: Duration = Field(
        default=timedelta(hours=1), description="How long it may take before it is ended.", examples=["10m"]
    )


class ServedTable(Settings):
    """How a table of the lake is kept in a warehouse."""

    mode: Literal["append", "upsert"] = Field(
        default="upsert",
        description="`append`: records only come in, and one that changed or went is refused; `upsert`: records are "
        "added, changed and deleted so that the warehouse holds what the release holds.",
        examples=["append"],
    )
    primary_key: Annotated[tuple[ColumnName, ...], Field(min_length=1), BeforeValidator(as_tuple)] = Field(
        description="The columns that together name a record.", examples=[["payment_record_id"]]
    )
    foreign_keys: dict[ColumnName, Annotated[str, Field(pattern=REFERENCE_PATTERN, max_length=255)]] = Field(
        default_factory=dict,
        description="Columns that refer to another served table, each with the table's name there and its key.",
        examples=[{"payment_type_id": "dim_payment_type.payment_type_id"}],
    )
    not_null: Annotated[NotNull, BeforeValidator(_not_null), WithJsonSchema(_NOT_NULL_SCHEMA)] = Field(
        default_factory=NotNull,
        description="The columns that must hold a value, besides the primary key: a list, or `{all_but: […]}`.",
        examples=[{"all_but": ["sales_order_id", "purchase_order_id"]}],
    )
    name: Annotated[str, Field(pattern=SOURCE_PATTERN, max_length=63)] | None = Field(
        default=None, description="The table's name in the warehouse. Null: as in the lake.", examples=["payments"]
    )


class PostgresServer(Settings):
    """A schema of a PostgreSQL database that holds tables of the served release."""

    type: Literal["postgres"] = Field(description="The kind of warehouse.", examples=["postgres"])
    url: Annotated[str, Field(min_length=1, max_length=4096, pattern=POSTGRES_PATTERN)] = Field(
        description="The database, as postgresql://user:password@host/database.",
        examples=["postgresql://headgate:${WAREHOUSE_PASSWORD}@db/warehouse"],
    )
    schema_: Annotated[str, Field(pattern=SOURCE_PATTERN, max_length=63)] = Field(
        alias="schema",
        description="The schema that Headgate keeps there. It is made if it is missing.",
        examples=["totesys"],
    )
    lock_timeout: Duration = Field(
        default=timedelta(seconds=30),
        description="How long to wait for somebody who locks a served table.",
        examples=["10s"],
    )
    tables: Annotated[dict[TableName, ServedTable], Field(min_length=1)] = Field(
        description="The tables to serve, by their names in the lake.",
        examples=[{"marts.dim_staff": {"primary_key": ["staff_id"]}}],
    )


#: Any place that releases are served to. More kinds become a union that ``type`` tells apart.
ServerConfig = PostgresServer

Incident = Literal["blocked", "failed", "late", "recovered"]


class Channel(Settings):
    """People who are told of trouble, in whatever way Apprise knows."""

    urls: Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(as_tuple)] = Field(
        description="Where to, as Apprise writes it: mail, chat, SMS gateways, webhooks.",
        examples=[["mailtos://user:${MAIL_PASSWORD}@example.com?to=ops@example.com"]],
    )
    on: Annotated[tuple[Incident, ...], Field(min_length=1), BeforeValidator(as_tuple)] = Field(
        default=("blocked", "failed", "late", "recovered"),
        description="What they are told of.",
        examples=[["blocked", "late"]],
    )


class Sample(Settings):
    """A part of the data, the same each time and referentially whole."""

    fraction: Annotated[float, BeforeValidator(from_environment)] = Field(
        gt=0, lt=1, description="The share of the values of `by` that is kept.", examples=[0.1]
    )
    by: ColumnName = Field(
        description="The column whose values are chosen, in every table that has it.", examples=["Store"]
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
    ledger: PathText | None = Field(
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
    ledger: PathText | None = Field(
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
