"""The Rossmann project from end to end: the scenarios of its README, as far as they can be asserted.

Generated data, 1,000 stores for 110 days: what the gates' limits on row counts need at least.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headgate.lake.engine import EngineSettings
from headgate.lake.reading import query, reader
from headgate.lake.release import Releases
from headgate.project import load
from headgate.project.templates import copy_template
from headgate.run import Options, Verdict, explain, perform
from headgate.run.workshop import open_store
from place import Place

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rossmann")]
TRAIN = "features.train_features"


def generate(folder: Path, *arguments: str) -> None:
    size = ["--stores", "1000", "--days", "110"]
    subprocess.run([sys.executable, "generate.py", *size, *arguments], cwd=folder, check=True, capture_output=True)


def run(folder: Path, *, target: str | None = None, variables: dict[str, Any] | None = None, **options: Any) -> Verdict:
    project = load(folder, target=target, variables=variables, environ=dict(os.environ))
    return perform(project, Options(**options))


def ask(folder: Path, sql: str, *, target: str | None = None, release: int | None = None) -> list[tuple[Any, ...]]:
    project = load(folder, target=target, environ=dict(os.environ))
    with reader(open_store(project), EngineSettings(), release=release, run=None) as con:
        return query(con, sql)[1]


@pytest.fixture(scope="module")
def released(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with release 1, to be copied: a lake may be."""
    kept = tmp_path_factory.mktemp("rossmann") / "kept"
    with place.lent(until=kept) as site:
        publish(site / "project")
    return kept / "project"


def publish(folder: Path) -> None:
    copy_template("rossmann", folder)
    generate(folder)
    settings = (folder / "headgate.yml").read_text()
    hook = """after:
  retrain:
    command: python -c "open('retrained','a').write('x')"
    when: {changed: [features.train_features]}
"""
    (folder / "headgate.yml").write_text(settings[: settings.index("after:")] + hook)
    verdict = run(folder)
    assert verdict.status == "published", verdict.error
    assert verdict.expectations["total"] == 71


@pytest.fixture
def project(released: Path, site: Path) -> Path:
    return Path(shutil.copytree(released, site / "project"))


def test_the_first_run_has_18_and_50_columns_and_loses_no_row(project: Path) -> None:
    manifest = Releases(open_store(load(project, environ=os.environ))).manifest(1)
    assert [len(manifest.tables[t]["columns"]) for t in ("processed.train_clean", TRAIN)] == [18, 50]
    assert len({manifest.tables[t]["rows"] for t in ("raw.train", "processed.train_clean", TRAIN)}) == 1
    assert (project / "retrained").read_text() == "x"


def test_a_week_more_gives_what_a_fresh_lake_would(project: Path) -> None:
    generate(project, "--week", "1")
    train = (project / "data/train.csv").read_text().splitlines()
    train[5] = train[5].replace(train[5].split(",")[3], "7", 1) if train[5].split(",")[3] != "0" else train[5]
    (project / "data/train.csv").write_text("\n".join(train) + "\n")  # and an old row is corrected
    assert run(project).release == 2
    fresh = project.parent / "fresh"
    shutil.copytree(project, fresh, ignore=shutil.ignore_patterns("lake", ".headgate"))
    assert run(fresh).status == "published"
    names = [name for (name,) in ask(project, f"select column_name from (describe {TRAIN})")]
    rounded = ", ".join(f"round({n}, 6) as {n}" if "Rolling" in n else n for n in names)
    a, b = (sorted(ask(folder, f"select {rounded} from {TRAIN}"), key=repr) for folder in (project, fresh))
    assert a == b


def test_a_missing_column_blocks_and_the_release_stays(project: Path) -> None:
    generate(project, "--week", "1", "--break", "missing-column")
    verdict = run(project)
    assert (verdict.status, verdict.serving, int(verdict.exit_code)) == ("blocked", 1, 1)
    assert (project / "retrained").read_text() == "x"


def test_outliers_warn_and_the_release_is_published(project: Path) -> None:
    generate(project, "--week", "1", "--break", "outliers")
    verdict = run(project)
    assert verdict.status == "published"
    assert {f["severity"] for f in verdict.failures} == {"warn"}


def test_a_changed_feature_rebuilds_that_model_alone_and_the_plan_says_so(project: Path) -> None:
    model = project / "models/features/train_features.sql"
    model.write_text(model.read_text().replace("train.DayOfWeek >= 6", "train.DayOfWeek >= 5"))
    steps = {step.name: step for step in explain(load(project, environ=os.environ), Options())[1]}
    assert (steps["extract:kaggle"].need, steps["build:processed"].need) == ("no", "no")
    assert steps["build:features"].models == {TRAIN: "its code or variables changed"}
    verdict = run(project)
    assert verdict.release == 2
    releases = Releases(open_store(load(project, environ=os.environ)))
    one, two = releases.manifest(1).tables, releases.manifest(2).tables
    assert [name for name in two if one[name]["identity"] != two[name]["identity"]] == [TRAIN]


def test_the_compatible_reading_is_one_variable_away(project: Path) -> None:
    assert run(project, variables={"row_shift_compat": True}).release == 2
    nulls = f"select count(*) - count(Sales_Lag_7), count(*) - count(Sales_RollingStd_7) from {TRAIN}"
    assert ask(project, nulls) == [(7000, 1000)]
    assert ask(project, nulls, release=1) != [(7000, 1000)]


def test_dev_works_on_a_sample_of_whole_stores_in_a_lake_of_its_own(project: Path) -> None:
    verdict = run(project, target="dev")
    assert verdict.status == "published", verdict.failures
    (stores,) = ask(project, "select count(distinct Store) from raw.train", target="dev")[0]
    assert 50 < stores < 150
    assert ask(project, "select count(*) from raw.store", target="dev") == [(stores,)]
    assert run(project, target="dev").status == "nothing_new"
    assert run(project).status == "nothing_new"


def test_prod_is_another_place_from_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_LAKE", str(project.parent / "elsewhere"))
    assert run(project, target="prod").release == 1
    assert (project.parent / "elsewhere" / "releases" / "000001.json").exists()
