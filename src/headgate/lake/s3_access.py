"""Who may read and write a lake in an object store, and where it is: from the usual places of AWS' own tools.

The environment, the profile in ``~/.aws``, a container's or a machine's role: botocore looks for them in its order.
https://docs.aws.amazon.com/boto3/latest/guide/credentials.html
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from headgate.errors import CouldNotRunError, MissingExtraError, UsageError
from headgate.lake.engine import ident, literal

#: Where AWS itself is, if nothing names a region.
DEFAULT_REGION = "us-east-1"
NO_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this machine a role"


@dataclass(frozen=True, slots=True)
class Access:
    """Credentials as they are now, and where the object store is; ``expires``: they will not do for ever."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(repr=False)
    expires: bool
    region: str
    endpoint: str | None

    def secret_sql(self, bucket: str, prefix: str) -> str:
        """What makes DuckDB use them below one prefix, and nowhere else."""
        scope = f"s3://{bucket}/{prefix}".rstrip("/") + "/"
        settings = {"KEY_ID": self.key_id, "SECRET": self.secret, "REGION": self.region, "SCOPE": scope}
        if self.token:
            settings["SESSION_TOKEN"] = self.token
        options = [f"{name} {literal(value)}" for name, value in settings.items()]
        if self.endpoint:
            scheme, _, host = self.endpoint.partition("://")
            options += [f"ENDPOINT {literal(host)}", "URL_STYLE 'path'", f"USE_SSL {literal(scheme == 'https')}"]
        return f"CREATE OR REPLACE TEMPORARY SECRET {ident('headgate ' + scope)} (TYPE s3, {', '.join(options)})"


def find_access() -> Access:
    """What this process may use now; roles are renewed as they run out.

    Raises:
        CouldNotRunError: there are no credentials, or they cannot be had.
        UsageError: the profile or the endpoint is written wrong.
        MissingExtraError: the libraries for object stores are not installed.
    """
    session, credentials, refreshable = _session()
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]

    try:
        frozen = credentials.get_frozen_credentials()
        profile = session.get_scoped_config()
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region") or DEFAULT_REGION
    except (BotoCoreError, RuntimeError) as error:  # RuntimeError: those that it just got have run out already
        raise CouldNotRunError(f"the credentials for S3 cannot be had: {type(error).__name__}: {error}") from error
    named = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or profile.get("endpoint_url")
    return Access(frozen.access_key, frozen.secret_key, frozen.token, refreshable, region, _endpoint(named))


@cache
def _session() -> tuple[Any, Any, bool]:
    """The session and its credentials: found once a process, since asking a machine for its role takes a while."""
    try:
        import botocore.session  # type: ignore[import-untyped]
        from botocore.credentials import RefreshableCredentials  # type: ignore[import-untyped]
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise MissingExtraError("botocore", "s3") from error
    session = botocore.session.Session()
    try:
        credentials = session.get_credentials()
    except BotoCoreError as error:
        raise UsageError(f"the credentials for S3 cannot be read: {error}", hint=NO_CREDENTIALS) from error
    if credentials is None:
        raise CouldNotRunError("there are no credentials for S3", hint=NO_CREDENTIALS)
    return session, credentials, isinstance(credentials, RefreshableCredentials)


def _endpoint(text: str | None) -> str | None:
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or "@" in parts.netloc:
        raise UsageError(
            "AWS_ENDPOINT_URL does not hold the URL of an object store",
            hint="write it like https://minio.example.org:9000, without a user or password",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
