"""A project with personal data: whatever goes wrong, no value of it is in what is printed, recorded or logged."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from headgate.run.check import check_project
from headgate.run.deciding import show_quarantine
from headgate.run.why import explain_run
from small_shop import HEADGATE_YML, Shop

SECRET = "Applethwaite"
SOURCES = "items: {path: data/items.csv, primary_key: [item], snapshot: true"
CASTING = """
items:
  - unexpected_rows_expectation:
      unexpected_rows_query: select * from {batch} where cast(name as integer) > 0
"""


def told(shop: Shop) -> str:
    """Everything outside the lake and the source's files, the ledger's bytes too."""
    inside = [path for path in shop.folder.rglob("*") if path.is_file()]
    own = [path for path in inside if path.relative_to(shop.folder).parts[0] not in ("lake", "data")]
    assert any(path.name == "ledger.db" for path in own)
    return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in own)


@pytest.fixture
def private(shop: Shop) -> Shop:
    """A shop whose items have a name that nobody may see."""
    shop.write("headgate.yml", HEADGATE_YML.replace(SOURCES, f"{SOURCES}, pii: [Name]"))
    shop.write("data/items.csv", f"item,name\na,{SECRET}\nb,{SECRET}\n")
    return shop


def test_an_export_of_personal_data_waits_for_somebody_to_say_how(private: Shop) -> None:
    """The tag follows the name into the layer that is exported; `check` says so once there is a release."""
    out = '{tables: [clean.sales_clean], to: "out/{table}/{release}.csv", format: csv'
    text = (private.folder / "headgate.yml").read_text()
    private.write("headgate.yml", f"{text}export:\n  all: {out}}}\n")
    verdict = private.run()
    assert (verdict.status, verdict.steps[-1]["status"]) == ("published", "failed")
    assert not (private.folder / "out").exists()
    (finding,) = [each for each in check_project(private.project()) if each.subject == "export all"]
    assert not finding.ok
    assert "clean.sales_clean.name is tagged pii" in finding.text
    assert "headgate.yml:" in finding.text
    private.write("headgate.yml", f"{text}export:\n  all: {out}, pii: mask}}\n")
    assert "1 column tagged pii, masked" in str(check_project(private.project()))
    private.run()
    written = (private.folder / "out/sales_clean/000001.csv").read_text(encoding="utf-8")
    assert "••• " in written
    assert SECRET not in written


def test_a_blocked_gate_tells_which_rows_and_no_value(private: Shop) -> None:
    private.write("gates/clean.yml", "sales_clean:\n  - expect_column_values_to_be_unique: {column: name}\n")
    verdict = private.run()
    why = explain_run(private.project(), None)
    assert (verdict.status, verdict.failures[0]["unexpected_count"]) == ("blocked", 3)  # inherited from raw by name
    assert why.causes[0].found == 3
    assert [row[0] for row in why.causes[0].rows] == [1, 2, 3]
    shown = json.dumps([verdict.to_json(), asdict(why)], default=str, ensure_ascii=False)
    assert "•••" in shown
    assert SECRET not in shown + told(private)


def test_quarantine_keeps_a_row_whole_and_only_who_asks_for_rows_sees_its_values(private: Shop) -> None:
    private.write("data/items.csv", f"item,name\na,{SECRET}\nb,Brown\n")
    private.write("data/sales_1.csv", "id,item,amount\n1,b,5\n")
    private.write(
        "gates/raw.yml",
        "items:\n  - max_quarantine: 1\n"
        "  - expect_column_values_to_be_in_set: {column: name, value_set: [Brown]}\n    on_fail: quarantine\n",
    )
    verdict = private.run()
    assert (verdict.status, verdict.failures) == ("published", [])
    with show_quarantine(private.project(), "raw.items", where=None, expectation=None) as found:
        columns, (row,) = found.answer.columns, [row for batch in found.answer.batches for row in batch]
    shown = dict(zip(columns, row, strict=True))
    assert shown["name"] == SECRET
    assert SECRET not in json.dumps([verdict.to_json(), shown["_quarantine_reason"]]) + told(private)


@pytest.mark.slow
def test_a_tag_can_be_taken_back_where_the_name_means_something_else(private: Shop) -> None:
    expected = "  - expect_column_values_to_be_unique: {column: name}\n"
    private.write("gates/clean.yml", "sales_clean:\n  - columns: {name: {pii: false}}\n" + expected)
    assert private.run().failures[0]["examples"] == [SECRET] * 3


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data/items.csv", f"item,name\na,{SECRET}\na,{SECRET}2\n"),
        ("data/items.csv", f'item,name\na,"{SECRET}\n'),
        ("data/items.csv", f"item,name\na,{SECRET},{SECRET}\n"),
        ("models/clean/bad.sql", "select cast(name as integer) as n from {{ source('raw', 'items') }}"),
        ("models/clean/bad.sql", "select error('no ' || name) as n from {{ source('raw', 'items') }}"),
        ("gates/raw.yml", CASTING),
    ],
)
def test_no_error_tells_a_value(private: Shop, file: str, text: str) -> None:
    private.write(file, text)
    verdict = private.run()
    assert verdict.status in ("blocked", "failed")
    assert SECRET not in json.dumps(verdict.to_json(), ensure_ascii=False) + told(private)


def test_a_source_of_which_the_gate_file_says_it_keeps_its_values_to_itself(shop: Shop) -> None:
    shop.write("gates/raw.yml", "items:\n  - columns: {item: {pii: true}}\n")
    shop.write("data/items.csv", f"item,name\n{SECRET},a\n{SECRET},b\n")
    verdict = shop.run()
    assert verdict.failures[0]["expectation"] == "duplicate_key"
    assert SECRET not in json.dumps(verdict.to_json(), ensure_ascii=False) + told(shop)
