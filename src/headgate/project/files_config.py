"""The settings of sources that are files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from headgate.project.values import (
    ENCODING_PATTERN,
    TYPE_PATTERN,
    ColumnName,
    Flag,
    Name,
    NonFinite,
    PathText,
    PlacedSettings,
    Settings,
    as_tuple,
)


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
