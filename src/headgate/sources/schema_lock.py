"""``schema.lock``: the columns and types of every source table, inferred once and then held.

A file of the project, to be committed with it: two people who load the same files get the same types.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from headgate.errors import ConfigError
from headgate.project.yaml_file import safe_load

NAME = "schema.lock"
_RESTORE = "restore it from version control; or delete it, then types are taken from the lake or inferred anew"
_HEAD = """\
# Written by headgate when a release is published; keep it in version control.
# To change a type, declare it in headgate.yml (columns:), or edit it here.
"""


@dataclass(frozen=True, slots=True)
class LockedTable:
    """Name and type of each column, in order, and how the first file separated them, if it was CSV."""

    columns: Mapping[str, str] = field(default_factory=dict)
    delimiter: str | None = None


def read_lock(folder: Path) -> dict[str, LockedTable]:
    """What ``schema.lock`` in the project's folder holds, by table; empty if there is none.

    Raises:
        ConfigError: the file cannot be understood.
    """
    path = folder / NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the file cannot be read: {error}", file=NAME) from error
    try:
        data = safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        raise ConfigError("this is not valid YAML", file=NAME, line=line, hint=_RESTORE) from error
    tables = data.get("tables", {}) if isinstance(data, dict) else None
    if not isinstance(tables, dict):
        raise _malformed("tables")
    return {str(name): _parse(str(name), table) for name, table in tables.items()}


def write_lock(folder: Path, tables: Mapping[str, LockedTable]) -> None:
    """Replace ``schema.lock`` in one piece, if its contents differ."""
    path = folder / NAME
    data = {"tables": {name: _plain(tables[name]) for name in sorted(tables)}}
    text = _HEAD + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".schema.lock.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _plain(table: LockedTable) -> dict[str, Any]:
    plain: dict[str, Any] = {"delimiter": table.delimiter} if table.delimiter else {}
    return plain | {"columns": dict(table.columns)}


def _parse(name: str, table: Any) -> LockedTable:
    columns = table.get("columns") if isinstance(table, dict) else None
    if not isinstance(columns, dict) or not all(isinstance(kind, str) for kind in columns.values()):
        raise _malformed(f"tables.{name}.columns")
    delimiter = table.get("delimiter")
    if delimiter is not None and not isinstance(delimiter, str):
        raise _malformed(f"tables.{name}.delimiter")
    return LockedTable({str(column): kind for column, kind in columns.items()}, delimiter)


def _malformed(key: str) -> ConfigError:
    return ConfigError(
        "the file is not as headgate writes it",
        file=NAME,
        key=key,
        hint=_RESTORE,
    )
