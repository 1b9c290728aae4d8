"""The pages agree with the code: generated ones are fresh, links lead somewhere, examples are right."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from headgate.cli.app import all_verbs

REPOSITORY = Path(__file__).parents[2]
REFERENCE = REPOSITORY / "docs" / "reference"
JSON_PAGE = (REFERENCE / "json.md").read_text(encoding="utf-8")
SCHEMAS = sorted(path.name.removesuffix(".schema.json") for path in (REFERENCE / "json").iterdir())
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "projects/**/*.md", "benchmarks/**/*.md")
    for page in REPOSITORY.glob(pattern)
    if not {"lake", "data", ".venv", "node_modules"} & set(page.relative_to(REPOSITORY).parts)
)
COMMANDS: dict[str, Any] = all_verbs()
#: What they print is a run.
RUNS = {"quarantine replay", "quarantine drop"}


def name_of(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", REPOSITORY / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_generated_is_fresh(generate: ModuleType) -> None:
    for path, text in generate.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: make docs"


def test_every_verb_and_option_is_on_the_page_of_the_command_line() -> None:
    page = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    for name, command in COMMANDS.items():
        assert f"\n## {name}\n" in page
        for parameter in command.params:
            assert parameter.help, (name, parameter.name)
            assert parameter.help.endswith("."), (name, parameter.name)


# --- links ---------------------------------------------------------------------------------------------


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page):
        file, _, anchor = target.partition("#")
        found = (page.parent / file) if file else page
        assert found.exists(), target
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), target


def test_every_page_of_the_reference_is_reached_from_the_readme() -> None:
    reached, todo = set(), [REPOSITORY / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        todo += [(page.parent / target.partition("#")[0]).resolve() for target in links(page) if target[0] != "#"]
    missing = {name_of(page) for page in (REPOSITORY / "docs").glob("**/*.md")} - {name_of(page) for page in reached}
    assert missing == set()


# --- commands in pages ---------------------------------------------------------------------------------


def calls(page: Path) -> Iterator[list[str]]:
    """Every call of headgate on a page: in code blocks, and between backticks."""
    text = page.read_text(encoding="utf-8")
    lines = [line.strip().removeprefix("$ ") for line in text.splitlines() if re.match(r"(\$ | {4}|\$)", line)]
    lines += re.findall(r"`([^`\n]+)`", text)
    for line in lines:
        for part in line.split(" · ") if " · " in line else [line]:
            command = re.search(r"(?:^|&& |[\w/]=\S+ )(headgate (?!VERB).*)", part)
            if command:
                words = shlex.split(command[1].split(" >> ")[0], comments=True)
                if len(words) > 1 and re.fullmatch(r"[a-z-]+", words[1]):
                    yield words[1:]


@pytest.mark.parametrize("page", [page for page in PAGES if list(calls(page))], ids=name_of)
def test_every_command_on_a_page_exists_with_its_options(page: Path) -> None:
    for words in calls(page):
        if words[0].startswith("--"):
            assert words[0] in ("--help", "--version"), words
            continue
        verb = words[0] if words[0] in COMMANDS else " ".join(words[:2])
        assert verb in COMMANDS, words
        known = {name for p in COMMANDS[verb].params for name in (*p.opts, *p.secondary_opts)} | {"--help", "-h"}
        assert {word for word in words[1:] if re.match(r"--?[a-z]", word)} <= known, words


def test_the_readmes_table_has_every_verb_and_only_options_that_there_are() -> None:
    rows = re.findall(r"^\| (`.+?) \| (.+) \|$", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = set()
    for verbs, text in rows:
        found = re.findall(r"`(quarantine [a-z]+|[a-z]+)\b", verbs)
        named |= set(found)
        known = {name for verb in found for p in COMMANDS[verb].params for name in p.opts}
        assert set(re.findall(r"--[a-z-]+", verbs + text)) <= known, verbs
    assert named == set(COMMANDS)


# --- the page about JSON -------------------------------------------------------------------------------


def sections() -> dict[str, list[str]]:
    parts = re.split(r"^## (.+)$", JSON_PAGE, flags=re.MULTILINE)
    return {
        title: re.findall(r"^```json\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_every_verb_has_a_schema_and_every_schema_a_section_and_a_row() -> None:
    assert set(SCHEMAS) == {name.replace(" ", "-") for name in COMMANDS.keys() - RUNS} | {"release", "error"}
    assert set(sections()) == {*SCHEMAS, "Values"}
    for name in SCHEMAS:
        assert f"(json/{name}.schema.json)" in JSON_PAGE


@pytest.mark.parametrize(("name", "example"), [(n, e) for n, examples in sections().items() for e in examples])
def test_the_examples_of_the_page_are_what_the_schemas_say(name: str, example: str) -> None:
    schema = json.loads((REFERENCE / "json" / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(example))


def test_every_status_of_a_run_is_described() -> None:
    schema = json.loads((REFERENCE / "json" / "run.schema.json").read_text(encoding="utf-8"))
    for status in schema["properties"]["status"]["enum"]:
        assert f"| `{status}` |" in JSON_PAGE
