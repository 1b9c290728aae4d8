"""An environment for each peer, of its own, with pinned packages and compiled bytecode."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True, slots=True)
class Environment:
    """A folder with a Python and the packages of ``benchmarks/peers/<name>/requirements.txt``."""

    folder: Path

    def tool(self, name: str) -> str:
        """The path of one of its programs."""
        return str(self.folder / "bin" / name)


def own() -> Environment:
    """The environment that Headgate itself is in: the one that runs this."""
    return Environment(Path(sys.executable).parent.parent)


def of_peer(name: str, cache: Path) -> Environment:
    """The peer's environment, made now unless it is there already."""
    requirements = PEERS / name / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache / "environments" / f"{name}-{digest}"
    if not (folder / ".complete").exists():
        print(f"making the environment of {name} …", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        _make(folder, requirements)
        (folder / ".complete").touch()
    return Environment(folder)


def _make(folder: Path, requirements: Path) -> None:
    python = str(folder / "bin" / "python")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv:
        _call(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        _call(uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, "-r", str(requirements))
    else:
        _call(sys.executable, "-m", "venv", str(folder))
        _call(python, "-m", "pip", "install", "--quiet", "--compile", "-r", str(requirements))


def _call(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)
