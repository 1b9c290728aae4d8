from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headgate.errors import ConfigError, SourceDataError
from headgate.project.config import Sample
from headgate.sources import Counts, Source
from headgate.sources.file_checks import FileChecks
from headgate.sources.file_proof import Proof, prove
from headgate.sources.listing import SourceFile
from headgate.sources.memory import Memory
from headgate.sources.schema_lock import LockedTable
from shop import Shop


def test_a_csv_file_is_loaded_with_types_that_fit_every_row(shop: Shop) -> None:
    shop.write("a.csv", "id,name,on,at,ratio,ok\n1,x,2024-01-31,2024-01-31 10:00:00.5,1.5,true\n2,,,,,\n")
    extracted = shop.load()
    assert extracted.counts == Counts(read=2, appended=2)
    assert shop.raw() == [
        (1, "x", date(2024, 1, 31), datetime(2024, 1, 31, 10, 0, 0, 500000), 1.5, True),  # noqa: DTZ001
        (2, None, None, None, None, None),
    ]
    assert extracted.schema == LockedTable(shop.types(), ",")


def test_every_type_can_be_inferred(shop: Shop) -> None:
    shop.write(
        "a.csv",
        "id,zip,phone,big,mixed,when,clock,code,empty,day,nan\n"
        "1,00123,+4477,99999999999999999999,1,2024-01-01T10:00:00Z,10:00:00,1e3,,2024-01-01,NaN\n"
        "2,12,5,1,x,2024-01-01 10:00:00+02:00,10:00:00.25,2,,2024-01-02,1\n",
    )
    shop.load(non_finite="null")
    assert shop.types() == {
        "id": "BIGINT",
        "zip": "VARCHAR",
        "phone": "VARCHAR",
        "big": "VARCHAR",
        "mixed": "VARCHAR",
        "when": "TIMESTAMP WITH TIME ZONE",
        "clock": "TIME",
        "code": "DOUBLE",
        "empty": "VARCHAR",
        "day": "DATE",
        "nan": "DOUBLE",
    }
    instants = [datetime(2024, 1, 1, 8, tzinfo=UTC), datetime(2024, 1, 1, 10, tzinfo=UTC)]
    assert sorted(row[0].astimezone(UTC) for row in shop.raw('"when"')) == instants
    assert shop.raw("clock") == [(time(10, 0),), (time(10, 0, 0, 250000),)]


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_the_types_of_many_columns_are_found_in_time(shop: Shop) -> None:
    kinds = {"BIGINT": ("1", "2"), "VARCHAR": ("1", "b"), "DATE": ("2024-01-01", ""), "DOUBLE": ("1", "2.5")}
    columns = {f"c{i}": kind for i, kind in enumerate(list(kinds) * 50)}
    lines = [",".join(kinds[kind][row] for kind in columns.values()) for row in (0, 1)]
    shop.write("a.csv", "\n".join([f"id,{','.join(columns)}", *(f"{i},{line}" for i, line in enumerate(lines))]))
    shop.load()
    assert shop.types() == {"id": "BIGINT", **columns}


def test_a_type_that_only_the_end_of_a_file_contradicts_is_not_taken(shop: Shop) -> None:
    rows = "".join(f"{number},0\n" for number in range(5_000))
    shop.write("a.csv", "id,holiday\n" + rows + "5000,a\n")
    shop.load()
    assert shop.types() == {"id": "BIGINT", "holiday": "VARCHAR"}


def test_quoted_numbers_are_numbers_and_quoted_nothing_is_null(shop: Shop) -> None:
    shop.write("a.csv", '"id","open","name"\n"1","0",""\n"2","1","a ""b"", c"\n')
    shop.load()
    assert shop.raw() == [(1, 0, None), (2, 1, 'a "b", c')]


@pytest.mark.parametrize(
    ("content", "settings"),
    [
        (b"\xef\xbb\xbfid,name\n1,a\n2,b\n", {}),
        (b"id,name\r\n1,a\r\n2,b\r\n", {}),
        (b"\r\n\r\nid,name\r\n1,a\r\n\r\n2,b", {}),
        (b"id,name\r1,a\r2,b\r", {}),
        (b"id;name\n1;a\n2;b\n", {}),
        (b"id\tname\n1\ta\n2\tb\n", {}),
        (b"id||name\n1||a\n2||b\n", {"delimiter": "||"}),
        (b"id , NAME\n1,a\n2,b\n", {"columns": {"name": "VARCHAR"}, "primary_key": ("id",)}),
        (b"id,name\n1,'a'\n2,'b'\n", {"quote": "'"}),
        (b"1,a\n2,b\n", {"header": False, "columns": {"id": "BIGINT", "name": "VARCHAR"}}),
        ("id,name\n1,a\n2,b\n".encode("utf-16"), {"encoding": "utf-16"}),
        (gzip.compress(b"id,name\n1,a\n") + gzip.compress(b"2,b\n"), {"gz": True}),
    ],
    ids=[
        "bom",
        "crlf",
        "blank lines",
        "cr",
        "semicolon",
        "tab",
        "two signs",
        "case",
        "quote",
        "no header",
        "utf-16",
        "gz",
    ],
)
def test_files_of_many_kinds_load_normally(shop: Shop, content: bytes, settings: dict[str, Any]) -> None:
    shop.write("a.csv.gz" if settings.pop("gz", False) else "a.csv", content)
    shop.load(**settings)
    assert [tuple(row) for row in shop.raw()] == [(1, "a"), (2, "b")]


def test_a_latin_1_file_loads_when_that_is_declared(shop: Shop) -> None:
    shop.write("a.csv", "id,name\n1,café\n".encode("latin-1"))
    shop.load(encoding="latin-1")
    assert shop.raw() == [(1, "café")]


def test_dates_in_another_form_load_when_that_is_declared(shop: Shop) -> None:
    shop.write("a.csv", "id,day,at\n1,31.12.2024,31.12.2024 10:30\n")
    shop.load(date_format="%d.%m.%Y", timestamp_format="%d.%m.%Y %H:%M")
    assert shop.raw() == [(1, date(2024, 12, 31), datetime(2024, 12, 31, 10, 30))]  # noqa: DTZ001


def test_texts_that_mean_null_are_null(shop: Shop) -> None:
    shop.write("a.csv", "id,n\n1,NA\n2,5\n")
    shop.load(null_values=("NA",))
    assert shop.raw() == [(1, None), (2, 5)]


def test_other_spellings_of_a_value_are_taken(shop: Shop) -> None:
    shop.write(
        "a.csv", "id,n,p,d,t\n1, 5 ,1.500,2024-1-5,2024-01-05T10:00:00Z\n2,2.0,-.5,2024-01-05 00:00:00,2024-01-05\n"
    )
    shop.load(columns={"n": "INTEGER", "p": "DECIMAL(10,2)", "d": "DATE", "t": "TIMESTAMP"})
    day = date(2024, 1, 5)
    assert shop.raw() == [
        (1, 5, Decimal("1.50"), day, datetime(2024, 1, 5, 10)),  # noqa: DTZ001
        (2, 2, Decimal("-0.50"), day, datetime(2024, 1, 5)),  # noqa: DTZ001
    ]


def test_columns_are_matched_by_name_whatever_their_order(shop: Shop) -> None:
    shop.write("a.csv", "id,name\n1,a\n")
    shop.write("b.csv", "name,id\nb,2\n")
    assert shop.load().counts == Counts(read=2, appended=2)
    assert shop.raw() == [(1, "a"), (2, "b")]


def test_nothing_new_is_not_read_again(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    first = shop.load()
    assert shop.source().changes({"t": first.state})["t"].why is None
    second = shop.load()
    assert (second.counts, second.read, second.schema.columns) == (Counts(), (), {"id": "BIGINT"})
    assert second.state["files"] == first.state["files"]


def test_changes_says_why_a_table_must_be_read(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    assert shop.source().changes({})["t"].why == "1 new file: data/a.csv"
    state = {"t": shop.load().state}
    shop.write("a.csv", "id\n2\n")
    shop.write("b.csv", "id\n3\n")
    assert shop.source().changes(state)["t"].why == "1 new file: data/b.csv; 1 changed file: data/a.csv"
    assert shop.source(null_values=("-",)).changes(state)["t"].why == "its settings changed"


def test_a_file_that_was_only_touched_is_not_read_again(shop: Shop) -> None:
    path = shop.write("a.csv", "id\n1\n")
    state = shop.load().state
    path.touch()
    assert not shop.source().changes({"t": state})["t"].changed
    assert shop.load().read == ()


def test_a_file_that_went_away_matters_to_a_snapshot_only(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    gone = shop.write("b.csv", "id\n2\n")
    state = {"t": shop.load(snapshot=True).state}
    gone.unlink()
    assert shop.source(snapshot=True).changes(state)["t"].why == "1 gone file: data/b.csv"
    assert shop.load(snapshot=True).counts == Counts(read=1, unchanged=1, deleted=1)
    assert shop.raw() == [(1,)]
    assert [f["path"] for f in Memory(shop.con).recall("t")["files"]] == ["data/a.csv"]


def test_without_snapshot_the_rows_of_a_file_that_went_away_stay(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    gone = shop.write("b.csv", "id\n2\n")
    state = {"t": shop.load().state}
    gone.unlink()
    assert not shop.source().changes(state)["t"].changed
    assert shop.load().counts == Counts()
    assert shop.raw() == [(1,), (2,)]


def test_of_several_files_the_later_one_wins(shop: Shop) -> None:
    shop.write("b.csv", "id,v\n1,old\n2,only\n", hour=1)
    shop.write("a.csv", "id,v\n1,new\n", hour=2)
    assert shop.load().counts == Counts(read=3, appended=2, superseded=1)
    assert shop.raw() == [(1, "new"), (2, "only")]


def test_of_two_files_of_the_same_time_the_later_name_wins(shop: Shop) -> None:
    shop.write("a.csv", "id,v\n1,a\n", hour=1)
    shop.write("b.csv", "id,v\n1,b\n", hour=1)
    shop.load()
    assert shop.raw() == [(1, "b")]


def test_a_file_found_late_does_not_win_over_later_files(shop: Shop) -> None:
    shop.write("new.csv", "id,v\n1,new\n", hour=5)
    shop.load()
    shop.write("old.csv", "id,v\n1,old\n2,old\n", hour=1)
    extracted = shop.load()
    assert extracted.read == ("data/old.csv", "data/new.csv")
    assert extracted.counts == Counts(read=3, appended=1, unchanged=1, superseded=1)
    assert shop.raw() == [(1, "new"), (2, "old")]


def test_the_same_rows_in_another_file_add_nothing(shop: Shop) -> None:
    shop.write("a.csv", "id,v\n1,a\n")
    shop.load()
    shop.write("copy.csv", "id,v\n1,a\n")
    assert shop.load().counts == Counts(read=1, unchanged=1)


def test_an_empty_state_reads_everything_again_and_adds_nothing(shop: Shop) -> None:
    shop.write("a.csv", "id,v\n1,a\n")
    shop.load()
    assert shop.load({}).counts == Counts(read=1, unchanged=1)


def test_a_changed_setting_reads_every_file_again(shop: Shop) -> None:
    shop.write("a.csv", "id,v\n1,-\n")
    shop.load()
    assert shop.load(null_values=("-",)).counts == Counts(read=1, appended=1)
    assert shop.raw() == [(1, None)]


def test_a_state_without_its_table_is_not_believed(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    state = shop.load().state
    shop.con.execute("DROP VIEW lake.raw.t")
    shop.con.execute("DROP TABLE lake.raw_log.t")
    assert shop.load(state).counts.appended == 1


def test_a_changed_primary_key_is_refused(shop: Shop) -> None:
    shop.write("a.csv", "id,v\n1,2\n")
    shop.load()
    with pytest.raises(ConfigError, match="it was id"):
        shop.load(primary_key=("v",))


def test_a_new_column_stops_the_run_unless_it_may_come(shop: Shop) -> None:
    shop.write("a.csv", "id,v\n1,a\n")
    shop.load()
    shop.write("b.csv", "id,v,extra\n2,b,7\n")
    with pytest.raises(SourceDataError, match="this column is new") as caught:
        shop.load()
    assert (caught.value.rule, caught.value.file, caught.value.column) == ("new_column", "data/b.csv", "extra")
    extracted = shop.load(on_new_column="evolve")
    assert extracted.notes == ("the column extra is new, first in data/b.csv",)
    assert extracted.schema.columns == {"id": "BIGINT", "v": "VARCHAR", "extra": "BIGINT"}
    assert shop.raw() == [(1, "a", None), (2, "b", 7)]


def test_files_from_before_a_column_came_may_lack_it_and_later_ones_may_not(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n", hour=1)
    shop.write("c.csv", "id,extra\n3,7\n", hour=3)
    shop.load(on_new_column="evolve")
    shop.write("b.csv", "id\n2\n", hour=2)
    shop.load(on_new_column="evolve")
    assert shop.load({}, on_new_column="evolve").counts == Counts(read=3, unchanged=3)
    assert shop.raw() == [(1, None), (2, None), (3, 7)]
    shop.write("d.csv", "id\n4\n", hour=4)
    with pytest.raises(SourceDataError, match="lacks this column"):
        shop.load(on_new_column="evolve")


def test_declared_types_come_before_locked_ones_and_these_before_the_log(shop: Shop) -> None:
    shop.write("a.csv", "id,a,b,c\n1,1,1,1\n")
    shop.locked = LockedTable({"id": "BIGINT", "a": "VARCHAR", "b": "DOUBLE", "c": "DOUBLE"})
    shop.load(columns={"a": "SMALLINT", "B": "INTEGER"})
    assert shop.types() == {"id": "BIGINT", "a": "SMALLINT", "b": "INTEGER", "c": "DOUBLE"}
    shop.locked = None
    shop.write("b.csv", "id,a,b,c\n2,1,1,1.5\n")
    shop.load(columns={"a": "SMALLINT", "B": "INTEGER"})
    assert shop.types()["c"] == "DOUBLE"


def test_a_declared_type_that_does_not_exist_is_the_authors_mistake(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    for kind in ("NUMBER_OF_THINGS", "BIGINT); DROP TABLE t; --"):
        shop.locked = LockedTable({"id": kind})
        with pytest.raises(ConfigError, match="there is no type"):
            shop.load()


def test_json_is_loaded_as_an_array_and_line_by_line(shop: Shop) -> None:
    shop.write("a.json", '[{"id": 1, "name": "a", "code": "007", "n": {"k": [1]}, "day": "2024-01-01"}]')
    shop.write("b.jsonl", '{"id": 2, "x/y~z": 5, "ok": true}\n{"name": null, "id": 3, "ok": false}\n')
    shop.load(on_new_column="evolve")
    assert shop.types() == {
        "id": "BIGINT",
        "name": "VARCHAR",
        "code": "VARCHAR",
        "n": "JSON",
        "day": "DATE",
        "x/y~z": "BIGINT",
        "ok": "BOOLEAN",
    }
    assert shop.raw()[0] == (1, "a", "007", '{"k":[1]}', date(2024, 1, 1), None, None)
    assert shop.raw('id, "x/y~z", ok') == [(1, None, None), (2, 5, True), (3, None, False)]


def test_json_after_a_byte_order_mark_and_packed_json_load(shop: Shop) -> None:
    shop.write("a.json", b'\xef\xbb\xbf[{"id": 1}, {"id": 2}]')
    shop.write("b.json.gz", gzip.compress(b'{"id": 3}\n'))
    shop.load()
    assert shop.raw() == [(1,), (2,), (3,)]


def test_json_with_mixed_values_is_text_and_numbers_may_be_mixed(shop: Shop) -> None:
    shop.write("a.json", '{"id": 1, "a": 5, "b": 1, "c": null}\n{"id": 2, "a": "x", "b": 1.5, "c": null}\n')
    shop.load()
    assert shop.types() == {"id": "BIGINT", "a": "VARCHAR", "b": "DOUBLE", "c": "VARCHAR"}
    assert shop.raw("a, b") == [("5", 1.0), ("x", 1.5)]


def test_parquet_keeps_its_types(shop: Shop) -> None:
    path = shop.folder / "data" / "a.parquet"
    shop.con.execute(
        f"COPY (SELECT 1::INTEGER AS id, 1.50::DECIMAL(10,2) AS p, [1, NULL] AS l, {{'a': 'x'}} AS s, 'b'::BLOB AS b, "
        f"TIMESTAMPTZ '2024-01-01 00:00:00+00' AS t, 'x' AS filename) TO '{path}' (FORMAT parquet)"
    )
    assert shop.load().schema.delimiter is None
    assert shop.types() == {
        "id": "INTEGER",
        "p": "DECIMAL(10,2)",
        "l": "INTEGER[]",
        "s": "STRUCT(a VARCHAR)",
        "b": "BLOB",
        "t": "TIMESTAMP WITH TIME ZONE",
        "filename": "VARCHAR",
    }
    assert shop.load({}).counts == Counts(read=1, unchanged=1)


def test_parquet_of_other_types_is_brought_to_the_known_ones(shop: Shop) -> None:
    for name, kind in (("a", "BIGINT"), ("b", "INTEGER"), ("c", "VARCHAR")):
        path = shop.folder / "data" / f"{name}.parquet"
        shop.con.execute(f"COPY (SELECT '{name}' AS id, 7::{kind} AS n, 1.5::FLOAT AS f) TO '{path}' (FORMAT parquet)")
        os.utime(path, ns=(ord(name), ord(name)))
    shop.load(columns={"f": "DOUBLE"})
    assert shop.raw() == [("a", 7, 1.5), ("b", 7, 1.5), ("c", 7, 1.5)]
    assert shop.types()["n"] == "BIGINT"


@pytest.mark.parametrize("kind", ["DOUBLE", "FLOAT"])
def test_nan_and_infinity_become_null_where_that_is_declared(shop: Shop, kind: str) -> None:
    shop.write("a.csv", "id,x\n1,NaN\n2,-inf\n3,1.5\n4,\n")
    shop.load(columns={"x": kind}, non_finite="null")
    assert shop.raw() == [(1, None), (2, None), (3, 1.5), (4, None)]


def test_nan_in_parquet_becomes_null_where_that_is_declared(shop: Shop) -> None:
    path = shop.folder / "data" / "a.parquet"
    shop.con.execute(f"COPY (SELECT 1 AS id, 'nan'::DOUBLE AS x UNION ALL SELECT 2, 1.5) TO '{path}' (FORMAT parquet)")
    shop.load(non_finite="null")
    assert shop.raw() == [(1, None), (2, 1.5)]


def test_a_sample_is_the_same_each_time_and_every_row_is_accounted_for(shop: Shop) -> None:
    shop.write("a.csv", "id,store\n" + "".join(f"{i},{i % 50}\n" for i in range(500)) + "500,\n")
    shop.sample = Sample(fraction=0.3, by="Store")
    counts = shop.load().counts
    assert (counts.read, counts.appended + counts.sampled_out) == (501, 501)
    assert 50 < counts.appended < 300
    stores = {store for (store,) in shop.raw("DISTINCT store")}
    assert None in stores
    assert shop.con.execute("SELECT DISTINCT count(*) FROM lake.raw.t GROUP BY store HAVING store >= 0").fetchall() == [
        (10,)
    ]
    again = shop.load({})
    assert (again.counts.appended, again.counts.unchanged) == (0, counts.appended)
    assert not shop.source().changes({"t": again.state})["t"].changed


def test_a_table_without_the_column_of_the_sample_is_whole(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n2\n")
    shop.sample = Sample(fraction=0.01, by="store")
    assert shop.load().counts == Counts(read=2, appended=2)


def test_the_range_of_the_cursor_is_told(shop: Shop) -> None:
    shop.write("a.csv", "id,at\n1,2024-01-01\n2,2024-02-01\n")
    assert shop.load(cursor="at").cursor == {"column": "at", "low": "2024-01-01", "high": "2024-02-01"}
    assert shop.load({}, cursor="elsewhere").cursor is None


def test_what_was_read_is_remembered_in_the_lake_with_the_data(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n2\n")
    state = shop.load().state
    remembered = Memory(shop.con).recall("t")
    assert remembered == state
    assert json.loads(json.dumps(state)) == state
    load = shop.con.execute('SELECT source, "table", "read", appended, run FROM lake._headgate.source_loads').fetchall()
    assert load == [("shop", "t", 2, 2, "run1")]
    assert [(f["path"], f["rows"]) for f in state["files"]] == [("data/a.csv", 2)]


@pytest.mark.parametrize(
    "name", ["[a]*?.csv", "it's.csv", 'say "x".csv', "new\nline.csv", "back\\slash.csv", "-.csv", "é {1,2} $x.csv"]
)
def test_file_names_are_names_and_nothing_else(shop: Shop, name: str) -> None:
    shop.write("other.csv", "id,v\n1,other\n", hour=1)
    shop.write(name, "id,v\n2,this\n", hour=2)
    shop.load()
    assert shop.raw() == [(1, "other"), (2, "this")]
    shop.write(name, "id,v\n2,again\n", hour=3)
    assert shop.load(path=f"data/{name}").counts.appended == 1


def test_column_names_are_names_and_nothing_else(shop: Shop) -> None:
    evil = [
        '"; DROP TABLE lake.raw_log.t; --',
        "r0",
        "v0",
        "c0",
        "filename",
        "select",
        "a.b",
        "' OR 1=1",
        "💧",
        "number",
    ]
    header = ",".join(['"' + name.replace('"', '""') + '"' for name in evil])
    shop.write("a.csv", f"id,{header}\n1,{','.join('x' * len(evil))}\n")
    shop.load()
    assert list(shop.types()) == ["id", *evil]
    shop.write("b.csv", f"id,{header}\n1,{','.join('y' * len(evil))}\n")
    shop.load()
    assert shop.raw() == [(1, *"y" * len(evil))]


def test_a_project_folder_may_be_called_anything(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    shop = Shop(con, tmp_path / "we[i]rd *'\"")
    shop.write("a.csv", "id\n1\n")
    shop.load()
    assert shop.raw() == [(1,)]


def test_a_path_may_lead_out_of_the_project(shop: Shop) -> None:
    (shop.folder.parent / "outside.csv").write_text("id\n1\n")
    state = shop.load(path="../outside.csv").state
    assert [f["path"] for f in state["files"]] == [str(shop.folder.parent / "outside.csv")]


def test_folders_that_a_glob_matches_are_passed_over(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    (shop.folder / "data" / "b.csv").mkdir()
    shop.load(path="data/*.csv")
    assert shop.raw() == [(1,)]


def test_files_in_nested_folders_are_found(shop: Shop) -> None:
    shop.write("year=2024/a.csv", "id\n1\n")
    shop.write("year=2025/b.csv", "id\n2\n")
    shop.load(path="data/**/*.csv")
    assert shop.raw() == [(1,), (2,)]


def test_many_small_files_are_read_together(shop: Shop) -> None:
    for number in range(300):
        shop.write(f"{number:04}.csv", f"id,v\n{number},{number}\n{number + 1},{number}\n")
    counts = shop.load().counts
    assert counts == Counts(read=600, appended=301, superseded=299)
    assert shop.raw("count(*), sum(v)") == [(301, sum(range(300)) + 299)]


def test_a_large_field_is_loaded(shop: Shop) -> None:
    shop.write("a.csv", 'id,v\n1,"' + "x,\n" * 1_000_000 + '"\n')
    shop.load()
    assert shop.raw("length(v)") == [(3_000_000,)]


def test_loading_leaves_no_temporary_tables(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    shop.write("b.csv", "id\n1\n")
    shop.load()
    shop.load({})
    assert shop.leftovers() == ["lake.t"]


def test_a_table_with_one_row_loads(shop: Shop) -> None:
    shop.write("a.csv", "id\n1")
    shop.load()
    assert shop.raw() == [(1,)]


def test_a_source_is_what_the_protocol_says(shop: Shop) -> None:
    source = shop.source()
    assert isinstance(source, Source)
    assert source.tables == ("t",)


def test_looking_for_changes_does_not_load_the_engine(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    state = json.dumps({"t": shop.load().state})
    code = (
        "import json, sys\nfrom pathlib import Path\n"
        "from headgate.project.files_config import FilesSource, FilesTable\nfrom headgate.sources import open_source\n"
        "table = FilesTable(path='data/*', primary_key=('id',))\n"
        "source = open_source('shop', FilesSource(type='files', tables={'t': table}), Path(sys.argv[1]))\n"
        "assert not source.changes(json.loads(sys.argv[2]))['t'].changed\n"
        "assert 'duckdb' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(shop.folder), state], check=True)


def test_a_file_that_changes_while_it_is_read_stops_the_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shop.write("a.csv", "id\n1\n")

    def prove_and_append(files: Sequence[SourceFile], table: str) -> Proof:
        proof = prove(files, table)
        with path.open("a") as stream:
            stream.write("2\n")
        return proof

    monkeypatch.setattr("headgate.sources.file_loading.prove", prove_and_append)
    with pytest.raises(SourceDataError, match="changed while it was being read") as caught:
        shop.load()
    assert caught.value.rule == "changed_while_reading"
    assert shop.leftovers() == []


def test_a_file_that_vanishes_while_it_is_read_stops_the_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shop.write("a.csv", "id\n1\n")
    read = threading.Event()

    def vanish(*args: object) -> None:
        path.unlink()
        read.set()

    monkeypatch.setattr(FileChecks, "check", vanish)
    with pytest.raises(SourceDataError, match="changed while it was being read"):
        shop.load()
    assert read.is_set()


@pytest.mark.slow
def test_the_real_train_file_loads_whole(shop: Shop, real_data: Path, new_shop: Callable[[], Shop]) -> None:
    path = str(real_data / "rossmann" / "train.csv.gz")
    extracted = shop.load(path=path, primary_key=("Store", "Date"))
    assert extracted.counts == Counts(read=1_017_209, appended=1_017_209)
    assert extracted.schema.columns == {
        "Store": "BIGINT",
        "DayOfWeek": "BIGINT",
        "Date": "DATE",
        "Sales": "BIGINT",
        "Customers": "BIGINT",
        "Open": "BIGINT",
        "Promo": "BIGINT",
        "StateHoliday": "VARCHAR",
        "SchoolHoliday": "BIGINT",
    }
    assert shop.raw("sum(Sales)") == [(5_873_180_623,)]


@pytest.mark.parametrize(
    "name", ["address", "counterparty", "currency", "department", "design", "payment_type", "staff"]
)
def test_the_small_real_tables_load(shop: Shop, real_data: Path, name: str) -> None:
    path = real_data / "totesys" / f"{name}.csv"
    expected = shop.con.execute(f"SELECT count(*) FROM read_csv('{path}')").fetchall()[0][0]
    assert shop.load(path=str(path), primary_key=(f"{name}_id",)).counts == Counts(read=expected, appended=expected)
