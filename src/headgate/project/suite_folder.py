"""Folders of Great Expectations' projects, and the suites in them by their names."""

from __future__ import annotations

from pathlib import Path

from headgate.errors import ConfigError, did_you_mean

#: Between a folder and the name of a suite in it.
WITHIN = "::"
#: As many suites an error lists.
SHOWN = 20
#: Where Great Expectations' projects keep their suites, from the folder of the project or from that above it.
_FOLDERS = ("expectations", "gx/expectations", "great_expectations/expectations")


def exists(path: Path) -> bool:
    """Whether there is such a file or folder, or the folder of ``FOLDER::NAME``."""
    folder, within, _ = str(path).rpartition(WITHIN)
    return path.exists() or (bool(within) and Path(folder).is_dir())


def find_suite(path: Path, file: str) -> Path:
    """The suite at ``path``: the file itself, the only one in a folder of Great Expectations, or ``FOLDER::NAME``.

    Such a folder has ``expectations/`` in it, is that, or has ``gx/`` or ``great_expectations/`` in it. ``file`` is the
    path under which errors speak of it.

    Raises:
        ConfigError: there are several, or none, or none of this name.
    """
    if path.is_dir():
        return _named(path, None, file)
    folder, within, name = str(path).rpartition(WITHIN)
    if not within or path.exists() or not Path(folder).is_dir():
        return path
    return _named(Path(folder), name, file.rpartition(WITHIN)[0])


def _named(folder: Path, name: str | None, file: str) -> Path:
    """The suite of this name, or the only one, in a folder that errors call ``file``."""
    store = next((folder / each for each in _FOLDERS if (folder / each).is_dir()), folder)
    files = sorted(each.relative_to(store) for each in store.rglob("*.json"))
    suites = [each for each in files if not each.as_posix().startswith(".")]
    if not suites:
        hint = f"a folder of Great Expectations holds its suites as .json in {_FOLDERS[0]}/"
        raise ConfigError("there is no suite in this folder", file=file, hint=hint)
    names = [_name_of(each) for each in suites]
    found = [each for each in suites if name is None or _name_of(each) == name.replace("/", ".")]
    if len(found) == 1:
        return store / found[0]
    if found and name is not None:
        same = ", ".join((store / each).relative_to(folder).as_posix() for each in found)
        raise ConfigError(f"several suites in this folder are called {name}: {same}", file=file, hint="name its file")
    if name is not None:
        hint = did_you_mean(name, names)
        raise ConfigError(f"there is no suite {name[:60]!r} in this folder", file=file, hint=hint)
    shown = [f"{file.rstrip('/')}{WITHIN}{each}" for each in names[:SHOWN]]
    more = f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    hint = f"name one: {', '.join(shown)}{more}"
    raise ConfigError(f"there are {len(suites):,} suites in this folder", file=file, hint=hint)


def _name_of(suite: Path) -> str:
    """The name by which Great Expectations knows the suite in a file of its store.

    >>> _name_of(Path("shop/orders.json")), _name_of(Path("shop.orders.json"))
    ('shop.orders', 'shop.orders')
    """
    return suite.as_posix().removesuffix(".json").replace("/", ".")
