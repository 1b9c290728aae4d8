"""From headgate.yml to a project: what is accepted, what it means, and how mistakes are told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import ConfigError, ExitCode, UsageError
from headgate.project import Project, load, parse_variables, read_gates
from headgate.project.announced import SIMULATED, announce
from headgate.project.files_config import FilesTable

REPOSITORY = Path(__file__).parents[2]
ROSSMANN = """\
name: rossmann
lake: ./lake
sources:
  kaggle:
    type: files
    tables:
      train: {path: data/train*.csv*, primary_key: [Store, Date], cursor: null}
      store: {path: data/store.csv,  primary_key: [Store], snapshot: true}
layers: [raw, processed, features]
vars: {lags: [1, 7, 14, 28], windows: [7, 14, 28, 60], row_shift_compat: false}
targets:
  dev: {sample: {fraction: 0.1, by: Store}}
  prod: {lake: "${HEADGATE_LAKE:-./lake}"}
publish: {max_shrink: 0.5}
after:
  retrain: {command: "python retrain.py", when: {changed: [features.train_features], min_new_rows: 1000}}
"""
TABLE = "{path: a.csv, primary_key: [k]}"
Loaded = Callable[..., Project]


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """Load a project whose headgate.yml says ``content``."""

    def load_content(content: str, environ: Mapping[str, str] | None = None, **kwargs: Any) -> Project:
        (tmp_path / "headgate.yml").write_text(content)
        return load(tmp_path, environ=environ or {}, **kwargs)

    return load_content


def refused(loaded: Loaded, content: str, **kwargs: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        loaded(content, **kwargs)
    assert caught.value.file == "headgate.yml"
    assert caught.value.exit_code == ExitCode.USAGE
    return caught.value


def one_table(settings: str) -> str:
    head = "name: p\nsources:\n  s:\n    type: files\n    tables:\n"
    return f"{head}      t: {{path: a.csv, primary_key: [k], {settings}}}\n"


# --- what is accepted -----------------------------------------------------------------------------------


def test_the_example_of_the_documentation_is_read(loaded: Loaded, tmp_path: Path) -> None:
    project = loaded(ROSSMANN)

    assert project.name == "rossmann"
    assert project.folder == tmp_path
    assert project.target is None
    assert project.lake == str(tmp_path / "lake")
    assert project.ledger == f"sqlite:///{tmp_path}/.headgate/ledger.db"
    assert project.layers == ("raw", "processed", "features")
    assert project.vars == {"lags": [1, 7, 14, 28], "windows": [7, 14, 28, 60], "row_shift_compat": False}
    assert project.publish.max_shrink == 0.5
    assert project.sample is None
    assert project.targets == ("dev", "prod")
    tables = project.sources["kaggle"].tables
    train = tables["train"]
    assert isinstance(train, FilesTable)
    assert (train.path, train.primary_key, train.cursor, train.snapshot) == (
        "data/train*.csv*",
        ("Store", "Date"),
        None,
        False,
    )
    assert isinstance(tables["store"], FilesTable)
    assert tables["store"].snapshot
    hook = project.after["retrain"]
    assert (hook.command, hook.timeout) == ("python retrain.py", timedelta(hours=1))
    assert (hook.when.changed, hook.when.min_new_rows) == (("features.train_features",), 1000)


def test_a_name_is_enough(loaded: Loaded, tmp_path: Path) -> None:
    project = loaded("name: small")
    assert project.lake == str(tmp_path / "lake")
    assert project.layers == ("raw",)
    assert (project.sources, project.vars, project.after, project.targets) == ({}, {}, {}, ())


def test_a_dbt_project_needs_a_layer_to_build_into(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: p\n")
    error = refused(loaded, "name: p\nlayers: [raw]\n")
    assert (error.line, error.key) == (2, "layers")
    assert "layers: [raw, staging, marts]" in str(error)


def test_every_setting_of_a_table_is_read(loaded: Loaded) -> None:
    project = loaded(
        one_table(
            "cursor: c, snapshot: true, columns: {a: 'DECIMAL(10, 2)', b: 'VARCHAR[]', c: TIMESTAMP WITH TIME ZONE}, "
            "format: csv, delimiter: ';', quote: \"'\", encoding: latin-1, header: false, date_format: '%d.%m.%Y', "
            "timestamp_format: '%d.%m.%Y %H', null_values: [NA, '-'], on_new_column: evolve, non_finite: 'null'"
        )
    )
    table = project.sources["s"].tables["t"]
    assert isinstance(table, FilesTable)
    assert table.columns == {"a": "DECIMAL(10, 2)", "b": "VARCHAR[]", "c": "TIMESTAMP WITH TIME ZONE"}
    assert (table.format, table.delimiter, table.quote, table.encoding, table.header) == (
        "csv",
        ";",
        "'",
        "latin-1",
        False,
    )
    assert (table.null_values, table.on_new_column, table.non_finite) == (("NA", "-"), "evolve", "null")


def test_a_project_cannot_be_changed(loaded: Loaded) -> None:
    project = loaded(ROSSMANN)
    with pytest.raises(AttributeError):
        project.name = "other"  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        project.publish.max_shrink = 1.0


@pytest.mark.parametrize(
    "folder", sorted((REPOSITORY / "projects").glob("*/headgate.yml")), ids=lambda path: path.parent.name
)
def test_every_shipped_project_is_read_with_its_gates(folder: Path) -> None:
    environ = dict.fromkeys(SIMULATED, "postgresql://localhost/database")
    project = load(folder.parent, environ=environ)
    for target in project.targets:
        assert load(folder.parent, target=target, environ=environ).target == target
    assert set(read_gates(project.folder, project.layers)) == set(project.layers)


def test_a_variable_that_a_simulator_knows_is_taken_from_it_and_its_error_names_it(tmp_path: Path) -> None:
    (tmp_path / "headgate.yml").write_text(
        "name: p\nsources: {s: {type: postgres, url: '${TOTESYS_URL}'}}\nlayers: [raw]\n"
    )
    with pytest.raises(ConfigError, match="TOTESYS_URL is not set") as raised:
        load(tmp_path, environ={})
    assert raised.value.hint == "set it, or start the simulator that knows it: headgate simulate oltp"
    announce(tmp_path, "oltp", {"TOTESYS_URL": "postgresql://localhost/orders"})
    assert "postgresql://localhost/orders" in load(tmp_path, environ={}).secrets


# --- targets, variables, places -------------------------------------------------------------------------


def test_each_target_has_a_lake_of_its_own(loaded: Loaded, tmp_path: Path) -> None:
    assert loaded(ROSSMANN, target="dev").lake == str(tmp_path / "lake" / "dev")
    assert loaded(ROSSMANN, target="prod").lake == str(tmp_path / "lake")
    assert loaded(ROSSMANN, {"HEADGATE_LAKE": "/srv/lake"}, target="prod").lake == "/srv/lake"
    assert loaded(ROSSMANN, {"HEADGATE_LAKE": "s3://bucket/prefix/"}, target="prod").lake == "s3://bucket/prefix"


def test_a_target_replaces_what_it_names_and_keeps_the_rest(loaded: Loaded, tmp_path: Path) -> None:
    content = (
        "name: p\nvars: {a: 1, b: 2}\nmemory_limit: 4GB\nthreads: 2\nledger: sqlite:///books/all.db\n"
        "targets:\n  one: {vars: {b: 3}, memory_limit: 8GB, ledger: 'postgresql://me@host/db'}\n  two: {threads: 7}\n"
    )
    plain, one, two = (loaded(content, target=target) for target in (None, "one", "two"))
    assert (plain.vars, plain.memory_limit, plain.threads) == ({"a": 1, "b": 2}, "4GB", 2)
    assert plain.ledger == f"sqlite:///{tmp_path}/books/all.db"
    assert (one.vars, one.memory_limit, one.threads) == ({"a": 1, "b": 3}, "8GB", 2)
    assert one.ledger == "postgresql+psycopg://me@host/db"
    assert (two.vars, two.memory_limit, two.threads) == ({"a": 1, "b": 2}, "4GB", 7)


def test_only_the_chosen_target_has_a_sample(loaded: Loaded) -> None:
    sample = loaded(ROSSMANN, target="dev").sample
    assert sample is not None
    assert (sample.fraction, sample.by) == (0.1, "Store")
    assert loaded(ROSSMANN, target="prod").sample is None


def test_an_unknown_target_is_the_callers_mistake(loaded: Loaded) -> None:
    with pytest.raises(UsageError, match="there is no target 'pord'") as caught:
        loaded(ROSSMANN, target="pord")
    assert caught.value.hint == "did you mean 'prod'?"


def test_variables_of_the_command_line_replace_those_of_the_files(loaded: Loaded) -> None:
    content = "name: p\nvars: {a: 1, b: 2, c: 3}\ntargets: {x: {vars: {b: 20, c: 30}}}\n"
    assert loaded(content, target="x", variables={"c": 300, "d": 400}).vars == {"a": 1, "b": 20, "c": 300, "d": 400}


@pytest.mark.parametrize(
    ("declared", "given"),
    [
        ("[1, 2.5]", [7]),
        ("[]", ["x"]),
        ("[a, null]", [1, None]),
        ("[1, a]", ["b", 2]),
        ("1", 2.5),
        ("2.5", 1),
        ("'1'", ""),
        ("null", [1]),
        ("{a: 1, b: [x]}", {"a": 2, "c": "new"}),
        ("false", True),
    ],
)
def test_a_variable_is_replaced_by_one_of_its_kind(loaded: Loaded, declared: str, given: Any) -> None:
    assert loaded(f"name: p\nvars: {{v: {declared}}}\n", variables={"v": given}).vars == {"v": given}


@pytest.mark.parametrize(
    ("declared", "given", "what"),
    [
        ("[7, 14]", [], "--var v must be a list of numbers that is not empty, not an empty list"),
        ("[7, 14]", 7, "--var v must be a list of numbers, not a number"),
        ("[7, 14]", [1, "x"], "--var v must be a list of numbers, not one whose item 2 is a text"),
        ("[7, 14]", [True], "--var v must be a list of numbers, not one whose item 1 is true or false"),
        ("[7, a]", [[1]], "--var v must be a list of numbers or texts, not one whose item 1 is a list"),
        ("1", "x", "--var v must be a number, not a text"),
        ("1", True, "--var v must be a number, not true or false"),
        ("true", 1, "--var v must be true or false, not a number"),
        ("a", 2024, "--var v must be a text, not a number"),
        ("a", None, "--var v must be a text, not nothing"),
        ("{a: {b: 1}}", {"a": {"b": "x"}}, "--var v.a.b must be a number, not a text"),
        ("{a: 1}", [1], "--var v must be a mapping, not a list"),
        ('"${T}"', 1, "--var v must be a text, not a number"),
    ],
)
def test_a_variable_of_another_kind_is_refused_early_and_no_value_is_told(
    loaded: Loaded, declared: str, given: Any, what: str
) -> None:
    content = f"name: p\nvars: {{v: 5}}\ntargets: {{x: {{vars: {{v: {declared}}}}}}}\n"
    with pytest.raises(UsageError) as refused:
        loaded(content, {"T": "secret"}, target="x", variables={"v": given})
    assert refused.value.what == what
    assert "secret" not in str(refused.value)
    assert "headgate.yml says so" in str(refused.value)


def test_variables_of_the_command_line_are_yaml() -> None:
    assert parse_variables(["a=true", "b=[1, x]", "c=", "d=x=y", "e={k: 1}", "f='1'", "a=no"]) == {
        "a": "no",
        "b": [1, "x"],
        "c": None,
        "d": "x=y",
        "e": {"k": 1},
        "f": "1",
    }


@pytest.mark.parametrize("text", ["a", "=1", "1a=2", "a b=1", "a=[1", "a=!x y"])
def test_a_broken_variable_is_the_callers_mistake(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_variables([text])
    assert not isinstance(caught.value, ConfigError)


@pytest.mark.parametrize(
    ("lake", "where"),
    [
        ("lake", "{}/lake"),
        ("./a/../b/", "{}/b"),
        ("../shared", "{}/../shared"),
        ("/srv/x", "/srv/x"),
        ("s3://b/p/", "s3://b/p"),
        ("S3://b/p", "s3://b/p"),
    ],
)
def test_places_are_taken_from_the_project_folder(loaded: Loaded, tmp_path: Path, lake: str, where: str) -> None:
    expected = where.format(tmp_path)
    assert loaded(f"name: p\nlake: {lake}").lake == (expected if "://" in expected else os.path.normpath(expected))


def test_a_tilde_is_the_home_folder(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert loaded("name: p\nlake: ~/lake").lake == "/home/somebody/lake"
    assert loaded("name: p\nlake: a/~/lake").lake.endswith("/a/~/lake")


# --- the environment ------------------------------------------------------------------------------------


def test_a_text_of_the_environment_may_be_a_number_where_one_is_wanted(loaded: Loaded) -> None:
    content = (
        'name: p\nthreads: "${T}"\npublish: {max_shrink: "${S:-0.25}"}\nvars: {v: "${T}"}\n'
        'targets: {dev: {sample: {fraction: "${F:-0.1}", by: k}}}\n'
    )
    project = loaded(content, {"T": "4"}, target="dev")
    assert (project.threads, project.publish.max_shrink) == (4, 0.25)
    assert project.sample is not None
    assert project.sample.fraction == 0.1
    assert project.vars == {"v": "4"}
    assert type(project.vars["v"]) is str


def test_a_text_of_the_environment_that_is_no_number_is_not_shown(loaded: Loaded) -> None:
    error = refused(loaded, 'name: p\nthreads: "${T}"\n', environ={"T": "hunter2"})
    assert error.what == "this must be a whole number, not the environment's value"


def test_a_text_of_the_file_is_no_number(loaded: Loaded) -> None:
    assert "whole number, not the text '4'" in refused(loaded, 'name: p\nthreads: "4"').what


def test_a_variable_cannot_become_yaml(loaded: Loaded) -> None:
    project = loaded('name: p\nvars: {a: "${A}"}', {"A": "1\nlake: /etc"})
    assert project.vars == {"a": "1\nlake: /etc"}
    assert project.lake.endswith("/lake")


def test_a_variable_that_is_not_set_is_told_with_file_line_and_key(loaded: Loaded) -> None:
    error = refused(loaded, 'name: p\n\nlake: "${HEADGATE_LAKE}/x"\n')
    assert (error.line, error.key) == (3, "lake")
    assert "HEADGATE_LAKE is not set" in error.what
    assert "${HEADGATE_LAKE:-…}" in str(error)


def test_a_target_that_is_not_chosen_needs_no_variables(loaded: Loaded) -> None:
    content = 'name: p\ntargets:\n  dev: {}\n  prod: {lake: "${PROD_LAKE}", memory_limit: "${PROD_MEMORY}"}\n'
    assert loaded(content).targets == ("dev", "prod")
    assert loaded(content, target="dev").target == "dev"
    error = refused(loaded, content, target="prod")
    assert "PROD_LAKE is not set" in error.what
    assert "PROD_MEMORY is not set" in error.what


OTHERS = """
name: p
layers: [raw, marts]
sources:
  shop:
    type: postgres
    url: "postgresql://${SHOP_USER}@host/shop"
    tables: {people: {pii: [email]}}
serve:
  near: {type: postgres, schema: s, url: "postgresql://host/near", tables: {marts.a: {primary_key: [a]}}}
  far: {type: postgres, schema: s, url: "${FAR_URL}", tables: {marts.a: {primary_key: [a]}}}
notify: {ops: {urls: ["json://host", "${OPS_URL}"]}}
after: {train: {command: ["${TRAIN}", "now"]}}
targets:
  prod: {serve: {other: {type: postgres, schema: s, url: "${PROD_URL}", tables: {marts.a: {primary_key: [a]}}}}}
"""


@pytest.mark.parametrize(("target", "serve"), [(None, ["near"]), ("prod", [])])
def test_who_asks_the_lake_alone_needs_nobodys_address(loaded: Loaded, target: str | None, serve: list[str]) -> None:
    project = loaded(OTHERS, target=target, only_lake=True)
    assert list(project.serve) == serve
    assert (project.notify, project.after) == ({}, {})
    assert project.sources["shop"].tables["people"].pii == ("email",)  # hidden from who reads the lake
    error = refused(loaded, OTHERS, target=target)
    for name in ("SHOP_USER", "OPS_URL", "TRAIN"):
        assert f"{name} is not set" in str(error)


def test_who_asks_the_lake_alone_needs_to_know_where_it_is(loaded: Loaded) -> None:
    error = refused(loaded, OTHERS + 'lake: "${LAKE_URL}"\nledger: "${LEDGER_URL}"\n', only_lake=True)
    assert "LAKE_URL is not set" in str(error)
    assert "LEDGER_URL is not set" in str(error)
    assert "SHOP_USER" not in str(error)


def test_other_mistakes_are_told_to_who_asks_the_lake_alone(loaded: Loaded) -> None:
    assert refused(loaded, OTHERS.replace("name: p", "nam: p"), only_lake=True).line == 2
    assert "typ" in refused(loaded, OTHERS.replace("near: {type:", "near: {typ:"), only_lake=True).what


def test_secrets_are_hidden_in_errors_and_in_the_projects_text(loaded: Loaded) -> None:
    content = 'name: p\nledger: "postgresql://me:${PASSWORD}@host/db"\nvars: {token: "${TOKEN}"}\n'
    environ = {"PASSWORD": "hunter2", "TOKEN": "abcdef"}
    project = loaded(content, environ)
    assert project.ledger == "postgresql+psycopg://me:hunter2@host/db"
    assert project.mask("could not log in as me:hunter2, token abcdef") == "could not log in as me:***, token ***"
    assert "hunter2" not in repr(project)

    error = refused(loaded, content + "memory_limit: hunter2\n", environ=environ)
    assert "hunter2" not in str(error)


# --- mistakes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "line", "key", "what", "hint"),
    [
        ("lake: x\n", 1, "name", "'name' is required", "name: rossmann"),
        ("name: p\nlak: x\n", 2, "lak", "no setting 'lak'", "did you mean 'lake'?"),
        ("name: p\npublish: {max_shrnk: 1}\n", 2, "publish.max_shrnk", "no setting", "did you mean 'max_shrink'?"),
        ("name: p\npublish: 3\n", 2, "publish", "must be a mapping, not the number 3", None),
        ("name: p\nsources: [a]\n", 2, "sources", "must be a mapping, not a list", None),
        ("name: 7\n", 1, "name", "must be a text, not the number 7", None),
        ("name:\n", 1, "name", "must be a text, not null", None),
        ("name: ''\n", 1, "name", "a name cannot be ''", None),
        ("name: a/b\n", 1, "name", "a name cannot be 'a/b'", "a_b"),
        ("name: " + "x" * 64 + "\n", 1, "name", "too long: at most 63", None),
        ("name: p\nlake: ''\n", 2, "lake", "must not be empty", None),
        ("name: p\nlake: gs://b/x\n", 2, "lake", "cannot be at gs://", "s3://bucket"),
        ("name: p\nlake: s3://\n", 2, "lake", "names no bucket", None),
        ("name: p\nlake: s3://me:pw@b/x\n", 2, "lake", "not that of a bucket and a prefix", "AWS_PROFILE"),
        ("name: p\nlake: s3://b/../x\n", 2, "lake", "not that of a bucket and a prefix", None),
        ("name: p\nlake: s3://b//x\n", 2, "lake", "not that of a bucket and a prefix", None),
        ("name: p\nlake: s3://b/x?endpoint=h\n", 2, "lake", "not that of a bucket and a prefix", None),
        (
            "name: p\nlayers: [raw, m]\nexport: {e: {tables: [m.t], to: 'o/{table}.csv', format: csv}}\n",
            3,
            "export.e.to",
            "{release} is missing",
            None,
        ),
        (
            "name: p\nlayers: [raw, m]\nexport: {e: {tables: [x.t], to: 'o/{release}', format: csv}}\n",
            3,
            "export.e.tables[0]",
            "there is no layer 'x'",
            "m",
        ),
        ("name: p\nledger: ./ledger.db\n", 2, "ledger", "must be a database's URL", "sqlite:///ledger.db"),
        ("name: p\nledger: mysql://h/d\n", 2, "ledger", "must be a database's URL", "postgresql"),
        ("name: p\nlayers: []\n", 2, "layers", "must not be empty", None),
        ("name: p\nlayers: raw\n", 2, "layers", "must be a list, not the text 'raw'", None),
        ("name: p\nlayers: [marts, raw]\n", 2, "layers[0]", "first layer must be raw", "layers: [raw, marts]"),
        ("name: p\nlayers:\n  - raw\n  - a\n  - A\n", 5, "layers[2]", "named twice", None),
        ("name: p\nlayers: [raw, raw_log]\n", 2, "layers[1]", "raw_log is reserved", None),
        ("name: p\nlayers: [raw, Quarantine]\n", 2, "layers[1]", "Quarantine is reserved", None),
        ("name: p\nlayers: [raw, _headgate]\n", 2, "layers[1]", "a name cannot be '_headgate'", None),
        ("name: p\nlayers: [raw, ../../etc]\n", 2, "layers[1]", "cannot be '../../etc'", "for example etc"),
        ("name: p\nlayers: [raw, 1a]\n", 2, "layers[1]", "cannot be '1a'", "t_1a"),
        ("name: p\nvars: {a: .nan}\n", 2, "vars", "NaN", None),
        ("name: p\nvars: [1]\n", 2, "vars", "must be a mapping, not a list", None),
        ("name: p\nthreads: 0\n", 2, "threads", "at least 1, not the number 0", None),
        ("name: p\nthreads: 1.5\n", 2, "threads", "must be a whole number, not the number 1.5", None),
        ("name: p\nthreads: true\n", 2, "threads", "must be a whole number, not true", None),
        ("name: p\nmemory_limit: lots\n", 2, "memory_limit", "memory limit cannot be 'lots'", "4GB"),
        ("name: p\nmemory_limit: 4\n", 2, "memory_limit", "must be a text, not the number 4", None),
        ("name: p\npublish: {max_shrink: 1.5}\n", 2, "publish.max_shrink", "at most 1, not the number 1.5", None),
        ("name: p\npublish: {max_shrink: .nan}\n", 2, "publish.max_shrink", "must be", None),
        ("name: p\npublish: {allow_nan: [a]}\n", 2, "publish.allow_nan[0]", "cannot be 'a'", "layer.table.column"),
        ("name: p\npublish: {allow_nan: [a.b.c]}\n", 2, "publish.allow_nan[0]", "no layer 'a'", "raw"),
        (
            "name: p\ntargets: {dev: {sample: {fraction: 1, by: k}}}\n",
            2,
            "targets.dev.sample.fraction",
            "less than 1",
            None,
        ),
        (
            "name: p\ntargets: {dev: {sample: {fraction: 0, by: k}}}\n",
            2,
            "targets.dev.sample.fraction",
            "more than 0",
            None,
        ),
        ("name: p\ntargets: {dev: {sample: {by: k}}}\n", 2, "targets.dev.sample.fraction", "required", "fraction: 0.1"),
        ("name: p\ntargets: {dev: {smple: 1}}\n", 2, "targets.dev.smple", "no setting", "did you mean 'sample'?"),
        ("name: p\ntargets: {dev: null}\n", 2, "targets.dev", "must be a mapping, not null", None),
        ("name: p\ntargets: {data: {}}\n", 2, "targets.data", "data is reserved", None),
        ("name: p\ntargets: {a/b: {}}\n", 2, "targets.a/b", "a name cannot be 'a/b'", "a_b"),
        ("name: p\nafter: {a: {command: ''}}\n", 2, "after.a.command", "the command is empty", None),
        ('name: p\nafter: {a: {command: "x \'y"}}\n', 2, "after.a.command", "quotation", None),
        ("name: p\nafter: {a: {command: ' '}}\n", 2, "after.a.command", "the command is empty", None),
        ("name: p\nafter: {a: {command: [x]}}\n", 2, "after.a.command", "must be a text, not a list", None),
        ("name: p\nafter: {a: {}}\n", 2, "after.a.command", "required", "command: python retrain.py"),
        ("name: p\nafter: {a: {command: x, timeout: 5}}\n", 2, "after.a.timeout", "length of time", None),
        (
            "name: p\nafter: {a: {command: x, timeout: soon}}\n",
            2,
            "after.a.timeout",
            "'soon' is no length of time",
            None,
        ),
        (
            "name: p\nafter: {a: {command: x, when: {changed: [x]}}}\n",
            2,
            "after.a.when.changed[0]",
            "cannot be 'x'",
            "layer.table",
        ),
        (
            "name: p\nafter: {a: {command: x, when: {changed: [rw.x]}}}\n",
            2,
            "after.a.when.changed[0]",
            "no layer 'rw'",
            "did you mean 'raw'?",
        ),
        (
            "name: p\nafter: {a: {command: x, when: {min_new_rows: -1}}}\n",
            2,
            "after.a.when.min_new_rows",
            "at least 0",
            None,
        ),
        (
            one_table("primary_kye: [k]"),
            6,
            "sources.s.tables.t.primary_kye",
            "no setting",
            "did you mean 'primary_key'?",
        ),
        (one_table("snapshot: yes"), 6, "sources.s.tables.t.snapshot", "true or false, not the text 'yes'", None),
        (one_table("snapshot: 1"), 6, "sources.s.tables.t.snapshot", "true or false, not the number 1", None),
        (one_table("cursor: 5"), 6, "sources.s.tables.t.cursor", "must be a text", None),
        (
            one_table("format: xlsx"),
            6,
            "sources.s.tables.t.format",
            "'csv', 'json' or 'parquet', not the text 'xlsx'",
            None,
        ),
        (
            one_table("columns: {a: 'INT); drop table x'}"),
            6,
            "sources.s.tables.t.columns.a",
            "a type cannot be",
            "DECIMAL",
        ),
        (one_table("columns: {a: 1}"), 6, "sources.s.tables.t.columns.a", "must be a text, not the number 1", None),
        (one_table("encoding: 'a b'"), 6, "sources.s.tables.t.encoding", "an encoding cannot be 'a b'", "latin-1"),
        (one_table("quote: ab"), 6, "sources.s.tables.t.quote", "too long", None),
        (one_table("null_values: NA"), 6, "sources.s.tables.t.null_values", "must be a list", None),
        (one_table("on_new_column: ask"), 6, "sources.s.tables.t.on_new_column", "'block' or 'evolve'", None),
    ],
)
def test_a_mistake_is_told_with_its_place_and_a_way_out(
    loaded: Loaded, content: str, line: int, key: str, what: str, hint: str | None
) -> None:
    error = refused(loaded, content)
    assert (error.line, error.key) == (line, key)
    assert what in error.what
    if hint is not None:
        assert hint in (error.hint or "")


@pytest.mark.parametrize("value", ["a: 'x", "[", "!x y", "{"])
def test_a_text_of_the_environment_that_is_no_yaml_is_only_of_the_wrong_type(loaded: Loaded, value: str) -> None:
    error = refused(loaded, 'name: p\nthreads: "${T}"\n', environ={"T": value})
    assert error.what == "this must be a whole number, not the environment's value"


def test_an_address_that_cannot_be_taken_apart_holds_no_known_password(loaded: Loaded) -> None:
    assert loaded("name: p\nvars: {a: 'http://[broken'}").vars == {"a": "http://[broken"}


def test_a_command_cannot_hold_a_nul(loaded: Loaded) -> None:
    assert "NUL" in refused(loaded, 'name: p\nafter: {a: {command: "x\\0"}}').what


def test_variables_are_kept_as_plain_values_however_deep(loaded: Loaded) -> None:
    project = loaded('name: p\nvars: {a: {b: [1, {c: ["${A}", null, 1.5, true]}]}}', {"A": "x"})
    assert project.vars == {"a": {"b": [1, {"c": ["x", None, 1.5, True]}]}}


def test_a_hook_may_wait_for_a_table_of_raw_and_a_column_may_hold_nan(loaded: Loaded) -> None:
    content = ROSSMANN[: ROSSMANN.index("publish:")]
    content += "after: {a: {command: x, when: {changed: [raw.train]}}}\npublish: {allow_nan: [features.t.x]}\n"
    project = loaded(content)
    assert project.after["a"].when.changed == ("raw.train",)
    assert project.publish.allow_nan == ("features.t.x",)


def test_a_missing_setting_is_told_at_what_lacks_it(loaded: Loaded) -> None:
    error = refused(loaded, "name: p\nsources:\n  s:\n    type: files\n    tables:\n      t:\n        path: a.csv\n")
    assert (error.line, error.key) == (6, "sources.s.tables.t.primary_key")
    assert error.hint == "for example primary_key: [Store, Date]"


def test_a_source_needs_a_known_type(loaded: Loaded) -> None:
    assert "'type' is required" in refused(loaded, f"name: p\nsources: {{s: {{tables: {{t: {TABLE}}}}}}}\n").what
    error = refused(loaded, f"name: p\nsources: {{s: {{type: fils, tables: {{t: {TABLE}}}}}}}\n")
    assert error.what == "this must be files, postgres, mysql, sqlite or duckdb, not the text 'fils'"
    assert (error.key, error.hint) == ("sources.s.type", "did you mean 'files'?")


def test_tables_of_two_sources_cannot_share_a_name(loaded: Loaded) -> None:
    content = (
        f"name: p\nsources:\n  a:\n    type: files\n    tables:\n      orders: {TABLE}\n"
        f"  b:\n    type: files\n    tables:\n      Orders: {TABLE}\n"
    )
    error = refused(loaded, content)
    assert (error.line, error.key) == (10, "sources.b.tables.Orders")
    assert "this and a.orders" in error.what


def test_a_key_names_each_column_once(loaded: Loaded) -> None:
    content = "name: p\nsources: {s: {type: files, tables: {t: {path: a, primary_key: [k, K]}}}}\n"
    assert "column K is named twice" in refused(loaded, content).what
    content = "name: p\nsources: {s: {type: files, tables: {t: {path: a, primary_key: []}}}}\n"
    assert "must not be empty" in refused(loaded, content).what


@pytest.mark.parametrize("name", ['"; drop table x; --', "../../etc", "a.b", "a b", "ü", "1", "x" * 64, "_x", "a\n"])
def test_hostile_table_names_are_refused(loaded: Loaded, name: str) -> None:
    content = {"name": "p", "sources": {"s": {"type": "files", "tables": {name: {"path": "a", "primary_key": ["k"]}}}}}
    error = refused(loaded, yaml.safe_dump(content))
    assert error.key is not None
    assert error.key.startswith("sources.s.tables.")


def test_a_setting_that_became_two_is_told_with_both(loaded: Loaded) -> None:
    error = refused(loaded, "name: p\nsources:\n  s: {type: sqlite, path: a.db, on_type_change: evolve}\n")
    assert (error.what, error.key) == ("there is no setting 'on_type_change' here", "sources.s.on_type_change")
    assert error.hint == "write on_widened_type and on_narrowed_type"
    files = f"name: p\nsources: {{s: {{type: files, on_type_change: evolve, tables: {{t: {TABLE}}}}}}}\n"
    assert "on_widened_type" not in str(refused(loaded, files))


def test_a_hook_may_wait_only_for_tables_that_can_be(loaded: Loaded) -> None:
    hook = "after: {a: {command: x, when: {changed: [raw.trian]}}}\n"
    error = refused(loaded, ROSSMANN[: ROSSMANN.index("after:")] + hook)
    assert "no source has a table 'trian'" in error.what
    assert error.hint == "did you mean 'train'?"


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(loaded: Loaded) -> None:
    error = refused(loaded, 'name: 1\nlake: "${NOTHING}"\nlayrs: [raw]\nthreads: x\n')
    assert (error.line, error.key) == (1, "name")
    first, second, third, fourth = error.what.splitlines()
    assert first == "this must be a text, not the number 1"
    assert "also headgate.yml:2 (lake): the environment variable NOTHING is not set" in second
    assert "also headgate.yml:3 (layrs): there is no setting 'layrs' here; did you mean 'layers'?" in third
    assert "also headgate.yml:4 (threads)" in fourth


def test_very_many_mistakes_are_counted(loaded: Loaded) -> None:
    error = refused(loaded, "name: p\n" + "".join(f"unknown{n}: 1\n" for n in range(50)))
    assert error.what.splitlines()[-1] == "  and 39 more"


# --- finding the file -----------------------------------------------------------------------------------


def test_without_a_project_file_the_user_is_told_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no headgate\.yml") as caught:
        load(tmp_path, environ={})
    assert "headgate init" in str(caught.value)
    assert "--project" in str(caught.value)


def test_the_folder_above_is_not_searched(tmp_path: Path) -> None:
    (tmp_path / "headgate.yml").write_text("name: p")
    (tmp_path / "below").mkdir()
    with pytest.raises(UsageError, match=r"no headgate\.yml"):
        load(tmp_path / "below", environ={})


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        load(tmp_path / "nothing", environ={})


def test_another_ending_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "headgate.yaml").write_text("name: p")
    with pytest.raises(UsageError) as caught:
        load(tmp_path, environ={})
    assert caught.value.hint == "rename headgate.yaml to headgate.yml"


def test_a_folder_of_this_name_is_no_project_file(tmp_path: Path) -> None:
    (tmp_path / "headgate.yml").mkdir()
    with pytest.raises(ConfigError, match="not a file"):
        load(tmp_path, environ={})


def test_a_relative_folder_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "headgate.yml").write_text("name: p")
    monkeypatch.chdir(tmp_path)
    assert load(Path(), environ={}).lake == str(tmp_path / "lake")


def test_paths_are_shown_from_the_project(loaded: Loaded, tmp_path: Path) -> None:
    project = loaded("name: p")
    assert project.shown(tmp_path / "gates" / "raw.yml") == "gates/raw.yml"
    assert project.shown(Path("/elsewhere/x")) == "/elsewhere/x"


# --- anything at all ------------------------------------------------------------------------------------

words = st.sampled_from(
    [
        "name",
        "lake",
        "sources",
        "layers",
        "vars",
        "targets",
        "publish",
        "after",
        "ledger",
        "memory_limit",
        "threads",
        "type",
        "files",
        "tables",
        "path",
        "primary_key",
        "cursor",
        "snapshot",
        "columns",
        "format",
        "max_shrink",
        "allow_nan",
        "command",
        "when",
        "changed",
        "timeout",
        "sample",
        "fraction",
        "by",
        "raw",
        "marts",
        "raw.t",
        "${A}",
        "${B:-x}",
        "$$",
        "1h",
        "4GB",
        "s3://b",
        "sqlite:///x",
        "a",
        "dev",
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | words | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=3), inner, max_size=4),
    max_leaves=25,
)
tables = st.dictionaries(
    words | st.text(max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "path": words,
            "primary_key": st.lists(words, max_size=2),
            "snapshot": anything,
            "columns": anything,
            "cursor": words,
        },
    ),
    max_size=2,
)
plausible = st.fixed_dictionaries(
    {"name": words | anything},
    optional={
        "lake": words | anything,
        "layers": st.lists(words, max_size=3) | anything,
        "sources": st.dictionaries(
            words, st.fixed_dictionaries({"type": st.just("files"), "tables": tables}), max_size=2
        ),
        "targets": st.dictionaries(words, st.dictionaries(words, anything, max_size=2), max_size=2) | anything,
        "after": st.dictionaries(words, st.dictionaries(words, anything, max_size=3), max_size=2) | anything,
        "publish": st.dictionaries(words, anything, max_size=2) | anything,
        "vars": anything,
        "ledger": words | anything,
        "threads": anything,
    },
)


@given(plausible, st.dictionaries(st.sampled_from("AB"), st.text(max_size=5)), st.none() | words)
def test_anything_is_a_project_or_a_usage_error(
    tmp_path_factory: pytest.TempPathFactory, data: Any, environ: dict[str, str], target: str | None
) -> None:
    folder = tmp_path_factory.getbasetemp() / "anything"
    folder.mkdir(exist_ok=True)
    (folder / "headgate.yml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8", errors="replace")
    try:
        project = load(folder, environ=environ, target=target)
    except UsageError as error:
        assert error.what  # noqa: PT017 - either outcome is right
    else:
        assert project.layers[0] == "raw"


# --- time -----------------------------------------------------------------------------------------------


def test_reading_takes_a_few_milliseconds(loaded: Loaded) -> None:
    loaded(ROSSMANN)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        loaded(ROSSMANN)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.1, "about 2 ms on an idle machine"


def test_nothing_heavy_is_imported() -> None:
    script = (
        "import sys, headgate.project; "
        "heavy = {'duckdb', 'sqlalchemy', 'dbt', 'sqlglot', 'pandas', 'rich', 'typer'} & set(sys.modules); "
        "sys.exit(' '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- serve and notify -----------------------------------------------------------------------------------

SERVER = "type: postgres, url: 'postgresql://u:s3cret-word@h/d', schema: s"
SERVE = f"name: p\nlayers: [raw, marts]\nserve: {{w: {{{SERVER}, tables: "


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ("{}", "tables"),
        ("{mart.t: {primary_key: [k]}}", "there is no layer 'mart'"),
        ("{marts.t: {}}", "'primary_key' is required"),
        ("{marts.t: {primary_key: []}}", "primary_key"),
        ("{marts.t: {primary_key: [k], mode: apend}}", "mode"),
        ("{marts.t: {primary_key: [k], name: headgate_release}}", "the name headgate_release is reserved"),
        ("{marts.t: {primary_key: [k]}, raw.t: {primary_key: [k]}}", "two tables would be called t there"),
        ("{marts.t: {primary_key: [k], foreign_keys: {a: u.k}}}", "no table 'u' is served"),
        ("{marts.t: {primary_key: [k], foreign_keys: {a: t.j}}}", "j is not the primary key of t"),
        ("{marts.t: {primary_key: [k], foreign_keys: {a: t}}}", "table.column"),
        ("{marts.t: {primary_key: [k], not_null: k}}", "a list of columns"),
        ("{marts.a.b: {primary_key: [k]}, marts.t: {primary_key: [k], foreign_keys: {k: a.b.k}}}", "without a dot"),
        (f"{{marts.{'ä' * 32}: {{primary_key: [k]}}}}", "it keeps 63 bytes"),
        ("{marts.t: {primary_key: [k], not_null: {but: [k]}}}", "a list of columns"),
    ],
)
def test_a_mistake_in_what_is_served_is_named(loaded: Loaded, tables: str, text: str) -> None:
    error = refused(loaded, f"{SERVE}{tables}}}}}\n")
    assert text in str(error)
    assert "s3cret-word" not in str(error)


def test_tables_are_served_under_the_names_that_they_have(loaded: Loaded) -> None:
    tables = """{marts.Order Lines: {primary_key: [Id No]}, 'marts."; drop': {primary_key: [k]}, marts.a.b:
      {primary_key: [k], name: a_b}, marts.t: {primary_key: [k], foreign_keys: {n: Order Lines.Id No, b: a_b.k}}}"""
    served = loaded(f"{SERVE}{tables}}}}}\n").serve["w"].tables
    assert list(served) == ["marts.Order Lines", 'marts."; drop', "marts.a.b", "marts.t"]


def test_what_is_served_and_who_is_told_are_read(loaded: Loaded) -> None:
    project = loaded(
        f"{SERVE}{{marts.t: {{primary_key: [k], not_null: {{all_but: [n]}}}}}}}}}}\n"
        "notify: {ops: {urls: ['json://h'], on: [late]}}\nexpect_every: 1h\n"
        "targets: {dev: {serve: {}}}\n"
    )
    table = project.serve["w"].tables["marts.t"]
    assert (table.mode, table.not_null.all_but, project.serve["w"].schema_) == ("upsert", ("n",), "s")
    assert (project.notify["ops"].on, project.expect_every) == (("late",), timedelta(hours=1))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (
            "serve: {w: {type: postgres, url: 'mysql://h/d', schema: s, tables: {raw.t: {primary_key: [k]}}}}",
            "PostgreSQL",
        ),
        ("notify: {ops: {urls: []}}", "urls"),
        ("notify: {ops: {urls: ['json://h'], on: [blokced]}}", "on"),
        ("expect_every: often", "no length of time"),
    ],
)
def test_other_mistakes_of_serving_and_telling_are_named(loaded: Loaded, line: str, text: str) -> None:
    assert text in str(refused(loaded, f"name: p\n{line}\n"))
