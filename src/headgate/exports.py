"""How releases reach those who take files: one object a table, and when all of them are there a manifest.

Who reads an export looks for the manifest: without it what lies there is not complete, and nobody's. Nothing is
exported under one manifest twice.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from headgate.errors import HeadgateError, LakeError, did_you_mean
from headgate.lake.engine import LAKE, Connection, ident, literal, qualified, translated
from headgate.lake.manifest import Manifest
from headgate.lake.store import MissingError, Store
from headgate.project.export_path import MANIFESTS, ExportPath
from headgate.project.following_config import ExportConfig

#: Of a mark: long enough that a billion different values have different ones.
_DIGITS = 24
FORMATS = {"csv": "FORMAT csv, HEADER true", "parquet": "FORMAT parquet, COMPRESSION zstd"}


@dataclass(frozen=True, slots=True)
class ExportedObject:
    """One table of an export: ``key`` is relative to the export's root."""

    table: str
    key: str
    rows: int
    bytes: int
    columns: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote; ``anew`` is False where it was complete before."""

    manifest: str
    objects: list[ExportedObject]
    anew: bool


def export(
    con: Connection,
    release: Manifest,
    name: str,
    wanted: ExportConfig,
    to: Store,
    lake: str,
    *,
    pii: Mapping[str, Collection[str]] | None = None,
) -> Exported:
    """Write the tables of ``release``, which is attached to ``con``, and then the manifest.

    ``pii`` names, by table, the columns that hold personal data. After a failure none of the objects stays. What an
    attempt that was killed has left is written again.

    Raises:
        ConfigError: there is personal data, and nobody said what becomes of it.
        LakeError: the release has not one of the tables; or somebody else's export has this name and number.
        CouldNotRunError: it cannot be written.
    """
    tagged = pii or {}
    refuse_untold(name, wanted, tagged)
    key = f"{MANIFESTS}/{name}/{release.release:06d}.json"
    about = {"export": name, "lake": lake, "release": release.release, "run": release.run}
    if (before := _exported_before(to, key, about)) is not None:
        return before
    missing = [table for table in wanted.tables if table not in release.tables]
    if missing:
        hint = did_you_mean(missing[0], release.tables)
        raise LakeError(f"release {release.release} has no table {missing[0]}", where=f"export {name}", hint=hint)
    written: list[str] = []
    key_of_marks = secrets.token_hex(16)
    try:
        objects = [
            _write(con, release, table, wanted, to, written, hidden=tagged.get(table, ()), drawn=key_of_marks)
            for table in wanted.tables
        ]
        content = about | {
            "project": release.project,
            "published_at": release.published_at,
            "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "format": wanted.format,
            "pii": wanted.pii if any(tagged.values()) else None,
            "objects": [asdict(each) for each in objects],
        }
        to.create(key, json.dumps(content, indent=1).encode())
    except BaseException:
        for each in written:
            with contextlib.suppress(HeadgateError):  # told is what led here; without a manifest it is nobody's
                to.delete(each)
        raise
    return Exported(to.url(key), objects, anew=True)


def refuse_untold(name: str, wanted: ExportConfig, pii: Mapping[str, Collection[str]]) -> None:
    """Raise ConfigError if personal data would leave the lake and nobody said how."""
    found = [f"{table}.{column}" for table in wanted.tables for column in sorted(pii.get(table, ()))]
    if found and wanted.pii is None:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise wanted.error(
            f"{found[0]}{more} is tagged pii, and the export {name} does not say what becomes of it",
            "pii",
            hint="write pii: leave_out, pii: mask or pii: include",
        )


def _exported_before(to: Store, key: str, about: dict[str, Any]) -> Exported | None:
    try:
        content = json.loads(to.read(key))
        objects = [ExportedObject(**each) for each in content["objects"]]
    except MissingError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise LakeError("the manifest of the export cannot be read", where=to.url(key), hint="delete it") from error
    if {name: content.get(name) for name in about} != about:
        raise LakeError(
            f"there is an export of this name and number, of release {content.get('release')} of {content.get('lake')}",
            where=to.url(key),
            hint="give each lake a place of its own: the setting 'to' of the export",
        )
    return Exported(to.url(key), objects, anew=False)


def _write(
    con: Connection,
    release: Manifest,
    table: str,
    wanted: ExportConfig,
    to: Store,
    written: list[str],
    *,
    hidden: Collection[str],
    drawn: str,
) -> ExportedObject:
    key = ExportPath.parse(wanted.to).fill(_values(release, table))
    written.append(key)
    columns = [{"name": c["name"], "type": c["type"]} for c in release.tables[table]["columns"]]
    chosen = ", ".join(ident(column["name"]) for column in columns)
    if wanted.pii == "leave_out":
        columns = [column for column in columns if column["name"] not in hidden]
        chosen = ", ".join(ident(column["name"]) for column in columns)
    elif wanted.pii == "mask":
        chosen = ", ".join(
            _mark(column["name"], drawn) if column["name"] in hidden else ident(column["name"]) for column in columns
        )
        columns = [column | {"type": "VARCHAR"} if column["name"] in hidden else column for column in columns]
    if not columns:
        raise LakeError(f"{table} has no column that is not tagged pii", hint="take it out of the export's tables")
    query = f"SELECT {chosen} FROM {qualified(LAKE, *table.split('.', 1))}"
    if to.shared:  # in parts, whatever the size; the object is there when the last one is
        rows, size = _copy(con, query, to.url(key), wanted.format)
    else:
        with tempfile.TemporaryDirectory(prefix="headgate-export-") as spool:
            file = Path(spool) / "table"
            rows, size = _copy(con, query, str(file), wanted.format)
            to.delete(key)  # left by an attempt that was killed
            to.create(key, file)
    return ExportedObject(table, key, rows, size, columns)


def _mark(column: str, drawn: str) -> str:
    """A mark in place of a value: equal for equal values, and not to be found by trying as nobody knows the key.

    Null stays null: that there is no value is no personal data.
    """
    hashed = f"sha256({literal(drawn)} || CAST({ident(column)} AS VARCHAR))"
    return f"CASE WHEN {ident(column)} IS NOT NULL THEN '••• ' || left({hashed}, {_DIGITS}) END AS {ident(column)}"


def _copy(con: Connection, query: str, to: str, kind: str) -> tuple[int, int]:
    """How many rows and bytes were written."""
    try:
        rows = con.execute(f"COPY ({query}) TO {literal(to)} ({FORMATS[kind]})").fetchall()[0][0]
        size = con.execute(f"SELECT size FROM read_blob({literal(to)})").fetchall()[0][0]  # asks, and reads nothing
    except duckdb.Error as error:
        raise translated(error, doing=f"writing {to}") from error
    return int(rows), int(size)


def _values(release: Manifest, table: str) -> dict[str, str]:
    layer, _, name = table.partition(".")
    published = datetime.fromisoformat(release.published_at).astimezone(UTC)
    return {
        "table": name,
        "layer": layer,
        "release": f"{release.release:06d}",
        "run": release.run,
        "year": f"{published:%Y}",
        "month": f"{published:%m}",
        "day": f"{published:%d}",
        "hour": f"{published:%H}",
    }
