"""Releases of a small lake, made with SQL."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from headgate.lake import branch as branches
from headgate.lake.catalog import read_contents
from headgate.lake.engine import Connection, attach, detach, qualified
from headgate.lake.profile import describe
from headgate.lake.release import NO_RELEASE, Manifest, Pointer, Releases, catalog_key
from headgate.lake.store import Store
from publisher import DRAFT, LAYERS


class Lake:
    """A lake, and the shortest way to put something in it."""

    blank: ClassVar[bytes] = b""
    #: Whether the rows of views are counted, as a run does before it publishes.
    counts_views: ClassVar[bool] = False

    def __init__(self, store: Store, con: Connection) -> None:
        self.store = store
        self.con = con
        self.releases = Releases(store)
        self.runs = 0

    def branch(self, *statements: str, run: str | None = None, base: Pointer | None = None) -> branches.Branch:
        """A branch of the served release on which ``statements`` were run; still attached as ``lake``."""
        self.runs += 1
        base = base or self.releases.pointer()
        run = run or f"run-{self.runs}"
        if base.release is None:
            branch = self._blank_branch(run)
        else:
            branch = branches.create(self.store, run, base, self.con, LAYERS)
        self.execute(*statements)
        return branch

    def _blank_branch(self, run: str) -> branches.Branch:
        """A branch from nothing: made once a process, and copied after that, which takes a tenth of the time."""
        branch = branches.branch_of(self.store, run)
        if not Lake.blank:
            branches.close_branch(branches.create(self.store, run, NO_RELEASE, self.con, LAYERS), self.con)
            Lake.blank = branch.path.read_bytes()
        branches.discard(branch)
        branch.path.parent.mkdir(parents=True, exist_ok=True)
        branch.path.write_bytes(Lake.blank)
        attach(self.con, str(branch.path), branch.data, read_only=False)
        return branch

    def execute(self, *statements: str) -> None:
        """Run each statement, with ``lake`` as the default catalog."""
        self.con.execute("USE lake")
        try:
            for statement in statements:
                self.con.execute(statement)
        finally:
            self.con.execute("USE memory")

    def publish(self, *statements: str, keep_branch: bool = False, **manifest: Any) -> Manifest:
        """Run ``statements`` on a branch and publish it; keywords go into the manifest."""
        base = self.releases.pointer()
        branch = self.branch(*statements)
        published = self.publish_branch(branch, base, **manifest)
        if not keep_branch:
            branches.discard(branch)
        return published

    def publish_branch(self, branch: branches.Branch, base: Pointer, **manifest: Any) -> Manifest:
        """Publish a branch that is attached as ``lake``."""
        tables = describe(self.con, read_contents(self.con), LAYERS)
        for name in [name for name, entry in tables.items() if entry["rows"] is None and self.counts_views]:
            relation = qualified("lake", *name.split(".", 1))
            tables[name]["rows"] = self.con.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0]
        snapshot = branches.snapshot_of(self.con)
        branches.close_branch(branch, self.con)
        sha256 = branches.freeze(branch, self.con, snapshot)
        draft = replace(DRAFT, parent=base.release, run=branch.run, snapshot=snapshot, catalog_sha256=sha256)
        return self.releases.publish(branch.frozen, replace(draft, **({"tables": tables} | manifest)), base)

    def read(self, sql: str, release: int | None = None, store: Store | None = None) -> list[tuple[Any, ...]]:
        """Run one query on a release, by default the served one."""
        store = store or self.store
        number = release or Releases(store).pointer().release
        assert number is not None, "nothing is published"
        attach(self.con, store.url(catalog_key(number)), store.url("data"), read_only=True)
        try:
            self.con.execute("USE lake")
            return self.con.execute(sql).fetchall()
        finally:
            self.con.execute("USE memory")
            self.con.execute("DETACH lake")

    def look(self, branch: branches.Branch, sql: str) -> list[tuple[Any, ...]]:
        """Run one query on a branch that is not attached."""
        attach(self.con, str(branch.path), branch.data, read_only=True)
        try:
            self.con.execute("USE lake")
            return self.con.execute(sql).fetchall()
        finally:
            self.con.execute("USE memory")
            self.con.execute("DETACH lake")

    def detach(self) -> None:
        """Close the branch that is attached."""
        detach(self.con)

    def data_files(self) -> set[str]:
        """Every data file that lies in the lake."""
        return {entry.key.removeprefix("data/") for entry in self.store.list("data")}


def python(code: str, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a process of its own; it finds ``arguments`` as the list of strings ``ARGS``."""
    command = _command(code, arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """As `python`, but without waiting for the end."""
    pipe = subprocess.PIPE
    return subprocess.Popen(_command(code, arguments), stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def _command(code: str, arguments: tuple[object, ...]) -> list[str]:
    here = str(Path(__file__).parent)
    head = f"import sys; sys.path.insert(0, {here!r}); ARGS = {json.dumps([str(a) for a in arguments])}"
    return [sys.executable, "-c", f"{head}\n{code}"]
