"""The one place that talks to DuckDB: connections, extensions, attaching a catalog, quoting.

Everything else gets a connection and hands in SQL whose names and values were quoted here.
"""

from __future__ import annotations

import contextlib
import os
import re
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb

from headgate.errors import CouldNotRunError, InterruptedRunError, LakeError

#: Errors about a statement, which quote the statement and no data.
_OF_STATEMENTS = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException)
Connection = duckdb.DuckDBPyConnection

#: The catalog alias under which a branch or release is attached, everywhere.
LAKE = "lake"
#: One named in-memory instance per process, shared with dbt: two instances cannot open one catalog file.
INSTANCE = ":memory:headgate"
_OPENED: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()
#: What is to be done, too, when somebody pressed Ctrl-C.
_WHEN_INTERRUPTED: list[Callable[[], None]] = []


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What the user may decide about DuckDB: a memory bound such as ``4GB``, and a number of threads.

    ``access`` gives the SQL that lets DuckDB into an object store, where the lake is in one (see ``Store.access``).
    """

    memory_limit: str | None = None
    threads: int | None = None
    temp_directory: Path | None = None
    access: Callable[[], str | None] = lambda: None


def ident(name: str) -> str:
    """Quote one identifier.

    >>> ident('x"; drop table t --')
    '"x""; drop table t --"'
    """
    if "\x00" in name:
        raise LakeError(f"a name cannot contain a NUL character: {name!r}")
    return '"' + name.replace('"', '""') + '"'


def qualified(*parts: str) -> str:
    """Quote a dotted name.

    >>> qualified("lake", "raw", "train")
    '"lake"."raw"."train"'
    """
    return ".".join(ident(part) for part in parts)


def literal(value: str | float | bool | None) -> str:
    """Quote one value for SQL.

    >>> literal("it's"), literal(None), literal(True), literal(3)
    ("'it''s'", 'NULL', 'TRUE', '3')
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value!r}::DOUBLE" if value == value and abs(value) != float("inf") else f"'{value}'::DOUBLE"
    if "\x00" in value:  # DuckDB's parser would end there
        return "(" + " || chr(0) || ".join(literal(part) for part in value.split("\x00")) + ")"
    return "'" + value.replace("'", "''") + "'"


def connect(
    settings: EngineSettings | None = None, *, shared: bool = False, extensions: tuple[str, ...] = ("ducklake",)
) -> Connection:
    """Open an in-memory DuckDB that knows DuckLake, or, where no lake is opened and time matters, other ``extensions``.

    ``shared`` joins the process's one named instance, which dbt joins too; otherwise the instance is
    private to the caller, as readers want it.
    """
    settings = settings or EngineSettings()
    con = duckdb.connect(INSTANCE if shared else ":memory:")
    _OPENED.add(con)
    try:
        if settings.memory_limit:
            con.execute(f"SET memory_limit = {literal(settings.memory_limit)}")
        con.execute(f"SET threads = {literal(settings.threads)}" if settings.threads else "RESET threads")
        _spill_to(con, settings.temp_directory)
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET preserve_insertion_order = true")
        for extension in extensions:
            load_extension(con, extension)
        admit(con, settings.access())
    except duckdb.Error as error:
        con.close()
        raise translated(error, doing="opening DuckDB") from error
    except BaseException:
        con.close()
        raise
    return con


def _spill_to(con: Connection, folder: Path | None) -> None:
    """DuckDB refuses to be told of a folder that it has written to, even of the same one."""
    if folder and con.execute("SELECT current_setting('temp_directory')").fetchall() != [(str(folder),)]:
        con.execute(f"SET temp_directory = {literal(str(folder))}")


def hold() -> Connection:
    """A connection that does nothing but keep the shared instance, which otherwise ends with its last connection."""
    return duckdb.connect(INSTANCE)


def admit(con: Connection, access: str | None) -> None:
    """Let DuckDB into an object store with ``access``, the SQL of a secret; None: there is nothing to be let into."""
    if access is None:
        return
    load_extension(con, "httpfs")
    try:
        con.execute(access)
    except duckdb.Error as error:
        raise CouldNotRunError(
            f"DuckDB does not take the credentials for S3: {type(error).__name__}",  # its text would show them
            hint="see the environment variables AWS_… and the profile in ~/.aws",
        ) from None


def beside(con: Connection) -> Connection:
    """Another connection to the same instance, with its own transactions and temporary tables, as dbt's are."""
    other = con.cursor()
    _OPENED.add(other)
    other.execute("SET TimeZone = 'UTC'")
    return other


def load_extension(con: Connection, name: str) -> None:
    """Load a signed extension from its wheel, or, where there is none, the installed one."""
    try:
        package = import_module(f"duckdb_extension_{name}")
    except ImportError:
        con.execute(f"INSTALL {ident(name)}")
        con.execute(f"LOAD {ident(name)}")
        return
    folder = Path(str(package.__file__)).parent / "extensions" / f"v{duckdb.__version__}"
    con.execute(f"LOAD {literal(str(folder / f'{name}.duckdb_extension'))}")


def attach(
    con: Connection,
    catalog: str,
    data: str,
    *,
    alias: str = LAKE,
    read_only: bool,
    create: bool = False,
    migrate: bool = False,
) -> None:
    """Attach the DuckLake whose catalog is the file ``catalog`` and whose data files lie under ``data``.

    The data path in the catalog is where the lake was made; it is overridden, so that a lake which
    was moved or copied is read where it is now. ``migrate`` lets DuckLake bring the catalog of an
    older version to its present format, which only a private copy may have done to it.

    Raises:
        LakeError: the file is not there or empty: DuckDB would silently make an empty lake.
        CouldNotRunError: DuckDB refuses, or the alias is taken.
    """
    local = not re.match(r"^[a-z0-9]+://", catalog)
    if local and not create and (not os.path.exists(catalog) or os.path.getsize(catalog) == 0):  # noqa: PTH110, PTH202
        raise LakeError("the catalog file is missing or empty", where=catalog)
    options = ["READ_ONLY"] if read_only else ["META_BLOCK_SIZE 16384"] if create else []
    options += ["AUTOMATIC_MIGRATION true"] if migrate else []
    options += [f"DATA_PATH {literal(data.rstrip('/') + '/')}", "OVERRIDE_DATA_PATH true"]
    try:
        con.execute(f"ATTACH {literal('ducklake:' + catalog)} AS {ident(alias)} ({', '.join(options)})")
    except duckdb.Error as error:
        raise translated(error, doing=f"attaching {catalog}") from error


def detach(con: Connection, alias: str = LAKE) -> None:
    """Fold the catalog's write-ahead log into its file and let go of it.

    Only the metadata database is checkpointed: a plain CHECKPOINT of a lake runs DuckLake's cleanup.
    """
    try:
        con.execute(f"CHECKPOINT {ident('__ducklake_metadata_' + alias)}")
        con.execute(f"DETACH {ident(alias)}")
    except duckdb.Error as error:
        raise translated(error, doing="closing the branch") from error


def shut_off(con: Connection, folder: str) -> None:
    """Let the instance reach no file outside of ``folder``, no network and no further extension, as long as it lives.

    What is attached stays attached. Nothing that is sent to the instance can take this back.
    """
    con.execute(f"SET allowed_directories = [{literal(folder.rstrip('/') + '/')}]")
    con.execute("SET enable_external_access = false")


def interrupt_all() -> None:
    """End what the connections of this process are doing; for another thread to call, when somebody pressed Ctrl-C."""
    for con in list(_OPENED):
        with contextlib.suppress(duckdb.Error):  # it was closed
            con.interrupt()
    for action in tuple(_WHEN_INTERRUPTED):
        action()


@contextlib.contextmanager
def when_interrupted(action: Callable[[], None]) -> Iterator[None]:
    """Inside, Ctrl-C does ``action`` too, on another thread, and again until somebody notices.

    For a query that waits for another server: DuckDB does not hear of an interruption before that server answers.
    """
    _WHEN_INTERRUPTED.append(action)
    try:
        yield
    finally:
        _WHEN_INTERRUPTED.remove(action)


def was_interrupted(error: BaseException) -> bool:
    """Whether a query ended because of Ctrl-C: DuckDB raises a RuntimeError where it noticed by itself."""
    return isinstance(error, duckdb.InterruptException) or (
        type(error) is RuntimeError and str(error) == "Query interrupted"
    )


def quiet(error: duckdb.Error) -> str | None:
    """What is said of an error instead of its text, where data must not be shown; None if it can quote none.

    >>> quiet(duckdb.ConversionException("Could not convert string 'Ann'")), quiet(duckdb.BinderException("no"))
    ('a Conversion error of DuckDB, whose text could quote values of columns that are tagged pii', None)
    """
    if isinstance(error, _OF_STATEMENTS):
        return None
    kind = type(error).__name__.removesuffix("Exception")
    return f"a {kind} error of DuckDB, whose text could quote values of columns that are tagged pii"


def translated(error: duckdb.Error, *, doing: str, pii: bool = False) -> CouldNotRunError:
    """DuckDB's exception as one of ours, with a hint where one helps.

    With ``pii``, without a text that could quote values.
    """
    if was_interrupted(error):
        return InterruptedRunError()
    text = (quiet(error) if pii else None) or str(error).strip()
    hint = None
    if "No space left" in text or "File too large" in text or "Disk quota" in text:
        hint = "the disk is full: free some space (headgate prune helps), then run again; nothing was published"
    elif isinstance(error, duckdb.OutOfMemoryException):
        hint = "raise memory_limit in headgate.yml, or give DuckDB room to spill (temp_directory)"
    return CouldNotRunError(f"{doing}: {text}", hint=hint)


@contextlib.contextmanager
def transaction(con: Connection) -> Iterator[None]:
    """All or nothing: what is written inside is committed at the end, or not at all."""
    con.execute("BEGIN")
    try:
        yield
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # the failed statement may have ended the transaction itself
            con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")


def in_any_order(con: Connection) -> contextlib.AbstractContextManager[None]:
    """Rows that are written inside need not keep their order, so that all threads may write."""
    return _setting(con, "preserve_insertion_order", "false")


def on_one_thread(con: Connection) -> contextlib.AbstractContextManager[None]:
    """For a query that only waits for another server: a thread that has nothing to do spins, on a core of its own."""
    return _setting(con, "threads", "1")


def without_suggestions(con: Connection) -> contextlib.AbstractContextManager[None]:
    """For when a database is attached: DuckDB reads its whole catalogue to say what a missing table may have meant."""
    return _setting(con, "catalog_error_max_schemas", "0")


@contextlib.contextmanager
def _setting(con: Connection, name: str, value: str) -> Iterator[None]:
    """The engine has another setting inside.

    It is set by a connection aside: in a transaction that failed it could not be set back.
    """
    aside = beside(con)
    try:
        before = str(aside.execute(f"SELECT current_setting({literal(name)})").fetchall()[0][0])
        aside.execute(f"SET {name} = {value}")
        try:
            yield
        finally:
            aside.execute(f"SET {name} = {before}")
    finally:
        aside.close()


def fetch_dicts(con: Connection, sql: str) -> list[dict[str, Any]]:
    """Run ``sql`` and return its rows as dictionaries."""
    cursor = con.execute(sql)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
