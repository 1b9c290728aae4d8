"""Parquet files in an object store that speaks S3, read where they lie: only the columns that are asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from configparser import ConfigParser, Error
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from headgate.errors import CouldNotRunError, MissingExtraError, UsageError
from headgate.lake.engine import Connection, ident, literal, load_extension
from headgate.standalone.data import Data, own
from headgate.standalone.files import called

SCHEME = "s3://"
_ENDINGS = (".parquet", ".pq")


def open_objects(con: Connection, place: str, environ: Mapping[str, str] = os.environ) -> Data:
    """The rows of a Parquet file, or of all that a glob matches.

    Raises:
        UsageError: there is no such file, or it is no Parquet.
        CouldNotRunError: the store cannot be reached, or lets nobody in.
        MissingExtraError: what talks to it is not installed.
    """
    if not place.lower().endswith(_ENDINGS):
        hint = f"known: {', '.join(_ENDINGS)}"
        if "." not in place.rpartition("/")[2]:
            hint = f"write {place.rstrip('/')}/*.parquet for all files of a prefix"
        raise UsageError(f"{place} is no Parquet file, and others are not read from afar", hint=hint)
    try:
        load_extension(con, "httpfs")
    except duckdb.Error as error:
        raise MissingExtraError("duckdb-extension-httpfs", "s3") from error
    table = called(place)
    try:
        con.execute(_secret(environ))
        found = con.execute(f"SELECT count(*) FROM glob({literal(place)})").fetchall()[0][0]
        if not found:
            raise UsageError(f"there is no file {place}")
        con.execute(f"CREATE VIEW {ident(table)} AS SELECT * FROM read_parquet({literal(place)}, union_by_name = true)")
    except duckdb.Error as error:
        text = str(error).strip().splitlines()[0]
        hint = "credentials are taken from AWS_ACCESS_KEY_ID …, or from the profile AWS_PROFILE"
        raise CouldNotRunError(f"{place} cannot be read: {text}", hint=hint) from None  # the statement holds a secret
    return own(con, place, table)


def _secret(environ: Mapping[str, str]) -> str:
    """What DuckDB is told of the store: from the environment, and the profile that it names."""
    profile = _profile(environ)

    def said(variable: str) -> str | None:
        return environ.get(variable) or profile.get(variable.lower())

    endpoint = said("AWS_ENDPOINT_URL_S3") or said("AWS_ENDPOINT_URL") or profile.get("endpoint_url")
    region = said("AWS_REGION") or said("AWS_DEFAULT_REGION") or profile.get("region")
    settings = {
        "KEY_ID": said("AWS_ACCESS_KEY_ID"),
        "SECRET": said("AWS_SECRET_ACCESS_KEY"),
        "SESSION_TOKEN": said("AWS_SESSION_TOKEN"),
        "REGION": region,
    }
    given = [f"{name} {literal(value)}" for name, value in settings.items() if value]
    if endpoint:
        parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
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
