"""Branches that other machines must find: put away in the lake between two steps, or when a run was stopped.

Only where machines do not share a work folder. Each step puts its branch away under a number of its own, before it is
on record as done: so a step that died between the two is done again on the branch as it was before.
"""

from __future__ import annotations

import re
from pathlib import Path

from headgate.errors import LakeError
from headgate.lake.store import MissingError, Store

FOLDER = "work"


def stow(store: Store, run: str, branch: Path, steps: int) -> None:
    """Put the branch of ``run`` away as it is after so many ``steps``. Nobody may have it open."""
    key = f"{FOLDER}/{run}/{steps:06d}.ducklake"
    store.delete(key)  # a step that died may have been here
    store.create(key, branch)


def take(store: Store, run: str, steps: int, to: Path) -> None:
    """Get the branch of ``run`` as it was after so many ``steps``; raises LakeError if nobody put it away."""
    try:
        store.fetch(f"{FOLDER}/{run}/{steps:06d}.ducklake", to)
    except MissingError as error:
        hint = "it was pruned, or its step was done with another lake: begin a new run"
        raise LakeError(f"the branch of run {run} is not in the lake", where=store.location, hint=hint) from error


def stowed(store: Store, run: str) -> list[str]:
    """The keys under which branches of ``run`` are put away, the oldest first."""
    return sorted(entry.key for entry in store.list(f"{FOLDER}/{run}")) if store.shared else []


def stowed_runs(store: Store) -> set[str]:
    """The runs that have put a branch away."""
    if not store.shared:
        return set()
    found = (re.fullmatch(rf"{FOLDER}/([^/]+)/\d+\.ducklake", entry.key) for entry in store.list(FOLDER))
    return {match[1] for match in found if match}


def drop(store: Store, run: str) -> None:
    """Delete what ``run`` put away."""
    for key in stowed(store, run):
        store.delete(key)
