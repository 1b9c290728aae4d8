"""A gate that looks back sees the release that is served, through real runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headgate.lake.release import Releases
from headgate.lake.store import LocalStore
from headgate.standalone import gate
from small_shop import Shop

LOOKING_BACK = """
    sales:
      - schema_unchanged: {}
      - row_count_change: {max_increase: 0.5}
      - distribution_change: {column: amount, max_ks: 0.5}
"""


@pytest.mark.slow
def test_a_run_is_compared_with_the_served_release_and_the_first_with_none(shop: Shop) -> None:
    shop.write("gates/raw.yml", LOOKING_BACK)
    first = shop.run()
    assert (first.status, first.failures) == ("published", [])
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,15\n")
    assert (shop.run().status, shop.run().status) == ("published", "nothing_new")
    rows = "".join(f"{i},a,{i}00\n" for i in range(5, 10))
    shop.write("data/sales_3.csv", "id,item,amount\n" + rows)
    blocked = shop.run()
    assert (blocked.status, blocked.serving) == ("blocked", 2)
    assert [each["expectation"] for each in blocked.failures] == ["row_count_change", "distribution_change"]
    shop.write("data/sales_3.csv", "id,item,amount\n5,a,25\n6,b,15\n")
    assert (shop.run().status, shop.run().serving) == ("published", 3)


SINCE_THE_FIRST = """
    sales:
      - row_count_change: {max_increase: 0.5, release: 1}
"""


@pytest.mark.slow
def test_a_run_is_compared_with_the_release_that_is_named_as_long_as_it_is_kept(shop: Shop) -> None:
    assert shop.run().status == "published"
    shop.write("gates/raw.yml", SINCE_THE_FIRST)
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,15\n")
    assert shop.run().serving == 2
    shop.write("data/sales_3.csv", "id,item,amount\n5,a,25\n")
    blocked = shop.run()  # a quarter more than in release 2, two thirds more than in release 1
    assert [each["error"] for each in blocked.failures] == [None]
    Releases(LocalStore(shop.folder / "lake")).withdraw([1], Releases(LocalStore(shop.folder / "lake")).pointer())
    gone = shop.run()
    assert (gone.status, gone.serving) == ("blocked", 2)
    assert gone.failures[0]["error"] == "could not be checked: there is no release 1 to compare with: known: 2"


YOUNG = """
    items:
      - freshness: {max_age: 1h}
"""


@pytest.mark.slow
def test_a_table_is_as_old_as_the_first_release_that_holds_it_as_it_is(shop: Shop) -> None:
    assert shop.run().status == "published"
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,15\n")
    assert shop.run().serving == 2
    lake = shop.folder / "lake"
    first, second = Releases(LocalStore(lake)).manifests()
    same, moved = "raw.items", "raw.sales"
    assert first.tables[same]["since"] == second.tables[same]["since"] <= first.published_at
    assert first.tables[moved]["since"] < second.tables[moved]["since"] <= second.published_at

    for name in (same, moved):
        assert gate(f"{shop.folder}::{name}", [{"freshness": {"max_age": "1h"}}]).ok
    _age(lake / "releases" / "000002.json", "2020-01-01T00:00:00+00:00")
    (old,) = gate(f"{shop.folder}::{same}", [{"freshness": {"max_age": "1h"}}]).failures
    assert (old.error, str(old.observed_value)) == (None, "2020-01-01 00:00:00+00:00")

    shop.write("gates/raw.yml", YOUNG)
    shop.write("data/sales_3.csv", "id,item,amount\n5,b,15\n")
    blocked = shop.run()
    assert [(each["table"], each["expectation"]) for each in blocked.failures] == [("items", "freshness")]
    shop.write("data/items.csv", "item,name\na,Apple\nb,Brown bread\n")  # the run that changes it finds it young
    assert shop.run().serving == 3


def test_a_release_of_an_older_headgate_does_not_say_how_old_its_tables_are(shop: Shop) -> None:
    assert shop.run().status == "published"
    _age(shop.folder / "lake" / "releases" / "000001.json", None)
    (unknown,) = gate(f"{shop.folder}::raw.items", [{"freshness": {"max_age": "1h"}}]).failures
    assert "release 1 does not say since when raw.items is as it is" in str(unknown.error)


def _age(manifest: Path, since: str | None) -> None:
    """Let all tables of a release be as they are since then."""
    content = json.loads(manifest.read_text(encoding="utf-8"))
    for entry in content["tables"].values():
        del entry["since"]
        entry |= {"since": since} if since else {}
    manifest.chmod(0o644)
    manifest.write_text(json.dumps(content), encoding="utf-8")
