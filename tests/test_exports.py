"""Exports: tables of a release as files for others, complete or not at all."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import ConfigError, CouldNotRunError, LakeError
from headgate.exports import Exported, export
from headgate.lake.engine import EngineSettings, admit, qualified
from headgate.lake.reading import reader
from headgate.lake.release import Manifest
from headgate.lake.s3 import S3Store
from headgate.lake.store import LocalStore, Store
from headgate.project.export_path import ExportPath
from headgate.project.following_config import ExportConfig
from lake_maker import Lake
from s3_proxy import Fault, Proxy

ORDERS = "CREATE TABLE marts.orders AS SELECT range AS id, 'a,\"b\"\nc' AS text, NULL AS nothing FROM range(3)"
PATH = "out/{layer}/{table}/{year}/{month}/{day}/{release}.{run}"


def config(**settings: Any) -> ExportConfig:
    return ExportConfig.model_validate({"tables": ["marts.orders"], "to": PATH, "format": "csv"} | settings)


def exported(lake: Lake, release: Manifest, store: Store, **settings: Any) -> Exported:
    with reader(lake.store, EngineSettings(threads=1), release=release.release, run=None) as con:
        admit(con, store.access())
        return export(con, release, "orders", config(**settings), store, lake.store.location)


def keys(to: Store) -> list[str]:
    return sorted(entry.key for folder in ("marts", "_exports") for entry in to.list(folder))


def here(tmp_path: Path) -> Store:
    return LocalStore(tmp_path / "out")


@pytest.fixture
def bucket_store(proxy: Proxy, bucket: str, tmp_path: Path) -> Store:
    return S3Store(f"s3://{bucket}/out", tmp_path / "work")


@pytest.fixture(params=["local", "s3"])
def to(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    store: Store = here(tmp_path) if request.param == "local" else request.getfixturevalue("bucket_store")
    return store


def test_tables_are_written_under_dated_paths_and_a_manifest_last(lake: Lake, to: Store) -> None:
    release = lake.publish(ORDERS, published_at="2026-11-20T23:30:00+00:00", run="r1")
    done = exported(lake, release, to)
    key = "marts/orders/2026/11/20/000001.r1"
    assert keys(to) == ["_exports/orders/000001.json", key]
    rows = list(csv.reader(io.StringIO(to.read(key).decode())))
    assert rows == [["id", "text", "nothing"], *([str(n), 'a,"b"\nc', ""] for n in range(3))]
    manifest = json.loads(to.read("_exports/orders/000001.json"))
    assert manifest["release"] == 1
    assert manifest["objects"][0] | {"columns": []} == {
        "table": "marts.orders", "key": key, "rows": 3, "bytes": len(to.read(key)), "columns": []
    }  # fmt: skip
    assert [column["name"] for column in manifest["objects"][0]["columns"]] == ["id", "text", "nothing"]
    assert done.anew
    assert not exported(lake, release, to).anew


def test_parquet_reads_back_as_it_was(lake: Lake, tmp_path: Path) -> None:
    release = lake.publish("CREATE TABLE marts.orders AS SELECT 1.50::DECIMAL(9,2) AS price, DATE '2026-01-01' AS day")
    exported(lake, release, here(tmp_path), format="parquet", to="out/{table}/{release}.parquet")
    found = lake.con.execute(f"FROM '{tmp_path}/out/orders/000001.parquet'")
    assert [column[1] for column in found.description or []] == ["DECIMAL(9,2)", "DATE"]


PERSONS = (
    "CREATE TABLE marts.persons AS SELECT * FROM (VALUES (1, 'ann@x', DATE '2000-01-01'), (2, NULL, NULL), "
    "(3, 'ann@x', DATE '1990-05-05')) t(id, \"E-Mail\", born)"
)
TAGGED = {"marts.persons": frozenset({"E-Mail", "born"})}


def persons(lake: Lake, tmp_path: Path, **settings: Any) -> list[list[str]]:
    """What an export of persons wrote, and that its manifest says so."""
    release = lake.publish(PERSONS)
    wanted = config(tables=["marts.persons"], to="out/{table}/{release}", **settings)
    with reader(lake.store, EngineSettings(threads=1), release=release.release, run=None) as con:
        export(con, release, "persons", wanted, here(tmp_path), lake.store.location, pii=TAGGED)
    rows = list(csv.reader(io.StringIO((tmp_path / "out/persons/000001").read_text(encoding="utf-8"))))
    manifest = json.loads((tmp_path / "out/_exports/persons/000001.json").read_text())
    assert [column["name"] for column in manifest["objects"][0]["columns"]] == rows[0]
    assert manifest["pii"] == settings["pii"]
    return rows


def test_personal_data_is_not_exported_unless_somebody_said_so(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"marts\.persons\.E-Mail \(and 1 more\) is tagged pii") as caught:
        persons(lake, tmp_path)
    assert "pii: leave_out" in str(caught.value.hint)
    assert not (tmp_path / "out").exists()


def test_personal_data_is_included_or_left_out(lake: Lake, tmp_path: Path) -> None:
    assert persons(lake, tmp_path, pii="include")[1] == ["1", "ann@x", "2000-01-01"]
    shutil.rmtree(tmp_path / "out")
    lake = Lake(LocalStore(tmp_path / "other"), lake.con)
    assert persons(lake, tmp_path, pii="leave_out") == [["id"], ["1"], ["2"], ["3"]]


def test_masked_values_are_equal_where_the_values_are_and_say_nothing_else(lake: Lake, tmp_path: Path) -> None:
    header, first, second, third = persons(lake, tmp_path, pii="mask")
    assert header == ["id", "E-Mail", "born"]
    assert (second[1], second[2]) == ("", "")
    assert first[1] == third[1] != first[2] != third[2]
    assert all(len(mark) == 28 and mark.startswith("••• ") for mark in (first[1], first[2], third[2]))
    plain = {hashlib.sha256(text.encode()).hexdigest()[:24] for text in ("ann@x", "2000-01-01")}
    assert not plain & {first[1][4:], first[2][4:]}
    (tmp_path / "out/_exports/persons/000001.json").unlink()
    with reader(lake.store, EngineSettings(threads=1), release=1, run=None) as con:
        again = config(tables=["marts.persons"], to="out/{table}/{release}", pii="mask")
        export(con, lake.releases.manifest(1), "persons", again, here(tmp_path), lake.store.location, pii=TAGGED)
    assert first[1] not in (tmp_path / "out/persons/000001").read_text(encoding="utf-8")


def test_a_table_of_nothing_but_personal_data_cannot_be_left_out(lake: Lake, tmp_path: Path) -> None:
    release = lake.publish("CREATE TABLE marts.names AS SELECT 'ann' AS name")
    wanted = config(tables=["marts.names"], pii="leave_out")
    tagged = {"marts.names": frozenset({"name"})}
    with (
        reader(lake.store, EngineSettings(threads=1), release=release.release, run=None) as con,
        pytest.raises(LakeError, match="no column that is not tagged pii"),
    ):
        export(con, release, "names", wanted, here(tmp_path), lake.store.location, pii=tagged)


def test_an_empty_table_is_a_file_with_its_header(lake: Lake, tmp_path: Path) -> None:
    release = lake.publish("CREATE TABLE marts.orders (id INT)")
    exported(lake, release, here(tmp_path), to="out/{table}/{release}")
    assert (tmp_path / "out/orders/000001").read_text() == "id\n"


def test_a_table_that_is_not_there_leaves_nothing(lake: Lake, to: Store) -> None:
    release = lake.publish(ORDERS)
    with pytest.raises(LakeError, match=r"no table marts\.order\b") as told:
        exported(lake, release, to, tables=["marts.orders", "marts.order"])
    assert "orders" in str(told.value.hint)
    assert keys(to) == []


def test_what_a_killed_attempt_left_is_written_again(lake: Lake, to: Store) -> None:
    release = lake.publish(ORDERS, published_at="2026-11-20T10:00:00+00:00", run="r1")
    to.create("marts/orders/2026/11/20/000001.r1", b"half")
    exported(lake, release, to)
    assert to.read("marts/orders/2026/11/20/000001.r1").startswith(b"id,text")


def test_an_export_of_another_lake_is_not_overwritten(lake: Lake, to: Store) -> None:
    release = lake.publish(ORDERS)
    exported(lake, release, to)
    before = {key: to.read(key) for key in keys(to)}
    with pytest.raises(LakeError, match="there is an export of this name and number"):
        exported(lake, replace(release, run="another"), to)
    assert {key: to.read(key) for key in keys(to)} == before


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"objects": [{}]}'])
def test_a_damaged_manifest_is_told(lake: Lake, tmp_path: Path, content: bytes) -> None:
    release = lake.publish(ORDERS)
    here(tmp_path).create("_exports/orders/000001.json", content)
    with pytest.raises(LakeError, match="cannot be read"):
        exported(lake, release, here(tmp_path))


@pytest.mark.parametrize("path", ["marts/more", "_exports"])
def test_a_failure_in_the_middle_leaves_nothing(lake: Lake, bucket_store: Store, proxy: Proxy, path: str) -> None:
    release = lake.publish(ORDERS, "CREATE TABLE marts.more AS SELECT 1 AS a")
    proxy.fail(Fault("PUT", path, "answer", 403, "AccessDenied"), Fault("POST", path, "answer", 403, "AccessDenied"))
    with pytest.raises(CouldNotRunError, match="403"):
        exported(lake, release, bucket_store, tables=["marts.orders", "marts.more"])
    proxy.fail()
    assert keys(bucket_store) == []
    exported(lake, release, bucket_store, tables=["marts.orders", "marts.more"])
    assert len(keys(bucket_store)) == 3


def test_a_folder_that_cannot_be_written_is_told(lake: Lake, tmp_path: Path) -> None:
    release = lake.publish(ORDERS)
    (tmp_path / "out").write_text("a file")
    with pytest.raises(CouldNotRunError):
        exported(lake, release, here(tmp_path))


@pytest.mark.parametrize(
    ("to", "what"),
    [
        ("out/{table}.csv", "{release} is missing"),
        ("out/{release}.csv", "{table} or {layer} is missing"),
        ("out/{tabel}/{release}", "no placeholder {tabel}"),
        ("out/{table}/{release", "brace"),
        ("out/{table}}/{release}", "brace"),
        ("s3://{table}/{release}", "names no bucket"),
        ("s3:///{table}/{release}", "names no bucket"),
        ("gs://bucket/{table}/{release}", "cannot go to gs://"),
        ("out/{table}/../{release}", "empty, hidden or reserved"),
        ("out/{table}//{release}", "empty, hidden or reserved"),
        ("out/{table}/.{release}", "empty, hidden or reserved"),
        ("out/{table}/{release}/", "empty, hidden or reserved"),
        ("out", "{release} is missing"),
    ],
)
def test_a_path_that_cannot_be_meant_is_refused(to: str, what: str) -> None:
    complaint = ExportPath.parse(to).complaint(("marts.a", "marts.b"))
    assert complaint is not None
    assert what in complaint[0]


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", ".x", "_exports", "*", "a?", "[a]", "two\nlines", "a.tmp"])
def test_a_table_whose_name_leads_elsewhere_is_no_part_of_a_path(name: str) -> None:
    complaint = ExportPath.parse("out/{table}/{release}.csv").complaint(("marts.a", f"marts.{name}"))
    assert complaint == (
        f"the name of marts.{name} can be no part of a path",
        "give it an export of its own, without {table}",
    )
    assert ExportPath.parse("out/lines/{release}.csv").complaint((f"marts.{name}",)) is None


def test_tables_with_any_other_name_are_exported(lake: Lake, to: Store) -> None:
    names = ["Order Lines", "größe", 'sel"ect', "drop table x; --", "a.b", "it's", "%20 {x} #+&=", "😀"]
    release = lake.publish(*(f"CREATE TABLE {qualified('marts', name)} AS SELECT 1 AS id" for name in names))
    exported(lake, release, to, tables=[f"marts.{name}" for name in names], to="out/{layer}/{table}/{release}.csv")
    assert keys(to) == sorted(["_exports/orders/000001.json", *(f"marts/{name}/000001.csv" for name in names)])
    assert {to.read(f"marts/{name}/000001.csv") for name in names} == {b"id\n1\n"}


@pytest.mark.parametrize(
    ("to", "root"),
    [("s3://b/{table}/{release}", "s3://b"), ("/abs/x-{table}-{run}.csv", "/abs"), ("{table}{release}", ".")],
)
def test_a_path_that_is_right_is_taken(to: str, root: str) -> None:
    path = ExportPath.parse(to)
    assert path.complaint(("marts.a", "marts.b")) is None
    assert path.root == root
