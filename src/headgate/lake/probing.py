"""Does an object store do what a lake rests on? Some take a conditional put and ignore its condition."""

from __future__ import annotations

import uuid

from headgate.errors import LakeError
from headgate.lake.store import ExistsError, Store


def probe(store: Store) -> None:
    """Write, replace, read and delete one small object, where the lake is in an object store.

    Raises:
        LakeError: the store ignores conditions, so that two runs could overwrite each other's release.
        CouldNotRunError: the store refuses one of these.
    """
    if not store.shared:
        return
    key = f"work/probe-{uuid.uuid4().hex}"
    store.create(key, b"1")
    try:
        store.create(key, b"2")
    except ExistsError:
        store.replace(key, b"3", expected=b"1")
    else:
        raise LakeError(
            "the object store ignores the condition of a put (If-None-Match), so releases would not be safe in it",
            where=store.location,
            hint="update it, or name another place: the setting 'lake' in headgate.yml",
        )
    finally:
        store.delete(key)
