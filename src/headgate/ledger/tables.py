"""The ledger's tables, and how they come to be. SQLite has them in its file, PostgreSQL in the schema headgate."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    text,
)
from sqlalchemy.schema import CreateIndex, CreateSchema, CreateTable

from headgate.errors import CouldNotRunError

#: Raised whenever a table changes. A ledger of an older version is brought up in ``prepare``, which makes what it
#: lacks: 2 has served and incidents, 3 finds steps by their status, 4 runs by the release that they left served,
#: 5 counts what it forgot.
VERSION = 5
SCHEMA = "headgate"
#: Any number of our own: whoever prepares a PostgreSQL ledger holds this lock while it does.
_PREPARING = 4_721_830_011

METADATA = MetaData()
_Id = BigInteger().with_variant(Integer(), "sqlite")

META = Table("meta", METADATA, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

RUNS = Table(
    "runs",
    METADATA,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("run", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False),
    Column("target", Text),
    Column("lake", Text),
    Column("base_release", BigInteger),
    Column("release", BigInteger),
    Column("serving", BigInteger),
    Column("plan", Text, nullable=False),
    Column("project_hash", Text),
    Column("variables", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("seconds", Double),
    Column("summary", Text, nullable=False),
    Column("error", Text),
    Index("runs_status", "status", "id"),
    Index("runs_serving", "lake", "serving", "status", "id"),
)

STEPS = Table(
    "steps",
    METADATA,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("run", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("seconds", Double),
    Column("detail", Text, nullable=False),
    UniqueConstraint("run", "name"),
    Index("steps_status", "status", "id"),
)

RESULTS = Table(
    "results",
    METADATA,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("run", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("layer", Text),
    Column("table", Text),
    Column("expectation", Text),
    Column("success", Boolean),
    Column("severity", Text),
    Column("how", Text),
    Column("body", Text, nullable=False),
    Index("results_run", "run", "id"),
)

#: How many expectations of a table held in a run of which nothing else is known any more.
FORGOTTEN = Table(
    "forgotten",
    METADATA,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("run", Text, nullable=False),
    Column("layer", Text, nullable=False),
    Column("table", Text, nullable=False),
    Column("held", BigInteger, nullable=False),
    Index("forgotten_run", "run"),
)

RELEASES = Table(
    "releases",
    METADATA,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("lake", Text, nullable=False),
    Column("release", BigInteger, nullable=False),
    Column("parent", BigInteger),
    Column("run", Text),
    Column("published_at", Text, nullable=False),
    Column("detail", Text, nullable=False),
    UniqueConstraint("lake", "release"),
)

ALERTS = Table(
    "alerts",
    METADATA,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("run", Text),
    Column("text", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Index("alerts_run", "run", "id"),
)


SERVED = Table(
    "served",
    METADATA,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("lake", Text, nullable=False),
    Column("server", Text, nullable=False),
    Column("release", BigInteger),
    Column("declared", Text),
    Column("run", Text),
    Column("error", Text),
    Column("at", Text, nullable=False),
    UniqueConstraint("lake", "server"),
)

INCIDENTS = Table(
    "incidents",
    METADATA,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("lake", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("run", Text),
    Column("opened_at", Text, nullable=False),
    Column("closed_at", Text),
    Column("told", Text, nullable=False),
    Index("incidents_lake", "lake", "id"),
)


def is_ready(con: Connection) -> bool:
    """Whether the tables are there; one small query.

    Raises:
        CouldNotRunError: a newer Headgate made them.
    """
    if con.dialect.name == "sqlite":
        there = con.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'meta'").first()
    else:  # not to_regclass: it may answer from before the lock in prepare() was granted
        query = text("SELECT 1 FROM pg_tables WHERE schemaname = :schema AND tablename = 'meta'")
        there = con.execute(query, {"schema": SCHEMA}).first()
    if there is None:
        return False
    found = con.execute(select(META.c.value).where(META.c.key == "version")).scalar()
    if found is None or (found.isdigit() and int(found) < VERSION):
        return False
    if not found.isdigit() or int(found) > VERSION:
        raise CouldNotRunError(
            f"the ledger was made by a newer Headgate (its version is {found[:20]}, this one knows {VERSION})",
            hint="upgrade Headgate here, or name another ledger in headgate.yml",
        )
    return True


def prepare(con: Connection) -> None:
    """Make what is missing, inside the caller's writing transaction; harmless if another process just did."""
    if con.dialect.name != "sqlite":
        con.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PREPARING})
    if is_ready(con):
        return
    if con.dialect.name != "sqlite" and not _has_schema(con):
        con.execute(CreateSchema(SCHEMA))
    for table in METADATA.sorted_tables:
        con.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            con.execute(CreateIndex(index, if_not_exists=True))
    con.execute(delete(META).where(META.c.key == "version"))
    con.execute(insert(META).values(key="version", value=str(VERSION)))


def _has_schema(con: Connection) -> bool:
    """Asked, since even CREATE SCHEMA IF NOT EXISTS needs the right to create one."""
    return con.execute(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": SCHEMA}).first() is not None
