"""Data that a program holds: data frames, Arrow tables, DuckDB's relations."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from headgate.errors import UsageError
from headgate.lake.engine import Connection, ident, literal, translated
from headgate.standalone.column_types import has_union, judged_type, stored_type
from headgate.standalone.data import Data, own

#: What data without a name is called.
NAME = "data"
#: What can be read as often as one likes. A reader of batches or a generator is empty after the first time, and an
#: empty table meets nearly everything.
KINDS = ("pandas.DataFrame", "polars.DataFrame", "pyarrow.Table", "pyarrow.RecordBatch")
GIVEN = "what was given"
#: What pandas, polars, pyarrow and DuckDB raise about data that they cannot hand to one another.
_UNREADABLE = (duckdb.Error, RuntimeError, TypeError, ValueError)


@contextmanager
def open_frame(con: Connection, frame: Any, *, pii: bool = False) -> Iterator[Data]:
    """A data frame of pandas or polars, an Arrow table, or a relation of DuckDB.

    Frames are copied, since what is registered is seen by one cursor only. A relation belongs to another connection,
    and passes through a temporary file. With ``pii`` no error quotes what DuckDB says of a relation's values.

    Raises:
        UsageError: it is nothing of this, has no column, or two of one name, or a type that cannot be read, or the
            library that would read it is not installed.
        CouldNotRunError: the relation's query fails.
    """
    kinds = [f"{kind.__module__.partition('.')[0].lstrip('_')}.{kind.__name__}" for kind in type(frame).__mro__]
    title = kinds[0]
    if isinstance(frame, duckdb.DuckDBPyRelation):
        _check_names(title, frame.columns)
        with tempfile.TemporaryDirectory(prefix="headgate-") as folder:
            try:
                _view(con, title, frame, Path(folder) / "relation.parquet")
            except duckdb.Error as error:
                raise translated(error, doing=f"reading the {title}", pii=pii) from error
            yield own(con, title, NAME)
        return
    if not set(kinds) & set(KINDS):
        hint = f"known: {', '.join(KINDS)}, relations of DuckDB, and paths"
        raise UsageError(f"data of the type {title} cannot be judged", hint=hint)
    arrow = not {"pyarrow.Table", "pyarrow.RecordBatch"}.isdisjoint(kinds)
    names, types = (frame.schema.names, frame.schema.types) if arrow else (frame.columns, frame.dtypes)
    columns = [*zip(names, types, strict=True)]
    _check_names(title, [str(name) for name, _ in columns])
    for name, kind in columns:
        if "polars.DataFrame" in kinds and str(kind) == "Object":  # would be read as the addresses of the objects
            raise _unreadable(title, f"{name} of type {kind}")
    try:
        if "pandas.DataFrame" in kinds and len(frame):  # look at every object of a column before its type is chosen
            con.execute(f"SET pandas_analyze_sample = {literal(len(frame))}")
        _copy(con, frame)
    except ImportError as error:
        raise UsageError(f"the {title} cannot be read: {error}") from error
    except _UNREADABLE as error:
        for name, kind in columns:
            _check_column(con, title, frame.select([name]) if arrow else frame[[name]], f"{name} of type {kind}")
        raise UsageError(f"the {title} cannot be read: {error}") from error
    yield own(con, title, NAME)


def _check_names(title: str, names: Sequence[str]) -> None:
    """Refuse columns that differ in nothing but case: DuckDB would call the second one something else."""
    if not names:
        raise UsageError(f"the {title} has no columns", hint="what is judged has one at least")
    seen: dict[str, str] = {}
    for name in names:
        twin = seen.setdefault(name.lower(), name)
        if names.count(twin) > 1:
            raise UsageError(f"the {title} has several columns called {twin!r}", hint="give each a name of its own")
        if twin != name:
            what = f"the {title} has the column {name!r} twice, the other time as {twin!r} (case does not matter)"
            raise UsageError(what, hint="give each a name of its own")


def _view(con: Connection, title: str, relation: duckdb.DuckDBPyRelation, file: Path) -> None:
    """A relation of another connection as a view of a file, in which nothing of it is lost."""
    for name, kind in zip(relation.columns, relation.types, strict=True):
        if has_union(kind):
            hint = "select its members instead: union_tag(c) says which one a value is, union_extract(c, 'm') gives it"
            raise UsageError(f"the {title} has the column {name} of type {kind}, which cannot be read", hint=hint)
    relation.project(_cast(relation, map(stored_type, relation.types))).write_parquet(str(file))
    stored = con.sql(f"FROM read_parquet({literal(str(file))})")
    read = _cast(stored, map(judged_type, relation.types))
    con.execute(f"CREATE VIEW {ident(NAME)} AS SELECT {read} FROM read_parquet({literal(str(file))})")


def _copy(con: Connection, frame: Any) -> None:
    con.register(GIVEN, frame)
    given = con.sql(f"FROM {ident(GIVEN)}")
    read = _cast(given, map(judged_type, given.types))
    con.execute(f"CREATE OR REPLACE TABLE {ident(NAME)} AS SELECT {read} FROM {ident(GIVEN)}")


def _cast(relation: duckdb.DuckDBPyRelation, types: Iterable[str]) -> str:
    """The columns of a relation as ``types``."""
    found = []
    for name, given, wanted in zip(map(ident, relation.columns), relation.types, types, strict=True):
        found.append(name if str(given) == wanted else f"CAST({name} AS {wanted}) AS {name}")
    return ", ".join(found)


def _check_column(con: Connection, title: str, part: Any, column: str) -> None:
    """Whether it is this column that cannot be read: libraries name types of theirs at best."""
    try:
        _copy(con, part)
    except _UNREADABLE as error:
        raise _unreadable(title, column, f": {str(error).strip().splitlines()[0]}") from error


def _unreadable(title: str, column: str, why: str = "") -> UsageError:
    hint = "give it a type that DuckDB has: numbers a decimal or a float, anything else a text"
    return UsageError(f"the {title} has the column {column}, which cannot be read{why}", hint=hint)
