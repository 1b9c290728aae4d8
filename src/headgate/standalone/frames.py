"""Data that a program holds: data frames, Arrow tables, DuckDB's relations."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from headgate.errors import UsageError
from headgate.lake.engine import Connection, ident, literal
from headgate.standalone.data import Data, own

#: What data without a name is called.
NAME = "data"
#: What can be read as often as one likes. A reader of batches or a generator is empty after the first time, and an
#: empty table meets nearly everything.
KINDS = ("pandas.DataFrame", "polars.DataFrame", "pyarrow.Table", "pyarrow.RecordBatch")
GIVEN = "what was given"


@contextmanager
def open_frame(con: Connection, frame: Any) -> Iterator[Data]:
    """A data frame of pandas or polars, an Arrow table, or a relation of DuckDB.

    Frames are copied, since what is registered is seen by one cursor only. A relation belongs to another connection,
    and passes through a temporary file.

    Raises:
        UsageError: it is nothing of this, two of its columns have one name, or the library that would read it is not
            installed.
    """
    kinds = [f"{kind.__module__.partition('.')[0].lstrip('_')}.{kind.__name__}" for kind in type(frame).__mro__]
    title = kinds[0]
    if isinstance(frame, duckdb.DuckDBPyRelation):
        with tempfile.TemporaryDirectory(prefix="headgate-") as folder:
            file = str(Path(folder) / "relation.parquet")
            frame.write_parquet(file)
            con.execute(f"CREATE VIEW {ident(NAME)} AS SELECT * FROM read_parquet({literal(file)})")
            yield own(con, title, NAME)
        return
    if not set(kinds) & set(KINDS):
        hint = f"known: {', '.join(KINDS)}, relations of DuckDB, and paths"
        raise UsageError(f"data of the type {title} cannot be judged", hint=hint)
    names = [str(each) for each in (frame.schema.names if title.startswith("pyarrow") else frame.columns)]
    if twice := sorted(
        {each for each in names if names.count(each) > 1}
    ):  # DuckDB would see the first, or call it else
        hint = "give each column a name of its own"
        raise UsageError(f"the {title} has several columns called {twice[0]!r}", hint=hint)
    try:
        if "pandas.DataFrame" in kinds and len(frame):  # look at every object of a column before its type is chosen
            con.execute(f"SET pandas_analyze_sample = {literal(len(frame))}")
        con.register(GIVEN, frame)
        con.execute(f"CREATE TABLE {ident(NAME)} AS SELECT * FROM {ident(GIVEN)}")
    except (duckdb.Error, ImportError) as error:
        raise UsageError(f"the {title} cannot be read: {error}") from error
    yield own(con, title, NAME)
