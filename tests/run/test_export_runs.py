"""Exports in whole runs: after a release, told and made up for when they fail."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from headgate.errors import ConfigError
from headgate.ledger import Ledger
from headgate.plan import step_names
from headgate.run import Options, perform_step
from headgate.run.keeping import roll_back
from headgate.run.why import explain_run
from small_shop import Shop

pytestmark = pytest.mark.slow
EXPORT = """
export:
  totals: {tables: [marts.by_item, clean.sales_clean], to: "out/{table}/{release}.csv", format: csv}
"""


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.write("headgate.yml", (shop.folder / "headgate.yml").read_text() + EXPORT)
    return shop


def exports(shop: Shop) -> list[str]:
    """The manifests of complete exports."""
    return sorted(path.name for path in (shop.folder / "out" / "_exports" / "totals").glob("*.json"))


def alerts(shop: Shop) -> list[str]:
    with Ledger.open(shop.project().ledger) as ledger:
        return [alert.kind for alert in ledger.alerts()]


def more(shop: Shop, number: int) -> None:
    shop.write(f"data/sales_{number}.csv", f"id,item,amount\n{number + 10},b,5\n")


def test_a_release_is_exported_once(shop: Shop) -> None:
    verdict = shop.run()
    assert verdict.status == "published"
    assert [step["name"] for step in verdict.steps][-2:] == ["publish", "export:totals"]
    assert (shop.folder / "out/by_item/000001.csv").read_text().splitlines()[0] == "item,total"
    manifest = json.loads((shop.folder / "out/_exports/totals/000001.json").read_text())
    assert [entry["rows"] for entry in manifest["objects"]] == [2, 3]
    assert any("export totals: release 1, 2 objects, 5 rows" in note for note in verdict.notes)
    assert shop.run().status == "nothing_new"
    more(shop, 2)
    assert shop.run().release == 2
    assert exports(shop) == ["000001.json", "000002.json"]


def test_a_failed_export_is_told_and_made_up_for_by_the_next_run_even_if_nothing_is_new(shop: Shop) -> None:
    (shop.folder / "out").write_text("a file in the way")
    failed = shop.run()
    assert (failed.status, failed.exit_code, failed.release) == ("published", 0, 1)
    assert failed.steps[-1]["status"] == "failed"
    assert "the next run tries the export again" in " ".join(failed.notes)
    assert alerts(shop) == ["export_failed"]
    assert "the next run tries the export again" in explain_run(shop.project(), None).unexported[0]
    more(shop, 2)
    assert shop.run().release == 2, "still in the way, and the pipeline goes on"
    (shop.folder / "out").unlink()
    made_up = shop.run()
    assert made_up.status == "nothing_new"
    assert exports(shop) == ["000001.json", "000002.json"], "each release, in its order"
    assert "made up" not in shop.run().notes
    with Ledger.open(shop.project().ledger) as ledger:
        assert ledger.unfinished_steps(shop.project().lake, "export:") == []


def test_a_release_that_was_rolled_back_is_not_exported_later(shop: Shop) -> None:
    assert shop.run().release == 1
    shutil.rmtree(shop.folder / "out")
    (shop.folder / "out").write_text("in the way")
    more(shop, 2)
    assert shop.run().release == 2
    (shop.folder / "out").unlink()
    roll_back(shop.project(), 1, "wrong")
    assert shop.run().status == "held"
    assert exports(shop) == []
    assert shop.run(resume=True).release == 3
    assert exports(shop) == ["000003.json"]


def test_conditions_and_targets_are_kept_to(shop: Shop) -> None:
    text = (shop.folder / "headgate.yml").read_text()
    shop.write(
        "headgate.yml", text.rstrip("}\n") + ", when: {changed: [marts.items_seen]}}\ntargets: {dev: {export: {}}}"
    )
    assert shop.run(target="dev").steps[-1]["name"] == "publish"
    assert shop.run().release == 1
    more(shop, 2)
    verdict = shop.run()
    assert (verdict.release, verdict.steps[-1]["status"]) == (2, "skipped")
    assert exports(shop) == ["000001.json"]


def test_step_by_step_it_is_a_step_of_its_own(shop: Shop) -> None:
    for name in step_names(shop.project()):
        verdict = perform_step(shop.project(), "r1", name, Options())
    assert name == "export:totals"
    assert verdict.status == "published"
    assert exports(shop) == ["000001.json"]


def test_a_wrong_export_is_told_before_anything_runs(shop: Shop) -> None:
    text = (shop.folder / "headgate.yml").read_text().replace("{table}/{release}", "{release}")
    shop.write("headgate.yml", text.replace("marts.by_item", "mart.by_item"))
    with pytest.raises(ConfigError) as told:
        shop.project()
    assert "export.totals.to" in str(told.value)
    assert "{table} or {layer} is missing" in str(told.value)
    assert "there is no layer 'mart'" in str(told.value)


def test_from_a_lake_in_a_bucket_into_another_one(shop: Shop, bucket: str, s3_url: str, tmp_path: Path) -> None:
    text = (shop.folder / "headgate.yml").read_text().replace('"out/', f'"s3://{bucket}/out/')
    shop.write("headgate.yml", f"{text}lake: s3://{bucket}/lake\n")
    from headgate.lake.s3 import S3Store

    assert os.environ["AWS_ENDPOINT_URL"] == s3_url
    assert shop.run().release == 1
    to = S3Store(f"s3://{bucket}/out", tmp_path)
    assert to.read("by_item/000001.csv").startswith(b"item,total")
    assert json.loads(to.read("_exports/totals/000001.json"))["lake"] == f"s3://{bucket}/lake"
