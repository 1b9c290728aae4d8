"""New projects from the complete pipelines that Headgate ships."""

from __future__ import annotations

import shutil
from pathlib import Path

from headgate.errors import UsageError, did_you_mean

#: What running a template leaves behind, and a copy must not take along.
LEFTOVERS = ("lake", "data", "model", ".headgate", "target", "logs", "__pycache__", ".gitkeep", "*.pyc")
GENERATOR = "generate.py"
#: What the data of a template comes from while it is only tried, if not from its own generator.
SIMULATORS = {"totesys": "oltp"}


def templates_folder() -> Path:
    """Where the templates lie: in the wheel, or beside ``src`` in a checkout."""
    package = Path(__file__).parents[1]
    shipped = package / "_shipped" / "projects"
    return shipped if shipped.is_dir() else package.parents[1] / "projects"


def template_names() -> list[str]:
    """The templates that can be chosen."""
    return sorted(path.parent.name for path in templates_folder().glob("*/headgate.yml"))


def copy_template(template: str, folder: Path) -> list[str]:
    """Copy a template into ``folder``; returns the paths of what was written.

    Raises:
        UsageError: there is no such template, or the folder has something in it.
    """
    if template not in template_names():
        raise UsageError(f"there is no template {template!r}", hint=did_you_mean(template, template_names()))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not empty", hint="name a new folder; nothing was written")
    try:
        shutil.copytree(
            templates_folder() / template, folder, ignore=shutil.ignore_patterns(*LEFTOVERS), dirs_exist_ok=True
        )
    except OSError as error:
        raise UsageError(f"the project cannot be written: {error}", where=str(folder)) from error
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def has_generator(folder: Path) -> bool:
    """Whether the project can make data for itself."""
    return (folder / GENERATOR).is_file()
