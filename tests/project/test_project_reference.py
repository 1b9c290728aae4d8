"""The pages about what a project declares agree with the code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from headgate.project import config, database_config, files_config, following_config, load, read_gate, reference, values
from headgate.project.declaration import DIMENSIONS, ON_FAIL, SEVERITIES
from headgate.project.gate_file import OPTIONS
from headgate.project.interpolation import interpolate
from headgate.project.rules import RESERVED_LAYERS, RESERVED_TARGETS
from headgate.project.suite import BOOKKEEPING
from headgate.project.yaml_file import read_yaml

REPOSITORY = Path(__file__).parents[2]
PAGES = REPOSITORY / "docs" / "reference"
CONFIGURATION = (PAGES / reference.PAGE_FILE).read_text(encoding="utf-8")
GATE_FILES = (PAGES / "gate-files.md").read_text(encoding="utf-8")
RENEW = "run: make docs"

MODELS = [
    each
    for module in (config, files_config, database_config, following_config)
    for each in vars(module).values()
    if isinstance(each, type)
    and issubclass(each, BaseModel)
    and each not in (BaseModel, values.Settings, values.PlacedSettings, database_config.Database)
]
MODELS = list(dict.fromkeys(MODELS))  # a kind that stands for all kinds has two names
#: What each model needs besides the setting that is tried.
LEAST: dict[str, dict[str, Any]] = {
    "ProjectFile": {"name": "p"},
    "FilesSource": {"type": "files", "tables": {"t": {"path": "a.csv", "primary_key": ["k"]}}},
    "FilesTable": {"path": "a.csv", "primary_key": ["k"]},
    "PostgresSource": {"type": "postgres", "url": "postgresql://h/d"},
    "MysqlSource": {"type": "mysql", "url": "mysql://h/d"},
    "SqliteSource": {"type": "sqlite", "path": "a.db"},
    "DuckdbSource": {"type": "duckdb", "path": "a.duckdb"},
    "Sample": {"fraction": 0.5, "by": "k"},
    "ExportConfig": {"tables": ["marts.t"], "to": "out/{table}/{release}.csv", "format": "csv"},
    "AfterHook": {"command": "x"},
    "ServedTable": {"primary_key": ["k"]},
    "PostgresServer": {
        "type": "postgres",
        "url": "postgresql://h/d",
        "schema": "s",
        "tables": {"marts.t": {"primary_key": ["k"]}},
    },
    "Channel": {"urls": ["json://localhost"]},
}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def test_the_tables_of_settings_are_those_of_the_models() -> None:
    assert reference.with_settings(CONFIGURATION) == CONFIGURATION, RENEW


def test_the_kept_schema_is_that_of_the_models() -> None:
    assert (PAGES / reference.SCHEMA_FILE).read_text(encoding="utf-8") == reference.schema_text(), RENEW


def test_every_model_has_a_section() -> None:
    assert set(reference.SECTIONS) == {model.__name__ for model in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_setting_is_described_with_an_example_that_is_right(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        assert field.description, name
        assert field.description.endswith((".", "`.")), name
        assert field.examples, name
        example = interpolate(field.examples[0], {"LEDGER_PASSWORD": "x"}).data
        model.model_validate({**LEAST.get(model.__name__, {}), field.alias or name: example})


def test_the_whole_example_of_the_page_is_a_project(tmp_path: Path) -> None:
    (tmp_path / "headgate.yml").write_text(blocks(CONFIGURATION, "yaml")[1])
    assert load(tmp_path, environ={}).name == "rossmann"


def test_the_page_names_what_is_reserved() -> None:
    for name in RESERVED_LAYERS | RESERVED_TARGETS | {"_headgate"}:
        assert f"`{name}`" in CONFIGURATION


def test_the_example_gate_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "gates" / "suites").mkdir(parents=True)
    (tmp_path / "gates" / "suites" / "raw_train.json").write_text('{"expectations": [{"type": "a"}]}')
    (tmp_path / "gates" / "raw.yml").write_text(blocks(GATE_FILES, "yaml")[0])
    assert len(read_gate(tmp_path, "raw").tables["train"]) == 6


def test_every_option_and_choice_of_a_gate_file_is_described() -> None:
    for option in OPTIONS:
        assert f"| `{option}` |" in GATE_FILES
    for word in (*DIMENSIONS, *SEVERITIES, *ON_FAIL, *BOOKKEEPING):
        assert f"`{word}`" in GATE_FILES


# --- the JSON schema ------------------------------------------------------------------------------------


def errors(content: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(reference.schema())
    return [error.message for error in validator.iter_errors(yaml.safe_load(content))]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(reference.schema_text()))


def test_the_schema_takes_what_headgate_takes() -> None:
    assert errors(blocks(CONFIGURATION, "yaml")[1]) == []
    for path in (REPOSITORY / "projects").glob("*/headgate.yml"):
        validator = jsonschema.Draft202012Validator(reference.schema())
        assert list(validator.iter_errors(read_yaml(path, path.name).data)) == []
    assert errors('name: p\nthreads: "${T}"\npublish: {max_shrink: "${S:-0.5}"}\nmemory_limit: "${M}"\n') == []


@pytest.mark.parametrize(
    "content",
    [
        "lake: x",
        "name: p\nunknown: 1",
        "name: p\nthreads: many",
        "name: p\nlayers: []",
        "name: p\nsources: {a: {type: other, tables: {t: {path: a, primary_key: [k]}}}}",
        "name: p\nsources: {a: {type: files, tables: {t: {path: a}}}}",
        "name: p\nsources: {a/b: {type: files, tables: {t: {path: a, primary_key: [k]}}}}",
        "name: p\nafter: {a: {command: x, timeout: soon}}",
        "name: p\nmemory_limit: lots",
    ],
)
def test_the_schema_refuses_what_headgate_refuses(content: str) -> None:
    assert errors(content)


def test_a_page_is_renewed_in_place(tmp_path: Path) -> None:
    page = tmp_path / reference.PAGE_FILE
    page.write_text(f"before\n{reference.BEGIN}\noutdated\n{reference.END}\nafter\n")
    reference.write(tmp_path)
    renewed = page.read_text()
    assert renewed.startswith("before\n")
    assert renewed.endswith("after\n")
    assert "outdated" not in renewed
    assert "`max_shrink`" in renewed
    assert (tmp_path / reference.SCHEMA_FILE).is_file()
