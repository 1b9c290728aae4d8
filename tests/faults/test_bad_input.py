"""Whatever a source or an author gets wrong: one clear error with its place, and the old release is served."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fault_shop import Bench, Rows, Shop, items, sales

pytestmark = pytest.mark.slow
HEAD = "id,item,amount,day\n"
ROWS = [f"{number},i1,5.5,2024-01-01" for number in range(9001, 9021)]
NEW = "data/sales_2.csv"


def csv(*rows: str, head: str = HEAD) -> str:
    """Twenty good rows and then these, the first of which is row 21."""
    return head + "\n".join([*ROWS, *rows]) + "\n"


def replaced(name: str, old: str, new: str) -> Callable[[Shop], object]:
    """Change a text in a file of the project."""

    def change(shop: Shop) -> None:
        text = (shop.folder / name).read_text()
        assert old in text
        shop.write(name, text.replace(old, new))

    return change


def written(**files: str | bytes) -> Callable[[Shop], object]:
    """Write files, whose names have / as ``__`` and the last dot as ``_``."""
    return lambda shop: [shop.write(_path(name), text) for name, text in files.items()]


def _path(name: str) -> str:
    stem, _, ending = name.replace("__", "/").rpartition("_")
    return f"{stem}.{ending}"


def new_file(content: str | bytes) -> Callable[[Shop], object]:
    return lambda shop: shop.write(NEW, content)


def deleted(*names: str) -> Callable[[Shop], object]:
    def change(shop: Shop) -> None:
        for name in names:
            (shop.folder / name).unlink()

    return change


def few_items(shop: Shop) -> None:
    """16 of the 41 are left; nothing before the guards minds, nor does a view become smaller with them."""
    shop.write("gates/clean.yml", "{}\n")
    shop.write("models/marts/dear.sql", "{{ config(materialized='view') }} select 1 as a from {{ ref('by_item') }}")
    shop.write("data/items.csv", items(16))


@dataclass(frozen=True)
class Bad:
    """A change that must end a run with this exit code, saying these texts."""

    change: Callable[[Shop], object]
    code: int
    says: tuple[str, ...]
    arguments: tuple[str, ...] = ()


def at(row: int | None = None, column: str | None = None, file: str = NEW) -> tuple[str, ...]:
    """How a place in a file of sales is told."""
    place = [f"file={file}"]
    place += [f"row={row}"] if row else []
    place += [f"column={column}"] if column else []
    return ("raw.sales  ", f"({', '.join(place)})")


DATA = {
    "a missing file": Bad(deleted("data/items.csv"), 1, ("raw.items", "data/items.csv", "missing_file")),
    "no file for a glob": Bad(deleted("data/sales_1.csv"), 1, ("raw.sales", "data/sales*.csv", "missing_file")),
    "an empty file": Bad(new_file(""), 1, (*at(), "empty_file", "take the file away")),
    "a header and nothing else": Bad(new_file(HEAD), 1, (*at(), "no_rows", "a header and no rows")),
    "no CSV at all": Bad(
        new_file(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9), 1, (*at(), "not_csv", "declare what it is")
    ),
    "another delimiter": Bad(new_file(csv().replace(",", ";")), 1, (*at(column="id"), "missing_column", "delimiter")),
    "a missing column": Bad(
        new_file(csv().replace(",5.5,", ",").replace(",amount,", ",")),
        1,
        (*at(column="amount"), "missing_column", "columns are"),
    ),
    "an extra column": Bad(
        new_file(csv().replace("day\n", "day,till\n").replace("2024-01-01", "2024-01-01,7")),
        1,
        (*at(column="till"), "new_column", "on_new_column: evolve"),
    ),
    "a word in a number": Bad(
        new_file(csv("9999,i1,many,2024-01-01")), 1, (*at(21, "amount"), "type", "'many' is not a valid DOUBLE")
    ),
    "a number too large": Bad(
        new_file(csv("99999999999999999999,i1,5,2024-01-01")), 1, (*at(21, "id"), "type", "'99999999999999999999'")
    ),
    "a key twice in a file": Bad(
        new_file(csv("9001,i2,7,2024-01-01")), 1, (*at(21, "id"), "duplicate_key", "'9001'", "row 1")
    ),
    "bytes that are no UTF-8": Bad(
        new_file(csv().encode() + b"9999,\xff\xfe\x81,5,2024-01-01\n"), 1, (*at(21), "encoding")
    ),
    "a latin-1 file": Bad(
        new_file(csv("9999,K\u00e4se,5,2024-01-01").encode("latin-1")), 1, (*at(21), "encoding", "latin-1")
    ),
    "a short row": Bad(new_file(csv("9999,i1")), 1, (*at(21), "ragged_row", "fewer values")),
    "a long row": Bad(new_file(csv("9999,i1,5,2024-01-01,6,7")), 1, (*at(21), "ragged_row", "more values")),
    "a quote that nobody closes": Bad(new_file(csv('9999,"i1,5,2024-01-01')), 1, (*at(21), "quote")),
    "a date in another form": Bad(
        new_file(csv("9999,i1,5,31.12.2024")), 1, (*at(21, "day"), "type", "'31.12.2024'", "date_format")
    ),
    "not a number": Bad(new_file(csv("9999,i1,NaN,2024-01-01")), 1, (*at(21, "amount"), "non_finite")),
    "infinity": Bad(new_file(csv("9999,i1,-inf,2024-01-01")), 1, (*at(21, "amount"), "non_finite")),
    "a null in the key": Bad(new_file(csv(",i1,5,2024-01-01")), 1, (*at(21, "id"), "null_key")),
    "a hostile column": Bad(
        new_file(csv().replace("day\n", 'day,"""; drop table x; --"\n').replace("2024-01-01", "2024-01-01,7")),
        1,
        ("new_column", "drop table x"),
    ),
    "a hostile value": Bad(new_file(csv("'; drop table x; --,i1,5,2024-01-01")), 1, (*at(21, "id"), "type")),
    "a table that shrank by 60 %": Bad(
        few_items,
        1,
        ("FAILED  raw.items  no_shrink(max_shrink=0.5)", "41 rows became 16 (-61%)", "--allow-shrink"),
    ),
    "a value that a gate refuses": Bad(
        new_file(csv("9999,i1,-5,2024-01-01")),
        1,
        (
            "raw.sales  expect_column_values_to_be_between(column=amount",
            "rows: 1",
            "e.g. -5",
            "gates/raw.yml:3",
        ),
    ),
    "a value that a model cannot convert": Bad(
        replaced("models/marts/by_item.sql", "select item,", "select cast(item as integer) as number, item,"),
        1,
        ("models/marts/by_item.sql:1", "model by_item failed", "Could not convert string 'i"),
    ),
}
AUTHOR = {
    "a missing gate file": Bad(deleted("gates/marts.yml"), 2, ("gates/marts.yml", "has no gate file", "echo '{}'")),
    "a gate file that is no YAML": Bad(
        written(gates__raw_yml="sales:\n  - expect: {column: [amount}\n"), 2, ("gates/raw.yml:2",)
    ),
    "a gate file that is empty": Bad(written(gates__raw_yml=""), 2, ("gates/raw.yml:1", "empty")),
    "an expectation that does not exist": Bad(
        replaced("gates/raw.yml", "values_to_be_unique: {column: id}", "values_to_be_uniqe: {column: id}"),
        2,
        ("gates/raw.yml:4", "'expect_column_values_to_be_uniqe'", "did you mean 'expect_column_values_to_be_unique'"),
    ),
    "an argument that does not exist": Bad(
        replaced("gates/raw.yml", "min_value: 0", "minimum: 0"),
        2,
        ("gates/raw.yml:3 (minimum)", "it takes column, ", "max_value, min_value"),
    ),
    "an expectation without its argument": Bad(
        replaced("gates/raw.yml", "not_be_null: {column: amount}", "not_be_null: {}"), 2, ("gates/raw.yml:2", "column")
    ),
    "a gate file of no layer": Bad(written(gates__mart_yml="{}\n"), 2, ("gates/mart.yml", "did you mean 'marts'")),
    "a missing suite": Bad(
        written(gates__raw_yml="sales:\n  - suite: gone.json\n"), 2, ("gates/raw.yml:2", "there is no suite gone.json")
    ),
    "a broken suite": Bad(
        written(gates__raw_yml="sales:\n  - suite: a.json\n", gates__a_json='{"expectations": ['),
        2,
        ("gates/a.json:1",),
    ),
    "a suite that names a missing column": Bad(
        written(
            gates__raw_yml="sales:\n  - suite: a.json\n",
            gates__a_json="""{"expectation_suite_name": "a", "expectations": [
                {"expectation_type": "expect_column_values_to_not_be_null", "kwargs": {"column": "amuont"}}]}""",
        ),
        1,
        ("raw.sales  expect_column_values_to_not_be_null(column=amuont)", "did you mean 'amount'", "gates/a.json:2"),
    ),
    "a gate of a missing table": Bad(
        replaced("gates/marts.yml", "by_item:", "by_items:"), 1, ("marts.by_items", "did you mean 'marts.by_item'")
    ),
    "a broken file that describes models": Bad(
        written(models__marts__schema_yml="models:\n  - name: [x\n"),
        2,
        ("models/marts/schema.yml:3", "this is not YAML"),
    ),
    "a model that is no UTF-8": Bad(
        written(models__marts__b_sql=b"select '\xe9' as a"), 2, ("models/marts/b.sql", "not a text in UTF-8")
    ),
    "a cycle of models": Bad(
        written(
            models__marts__a_sql="select * from {{ ref('b') }}", models__marts__b_sql="select * from {{ ref('a') }}"
        ),
        2,
        ("models/marts/a.sql", "a → b → a"),
    ),
    "a model that asks for a missing column": Bad(
        replaced("models/marts/by_item.sql", "avg(worth)", "avg(wroth)"), 2, ("models/marts/by_item.sql:", "wroth")
    ),
    "a model that is no SQL": Bad(
        written(models__marts__by_item_sql="selct 1 as a"), 2, ("models/marts/by_item.sql:1", "selct")
    ),
    "a model that refers to a missing one": Bad(
        replaced("models/marts/by_item.sql", "ref('sales_clean')", "ref('sales_claen')"),
        2,
        ("models/marts/by_item.sql:", "sales_claen"),
    ),
    "a template that is not closed": Bad(
        replaced("models/marts/by_item.sql", "{{ ref('sales_clean') }}", "{{ ref('sales_clean') "),
        2,
        ("models/marts/by_item.sql",),
    ),
    "a variable that is not set": Bad(
        replaced("headgate.yml", "name: shop", "name: shop\nlake: ${HEADGATE_NO_SUCH}/lake"),
        2,
        ("headgate.yml:2 (lake)", "HEADGATE_NO_SUCH", "${HEADGATE_NO_SUCH:-"),
    ),
    "a setting that does not exist": Bad(
        replaced("headgate.yml", "primary_key: [id]", "primary_kye: [id]"),
        2,
        ("headgate.yml:6 (sources.till.tables.sales.primary_kye): there is no", "did you mean 'primary_key'"),
    ),
    "a project file that is no YAML": Bad(
        replaced("headgate.yml", "vars: {rate: 2}", "vars: {rate: 2"), 2, ("headgate.yml:",)
    ),
    "a hostile table": Bad(
        replaced("headgate.yml", "      sales:", "      '\"; drop table x; --':"), 2, ("headgate.yml:6", "drop table x")
    ),
    "a table that climbs": Bad(
        replaced("headgate.yml", "      sales:", "      ../../etc:"), 2, ("headgate.yml:6", "../../etc")
    ),
    "a layer that climbs": Bad(
        replaced("headgate.yml", "clean, marts]", "../../etc, marts]"), 2, ("headgate.yml:8", "../../etc")
    ),
    "a run that climbs": Bad(
        lambda shop: None, 2, ("../../etc", "not the id of a run"), ("--run", "../../etc", "--step", "extract:till")
    ),
    "a target that does not exist": Bad(lambda shop: None, 2, ("no target '../../etc'",), ("--target", "../../etc")),
    "a key that no file has": Bad(
        replaced("headgate.yml", "primary_key: [id]", "primary_key: [idd]"),
        2,
        ("headgate.yml:6 (sources.till.tables.sales.primary_key)", "it was id"),
    ),
    "a type that does not exist": Bad(
        replaced("headgate.yml", "primary_key: [id]", "primary_key: [id], columns: {amount: NUMBR}"),
        2,
        ("headgate.yml:6 (sources.till.tables.sales.columns.amount)", "NUMBR"),
    ),
    "an encoding that does not exist": Bad(
        replaced("headgate.yml", "primary_key: [id]", "primary_key: [id], encoding: klingon"),
        2,
        ("headgate.yml:6 (sources.till.tables.sales.encoding)", "klingon", "latin-1"),
    ),
}


@pytest.mark.parametrize("bad", [*DATA.values(), *AUTHOR.values()], ids=[*DATA, *AUTHOR])
def test_bad_input_is_one_clear_error_and_the_old_release_is_served(
    bench: Bench, undisturbed: tuple[Rows, Rows], bad: Bad
) -> None:
    shop = bench.put_back("first")
    before, pointer = shop.hashes(), shop.pointer
    bad.change(shop)
    ended = shop.headgate("run", *bad.arguments)
    text = ended.out + ended.err
    assert ended.code == bad.code
    for part in bad.says:
        assert part in text
    assert text.count("\n        →") + text.count("\n  →") <= 1
    assert len(text) < 1200
    assert "Traceback" not in text
    assert (shop.pointer, shop.hashes()) == (pointer, before)
    assert shop.contents() == undisturbed[0]
    mended(bench, shop)
    assert shop.run()["serving"] in (1, 2)
    assert shop.contents() == undisturbed[0]


def mended(bench: Bench, shop: Shop) -> None:
    """Put the author's files back as they were, and leave what Headgate wrote."""
    good = bench.folder / "kept" / "first"
    for name in ("data", "models", "gates"):
        shutil.rmtree(shop.folder / name)
        shutil.copytree(good / name, shop.folder / name)
    shutil.copy2(good / "headgate.yml", shop.folder / "headgate.yml")


ODD = {
    "a byte order mark": b"\xef\xbb\xbf" + csv().encode(),
    "carriage returns": csv().replace("\n", "\r\n"),
    "columns in another order": "day,amount,item,id\n" + "".join(f"2024-01-01,5.5,i1,{n}\n" for n in range(9001, 9021)),
    "quotes everywhere": HEAD + "".join(f'"{n}","i1","5.5","2024-01-01"\n' for n in range(9001, 9021)),
    "blank lines and no last line end": "\n\n" + csv().replace("\n9005", "\n\n9005").rstrip("\n"),
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD.keys())
def test_what_is_only_odd_loads_normally(first: Shop, content: str | bytes) -> None:
    first.write(NEW, content)
    told = first.run()
    assert told["sources"]["till.sales"]["appended"] == 20
    assert first.contents()["raw.sales"][0] == 3020


def test_a_file_of_one_row_loads_normally(first: Shop) -> None:
    first.write(NEW, HEAD + "9001,i1,5.5,2024-01-01\n")
    assert first.run()["sources"]["till.sales"]["appended"] == 1
    assert first.contents()["raw.sales"][0] == 3001


def test_an_extra_column_is_taken_where_the_project_says_evolve(first: Shop, undisturbed: tuple[Rows, Rows]) -> None:
    replaced("headgate.yml", "primary_key: [id]", "primary_key: [id], on_new_column: evolve")(first)
    first.write(NEW, csv().replace("day\n", "day,till\n").replace("2024-01-01", "2024-01-01,7"))
    told = first.run()
    assert (told["release"], told["sources"]["till.sales"]["appended"]) == (2, 20)
    assert told["notes"] == ["till.sales: the column till is new, first in data/sales_2.csv"]
    rows = first.headgate("query", "--json", "select till, count(*) from raw.sales group by 1 order by 1").told["rows"]
    assert rows == [[7, 20], [None, 3000]]


def test_hostile_file_names_are_only_names(first: Shop) -> None:
    for number, name in enumerate(['sales"; drop table x; --.csv', "sales' or 1=1.csv", "sales%s{{x}}$HOME.csv"]):
        first.write(f"data/{name}", csv().replace("90", f"9{number + 1}"))
    assert first.run()["sources"]["till.sales"]["appended"] == 60
    first.write('data/sales"; drop table x; --.csv', csv("9999,i1,many,2024-01-01").replace("90", "91"))
    ended = first.headgate("run")
    assert ended.code == 1
    assert 'file=data/sales"; drop table x; --.csv, row=21, column=amount' in ended.out
    assert sorted(path.name for path in Path(first.folder).iterdir() if not path.name.startswith(".")) == [
        "data", "dbt_project.yml", "gates", "headgate.yml", "lake", "models", "schema.lock",
    ]  # fmt: skip


def test_the_first_run_of_a_project_fails_as_clearly(bench: Bench) -> None:
    shop = bench.put_back("fresh")
    shop.write(NEW, csv("9999,i1,many,2024-01-01"))
    ended = shop.headgate("run")
    assert ended.code == 1
    assert "serving nothing yet" in ended.out
    assert shop.pointer.release is None
    shop.write(NEW, sales(9001, 9020))
    assert shop.run()["release"] == 1
