"""The kinds of values that settings have: names, lengths of time, flags, texts from the environment."""

from __future__ import annotations

import math
import re
import shlex
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, WithJsonSchema

from headgate.errors import ConfigError
from headgate.project.database_url import is_database_url, take_apart
from headgate.project.declaration import Bound
from headgate.project.durations import parse_duration
from headgate.project.interpolation import FromEnvironment
from headgate.project.yaml_file import KeyPath, YamlFile

NAME_PATTERN = r"^[a-zA-Z][a-zA-Z0-9_]*$"
SOURCE_PATTERN = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
PROJECT_PATTERN = r"^[a-zA-Z_][a-zA-Z0-9_-]*$"
MEMORY_PATTERN = r"^[0-9]+(\.[0-9]+)? ?([kKMGT]i?)?B$"
TYPE_PATTERN = r"^[A-Za-z][A-Za-z0-9_ ]*(\([0-9]+( ?, ?[0-9]+)?\))?(\[[0-9]*\])*$"

#: A layer, and whatever a database or dbt may call a table.
TABLE_PATTERN = r"^[a-zA-Z][a-zA-Z0-9_]*\.[^\x00]+$"
POSTGRES_PATTERN = r"^postgres(ql)?://[^\x00]+$"
REFERENCE_PATTERN = r"^[^.\x00]+\.[^\x00]+$"
COLUMN_PATTERN = r"^[^.]+\.[^.]+\..+$"
ENCODING_PATTERN = r"^[A-Za-z0-9._:-]{1,40}$"


def from_environment(value: Any) -> Any:
    if isinstance(value, FromEnvironment) and not isinstance(scalar := value.scalar(), str):
        return scalar
    return value


def as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _null_word(value: Any) -> Any:
    """Take YAML's null for the word, which is what an author of ``non_finite: null`` means."""
    return "null" if value is None else value


def as_duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def as_command(value: Any) -> Any:
    if isinstance(value, str):
        if not shlex.split(value):
            raise ValueError("the command is empty")
        if "\x00" in value:
            raise ValueError("a command cannot contain a NUL character")
    return value


def as_bound(value: Any) -> Any:
    """What ``Bound`` understands, as it is written."""
    Bound.parse(value)
    return value


def as_clear_url(value: str) -> str:
    """A text that, if it is the URL of a database, can be read in one way only."""
    if is_database_url(value):
        take_apart(value)
    return value


def as_plain(value: Any) -> Any:
    """Plain JSON values only, so that variables can be hashed, stored and handed to dbt."""
    if isinstance(value, dict):
        return {str(key): as_plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(each) for each in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("NaN and infinities cannot be handed on: write a finite number or a text")
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ValueError(f"a variable is a text, number, true, false, null, list or mapping, not {type(value).__name__}")


Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=63)]
SourceName = Annotated[str, Field(pattern=SOURCE_PATTERN, max_length=63)]
ColumnName = Annotated[str, Field(min_length=1, max_length=255)]
TableName = Annotated[str, Field(pattern=TABLE_PATTERN, max_length=319)]
PathText = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")]
#: Where a database is.
UrlText = Annotated[PathText, AfterValidator(as_clear_url)]
#: What becomes of NaN and infinite numbers.
NonFinite = Annotated[
    Literal["refuse", "null"],
    BeforeValidator(_null_word),
    WithJsonSchema({"enum": ["refuse", "null", None], "type": ["string", "null"]}),
]
Flag = Annotated[bool, BeforeValidator(from_environment)]
Duration = Annotated[
    timedelta,
    BeforeValidator(as_duration),
    WithJsonSchema({"type": "string", "examples": ["30s", "10m", "1h"], "pattern": "^([0-9]+[dhms])+$"}),
]
Variables = Annotated[dict[str, Any], BeforeValidator(as_plain)]
MemoryLimit = Annotated[str, Field(pattern=MEMORY_PATTERN)]
Threads = Annotated[int, BeforeValidator(from_environment), Field(ge=1, le=1024)]


class Settings(BaseModel):
    """What all settings have in common: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class PlacedSettings(Settings):
    """Settings that remember where they are declared, for what is found wrong with them only later."""

    _written: tuple[YamlFile, KeyPath] = PrivateAttr(default=(YamlFile("headgate.yml", {}, {}), ()))

    def written_at(self, source: YamlFile, path: KeyPath) -> None:
        """Remember the place."""
        self._written = (source, path)

    def error(self, what: str, *setting: str, hint: str | None = None) -> ConfigError:
        """An error about one of the settings, such as ``("tables", "payment", "cursor")``."""
        source, path = self._written
        return source.error(what, (*path, *setting), hint=hint)


_INVALID_NAME = re.compile(r"[^A-Za-z0-9_]+")


def suggested_name(text: str) -> str:
    """A valid name that is close to ``text``.

    >>> suggested_name("2024 sales/eu")
    't_2024_sales_eu'
    """
    name = _INVALID_NAME.sub("_", text).strip("_")[:60] or "table"
    return name if name[0].isalpha() else f"t_{name}"
