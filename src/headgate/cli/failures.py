"""What did not hold, as a person reads it."""

from __future__ import annotations

from typing import Any

from headgate.cli.output import show
from headgate.cli.values import exact
from headgate.errors import printable_lines


def show_failure(failure: dict[str, Any]) -> None:
    """Print an expectation that did not hold: what was found, examples, and where it is declared."""
    warned = failure.get("severity") == "warn"
    place = ".".join(part for part in (failure["layer"], failure["table"]) if part and part != "publish")
    arguments = ", ".join(f"{k}={exact(v)}" for k, v in (failure.get("kwargs") or {}).items())
    title = f"{'warned' if warned else 'FAILED'}  {place}  {failure['expectation']}({arguments})"
    show(title, style="yellow" if warned else "red")
    # what is no share of the rows that hold a value is no count of rows: of distinct values, of what a test of dbt says
    unexpected = "unexpected: " if failure.get("unexpected_percent") is None else "unexpected rows: "
    for key, label in (("observed", "observed: "), ("unexpected_count", unexpected), ("error", "")):
        if failure.get(key) not in (None, ""):
            show(f"        {label}{printable_lines(str(failure[key]))}")
    if failure.get("examples"):
        show(f"        e.g. {', '.join(map(exact, failure['examples'][:5]))}")
    if failure.get("place"):
        show(f"        declared in {failure['place']}")
    if failure.get("hint"):
        show(f"        → {failure['hint']}")
