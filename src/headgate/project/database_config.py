"""The settings of sources that are databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from headgate.project.durations import parse_duration
from headgate.project.values import (
    ColumnName,
    Duration,
    NonFinite,
    PathText,
    PlacedSettings,
    Settings,
    UrlText,
    as_tuple,
    from_environment,
)

Pattern = Annotated[str, Field(min_length=1, max_length=255)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(as_tuple)]
#: What to do about a difference between a source and schema.lock.
DriftPolicy = Literal["block", "evolve", "ignore"]


def _overlap(value: Any) -> Any:
    value = from_environment(value)
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, timedelta) or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ValueError("this must be a length of time such as 10m or, for a cursor of numbers, a whole number")


Overlap = Annotated[
    timedelta | int,
    BeforeValidator(_overlap),
    WithJsonSchema(
        {"type": ["string", "integer"], "examples": ["10m", "1h"], "minimum": 0, "pattern": "^([0-9]+[dhms])+$"}
    ),
]


class Columns(Settings):
    """Which columns of a table are read, and how."""

    include: Patterns = Field(
        default=("*",), description="The columns that are read, by name or pattern.", examples=[["*"]]
    )
    exclude: Patterns = Field(
        default=(), description="Of these, the columns that are not read.", examples=[["iban", "*_secret"]]
    )
    as_text: Patterns = Field(
        default=(),
        description="Columns that are read as the text that the database writes for them, which loses nothing.",
        examples=[["valid_to"]],
    )


class DatabaseTable(Settings):
    """What is particular about one table of a database. A table that needs nothing need not be named."""

    primary_key: Annotated[tuple[ColumnName, ...], Field(min_length=1), BeforeValidator(as_tuple)] | None = Field(
        default=None,
        description="The columns that together name a row. Null: the primary key that the database declares.",
        examples=[["payment_id"]],
    )
    cursor: ColumnName | None = Field(
        default=None,
        description="A column that grows when a row changes. Left out: the source's. Null: compare the whole table.",
        examples=["updated_at"],
    )
    overlap: Overlap | None = Field(
        default=None, description="As the source's `overlap`; a number for a cursor of numbers.", examples=["1h"]
    )
    columns: Columns = Field(
        default_factory=Columns, description="Which columns are read.", examples=[{"exclude": ["iban"]}]
    )
    pii: Annotated[tuple[ColumnName, ...], BeforeValidator(as_tuple)] = Field(
        default=(),
        description="The columns that hold personal data: their values are shown in no error, report, log or ledger.",
        examples=[["email", "phone"]],
    )


class Reconcile(Settings):
    """When whole tables are compared with raw."""

    every: Duration | None = Field(
        default=None,
        description="How old the last comparison may be before a run makes one. Null: only `headgate reconcile`.",
        examples=["24h"],
    )


class Database(PlacedSettings):
    """What all databases have in common."""

    model_config = ConfigDict(protected_namespaces=())

    include: Patterns = Field(
        default=("*",),
        description="The tables that are read, by name or pattern (`*`, `?`, `[…]`); views only if they are named.",
        examples=[["*"]],
    )
    exclude: Patterns = Field(
        default=(), description="Of these, the tables that are not read.", examples=[["_prisma_migrations"]]
    )
    cursor: ColumnName | None = Field(
        default=None,
        description="The cursor of each table that has such a column. Null: whole tables are compared.",
        examples=["last_updated"],
    )
    overlap: Overlap = Field(
        default=timedelta(minutes=10),
        description="How far behind the largest cursor seen rows are read again, for commits that come late.",
        examples=["10m"],
    )
    non_finite: NonFinite = Field(
        default="refuse",
        description="What to do about NaN and infinite numbers: stop the run, or load null.",
        examples=["null"],
    )
    reconcile: Reconcile = Field(
        default_factory=Reconcile,
        description="When whole tables are compared with raw, to find silent edits and deletes.",
        examples=[{"every": "24h"}],
    )
    on_new_column: DriftPolicy = Field(
        default="block",
        description="A column that schema.lock does not know: stop the run, take it in, or leave it out.",
        examples=["evolve"],
    )
    on_dropped_column: DriftPolicy = Field(
        default="block",
        description="A known column that is gone: stop the run, leave it out of raw, or keep it, null from now on.",
        examples=["evolve"],
    )
    on_renamed_column: DriftPolicy = Field(
        default="block",
        description="A column that is gone, and a new one of its type, perhaps renamed: stop the run, "
        "take it for no rename, so that the two settings above decide, or leave raw as it was.",
        examples=["evolve"],
    )
    on_widened_type: DriftPolicy = Field(
        default="block",
        description="A type that holds all values of the known one: stop the run, take it, or keep the known one "
        "as long as every value fits.",
        examples=["evolve"],
    )
    on_narrowed_type: DriftPolicy = Field(
        default="block",
        description="Any other type, narrower or altogether different: stop the run, take it if all values of the "
        "change log survive that, or keep the known one if it holds all values of the new one.",
        examples=["ignore"],
    )
    retry: Duration = Field(
        default=timedelta(seconds=30),
        description="How long to try again, where that can help: no connection, a restart, a deadlock.",
        examples=["2m"],
    )
    tables: dict[Annotated[str, Field(min_length=1, max_length=255)], DatabaseTable] = Field(
        default_factory=dict,
        description="What is particular about single tables, by name.",
        examples=[{"payment": {"primary_key": ["payment_id"]}}],
    )


class PostgresSource(Database):
    """A source that is a PostgreSQL database."""

    type: Literal["postgres"] = Field(description="The kind of source.", examples=["postgres"])
    url: UrlText = Field(
        description="Where the database is: `postgresql://user:password@host:5432/database?sslmode=require`.",
        examples=["${ORDERS_URL:-postgresql://localhost/orders}"],
    )
    schema_: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        default="public", alias="schema", description="The schema whose tables are read.", examples=["public"]
    )
    statement_timeout: Duration = Field(
        default=timedelta(minutes=5), description="How long one statement may take in the database.", examples=["5m"]
    )


class MysqlSource(Database):
    """A source that is a MySQL or MariaDB database."""

    type: Literal["mysql"] = Field(description="The kind of source.", examples=["mysql"])
    url: UrlText = Field(
        description="Where the database is: `mysql://user:password@host:3306/database?ssl-mode=required`.",
        examples=["${ORDERS_URL:-mysql://localhost/orders}"],
    )
    statement_timeout: Duration = Field(
        default=timedelta(minutes=5), description="How long one statement may take in the database.", examples=["5m"]
    )


class SqliteSource(Database):
    """A source that is a SQLite file."""

    type: Literal["sqlite"] = Field(description="The kind of source.", examples=["sqlite"])
    path: PathText = Field(description="The file, relative to the project folder or absolute.", examples=["app.db"])


class DuckdbSource(Database):
    """A source that is a DuckDB file."""

    type: Literal["duckdb"] = Field(description="The kind of source.", examples=["duckdb"])
    path: PathText = Field(
        description="The file, relative to the project folder or absolute.", examples=["warehouse.duckdb"]
    )
    schema_: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        default="main", alias="schema", description="The schema whose tables are read.", examples=["main"]
    )
