"""What a simulator tells the project beside which it runs: the variables that say where it is.

They lie in ``.headgate/simulator.json`` as long as the simulator runs, and stand behind the environment's own: who sets
a variable himself means it. Addresses with a password are never written there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headgate.errors import CouldNotRunError, UsageError

FILE = Path(".headgate") / "simulator.json"
#: The variables that a simulator can say, so that an error about one which is not set can name the simulator.
SIMULATED = {"TOTESYS_URL": "oltp", "WAREHOUSE_URL": "oltp"}


def announce(folder: Path, simulator: str, variables: Mapping[str, str]) -> None:
    """Tell the project in ``folder`` what these variables are while ``simulator`` runs."""
    path = folder / FILE
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"simulator": simulator, "variables": dict(variables)}), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise CouldNotRunError(f"the simulator's address cannot be written: {error}", where=str(path)) from error


def withdraw(folder: Path) -> None:
    """Take back what was told."""
    (folder / FILE).unlink(missing_ok=True)


def announced(folder: Path) -> dict[str, str]:
    """The variables of the simulator that runs beside the project; none if there is none.

    Raises:
        UsageError: the file is not what a simulator writes.
    """
    path = folder / FILE
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): str(value) for name, value in told["variables"].items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"this is not what a simulator writes: {error}",
            where=str(path),
            hint="delete it, and start the simulator again",
        ) from error
