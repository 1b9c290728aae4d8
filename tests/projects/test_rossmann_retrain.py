"""Retraining reads the release it was started for and writes a model with its card, or says why not."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headgate.lake import engine

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "projects" / "rossmann" / "retrain.py"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed (headgate[rossmann])"
)


def retrain(**environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEADGATE_")}
    return subprocess.run(
        [sys.executable, str(SCRIPT)], env=clean | environ, capture_output=True, text=True, check=False
    )


def make_release(lake: Path, number: int, days: int) -> None:
    """A release whose features are few and regular: 30 stores that sell more on Mondays and on promotion."""
    (lake / "releases").mkdir(parents=True, exist_ok=True)
    with engine.connect() as con:
        catalog = str(lake / "releases" / f"{number:06d}.ducklake")
        engine.attach(con, catalog, str(lake / "data"), read_only=False, create=True)
        con.execute("create schema lake.features")
        con.execute(
            "create table lake.features.train_features as select s.range::integer as Store, "
            f"date '2014-01-01' + d.range::integer as Date, isodow(Date)::integer as DayOfWeek, "
            "((d.range // 7) % 2)::integer as Promo, (DayOfWeek <> 7)::integer as Open, '0' as StateHoliday, "
            "chr(97 + (Store % 4)::integer) as StoreType, 'a' as Assortment, "
            "(Open * (4000 + 100 * Store + 900 * Promo + if(DayOfWeek = 1, 700, 0)))::float as Sales, "
            "(Sales / 9)::float as Customers, if(d.range > 7, Sales, null)::float as Sales_Lag_7 "
            f"from range(1, 31) s, range({days}) d"
        )
        engine.detach(con)


@pytest.mark.slow
def test_a_release_becomes_a_model_with_a_card_that_says_what_it_is(tmp_path: Path) -> None:
    make_release(tmp_path / "lake", 12, days=200)
    environ = {
        "HEADGATE_RELEASE": "12",
        "HEADGATE_LAKE": str(tmp_path / "lake"),
        "HEADGATE_PROJECT": str(tmp_path),
        "HEADGATE_RUN": "20260101-000000",
    }
    first = retrain(**environ)
    assert first.returncode == 0, first.stderr
    folder = tmp_path / "model" / "release-000012"
    card = json.loads((folder / "card.json").read_text())
    assert (card["release"], card["run"]) == (12, "20260101-000000")
    assert card["validation"] == {"from": "2014-06-08", "until": "2014-07-19"}
    assert card["rows"] == {"trained": 30 * 136, "validated": 30 * 36}
    assert card["score"]["rmspe"] < 0.05
    assert "Sales_Lag_7" in card["columns"]
    assert not {"Sales", "Customers", "Date"} & set(card["columns"])
    assert f"RMSPE {card['score']['rmspe']:.4f}" in first.stdout

    model = (folder / "model.joblib").read_bytes()
    second = retrain(**environ)
    assert second.returncode == 0, second.stderr
    assert (folder / "model.joblib").read_bytes() == model, "the same release gives the same model"
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["release-000012"]

    third = retrain(**environ, HEADGATE_TARGET="dev")
    assert third.returncode == 0, third.stderr
    assert (tmp_path / "model" / "dev" / "release-000012" / "card.json").is_file(), "another lake, another release 12"


@pytest.mark.slow
def test_a_release_that_is_too_short_to_validate_on_is_refused(tmp_path: Path) -> None:
    make_release(tmp_path / "lake", 1, days=20)
    done = retrain(HEADGATE_RELEASE="1", HEADGATE_LAKE=str(tmp_path / "lake"), HEADGATE_PROJECT=str(tmp_path))
    assert done.returncode == 2
    assert "too few open days" in done.stderr
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environ", "code", "says"),
    [
        ({}, 2, "HEADGATE_RELEASE and HEADGATE_LAKE must be set"),
        ({"HEADGATE_RELEASE": "1"}, 2, "HEADGATE_LAKE must be set"),
        ({"HEADGATE_RELEASE": "../1", "HEADGATE_LAKE": "lake"}, 2, "must be the number of a release"),
        ({"HEADGATE_RELEASE": "9", "HEADGATE_LAKE": "no-such-lake"}, 3, "000009.ducklake: the catalog file is missing"),
    ],
)
def test_what_is_missing_is_named_in_one_line(environ: dict[str, str], code: int, says: str) -> None:
    done = retrain(**environ)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
