"""Files in an object store that speaks S3: Parquet is read where it lies, only the columns that are asked for; CSV and
JSON are fetched, read once, and deleted again.
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from configparser import ConfigParser, Error
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import duckdb

from headgate.errors import CouldNotRunError, MissingExtraError, UsageError
from headgate.gates.sight import Since
from headgate.lake.engine import Connection, ident, literal, load_extension
from headgate.sources.formats.choice import ENDINGS
from headgate.sources.listing import SourceFile
from headgate.standalone.csv_form import AS_FOUND, CsvForm
from headgate.standalone.data import Data, own
from headgate.standalone.files import called, open_listed

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

SCHEME = "s3://"
#: So much of an object is in memory at once while it is fetched.
CHUNK_BYTES = 8 * 2**20
_PARQUET = frozenset({"parquet", "pq"})


def open_objects(
    con: Connection,
    place: str,
    pii: Collection[str] = (),
    form: CsvForm = AS_FOUND,
    environ: Mapping[str, str] = os.environ,
) -> Data:
    """The rows of a file, or of all that a glob matches.

    Raises:
        UsageError: there is no such file, or nobody knows how to read one of this name.
        DataError: a file cannot be read, or does not have the columns of the others.
        CouldNotRunError: the store cannot be reached, or lets nobody in.
        MissingExtraError: what talks to it is not installed.
    """
    ending = place.lower().removesuffix(".gz").rpartition("/")[2].rpartition(".")[2]
    if ending not in ENDINGS:
        hint = f"known: {', '.join(f'.{each}' for each in ENDINGS)}, .csv.gz"
        if "." not in place.rpartition("/")[2]:
            hint = f"write {place.rstrip('/')}/*.parquet for all files of a prefix"
        raise UsageError(f"the name of {place} does not say what it is", hint=hint)
    if ending in _PARQUET:
        form.refuse(place)
    settings = _settings(environ)
    try:
        load_extension(con, "httpfs")
    except duckdb.Error as error:
        raise MissingExtraError("duckdb-extension-httpfs", "s3") from error
    try:
        con.execute(_secret(settings))
        found = con.execute(f"SELECT file FROM glob({literal(place)}) ORDER BY file").fetchall()
        if not found:
            raise UsageError(f"there is no file {place}")
        if ending in _PARQUET:
            return _in_place(con, place)
    except duckdb.Error as error:
        if isinstance(error, duckdb.HTTPException) and error.status_code == HTTPStatus.NOT_FOUND:
            raise UsageError(f"there is no file {place}") from None
        raise _unreadable(place, str(error)) from None  # the statement holds a secret
    with tempfile.TemporaryDirectory(prefix="headgate-") as folder:
        return open_listed(con, place, _fetched([file for (file,) in found], settings, Path(folder)), pii, form)


def _in_place(con: Connection, place: str) -> Data:
    table = called(place)
    con.execute(f"CREATE VIEW {ident(table)} AS SELECT * FROM read_parquet({literal(place)}, union_by_name = true)")

    def since(title: str, identity: str | None) -> dt.datetime | None:
        newest = con.cursor().execute(f"SELECT max(last_modified) FROM read_blob({literal(place)})").fetchall()[0][0]
        return None if newest is None else newest.astimezone(dt.UTC)

    checked: Since = since
    return own(con, place, table, checked)


def _fetched(urls: Sequence[str], settings: Mapping[str, str], folder: Path) -> list[SourceFile]:
    """Copies of objects, called as those are."""
    try:
        import obstore
        from obstore.exceptions import BaseError
    except ImportError as error:
        raise MissingExtraError("obstore", "s3") from error
    files = []
    for number, url in enumerate(urls):
        bucket, _, key = url.removeprefix(SCHEME).partition("/")
        copy = folder / str(number) / Path(key).name
        try:
            found = obstore.get(_store(bucket, settings), key)
            copy.parent.mkdir()
            with copy.open("wb") as stream:
                for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
                    stream.write(chunk)
        except FileNotFoundError as error:
            raise UsageError(f"there is no file {url}") from error
        except BaseError as error:
            raise _unreadable(url, str(error)) from None
        except OSError as error:
            raise CouldNotRunError(f"{url} cannot be fetched: {error.strerror or type(error).__name__}") from error
        moment = int(found.meta["last_modified"].timestamp() * 1e9)
        files.append(SourceFile(url, str(copy), found.meta["size"], moment))
    return files


def _store(bucket: str, settings: Mapping[str, str]) -> S3Store:
    from obstore.store import S3Store

    names = {"KEY_ID": "access_key_id", "SECRET": "secret_access_key", "SESSION_TOKEN": "session_token"}
    names |= {"REGION": "region", "ENDPOINT": "endpoint"}
    config: S3Config = {names[name]: value for name, value in settings.items()}  # type: ignore[assignment]
    if "KEY_ID" not in settings:
        config["skip_signature"] = True
    return S3Store(
        bucket, config=config, client_options={"allow_http": settings.get("ENDPOINT", "").startswith("http:")}
    )


def _unreadable(place: str, text: str) -> CouldNotRunError:
    first = text.strip().splitlines()[0]
    hint = "credentials are taken from AWS_ACCESS_KEY_ID …, or from the profile AWS_PROFILE"
    return CouldNotRunError(f"{place} cannot be read: {first[:300]}", hint=hint)


def _settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Who may read, and where: from the environment, and the profile that it names."""
    profile = _profile(environ)

    def said(variable: str) -> str | None:
        return environ.get(variable) or profile.get(variable.lower())

    endpoint = said("AWS_ENDPOINT_URL_S3") or said("AWS_ENDPOINT_URL") or profile.get("endpoint_url")
    if endpoint and "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    settings = {
        "KEY_ID": said("AWS_ACCESS_KEY_ID"),
        "SECRET": said("AWS_SECRET_ACCESS_KEY"),
        "SESSION_TOKEN": said("AWS_SESSION_TOKEN"),
        "REGION": said("AWS_REGION") or said("AWS_DEFAULT_REGION") or profile.get("region"),
        "ENDPOINT": endpoint,
    }
    return {name: value for name, value in settings.items() if value}


def _secret(settings: Mapping[str, str]) -> str:
    """What DuckDB is told of the store."""
    given = [f"{name} {literal(value)}" for name, value in settings.items() if name != "ENDPOINT"]
    if endpoint := settings.get("ENDPOINT"):
        parts = urlsplit(endpoint)
        use = "true" if parts.scheme == "https" else "false"
        given += [f"ENDPOINT {literal(parts.netloc)}", f"USE_SSL {use}", "URL_STYLE 'path'"]
    return f"CREATE OR REPLACE SECRET headgate (TYPE s3, {', '.join([*given, 'PROVIDER config'])})"


def _profile(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of a profile in the files that AWS's own tools use; nothing if there is none.

    Raises:
        UsageError: a profile is named that is not there, or a file is broken.
    """
    home = Path(environ.get("HOME", "~")).expanduser() / ".aws"
    credentials = Path(environ.get("AWS_SHARED_CREDENTIALS_FILE", home / "credentials"))
    config = Path(environ.get("AWS_CONFIG_FILE", home / "config"))
    name = environ.get("AWS_PROFILE", "default")
    found: dict[str, str] = {}
    for file, section in ((config, name if name == "default" else f"profile {name}"), (credentials, name)):
        parser = ConfigParser(interpolation=None)
        try:
            parser.read(file, encoding="utf-8")
        except (Error, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read as a file of profiles") from error
        found |= dict(parser[section]) if parser.has_section(section) else {}
    if not found and "AWS_PROFILE" in environ:
        raise UsageError(f"there is no profile {name}", hint=f"looked for it in {credentials} and {config}")
    return found
