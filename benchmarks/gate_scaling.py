"""Judge generated tables by Headgate in a lake, and by hand-written SQL; print the seconds as JSON.

python benchmarks/gate_scaling.py checks TRIPS.parquet          # 38 checks, as `headgate.gate` does them
python benchmarks/gate_scaling.py by-hand TRIPS.parquet         # the same as SQL
python benchmarks/gate_scaling.py by-hand-repeated TRIPS.parquet  # as SQL that tells how many rows repeat a value
python benchmarks/gate_scaling.py limited TRIPS.parquet 2GB     # in a lake, with so much memory
python benchmarks/gate_scaling.py appended TRIPS.parquet        # in a lake: all, then one row in a hundred more
python benchmarks/gate_scaling.py appended-texts ORDERS.parquet # the same for expectations on texts
python benchmarks/gate_scaling.py wide WIDE.parquet             # 100 and 1,000 expectations on one table
python benchmarks/gate_scaling.py raw TRAIN.parquet SUITE.json  # a suite where nothing can be proven, and a bare scan
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import duckdb

from headgate.gates import Forgetful, Gate, compile_gate, evaluate
from headgate.gates.expectation import registry
from headgate.lake.branch import lay_out_empty
from headgate.lake.engine import Connection, EngineSettings, connect, literal
from headgate.project.declaration import Declared, GateFile, Place
from headgate.standalone import gate as gate_data
from trips import TRIP_COLUMNS

PLACE = Place("benchmark")
BATCH = "SELECT * FROM read_parquet({path})"
COUNTRIES = [first + second for first in "ABCDEFGHIJKLMNOPQRST" for second in "ABCDEFG"]
WRAPPING = {
    "type": "object",
    "required": ["wrapping", "ribbon"],
    "properties": {"wrapping": {"enum": ["paper", "box"]}, "ribbon": {"type": "integer", "minimum": 0}},
}
#: What is expected of the orders' texts; all hold.
_OF_ORDERS: list[tuple[str, dict[str, Any]]] = [
    ("values_to_match_regex", {"column": "order_number", "regex": "^ORD-[0-9]{4}-[0-9]{9}$"}),
    ("values_to_match_regex", {"column": "email", "regex": r"^[a-z0-9._]+@[a-z0-9-]+(\.[a-z]{2,})+$"}),
    ("values_to_not_match_regex", {"column": "note", "regex": r"(?i)(password|secret)\s*[:=]"}),
    ("values_to_match_regex_list", {"column": "phone", "regex_list": [r"^\+49 [0-9]+ [0-9]+$", "^0[0-9]+$"]}),
    ("values_to_match_like_pattern", {"column": "url", "like_pattern": "https://%/item-%?session=%"}),
    ("values_to_not_match_like_pattern", {"column": "note", "like_pattern": "%<script%"}),
    ("value_lengths_to_be_between", {"column": "url", "min_value": 10, "max_value": 200}),
    ("value_lengths_to_equal", {"column": "order_number", "value": 18}),
    ("values_to_be_in_set", {"column": "country", "value_set": COUNTRIES}),
    ("values_to_match_strftime_format", {"column": "placed_at", "strftime_format": "%Y-%m-%dT%H:%M:%S"}),
    ("values_to_be_json_parseable", {"column": "document"}),
    ("values_to_match_json_schema", {"column": "wrapping", "json_schema": WRAPPING}),
]


def checks(path: Path) -> dict[str, Any]:
    """Not null and unique on each column."""
    for name in ("headgate.gates.scan", "headgate.gates.repeated"):  # imported late; an import is not what is measured
        import_module(name)
    registry()  # all expectations, likewise
    start = perf_counter()
    judged = gate_data(str(path), {"expectations": _of_trips()})
    return {"seconds": perf_counter() - start, "held": [r.success for r in judged.results]}


def _nulls(con: duckdb.DuckDBPyConnection, table: str) -> tuple[int, ...]:
    counts = ", ".join(f'count(*) - count("{column}")' for column in TRIP_COLUMNS)
    return con.execute(f"SELECT {counts} FROM {table}").fetchall()[0]


def by_hand(path: Path) -> dict[str, Any]:
    """As somebody would write it who knows DuckDB: nulls in one query, distinct values column by column.

    Measured is what is measured of Headgate: from opening DuckDB to having closed it.
    """
    start = perf_counter()
    table = f"read_parquet({literal(str(path))})"
    with duckdb.connect() as con:
        nulls, held = _nulls(con, table), list[bool]()
        for number, column in enumerate(TRIP_COLUMNS):
            query = f'SELECT count("{column}"), count(DISTINCT "{column}") FROM {table}'
            values, distinct = con.execute(query).fetchall()[0]
            held += [nulls[number] == 0, values == distinct]
    return {"seconds": perf_counter() - start, "held": held}


def by_hand_repeated(path: Path) -> dict[str, Any]:
    """The same, if it shall tell as Great Expectations does how many rows hold a value that others hold too."""
    start = perf_counter()
    table = f"read_parquet({literal(str(path))})"
    with duckdb.connect() as con:
        nulls, held = _nulls(con, table), list[bool]()
        for number, column in enumerate(TRIP_COLUMNS):
            groups = f'SELECT count("{column}") AS n FROM {table} GROUP BY "{column}"'
            ((repeated,),) = con.execute(f"SELECT coalesce(sum(n) FILTER (n > 1), 0) FROM ({groups})").fetchall()
            held += [nulls[number] == 0, repeated == 0]
    return {"seconds": perf_counter() - start, "held": held}


def limited(path: Path, memory: Path) -> dict[str, Any]:
    """The same 38 checks in a lake, where DuckDB may use so much memory and a folder for the rest."""
    declared = [Declared(each["type"], each["kwargs"], PLACE) for each in _of_trips()]
    with tempfile.TemporaryDirectory() as folder:
        con = _lake(Path(folder), EngineSettings(str(memory), None, Path(folder) / "spill"))
        con.execute(f"CREATE TABLE lake.raw.t AS {BATCH.format(path=literal(str(path)))}")
        judged = evaluate(con, _compiled(declared), memory=Forgetful())
        con.close()
    unsure = [result.error for result in judged.results if result.error is not None]
    if unsure:
        raise RuntimeError(f"{len(unsure)} could not be checked: {unsure[0]}")
    return {"held": [result.success for result in judged.results]}


def appended(path: Path) -> dict[str, Any]:
    """The cheapest expectations there are, on trips: nulls, bounds and a set of two, most of them proven."""
    declared = [Declared("expect_column_values_to_not_be_null", {"column": c}, PLACE) for c in TRIP_COLUMNS]
    bounds = {"min_value": 0, "max_value": 1000}
    declared += [
        Declared("expect_column_values_to_be_between", {"column": c, **bounds}, PLACE)
        for c in ("trip_distance", "fare_amount", "tip_amount", "total_amount", "PULocationID", "passenger_count")
    ]
    flags = {"column": "store_and_fwd_flag", "value_set": ["N", "Y"]}
    declared.append(Declared("expect_column_values_to_be_in_set", flags, PLACE))
    return _appended(path, declared)


def appended_texts(path: Path) -> dict[str, Any]:
    """What each text of the orders has to be asked for: patterns, lengths, sets, formats, documents."""
    return _appended(path, [Declared(f"expect_column_{type_}", kwargs, PLACE) for type_, kwargs in _OF_ORDERS])


def _appended(path: Path, declared: list[Declared]) -> dict[str, Any]:
    """What is checked again after one row in a hundred was appended, against checking everything.

    Of the expectations those that look at rows one by one or are proven from statistics: a new value can repeat an
    old one, so uniqueness looks at all.
    """
    compiled = _compiled(declared)
    more = []
    with tempfile.TemporaryDirectory() as folder:
        con = _lake(Path(folder))
        con.execute(f"CREATE TABLE lake.raw.t AS {BATCH.format(path=literal(str(path)))}")
        full = [_seconds(partial(evaluate, con, compiled, memory=Forgetful())) for _ in range(5)]
        evaluate(con, compiled)
        for number in range(5):
            query = f"SELECT * FROM read_parquet({literal(str(path))}, file_row_number = true)"
            con.execute(
                f"INSERT INTO lake.raw.t SELECT * EXCLUDE file_row_number FROM ({query}) "
                f"WHERE file_row_number % 100 = {number}"
            )
            more.append(_seconds(lambda: evaluate(con, compiled)))
        judged = evaluate(con, compiled)
        con.close()
    if wrong := [each.type for each in judged.results if not each.success or each.how == "scanned"]:
        raise RuntimeError(f"{wrong[0]} does not hold, or is not remembered")
    return {"full": median(full), "appended": median(more), "expectations": len(declared)}


def wide(path: Path) -> dict[str, Any]:
    """100 and 1,000 expectations on the same table of many columns."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        con = _lake(Path(folder))
        con.execute(f"CREATE TABLE lake.raw.t AS {BATCH.format(path=literal(str(path)))}")
        columns = [row[0] for row in con.execute("DESCRIBE lake.raw.t").fetchall()]
        for count in (100, 1000):
            compiled = _compiled(_of_wide(columns, count))
            found[str(count)] = median(_seconds(partial(evaluate, con, compiled, memory=Forgetful())) for _ in range(5))
        con.close()
    return found


def raw(path: Path, suite: Path) -> dict[str, Any]:
    """A suite on a table at rest: as it is, with nothing to be proven, and DuckDB's bare scan of the columns.

    Nothing can be proven of what no catalog knows: there the same expectations are all scanned.
    """
    saved = json.loads(suite.read_text(encoding="utf-8"))
    declared = [Declared(each["type"], each["kwargs"], PLACE) for each in saved["expectations"]]
    compiled = _compiled(declared)
    columns = sorted({d.kwargs["column"] for d in declared if "column" in d.kwargs})
    with tempfile.TemporaryDirectory() as folder:
        con = _lake(Path(folder))
        con.execute(f"CREATE TABLE lake.raw.t AS {BATCH.format(path=literal(str(path)))}")
        evaluate(con, compiled, memory=Forgetful())  # imports
        proven = [_seconds(lambda: evaluate(con, compiled, memory=Forgetful())) for _ in range(9)]
        con.execute("CREATE VIEW lake.raw.v AS SELECT * FROM lake.raw.t")
        of_view = compile_gate(GateFile("raw", {"v": tuple(declared)}))
        judged = evaluate(con, of_view, memory=Forgetful())
        scanned = [_seconds(lambda: evaluate(con, of_view, memory=Forgetful())) for _ in range(9)]
        bare = [_seconds(lambda: _scan(con, columns)) for _ in range(9)]
        con.close()
    return {
        "proven": median(proven),
        "scanned": median(scanned),
        "bare": median(bare),
        "how": sorted({result.how for result in judged.results}),
        "held": all(result.success for result in judged.results),
    }


def _scan(con: Connection, columns: list[str]) -> None:
    """Read every value of the columns, and do as little with it as DuckDB lets one."""
    con.execute(f"SELECT {', '.join(f'max({chr(34)}{c}{chr(34)})' for c in columns)} FROM lake.raw.v").fetchall()


def _of_trips() -> list[dict[str, Any]]:
    kinds = ("expect_column_values_to_not_be_null", "expect_column_values_to_be_unique")
    return [{"type": kind, "kwargs": {"column": column}} for column in TRIP_COLUMNS for kind in kinds]


def _of_wide(columns: list[str], count: int) -> list[Declared]:
    """Five different expectations a column, in turn, until there are enough."""
    found: list[Declared] = []
    for number in range(count):
        column, turn = columns[number % len(columns)], number // len(columns)
        if turn == 0:
            found.append(Declared("expect_column_values_to_not_be_null", {"column": column}, PLACE))
        elif turn == 1 and int(column[1:]) % 3 == 1:
            found.append(
                Declared("expect_column_values_to_match_regex", {"column": column, "regex": "^v[0-9]+$"}, PLACE)
            )
        else:
            bounds = {"min_value": "a" if int(column[1:]) % 3 == 1 else -turn}
            found.append(Declared("expect_column_values_to_be_between", {"column": column, **bounds}, PLACE))
    return found


def _compiled(declared: list[Declared]) -> Gate:
    return compile_gate(GateFile("raw", {"t": tuple(declared)}))


def _lake(folder: Path, settings: EngineSettings | None = None) -> Connection:
    con = connect(settings)
    lay_out_empty(con, folder / "lake.ducklake", str(folder / "data"))
    con.execute("CREATE SCHEMA IF NOT EXISTS lake.raw")
    return con


def _seconds(do: Callable[[], Any]) -> float:
    start = perf_counter()
    do()
    return perf_counter() - start


if __name__ == "__main__":
    WHAT: dict[str, Callable[..., dict[str, Any]]] = {
        "checks": checks,
        "by-hand": by_hand,
        "by-hand-repeated": by_hand_repeated,
        "limited": limited,
        "appended": appended,
        "appended-texts": appended_texts,
        "wide": wide,
        "raw": raw,
    }
    print(json.dumps(WHAT[sys.argv[1]](*(Path(argument) for argument in sys.argv[2:]))))
