"""The settings of what follows a release: servers, exports, hooks, and people who are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from headgate.project.values import (
    POSTGRES_PATTERN,
    REFERENCE_PATTERN,
    SOURCE_PATTERN,
    ColumnName,
    Duration,
    PathText,
    PlacedSettings,
    Settings,
    TableName,
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


class When(Settings):
    """When an after-hook runs, or an export is made. All conditions must hold."""

    changed: Annotated[tuple[TableName, ...], BeforeValidator(as_tuple)] = Field(
        default=(),
        description="Run only if one of these tables differs from the release before.",
        examples=[["features.train_features"]],
    )
    min_new_rows: Annotated[int, BeforeValidator(from_environment)] = Field(
        default=0,
        ge=0,
        description="Run only if these tables, or else all, have so many rows more than in the release before.",
        examples=[1000],
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
