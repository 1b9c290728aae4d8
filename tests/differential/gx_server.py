"""Great Expectations as a server: a line of JSON in, a line of JSON out. It runs in an environment of its own.

A request has an ``engine`` (``pandas``, or ``sql`` with the ``url`` of a PostgreSQL database) and data: ``tables`` by
name, each with ``columns`` (name and type) and ``rows`` of texts and nulls, and the name of the ``table`` to judge;
or ``csv``, the path of a file, with ``texts``, its columns that are texts whatever they look like. It has
``expectations``, or ``suite`` with one as a file has it. The answer has a result for each expectation: ``success``,
``result`` and ``error``, which is why it could not be checked. To a request that has only a suite as ``written`` the
answer is this suite as Great Expectations itself writes it; to one with ``stored`` that suite after Great Expectations
has read it from a file of its own store, and saved it there again.
"""

from __future__ import annotations

import datetime
import decimal
import json
import logging
import os
import pathlib
import sys
import tempfile
import warnings
from typing import Any

import duckdb
import great_expectations as gx
import numpy
import pandas  # type: ignore[import-untyped]
import sqlalchemy
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration


def main() -> None:
    """Answer until there are no more requests. What libraries print goes to stderr."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    frames = context.data_sources.add_pandas("pandas").add_dataframe_asset("frame")
    whole = frames.add_batch_definition_whole_dataframe("whole")
    databases: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "stored" in request:
            answers.write(json.dumps(stored(request["stored"])) + "\n")
            answers.flush()
            continue
        if "written" in request:
            suite = ExpectationSuite(**request["written"])
            answers.write(json.dumps(suite.to_json_dict()) + "\n")
            answers.flush()
            continue
        if request["engine"] == "pandas":
            batch = whole.get_batch({"dataframe": frame(request)})
        else:
            url = request["url"]
            if url not in databases:
                databases[url] = context.data_sources.add_postgres(f"sql {len(databases)}", connection_string=url)
            batch = table_batch(databases[url], request)
        answers.write(json.dumps([judged(batch, each) for each in expectations(request)], default=plain) + "\n")
        answers.flush()


def stored(suite: dict[str, Any]) -> dict[str, Any]:
    """The file of a suite in a project's folder, after it was read and saved by those who know what may stand there."""
    with tempfile.TemporaryDirectory() as folder:
        project = gx.get_context(mode="file", project_root_dir=folder)
        file = pathlib.Path(folder) / "gx" / "expectations" / f"{suite['name']}.json"
        file.write_text(json.dumps(suite))
        project.suites.get(suite["name"]).save()
        return dict(json.loads(file.read_text()))


def expectations(request: dict[str, Any]) -> list[Any]:
    """What shall be judged; the exception in the place of an expectation that cannot be made."""
    if "suite" in request:
        return list(ExpectationSuite(**request["suite"]).expectations)
    found: list[Any] = []
    for each in request["expectations"]:
        try:
            found.append(ExpectationConfiguration(type=each["type"], kwargs=each["kwargs"]).to_domain_obj())
        except Exception as error:  # noqa: BLE001 - what was asked may be anything, and the answer says so
            found.append(error)
    return found


def judged(batch: Any, expectation: Any) -> dict[str, Any]:
    """The verdict on one expectation."""
    if isinstance(expectation, Exception):
        return {"success": False, "result": {}, "error": repr(expectation)[:2000]}
    try:
        found = batch.validate(expectation)
    except Exception as error:  # noqa: BLE001 - as above
        return {"success": False, "result": {}, "error": repr(error)[:2000]}
    return {"success": found.success, "result": dict(found.result), "error": raised(found.exception_info)}


def raised(info: dict[str, Any]) -> str | None:
    """What went wrong, of which there are two forms."""
    each = [info] if "raised_exception" in info else list(info.values())
    messages = [str(one.get("exception_message"))[:2000] for one in each if one.get("raised_exception")]
    return messages[0] if messages else None


def frame(request: dict[str, Any]) -> pandas.DataFrame:
    """The table as pandas itself would read it: whole numbers among nulls are floats, moments are of nanoseconds."""
    if "csv" in request:
        return pandas.read_csv(request["csv"], dtype=dict.fromkeys(request["texts"], "str"))
    table = request["tables"][request["table"]]
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE t ({columns(table)})")
        if table["rows"]:
            con.execute(f"INSERT INTO t VALUES {values(table)}")
        found = con.execute("FROM t").df()
    for name, declared in table["columns"]:
        type_ = str(found[name].dtype)
        if declared == "VARCHAR":  # an empty one comes as objects, whose None is another null than the NaN of texts
            found[name] = found[name].astype("str")
        elif type_.startswith(("Int", "UInt")):
            found[name] = found[name].astype("float64")
        elif type_ == "boolean":
            found[name] = found[name].astype(object).where(found[name].notna(), None)
        elif type_.startswith("datetime64"):
            found[name] = found[name].astype("datetime64[ns]")
    return found


def table_batch(database: Any, request: dict[str, Any]) -> Any:
    """The table in the database, made anew."""
    with database.get_execution_engine().get_connection() as con:
        for name, table in request["tables"].items():
            con.execute(sqlalchemy.text(f"DROP TABLE IF EXISTS {quoted(name)}"))
            con.exec_driver_sql(f"CREATE TABLE {quoted(name)} ({columns(table)})")
            if table["rows"]:
                con.exec_driver_sql(f"INSERT INTO {quoted(name)} VALUES {values(table).replace('%', '%%')}")
        con.commit()
    for asset in list(database.assets):  # of earlier requests
        database.delete_asset(asset.name)
    asset = database.add_table_asset("judged", table_name=request["table"])
    return asset.add_batch_definition_whole_table("whole").get_batch()


def columns(table: dict[str, Any]) -> str:
    """The declaration of a table's columns, in any SQL."""
    return ", ".join(f"{quoted(name)} {type_}" for name, type_ in table["columns"])


def values(table: dict[str, Any]) -> str:
    """A table's rows, in any SQL."""
    return ", ".join("(" + ", ".join(literal(cell) for cell in row) + ")" for row in table["rows"])


def quoted(name: str) -> str:
    """A name, in any SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(cell: str | None) -> str:
    """A value that becomes one of its column's type, in any SQL."""
    return "NULL" if cell is None else "'" + cell.replace("'", "''") + "'"


def plain(value: Any) -> Any:
    """What JSON has no word for."""
    if value is pandas.NaT or value is pandas.NA:
        return None
    if isinstance(value, numpy.generic):
        return value.item()
    if isinstance(value, numpy.ndarray | set | pandas.Series):
        return list(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return float(value)
    return str(value)


if __name__ == "__main__":
    main()
