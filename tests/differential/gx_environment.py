"""The environment of Great Expectations: made once from pinned requirements, and kept in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements.txt"


def python_of_gx() -> Path:
    """The Python of the environment, which is made now unless it is there already.

    Its folder is named after the requirements and this Python, so what has changed is made anew. Tests that run
    side by side wait for the one that makes it.

    Raises:
        RuntimeError: it cannot be made; the text is what the installer said.
    """
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headgate"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"great-expectations-{digest}"
    complete = folder / ".complete"
    with (cache / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder)
            complete.touch()
    return folder / "bin" / "python"


def _make(folder: Path) -> None:
    python, requirements = str(folder / "bin" / "python"), ["--require-hashes", "-r", str(REQUIREMENTS)]
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv:
        _call(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        _call(uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *requirements)
    else:
        _call(sys.executable, "-m", "venv", str(folder))
        _call(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the environment of Great Expectations cannot be made: {done.stderr.strip()[-2000:]}")
