"""What the documentation says of headgate.yml, made from the models: the JSON schema and the tables of settings.

``python -m headgate.project.reference docs/reference`` writes both; ``make docs`` does so too.
"""

from __future__ import annotations

import json
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from headgate.project.config import ProjectFile
from headgate.project.durations import format_duration

SCHEMA_FILE = "headgate.schema.json"
PAGE_FILE = "configuration.md"
BEGIN = "<!-- generated from the models: begin -->"
END = "<!-- generated from the models: end -->"
_ISO_DURATION = re.compile(r"P(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+S)?)?")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Where each model stands in the file, and the words for it.
SECTIONS = {
    "ProjectFile": "The top of the file",
    "FilesSource": "`sources.<source>`, files",
    "FilesTable": "`sources.<source>.tables.<table>` of files",
    "PostgresSource": "`sources.<source>`, a PostgreSQL database",
    "MysqlSource": "`sources.<source>`, a MySQL or MariaDB database",
    "SqliteSource": "`sources.<source>`, a SQLite file",
    "DuckdbSource": "`sources.<source>`, a DuckDB file",
    "DatabaseTable": "`sources.<source>.tables.<table>` of a database",
    "Columns": "`sources.<source>.tables.<table>.columns` of a database",
    "Reconcile": "`sources.<source>.reconcile`",
    "Target": "`targets.<target>`",
    "Sample": "`targets.<target>.sample`",
    "PublishConfig": "`publish`",
    "PruneConfig": "`prune`",
    "PostgresServer": "`serve.<server>`",
    "ServedTable": "`serve.<server>.tables.<table>`",
    "Channel": "`notify.<channel>`",
    "ExportConfig": "`export.<export>`",
    "AfterHook": "`after.<hook>`",
    "When": "`after.<hook>.when`, `export.<export>.when`",
}
_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
}


def schema() -> dict[str, Any]:
    """headgate.yml as a JSON schema, for editors and other tools."""
    return {"$schema": _DIALECT, **_adapted(ProjectFile.model_json_schema()), "title": "headgate.yml"}


def schema_text() -> str:
    """The JSON schema as it is kept in the documentation."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def settings_text() -> str:
    """A table of settings for each part of the file, in Markdown."""
    described: dict[str, Any] = ProjectFile.model_json_schema()
    models = {"ProjectFile": described, **described["$defs"]}
    return "\n\n".join(_section(title, models[name]) for name, title in SECTIONS.items())


def with_settings(page: str) -> str:
    """The page with its generated part made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{settings_text()}\n\n{END}{after}"


def write(folder: Path) -> None:
    """Write the schema and renew the page in ``folder``."""
    (folder / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
    page = folder / PAGE_FILE
    page.write_text(with_settings(page.read_text(encoding="utf-8")), encoding="utf-8")


def _section(title: str, model: dict[str, Any]) -> str:
    required = model.get("required", [])
    rows = []
    for name, setting in model["properties"].items():
        default = "**required**" if name in required else f"`{_default(setting)}`"
        example = _flow({name: setting["examples"][0]})
        rows.append(f"| `{name}` | {_type(setting)} | {default} | {setting['description']} | `{example}` |")
    head = "| setting | type | default | meaning | example |\n|---|---|---|---|---|"
    text = "\n".join(rows)
    return f"### {title}\n\n{model['description']}\n\n{head}\n{text}"


def _default(setting: dict[str, Any]) -> str:
    if "default" in setting:
        return _flow(_duration(setting["default"]))
    return "[]" if setting.get("type") == "array" else "{}"


def _duration(default: Any) -> Any:
    """A default as it is written in the file: pydantic describes a length of time as ISO 8601 does."""
    if not isinstance(default, str) or not _ISO_DURATION.fullmatch(default):
        return default
    return format_duration(TypeAdapter(timedelta).validate_python(default))


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False).strip()
    text = text.removesuffix("...").strip()
    return text[1:-1] if isinstance(value, dict) and value else text


def _type(setting: dict[str, Any]) -> str:
    """A setting's type in words.

    >>> _type({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]})
    'list of text, or null'
    """
    if among := setting.get("anyOf") or setting.get("oneOf"):
        return ", or ".join(_type(each) for each in among)
    if "$ref" in setting:
        return SECTIONS[setting["$ref"].rpartition("/")[2]]
    if "enum" in setting:
        return " or ".join(f"`{each}`" for each in setting["enum"] if each is not None)
    if "const" in setting:
        return f"`{setting['const']}`"
    if setting["type"] == "null":
        return "null"
    if isinstance(setting["type"], list):
        return " or ".join(_WORDS[each] for each in setting["type"])
    word = _WORDS[setting["type"]]
    inner = setting.get("items") or setting.get("additionalProperties")
    if named := setting.get("patternProperties"):
        inner = next(iter(named.values()))
    return f"{word} of {_type(inner)}" if isinstance(inner, dict) and inner else word


def _adapted(node: Any) -> Any:
    """Pydantic's schema, as it holds for the file: names are checked, and ``${NAME}`` may stand for any value."""
    if isinstance(node, list):
        return [_adapted(each) for each in node]
    if not isinstance(node, dict):
        return node
    result = {key: each if key in ("propertyNames", "examples") else _adapted(each) for key, each in node.items()}
    if "default" in result:
        result["default"] = _duration(result["default"])
    if "patternProperties" in result:
        result["additionalProperties"] = False
    kind = node.get("type")
    narrow = {"enum", "pattern"} & set(node) or kind in ("integer", "number", "boolean")
    if not narrow or not isinstance(kind, str):
        return result
    words = {key: result.pop(key) for key in ("title", "description", "default", "examples") if key in result}
    return {"anyOf": [result, {"type": "string", "pattern": r"\$\{[A-Za-z_]"}], **words}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
