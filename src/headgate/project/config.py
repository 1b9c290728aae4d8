"""The settings of headgate.yml, as models without I/O.

Types are strict: ``"yes"`` is no boolean and ``1`` no name. Only what came from the environment, where
everything is a text, may stand for a number. What one setting means for another is checked in ``rules``.
"""

from __future__ import annotations

import math
import re
import shlex
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, WithJsonSchema

from headgate.errors import ConfigError
from headgate.project.durations import parse_duration
from headgate.project.interpolation import FromEnvironment
from headgate.project.yaml_file import KeyPath, YamlFile

NAME_PATTERN = r"^[a-zA-Z][a-zA-Z0-9_]*$"
SOURCE_PATTERN = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
PROJECT_PATTERN = r"^[a-zA-Z_][a-zA-Z0-9_-]*$"
MEMORY_PATTERN = r"^[0-9]+(\.[0-9]+)? ?([kKMGT]i?)?B$"
TYPE_PATTERN = r"^[A-Za-z][A-Za-z0-9_ ]*(\([0-9]+( ?, ?[0-9]+)?\))?(\[[0-9]*\])*$"

TABLE_PATTERN = r"^[a-zA-Z][a-zA-Z0-9_]*\.[a-zA-Z_][a-zA-Z0-9_]*$"
COLUMN_PATTERN = r"^[^.]+\.[^.]+\..+$"
TABLE_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,62}\Z")
ENCODING_PATTERN = r"^[A-Za-z0-9._:-]{1,40}$"


def _from_environment(value: Any) -> Any:
    if isinstance(value, FromEnvironment) and not isinstance(scalar := value.scalar(), str):
        return scalar
    return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _null_word(value: Any) -> Any:
    """Take YAML's null for the word, which is what an author of ``non_finite: null`` means."""
    return "null" if value is None else value


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def _command(value: Any) -> Any:
    if isinstance(value, str):
        if not shlex.split(value):
            raise ValueError("the command is empty")
        if "\x00" in value:
            raise ValueError("a command cannot contain a NUL character")
    return value


def _plain(value: Any) -> Any:
    """Plain JSON values only, so that variables can be hashed, stored and handed to dbt."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("NaN and infinities cannot be handed on: write a finite number or a text")
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ValueError(f"a variable is a text, number, true, false, null, list or mapping, not {type(value).__name__}")


Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=63)]
SourceName = Annotated[str, Field(pattern=SOURCE_PATTERN, max_length=63)]
ColumnName = Annotated[str, Field(min_length=1, max_length=255)]
TableName = Annotated[str, Field(pattern=TABLE_PATTERN, max_length=127)]
PathText = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")]
Flag = Annotated[bool, BeforeValidator(_from_environment)]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "examples": ["30s", "10m", "1h"], "pattern": "^([0-9]+[dhms])+$"}),
]
Variables = Annotated[dict[str, Any], BeforeValidator(_plain)]
MemoryLimit = Annotated[str, Field(pattern=MEMORY_PATTERN)]
Threads = Annotated[int, BeforeValidator(_from_environment), Field(ge=1, le=1024)]


class Settings(BaseModel):
    """What all settings have in common: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class FilesTable(Settings):
    """A table that is read from files."""

    path: PathText = Field(
        description="The file or files, as a path or glob, relative to the project folder or absolute.",
        examples=["data/train*.csv*"],
    )
    primary_key: Annotated[tuple[ColumnName, ...], Field(min_length=1), BeforeValidator(_tuple)] = Field(
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
    pii: Annotated[tuple[ColumnName, ...], BeforeValidator(_tuple)] = Field(
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
    null_values: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = Field(
        default=(), description="Texts that mean null, besides the empty one.", examples=[["NA", "n/a"]]
    )
    on_new_column: Literal["block", "evolve"] = Field(
        default="block",
        description="What to do about a column that schema.lock does not know: stop the run, or take it in.",
        examples=["evolve"],
    )
    non_finite: Annotated[
        Literal["refuse", "null"],
        BeforeValidator(_null_word),
        WithJsonSchema({"enum": ["refuse", "null", None], "type": ["string", "null"]}),
    ] = Field(
        default="refuse",
        description="What to do about NaN and infinities in number columns: stop the run, or load null.",
        examples=["null"],
    )

    _written: tuple[YamlFile, KeyPath] = PrivateAttr(default=(YamlFile("headgate.yml", {}, {}), ()))

    def written_at(self, source: YamlFile, path: KeyPath) -> None:
        """Remember where the table is declared, for what is found wrong with it only when it is read."""
        self._written = (source, path)

    def error(self, what: str, *setting: str, hint: str | None = None) -> ConfigError:
        """An error about one of the settings, such as ``("columns", "amount")``."""
        source, path = self._written
        return source.error(what, (*path, *setting), hint=hint)


class FilesSource(Settings):
    """A source of files: CSV, JSON or Parquet."""

    type: Literal["files"] = Field(description="The kind of source.", examples=["files"])
    tables: Annotated[dict[Name, FilesTable], Field(min_length=1)] = Field(
        description="The tables of this source, by name. `train` becomes `raw.train`; no two sources share a name.",
        examples=[{"store": {"path": "data/store.csv", "primary_key": ["Store"]}}],
    )


#: Any source. More kinds become a union that ``type`` tells apart.
SourceConfig = FilesSource


class PublishConfig(Settings):
    """What must hold for a release, whatever the gates say."""

    max_shrink: Annotated[float, BeforeValidator(_from_environment)] = Field(
        default=0.5,
        ge=0,
        le=1,
        description="The largest share of its rows that a table may lose against the last release.",
        examples=[0.2],
    )
    allow_nan: Annotated[tuple[Annotated[str, Field(pattern=COLUMN_PATTERN)], ...], BeforeValidator(_tuple)] = Field(
        default=(),
        description="The float columns, as layer.table.column, in which NaN may be published.",
        examples=[["features.scores.ratio"]],
    )


class When(Settings):
    """When an after-hook runs, or an export is made. All conditions must hold."""

    changed: Annotated[tuple[TableName, ...], BeforeValidator(_tuple)] = Field(
        default=(),
        description="Run only if one of these tables differs from the release before.",
        examples=[["features.train_features"]],
    )
    min_new_rows: Annotated[int, BeforeValidator(_from_environment)] = Field(
        default=0, ge=0, description="Run only if the release has at least so many new rows.", examples=[1000]
    )


class ExportConfig(Settings):
    """Tables of each release as files for others. A failed export is tried again by the next run."""

    tables: Annotated[tuple[TableName, ...], Field(min_length=1), BeforeValidator(_tuple)] = Field(
        description="The tables to write, as layer.table.", examples=[["marts.fact_sales_order"]]
    )
    to: PathText = Field(
        description="The path of each file: s3://bucket/…, or a folder relative to the project folder or absolute, "
        "with {table}, {layer}, {release}, {run}, {year}, {month}, {day}, {hour} (of publishing, in UTC).",
        examples=["s3://ingest/{table}/{year}/{month}/{day}/{release}.csv"],
    )
    format: Literal["csv", "parquet"] = Field(description="What the files are.", examples=["csv"])
    when: When = Field(
        default_factory=When,
        description="Conditions on the release. Without any each is exported.",
        examples=[{"changed": ["marts.fact_sales_order"]}],
    )


class AfterHook(Settings):
    """A command that runs after publishing. Its failure is told and never un-publishes."""

    command: Annotated[str, BeforeValidator(_command)] = Field(
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


class Sample(Settings):
    """A part of the data, the same each time and referentially whole."""

    fraction: Annotated[float, BeforeValidator(_from_environment)] = Field(
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
    sources: dict[SourceName, SourceConfig] = Field(
        default_factory=dict,
        description="Where data comes from, by name.",
        examples=[
            {"kaggle": {"type": "files", "tables": {"store": {"path": "data/store.csv", "primary_key": ["Store"]}}}}
        ],
    )
    layers: Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(_tuple)] = Field(
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


_INVALID_NAME = re.compile(r"[^A-Za-z0-9_]+")


def suggested_name(text: str) -> str:
    """A valid name that is close to ``text``.

    >>> suggested_name("2024 sales/eu")
    't_2024_sales_eu'
    """
    name = _INVALID_NAME.sub("_", text).strip("_")[:60] or "table"
    return name if name[0].isalpha() else f"t_{name}"
