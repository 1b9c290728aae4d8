"""Bad input: each gives one clear error that says where and which rule, and leaves nothing in the branch."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import ConfigError, ExitCode, SourceDataError
from headgate.sources.schema_lock import LockedTable
from shop import Shop

GOOD = b"id,name,amount,day\n" + b"".join(b"%d,n%d,%d.5,2024-01-01\n" % (i, i, i) for i in range(3_000))
GZ = gzip.compress(GOOD)
KINDS = {"id": "BIGINT", "name": "VARCHAR", "amount": "DOUBLE", "day": "DATE"}


@dataclass(frozen=True)
class Bad:
    """A broken file, and what the error must say of it."""

    content: bytes
    rule: str
    row: int | None = None
    column: str | None = None
    says: str = ""
    name: str = "b.csv"
    settings: dict[str, Any] = field(default_factory=dict)


HEAD = b"id,name,amount,day\n"
BAD = {
    "an empty file": Bad(b"", "empty_file"),
    "blank lines only": Bad(b"\n\n \n", "empty_file"),
    "header only": Bad(HEAD, "no_rows", says="a header and no rows"),
    "header only, no line end": Bad(HEAD.strip(), "no_rows"),
    "random bytes": Bad(bytes(range(256)) * 20, "not_csv"),
    "a picture": Bad(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 200, "not_csv"),
    "gzip without its name": Bad(GZ, "not_csv"),
    "utf-16 undeclared": Bad(GOOD.decode().encode("utf-16"), "not_csv"),
    "a page of html": Bad(b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "missing_column", column="id"),
    "another delimiter": Bad(GOOD.replace(b",", b";"), "missing_column", column="id", says="another delimiter"),
    "another delimiter in the rows": Bad(HEAD + b"1;a;2;2024-01-01\n", "ragged_row", row=1),
    "a missing column": Bad(b"id,name,day\n9,a,2024-01-01\n", "missing_column", column="amount"),
    "a misspelt column": Bad(
        b"id,nmae,amount,day\n9,a,1,2024-01-01\n", "missing_column", column="name", says="did you mean 'nmae'"
    ),
    "an extra column": Bad(b"id,name,amount,day,x\n9,a,1,2024-01-01,1\n", "new_column", column="x"),
    "a column without a name": Bad(b"id,name,amount,day,\n9,a,1,2024-01-01,\n", "column_name", says="column 5"),
    "a column twice": Bad(b"id,name,ID,amount,day\n9,a,9,1,2024-01-01\n", "duplicate_column", column="ID"),
    "a column of ours": Bad(b"id,name,amount,day,_hash\n9,a,1,2024-01-01,1\n", "reserved_column", column="_hash"),
    "a word in a number": Bad(GOOD + b"9000,a,much,2024-01-01\n", "type", 3001, "amount", "'much'"),
    "a word in a whole number": Bad(HEAD + b"1,a,1,2024-01-01\ntwo,a,1,2024-01-01\n", "type", 2, "id", "BIGINT"),
    "a fraction in a whole number": Bad(HEAD + b"1.5,a,1,2024-01-01\n", "type", 1, "id", "'1.5'"),
    "a number too large": Bad(
        HEAD + b"99999999999999999999,a,1,2024-01-01\n", "type", 1, "id", "'99999999999999999999'"
    ),
    "a float too large": Bad(HEAD + b"1,a,1e400,2024-01-01\n", "type", 1, "amount"),
    "a number with underscores": Bad(HEAD + b"1_0,a,1,2024-01-01\n", "type", 1, "id"),
    "a float with a comma": Bad(HEAD + b'1,a,"1,5",2024-01-01\n', "type", 1, "amount"),
    "nan": Bad(HEAD + b"1,a,1,2024-01-01\n2,a,NaN,2024-01-01\n", "non_finite", 2, "amount", "non_finite: null"),
    "infinity": Bad(HEAD + b"1,a,-inf,2024-01-01\n", "non_finite", 1, "amount"),
    "a date in another form": Bad(HEAD + b"1,a,1,31.12.2024\n", "type", 1, "day", "date_format"),
    "a date that does not exist": Bad(HEAD + b"1,a,1,2024-02-30\n", "type", 1, "day"),
    "a date with a time": Bad(HEAD + b"1,a,1,2024-01-01 10:30:00\n", "type", 1, "day"),
    "a date and more": Bad(HEAD + b"1,a,1,2024-01-01x\n", "type", 1, "day"),
    "a date without end": Bad(HEAD + b"1,a,1,infinity\n", "type", 1, "day"),
    "several bad values": Bad(HEAD + b"1,a,x,2024-01-01\n2,a,y,2024-01-01\n", "type", 1, "amount", "2 rows"),
    "a key twice": Bad(
        HEAD + b"1,a,1,2024-01-01\n2,b,1,\n1,c,1,\n", "duplicate_key", 3, "id", "id = '1' is already in row 1"
    ),
    "many keys twice": Bad(GOOD + GOOD[len(HEAD) :], "duplicate_key", 3001, "id", "3,000 keys"),
    "a null in the key": Bad(HEAD + b"1,a,1,\n,b,1,\n", "null_key", 2, "id"),
    "bytes that are not utf-8": Bad(GOOD + b"9000,caf\xe9,1,2024-01-01\n", "encoding", 3001, says="latin-1"),
    "a character that was cut off": Bad(GOOD + b"9000,a,1,2024-01-01\n9001,caf\xc3", "encoding", 3002),
    "a header that is not utf-8": Bad("id,näme\n1,a\n".encode("latin-1"), "encoding", says="latin-1"),
    "a short row": Bad(GOOD + b"9000,a\n9001,b,1,2024-01-01\n", "ragged_row", 3001, says="fewer values"),
    "a last row that was cut off": Bad(GOOD + b"9000,a", "ragged_row", 3001),
    "a long row": Bad(HEAD + b"1,a,1,2024-01-01\n2,b,1,2024-01-01,9\n", "ragged_row", 2, says="more values"),
    "a quote that is not closed": Bad(HEAD + b'1,a,1,2024-01-01\n2,"b,1,2024-01-01\n' + GOOD, "quote", 2),
    "a quote inside a value": Bad(HEAD + b'1,"a"b,1,2024-01-01\n', "quote", 1),
    "a backslash before a quote": Bad(HEAD + b'1,"a\\"b",1,2024-01-01\n', "quote", 1),
    "a huge row": Bad(HEAD + b"1," + b"x" * 17_000_000 + b",1,2024-01-01\n", "row_too_long", 1),
    "mixed line ends": Bad(HEAD + b"1,a,1,2024-01-01\r\n2,b,1,2024-01-01\n", "not_csv", says="mixed line endings"),
    "gzip that was cut off": Bad(GZ[: len(GZ) // 2], "gzip", name="b.csv.gz", says="cut off"),
    "gzip without its sum": Bad(GZ[:-8], "gzip", name="b.csv.gz", says="cut off"),
    "gzip with a wrong sum": Bad(GZ[:-8] + b"\0\0\0\0" + GZ[-4:], "gzip", name="b.csv.gz"),
    "gzip and more": Bad(GZ + b"garbage", "gzip", name="b.csv.gz"),
    "no gzip at all": Bad(GOOD, "gzip", name="b.csv.gz"),
    "json that is cut off": Bad(b'[{"id": 1}, {"id', "not_json", name="b.json"),
    "json with a broken line": Bad(b'{"id": 1}\n{"id": \n', "not_json", row=2, name="b.jsonl"),
    "json of numbers": Bad(b"[1, 2]", "not_objects", name="b.json"),
    "json with a key twice": Bad(b'{"id": 1, "id": 2}', "duplicate_column", name="b.json"),
    "json without the key": Bad(b'{"name": "a"}', "missing_column", column="id", name="b.json"),
    "json that is empty": Bad(b"", "empty_file", name="b.json"),
    "json without rows": Bad(b"[]", "no_rows", name="b.json"),
    "json with a key twice but for its case": Bad(
        b'{"id": 1, "ID": 2}', "duplicate_column", column="id", name="b.json"
    ),
    "json with a NUL in a key": Bad(b'{"id": 1, "a\\u0000b": 2}', "column_name", column="'a\\x00b'", name="b.json"),
    "json that is not utf-8": Bad(b'{"id": 1}\n{"id": 2, "name": "\xe9"}\n', "encoding", row=2, name="b.json"),
    "json with a word in a number": Bad(b'[{"id": 1}, {"id": "x"}]', "type", 2, "id", name="b.json"),
    "html called json": Bad(b"<html></html>", "not_json", row=1, name="b.json"),
    "parquet that is no parquet": Bad(GOOD, "not_parquet", name="b.parquet"),
    "parquet that is empty": Bad(b"", "empty_file", name="b.parquet"),
    "parquet that was cut off": Bad(b"PAR1" + b"\0" * 100 + b"PAR1", "not_parquet", name="b.parquet"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_bad_input_gives_one_clear_error_and_leaves_nothing(shop: Shop, bad: Bad) -> None:
    shop.locked = LockedTable(KINDS, ",")
    shop.write("b.txt" if bad.name == "b.csv" else bad.name, bad.content)
    with pytest.raises(SourceDataError) as caught:
        shop.load(format="csv" if bad.name == "b.csv" else None, **bad.settings)
    error = caught.value
    assert (error.rule, error.row, error.column) == (bad.rule, bad.row, bad.column)
    assert (error.table, error.exit_code) == ("shop.t", ExitCode.BLOCKED)
    assert error.file == f"data/{'b.txt' if bad.name == 'b.csv' else bad.name}"
    assert bad.says in str(error)
    assert len(str(error)) < 500
    assert shop.leftovers() == []


@pytest.mark.parametrize(
    "kind", ["another delimiter", "a word in a number", "a key twice", "header only", "a short row"]
)
def test_the_bad_one_of_many_files_is_named_and_what_was_loaded_stays(shop: Shop, kind: str) -> None:
    shop.write("a.csv", GOOD)
    state = shop.load().state
    shop.write("c.csv", GOOD)
    shop.write("b.csv", BAD[kind].content)
    shop.write("d.csv", GOOD)
    with pytest.raises(SourceDataError) as caught:
        shop.load()
    assert (caught.value.file, caught.value.rule, caught.value.row) == ("data/b.csv", BAD[kind].rule, BAD[kind].row)
    assert shop.raw("count(*)") == [(3_000,)]
    assert shop.leftovers() == ["lake.t"]
    (shop.folder / "data" / "b.csv").unlink()
    assert shop.load(state).counts.unchanged == 3_000


def test_a_value_in_an_error_is_cut_short(shop: Shop) -> None:
    shop.write("a.csv", "id,n\n1," + "secret " * 50 + "\n")
    with pytest.raises(SourceDataError) as caught:
        shop.load(columns={"n": "BIGINT"})
    assert "'secret secret secret…'" in str(caught.value)


def test_rows_are_counted_after_blank_lines_and_over_quoted_line_ends(shop: Shop) -> None:
    shop.write("a.csv", '\n\nid,v,n\n1,"a\nb",1\n2,c,x\n')
    with pytest.raises(SourceDataError) as caught:
        shop.load(columns={"n": "BIGINT"})
    assert (caught.value.row, caught.value.column) == (2, "n")
    shop.write("a.csv", "\n\nid,v,n\n1,a,1\n2,c\n")
    with pytest.raises(SourceDataError) as caught:
        shop.load()
    assert (caught.value.rule, caught.value.row) == ("ragged_row", 2)


def test_rows_of_files_without_a_header_are_counted_from_the_first_line(shop: Shop) -> None:
    columns = {"id": "BIGINT", "v": "BIGINT"}
    shop.write("a.csv", "1,1\n2,x\n")
    with pytest.raises(SourceDataError) as caught:
        shop.load(header=False, columns=columns)
    assert (caught.value.rule, caught.value.row) == ("type", 2)
    shop.write("a.csv", "1,1\n2\n")
    with pytest.raises(SourceDataError) as caught:
        shop.load(header=False, columns=columns)
    assert (caught.value.rule, caught.value.row) == ("ragged_row", 2)
    shop.write("a.csv", "1\n2,3\n")
    with pytest.raises(SourceDataError, match="2 columns are declared"):
        shop.load(header=False, columns=columns)


def test_no_file_is_an_error(shop: Shop) -> None:
    with pytest.raises(SourceDataError, match="no file matches") as caught:
        shop.load(path="data/*.csv")
    assert caught.value.rule == "missing_file"
    with pytest.raises(SourceDataError, match="no file matches"):
        shop.source(path="data/missing.csv").changes({})


def test_a_key_that_no_file_has_is_an_error(shop: Shop) -> None:
    shop.write("a.csv", "id_,v\n1,2\n")
    with pytest.raises(SourceDataError, match="did you mean 'id_'") as caught:
        shop.load()
    assert (caught.value.rule, caught.value.column) == ("missing_column", "id")


def test_a_declared_column_that_no_file_has_is_an_error(shop: Shop) -> None:
    shop.write("a.csv", "id,v\n1,2\n")
    with pytest.raises(SourceDataError, match="lacks this column"):
        shop.load(columns={"w": "BIGINT"})


def link_to_itself(folder: Path) -> None:
    (folder / "x.csv").symlink_to(folder / "x.csv")


def link_to_nothing(folder: Path) -> None:
    (folder / "x.csv").symlink_to(folder / "nothing.csv")


def a_folder(folder: Path) -> None:
    (folder / "x.csv").mkdir()


def a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "x.csv")


@pytest.mark.parametrize(
    ("make", "rule", "says"),
    [
        (link_to_itself, "unreadable", "leads to itself"),
        (link_to_nothing, "unreadable", "does not exist"),
        (a_folder, "not_a_file", "is not a file"),
        (a_pipe, "not_a_file", "is not a file"),
    ],
)
def test_what_is_no_file_is_an_error(shop: Shop, make: Callable[[Path], None], rule: str, says: str) -> None:
    make(shop.folder / "data")
    with pytest.raises(SourceDataError, match=says) as caught:
        shop.load(path="data/x.csv")
    assert (caught.value.rule, caught.value.file) == (rule, "data/x.csv")


def test_a_link_that_leads_to_itself_is_an_error_in_a_glob_too(shop: Shop) -> None:
    link_to_itself(shop.folder / "data")
    with pytest.raises(SourceDataError, match="leads to itself"):
        shop.load()


def test_a_folder_that_contains_itself_is_no_endless_search(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    (shop.folder / "data" / "loop").symlink_to(shop.folder / "data")
    assert shop.load(path="data/*.csv").counts.read == 1


@contextmanager
def somebody_else(path: Path) -> Iterator[None]:
    """For root, who may read everything: be nobody, who may go as far as ``path``."""
    if os.geteuid() != 0:
        yield
        return
    for folder in path.parents:
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o1:
            folder.chmod(0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_without_permission_is_an_error(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    shop.load()  # with all imports, which nobody may make
    path = shop.write("b.csv", "id\n2\n")
    path.chmod(0)
    with somebody_else(path), pytest.raises(SourceDataError, match="Permission denied"):
        shop.load()


def test_a_file_that_cannot_be_opened_is_an_error(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write("a.csv", "id\n1\n")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(SourceDataError, match="Permission denied") as caught:
        shop.source().changes({})
    assert caught.value.rule == "unreadable"


def test_a_name_that_is_not_utf_8_is_an_error(shop: Shop) -> None:
    with open(os.fsencode(shop.folder) + b"/data/caf\xe9.csv", "w") as stream:  # noqa: PTH123
        stream.write("id\n1\n")
    with pytest.raises(SourceDataError, match="not UTF-8") as caught:
        shop.load()
    assert caught.value.rule == "file_name"


def test_files_of_different_formats_are_the_authors_mistake(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    shop.write("b.json", '{"id": 1}')
    with pytest.raises(ConfigError, match="of different formats: csv, json"):
        shop.load()


def test_an_unknown_encoding_is_the_authors_mistake(shop: Shop) -> None:
    shop.write("a.csv", "id\n1\n")
    for encoding in ("klingon", "cp1252"):
        with pytest.raises(ConfigError, match="cannot be read"):
            shop.load(encoding=encoding)


def test_files_without_a_header_need_columns(shop: Shop) -> None:
    shop.write("a.csv", "1\n")
    with pytest.raises(ConfigError, match="need their columns declared"):
        shop.load(header=False)


def test_parquet_that_would_lose_digits_is_an_error(shop: Shop) -> None:
    path = shop.folder / "data" / "a.parquet"
    shop.con.execute(f"COPY (SELECT 1 AS id, 1.5 AS n UNION ALL SELECT 2, 2.25) TO '{path}' (FORMAT parquet)")
    with pytest.raises(SourceDataError) as caught:
        shop.load(columns={"n": "BIGINT"})
    assert (caught.value.rule, caught.value.row, caught.value.column) == ("type", 1, "n")


def test_parquet_with_nan_or_null_keys_is_an_error(shop: Shop) -> None:
    path = shop.folder / "data" / "a.parquet"
    shop.con.execute(f"COPY (SELECT 1 AS id, 'nan'::DOUBLE AS x) TO '{path}' (FORMAT parquet)")
    with pytest.raises(SourceDataError) as caught:
        shop.load()
    assert (caught.value.rule, caught.value.column) == ("non_finite", "x")
    shop.con.execute(f"COPY (SELECT NULL::BIGINT AS id, 1 AS x) TO '{path}' (FORMAT parquet)")
    with pytest.raises(SourceDataError) as caught:
        shop.load()
    assert (caught.value.rule, caught.value.column) == ("null_key", "id")
