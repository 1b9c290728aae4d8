"""The files that dbt needs beside the project's own, generated under ``.headgate/dbt``.

They change only when Headgate or the lake's place does, so that dbt's partial parsing holds. With
them plain ``dbt --profiles-dir .headgate/dbt …`` works on the same folder, on a scratch branch.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

WORKSPACE = Path(".headgate") / "dbt"
SCRATCH = "dbt"
#: The dbt package ``headgate``. dbt looks for it where the project's ``packages-install-path`` says: no download.
PACKAGE = ("package/dbt_project.yml", "package/macros/history.sql")
#: Models are built one after the other, each by all of DuckDB's threads. While tables are committed at the same time,
#: DuckLake 1.5 can keep a list of tables that lacks one of them, for as long as the lake is attached: in one of a
#: dozen runs with six models at once, models and tests then failed with "Table with name … does not exist".
THREADS = 1


def prepare(folder: Path, *, scratch: Path, lake: str, data: str) -> Path:
    """Write the profile, Headgate's macros and its dbt package; returns the workspace.

    ``scratch`` is the catalog that dbt by hand works on, copied from what ``lake`` serves.
    """
    workspace = folder / WORKSPACE
    here = files("headgate.transform")
    for path in ("macros/headgate.sql", *PACKAGE):
        target = workspace / path.replace("package/", "packages/headgate/", 1)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, here.joinpath(path).read_text(encoding="utf-8"))
    _write(workspace / "profiles.yml", _profile(folder, scratch, lake, data))
    return workspace


def _profile(folder: Path, scratch: Path, lake: str, data: str) -> str:
    output = {
        "type": "duckdb",
        "path": ":memory:headgate",
        "database": "lake",
        "schema": "main",
        "threads": THREADS,
        "settings": {"TimeZone": "UTC"},  # a release must not depend on where it was built
        "attach": [
            {
                "path": f"ducklake:{scratch}",
                "alias": "lake",
                "options": {"data_path": f"{data}/", "override_data_path": True},
            }
        ],
        "plugins": [
            {
                "module": "headgate.transform.plugin",
                "config": {"scratch": str(scratch), "lake": lake, "folder": str(folder)},
            }
        ],
    }
    # JSON is YAML, and quotes whatever a path may contain.
    return json.dumps({"headgate": {"target": "headgate", "outputs": {"headgate": output}}}, indent=1) + "\n"


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        temporary = path.with_suffix(path.suffix + ".tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
