"""From a suite and data to a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import duckdb

from headgate.errors import InterruptedRunError
from headgate.gates import Forgetful, compile_gate, evaluate
from headgate.gates.values import UnusableError
from headgate.lake.engine import qualified, was_interrupted
from headgate.standalone.csv_form import CsvForm
from headgate.standalone.data import Data
from headgate.standalone.declaring import Suite, declared_in, said_in
from headgate.standalone.judged import Judged
from headgate.standalone.opening import opened


def gate(
    data: Any,
    suite: Suite,
    *,
    table: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    null_values: Sequence[str] = (),
) -> Judged:
    """Judge data by a suite.

    Args:
        data: a pandas or polars data frame, a pyarrow table, a DuckDB relation, or what ``headgate gate`` takes:
            the path of a file, a glob, a folder of Parquet files, ``FILE::table``.
        suite: the path of a Great Expectations suite or gate file, either as a mapping, or a list of expectations.
        table: which table of a gate file is meant, if it has several.
        encoding: of CSV files; UTF-8 if not said.
        delimiter: what separates the columns of CSV files; found by looking if not said.
        null_values: texts of CSV files that mean null, besides the empty one.

    Raises:
        UsageError: the suite is wrong, or there is no such data.
        DataError: the data cannot be read.
    """
    start = perf_counter()
    said = said_in(suite)
    form = CsvForm(encoding, delimiter, tuple(null_values))
    with opened(data, pii=said.pii.names, form=form) as found:
        compiled = compile_gate(declared_in(said, table, layer=found.layer, like=found.table))
        result = evaluate(
            found.con,
            compiled,
            contents=found.contents,
            alias=found.alias,
            memory=Forgetful(),
            earlier=found.earlier,
            since=found.since,
            called=found.title,
        )
        return Judged(found.title, _rows(found), perf_counter() - start, result, found.history)


def _rows(data: Data) -> int | None:
    """The number of rows; None where counting fails, which is then told for every expectation, too."""
    try:
        found = data.con.execute(f"SELECT count(*) FROM {qualified(data.alias, data.layer, data.table)}").fetchall()
    except duckdb.Error as error:
        if was_interrupted(error):
            raise InterruptedRunError from error
        return None
    except UnusableError:  # another database refuses
        return None
    return int(found[0][0])
