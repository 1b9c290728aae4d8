"""Headgate: data pipelines whose readers never see bad data.

``from headgate import gate`` judges data by a suite, without a project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgate.standalone import gate

__all__ = ["gate"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: importing Headgate alone costs nothing."""
    if name == "gate":
        from headgate.standalone import gate

        return gate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
