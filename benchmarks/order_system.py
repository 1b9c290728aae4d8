"""The totesys project beside its simulated order system, for whatever measures it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from headgate.project.announced import announced
from headgate.simulators import simulators_folder
from inputs import ROOT
from measuring import BenchmarkError, Measured, run

if str(simulators_folder()) not in sys.path:
    sys.path.append(str(simulators_folder()))

from oltp import database
from oltp.world import Change, Step

__all__ = ["Change", "OrderSystem", "Step", "database", "running"]

HEADGATE = [sys.executable, "-m", "headgate"]
#: Each fact table of the warehouse with the number of its records and the source's table and key.
FACTS = {
    "fact_sales_order": ("sales_record_id", "sales_order"),
    "fact_purchase_order": ("purchase_record_id", "purchase_order"),
    "fact_payment": ("payment_record_id", "payment"),
}
#: Where the dump of the real order system is looked for, if HEADGATE_DATA does not say it.
DATA = ROOT.parent / "shared" / "data"


@dataclass(frozen=True, slots=True)
class OrderSystem:
    """A project folder of totesys, with its order system and its warehouse running."""

    folder: Path
    past: str

    @property
    def source(self) -> str:
        """The address of the order system."""
        return announced(self.folder)["TOTESYS_URL"]

    @property
    def warehouse(self) -> str:
        """The address of the warehouse."""
        return announced(self.folder)["WAREHOUSE_URL"]

    def headgate(self, *arguments: str) -> Measured:
        """Call ``headgate`` as a process; it must do what it is asked."""
        return run([*HEADGATE, *arguments], self.folder)

    def cycle(self) -> tuple[Measured, dict[str, Any]]:
        """One ``headgate run``, which must publish and serve; returns its verdict, too."""
        done = self.headgate("run", "--json")
        verdict: dict[str, Any] = json.loads(done.output)
        if verdict["status"] != "published" or verdict["served"]["warehouse"]["status"] != "done":
            raise BenchmarkError(f"the run did not serve a release: {done.output[-3000:]}")
        return done, verdict

    def change(self, changes: int) -> None:
        """Let so many things happen in the order system: orders, payments, designs."""
        self.headgate("simulate", "oltp", "--once", str(changes), "--json")

    def ask(self, url: str, query: str) -> Sequence[tuple[Any, ...]]:
        """Ask one of the databases."""
        with psycopg.connect(url, autocommit=True) as con:
            return con.execute(query.encode()).fetchall()


@contextmanager
def running(folder: Path, *, keep: bool = False) -> Iterator[OrderSystem]:
    """The project in ``folder``, begun anew, on the real dump if it is there; its server is ended with the block.

    With ``keep`` a project that is there goes on, and what its databases hold is there the next time, too.
    """
    goes_on = keep and folder.is_dir()
    os.environ.setdefault("HEADGATE_DATA", str(DATA) if DATA.is_dir() else "")
    real = bool(os.environ["HEADGATE_DATA"]) and (Path(os.environ["HEADGATE_DATA"]) / "totesys").is_dir()
    if not goes_on:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        run([*HEADGATE, "init", str(folder), "--template", "totesys"], folder.parent)
    try:
        run([*HEADGATE, "simulate", "oltp", "--once", "0", "--json", *([] if goes_on else ["--fresh"])], folder)
        yield OrderSystem(folder, "the dump of the order system" if real else "a made-up past of the order system")
    finally:
        run([*HEADGATE, "simulate", "oltp", "--stop", *([] if keep else ["--fresh"])], folder, expect=None)
