"""What a gate is told of the past of a lake: its releases, and since when a table is as it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from headgate.errors import NoReleaseError
from headgate.gates.sight import Earlier, Since
from headgate.gates.values import UnusableError
from headgate.lake.engine import Connection, attach, ident
from headgate.lake.release import Manifest, Releases

#: What the name of an earlier release on the connection begins with; its number follows.
EARLIER = "earlier"


@contextmanager
def earlier_releases(con: Connection, releases: Releases, served: int | None) -> Iterator[Earlier]:
    """Attaches releases when first asked for, ``served`` unless another is meant, and lets go of them after."""
    attached: dict[int, str] = {}

    def attach_release(release: int | None) -> str | None:
        number = served if release is None else release
        if number is None:
            return None
        if number not in attached:
            try:
                catalog = str(releases.catalog(number))
            except NoReleaseError as error:
                raise UnusableError(f"{error.what} to compare with: {error.hint}") from error
            alias = f"{EARLIER}_{number}"
            attach(con, catalog, releases.store.url("data"), alias=alias, read_only=True)
            attached[number] = alias
        return attached[number]

    try:
        yield attach_release
    finally:
        for alias in attached.values():
            con.execute(f"DETACH {ident(alias)}")


def since_publishing(manifest: Manifest | None) -> Since:
    """Data that is as it was in a release has its age from there; other data has none yet."""

    def since(title: str, identity: str | None) -> dt.datetime | None:
        entry = manifest.tables.get(title) if manifest else None
        if manifest is None or entry is None or entry["identity"] != identity:
            return None
        if "since" not in entry:
            what = f"release {manifest.release} does not say since when {title} is as it is"
            raise UnusableError(f"{what}: an older headgate published it")
        return dt.datetime.fromisoformat(entry["since"])

    return since
